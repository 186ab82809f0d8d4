// SPDX-License-Identifier: MIT
/*
 * The injection queue is a list under a lock held for a few instructions: what
 * comes from outside has a kick to pay for as well. The inbox is a stack pushed by
 * compare-and-swap and drained by one exchange, then reversed: there is no
 * half-linked state in which a pusher that lost its processor holds up the
 * owner, and a signal handler may push. Who pushes on an empty one kicks.
 */
#include "core/inject.h"

#include "core/runtime.h"

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
