/* SPDX-License-Identifier: MIT */
/*
 * A wait on an object of sync/, in the queue of that object. It lives in the
 * frame of who waits (of an unstarted task: in its struct start), and is
 * theirs; while it is queued, the object's lock guards it. Who takes it out
 * of the queue ends its wait by park_claim(), under the lock still; only if
 * that succeeds has the wait been served, and then nothing of it may be
 * touched any more, unless it is a select's, who takes the lock before he goes.
 */
#ifndef OA_CORE_WAITER_H
#define OA_CORE_WAITER_H

#include "core/park.h"
#include "core/rcu.h"
#include "core/sched.h"

enum waiter_mode {
	WAITER_PLAIN,		/* the running task or a thread */
	WAITER_START,		/* a task that has not started */
	WAITER_SELECT,		/* one of several of the same wait */
};

/* Laid out as struct oa_waiter. */
struct waiter {
	struct waiter *next, *prev;	/* L:object; a ring */
	void *data;			/* I; element to be copied */
	struct task *task;		/* I */
	uint64_t epoch;			/* T, then constant */
	const char *what;		/* I; for dumps */
	const void *on;			/* I; the object, likewise */
	oa_time_t deadline;		/* T; OA_FOREVER: none */
	uint32_t flags;			/* T; of park_begin() */
	uint32_t kind;			/* I; the object's own */
	uint32_t tries;			/* T; times it was woken for nothing */
	int32_t res;			/* L:object; of what fired it */
	uint8_t mode;			/* I; enum waiter_mode */
	bool queued;			/* L:object */
	bool fired;			/* L:object; or before the claim */
	uint8_t held;			/* A; enum waiter_held */
};

/*
 * A task that is claimed on its way off its stack, and a thread, may go on at
 * once, and free the object whose lock the waker still holds. So it stays until
 * the waker, who said before the claim that he will, lets it go; it looks at
 * its own frame for that, since the waker may free the object just as well.
 */
enum waiter_held {
	HELD_NEVER,		/* it does not look */
	HELD_NOT,
	HELD_UNTIL_UNLOCKED,
};

/* Whose wait was ended: to be made ready when the lock is given up. */
#define WAKES_THREADS	8u
/* Some are of other runtimes: until all are in a queue. */
#define WAKES_READING	0x80000000u
/* Some are held: see enum waiter_held. */
#define WAKES_HOLDING	0x40000000u
#define WAKES_FLAGS	(WAKES_READING | WAKES_HOLDING)

struct wakes {
	struct task *first;		/* by ->next; suspended and ours */
	struct task *last;
	uint32_t n;
	uint32_t threads;		/* and WAKES_FLAGS */
	struct waiter *held;		/* by ->next, if WAKES_HOLDING */
	struct task *thread[WAKES_THREADS];
};

static inline void wakes_init(struct wakes *wk)
{
	wk->n = wk->threads = 0;
}

void wakes_add_thread(struct wakes *wk, struct task *t);

static inline void wakes_add(struct wakes *wk, struct task *t)
{
	t->next = NULL;
	if (wk->n++)
		wk->last->next = t;
	else
		wk->first = t;
	wk->last = t;
}

/* The caller may go to sleep for want of anybody to wake. */
static inline void wakes_none(struct wakes *wk)
{
	if (wk->n || wk->threads != WAKES_READING)
		return;
	wk->threads = 0;
	rcu_read_unlock();
}

/*
 * Ends the wait of @n, which is in no queue any more. False: somebody else
 * ended it. Afterwards @n may be gone, unless it is a select's: then it is
 * marked, and may be written to as long as the lock is held.
 */
static inline bool waiter_claim_plain(struct waiter *n, struct wakes *wk)
{
	struct task *t = n->task;
	/* A thread may be on its way as soon as the claim is made. */
	bool thread = READ_ONCE(t->flags) & TASK_THREAD;

	if (unlikely(park_is_foreign(t)) && !(wk->threads & WAKES_READING)) {
		wk->threads |= WAKES_READING;
		rcu_read_lock();
	}
	switch (park_claim(t, n->epoch, WAIT_WOKEN)) {
	case CLAIM_LOST:
		if (unlikely(wk->threads))
			wakes_none(wk);
		return false;
	case CLAIM_PARKED:
		if (unlikely(thread))
			wakes_add_thread(wk, t);
		else
			wakes_add(wk, t);
		break;
	case CLAIM_EARLY:
		break;
	}
	return true;
}

/* Before the claim. True: it is to be let go when the lock was given up. */
static inline bool waiter_hold(struct waiter *n)
{
	const struct task *t = n->task;

	/* relaxed: once it is parked it stays so until it is claimed */
	if (!n->held || (!(READ_ONCE(t->flags) & TASK_THREAD) &&
			 wait_state_of(READ_ONCE(t->wait)) == WAIT_PARKED))
		return false;
	n->held = HELD_UNTIL_UNLOCKED;
	return true;
}

void wakes_add_held(struct wakes *wk, struct waiter *n);

/* By who was woken: until the waker is through with the object. */
static inline void waiter_let_go(struct waiter *n)
{
	unsigned int rounds = 0;

	/* [held] pairs with wakes_run_all() */
	while (unlikely(atomic_load_acq(&n->held) == HELD_UNTIL_UNLOCKED))
		spin_pause(&rounds);
}

/* The same for any. */
static inline bool waiter_claim(struct waiter *n, struct wakes *wk)
{
	bool select = n->mode == WAITER_SELECT;
	bool hold = waiter_hold(n);

	if (!waiter_claim_plain(n, wk)) {
		if (unlikely(hold))
			n->held = HELD_NOT;
		return false;
	}
	if (select)
		n->fired = true;
	if (unlikely(hold))
		wakes_add_held(wk, n);
	return true;
}

void wakes_run_all(struct wakes *wk);

/* No lock is held. */
static inline void wakes_run(struct wakes *wk)
{
	/*
	 * Read one by one: a load of both that follows a store of one has to
	 * wait for the store to leave the processor, 10 ns of a wake.
	 */
	if (likely(READ_ONCE(wk->n) == 1 && !READ_ONCE(wk->threads)))
		sched_ready(wk->first);
	else if (wk->n | wk->threads)
		wakes_run_all(wk);
}

#endif
