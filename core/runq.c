// SPDX-License-Identifier: MIT
/*
 * The bounded ring, after Go and Tokio, and plain lists.
 *
 * Roles: the owner appends at the tail; everybody, the owner too, takes at the
 * head by compare-and-swap, several at once. Indices are 32 bits and only grow
 * (modulo 2^32), the slot is the index modulo RING_SIZE.
 *
 * A taker reads the slots before its swap of the head: if the swap succeeds,
 * nobody took them in between, and the owner cannot have written over them,
 * since it appends only while tail - head < RING_SIZE [ring-head].
 *
 * What was appended last can be taken back. A taker that has read the old tail
 * must not succeed afterwards, so the head counts how often that was done:
 *
 *   owner                               taker
 *   tail = t - n                        load head (count, h)
 *   head (count, h) -> (count + 1, h)   load tail, slots
 *     failed? again: they took some     head (count, h) -> (count, h + k)
 *   h beyond t - n: tail = h
 *
 * With the old count the taker's swap fails; with the new one it sees the new
 * tail. Meanwhile the tail may lie before the head: the ring is empty then. The
 * count and the index would both have to come round while a taker is held up
 * between two instructions. Models: runq.pml and takeback.pml.
 *
 * Progress: push wait-free, take and take back lock-free.
 */
#include "core/runq.h"

#include "core/task.h"

uint32_t ring_len(const struct ring *r)
{
	/* relaxed: a guess; who takes looks again */
	uint32_t n = READ_ONCE(r->tail) - (uint32_t)READ_ONCE(r->head);

	return n > RING_SIZE ? 0 : n;
}

uint32_t ring_take_back(struct ring *r, struct task **out, uint32_t n,
			bool alone)
{
	/* relaxed: seen by the swap */
	uint64_t head = READ_ONCE(r->head);
	uint32_t old = r->tail, tail;

	n = min_of(n, ring_len(r));
	if (!n)
		return 0;
	/* [ring-head] before the swap; pairs in ring_take() */
	atomic_store_rel(&r->tail, old - n);
	if (!alone)
		/* [ring-head] who has seen the old tail fails */
		while (!atomic_cas(&r->head, &head, head + (1ull << 32)))
			;
	tail = old - min_of(n, old - (uint32_t)head);
	if (unlikely(tail != old - n))
		atomic_store_rel(&r->tail, tail); /* [ring-tail] */
	for (uint32_t i = 0; i < old - tail; i++)
		out[i] = r->slot[(tail + i) % RING_SIZE];
	return old - tail;
}

void list_push(struct task_list *l, struct task *t)
{
	t->next = NULL;
	*l->last = t;
	l->last = &t->next;
	l->n++;
}

struct task *list_pop(struct task_list *l)
{
	struct task *t = l->first;

	if (t) {
		l->first = t->next;
		l->n--;
		if (!l->first)
			l->last = &l->first;
	}
	return t;
}

void list_splice(struct task_list *to, struct task_list *from)
{
	if (!from->first)
		return;
	*to->last = from->first;
	to->last = from->last;
	to->n += from->n;
	list_init(from);
}
