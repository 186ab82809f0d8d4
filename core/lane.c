// SPDX-License-Identifier: MIT
/*
 * The lane: what a worker keeps for itself this round, without atomics, and
 * how it is taken from a worker that got stuck.
 *
 * A yield costs under 10 ns only if taking the next task is a plain load and
 * store. But nothing may wait for ever behind a task that computes, so another
 * worker that sees the owner make no progress may empty the lane.
 *
 *   owner                               rescuer
 *   head = h + 1          (store)       lock 0 -> 1        (CAS)
 *   compiler barrier                    membarrier(2): every running thread
 *   lock set? -> wait                     passes a full fence
 *   look at tail again                  read head, tail; take; tail = head
 *                                       lock = 0
 *
 * Broken without the membarrier: the owner's load of lock passes its store of
 * head (store buffer), it sees no lock; the rescuer sees the old head; both
 * run the same task. With it, either the owner's store is visible to the
 * rescuer, or the owner's load comes after the lock was set. In the second
 * case the owner waits for the unlock, or sees nothing of a lock that is free
 * again: either way it then checks that what it took still lies before the
 * tail.
 *
 * The owner may be in the midst of a refill, which it began before the lock
 * was set: what the rescuer reads of head and tail belongs together only if
 * head is still the same afterwards.
 *
 * The rescuer writes tail only when it found the lane non-empty, and the owner
 * refills only an empty lane, so they never both write it.
 *
 * Model: selftests/models/batch.pml. Rejected: one compare-and-swap per task
 * (5 ns of the 10), see oa_design(7).
 */
#include "arch/arch.h"
#include "core/bug.h"
#include "core/poll.h"
#include "core/runq.h"

void lane_wait_unlocked(struct lane *l)
{
	/* [lane] acquire: sees the tail that the rescuer left */
	while (atomic_load_acq(&l->lock))
		poll_thread_yield();
}

void lane_init(struct lane *l)
{
	__builtin_memset(l, 0, sizeof(*l));
	l->head = l->tail = LANE_BASE;
}

void lane_push_first(struct lane *l, struct task *t)
{
	OA_BUG_ON(!lane_empty(l));
	lane_refill_begin(l);
	WRITE_ONCE(l->slot[LANE_BASE + 1], t);
	lane_refill_end(l, 2);
	l->has_next = true;
}

uint32_t lane_rescue(struct lane *l, struct task **out)
{
	uint32_t unlocked = 0, head, tail, n = 0;

	/* [lane] taken by one rescuer at a time */
	if (lane_empty(l) || !atomic_cas(&l->lock, &unlocked, 1))
		return 0;
	if (poll_default->membarrier()) {
		/* [lane] pairs with the stores of head and tail by the owner */
		do {
			head = atomic_load_acq(&l->head);
			tail = atomic_load_acq(&l->tail);
		} while (head != atomic_load_acq(&l->head)); /* [lane] */
		while (head + n < tail) {
			out[n] = READ_ONCE(l->slot[head + n]);
			n++;
		}
		if (n)
			atomic_store_rlx(&l->tail, head); /* relaxed: unlock */
	}
	/* [lane] pairs with the acquire in wait_unlocked() */
	atomic_store_rel(&l->lock, 0);
	return n;
}
