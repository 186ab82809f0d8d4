/* SPDX-License-Identifier: MIT */
/* How a task becomes ready: what core/ready.c and core/sched.c share. */
#ifndef OA_CORE_READY_H
#define OA_CORE_READY_H

#include "core/runtime.h"

/* The ring has no room, or what came before has had none. */
void ready_overflow(struct worker *w, struct task *t);

/* @t has run another at once, and is off its stack. */
void ready_again(struct worker *w, struct task *t);

/* Everybody idle would rather have it in the ring than in this lane. */
static inline bool somebody_idles(const struct runtime *rt)
{
	/* relaxed: a hint; who goes idle looks at all queues itself */
	return rt->nr_workers > 1 && READ_ONCE(rt->nr_helpers);
}

/* Behind everything else that is ready. */
static inline void ring_add(struct worker *w, struct task *t)
{
	if (unlikely(w->spilling) || unlikely(!ring_push(&w->ring, t)))
		ready_overflow(w, t);
}

/* Does it go by another queue than most? */
static inline bool task_odd(const struct task *t)
{
	return (t->flags & TASK_PINNED) | (uint8_t)READ_ONCE(t->prio);
}

#endif
