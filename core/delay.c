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
 * The swap that makes it an ordinary task that waits to be run. True: the
 * caller has to queue it.
 */
static bool over(struct task *t)
{
	uint64_t life = atomic_load_acq(&t->life), to; /* [delayed] */

	do {
		if (!(life & LIFE_DELAYED))
			return false;
		to = life & ~(uint64_t)LIFE_DELAYED;
		if (life & LIFE_HANDLE)
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
	task_delay_file(w, t);
	return true;
}

void task_delay_file(struct worker *w, struct task *t)
{
	/* Shutting down: it would never come to its time. */
	if (unlikely(READ_ONCE(w->rt->stopping) == RT_DROPPING) ||
	    t->deadline <= w->now) {
		task_delay_skip(t);
		return;
	}
	park_arm(w, t, t->deadline);
	/* [delayed] pairs with the walk that sets ->stopping */
	smp_mb();
	if (unlikely(READ_ONCE(w->rt->stopping) == RT_DROPPING))
		task_delay_skip(t);
}

void task_delay_over(struct worker *w, struct task *t, oa_time_t now)
{
	oa_time_t at = READ_ONCE(t->deadline);

	if (at > now)
		park_arm(w, t, at);
	else if (over(t))
		sched_ready_back(w, t);
}

void task_delay_skip(struct task *t)
{
	struct worker *w = worker_self(), *to;
	struct runtime *rt;

	if (!over(t))
		return;
	/* Once it is queued it may run, and its runtime end. */
	rcu_read_lock();
	rt = t->rt;
	if (t->flags & TASK_PINNED) {
		to = rt->workers[t->pin];
		inbox_push(to, t);
		idle_kick(to);
	} else if (w && w->rt == rt) {
		sched_ready_back(w, t);
	} else {
		inject_push(&rt->inject, t);
		idle_need_help(rt);
	}
	rcu_read_unlock();
}
