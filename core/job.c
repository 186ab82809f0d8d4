// SPDX-License-Identifier: MIT
/*
 * Fork and join for computing. A job is a part of its caller: it lies in his
 * frame, and unless somebody idle takes it he calls it himself when he comes
 * to its join, so that it costs a push and a take (core/jobs.c).
 *
 * Who finds at the join that his job is with a task waits for that:
 *
 *   joiner                               who runs it
 *   word = his waiter    (swap)          the result
 *   sleeps                               no waiter: word = DONE  (swap)
 *                                        else word |= WAKES, and claims the
 *                                        wait; if that is lost, word = DONE
 *
 * Once the wait is claimed the job may be gone. A task that got no stack and is
 * dropped gives the job back: OWN instead of DONE. The joiner is woken before its
 * time only by a cancel, which he hands on: he takes his waiter back, or stays
 * until the other has done with it.
 *
 * A cancel that is handed on sets ASKED, and then reads who runs the job, who
 * says so, and then looks for ASKED [job-cancel].
 */
#include "core/job.h"

#include <errno.h>

#include "core/bug.h"
#include "core/jobs.h"
#include "core/park.h"
#include "core/runtime.h"
#include "core/waiter.h"

const char job_name[] = "job";

static inline void *run_own(struct oa_job *job)
{
	return job->oa__fn(job->oa__arg);
}

/* ---- by who runs it in a task of its own */

/* The word says @as from here on. */
static void settle(struct oa_job *job, uint64_t as)
{
	uint64_t word = atomic_load_acq(&job->oa__word); /* [job] */
	struct waiter *n;
	struct wakes wk;

	for (;;) {
		n = (struct waiter *)(uintptr_t)(word & ~(uint64_t)JOB_BITS);
		/* [job] the result before the word */
		if (atomic_cas(&job->oa__word, &word,
			       n ? word | JOB_WAKES | (as & JOB_OWN) : as))
			break;
	}
	if (!n)
		return;
	wakes_init(&wk);
	if (waiter_claim_plain(n, &wk))
		wakes_run(&wk);
	else
		atomic_store_rel(&job->oa__word, as); /* [job] */
}

void job_dropped(void *arg)
{
	settle(arg, JOB_OWN);
}

void *job_run(void *arg)
{
	struct oa_job *job = arg;
	oa_task_t me = oa_self();

	atomic_store(&job->oa__task, me.id); /* [job-cancel] */
	if (unlikely(atomic_load(&job->oa__word) & JOB_ASKED)) /* [job-cancel] */
		oa_cancel(me);
	job->oa__arg = run_own(job);
	settle(job, JOB_DONE);
	return NULL;
}

/* ---- by who joins it */

static void hand_on_cancel(struct oa_job *job)
{
	oa_task_t by;

	atomic_or(&job->oa__word, (uint64_t)JOB_ASKED); /* [job-cancel] */
	by.id = atomic_load(&job->oa__task); /* [job-cancel] */
	if (by.id)
		oa_cancel(by);
}

/* False: it is settled. */
static bool show_waiter(struct oa_job *job, struct waiter *n)
{
	uint64_t word = atomic_load_acq(&job->oa__word); /* [job] */

	do {
		if (word & (JOB_DONE | JOB_OWN))
			return false;
		/* [job] the waiter before the word */
	} while (!atomic_cas(&job->oa__word, &word,
			     (uint64_t)(uintptr_t)n | word));
	return true;
}

/* After a wait that was cancelled. False: it is settled. */
static bool hide_waiter(struct oa_job *job)
{
	uint64_t word = atomic_load_acq(&job->oa__word); /* [job] */

	for (;;) {
		if (word & JOB_WAKES) {
			poll_thread_yield();
			word = atomic_load_acq(&job->oa__word); /* [job] */
			continue;
		}
		if (word & (JOB_DONE | JOB_OWN))
			return false;
		if (atomic_cas(&job->oa__word, &word, word & JOB_ASKED)) /* [job] */
			return true;
	}
}

/* It is settled. */
static void *result_of(struct oa_job *job)
{
	/* relaxed: whoever settled it was met by the word, or woke us */
	return unlikely(READ_ONCE(job->oa__word) & JOB_OWN) ? run_own(job)
							    : job->oa__arg;
}

/* One wait. True: it is settled. */
static bool wait_for(struct oa_job *job, struct task *t, uint32_t flags)
{
	/* Aligned, since its address shares a word with JOB_BITS. */
	_Alignas(JOB_BITS + 1) struct waiter n = {
		.task = t, .what = job_name, .on = job,
		.deadline = OA_FOREVER, .mode = WAITER_PLAIN,
	};

	WRITE_ONCE(t->wait_on, &n);
	n.epoch = park_begin(t, flags | WAIT_SYNC, OA_FOREVER);
	if (!show_waiter(job, &n)) {
		park_abandon(t, n.epoch);
		return true;
	}
	return park_wait(t) == WAIT_WOKEN || !hide_waiter(job);
}

static void *wait_done(struct oa_job *job)
{
	struct task *t = park_self();
	bool asked = false;

	OA_BUG_ON(!t);
	for (;;) {
		if (!asked && READ_ONCE(t->life) & LIFE_CANCEL) {
			hand_on_cancel(job);
			asked = true;
		}
		if (wait_for(job, t, asked ? 0 : WAIT_MAY_CANCEL))
			return result_of(job);
	}
}

/* The caller's newest, if it has any on offer. */
static struct oa_job *take_newest(void)
{
	struct worker *w = worker_self();

	if (!w || !w->current || !(w->current->flags & TASK_JOBS))
		return NULL;
	return jobs_pop(&w->jobs);
}

/*
 * Not the newest, or it is gone. What is newer was forked by the same frame,
 * since thieves begin with the oldest, and will be joined there: it may as well
 * run now, as long as it is this task that is to run it.
 */
static __noinline void *join_slow(struct oa_job *job)
{
	struct oa_job *other;

	/* [job] */
	while (!(atomic_load_acq(&job->oa__word) & (JOB_DONE | JOB_OWN))) {
		other = take_newest();
		if (other == job)
			return run_own(job);
		if (!other)
			return wait_done(job);
		other->oa__arg = run_own(other);
		other->oa__word = JOB_DONE;
	}
	return result_of(job);
}

void *oa_job_join(struct oa_job *job)
{
	struct worker *w = worker_self();
	struct jobs *j;
	uint32_t at;

	if (unlikely(!w))
		return join_slow(job);
	j = &w->jobs;
	at = j->bottom - 1;
	if (likely(j->slot[at % JOBS_MAX] == job) &&
	    likely(jobs_take_at(j, at)))
		return run_own(job);
	return join_slow(job);
}

int oa_job_fork(struct oa_job *job, oa_fn fn, void *arg)
{
	struct worker *w = worker_self();
	struct task *t;

	if (unlikely(!job || !fn))
		return -EINVAL;
	job->oa__fn = fn;
	job->oa__arg = arg;
	job->oa__word = 0;
	job->oa__task = 0;
	if (unlikely(!w) || unlikely(!(t = w->current)) ||
	    unlikely(!jobs_push(&w->jobs, job))) {
		job->oa__word = JOB_OWN;
		return 0;
	}
	if (unlikely(!(t->flags & TASK_JOBS)))
		task_set(t, TASK_JOBS);
	if (!w->alone && unlikely(READ_ONCE(w->rt->nr_helpers)))
		jobs_offer(w);
	return 0;
}
