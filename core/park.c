// SPDX-License-Identifier: MIT
/*
 * THE wait protocol. Everything that suspends a task, or a foreign thread in a
 * call of ours, ends here, and each wait ends by exactly one of woken,
 * cancelled, timed out: whoever swaps the wait word.
 *
 * Roles: the task opens a wait and publishes it (on an object, a ring, a
 * task); the committer, on the next context of the same worker, says that it
 * is off its stack; wakers, cancellers and wheels end it, from any thread.
 *
 *   RUNNING -> PARKING   task, plain store: nobody has this epoch yet
 *   PARKING -> PARKED    committer
 *   PARKING -> ended     waker: it must not run the task, which is still on
 *                        its stack; the committer's swap fails and it queues
 *   PARKED  -> ended     waker: it queues the task
 *   ended   -> RUNNING   task, plain store
 *   RUNNING -> PARKED    committer of a join that runs what it waits for:
 *                        nobody knows the epoch before, park_commit_join();
 *                        and of a wait under a lock that he gives up then,
 *                        park_commit_locked()
 *
 * Cancelling: the flag is set in the life word, then the wait word is looked
 * at; the committer swaps the wait word, then looks at the flag [park-cancel].
 * Both are sequentially consistent, so one of them sees the other.
 *
 * Deadlines: a task has one timer. Nothing is done to it before the commit;
 * then, if no wheel has it, it is filed here, and if one has it for later than
 * the deadline, it is taken out there and filed here. A timer filed for
 * earlier is left: when it fires, the wheel looks and files it again. A wait
 * that ends early leaves its timer where it is, so that a connection that
 * renews its idle deadline a million times files it once. Who files looks at
 * the task again afterwards, and who takes it out too [timer-look]: the task
 * may have gone on to a wait with an earlier deadline, found the timer in
 * other hands and left it. So: a parked task with a deadline has a timer filed
 * for no later, or somebody is about to look.
 *
 * Waits of requests (WAIT_OP) are not ended by cancel or deadline: those ask
 * the ring for the request's end, and its last completion ends the wait.
 *
 * Models: selftests/models/park.pml, timer.pml.
 */
#include "core/park.h"

#include <errno.h>

#include "core/bug.h"
#include "core/deadline.h"
#include "core/foresee.h"
#include "core/op.h"
#include "core/rcu.h"
#include "core/runtime.h"
#include "core/sched.h"
#include "core/spawn.h"
#include "core/spin.h"
#include "core/thread.h"

bool park_asymmetric;

int park_refuse(struct task *t)
{
	struct runtime *rt = t->rt;

	/* A worker ends at the next call of its task. */
	if (unlikely(rt && READ_ONCE(rt->stopping) == RT_NOW))
		sched_abandon(t);
	return -ECANCELED;
}

bool park_abandon(struct task *t, uint64_t epoch)
{
	uint64_t word = READ_ONCE(t->wait); /* relaxed: swapped below */

	(void)epoch;
	while (wait_open(word)) {
		/* [park] */
		if (atomic_cas(&t->wait, &word, word & ~(uint64_t)0xff))
			return true;
	}
	park_end(t);
	return false;
}

enum wait_state park_wait(struct task *t)
{
	if (unlikely(t->flags & TASK_THREAD))
		thread_park(t);
	else
		sched_park(worker_self(), t);
	return park_end(t);
}

enum wait_state park_wait_locked(struct worker *w, struct task *t,
				 struct spin *lock)
{
	w->commit_lock = lock;
	sched_park_locked(w, t);
	return park_end(t);
}

static inline enum claim claim(struct task *t, uint64_t epoch,
			       enum wait_state how)
{
	uint64_t word = atomic_load_acq(&t->wait); /* [park] */
	uint64_t done;

	do {
		if ((word & ~(uint64_t)0xff) != epoch || !wait_open(word))
			return CLAIM_LOST;
		done = (word & ~(uint64_t)WAIT_STATE) | how;
		/* [park] publishes what the waker did; see park_end() */
	} while (!atomic_cas(&t->wait, &word, done));
	return wait_state_of(word) == WAIT_PARKED ? CLAIM_PARKED : CLAIM_EARLY;
}

enum claim park_claim(struct task *t, uint64_t epoch, enum wait_state how)
{
	return claim(t, epoch, how);
}

static bool wake(struct task *t, uint64_t epoch, enum wait_state how)
{
	/* A thread may be on its way, and end, as soon as the claim is made. */
	bool thread = READ_ONCE(t->flags) & TASK_THREAD;

	switch (claim(t, epoch, how)) {
	case CLAIM_LOST:
		return false;
	case CLAIM_EARLY:
		return true;
	case CLAIM_PARKED:
		break;
	}
	if (unlikely(thread))
		thread_unpark(t);
	else
		sched_ready(t);
	return true;
}

bool park_wake(struct task *t, uint64_t epoch, enum wait_state how)
{
	bool woken;

	if (likely(!park_is_foreign(t)))
		return wake(t, epoch, how);
	rcu_read_lock(); /* see park_is_foreign() */
	woken = wake(t, epoch, how);
	rcu_read_unlock();
	return woken;
}

