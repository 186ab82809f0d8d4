/* SPDX-License-Identifier: MIT */
/*
 * The task descriptor: type-stable, 192 bytes, in a process-wide slab.
 *
 * Letters on fields, here and in the other shared structs:
 *   I    set before publication, then constant
 *   T    the running task itself, or whoever commits its switch
 *   W    the owner worker's thread only
 *   L:x  under lock x
 *   R:x  written under lock x, read under RCU
 *   1    one writer, any reader (WRITE_ONCE/READ_ONCE)
 *   A    atomic, any thread; the protocol is named
 *   S    statistics, torn reads harmless
 */
#ifndef OA_CORE_TASK_H
#define OA_CORE_TASK_H

#include <oa/deadline.h>
#include <oa/task.h>

#include "arch/arch.h"
#include "core/slab.h"
#include "core/timer.h"

struct oa_coro;
struct runtime;
struct stack;
struct worker;

/*
 * The life word, A: generation << 24 | bits. Who changes it uses a
 * compare-and-swap that carries the generation, so that nothing can be done
 * to the next user of the slot.
 */
#define LIFE_GEN_SHIFT	24
#define MAX_TASKS	((uint32_t)1 << LIFE_GEN_SHIFT)
#define LIFE_GEN_MAX	(((uint64_t)1 << 40) - 1)
#define LIFE_ALIVE	0x001	/* slot in use */
#define LIFE_HANDLE	0x002	/* a handle was given out: to be joined */
#define LIFE_QUEUED	0x004	/* not started: whoever clears it may run it */
#define LIFE_INQ	0x008	/* a queue entry exists; HANDLE or DELAYED only */
#define LIFE_DELAYED	0x010	/* not started, waits for its time */
#define LIFE_JCLAIM	0x020	/* somebody joins; ->joiner is being set */
#define LIFE_JSET	0x040	/* ->joiner is set */
#define LIFE_ENDED	0x080	/* the result is in ->arg */
#define LIFE_DETACHED	0x100	/* frees itself at its end */
#define LIFE_CANCEL	0x200	/* asked to stop, and no shield is up */
#define LIFE_GONE	0x400	/* ended and joined, waits for its entry */
#define LIFE_JSELECT	0x800	/* ->joiner waits for others, or elsewhere */
#define LIFE_SHIELD	0x1000	/* a cancel is to be LATER, not CANCEL */
#define LIFE_LATER	0x2000	/* asked to stop inside a shield */
#define LIFE_TRY	0x4000	/* joins that were given up, modulo 2^10 */
#define LIFE_TRIES	0xffc000
#define LIFE_ASKED	(LIFE_CANCEL | LIFE_LATER)

/*
 * The wait word, A: epoch << 8 | bits. The epoch is never reset, so a waker
 * that comes too late does nothing. Protocol in core/park.c.
 */
#define WAIT_EPOCH	0x100
#define WAIT_STATE	0x007
enum wait_state {
	WAIT_RUNNING,
	WAIT_PARKING,		/* published, still on its stack */
	WAIT_PARKED,
	WAIT_WOKEN,
	WAIT_CANCELLED,
	WAIT_TIMEDOUT,
};
#define WAIT_MAY_CANCEL	0x008	/* a cancel ends this wait */
#define WAIT_TIMED	0x010	/* ->deadline holds for this wait */
#define WAIT_OP		0x020	/* ends by the last completion of ->wait_on */
#define WAIT_SYNC	0x040	/* ->wait_on is a struct waiter */
#define WAIT_OWNED	0x080	/* ... on what knows who holds it */

/* A, a hint: some task of this process had a priority of its own; it stays so. */
extern uint32_t task_prios;

/* ->flags, T but for what is set before publication */
#define TASK_PINNED	0x001	/* only worker ->pin may run it */
#define TASK_THREAD	0x002	/* stands for a foreign thread: never runs */
#define TASK_STARTED	0x004	/* has (had) a stack */
#define TASK_EXTRA	0x008	/* one of the rarely used is set: see end */
#define TASK_FPCTL	0x010	/* keeps floating-point control words */
#define TASK_OWN_STACK	0x020	/* not of the runtime's default size */
#define TASK_TIMED	0x040	/* its timer may hang in some wheel */
#define TASK_POSTED	0x080	/* counts in rt->posts */
#define TASK_HELD	0x100	/* what it catches was laid aside: core/switch.h */
#define TASK_CONDS	0x200	/* starts under conditions: core/conds.h */
#define TASK_LOCALS	0x400	/* has task-local values: core/locals.h */
#define TASK_LIMIT	0x800	/* must have started by ->ext->limit */
#define TASK_MEMBER	0x1000	/* of a scope or a token: core/members.h */
#define TASK_SCOPES	0x2000	/* has open scopes: likewise */
#define TASK_INTERNAL	0x4000	/* the library's own: not of .max_tasks */
/* Of its stack, STACK_BARE and STACK_CXX */
#define TASK_STACK_SHIFT 15
#define TASK_BARE	0x8000	/* its stack has no guard */
#define TASK_CXX	0x10000	/* it may use C++ */
#define TASK_GROWN	0x20000	/* ->ext->grown is not empty: core/grown.h */
#define TASK_FUTURE	0x40000	/* its end is a value: core/future.h */
#define TASK_POOLED	0x80000	/* queued for the blocking pool, or on it */
#define TASK_URGED	0x100000	/* ->ext->prio is not the default */
#define TASK_JOBS	0x200000	/* may have jobs in the worker's deque */
#define TASK_PART	0x400000	/* of a call: a shutdown is its caller's */
#define TASK_SHIELD	(1u << 24)	/* counts shields: the bits from here */
#define TASK_SHIELDS	(255u << 24)
/* Something is left to be done when its body has returned. */
#define TASK_AT_END	(TASK_CONDS | TASK_LOCALS | TASK_SCOPES | TASK_JOBS)
/* Somebody is to be told of its end. */
#define TASK_TOLD	(TASK_MEMBER | TASK_FUTURE)
/* Before it has started: the worker's loop has to look at it first. */
#define TASK_BY_LOOP	(TASK_OWN_STACK | TASK_CONDS | TASK_LIMIT)

