// SPDX-License-Identifier: MIT
/*
 * Shutting down. Graceful: what has not started is dropped, what is suspended
 * is cancelled, and so is what still runs, at its next cancellation point.
 * Drain: everything finishes, nothing new is let in. Both only set a word and,
 * for graceful, walk the tasks once; the run is over when nothing is alive.
 * Now: workers leave their loops, and tasks where they stand; see core/bury.c.
 * A task that runs comes by when it suspends, is through its time slice, or
 * asks whether it was cancelled. Who waits for the end leaves behind what has
 * not come in RT_GRACE.
 *
 * A deadline stands in ->now_at: workers look at it when they come by, and so
 * does who waits for the end.
 */
#include <errno.h>

#include "core/fork.h"
#include "core/idle.h"
#include "core/park.h"
#include "core/rcu.h"
#include "core/runtime.h"
#include "core/spawn.h"
#include "core/waiters.h"

static void cancel_one(struct runtime *rt, struct task *t)
{
	uint64_t life = atomic_load_acq(&t->life); /* [life] */
	oa_task_t h;

	if (!(life & LIFE_ALIVE) || life & LIFE_ENDED ||
	    READ_ONCE(t->rt) != rt)
		return;
	/* Its caller is cancelled, and cancels it, but in a shield. */
	if (READ_ONCE(t->flags) & TASK_PART && READ_ONCE(rt->stopping) != RT_NOW)
		return;
	h.id = life >> LIFE_GEN_SHIFT << LIFE_GEN_SHIFT | t->slot;
	if (READ_ONCE(t->rt) == rt)
		task_cancel(h, true);
}

/* What it waits in: nothing is lost if the slot is another's by now. */
static void look_again(struct runtime *rt, struct task *t)
{
	uint64_t life = atomic_load_acq(&t->life); /* [life] */
	oa_task_t h;

	if (!(life & LIFE_CANCEL) || life & LIFE_ENDED ||
	    READ_ONCE(t->rt) != rt)
		return;
	h.id = life >> LIFE_GEN_SHIFT << LIFE_GEN_SHIFT | t->slot;
	park_cancel(t, h, true);
}

typedef void (*visitor)(struct runtime *rt, struct task *t);

static __noinline void walk_chunk(struct runtime *rt, visitor visit,
				  const struct slab_chunk *k)
{
	/*
	 * [slab-dir] What comes by the list is there, and complete; the thread
	 * sanitizer, which does not see the list read, learns it by this.
	 */
	(void)atomic_load_acq(&task_cache.nr_chunks);
	for (uint32_t i = 0; i < k->count; i++)
		visit(rt, (struct task *)
			  (k->objs + i * sizeof(struct task)));
}

/* Every task of @rt; runs beside the workers and stops nobody. */
static __glance void walk(struct runtime *rt, visitor visit)
{
	struct slab_chunk *k;

	rcu_read_lock();
	cds_list_for_each_entry_rcu(k, &task_cache.chunks, node)
		walk_chunk(rt, visit, k);
	rcu_read_unlock();
}

static void cancel_all(struct runtime *rt)
{
	/* [stop] workers that started a task before they saw it */
	rt->poll->membarrier();
	walk(rt, cancel_one);
	if (!park_is_asymmetric())
		return;
	/* [park-asym] waits that were not to be seen yet: one fence for all */
	rt->poll->membarrier();
	walk(rt, look_again);
}

static int runtime_of(struct oa_runtime *r, struct runtime **rt)
{
	struct task *t = task_self();

	*rt = (struct runtime *)r;
	if (!r) {
		if (!t)
			return -EPERM;
		*rt = t->rt;
	}
	return (*rt)->generation == fork_generation() ? 0 : -EPERM;
}

/* What is stricter than what: it may be made so, not the other way round. */
static unsigned int rank_of(uint32_t stopping)
{
	static const uint8_t rank[] = {
		[OA_SHUTDOWN_DRAIN + 1] = 1,
		[OA_SHUTDOWN_GRACEFUL + 1] = 2,
		[OA_SHUTDOWN_NOW + 1] = 3,
	};

	return rank[stopping];
}

static void hurry(struct runtime *rt)
{
	oa_time_t none = 0;

	/* Those that go from task to task without their loop. */
	for (uint32_t i = 0; i < rt->nr_workers; i++)
		WRITE_ONCE(rt->workers[i]->turn_mask, 0);
	atomic_cas(&rt->now_since, &none, rt->poll->now()); /* [now] */
	/* [gone] so that who waits looks again, even if he is about to sleep */
	atomic_add(&rt->finished, RT_HURRY);
	rt->poll->thread_wake(&rt->finished);
	waiters_wake(rt);
}

int oa_shutdown(struct oa_runtime *r, enum oa_shutdown_how how)
{
	uint32_t was, to = (uint32_t)how + 1;
	struct runtime *rt;
	int err;

	if ((unsigned int)how > OA_SHUTDOWN_NOW)
		return -EINVAL;
	err = runtime_of(r, &rt);
	if (err)
		return err;
	/* From the swap on it may end: it is not freed before we are done. */
	rcu_read_lock();
	was = atomic_load(&rt->stopping); /* [stop] */
	do {
		if (rank_of(was) >= rank_of(to)) {
			rcu_read_unlock();
			return 0;
		}
	} while (!atomic_cas(&rt->stopping, &was, to)); /* [stop] */
	rt_event(rt, OA_EVENT_SHUTDOWN, -1, how, NULL);
	if (how == OA_SHUTDOWN_NOW)
		hurry(rt);
	if (how != OA_SHUTDOWN_DRAIN)
		cancel_all(rt);
	idle_kick_all(rt);
	rcu_read_unlock();
	return 0;
}

int oa_shutdown_until(struct oa_runtime *r, enum oa_shutdown_how how,
		      oa_time_t deadline)
{
	struct runtime *rt;
	oa_time_t at;
	int err;

	if ((unsigned int)how > OA_SHUTDOWN_NOW)
		return -EINVAL;
	err = runtime_of(r, &rt);
	if (err)
		return err;
	rcu_read_lock();
	/* [now] before it stops, and who waits looks; see rt_wait() */
	at = atomic_load(&rt->now_at);
	while (deadline < at && !atomic_cas(&rt->now_at, &at, deadline)) /* [now] */
		;
	err = oa_shutdown(r, how);
	/* Asked for already: what is new is the deadline. */
	idle_kick_all(rt);
	atomic_add(&rt->finished, RT_HURRY); /* [gone] */
	rt->poll->thread_wake(&rt->finished);
	waiters_wake(rt);
	rcu_read_unlock();
	return err;
}
