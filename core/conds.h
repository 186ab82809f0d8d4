/* SPDX-License-Identifier: MIT */
/*
 * What a task starts under, and its chain. Core knows when to ask; the objects
 * are those of sync/, which implements this. See sync/conds.c.
 */
#ifndef OA_CORE_CONDS_H
#define OA_CORE_CONDS_H

#include "core/slab.h"
#include "core/task.h"

struct start;
extern struct slab_cache start_cache;

static inline bool conds_wanted(const struct oa_task_opts *o)
{
	/* Without a branch for each: nearly always there is none. */
	return (uintptr_t)o->latch | (uintptr_t)o->barrier |
	       (uintptr_t)o->backpressure | (uintptr_t)o->sem |
	       (uintptr_t)o->mutex | (uintptr_t)o->then | o->block;
}

/* What is wrong with them, or 0. Touches nothing. */
int conds_check(const struct oa_task_opts *o);

/*
 * @t, not published yet, with its function and argument. -EBUSY: a lossy
 * backpressure was full, and nothing comes before it.
 */
struct start *conds_new(struct task *t, const struct oa_task_opts *o, int *err);

/*
 * Worker: @t was met in a queue and has not started. 0: it may start here;
 * 1: it waits, or is on the blocking pool; -errno: it is to be dropped.
 */
int conds_advance(struct worker *w, struct task *t);

/* Nobody runs it any more: out of the queue that it waits in. */
void conds_give_up(struct task *t);

/* At its end, or when it is dropped: gives back what it holds. */
void conds_release(struct task *t);
void conds_free(struct start *s);

/* What it runs first, a glance. */
oa_fn conds_fn(const struct start *s);

#endif
