/* SPDX-License-Identifier: MIT */
/* Stacks: reserved in large pieces, guarded, recycled. See core/stack.c. */
#ifndef OA_CORE_STACK_H
#define OA_CORE_STACK_H

#include <oa/types.h>

#include "arch/arch.h"
#include "arch/san.h"
#include "core/spin.h"

struct oa_stack_allocator;
struct stack_gone;
struct runtime;
struct worker;

#define OA_PIDFD_SELF	(-10000)

/* Is anybody to be told when stacks go? Touching each for nothing is dear. */
#if defined(OA_ASAN) || defined(OA_TSAN)
#define SAN_STACKS	1
#elif defined(OA_VALGRIND)
#define SAN_STACKS	RUNNING_ON_VALGRIND
#else
#define SAN_STACKS	0
#endif

#define STACK_BATCH	32	/* what moves between workers at once */
#define STACK_MIN	(16 * 1024)
#define STACK_MAX	((size_t)1 << 46)
#define STACK_GUARD	(16 * 1024)

/* What tasks that are on one have in their flags: core/task.h. */
#define STACK_BARE	1
#define STACK_CXX	2

enum guard_kind {
	GUARD_UNKNOWN,
	GUARD_VECTOR,
	GUARD_MADVISE,
	GUARD_MPROTECT,
	GUARD_NONE,		/* only looked at: stack_overrun() */
};

/* At the top of the stack's own memory. */
struct stack {
	struct stack *next;		/* free list link */
	struct stack *next_batch;	/* depot */
	char *low;			/* I; lowest usable byte, above the guard */
	char *top;			/* I; where the first frame begins */
	size_t size;			/* I; of the whole slot */
	uint16_t n;			/* depot: how many in this batch */
	uint8_t guard;			/* I; enum guard_kind */
	uint8_t bare;			/* I; 1: GUARD_NONE */
	uint8_t marks;			/* I; STACK_BARE, STACK_CXX */
	bool keep;			/* I once buried; others know what is on it */
	unsigned int id;		/* of the registration with Valgrind */
	struct san_ctx san;		/* W of whoever runs on it */
	struct arch_ctx rest;		/* W; see switch_rest(); sp NULL: fresh */
};

struct stack_region {
	struct stack_region *next;	/* L:pool lock */
	char *base;			/* I */
	size_t size;			/* I */
	size_t used;			/* L:pool lock */
};

/* All stacks of one size in one runtime. */
struct stack_pool {
	struct spin lock;
	size_t size;			/* I */
	struct stack *depot;		/* L:lock; batches */
	struct stack *cold;		/* L:lock; batches, not used since */
	oa_time_t cold_at;		/* L:lock; ... then */
	struct stack_gone *gone;	/* L:lock; see core/stack_trim.c */
	struct stack_region *regions;	/* L:lock; newest first */
	uint32_t carved;		/* L:lock */
	uint32_t mprotected;		/* A; guards that cost a mapping */
	const struct oa_stack_allocator *alloc;	/* I */
};

struct stack_mag {
	struct stack *list;		/* W */
	struct stack *spare;		/* W; a batch, or NULL */
	uint32_t n;			/* W */
	uint32_t spare_n;		/* W */
	uint64_t fresh;			/* W; came that had never been used */
	char *uncut;			/* W; slots that nobody has touched, */
	uint32_t uncut_n;		/* W; so many, */
	uint32_t uncut_colour;		/* W; the first of which has this */
	uint32_t cut_n;			/* W; were to be made of them last */
	uint8_t uncut_guard;		/* W; enum guard_kind */
};

void stack_pool_init(struct stack_pool *p, size_t size,
		     const struct oa_stack_allocator *a);
void stack_pool_fini(struct stack_pool *p);
/* The same where somebody may still know what is on its stacks: they stay. */
void stack_pool_keep(struct stack_pool *p);

/* Owner; not on a task's stack, it may go deep. False: no memory. */
bool stack_refill(struct stack_pool *p, struct stack_mag *m);
void stack_spill(struct stack_pool *p, struct stack_mag *m);
void stack_mag_flush(struct stack_pool *p, struct stack_mag *m);

/*
 * Watch: memory of stacks that were not used for a while goes back. When it
 * wants to be called again.
 */
oa_time_t stack_pool_trim(struct stack_pool *p, oa_time_t now);
/* Such as have none; *n is set. NULL: there are no such. */
struct stack *stack_take_gone(struct stack_pool *p, uint32_t *n);
void stack_forget_gone(struct stack_pool *p);
extern oa_time_t stack_trim_after;	/* for tests */

/* A slot with a guard, if any, of which nothing else is known. */
struct stack *stack_slot_init(char *base, size_t size, uint32_t colour,
			      enum guard_kind guard);

/* For sizes of their own: one mapping each. */
struct stack *stack_alloc_own(const struct oa_stack_allocator *a, size_t size);
void stack_free_own(const struct oa_stack_allocator *a, struct stack *s);

/* Owner; NULL: call stack_refill() first. */
static inline struct stack *stack_get(struct stack_mag *m)
{
	struct stack *s = m->list;

	if (likely(s)) {
		m->list = s->next;
		m->n--;
	}
	return s;
}

/*
 * The same where many are wanted one after the other, each away for long: the
 * next is fetched, whose head was at the last time.
 */
static inline struct stack *stack_get_ahead(struct stack_mag *m)
{
	struct stack *s = stack_get(m), *then = m->list;

	if (then) {
		__builtin_prefetch(then->next, 1);
		__builtin_prefetch(then->top - 64, 1);
		__builtin_prefetch(then->top - 128, 1);
		__builtin_prefetch(then->top - 192, 1);
	}
	return s;
}

static inline bool stack_mag_full(const struct stack_mag *m)
{
	return m->n == 2 * STACK_BATCH;
}

/* Owner. The newest freed is the next used: it is the warmest. */
static inline void stack_put(struct stack_pool *p, struct stack_mag *m,
			     struct stack *s)
{
	if (unlikely(stack_mag_full(m)))
		stack_spill(p, m);
	s->next = m->list;
	m->list = s;
	m->n++;
}

static inline size_t stack_room(const struct stack *s)
{
	return (size_t)((const char *)s - s->low);
}

/*
 * Has something been written below a stack that has no guard? Nothing there
 * ever is on purpose.
 */
bool stack_overrun(const struct stack *s);

/* What guards the stacks: for oa_features(). */
const char *stack_guard_kind(void);
/* Goes on as on kernels that have no MADV_GUARD_INSTALL. */
void stack_guard_disable(void);

#endif
