/* SPDX-License-Identifier: MIT */
/* Beginning and end of tasks. See core/spawn.c, core/join.c. */
#ifndef OA_CORE_SPAWN_H
#define OA_CORE_SPAWN_H

#include "core/runtime.h"

/*
 * Whose flags have some of TASK_TOLD, at its end however it came: its future
 * has a value, its scope and token know.
 */
void task_tell(struct task *t, void *result);

/* On the blocking pool: the end of @t, whose thread goes on. */
void task_end_outside(struct task *t, void *result);
/* The same for one that was to run there, and does not. */
void task_drop_outside(struct task *t, int err);

/* Running task: its end. A joiner that may run right away, or NULL. */
struct task *task_end(struct worker *w, struct task *t, void *result);

/*
 * Worker: a delayed task came by way of a queue: its timer is filed here.
 * False: it is delayed no more, and may start.
 */
bool task_delay_came(struct worker *w, struct task *t);
/*
 * These are for the task that had the life word @seen; they leave the next
 * user of the slot alone.
 * Worker: the same for one that was in no queue.
 */
void task_delay_file(struct worker *w, struct task *t, uint64_t seen);
/* Worker: its timer has fired. */
void task_delay_over(struct worker *w, struct task *t, uint64_t seen,
		     oa_time_t now);
/*
 * oa_cancel(). @swept: the caller makes all threads pass a fence when it has done
 * so to many, and looks at their waits again.
 */
int task_cancel(oa_task_t h, bool swept);
/* Any thread: it need not wait any longer. */
void task_delay_skip(struct task *t, uint64_t seen);

/* Start @t on @rt from anywhere; used by oa_post() and the first task. */
struct oa_future;

struct task_args {
	oa_fn fn;
	void *arg;
	const struct oa_task_opts *opts;
	const void *site;
	uint64_t life;			/* LIFE_HANDLE or 0 */
	bool internal;			/* allowed while shutting down */
	bool part;			/* ... and TASK_PART */
	struct oa_future *future;	/* its end is the value; or NULL */
	const struct oa_post_opts *post;	/* a post; instead of ->opts */
	size_t copy;			/* ... of so many bytes at ->arg */
	bool counted;			/* by spawn_count() */
};

/*
 * Any thread, signal handlers too. One more counts as started, from outside;
 * 0, or -ESHUTDOWN when nothing is alive any more.
 */
int spawn_count(struct runtime *rt);

int task_start(struct runtime *rt, const struct task_args *a, oa_task_t *h);

/*
 * Nobody runs @t any more: tells its joiner, if he is outside. @frees: its slot
 * may go as well.
 */
void task_bury(struct task *t, bool frees);

/* Worker, or thread of the pool. Why @t, not started, is not to start; or 0. */
int task_unwanted(const struct task *t);

/* End of a task that @w drops or that has ended: counters and slot. */
void task_release(struct worker *w, struct task *t);

#endif
