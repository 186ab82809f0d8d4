// SPDX-License-Identifier: MIT
/*
 * Priorities. The default one has its own queues and knows nothing of this;
 * the others lie here, a FIFO for each, under a lock.
 *
 * Who runs next is told by when and how urgent: a task that became ready in
 * turn T with priority p is due in turn T + (p + 20) * PRIO_AGE of its worker,
 * and the one that is due first runs. So what waits gains a level in PRIO_AGE
 * turns, and nothing that comes more than 39 * PRIO_AGE turns later is taken
 * before it. The default class counts as one task that became ready when it was
 * served last: a stream of urgent ones leaves it a turn in -p * PRIO_AGE, and a
 * stream of it leaves one to who has waited for p * PRIO_AGE turns.
 *
 * A turn is a choice of the next task. The turn in which a task became ready is
 * kept in ->wait_on, which means nothing while it is not waiting.
 */
#include "core/prioq.h"

#include "core/task.h"
#include "core/worker.h"

static uint32_t ready_at(const struct task *t)
{
	return (uint32_t)(uintptr_t)READ_ONCE(t->wait_on);
}

void prioq_push(struct worker *w, struct task *t)
{
	struct prioq *q = &w->prioq;
	int8_t prio = READ_ONCE(t->prio);
	unsigned int i = (unsigned int)(prio - OA_PRIO_MIN);

	WRITE_ONCE(t->wait_on, (void *)(uintptr_t)w->turn);
	t->next = NULL;
	spin_lock(&q->lock);
	if (q->busy & 1ull << i)
		q->last[i]->next = t;
	else
		q->first[i] = t;
	q->last[i] = t;
	q->busy |= 1ull << i;
	WRITE_ONCE(q->n, q->n + 1);
	if (!(t->flags & TASK_PINNED))
		WRITE_ONCE(q->free, q->free + 1);
	spin_unlock(&q->lock);
	/* The default class had every turn until now. */
	if (!w->special)
		w->others_at = w->turn;
	w->special = true;
}

/* Under the lock: @t, behind @before or the first of its list, goes. */
static void unlink_entry(struct prioq *q, unsigned int i, struct task *before,
			 struct task *t)
{
	if (before)
		before->next = t->next;
	else
		q->first[i] = t->next;
	if (q->last[i] == t)
		q->last[i] = before;
	if (!q->first[i])
		q->busy &= ~(1ull << i);
	WRITE_ONCE(q->n, q->n - 1);
	if (!(t->flags & TASK_PINNED))
		WRITE_ONCE(q->free, q->free - 1);
}

/* Under the lock: the list whose first is due first, and when. */
static unsigned int first_due(const struct prioq *q, uint32_t *due)
{
	unsigned int best = PRIOS;

	for (uint64_t left = q->busy; left; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(left);
		uint32_t at = ready_at(q->first[i]) + i * PRIO_AGE;

		if (best < PRIOS && (int32_t)(at - *due) >= 0)
			continue;
		best = i;
		*due = at;
	}
	return best;
}

struct task *prioq_take(struct worker *w, bool any)
{
	struct prioq *q = &w->prioq;
	struct task *t = NULL;
	unsigned int i;
	uint32_t due = 0, others;

	others = w->others_at + (unsigned int)-OA_PRIO_MIN * PRIO_AGE;
	spin_lock(&q->lock);
	i = first_due(q, &due);
	if (i < PRIOS && (any || (int32_t)(due - others) < 0)) {
		t = q->first[i];
		unlink_entry(q, i, NULL, t);
	}
	spin_unlock(&q->lock);
	return t;
}

struct task *prioq_steal(struct prioq *q)
{
	struct task *t = NULL, *before;

	/* relaxed: who pushes after this look wakes somebody */
	if (!READ_ONCE(q->free))
		return NULL;
	spin_lock(&q->lock);
	for (uint64_t left = q->busy; left && !t; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(left);

		before = NULL;
		for (t = q->first[i]; t && t->flags & TASK_PINNED; t = t->next)
			before = t;
		if (t)
			unlink_entry(q, i, before, t);
	}
	spin_unlock(&q->lock);
	return t;
}
