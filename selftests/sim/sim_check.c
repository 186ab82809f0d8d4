// SPDX-License-Identifier: MIT
/*
 * What must hold when every context waits and time is about to jump: nothing
 * is queued that a worker would have to be woken for, and nobody sleeps past
 * his deadline. A wake-up that was lost shows here even where a later one
 * would have made good for it.
 */
#if defined(OA_SIM) && OA_SIM == 1
#include "selftests/sim/sim_priv.h"

static void check_worker(const struct worker *w)
{
	const char *why = NULL;

	/* It has left everything where it is. */
	if (w->rt->stopping == RT_NOW)
		return;
	if (w->inbox || w->local.n)
		why = "all wait, and a worker has tasks of its own to run";
	else if (w->aborts)
		why = "all wait, and a worker has waits to end";
	else if (w->closes && w->closes != CLOSES_END)
		why = "all wait, and a worker has requests to end for a close";
	else if ((uint32_t)w->ring.head != w->ring.tail ||
		 w->lane.head < w->lane.tail || w->queued)
		why = "all wait, and a worker's queue is not empty";
	if (why)
		sim_stuck(why);
}

static void check_task(struct task *t, oa_time_t at)
{
	const struct op *op = t->wait_on;
	oa_time_t due = t->deadline;
	bool late;

	if (!(t->life & LIFE_ALIVE) || t->flags & TASK_THREAD ||
	    (t->rt && t->rt->stopping == RT_NOW))
		return;
	late = t->life & LIFE_DELAYED && !(t->life & LIFE_ENDED);
	if ((t->wait & WAIT_STATE) == WAIT_PARKED && t->wait & WAIT_TIMED)
		late = !(t->wait & WAIT_OP) || !op->asked;
	/* It may be waiting for others that come with it. */
	if (late && t->rt)
		due = min_of(due, OA_FOREVER - OA_SEC) + t->rt->cfg.timer_slack;
	if (late && due < at && due < sim.now)
		sim_stuck("all wait, and a deadline has passed unseen");
	if (late && due < at - 64)
		sim_stuck("all wait, past a deadline");
}

void sim_check_quiet(oa_time_t at)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(sim_runtimes); i++) {
		const struct runtime *rt = sim_runtimes[i];

		if (!rt)
			continue;
		if (rt->inject.first && rt->stopping != RT_NOW)
			sim_stuck("all wait, and tasks are injected");
		for (uint32_t k = 0; k < rt->nr_workers; k++)
			check_worker(rt->workers[k]);
	}
	for (uint32_t i = 0; i < task_cache.fresh; i++) {
		const struct slab_chunk *k =
			task_cache.dir[i / slab_chunk_objs(&task_cache)];

		check_task((struct task *)(k->objs + (size_t)
			   (i % slab_chunk_objs(&task_cache)) * task_cache.obj_size),
			   at);
	}
}
#endif
