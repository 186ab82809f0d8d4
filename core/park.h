/* SPDX-License-Identifier: MIT */
/* THE wait protocol, for tasks and foreign threads. See core/park.c. */
#ifndef OA_CORE_PARK_H
#define OA_CORE_PARK_H

#include "core/deadline.h"
#include "core/task.h"
#include "core/thread.h"
#include "core/worker.h"

/*
 * The task of this thread, or one that stands for it when it is not the
 * runtime's; NULL: no memory. A stand-in is the thread's until it ends.
 */
static inline struct task *park_self(void)
{
	struct worker *w = worker_self();

	return likely(w != NULL) ? w->current : thread_self();
}

/*
 * The caller's task. Suspends it until the wait has ended and tells how:
 * WAIT_WOKEN, WAIT_CANCELLED or WAIT_TIMEDOUT. May change worker.
 */
enum wait_state park_wait(struct task *t);
/* The caller's task. Undoes park_begin(); false: somebody ended it first. */
bool park_abandon(struct task *t, uint64_t epoch);

/*
 * Any thread. Ends the wait @epoch of @t as @how. False: it has ended already,
 * and what the caller wanted to hand over is still the caller's.
 */
bool park_wake(struct task *t, uint64_t epoch, enum wait_state how);

/*
 * Is the waiting task @t no task of this worker's runtime? That may end at
 * once, and give its tasks up, when a wait has been claimed and the task is not
 * in a queue yet; so both are in one RCU read section, for which it waits.
 */
static inline bool park_is_foreign(const struct task *t)
{
	const struct worker *w = worker_self();

	return !w || READ_ONCE(t->rt) != w->rt;
}

enum claim {
	CLAIM_LOST,		/* somebody else ended it */
	CLAIM_EARLY,		/* ours; the committer will queue it */
	CLAIM_PARKED,		/* ours, to run or to queue */
};

/*
 * The same without queueing: the caller does that if it is parked, and sees to
 * park_is_foreign().
 */
enum claim park_claim(struct task *t, uint64_t epoch, enum wait_state how);

/* membarrier(2) works: set once, before the first task. */
extern bool park_asymmetric;

static inline bool park_is_asymmetric(void)
{
	return READ_ONCE(park_asymmetric);
}

static inline enum wait_state wait_state_of(uint64_t word)
{
	return (enum wait_state)(word & WAIT_STATE);
}

static inline bool wait_open(uint64_t word)
{
	return wait_state_of(word) == WAIT_PARKING || wait_state_of(word) == WAIT_PARKED;
}

/*
 * The caller's task. Opens a wait; from here on, whoever has the epoch may
 * end it. @flags: WAIT_MAY_CANCEL, WAIT_OP. @deadline OA_FOREVER: none.
 * @w: the worker that the caller is on; NULL: a thread.
 */
static inline uint64_t park_begin_on(struct worker *w, struct task *t,
				     uint32_t flags, oa_time_t deadline)
{
	/* relaxed: only this task changes it while it runs */
	uint64_t epoch = (READ_ONCE(t->wait) & ~(uint64_t)0xff) + WAIT_EPOCH;

	if (likely(w != NULL))
		WRITE_ONCE(t->home, (uint16_t)w->index);
	if (deadline != OA_FOREVER) {
		flags |= WAIT_TIMED;
		task_set(t, TASK_TIMED);
	}
	WRITE_ONCE(t->deadline, deadline);
	/* [park] deadline, home, wait_on before the word */
	atomic_store_rel(&t->wait, epoch | flags | WAIT_PARKING);
	return epoch;
}

static inline uint64_t park_begin(struct task *t, uint32_t flags,
				  oa_time_t deadline)
{
	return park_begin_on(worker_self(), t, flags, deadline);
}

/*
 * A wait for requests without a deadline, which only this worker can end: by
 * their completion, or by asking for it. Nobody else swaps the word, so it is
 * stored, without the fence that would order it before the look at the flag
 * (5 ns of the 20 that a request may cost here). Instead, a canceller that
 * finds the task running makes all threads pass a fence and looks again
 * [park-asym]; see park_cancel().
 */
static inline bool ends_here(uint64_t word)
{
	return (word & (WAIT_OP | WAIT_TIMED)) == WAIT_OP &&
	       park_is_asymmetric();
}

/*
 * Owner: a request that the wait @epoch was for is done. True: it has ended
 * by this, and the caller must queue the task.
 */
static inline bool park_op_done(struct task *t, uint64_t epoch)
{
	uint64_t word = READ_ONCE(t->wait); /* relaxed: see ends_here() */

	if (!ends_here(word))
		return park_claim(t, epoch, WAIT_WOKEN) == CLAIM_PARKED;
	if ((word & ~(uint64_t)0xff) != epoch || !wait_open(word))
		return false;
	/* [park] to the task, through the queue */
	atomic_store_rel(&t->wait, (word & ~(uint64_t)WAIT_STATE) | WAIT_WOKEN);
	/* A request that is taken back ends before the task has left. */
	return likely(wait_state_of(word) == WAIT_PARKED);
}

