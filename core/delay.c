// SPDX-License-Identifier: MIT
/*
 * Tasks that start later: a descriptor whose timer hangs in a wheel. DELAYED
 * in the life word says so; whoever clears it (the wheel when it is due, a
 * cancel, a shutdown) queues the task [delayed].
 *
 * One that was started from elsewhere comes to its wheel by way of a queue.
 * INQ beside DELAYED says that it is on that way: then it is queued already.
 */
#include "core/idle.h"
#include "core/inject.h"
#include "core/park.h"
#include "core/rcu.h"
#include "core/sched.h"
#include "core/spawn.h"

/*
 * The swap that makes it an ordinary task that waits to be run, if it is the
 * one that was @seen: the slot may have gone on to another that is delayed.
 * True: the caller has to queue it.
 */
static bool over(struct task *t, uint64_t seen)
{
	uint64_t life = atomic_load_acq(&t->life), to; /* [delayed] */

	do {
		if (!(life & LIFE_DELAYED) ||
		    life >> LIFE_GEN_SHIFT != seen >> LIFE_GEN_SHIFT)
			return false;
		to = life & ~(uint64_t)LIFE_DELAYED;
		if (life & LIFE_QUEUED)
			to |= LIFE_INQ;
		else
			to &= ~(uint64_t)LIFE_INQ;
		/* [delayed] */
	} while (!atomic_cas(&t->life, &life, to));
	return !(life & LIFE_INQ);
}

bool task_delay_came(struct worker *w, struct task *t)
{
	uint64_t life = atomic_load_acq(&t->life); /* [delayed] */

	do {
		if (!(life & LIFE_DELAYED))
			return false;
		/* [delayed] from here on nobody queues it but who is due */
	} while (!atomic_cas(&t->life, &life, life & ~(uint64_t)LIFE_INQ));
	task_delay_file(w, t, life);
	return true;
}

void task_delay_file(struct worker *w, struct task *t, uint64_t seen)
{
	/* Shutting down: it would never come to its time. */
	if (unlikely(rt_drops(w->rt)) ||
	    t->deadline <= w->now) {
		task_delay_skip(t, seen);
		return;
	}
	smp_mb(); /* [timer-look] that it is delayed, before the look at the timer */
	park_arm(w, t, t->deadline);
	/* [delayed] pairs with the walk that sets ->stopping */
	smp_mb();
	if (unlikely(rt_drops(w->rt)))
		task_delay_skip(t, seen);
}

void task_delay_over(struct worker *w, struct task *t, uint64_t seen,
		     oa_time_t now)
{
	oa_time_t at = READ_ONCE(t->deadline);
	uint32_t flags = READ_ONCE(t->flags);
	bool urgent = READ_ONCE(t->prio);

	if (at > now) {
		/* Of another runtime's: its worker is told. */
		park_arm(w, t, at);
		return;
	}
	if (unlikely(READ_ONCE(t->rt) != w->rt)) {
		task_delay_skip(t, seen);
		return;
	}
	/* Afterwards a join may have it: nothing of it is to be read. */
	if (!over(t, seen))
		return;
	if (flags & TASK_PINNED)
		sched_ready_pinned(w, t);
	else if (unlikely(urgent))
		sched_ready_here(w, t); /* no join takes it */
	else
		sched_ready_here_stealable(w, t);
}

void task_delay_skip(struct task *t, uint64_t seen)
{
	uint32_t flags = READ_ONCE(t->flags);
	bool urgent = READ_ONCE(t->prio);
	struct worker *w = worker_self(), *to;
	struct runtime *rt;

	/* It may be another runtime's, shut down at once, or end by this. */
	rcu_read_lock();
	rt = READ_ONCE(t->rt);
	/* Afterwards a join may have it: nothing of it is to be read. */
	if (!rt || !over(t, seen)) {
		rcu_read_unlock();
		return;
	}
	if (flags & TASK_PINNED) {
		to = rt->workers[t->pin];
		inbox_push(to, t);
		idle_kick(to);
	} else if (w && w->rt == rt && unlikely(urgent)) {
		sched_ready_back(w, t);
	} else if (w && w->rt == rt) {
		sched_ready_stealable(w, t);
	} else {
		inject_push(&rt->inject, t);
		idle_need_help(rt);
	}
	rcu_read_unlock();
}
