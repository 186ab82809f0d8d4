/* SPDX-License-Identifier: MIT */
/* Choosing the next task: what core/pick.c and core/sched.c share. */
#ifndef OA_CORE_PICK_H
#define OA_CORE_PICK_H

#include "core/ready.h"

/* The lane is empty, and so is the ring of an only worker. */
struct task *pick_more(struct worker *w);
/* Is it the turn of one that goes by another queue? */
struct task *pick_special(struct worker *w);

/*
 * A popped entry: may @t be run by it? Clears what says so. An entry too many
 * is dropped here, and the slot freed if it only waited for that.
 */
bool pick_accepts(struct worker *w, struct task *t);
/* The same of one that is none of the plainest. */
bool pick_accepts_slow(struct worker *w, struct task *t) __cold_path;
/* One that is pinned: is it here that it may run? Else it goes there. */
bool pick_here(struct worker *w, struct task *t) __cold_path;

static inline bool pick_accept(struct worker *w, struct task *t)
{
	/*
	 * [life] acquire: this entry may be the elder of two, and who dropped
	 * the other saw what its waker did.
	 */
	if (unlikely(atomic_load_acq(&t->life) & (LIFE_INQ | LIFE_DELAYED)))
		return pick_accepts_slow(w, t);
	return likely(!(t->flags & TASK_PINNED)) || pick_here(w, t);
}

static inline struct task *pick(struct worker *w)
{
	struct task *t;

	w->turn++;
	if (unlikely(w->special)) {
		t = pick_special(w);
		if (t)
			return t;
	}
	t = lane_pop(&w->lane);
	if (likely(t != NULL))
		return t;
	if (w->alone && (t = ring_take_alone(&w->ring)) != NULL)
		return t;
	return pick_more(w);
}

__always_inline_oa struct task *pick_next(struct worker *w)
{
	struct task *t = pick(w);

	while (t && unlikely(!pick_accept(w, t)))
		t = pick(w);
	return t;
}

#endif
