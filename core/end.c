// SPDX-License-Identifier: MIT
/*
 * The end of a runtime: its workers go, who waits for that is told or leaves
 * behind what does not come, threads are joined, memory goes back.
 *
 * ->finished is a futex word: RT_GONE when no worker runs any more, and a count
 * of the times that who waits is to look again. ->end says who saw to the end:
 * the last worker, or who waited in vain.
 */
#include <errno.h>

#include "core/bury.h"
#include "core/external.h"
#include "core/fork.h"
#include "core/idle.h"
#include "core/inject.h"
#include "core/members.h"
#include "core/op.h"
#include "core/park.h"
#include "core/pool.h"
#include "core/position.h"
#include "core/prepared.h"
#include "core/rcu.h"
#include "core/runtime.h"
#include "core/waiters.h"
#include "core/watch.h"

static void unpublish(struct runtime *rt)
{
	spin_lock(&runtimes_lock);
	cds_list_del_rcu(&rt->node);
	spin_unlock(&runtimes_lock);
}

static void tell_gone(struct runtime *rt)
{
	rt_event(rt, OA_EVENT_END, -1, 0, NULL);
	atomic_or(&rt->finished, RT_GONE); /* [gone] */
	rt->poll->thread_wake(&rt->finished);
	waiters_wake(rt);
}

void rt_worker_gone(struct runtime *rt)
{
	uint32_t none = RT_END_NONE;

	/* [gone] what this thread did, before who waits for it frees it */
	bool last = atomic_sub(&rt->running, 1) == 1;

	/* [gone] too late if who waited has left us behind */
	if (!last)
		none = atomic_load(&rt->end); /* [gone] */
	else if (!atomic_cas(&rt->end, &none, (uint32_t)RT_END_WORKER))
		last = false;
	/*
	 * What ran here then, and was left alone, stays where it stands: our
	 * ->current went before the swap above, theirs is before their look.
	 */
	if (none == RT_END_WAITER) {
		bury_closers(rt);
		position_bury(rt);
		bury_late(rt);
	}
	if (!last)
		return;
	if (READ_ONCE(rt->stopping) == RT_NOW)
		bury_all(rt, false);
	tell_gone(rt);
}

/* When who waits has to look again; at what has changed, he does at once. */
static oa_time_t rt_look_at(struct runtime *rt)
{
	oa_time_t since = atomic_load(&rt->now_since); /* [now] */

	/* [now] */
	return since ? rt_grace_ends(since) : atomic_load(&rt->now_at);
}

/* Workers that have not come are left behind, with all that they may use. */
static void leave_behind(struct runtime *rt)
{
	uint32_t none = RT_END_NONE;

	/* [gone] against the last worker */
	if (!atomic_cas(&rt->end, &none, (uint32_t)RT_END_WAITER))
		return;
	rt_event(rt, OA_EVENT_ABANDON, -1, atomic_load(&rt->running), NULL); /* [gone] */
	bury_all(rt, true);
	tell_gone(rt);
}

/* It is time for what rt_look_at() told, or not. */
static void rt_hurry(struct runtime *rt)
{
	oa_time_t now = rt->poll->now();

	if (rt_look_at(rt) > now)
		return;
	if (atomic_load(&rt->now_since)) /* [now] */
		leave_behind(rt);
	else
		oa_shutdown((struct oa_runtime *)rt, OA_SHUTDOWN_NOW);
}

/* A worker does not leave others behind: he may be one of them. */
static void hurry_up(struct runtime *rt)
{
	if (!atomic_load(&rt->now_since) && /* [now] */
	    atomic_load(&rt->now_at) <= rt->poll->now()) /* [now] */
		oa_shutdown((struct oa_runtime *)rt, OA_SHUTDOWN_NOW);
}

bool rt_stops(struct worker *w)
{
	struct runtime *rt = w->rt;

	if (atomic_load(&rt->now_at) != OA_FOREVER) /* [now] */
		hurry_up(rt);
	return READ_ONCE(rt->stopping) == RT_NOW;
}

/* A thread: until it has ended, or -ETIMEDOUT. */
int rt_wait(struct runtime *rt, oa_time_t deadline)
{
	oa_time_t until;
	uint32_t word;
	int err = 0;

	for (;;) {
		word = atomic_load(&rt->finished); /* [gone] */
		if (word & RT_GONE)
			return 0;
		if (err == -ETIMEDOUT && rt->poll->now() >= deadline)
			return -ETIMEDOUT;
		until = min_of(deadline, rt_look_at(rt));
		err = rt->poll->thread_wait(&rt->finished, word, until);
		if (err == -ETIMEDOUT)
			rt_hurry(rt);
	}
}

static void join_threads(struct runtime *rt)
{
	struct worker *w;

	for (uint32_t i = 0; i < rt->nr_workers; i++) {
		w = rt->workers[i];
		if (!w->thread.fn)
			continue;
		/* [park-kick] it does nothing but return, or it may not come */
		if (!rt->left_behind ||
		    atomic_load(&w->state) == WORKER_DEAD) /* [park-kick] */
			rt->poll->thread_join(&w->thread);
		else
			rt->poll->thread_leave(&w->thread);
	}
}

static void sum_ended(struct runtime *rt)
{
	struct oa_ended *e = &rt->ended;

	for (uint32_t i = 0; i < rt->nr_workers; i++) {
		const struct worker *w = rt->workers[i];

		e->ran += w->st.ended;
		e->cancelled += w->cancelled;
		e->dropped += w->st.dropped;
	}
	/* [over] nobody counts any more */
	e->ran += atomic_load(&rt->outside_ended) -
		  atomic_load(&rt->outside_dropped); /* [over] */
	e->dropped += atomic_load(&rt->outside_dropped); /* [over] */
	e->cancelled += atomic_load(&rt->outside_cancelled); /* [over] */
}

