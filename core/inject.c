// SPDX-License-Identifier: MIT
/*
 * The injection queue is a list under a lock held for a few instructions: it
 * is met once per batch, not per task. The inbox is a stack pushed by
 * compare-and-swap and drained by one exchange, then reversed: there is no
 * half-linked state in which a pusher that lost its processor holds up the
 * owner, and a signal handler may push. Who pushes on an empty one kicks.
 */
#include "core/inject.h"

#include <string.h>

#include "core/mem.h"
#include "core/runtime.h"

void inject_init(struct inject *q)
{
	q->first = NULL;
	q->last = &q->first;
	q->batches = NULL;
	q->batches_last = &q->batches;
}

void inject_fini(struct runtime *rt)
{
	struct inject_batch *b;

	while ((b = rt->inject.empty)) {
		rt->inject.empty = b->next;
		mem_free(rt_alloc(rt), b, sizeof(*b));
	}
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

static struct inject_batch *batch_get(struct runtime *rt)
{
	struct inject *q = &rt->inject;
	struct inject_batch *b;

	spin_lock(&q->lock);
	b = q->empty;
	if (b)
		q->empty = b->next;
	spin_unlock(&q->lock);
	return b ? b : mem_alloc(rt_alloc(rt), sizeof(*b), 64);
}

void inject_push_batch(struct runtime *rt, struct task **t, uint32_t n)
{
	struct inject *q = &rt->inject;
	struct inject_batch *b = batch_get(rt);

	if (unlikely(!b)) {
		/* No memory: one by one, they carry their own links. */
		for (uint32_t i = 0; i < n; i++)
			inject_push(q, t[i]);
		return;
	}
	memcpy(b->t, t, n * sizeof(*t));
	b->head = 0;
	b->n = n;
	b->next = NULL;
	spin_lock(&q->lock);
	*q->batches_last = b;
	q->batches_last = &b->next;
	WRITE_ONCE(q->n, q->n + n);
	spin_unlock(&q->lock);
}

static uint32_t take_singles(struct inject *q, struct task **out, uint32_t max)
{
	uint32_t n = 0;

	while (n < max && q->first) {
		out[n] = q->first;
		q->first = out[n]->next;
		n++;
	}
	if (!q->first)
		q->last = &q->first;
	return n;
}

static uint32_t take_batch(struct inject *q, struct task **out, uint32_t max)
{
	struct inject_batch *b = q->batches;
	uint32_t n;

	if (!b)
		return 0;
	n = min_of(max, b->n - b->head);
	memcpy(out, b->t + b->head, n * sizeof(*out));
	b->head += n;
	if (b->head == b->n) {
		q->batches = b->next;
		if (!q->batches)
			q->batches_last = &q->batches;
		b->next = q->empty;
		q->empty = b;
	}
	return n;
}

uint32_t inject_take(struct inject *q, struct task **out, uint32_t max)
{
	uint32_t n = 0;

	/* relaxed: who pushes after this look wakes somebody */
	if (!READ_ONCE(q->n))
		return 0;
	spin_lock(&q->lock);
	/* Half for those that came alone, so that neither waits for ever. */
	n = take_singles(q, out, (max + 1) / 2);
	while (n < max && q->batches)
		n += take_batch(q, out + n, max - n);
	n += take_singles(q, out + n, max - n);
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