void park_unstarted(struct task *t, oa_task_t h, uint64_t epoch)
{
	struct runtime *rt;
	uint64_t life;

	smp_mb(); /* [park-cancel] the wait before the flag, and the word */
	rcu_read_lock();
	rt = READ_ONCE(t->rt);
	life = atomic_load(&t->life); /* [park-cancel] */
	if (life_is(life, h) &&
	    (life & LIFE_CANCEL ||
	     (rt && rt_drops_task(rt, t))))
		park_wake(t, epoch, WAIT_CANCELLED);
	rcu_read_unlock();
}

enum wait_state park_end_unstarted(struct task *t)
{
	return park_end(t);
}

/*
 * Files the timer of @t in this worker's wheel, and looks again: while it was
 * in nobody's hands the task may have gone on, to a wait with an earlier
 * deadline, to its end, even to the next user of the slot in another runtime.
 * A timer is left filed only for a wait that needs it.
 */
/* Does @t need its timer now, and for when? */
static bool timer_wanted(const struct task *t, oa_time_t *until)
{
	uint64_t word = atomic_load_acq(&t->wait); /* [park] */

	*until = READ_ONCE(t->deadline);
	/* On the blocking pool it may have been filed before it got there. */
	if (unlikely(READ_ONCE(t->flags) & TASK_THREAD))
		return false;
	/* [delayed] */
	return (wait_open(word) && word & WAIT_TIMED) ||
	       atomic_load_acq(&t->life) & LIFE_DELAYED;
}

static void timer_file(struct worker *w, struct task *t, oa_time_t when)
{
	oa_time_t until;

	while (wheel_add(&w->wheel, &t->timer, w->id + 1, when)) {
		STAT_INC(w, timers_armed);
		smp_mb(); /* [timer-look] the filing before the look */
		if (timer_wanted(t, &until) && until >= when &&
		    READ_ONCE(t->rt) == w->rt)
			return;
		if (!wheel_del(&w->wheel, &t->timer, w->id + 1))
			return;
		smp_mb(); /* [timer-look] out of the wheel before the look */
		if (!timer_wanted(t, &when))
			return;
		if (READ_ONCE(t->rt) != w->rt) {
			op_abort(t);
			return;
		}
	}
}

/* Takes the timer out of whatever wheel has it. */
static void timer_unfile(struct task *t, uint32_t owner)
{
	struct worker *at;

	rcu_read_lock();
	at = worker_by_id(owner - 1);
	if (at)
		wheel_del(&at->wheel, &t->timer, owner);
	rcu_read_unlock();
}

void park_arm(struct worker *w, struct task *t, oa_time_t when)
{
	/* [timer-owner] pairs with the release in the wheel */
	uint32_t owner = atomic_load_acq(&t->timer.owner);

	/* The next user of the slot, perhaps: his thread sleeps with a time. */
	if (unlikely(READ_ONCE(t->flags) & TASK_THREAD))
		return;
	if (owner) {
		if (READ_ONCE(t->timer.when) <= when)
			return;
		timer_unfile(t, owner);
	}
	timer_file(w, t, when);
}

void park_disarm(struct task *t)
{
	uint32_t owner;

	/* [timer-owner] pairs with the release in the wheel */
	while (unlikely(owner = atomic_load_acq(&t->timer.owner)))
		timer_unfile(t, owner);
}

/* How a wait that may be cancelled ends; requests are asked to end instead. */
static void cancel_wait(struct task *t, uint64_t word)
{
	if (!wait_open(word) || !(word & WAIT_MAY_CANCEL))
		return;
	if (word & WAIT_OP)
		op_abort(t);
	else
		park_wake(t, word & ~(uint64_t)0xff, WAIT_CANCELLED);
}

void park_commit(struct worker *w, struct task *t)
{
	uint64_t word = READ_ONCE(t->wait), parked; /* relaxed: swapped below */
	oa_time_t deadline = t->deadline;

	STAT_INC(w, parks);
	parked = (word & ~(uint64_t)WAIT_STATE) | WAIT_PARKED;
	if (ends_here(word) && likely(wait_state_of(word) == WAIT_PARKING)) {
		atomic_store_rel(&t->wait, parked); /* [park-asym] */
		barrier();
		/* [park-asym] relaxed: who cancels looks again */
		if (unlikely(READ_ONCE(t->life) & LIFE_CANCEL))
			cancel_wait(t, parked);
		return;
	}
	/* [park] [park-cancel] off the stack; then the flag */
	if (wait_state_of(word) != WAIT_PARKING ||
	    !atomic_cas(&t->wait, &word, parked)) {
		sched_ready(t);
		return;
	}
	/*
	 * From here on the task may run elsewhere, end, and its slot be used
	 * again: what is done to it must do no harm then.
	 */
	if (parked & WAIT_TIMED)
		park_arm(w, t, deadline);
	/* [park-cancel] pairs with the swap in oa_cancel() */
	if (unlikely(atomic_load(&t->life) & LIFE_CANCEL))
		cancel_wait(t, parked);
}