/*
 * Running task, where park_is_asymmetric(). A wait without a deadline that
 * nobody can end before it is committed: it is published as PARKED at once,
 * by park_commit_join(), without an atomic operation.
 */
static inline uint64_t park_begin_unseen(struct worker *w, struct task *t)
{
	WRITE_ONCE(t->home, (uint16_t)w->index);
	WRITE_ONCE(t->deadline, OA_FOREVER);
	/* relaxed: only this task changes it while it runs */
	return (READ_ONCE(t->wait) & ~(uint64_t)0xff) + WAIT_EPOCH;
}

/*
 * The same under a lock that guards who may wake it, and that the committer
 * gives up when it is off its stack, so nobody finds it on its way: a wait of
 * WAIT_MAY_CANCEL and WAIT_SYNC, without a deadline, in the task @t on @w. The
 * lock is held for a switch longer by that; not if jobs are to be published.
 */
static inline bool park_may_lock(const struct worker *w, const struct task *t,
				 oa_time_t deadline)
{
	return w && deadline == OA_FOREVER && !(t->flags & TASK_JOBS) &&
	       park_is_asymmetric();
}

enum wait_state park_wait_locked(struct worker *w, struct task *t,
				 struct spin *lock);

/*
 * A wait of a task that has not started, on the object that @on tells of: it
 * is parked at once. After it has been published it may run, end, and its slot
 * be used again; park_arm() if there is a deadline, and park_unstarted(), are
 * to be called all the same.
 */
static inline uint64_t park_begin_unstarted(struct task *t, void *on,
					    oa_time_t deadline)
{
	/* relaxed: nobody has an epoch that is over */
	uint64_t epoch = (READ_ONCE(t->wait) & ~(uint64_t)0xff) + WAIT_EPOCH;

	uint64_t flags = WAIT_MAY_CANCEL | WAIT_SYNC;
	struct worker *w = worker_self();

	/* Where its timer hangs. */
	if (likely(w != NULL))
		WRITE_ONCE(t->home, (uint16_t)w->index);
	if (deadline != OA_FOREVER) {
		flags |= WAIT_TIMED;
		task_set(t, TASK_TIMED);
	}
	WRITE_ONCE(t->deadline, deadline);
	WRITE_ONCE(t->wait_on, on);
	/* [park] deadline, home, wait_on before the word */
	atomic_store_rel(&t->wait, epoch | flags | WAIT_PARKED);
	return epoch;
}

/* Its wait @epoch was published: it is cancelled if that was asked before. */
void park_unstarted(struct task *t, oa_task_t h, uint64_t epoch);
/* Worker: it came by a queue again. How did its wait end? */
enum wait_state park_end_unstarted(struct task *t);

/* Switching side: @t is off its stack. */
void park_commit(struct worker *w, struct task *t);
void park_commit_join(struct worker *w, struct task *t);
void park_commit_locked(struct worker *w, struct task *t);

/*
 * Any thread. Ends the present wait of @t if it may be cancelled. @seen: its
 * word needs no fence to be seen, or somebody looks again after one.
 */
void park_cancel(struct task *t, oa_task_t h, bool seen);

/*
 * Worker: timers that are due, all of them or not many more than @max; how many
 * were.
 */
unsigned int park_expire(struct worker *w, oa_time_t now, unsigned int max);

/* The caller's task, after its wait: how did it end? */
static inline enum wait_state park_end(struct task *t)
{
	/* [park] acquire: what the waker wrote before it swapped the word */
	enum wait_state how = wait_state_of(atomic_load_acq(&t->wait));

	/* relaxed: nobody has an epoch that is over */
	atomic_store_rlx(&t->wait, READ_ONCE(t->wait) & ~(uint64_t)0xff);
	return how;
}

/* The running task was cancelled: -ECANCELED, if it comes back. */
int park_refuse(struct task *t) __cold_path;

/* The running task is to fail before it waits: 0, -ECANCELED, -ETIMEDOUT. */
static inline int park_check(struct task *t)
{
	/* relaxed: a cancel that comes later is met by the commit */
	if (unlikely(READ_ONCE(t->life) & LIFE_CANCEL))
		return park_refuse(t);
	return unlikely(t->within != NULL) ? deadline_check(t) : 0;
}

/* Makes sure that a filed timer covers @when, the task's own side. */
void park_arm(struct worker *w, struct task *t, oa_time_t when);
/* At the end of a task: its timer hangs nowhere afterwards. */
void park_disarm(struct task *t);

/* Errno of a wait that did not end by being woken. */
static inline int park_errno(enum wait_state how)
{
	return how == WAIT_WOKEN ? 0 : how == WAIT_CANCELLED ? -125 : -110;
}

#endif
