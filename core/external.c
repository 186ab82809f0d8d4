// SPDX-License-Identifier: MIT
/*
 * Runtimes without threads: one worker, whose loop is a function that the
 * thread that started it calls (oa_poll_once), from an event loop of its own
 * or in turn with others.
 *
 * The thread is the worker only during the call; before and after it is a
 * foreign thread to the runtime as to any other. Meanwhile the worker counts as
 * parked in its ring, so that whatever others do for it reaches it by a kick,
 * and makes its descriptor readable (core/idle.c, uring/outside.c). Its ring
 * is bound to that thread by the kernel.
 *
 * The end: the call that finds nothing alive takes the worker down. From then
 * on anybody may wait for the runtime and release it; as there is no thread to
 * be joined, a word says that the call is done with it.
 */
#include "core/external.h"

#include <errno.h>

#include "arch/cxx.h"
#include "core/fork.h"
#include "core/idle.h"
#include "core/overflow.h"
#include "core/sched.h"
#include "core/slice.h"
#include "core/thread.h"
#include "core/watch.h"

bool external_mine(const struct runtime *rt)
{
	return rt->owner && rt->owner == thread_number();
}

int external_begin(struct runtime *rt)
{
	struct worker *w = rt->workers[0];
	int err = worker_init(w);

	if (err)
		return err;
	err = rt->poll->worker_init(w);
	if (err) {
		worker_hide(w);
		worker_fini(w);
		return err;
	}
	overflow_thread();
	rt->owner = thread_number();
	rt->running = rt->started = 1;
	watch_worker(w);
	rt_event(rt, OA_EVENT_WORKER_START, (int)w->index, 0, NULL);
	idle_go_outside(w);
	return 0;
}

static void end(struct worker *w)
{
	struct runtime *rt = w->rt;

	rt_event(rt, OA_EVENT_WORKER_STOP, (int)w->index, 0, NULL);
	worker_hide(w);
	rt->poll->worker_fini(w);
	worker_fini(w);
	worker_set_self(NULL);
	overflow_thread_gone();
	atomic_store(&w->state, (uint32_t)WORKER_DEAD); /* [park-kick] */
	rt_worker_gone(rt);
	atomic_store(&rt->owner_left, 1); /* [gone] */
}

void external_join(const struct runtime *rt)
{
	/* [gone] a few instructions more, unless it did not come at all */
	while (rt->owner && !rt->left_behind && !atomic_load(&rt->owner_left))
		poll_thread_yield();
}

/* Has it nothing more to do, for good? */
static bool over(struct worker *w)
{
	return READ_ONCE(w->rt->over) ||
	       (unlikely(READ_ONCE(w->rt->stopping)) && rt_stops(w));
}

/* Until something has run for a slice, or nothing is ready by @deadline. */
static void turns(struct worker *w, oa_time_t deadline)
{
	const struct poll_ops *poll = w->rt->poll;
	oa_time_t began = w->now;
	bool ran = false;

	while (!over(w)) {
		if (worker_turn(w)) {
			if (poll->now() - began >= SLICE_NS)
				return;
			ran = true;
			continue;
		}
		if (poll->unsent(w) && poll->reap(w))
			continue;
		if (ran || over(w) || deadline <= poll->now())
			return;
		w->until = deadline;
		idle_wait(w);
		w->until = OA_FOREVER;
		began = w->now;
	}
}

static int check(const struct runtime *rt)
{
	const struct worker *self = worker_self();

	if (!rt)
		return -EINVAL;
	if (rt->generation != fork_generation())
		return -EPERM;
	if (!rt->cfg.external)
		return -EINVAL;
	if (self && self->rt == rt)
		return -EDEADLK;
	return self || !external_mine(rt) ? -EPERM : 0;
}

/* The calling thread is @w; 1, 0, or -ESHUTDOWN: @w is no more. */
static int drive(struct worker *w, oa_time_t deadline)
{
	bool more;

	worker_set_self(w);
	idle_come_back(w);
	turns(w, deadline);
	more = idle_go_outside(w);
	if (unlikely(over(w))) {
		idle_come_back(w);
		worker_finish_requests(w);
		end(w);
		return -ESHUTDOWN;
	}
	worker_set_self(NULL);
	return more;
}

int oa_poll_once(struct oa_runtime *r, oa_time_t deadline)
{
	struct runtime *rt = (struct runtime *)r;
	struct arch_fpctl fpctl;
	struct cxx_state cxx;
	int err = check(rt);

	if (err)
		return err;
	if (rt_gone(rt))
		return -ESHUTDOWN;
	/* It may be called where an exception is being handled. */
	rt->workers[0]->cxx = cxx_lay_aside(&cxx);
	/* Tasks run with the usual control words, as on any worker. */
	arch_fpctl_save(&fpctl);
	arch_fpctl_reset();
	err = drive(rt->workers[0], deadline);
	arch_fpctl_set(&fpctl);
	cxx_take_up(&cxx);
	return err;
}

int oa_runtime_fd(struct oa_runtime *r)
{
	struct runtime *rt = (struct runtime *)r;

	if (!rt || rt->generation != fork_generation())
		return rt ? -EPERM : -EINVAL;
	if (!rt->cfg.external)
		return -EINVAL;
	if (!external_mine(rt))
		return -EPERM;
	if (rt_gone(rt))
		return -ESHUTDOWN;
	return rt->poll->outside_fd(rt->workers[0]);
}