/* Results that nobody joined: their slots go. */
static void forget_results(struct runtime *rt)
{
	/* [slab-dir] */
	uint32_t i, chunks = atomic_load_acq(&task_cache.nr_chunks);

	for (i = 0; i < chunks * slab_chunk_objs(&task_cache); i++) {
		struct task *t = slab_at(&task_cache, i);
		uint64_t life = atomic_load_acq(&t->life); /* [life] */

		if (READ_ONCE(t->rt) != rt || !(life & LIFE_ENDED))
			continue;
		/* [life] against a join that comes at this moment */
		while (life & LIFE_ENDED && READ_ONCE(t->rt) == rt &&
		       !(life & (LIFE_JCLAIM | LIFE_DETACHED)))
			if (atomic_cas(&t->life, &life, life | LIFE_JCLAIM)) {
				task_free(NULL, t);
				break;
			}
	}
}

/* Threads of the pool that do not come, and may use all there is. */
static void leave_pool(struct runtime *rt)
{
	unsigned int n = pool_running(rt->pool);

	rt->left_behind = true;
	rt->ended.abandoned += n;
	rt_event(rt, OA_EVENT_ABANDON, -1, n, NULL);
}

/* All threads have gone but, for oa_run(), the caller's. */
void rt_finish(struct runtime *rt)
{
	oa_time_t until = OA_FOREVER;

	if (READ_ONCE(rt->stopping) == RT_NOW)
		until = rt_grace_ends(rt->now_since);
	if (pool_end(rt->pool, until))
		scopes_forget(rt);
	else
		leave_pool(rt);
	join_threads(rt);
	external_join(rt);
	watch_del(rt);
	prepared_close(rt);
	if (!rt->left_behind)
		rt->poll->runtime_fini(rt);
	unpublish(rt);
	sum_ended(rt);
}

/* Never freed, but on a list: it is not lost. */
static void keep(struct runtime *rt)
{
	static struct runtime *kept;

	spin_lock(&runtimes_lock);
	rt->kept = kept;
	kept = rt;
	spin_unlock(&runtimes_lock);
}

void rt_free(struct runtime *rt)
{
	struct task *t;

	/* Somebody may still come by, and find it shut down. */
	if (rt->left_behind) {
		keep(rt);
		return;
	}

	/* Only when it did not come up: what waited for it. */
	while (inject_take(&rt->inject, &t, 1))
		if (READ_ONCE(rt->stopping) != RT_NOW)
			task_free(NULL, t);
	forget_results(rt);
	prepared_wait();
	synchronize_rcu();
	for (uint32_t i = 0; rt->workers && i < rt->nr_workers; i++)
		if (rt->workers[i])
			op_aborts_left(rt->workers[i]);
	rt_destroy(rt);
}

/* A task, or the thread of one: another runtime ends, or is left behind. */
static int wait_in_task(struct runtime *rt, struct task *t, oa_time_t deadline)
{
	oa_time_t until;
	uint32_t word;
	int err = park_check(t);

	if (err)
		return err;
	/* [gone] */
	while (!((word = atomic_load(&rt->finished)) & RT_GONE)) {
		until = min_of(deadline, rt_look_at(rt));
		err = waiters_wait(rt, t, word, until);
		/* It may be the time of a deadline around us that is up. */
		if (err && (err != -ETIMEDOUT || until == deadline ||
			    rt->poll->now() < until))
			return err;
		if (err)
			rt_hurry(rt);
	}
	return 0;
}

int oa_runtime_wait_until(struct oa_runtime *r, struct oa_ended *ended,
			  oa_time_t deadline)
{
	struct runtime *rt = (struct runtime *)r;
	struct worker *self = worker_self();
	/* On the blocking pool there is one without a worker. */
	struct task *me = task_self();
	int err;

	if (!rt)
		return -EINVAL;
	if (rt->generation != fork_generation())
		return -EPERM;
	if ((self && self->rt == rt) || (me && me->rt == rt))
		return -EDEADLK;
	if (rt->by_run)
		return -EINVAL;
	if (external_mine(rt) && !(atomic_load(&rt->finished) & RT_GONE)) /* [gone] */
		return -EDEADLK;
	if (self && !me)
		return -EPERM;
	err = me ? wait_in_task(rt, me, deadline) : rt_wait(rt, deadline);
	if (err)
		return err;
	rt_collect(rt);
	if (ended)
		*ended = rt->ended;
	return 0;
}

int oa_runtime_wait(struct oa_runtime *rt, struct oa_ended *ended)
{
	return oa_runtime_wait_until(rt, ended, OA_FOREVER);
}

void rt_collect(struct runtime *rt)
{
	uint32_t none = 0;

	/* [gone] one of those who wait joins the threads */
	if (atomic_cas(&rt->collected, &none, 1)) {
		rt_finish(rt);
		atomic_store(&rt->collected, 2); /* [gone] */
		rt->poll->thread_wake(&rt->collected);
	}
	while (atomic_load(&rt->collected) != 2) /* [gone] */
		rt->poll->thread_wait(&rt->collected, 1, OA_FOREVER);
}

int oa_runtime_free(struct oa_runtime *r)
{
	struct runtime *rt = (struct runtime *)r;

	if (!rt)
		return -EINVAL;
	if (rt->generation != fork_generation())
		return -EPERM;
	if (rt->by_run)
		return -EINVAL;
	if (!rt_gone(rt))
		return -EBUSY;
	rt_collect(rt);
	rt_free(rt);
	return 0;
}
