// SPDX-License-Identifier: MIT
/*
 * Getting to the task that runs next.
 *
 * A task that suspends switches straight to the next one; a task that ends
 * hands its stack on to the next one that has not started, which begins as a
 * call. The worker's loop (core/worker.c) runs only when there is nothing to
 * run, when the time slice is used up, and for what needs more stack or user
 * code: a stack to be made, a task to be dropped.
 *
 * Who left is dealt with on the other side: ->prev and ->commit say what to do
 * with him once his stack is no longer in use (sched_finish). That is leaf
 * code of small stack, since it runs on the next task's.
 *
 * The switch passes the worker along: nothing of the old one may be used by
 * who comes back, since it may be on another thread.
 */
#include "core/sched.h"

#include <errno.h>

#include "core/bug.h"
#include "core/bury.h"
#include "core/end.h"
#include "core/fork.h"
#include "core/grown.h"
#include "core/locals.h"
#include "core/park.h"
#include "core/pick.h"
#include "core/pool.h"
#include "core/ready.h"
#include "core/slice.h"
#include "core/spawn.h"
#include "core/switch.h"

static void task_entry(void *payload);

/* Has this turn to go by way of the loop? */
static inline bool out_of_turn(struct worker *w)
{
	if (unlikely(--w->budget <= 0))
		return true;
	if (unlikely(!(w->turn & READ_ONCE(w->turn_mask))))
		/* Now and then; or nothing of it is to run ever again. */
		return !READ_ONCE(w->turn_mask) || slice_over(w);
	return false;
}

/* What sched_finish() does when the task gave way, the commonest of all. */
static inline void finish(struct worker *w)
{
	struct task *t = w->prev;

	if (w->commit != COMMIT_YIELD || unlikely(task_odd(t)) || !w->alone) {
		sched_finish(w);
		return;
	}
	w->commit = COMMIT_NONE;
	ring_add(w, t);
}

/* Can @t be entered from a task's stack, without help from the loop? */
static inline bool plain(const struct worker *w, const struct task *t)
{
	if (likely(t->flags & TASK_STARTED))
		return true;
	return !(t->flags & TASK_BY_LOOP) && w->stacks.list &&
	       !(READ_ONCE(t->life) & LIFE_CANCEL) &&
	       likely(!READ_ONCE(w->rt->stopping));
}

static inline void set_stack(struct task *t, struct stack *s)
{
	WRITE_ONCE(t->stack, s);
	task_set(t, TASK_STARTED | (uint32_t)s->marks << TASK_STACK_SHIFT);
}

static inline void give_stack(struct task *t, struct stack *s)
{
	set_stack(t, s);
	if (switch_stack_begin(s))
		arch_ctx_init(&t->ctx, s->top, task_entry);
	else
		t->ctx = s->rest;
}

/* The next task that can be switched to at once, or NULL: to the loop. */
__always_inline_oa struct task *next_plain(struct worker *w)
{
	struct task *t;

	if (unlikely(out_of_turn(w)))
		return NULL;
	t = pick_next(w);
	if (unlikely(!t))
		return NULL;
	if (unlikely(!plain(w, t))) {
		w->queued = t;
		return NULL;
	}
	if (!(t->flags & TASK_STARTED))
		give_stack(t, stack_get_ahead(&w->stacks));
	return t;
}

__always_inline_oa void enter(struct worker *w, struct task *t)
{
	WRITE_ONCE(w->current, t);
	STAT_INC(w, switches);
}

static __noinline void finish_end(struct worker *w)
{
	switch_stack_free(w->dead);
	stack_put(&w->rt->stacks, &w->stacks, w->dead);
}

static __noinline void finish_rarer(struct worker *w, struct task *t,
				    enum commit c)
{
	switch (c) {
	case COMMIT_NONE:
	case COMMIT_PARK:
	case COMMIT_JOIN:
	case COMMIT_END:
		break;
	case COMMIT_LOCKED:
		park_commit_locked(w, t);
		break;
	case COMMIT_YIELD:
		sched_ready_back(w, t);
		break;
	case COMMIT_NEXT:
		ready_again(w, t);
		break;
	case COMMIT_END_OWN:
		switch_stack_free(w->dead);
		stack_free_own(w->rt->stacks.alloc, w->dead);
		break;
	}
}

/* Nothing but jumps: it needs no frame. */
void sched_finish(struct worker *w)
{
	struct task *t = w->prev;
	enum commit c = w->commit;

	w->commit = COMMIT_NONE;
	if (likely(c == COMMIT_PARK)) {
		park_commit(w, t);
	} else if (c == COMMIT_END) {
		finish_end(w);
	} else if (c == COMMIT_JOIN) {
		park_commit_join(w, t);
	} else {
		finish_rarer(w, t, c);
	}
}

