// SPDX-License-Identifier: MIT
/*
 * Where a worker's tasks go when its ring is full: a queue without bound, in
 * arrays, so that nothing has to be followed. While anything is in it, what
 * becomes ready goes to its end, and the worker takes from it when the ring is
 * empty: so tasks run in the order in which they became ready, however many
 * there are. Moving the ring's oldest half out of the way instead, as others
 * do, lets the same tasks be passed again and again (with 512 connections the
 * slowest hundredth of the answers took four times as long).
 *
 * Roles: the owner appends without a lock, slot before index [spill]; takers,
 * the owner too, hold the lock. A batch that is used up and has a successor is
 * no longer the owner's, and goes to ->empty. What the owner appended last he
 * takes back under the lock, as far as the last batch reaches.
 */
#include "core/spill.h"

#include "core/mem.h"

bool spill_init(struct spill *s, const struct oa_allocator *a)
{
	s->first = mem_alloc(a, sizeof(*s->first), OA_LINE_PAIR);
	s->last = s->first;
	return s->first;
}

static void free_all(struct spill_batch *b, const struct oa_allocator *a)
{
	struct spill_batch *next;

	for (; b; b = next) {
		next = b->next;
		mem_free(a, b, sizeof(*b));
	}
}

void spill_fini(struct spill *s, const struct oa_allocator *a)
{
	free_all(s->first, a);
	free_all(s->empty, a);
	s->first = s->last = s->empty = NULL;
}

bool spill_grow(struct spill *s, const struct oa_allocator *a)
{
	struct spill_batch *b;

	spin_lock(&s->lock);
	b = s->empty;
	if (b)
		s->empty = b->next;
	spin_unlock(&s->lock);
	if (!b)
		b = mem_alloc(a, sizeof(*b), OA_LINE_PAIR);
	if (!b)
		return false;
	b->next = NULL;
	b->head = b->tail = 0;
	/* [spill] it is set up before it is found */
	atomic_store_rel(&s->last->next, b);
	s->last = b;
	return true;
}

uint32_t spill_take(struct spill *s, struct task **out, uint32_t max)
{
	struct spill_batch *b, *next;
	uint32_t n = 0, tail;

	if (!spill_len(s))
		return 0;
	spin_lock(&s->lock);
	for (b = s->first; n < max;) {
		/* [spill] pairs with the release in spill_push() */
		tail = atomic_load_acq(&b->tail);
		while (n < max && b->head < tail)
			WRITE_ONCE(out[n++], READ_ONCE(b->t[b->head++]));
		if (b->head < SPILL_BATCH)
			break;
		next = atomic_load_acq(&b->next); /* [spill] */
		if (!next)
			break;
		b->next = s->empty;
		s->empty = b;
		s->first = b = next;
	}
	WRITE_ONCE(s->out, s->out + n);
	/* What is taken next has been away for long. relaxed: a hint */
	tail = min_of(READ_ONCE(b->tail), b->head + max);
	for (uint32_t i = b->head; i < tail; i++)
		__builtin_prefetch(READ_ONCE(b->t[i]), 1);
	spin_unlock(&s->lock);
	return n;
}

uint32_t spill_take_back(struct spill *s, struct task **out, uint32_t n)
{
	struct spill_batch *b = s->last;

	spin_lock(&s->lock);
	n = min_of(n, b->tail - b->head);
	for (uint32_t i = 0; i < n; i++)
		out[i] = b->t[b->tail - n + i];
	/* relaxed: who takes does so under the lock */
	WRITE_ONCE(b->tail, b->tail - n);
	WRITE_ONCE(s->in, s->in - n);
	spin_unlock(&s->lock);
	return n;
}