/*
 * The wait that park_begin_unseen() began. A canceller that came before finds
 * the task running, makes all threads pass a fence and looks again; so either
 * he sees this store, or the look at the flag sees him [park-asym]. True: it
 * is the latter, and the wait is to be cancelled.
 */
static inline bool commit_unseen(struct worker *w, struct task *t,
				 uint64_t flags, uint64_t *parked)
{
	/* relaxed: nobody else changes it before it is published */
	*parked = (READ_ONCE(t->wait) & ~(uint64_t)0xff) + WAIT_EPOCH;
	*parked |= flags | WAIT_MAY_CANCEL | WAIT_PARKED;
	STAT_INC(w, parks);
	atomic_store_rel(&t->wait, *parked); /* [park-asym] off the stack */
	barrier();
	/* [park-asym] relaxed: who cancels looks again */
	return READ_ONCE(t->life) & LIFE_CANCEL;
}

void park_commit_join(struct worker *w, struct task *t)
{
	uint64_t parked;

	if (unlikely(commit_unseen(w, t, 0, &parked)))
		cancel_wait(t, parked);
}

/*
 * Wakers need the lock. As soon as it is free the task may be gone, and what
 * the lock is in.
 */
void park_commit_locked(struct worker *w, struct task *t)
{
	uint64_t parked;
	bool asked = commit_unseen(w, t, WAIT_SYNC, &parked);

	spin_unlock(w->commit_lock);
	if (unlikely(asked))
		cancel_wait(t, parked);
}

void park_cancel(struct task *t, oa_task_t h, bool seen)
{
	/* [park-cancel] after the flag was set; pairs with park_commit() */
	uint64_t word = atomic_load(&t->wait), life;

	/*
	 * [park-asym] It runs, or its word is on the way to us; only who waits
	 * for a request, or joins what it runs, stores without a fence. That it
	 * has started may be on the way just as well.
	 */
	if (!wait_open(word) && park_is_asymmetric() && !seen) {
		poll_default->membarrier();
		word = atomic_load(&t->wait);
	}
	/*
	 * The word is of this generation, or its epoch is over. No shield was
	 * up when this was looked at, so the wait of the word is in none.
	 */
	life = atomic_load(&t->life); /* [park-cancel] after the word */
	if (life_is(life, h) && life & LIFE_CANCEL)
		cancel_wait(t, word);
}

/* A timer that was due is out of its wheel: what of its task? */
static void expired(struct worker *w, struct task *t, oa_time_t now)
{
	uint64_t life, word;
	oa_time_t until;
	bool thread;

	for (;;) {
		smp_mb(); /* [timer-look] out of the wheel before the look */
		/* [delayed] the flag was set before the timer was filed */
		life = atomic_load_acq(&t->life);
		if (unlikely(life & LIFE_DELAYED)) {
			task_delay_over(w, t, life, now);
			return;
		}
		word = atomic_load_acq(&t->wait); /* [park] */
		if (!wait_open(word) || !(word & WAIT_TIMED))
			return;
		until = READ_ONCE(t->deadline);
		/* On the blocking pool: it sees to its time itself. */
		thread = READ_ONCE(t->flags) & TASK_THREAD;
		if (until > now) {
			if (thread)
				return;
			if (READ_ONCE(t->rt) == w->rt)
				timer_file(w, t, until);
			else
				op_abort(t);
			return;
		}
		STAT_INC(w, timers_fired);
		if (word & WAIT_OP) {
			op_abort(t);
			return;
		}
		switch (claim(t, word & ~(uint64_t)0xff, WAIT_TIMEDOUT)) {
		case CLAIM_LOST:
			continue;
		case CLAIM_EARLY:
			return;
		case CLAIM_PARKED:
			if (unlikely(thread))
				thread_unpark(t);
			/* In the order of their deadlines. */
			else if (READ_ONCE(t->rt) == w->rt)
				sched_ready_here(w, t);
			else
				sched_ready(t);
			return;
		}
	}
}

#define EXPIRE_BATCH	32u

/*
 * They may have been away for long: first the descriptors are fetched, side by
 * side, then the stacks, where each is a walk of the page tables too.
 */
static __glance void foresee_due(struct timer *const *due, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		foresee_task(container_of(due[i], struct task, timer));
	for (unsigned int i = 0; n > 1 && i < n; i++)
		foresee(container_of(due[i], struct task, timer));
}

unsigned int park_expire(struct worker *w, oa_time_t now, unsigned int max)
{
	struct timer *due[EXPIRE_BATCH];
	unsigned int n, total = 0;

	do {
		n = wheel_pop(&w->wheel, now, due, ARRAY_SIZE(due));
		foresee_due(due, n);
		for (unsigned int i = 0; i < n; i++)
			expired(w, container_of(due[i], struct task, timer),
				now);
		total += n;
	} while (n == ARRAY_SIZE(due) && total < max);
	if (total)
		slack_fired(&w->slack, now, total, n == ARRAY_SIZE(due));
	return total;
}
