// SPDX-License-Identifier: MIT
/*
 * The injection queue is a list under a lock held for a few instructions: what
 * comes from outside has a kick to pay for as well. The inbox is a stack pushed by
 * compare-and-swap and drained by one exchange, then reversed: there is no
 * half-linked state in which a pusher that lost its processor holds up the
 * owner, and a signal handler may push. Who pushes on an empty one kicks.
 *
 * Posts have a queue of their own, so that their order costs others nothing:
 * a list for each priority. Each post carries the number of those that had been
 * taken when it came, and the level whose first has the smallest number, eight
 * added for each step of priority, is served next. So one of the lowest
 * priority is passed by none that comes after 39 * 8 were taken, and by the
 * others in order.
 */
#include "core/inject.h"

#include "core/runtime.h"

#define POST_AGE	8u	/* taken, for a step of priority */

void inject_init(struct inject *q)
{
	q->first = NULL;
	q->last = &q->first;
}

void inject_push(struct inject *q, struct task *t)
{
	t->next = NULL;
	spin_lock(&q->lock);
	*q->last = t;
	q->last = &t->next;
	WRITE_ONCE(q->n, q->n + 1);
	spin_unlock(&q->lock);
}

uint32_t inject_take(struct inject *q, struct task **out, uint32_t max)
{
	uint32_t n = 0;

	/* relaxed: who pushes after this look wakes somebody */
	if (!READ_ONCE(q->n))
		return 0;
	spin_lock(&q->lock);
	while (n < max && q->first) {
		out[n] = q->first;
		q->first = out[n]->next;
		n++;
	}
	if (!q->first)
		q->last = &q->first;
	WRITE_ONCE(q->n, q->n - n);
	spin_unlock(&q->lock);
	return n;
}

void post_queue_init(struct post_queue *q)
{
	for (int i = 0; i < POST_LEVELS; i++)
		q->level[i].last = &q->level[i].first;
}

/* Nobody joins a post. */
static uint64_t *came_at(struct task *t)
{
	return &t->joiner_epoch;
}

void post_queue_push(struct post_queue *q, struct task *t, int prio, bool front)
{
	unsigned int l = (unsigned int)(prio - OA_PRIO_MIN);

	spin_lock(&q->lock);
	*came_at(t) = q->turn;
	if (front && q->level[l].first) {
		*came_at(t) = *came_at(q->level[l].first);
		t->next = q->level[l].first;
		q->level[l].first = t;
	} else {
		t->next = NULL;
		*q->level[l].last = t;
		q->level[l].last = &t->next;
	}
	q->levels |= 1ull << l;
	WRITE_ONCE(q->n, q->n + 1);
	spin_unlock(&q->lock);
}

/* Under the lock. The level that is served next. */
static unsigned int next_level(struct post_queue *q)
{
	uint64_t best = UINT64_MAX, at;
	unsigned int level = 0;

	for (uint64_t left = q->levels; left; left &= left - 1) {
		unsigned int l = (unsigned int)__builtin_ctzll(left);

		at = *came_at(q->level[l].first) + l * POST_AGE;
		if (at >= best)
			continue;
		best = at;
		level = l;
	}
	return level;
}

uint32_t post_queue_take(struct post_queue *q, struct task **out, uint32_t max)
{
	unsigned int l;
	uint32_t n = 0;

	spin_lock(&q->lock);
	while (n < max && q->levels) {
		l = next_level(q);
		out[n] = q->level[l].first;
		q->level[l].first = out[n++]->next;
		if (q->level[l].first)
			continue;
		q->level[l].last = &q->level[l].first;
		q->levels &= ~(1ull << l);
	}
	q->turn += n;
	WRITE_ONCE(q->n, q->n - n);
	spin_unlock(&q->lock);
	return n;
}

bool inbox_push(struct worker *w, struct task *t)
{
	/* relaxed: the swap below checks it */
	struct task *top = atomic_load_rlx(&w->inbox);

	do {
		t->next = top;
	} while (!atomic_cas(&w->inbox, &top, t)); /* [inbox] publishes t */
	return !top;
}

struct task *inbox_drain(struct worker *w)
{
	struct task *t, *next, *list = NULL;

	/* relaxed: the owner looks again before it sleeps */
	if (likely(!READ_ONCE(w->inbox)))
		return NULL;
	/* [inbox] pairs with the swap in inbox_push() */
	for (t = atomic_xchg_acq(&w->inbox, (struct task *)NULL); t; t = next) {
		next = t->next;
		t->next = list;
		list = t;
	}
	return list;
}
