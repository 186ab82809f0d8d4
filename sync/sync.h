/* SPDX-License-Identifier: MIT */
/*
 * What all objects of sync/ have in common: a word and a queue. See sync/sync.c.
 */
#ifndef OA_SYNC_SYNC_H
#define OA_SYNC_SYNC_H

#include <errno.h>

#include <oa/sync.h>

#include "core/atomic.h"
#include "core/compiler.h"
#include "core/spin.h"
#include "core/waiter.h"

/* How every public struct of <oa/sync.h> begins. */
struct __attribute__((may_alias)) sync {
	uint64_t word;			/* A; see below */
	struct waiter *queue;		/* L:word; the oldest, or NULL */
	uint64_t waits;			/* 1: L:word */
};

/* The word: value << 8 | bits. Who finds LOCK set waits for it to go. */
#define SYNC_LOCK	0x01ull		/* of the queue, for a few instructions */
#define SYNC_WAITERS	0x02ull		/* the queue is not empty */
#define SYNC_INIT	0x04ull		/* needs its _INIT, and has had it */
#define SYNC_BIT	0x08ull		/* the object's own */
#define SYNC_BIASED	0x10ull		/* a mutex: see mutex_share() */
#define SYNC_BITS	0xffull
#define SYNC_SHIFT	8
#define SYNC_ONE	(1ull << SYNC_SHIFT)

/* For all, where it has been biased to one worker: sync/mutex.c. */
void mutex_share(struct sync *s);

/* Takes the lock; the word without it. */
static inline uint64_t sync_lock(struct sync *s)
{
	uint64_t w = atomic_load_rlx(&s->word); /* relaxed: swapped below */
	unsigned int rounds = 0;

	for (;;) {
		if (likely(!(w & (SYNC_LOCK | SYNC_BIASED)))) {
			/* [sync] pairs with sync_unlock() */
			if (atomic_cas(&s->word, &w, w | SYNC_LOCK))
				return w;
			continue;
		}
		if (w & SYNC_BIASED)
			mutex_share(s);
		else
			spin_pause(&rounds);
		w = atomic_load_rlx(&s->word); /* relaxed: likewise */
	}
}

/* The last time that the object is touched by its holder: it may go. */
static inline void sync_unlock(struct sync *s, uint64_t w)
{
	/* [sync] what was done under the lock; pairs with sync_lock() */
	atomic_store_rel(&s->word, w);
}

/* A look at the word while nobody holds the lock. */
static inline uint64_t sync_read(struct sync *s)
{
	unsigned int rounds = 0;
	uint64_t w;

	/* [sync] pairs with sync_unlock(), and with the swaps of fast paths */
	while (unlikely((w = atomic_load_acq(&s->word)) & SYNC_LOCK))
		spin_pause(&rounds);
	return w;
}

/* Under the lock. */
void queue_append(struct waiter **q, struct waiter *n);
/* Before @at, which is in it. */
void queue_insert(struct waiter **q, struct waiter *at, struct waiter *n);

/* Likewise; it is in it. */
static inline void queue_remove(struct waiter **q, struct waiter *n)
{
	n->queued = false;
	if (n->next == n) {
		*q = NULL;
		return;
	}
	n->prev->next = n->next;
	n->next->prev = n->prev;
	if (*q == n)
		*q = n->next;
}

static inline struct waiter *queue_pop(struct waiter **q)
{
	struct waiter *n = *q;

	if (n)
		queue_remove(q, n);
	return n;
}

static inline void sync_append(struct sync *s, struct waiter *n)
{
	queue_append(&s->queue, n);
}

static inline void sync_remove(struct sync *s, struct waiter *n)
{
	queue_remove(&s->queue, n);
}

static inline struct waiter *sync_pop(struct sync *s)
{
	return queue_pop(&s->queue);
}

/* Under the lock: the word with the bit that says whether anybody waits. */
static inline uint64_t sync_mark(const struct sync *s, uint64_t w)
{
	return s->queue ? w | SYNC_WAITERS : w & ~SYNC_WAITERS;
}

/* What a call waits by. @flags: WAIT_MAY_CANCEL for cancellation points. */
static inline void waiter_init(struct waiter *n, struct task *t,
			       const char *what, const void *on,
			       uint32_t flags, oa_time_t deadline)
{
	n->data = NULL;
	n->task = t;
	n->what = what;
	n->on = on;
	n->deadline = deadline;
	n->flags = flags;
	n->kind = 0;
	n->tries = 0;
	n->res = 0;
	n->mode = WAITER_PLAIN;
	n->queued = false;
	n->fired = false;
	n->held = HELD_NEVER;
}

/* The same for a cancellation point. */
static inline void waiter_enter(struct waiter *n, struct task *t,
				const char *what, const void *on,
				oa_time_t deadline)
{
	waiter_init(n, t, what, on, WAIT_MAY_CANCEL, deadline_min(t, deadline));
}

/* Under the lock, before it is queued: whoever has the lock may end it then. */
void waiter_open(struct waiter *n);

/* Under the lock, which is given up; then waits. 0, or why it was not served. */
int sync_sleep(struct sync *s, uint64_t w, struct waiter *n, oa_time_t own);

/* Not served: out of the queue if it is still in it. */
void sync_withdraw(struct sync *s, struct waiter *n);

/* 0, or why there is nobody to wait for it. */
static inline int sync_self(struct task **t)
{
	*t = park_self();
	if (likely(*t != NULL))
		return 0;
	return worker_self() ? -EPERM : -ENOMEM;
}

/* Of a call that may suspend and can be cancelled, before anything is done. */
static inline int sync_begin(struct task **t)
{
	int err = sync_self(t);

	return unlikely(err) ? err : park_check(*t);
}

/* Destroy: -EBUSY while anybody waits. */
int sync_destroy(struct sync *s);

/* What is in @is, and what every object knows. */
int sync_info(const void *obj, struct oa_sync_info *info,
	      const struct oa_sync_info *is);

/* For queries: a task has a runtime, a thread's stand-in has none. */
static inline oa_task_t sync_owner(const struct task *t)
{
	return t && READ_ONCE(t->rt) ? task_handle(t) : (oa_task_t){ 0 };
}

/* The word, a glance. */
static inline uint64_t sync_glance(const void *obj)
{
	return READ_ONCE(((const struct sync *)obj)->word);
}

#endif