struct locals;
struct oa_future;
struct scope;
struct start;
struct group;

/* Its place in a scope or under a token. */
struct membership {
	struct group *of;		/* I; NULL: none */
	struct task *next, *prev;	/* L:of; a ring */
	bool done;			/* L:of; has been cancelled with it */
};

enum { MEMBER_SCOPE, MEMBER_TOKEN, MEMBERS };

struct task_ext;

struct task {
	/* all that a task touches which never waits: one line */
	oa_fn fn;			/* I */
	void *arg;			/* I; result from LIFE_ENDED on */
	uint64_t life;			/* A */
	uint32_t flags;			/* T */
	uint32_t slot;			/* I, for ever */
	struct stack *stack;		/* T */
	struct runtime *rt;		/* I; NULL when free */
	const void *site;		/* I; who spawned it */
	uint16_t pin;			/* I; with TASK_PINNED */
	uint16_t home;			/* 1; worker that it waits on */
	uint16_t locks;			/* T, and who hands it one; mutexes held */
	int8_t prio;			/* A; as it runs, inherited or its own */
	uint8_t abort_msg;		/* A; it is in some ->aborts; core/op.c */

	/* what waiting touches */
	struct arch_ctx ctx;		/* T */
	uint64_t wait;			/* A */
	void *wait_on;			/* T; op, waiter, joined task */
	struct oa_deadline *within;	/* T; innermost */
	oa_time_t deadline;		/* T; read by wheels when PARKED */
	struct task *joiner;		/* T of the joiner, until LIFE_JSET */
	uint64_t joiner_epoch;		/* likewise */
	struct task *next;		/* link of queues that are lists */

	/* the rest */
	struct timer timer;		/* core/timer.c */
	struct task_ext *ext;		/* I; or NULL */
	void *user;			/* T */
	struct oa_coro *coro;		/* T; innermost running coroutine */
	struct task *abort_next;	/* link in a worker's ->aborts */
};

_Static_assert(sizeof(struct task) == 192, "three lines a task");

#define TASK_COPY_INLINE 88

/* What few tasks have; type-stable too, since names are read by walkers. */
struct task_ext {
	char name[OA_TASK_NAME_MAX];	/* I; torn reads harmless */
	void (*on_drop)(void *arg);	/* I */
	void *copy;			/* I; when it does not fit below */
	size_t copy_size;		/* I */
	size_t stack_size;		/* I; 0: the runtime's */
	struct arch_fpctl fpctl;	/* T */
	struct start *start;		/* I; with TASK_CONDS */
	struct locals *locals;		/* T; with TASK_LOCALS */
	struct oa_future *future;	/* I; with TASK_FUTURE */
	void *grown;			/* 1; struct grown, the innermost */
	struct scope *scopes;		/* T; open ones, with TASK_SCOPES */
	int8_t prio;			/* I; its own */
	/* From here on not cleared, and only what the flags say is there. */
	_Alignas(16) char inl[TASK_COPY_INLINE];	/* I; copied argument */
	struct membership member[MEMBERS];	/* TASK_MEMBER */
	struct oa_deadline limit;	/* T; TASK_LIMIT */
};

extern struct slab_cache task_cache;
extern struct slab_cache ext_cache;

static inline oa_task_t task_handle(const struct task *t)
{
	oa_task_t h = {
		(READ_ONCE(t->life) >> LIFE_GEN_SHIFT << LIFE_GEN_SHIFT) |
		READ_ONCE(t->slot)
	};

	return h;
}

static inline bool life_is(uint64_t life, oa_task_t h)
{
	return life & LIFE_ALIVE && life >> LIFE_GEN_SHIFT == h.id >> 24;
}

/* By the task itself, or before others know it; they glance at it. */
static inline void task_set(struct task *t, uint32_t bits)
{
	WRITE_ONCE(t->flags, t->flags | bits);
}

/*
 * The task of a handle, or NULL when it never existed. Its life must be
 * looked at with life_is(): the slot may have gone on.
 */
static inline struct task *task_find(oa_task_t h)
{
	if (h.id <= OA_ERR_MAX)
		return NULL;
	return slab_at(&task_cache, h.id & (MAX_TASKS - 1));
}

/* Owner of @w. A new task in no queue, life ALIVE; NULL: no memory. */
struct task *task_alloc(struct worker *w);
/* Any thread. */
struct task *task_alloc_any(void);
/* Ends the generation. @w NULL: on a thread without a worker. */
void task_free(struct worker *w, struct task *t);

/* Ended, but its slot stays: gives up what else it has. */
void task_strip(struct worker *w, struct task *t);

/* The running task @t, or one that is not published: its ->ext is there. */
bool task_need_ext(struct worker *w, struct task *t);

/* What it was started with. */
static inline int8_t task_own_prio(const struct task *t)
{
	const struct task_ext *x = READ_ONCE(t->ext);

	return x ? x->prio : 0;
}

const char *task_name(const struct task *t);
/* The same from any thread, which may see half of a name that changes. */
void task_copy_name(const struct task *t, char *buf, size_t n);

#endif