/* The same where it is the end of another that is the commonest. */
static inline void finish_joined(struct worker *w)
{
	if (w->commit != COMMIT_END || unlikely(stack_mag_full(&w->stacks))) {
		finish(w);
		return;
	}
	w->commit = COMMIT_NONE;
	switch_stack_free(w->dead);
	stack_put(&w->rt->stacks, &w->stacks, w->dead);
}

/* Leaves @cur for @t, or for the loop when @t is NULL. */
__always_inline_oa struct worker *switch_over(struct worker *w,
					      struct task *cur,
					      enum commit how, struct task *t)
{
	w->prev = cur;
	w->commit = how;
	if (likely(t)) {
		enter(w, t);
		return switch_task(cur, t, w);
	}
	WRITE_ONCE(w->current, NULL);
	return switch_to_loop(cur, w);
}

__always_inline_oa void leave_for(struct worker *w, struct task *cur,
				  enum commit how, struct task *t)
{
	finish(switch_over(w, cur, how, t));
}

void sched_park(struct worker *w, struct task *cur)
{
	leave_for(w, cur, COMMIT_PARK, next_plain(w));
}

void sched_park_locked(struct worker *w, struct task *cur)
{
	leave_for(w, cur, COMMIT_LOCKED, next_plain(w));
}

void *sched_park_into(struct worker *w, struct task *cur, struct task *t,
		      enum commit how)
{
	bool over = out_of_turn(w);

	if (unlikely(over) || !plain(w, t)) {
		OA_BUG_ON(w->queued);
		w->queued = t;
		w->slice_ended = over;
		leave_for(w, cur, how, NULL);
		return arch_return(NULL);
	}
	if (!(t->flags & TASK_STARTED))
		give_stack(t, stack_get(&w->stacks));
	finish_joined(switch_over(w, cur, how, t));
	/* Where the switch came from is not where this was called from. */
	return arch_return(NULL);
}

void *sched_park_into_new(struct worker *w, struct task *cur, struct task *t,
			  enum commit how)
{
	/* To be out of turn twice does no harm. */
	if (unlikely(!w->stacks.list || out_of_turn(w)))
		return sched_park_into(w, cur, t, how);
	give_stack(t, stack_get(&w->stacks));
	finish_joined(switch_over(w, cur, how, t));
	return arch_return(NULL);
}

void sched_abandon(struct task *t)
{
	struct worker *w = worker_self();

	if (!w)
		pool_exit(t, oa_err(-ECANCELED));
	leave_for(w, t, COMMIT_NONE, NULL);
	OA_BUG("a task that was abandoned goes on");
}

void sched_run_first(struct worker *w, struct task *t)
{
	struct task *cur = w->current;

	/* Elsewhere it is as well to be the next. */
	if (!cur || w->rt->debug_migrate ||
	    (t->flags & TASK_PINNED && t->pin != w->index))
		sched_ready(t);
	else
		sched_park_into(w, cur, t, COMMIT_NEXT);
}

static inline void give_way(struct worker *w, struct task *cur)
{
	struct task *t = next_plain(w);

	STAT_INC(w, yields);
	/* relaxed: what comes to the shared queue later is met in the loop */
	if (unlikely(!t) && w->budget > 0 && !w->queued &&
	    !READ_ONCE(w->rt->inject.n) && !READ_ONCE(w->rt->post_queue.n) &&
	    !READ_ONCE(w->rt->prepared))
		return;
	leave_for(w, cur, COMMIT_YIELD, t);
}

void sched_give_way(struct worker *w, struct task *cur)
{
	give_way(w, cur);
}

/* On the blocking pool it is for the kernel to say who is next. */
static __cold_path int yield_outside(void)
{
	struct task *t = task_self();
	int err = t ? park_check(t) : -EPERM;

	if (!err)
		poll_thread_yield();
	return err;
}

int oa_yield(void)
{
	struct worker *w = worker_self();
	struct task *t;
	int err;

	if (unlikely(!w || !w->current))
		return yield_outside();
	t = w->current;
	err = park_check(t);
	if (unlikely(err))
		return err;
	give_way(w, t);
	return 0;
}

/* From the stack ->dead, for good: on to @t, or to the loop when it is NULL. */
__always_inline_oa struct task *go_away(struct worker *w, struct task *t)
{
#ifdef OA_TSAN
	w = switch_rest(w, t, w->dead);
	sched_finish(w);
	return w->current;
#else
	switch_away(w, t);
#endif
}

