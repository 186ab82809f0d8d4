/* SPDX-License-Identifier: MIT */
/*
 * Tasks that become ready (core/ready.c), choosing the next (core/pick.c) and
 * switching to it (core/sched.c).
 */
#ifndef OA_CORE_SCHED_H
#define OA_CORE_SCHED_H

#include "core/runtime.h"

/*
 * Task. Leaves @cur (the running task, its wait word PARKING) and returns when
 * it runs again, perhaps on another worker: nothing of the old one may be
 * used. No lock may be held.
 */
void sched_park(struct worker *w, struct task *cur);
/* The same with a lock: park_wait_locked(). */
void sched_park_locked(struct worker *w, struct task *cur);

/* Task. The same, and @t, claimed and not started, runs at once. */
void *sched_park_into(struct worker *w, struct task *cur, struct task *t,
		      enum commit how);
/* The same where nothing of it is but the plainest. */
void *sched_park_into_new(struct worker *w, struct task *cur, struct task *t,
			  enum commit how);

/*
 * Worker, perhaps in a task: @t, in no queue, begins at once, and the running
 * task is the next.
 */
void sched_run_first(struct worker *w, struct task *t);

/* Running task, also on the pool: it never goes on. */
void sched_abandon(struct task *t) __noreturn_fn;

/* Task. To the end of the queue, unless nobody else wants to run. */
void sched_give_way(struct worker *w, struct task *cur);

/* Task. Ends it here, from any depth of its stack. */
void sched_exit(struct worker *w, struct task *cur, void *result)
	__noreturn_fn;

/*
 * Any thread. @t may run from now on: as the next of this worker, or at the
 * end of its queue; on the worker that it is pinned to; or, from a foreign
 * thread, wherever somebody is free. Kicks as needed.
 */
void sched_ready(struct task *t);
void sched_ready_back(struct worker *w, struct task *t);
/* The same where the caller knows whether it is pinned, and may not look. */
void sched_ready_pinned(struct worker *w, struct task *t);
void sched_ready_stealable(struct worker *w, struct task *t);
/*
 * Worker, behind the others. From the loop, who idles is not told of it before
 * the first that is ready here is about to run, and then only if there is more:
 * by the time that he were awake, one alone would long be running.
 */
void sched_ready_here(struct worker *w, struct task *t);
void sched_ready_here_stealable(struct worker *w, struct task *t);
/* Worker, in the loop: others may have what is left, if any is. */
void sched_offer_rest(struct worker *w);
/* Worker: it is pinned here, or has a priority, or both. */
void sched_queue_odd(struct worker *w, struct task *t);
/* A task to be joined: as the next, unless somebody idles. */
void sched_ready_spawned(struct worker *w, struct task *t);

/* Worker loop. Behind everything that is ready here; nobody is woken for it. */
void sched_queue(struct worker *w, struct task *t);

/* Task. Takes the queue entry of @t if it is the worker's next. */
bool sched_take_next(struct worker *w, struct task *t);

/*
 * Worker, perhaps in a task. Queue entries that joins have left behind go, as
 * long as they are the newest of their queue: else a tree of tasks that is joined
 * branch by branch would leave one for each task, and each would hold a slot.
 */
void sched_take_back(struct worker *w);

/*
 * Worker loop. A slice ended where ->queued was to go on at once. If that has
 * been so for a while, and nobody else ran, that one and the worker's next go
 * behind the others: or a loop of spawn and join would starve them. (Not at
 * each slice: a tree of tasks would be begun at a new branch each time.)
 */
void sched_slice_ended(struct worker *w);

/* Worker loop. The next task that may run, or NULL. */
struct task *sched_next(struct worker *w);
/* Worker loop. Somebody has become urgent while he was ready: is he here? */
void sched_hunt(struct worker *w);
/* Owner, on standby: what others may run is theirs. */
void sched_give_away(struct worker *w);
/* Worker loop. Runs @t and what follows until the loop is needed again. */
void sched_run(struct worker *w, struct task *t);
/* Worker loop: done for the task that was left. */
void sched_finish(struct worker *w);

/* Worker. Runs nothing of it: .on_drop, and the joiner is told @err. */
void task_drop(struct worker *w, struct task *t, int err);

#endif
