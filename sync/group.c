// SPDX-License-Identifier: MIT
/*
 * Groups: tasks that can be cancelled together. A ring through their
 * descriptors' extensions, under a lock that lies in the word, as for all
 * objects of sync/.
 *
 * Cancelling goes through the ring by batches: those that have been taken go
 * to its end, marked in their link, so that the lock is held for
 * a few of them at a time. A task that is added meanwhile finds GROUP_CANCELLED
 * in the word and is cancelled by who started it. What is cancelled is a
 * handle: it may have ended by then.
 */
#include "sync/group.h"

#include "core/task.h"

#define BATCH	64u

static struct membership *member_of(struct task *t, unsigned int which)
{
	return &t->ext->member[which];
}

uint64_t group_add(struct group *g, uint64_t w, struct task *t,
		   unsigned int which)
{
	struct membership *m = member_of(t, which);
	struct task *first = g->members, *last;

	m->done = false;
	if (!first) {
		m->next = m->prev = t;
		g->members = t;
		return w + GROUP_ONE;
	}
	last = member_of(first, which)->prev;
	m->next = first;
	m->prev = last;
	member_of(last, which)->next = t;
	member_of(first, which)->prev = t;
	return w + GROUP_ONE;
}

uint64_t group_del(struct group *g, uint64_t w, struct task *t,
		   unsigned int which)
{
	struct membership *m = member_of(t, which);

	if (m->next == t) {
		g->members = NULL;
		return w - GROUP_ONE;
	}
	member_of(m->prev, which)->next = m->next;
	member_of(m->next, which)->prev = m->prev;
	if (g->members == t)
		g->members = m->next;
	return w - GROUP_ONE;
}

/* Under the lock: the next of those that have not been taken yet. */
static unsigned int take(struct group *g, unsigned int which, oa_task_t *to)
{
	struct membership *m;
	unsigned int n = 0;

	while (g->members && n < BATCH) {
		m = member_of(g->members, which);
		if (m->done)
			break;
		m->done = true;
		to[n++] = task_handle(g->members);
		g->members = m->next;
	}
	return n;
}

void group_cancel(struct group *g, unsigned int which)
{
	struct sync *s = &g->sync;
	oa_task_t batch[BATCH];
	unsigned int n;

	do {
		uint64_t w = sync_lock(s);

		n = take(g, which, batch);
		sync_unlock(s, w | GROUP_CANCELLED);
		/* [members] the mark before the look whether it is alive */
		smp_mb();
		for (unsigned int i = 0; i < n; i++)
			oa_cancel(batch[i]);
	} while (n == BATCH);
}