/*
 * The end of @cur, on its own stack. Returns the next task if that has not
 * started and may have this stack; otherwise does not return.
 */
static __noinline struct task *ended_any(struct worker *w, struct task *cur,
					 void *result)
{
	struct stack *s = cur->stack;
	bool own = cur->flags & TASK_OWN_STACK;
	struct cxx_state lost;	/* what oa_exit() left unhandled */
	struct task *t;

	switch_leaving(w, cur, &lost);
	t = task_end(w, cur, result);
	if (unlikely(out_of_turn(w))) {
		w->queued = t;
		w->slice_ended = true;
		t = NULL;
	} else if (!t) {
		t = pick_next(w);
		if (t && !own && !(t->flags & (TASK_STARTED | TASK_BY_LOOP)) &&
		    !(READ_ONCE(t->life) & LIFE_CANCEL) &&
		    !READ_ONCE(w->rt->stopping)) {
			set_stack(t, s);
			STAT_INC(w, handons);
			enter(w, t);
			return t;
		}
		if (t && !plain(w, t)) {
			w->queued = t;
			t = NULL;
		} else if (t && !(t->flags & TASK_STARTED)) {
			give_stack(t, stack_get(&w->stacks));
		}
	}
	w->dead = s;
	w->commit = own ? COMMIT_END_OWN : COMMIT_END;
	if (t)
		enter(w, t);
	else
		WRITE_ONCE(w->current, NULL);
	return go_away(w, t);
}

/* The same; the commonest, of who was joined before it began, in short. */
__always_inline_oa struct task *ended(struct worker *w, struct task *cur,
				      void *result)
{
	struct task *t;

	/* To be out of turn twice does no harm. */
	if (!(READ_ONCE(cur->life) & LIFE_JSET) || unlikely(out_of_turn(w)) ||
	    !(t = task_end_plain(w, cur, result)))
		return ended_any(w, cur, result);
	w->dead = cur->stack;
	w->commit = COMMIT_END;
	enter(w, t);
	return go_away(w, t);
}

/* One task after another, as long as each begins as a call. */
static void run_tasks(struct worker *w)
{
	struct task *t = w->current;
	void *result;

	do {
		/* [left] it is ->current; not for us to touch once told of */
		if (unlikely(!READ_ONCE(w->turn_mask)) && bury_is_over(w)) {
			WRITE_ONCE(w->taken, t);
			sched_abandon(t);
		}
		switch_begin(t);
		result = t->fn(t->arg);
		w = worker_self();
		if (unlikely(!w))
			fork_child_ends();
		if (unlikely(t->flags & TASK_AT_END)) {
			task_at_end(t);
			w = worker_self();
		}
		t = ended(w, t, result);
	} while (t);
	OA_BUG("a task returned to nobody");
}

/* The bottom of every task's stack. */
static void task_entry(void *payload)
{
	struct worker *w = payload;

	switch_arrived(w);
	/* Begun by its join, as a rule. */
	if (w->commit == COMMIT_JOIN) {
		w->commit = COMMIT_NONE;
		park_commit_join(w, w->prev);
	} else {
		sched_finish(w);
	}
	run_tasks(w);
}

/* The same, for a stack whose frames were given up by oa_exit(). */
static void task_entry_again(void *payload)
{
	run_tasks(payload);
}

/* On the stack that it began on. */
static __noreturn_fn void exit_here(struct worker *w, struct task *cur,
				    void *result)
{
	struct task *t = ended(w, cur, result);

	/*
	 * Its frames are gone with it: begin anew at the top. The thread
	 * sanitizer's stacks may have rested, and be on another worker.
	 */
	switch_restart(t->stack, task_entry_again, worker_self());
}

static void exit_on_its_stack(struct task *t, void *result)
{
	exit_here(worker_self(), t, result);
}

void sched_exit(struct worker *w, struct task *cur, void *result)
{
	/* What it left open may lie on stacks that it has grown. */
	if (unlikely(cur->flags & TASK_AT_END)) {
		task_at_end(cur);
		w = worker_self();
	}
	if (unlikely(cur->flags & TASK_GROWN || cur->coro))
		grown_leave(cur, exit_on_its_stack, result);
	exit_here(w, cur, result);
}

void sched_run(struct worker *w, struct task *t)
{
	if (!(t->flags & TASK_STARTED))
		give_stack(t, t->flags & TASK_OWN_STACK ? t->stack
						       : stack_get(&w->stacks));
	w->commit = COMMIT_NONE;
	enter(w, t);
	WRITE_ONCE(w->taken, NULL);
	switch_from_loop(w, t);
	sched_finish(w);
}
