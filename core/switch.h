/* SPDX-License-Identifier: MIT */
/*
 * Switching stacks, with what some tasks or builds want around it: control
 * words of the floating-point unit, C++ exceptions, the identities that
 * sanitizers keep of stacks. Included by core/sched.c alone.
 */
#ifndef OA_CORE_SWITCH_H
#define OA_CORE_SWITCH_H

#include "arch/san.h"
#include "core/jobs.h"
#include "core/overflow.h"
#include "core/runtime.h"

#if defined(OA_ASAN) || defined(OA_TSAN)
#define SAN_SWITCHES 1
#else
#define SAN_SWITCHES 0
#endif

/*
 * Exceptions that are being handled or unwound for are the thread's in the eyes
 * of the C++ runtime. A task that suspends then lays them aside, in the frame
 * that switches, and takes them up again on the thread where it goes on. All
 * tasks of a program with C++ look; whether there is any is known beforehand,
 * so that others do not.
 */
static __cold_path void switch_hold(struct worker *w, struct task *t,
				    struct cxx_state *held)
{
	*held = *w->cxx;
	*w->cxx = (struct cxx_state){ 0 };
	task_set(t, TASK_HELD);
}

static __cold_path void switch_unhold(struct worker *w, struct task *t,
				      const struct cxx_state *held)
{
	*w->cxx = *held;
	WRITE_ONCE(t->flags, t->flags & ~(uint32_t)TASK_HELD);
}

/*
 * @t gives the processor away: its control words, if it keeps its own, what it
 * catches, and whether it kept to its stack, if nothing else would tell.
 */
static inline void switch_leaving(struct worker *w, struct task *t,
				  struct cxx_state *held)
{
	if (likely(!(t->flags & (TASK_FPCTL | TASK_BARE | TASK_CXX |
				 TASK_JOBS))))
		return;
	if (t->flags & TASK_JOBS)
		jobs_part(w, t);
	if (t->flags & TASK_CXX && unlikely(cxx_busy(w->cxx)))
		switch_hold(w, t, held);
	if (t->flags & TASK_FPCTL) {
		arch_fpctl_save(&t->ext->fpctl);
		arch_fpctl_reset();
	}
	if (t->flags & TASK_BARE)
		overflow_check(t);
}

/* First code of a task. */
static inline void switch_begin(struct task *t)
{
	if (unlikely(t->flags & TASK_FPCTL))
		arch_fpctl_set(&t->ext->fpctl);
}

static inline void switch_back(struct worker *w, struct task *t,
			       const struct cxx_state *held)
{
	if (likely(!(t->flags & (TASK_FPCTL | TASK_HELD))))
		return;
	if (t->flags & TASK_HELD)
		switch_unhold(w, t, held);
	switch_begin(t);
}

__always_inline_oa void switch_leave(struct worker *w, struct san_ctx *from,
				     struct san_ctx *to)
{
	if (SAN_SWITCHES)
		w->san_from = from;
	san_leave(from, to);
}

/* A stack's very first code; @w is who switched to it. */
static inline void switch_arrived(struct worker *w)
{
	san_arrive(&w->current->stack->san, w->san_from);
}

/* From task to task; returns the worker that runs it again. */
__always_inline_oa struct worker *switch_task(struct task *from,
					      struct task *to,
					      struct worker *w)
{
	struct cxx_state held;

	switch_leaving(w, from, &held);
	switch_leave(w, &from->stack->san, &to->stack->san);
	w = arch_switch(&from->ctx, &to->ctx, w);
	san_arrive(&from->stack->san, w->san_from);
	switch_back(w, from, &held);
	return w;
}

__always_inline_oa struct worker *switch_to_loop(struct task *from,
						 struct worker *w)
{
	struct cxx_state held;

	switch_leaving(w, from, &held);
	switch_leave(w, &from->stack->san, &w->loop_san);
	w = arch_switch(&from->ctx, &w->loop, w);
	san_arrive(&from->stack->san, w->san_from);
	switch_back(w, from, &held);
	return w;
}

__always_inline_oa void switch_from_loop(struct worker *w, struct task *t)
{
	switch_leave(w, &w->loop_san, &t->stack->san);
	arch_switch(&w->loop, &t->ctx, w);
	san_arrive(&w->loop_san, w->san_from);
}

/* From a task that has ended to @t, or to the loop. */
__always_inline_oa __noreturn_fn void switch_away(struct worker *w,
						  struct task *t)
{
	w->san_from = NULL;
	san_leave_last(t ? &t->stack->san : &w->loop_san);
	arch_jump(t ? &t->ctx : &w->loop, w);
}

/* Back to the top of the present stack: the frames on it are given up. */
__always_inline_oa __noreturn_fn void
switch_restart(struct stack *s, void (*entry)(void *), struct worker *w)
{
	san_restart(&s->san, s->low, stack_room(s));
	arch_restart(s->top, entry, w);
}

#ifdef OA_TSAN
/*
 * Its identity of a stack costs the thread sanitizer half a millisecond, so a
 * stack whose task has ended is not given up but suspended where it stands,
 * and its next task goes on from there. Returns the worker that has it then.
 */
__always_inline_oa struct worker *switch_rest(struct worker *w, struct task *t,
					      struct stack *s)
{
	switch_leave(w, &s->san, t ? &t->stack->san : &w->loop_san);
	w = arch_switch(&s->rest, t ? &t->ctx : &w->loop, w);
	san_arrive(&s->san, w->san_from);
	return w;
}

static inline void switch_stack_free(struct stack *s)
{
	(void)s;
}

static inline bool switch_stack_begin(struct stack *s)
{
	if (!s->rest.sp)
		san_ctx_init(&s->san, s->low, stack_room(s));
	return !s->rest.sp;
}
#else
/* Nobody is on @s any more. */
static inline void switch_stack_free(struct stack *s)
{
	san_ctx_fini(&s->san);
	san_stack_clean(s->low, stack_room(s));
}

/* A task gets it. True: it begins at the top. */
static inline bool switch_stack_begin(struct stack *s)
{
	san_ctx_init(&s->san, s->low, stack_room(s));
	return true;
}
#endif

#endif
