// SPDX-License-Identifier: MIT
/*
 * What is left when a runtime is shut down at once: tasks that have not
 * started, which are dropped, and tasks that stand somewhere on their stacks,
 * which never go on. All that was waiting is claimed first, so that nobody
 * outside can make any of it ready; then those outside who wait for one are
 * told; then descriptors go back.
 *
 * A stack may still be known to others: a waiter in the queue of an object
 * lies in the frame of its task. Such stacks stay mapped for ever.
 * Where a worker did not come, nothing of what it may touch goes back. What it
 * has in its hands is left alone, and buried when it has ended: it may still
 * drop it, or come to its end. Who looks at a task and who takes it meet as
 * follows: [left]
 *
 *	the worker: ->taken or ->current, fence, ->left_behind
 *	who waited: ->left_behind, fence, ->taken and ->current
 *
 * So one of them sees the other. The worker that is late waits for the other to
 * be done; whoever takes ->fn sees to the task's end.
 */
#include "core/bury.h"

#include <errno.h>

#include "core/conds.h"
#include "core/fd.h"
#include "core/grown.h"
#include "core/inject.h"
#include "core/io_futex.h"
#include "core/mem.h"
#include "core/members.h"
#include "core/op.h"
#include "core/park.h"
#include "core/position.h"
#include "core/prepared.h"
#include "core/rcu.h"
#include "core/spawn.h"

/* Of @rt, alive, and not on the blocking pool, which ends its own. */
static bool is_ours(struct runtime *rt, const struct task *t)
{
	uint64_t life = atomic_load_acq(&t->life); /* [life] */

	return READ_ONCE(t->rt) == rt && life & LIFE_ALIVE &&
	       !(life & (LIFE_ENDED | LIFE_GONE)) &&
	       !(READ_ONCE(t->flags) & TASK_POOLED);
}

static void for_each(struct runtime *rt, bool ours,
		     void (*fn)(struct runtime *rt, struct task *t))
{
	/* [slab-dir] */
	uint32_t chunks = atomic_load_acq(&task_cache.nr_chunks);
	struct task *t;

	for (uint32_t i = 0; i < chunks * slab_chunk_objs(&task_cache); i++) {
		t = slab_at(&task_cache, i);
		if (!ours || is_ours(rt, t))
			fn(rt, t);
	}
}

/*
 * Its joiner was woken, and its slot is his: it has ended and been counted,
 * though nothing in its life word says so. See task_end().
 */
static bool left_to_joiner(struct task *t)
{
	uint64_t life = atomic_load_acq(&t->life), word; /* [life] */
	struct task *joiner = READ_ONCE(t->joiner);

	if ((life & (LIFE_JSET | LIFE_JSELECT)) != LIFE_JSET)
		return false;
	word = atomic_load_acq(&joiner->wait); /* [park] */
	return (word & ~(uint64_t)0xff) == READ_ONCE(t->joiner_epoch) &&
	       wait_state_of(word) == WAIT_WOKEN;
}

/*
 * A joiner of this runtime never takes what he joined; and what he has taken
 * waits for a queue entry that nobody will come upon.
 */
static void forget_joiner(struct runtime *rt, struct task *t)
{
	uint64_t life = atomic_load_acq(&t->life); /* [life] */

	if (READ_ONCE(t->rt) != rt || !(life & LIFE_ALIVE))
		return;
	if (life & LIFE_GONE && !rt->left_behind) {
		task_free(NULL, t);
		return;
	}
	if (!(life & LIFE_JSET) || READ_ONCE(READ_ONCE(t->joiner)->rt) != rt)
		return;
	if (!rt->left_behind && (life & LIFE_ENDED || left_to_joiner(t)))
		task_free(NULL, t);
	else if (!left_to_joiner(t))
		/* [life] its end finds nobody, and forget_results() frees it */
		atomic_and(&t->life, ~(uint64_t)(LIFE_JSET | LIFE_JCLAIM |
						 LIFE_JSELECT));
}

/* Is it in a wait, ended or not, that others know of? */
static bool in_object(uint64_t word)
{
	return word & WAIT_SYNC && wait_state_of(word) != WAIT_RUNNING;
}

static void keep_stack(struct runtime *rt, struct task *t)
{
	rt->keep_stacks = true;
	t->stack->keep = true;
	grown_keep(t);
}

static void claim_wait(struct runtime *rt, struct task *t)
{
	uint64_t word = atomic_load_acq(&t->wait); /* [park] */

	/*
	 * A wait that has been ended, by a cancel, may still be in the queue:
	 * its own task is the one to take it out.
	 */
	if (READ_ONCE(t->flags) & TASK_STARTED && !(word & WAIT_OP) &&
	    wait_state_of(word) != WAIT_RUNNING &&
	    (word & WAIT_SYNC || !(word & WAIT_TIMED)))
		keep_stack(rt, t);
	/* A request is ended by its worker alone, when that comes. */
	if (!wait_open(word) || word & WAIT_OP)
		return;
	park_claim(t, word & ~(uint64_t)0xff, WAIT_CANCELLED);
}

static void drop(struct task *t, oa_fn fn)
{
	if (t->ext && t->ext->on_drop)
		t->ext->on_drop(t->arg);
	if (fn == prepared_run)
		prepared_dropped(t->arg);
	rt_event(t->rt, OA_EVENT_DROP, -1, -ECANCELED, task_name(t));
}

static bool is_current(const struct runtime *rt, const struct task *t)
{
	for (uint32_t i = 0; i < rt->nr_workers; i++)
		if (READ_ONCE(rt->workers[i]->current) == t)
			return true;
	return false;
}

