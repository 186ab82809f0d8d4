/* SPDX-License-Identifier: MIT */
/* What a worker's full ring has no room for. Protocol in core/spill.c. */
#ifndef OA_CORE_SPILL_H
#define OA_CORE_SPILL_H

#include "core/atomic.h"
#include "core/spin.h"

struct oa_allocator;
struct task;

#define SPILL_BATCH 126u

struct spill_batch {
	struct spill_batch *next;	/* 1; owner, before it goes on */
	uint32_t head;			/* L:lock; taken so far */
	uint32_t tail;			/* 1; the owner's; lowered under lock */
	struct task *t[SPILL_BATCH];	/* 1; the owner's, below tail */
};

struct spill {
	/* Written by the owner. */
	_Alignas(OA_LINE_PAIR) uint64_t in;	/* 1 */
	struct spill_batch *last;		/* W */
	/* Written by whoever takes. */
	_Alignas(OA_LINE_PAIR) struct spin lock;
	uint64_t out;				/* 1: L:lock */
	struct spill_batch *first;		/* L:lock */
	struct spill_batch *empty;		/* L:lock */
};

bool spill_init(struct spill *s, const struct oa_allocator *a);
void spill_fini(struct spill *s, const struct oa_allocator *a);

/* A new batch for the owner; false: no memory. */
bool spill_grow(struct spill *s, const struct oa_allocator *a);

/* Any; a guess, but of the owner's never too few. */
static inline uint64_t spill_len(const struct spill *s)
{
	/* relaxed: who takes looks again; ->out first, it follows ->in */
	uint64_t out = READ_ONCE(s->out);

	return READ_ONCE(s->in) - out;
}

/* Owner. False: no memory for it. */
static inline bool spill_push(struct spill *s, const struct oa_allocator *a,
			      struct task *t)
{
	struct spill_batch *b = s->last;

	if (unlikely(b->tail == SPILL_BATCH)) {
		if (!spill_grow(s, a))
			return false;
		b = s->last;
	}
	WRITE_ONCE(b->t[b->tail], t);
	/* [spill] the slot before the index; pairs in spill_take() */
	atomic_store_rel(&b->tail, b->tail + 1);
	WRITE_ONCE(s->in, s->in + 1);
	return true;
}

/*
 * Owner: takes back the newest @n, or those of them that are in the last batch
 * and that nobody has taken; oldest first.
 */
uint32_t spill_take_back(struct spill *s, struct task **out, uint32_t n);

/* Any worker: up to @max, oldest first. */
uint32_t spill_take(struct spill *s, struct task **out, uint32_t max);

#endif
