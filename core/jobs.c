// SPDX-License-Identifier: MIT
/*
 * Jobs that are offered: a deque for each worker, after Chase and Lev.
 *
 *   owner, taking                        thief
 *   bottom = b (the newest)              t = top
 *   compiler barrier                     membarrier(2)   [job-asym]
 *   t = top                              bottom > t?
 *   b > t: his                           the job of slot t
 *   b == t: his if top t -> t + 1        his if top t -> t + 1
 *
 * Broken without the membarrier: the owner reads top before the thieves move
 * it, they read bottom before his store is seen, and both take the same job.
 * With it, a thief who comes for slot b has seen top == b before, so an owner
 * whose store he does not see reads top later than that, and swaps as well.
 * It costs the thief a microsecond or two, and the owner nothing, who takes
 * back by far the most. Where the kernel has none, he pays for a fence.
 *
 * A thief takes the oldest, which is the largest part of what there is, and
 * makes a task of it. So a job may suspend wherever it runs.
 *
 * Model: selftests/models/jobs.pml.
 */
#include "core/jobs.h"

#include "core/bug.h"
#include "core/idle.h"
#include "core/job.h"
#include "core/park.h"
#include "core/runtime.h"
#include "core/sched.h"

#define QUIET	256u	/* forks for which who has been told need not hear more */

bool jobs_take_last(struct jobs *j, uint32_t at, uint32_t top)
{
	/* Whether it is ours or gone, top stands above it afterwards. */
	WRITE_ONCE(j->bottom, at + 1);
	return top == at && atomic_cas(&j->top, &top, at + 1); /* [job-top] */
}

struct oa_job *jobs_pop(struct jobs *j)
{
	uint32_t at = j->bottom - 1;

	/* relaxed: what is gone stays gone */
	if ((int32_t)(at - READ_ONCE(j->top)) < 0 || !jobs_take_at(j, at))
		return NULL;
	return j->slot[at % JOBS_MAX];
}

static void fill(struct worker *w, struct task *t, struct oa_job *job)
{
	WRITE_ONCE(t->fn, job_run);
	t->arg = job;
	WRITE_ONCE(t->flags, TASK_INTERNAL);
	/* As a return address, which is what others are. */
	WRITE_ONCE(t->site, (const char *)(uintptr_t)job->oa__fn + 1);
	WRITE_ONCE(t->rt, w->rt);
	WRITE_ONCE(t->deadline, OA_FOREVER);
	/* [life] for walkers; others get it by the queue */
	atomic_store_rel(&t->life, READ_ONCE(t->life) | LIFE_ALIVE);
	WRITE_ONCE(w->spawned, w->spawned + 1);
	STAT_INC(w, spawned);
}

/* A task for @job, which goes on by itself; or it runs when it is joined. */
static void give_up(struct worker *w, struct oa_job *job)
{
	struct task *t = NULL;

	/* Whoever is shut down at once does not come back for it. */
	if (READ_ONCE(w->rt->stopping) != RT_NOW)
		t = task_alloc(w);
	if (!t) {
		job->oa__word = JOB_OWN;
		return;
	}
	fill(w, t, job);
	sched_ready_stealable(w, t);
}

void jobs_part(struct worker *w, struct task *t)
{
	struct oa_job *job;

	WRITE_ONCE(t->flags, t->flags & ~(uint32_t)TASK_JOBS);
	while ((job = jobs_pop(&w->jobs)))
		give_up(w, job);
}

void jobs_check_end(struct worker *w, struct task *t)
{
	(void)t;
	if (jobs_len(&w->jobs))
		OA_BUG("a task ended with a job that was not joined");
}

void jobs_offer(struct worker *w)
{
	struct jobs *j = &w->jobs;
	uint32_t top = READ_ONCE(j->top); /* relaxed: a guess */

	/* Who was told takes one, and wakes the next. */
	if (j->bottom - 1 != top && j->told == top && ++j->quiet % QUIET)
		return;
	j->told = top;
	idle_need_help(w->rt);
}

/* [job-asym] Between the looks at top and at bottom. False: it can't be. */
static bool order_thief(const struct poll_ops *poll)
{
	if (likely(park_is_asymmetric()))
		return poll->membarrier();
	smp_mb();
	return true;
}

struct task *jobs_steal(struct worker *w, struct worker *from)
{
	struct jobs *j = &from->jobs;
	uint32_t top = atomic_load_acq(&j->top); /* [job-top] */
	struct oa_job *job;
	struct task *t;

	/* relaxed: a look */
	if ((int32_t)(READ_ONCE(j->bottom) - top) <= 0)
		return NULL;
	t = task_alloc(w);
	if (!t)
		return NULL;
	/* [job-bottom] pairs with the release in jobs_push() */
	if (!order_thief(w->rt->poll) ||
	    (int32_t)(atomic_load_acq(&j->bottom) - top) <= 0)
		goto none;
	job = READ_ONCE(j->slot[top % JOBS_MAX]);
	if (!atomic_cas(&j->top, &top, top + 1)) /* [job-top] */
		goto none;
	fill(w, t, job);
	STAT_INC(w, steals);
	STAT_ADD(w, stolen, 1);
	return t;
none:
	task_free(w, t);
	return NULL;
}
