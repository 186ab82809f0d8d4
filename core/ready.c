// SPDX-License-Identifier: MIT
/* Where a task goes that has become ready. */
#include "core/ready.h"

#include "core/idle.h"
#include "core/inject.h"
#include "core/pick.h"
#include "core/rcu.h"
#include "core/sched.h"

#define ALONE_SLICES	8u	/* then it is the others' turn */

void ready_overflow(struct worker *w, struct task *t)
{
	STAT_INC(w, overflows);
	w->spilling = true;
	if (likely(spill_push(&w->spill, rt_alloc(w->rt), t)))
		return;
	/* What goes by a linked queue must not be taken out of turn. */
	if (pick_accept(w, t))
		inject_push(&w->rt->inject, t);
}

void sched_queue(struct worker *w, struct task *t)
{
	if (unlikely(READ_ONCE(t->prio)))
		prioq_push(w, t);
	else
		ring_add(w, t);
}

/*
 * From another runtime's worker or a foreign thread: once @t is in a queue it
 * may run and end, and its runtime with it. That is freed a grace period later.
 */

/* Here, and it goes by no ordinary queue. */
void sched_queue_odd(struct worker *w, struct task *t)
{
	if (READ_ONCE(t->prio)) {
		prioq_push(w, t);
		return;
	}
	list_push(&w->local, t);
	w->special = true;
}

/* Where only one worker may run it. */
void sched_ready_pinned(struct worker *w, struct task *t)
{
	struct runtime *rt;
	struct worker *to;

	if (w && w->rt == t->rt && w->index == t->pin) {
		sched_queue_odd(w, t);
		return;
	}
	rcu_read_lock();
	/* NULL: as in ready_foreign() */
	rt = READ_ONCE(t->rt);
	if (likely(rt)) {
		to = rt->workers[t->pin];
		inbox_push(to, t);
		idle_kick(to);
	}
	rcu_read_unlock();
}

/* Something was published: somebody who idles may take it. */
static inline void offer(struct worker *w)
{
	smp_mb(); /* [help] the push before the look at the mask */
	if (somebody_idles(w->rt))
		idle_need_help(w->rt);
}

static __cold_path void ready_foreign(struct task *t)
{
	struct runtime *rt;

	rcu_read_lock();
	/* NULL: its runtime was shut down at once, and has given it up. */
	rt = READ_ONCE(t->rt);
	if (likely(rt)) {
		inject_push(&rt->inject, t);
		idle_need_help(rt);
	}
	rcu_read_unlock();
}

/*
 * What was inherited, and is no longer needed, goes: it may have come when the
 * lock had just been given up.
 */
static __cold_path void ready_urgent(struct worker *w, struct task *t)
{
	if (!READ_ONCE(t->locks) && READ_ONCE(t->prio) != task_own_prio(t))
		WRITE_ONCE(t->prio, task_own_prio(t));
	if (!w || w->rt != t->rt || t->rt->debug_migrate) {
		ready_foreign(t);
		return;
	}
	STAT_INC(w, wakes);
	sched_queue(w, t);
	offer(w);
}

static __cold_path void ready_odd(struct worker *w, struct task *t)
{
	if (t->flags & TASK_PINNED)
		sched_ready_pinned(w, t);
	else
		ready_urgent(w, t);
}

/* Becomes the worker's next. True: who was that is in the ring now. */
static inline bool put_next(struct worker *w, struct task *t)
{
	struct task *old = w->lane.has_next ? lane_pop(&w->lane) : NULL;

	lane_push_front(&w->lane, t);
	if (old)
		ring_add(w, old);
	return old;
}

/* Without a fence: a look that comes too early costs time, no task. */
static inline void offer_soon(struct worker *w)
{
	if (somebody_idles(w->rt))
		idle_need_help(w->rt);
}

void sched_ready(struct task *t)
{
	struct worker *w = worker_self();

	if (unlikely(task_odd(t))) {
		ready_odd(w, t);
		return;
	}
	if (unlikely(!w || w->rt != t->rt || t->rt->debug_migrate)) {
		ready_foreign(t);
		return;
	}
	STAT_INC(w, wakes);
	if (w->lane.next_runs >= 3) {
		ring_add(w, t);
		offer_soon(w);
	} else if (put_next(w, t)) {
		offer_soon(w);
	}
}

/*
 * @t has run another at once, which it started: it goes on as if that had been
 * a call. What keeps the others from starving is the end of the slice.
 */
void ready_again(struct worker *w, struct task *t)
{
	if (unlikely(task_odd(t)))
		sched_ready(t);
	else if (put_next(w, t))
		offer_soon(w);
}

/*
 * Who is to have his turn: what is pinned here or urgent, when the worker has
 * chosen at all; and the oldest of what is queued, which others may take, but
 * not from the batch of this round.
 */
void sched_slice_ended(struct worker *w)
{
	uint32_t batch = lane_len(&w->lane) - w->lane.has_next;
	uint32_t served = batch ? batch
				: (uint32_t)READ_ONCE(w->ring.head) +
					  (uint32_t)READ_ONCE(w->spill.out);
	struct task *t;

	w->slice_ended = false;
	if (served != w->served && w->turn != w->served_turn) {
		w->served = served;
		w->served_turn = w->turn;
		w->alone_slices = 0;
		return;
	}
	if (++w->alone_slices < ALONE_SLICES)
		return;
	w->alone_slices = 0;
	t = w->lane.has_next ? lane_pop(&w->lane) : NULL;
	if (t)
		sched_ready_stealable(w, t);
	t = w->queued;
	w->queued = NULL;
	if (t)
		sched_ready_back(w, t);
}

static __noinline void ready_spawned_any(struct worker *w, struct task *t)
{
	if (unlikely(somebody_idles(w->rt) || w->rt->debug_migrate))
		sched_ready_back(w, t);
	else if (put_next(w, t) && w->rt->nr_workers > 1)
		offer(w);
}

void sched_ready_spawned(struct worker *w, struct task *t)
{
	/* Alone, it has nobody who idles, and no debug_migrate. */
	if (likely(w->alone && !w->lane.has_next))
		lane_push_front(&w->lane, t);
	else
		ready_spawned_any(w, t);
}

void sched_ready_stealable(struct worker *w, struct task *t)
{
	ring_add(w, t);
	if (!w->alone)
		offer(w);
}

void sched_ready_here_stealable(struct worker *w, struct task *t)
{
	ring_add(w, t);
	if (w->alone)
		return;
	if (unlikely(w->current))
		offer(w);
	else
		w->unoffered = true;
}

void sched_ready_here(struct worker *w, struct task *t)
{
	if (unlikely(task_odd(t)))
		ready_odd(w, t);
	else
		sched_ready_here_stealable(w, t);
}

void sched_offer_rest(struct worker *w)
{
	w->unoffered = false;
	if (!lane_empty(&w->lane) || ring_len(&w->ring) ||
	    spill_len(&w->spill))
		offer(w);
}

void sched_ready_back(struct worker *w, struct task *t)
{
	if (unlikely(task_odd(t)))
		ready_odd(w, t);
	else
		sched_ready_stealable(w, t);
}