/* Does a worker that did not come have it in its hands? */
static bool in_hand(const struct runtime *rt, const struct task *t)
{
	for (uint32_t i = 0; rt->left_behind && i < rt->nr_workers; i++)
		if (READ_ONCE(rt->workers[i]->taken) == t ||
		    READ_ONCE(rt->workers[i]->current) == t)
			return true;
	return false;
}

/*
 * Those that do not go with the runtime's. Not before the grace period: who has
 * woken the task reads its flags. Threads of the pool may still use what lies
 * on them: they are unmapped when those have ended.
 */
static void give_up_stacks(struct task *t)
{
	if (t->stack->keep) {
		/* and nobody drops what was kept with it */
		WRITE_ONCE(t->flags, t->flags & ~(uint32_t)TASK_GROWN);
		if (t->flags & TASK_OWN_STACK)
			mem_kept(t->stack->size);
		return;
	}
	grown_bury(t, t->rt->buried);
	if (t->flags & TASK_OWN_STACK) {
		t->stack->next = t->rt->buried[1];
		t->rt->buried[1] = t->stack;
	}
}

void bury_closers(struct runtime *rt)
{
	struct closer *c, *later;

	spin_lock(&rt->closers_lock);
	for (c = rt->closers; c; c = later) {
		later = c->later;
		if (is_current(rt, c->task))
			continue;
		fd_abandon(c);
		*c->pprev = later;
		if (later)
			later->pprev = c->pprev;
	}
	spin_unlock(&rt->closers_lock);
}

static void count(struct runtime *rt, bool started)
{
	if (started) {
		rt->ended.abandoned++;
		return;
	}
	atomic_add(&rt->outside_dropped, (uint64_t)1); /* [over] */
	atomic_add(&rt->outside_ended, (uint64_t)1); /* [over] */
}

/* The end of what never goes on, or never began. */
static void see_to(struct runtime *rt, struct task *t, oa_fn fn, bool began)
{
	if (!began) {
		if (t->flags & TASK_CONDS && !(t->flags & TASK_STARTED))
			conds_give_up(t);
		drop(t, fn);
	}
	if (t->flags & TASK_TOLD)
		task_tell(t, oa_err(-ECANCELED));
	if (t->flags & TASK_STARTED && !rt->left_behind &&
	    in_object(READ_ONCE(t->wait)))
		futex_threads_end(t);
	if (t->stack && !rt->left_behind)
		give_up_stacks(t);
	if (t->flags & TASK_CONDS && !rt->left_behind)
		conds_release(t);
	if (t->flags & TASK_SCOPES && !rt->left_behind)
		scopes_bury(t);
	t->locks = 0;
	WRITE_ONCE(t->prio, 0);
	task_bury(t, !rt->left_behind);
}

static void bury(struct runtime *rt, struct task *t)
{
	bool started = READ_ONCE(t->flags) & TASK_STARTED;
	oa_fn fn;

	if (left_to_joiner(t))
		return;
	count(rt, started);
	if (in_hand(rt, t))
		return;
	fn = atomic_xchg(&t->fn, (oa_fn)NULL); /* [left] */
	if (fn)
		see_to(rt, t, fn, started);
}

/* He who waited is done: what was in our hands has been counted. */
static void until_gone(struct runtime *rt)
{
	uint32_t word;

	while (!((word = atomic_load(&rt->finished)) & RT_GONE)) /* [gone] */
		rt->poll->thread_wait(&rt->finished, word, OA_FOREVER);
}

static void bury_again(struct runtime *rt, struct task *t)
{
	oa_fn fn;

	if (left_to_joiner(t) || in_hand(rt, t))
		return;
	fn = atomic_xchg(&t->fn, (oa_fn)NULL); /* [left] */
	if (fn)
		see_to(rt, t, fn, READ_ONCE(t->flags) & TASK_STARTED);
}

void bury_late(struct runtime *rt)
{
	until_gone(rt);
	for_each(rt, true, bury_again);
}

bool bury_is_over(struct worker *w)
{
	smp_mb(); /* [left] what is in our hands before the look */
	return READ_ONCE(w->rt->left_behind);
}

void bury_taken(struct worker *w)
{
	struct task *t = w->taken;
	oa_fn fn;

	until_gone(w->rt);
	fn = atomic_xchg(&t->fn, (oa_fn)NULL); /* [left] */
	if (fn)
		see_to(w->rt, t, fn, false);
	WRITE_ONCE(w->taken, NULL);
}

void bury_all(struct runtime *rt, bool left_behind)
{
	struct task *t;

	WRITE_ONCE(rt->left_behind, left_behind);
	smp_mb(); /* [left] before what workers have in their hands */
	/* [over] nothing more from outside */
	atomic_or(&rt->foreign_spawned, RT_CLOSED);
	for_each(rt, true, claim_wait);
	/*
	 * After this, what was let in before is in a queue, and whoever claimed
	 * a wait before us has made its task ready.
	 */
	synchronize_rcu();
	for (uint32_t i = 0; !left_behind && i < rt->nr_workers; i++)
		op_aborts_left(rt->workers[i]);
	while (inject_take(&rt->inject, &t, 1) ||
	       post_queue_take(&rt->post_queue, &t, 1))
		;
	bury_closers(rt);
	position_bury(rt);
	for_each(rt, false, forget_joiner);
	for_each(rt, true, bury);
	scopes_forget(rt);
	for (uint32_t i = 0; left_behind && i < rt->nr_workers; i++)
		worker_cut_off(rt->workers[i]);
}
