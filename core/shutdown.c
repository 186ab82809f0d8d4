// SPDX-License-Identifier: MIT
/*
 * Shutting down. Graceful: what has not started is dropped, what is suspended
 * is cancelled, and so is what still runs, at its next cancellation point.
 * Drain: everything finishes, nothing new is let in. Both only set a word and,
 * for graceful, walk the tasks once; the run is over when nothing is alive.
 */
#include <errno.h>

#include "core/fork.h"
#include "core/idle.h"
#include "core/park.h"
#include "core/rcu.h"
#include "core/runtime.h"
#include "core/spawn.h"

static void cancel_one(struct runtime *rt, struct task *t)
{
	uint64_t life = atomic_load_acq(&t->life); /* [life] */
	oa_task_t h;

	if (!(life & LIFE_ALIVE) || life & LIFE_ENDED ||
	    READ_ONCE(t->rt) != rt)
		return;
	h.id = life >> LIFE_GEN_SHIFT << LIFE_GEN_SHIFT | t->slot;
	if (READ_ONCE(t->rt) == rt)
		oa_cancel(h);
}

/* Every task of @rt; runs beside the workers and stops nobody. */
static __glance void cancel_all(struct runtime *rt)
{
	struct slab_chunk *k;

	rcu_read_lock();
	cds_list_for_each_entry_rcu(k, &task_cache.chunks, node)
		for (uint32_t i = 0; i < k->count; i++)
			cancel_one(rt, (struct task *)
				   (k->objs + i * sizeof(struct task)));
	rcu_read_unlock();
}

int oa_shutdown(struct oa_runtime *r, enum oa_shutdown_how how)
{
	struct runtime *rt = (struct runtime *)r;
	uint32_t was, to = (uint32_t)how + 1;

	if (how != OA_SHUTDOWN_GRACEFUL && how != OA_SHUTDOWN_DRAIN)
		return how == OA_SHUTDOWN_NOW ? -ENOSYS : -EINVAL;
	if (!rt) {
		struct task *t = task_self();

		if (!t)
			return -EPERM;
		rt = t->rt;
	}
	if (rt->generation != fork_generation())
		return -EPERM;
	/* From the swap on it may end: it is not freed before we are done. */
	rcu_read_lock();
	was = atomic_load(&rt->stopping); /* [stop] */
	do {
		/* A drain may be cut short, not the other way round. */
		if (was == to || was == RT_DROPPING) {
			rcu_read_unlock();
			return 0;
		}
	} while (!atomic_cas(&rt->stopping, &was, to)); /* [stop] */
	rt_event(rt, OA_EVENT_SHUTDOWN, -1, how, NULL);
	if (how == OA_SHUTDOWN_GRACEFUL) {
		/* [stop] workers that started a task before they saw it */
		rt->poll->membarrier();
		cancel_all(rt);
	}
	idle_kick_all(rt);
	rcu_read_unlock();
	return 0;
}
