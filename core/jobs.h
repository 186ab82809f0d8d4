/* SPDX-License-Identifier: MIT */
/*
 * A worker's deque of jobs. Its owner, the running task, pushes and takes at
 * the bottom, thieves take the oldest at the top. Protocol in core/jobs.c.
 *
 * All that is in it belongs to the task that runs: one that suspends turns
 * what it has there into tasks first.
 */
#ifndef OA_CORE_JOBS_H
#define OA_CORE_JOBS_H

#include <oa/job.h>

#include "core/atomic.h"

struct task;
struct worker;

#define JOBS_MAX	512u	/* more are not offered, but run when joined */

/* ->oa__word, with the struct waiter of who joins it. */
#define JOB_OWN		1u	/* is not offered, but runs when it is joined */
#define JOB_DONE	2u	/* the result is in ->oa__arg */
#define JOB_ASKED	4u	/* whoever runs it is to be cancelled */
#define JOB_WAKES	8u	/* who ran it still looks at the waiter */
#define JOB_BITS	15u

struct jobs {
	/* Written by thieves. */
	_Alignas(OA_LINE_PAIR) uint32_t top;	/* A [job-top] */
	/* Written by the owner. */
	_Alignas(OA_LINE_PAIR) uint32_t bottom;	/* 1 [job-bottom] */
	uint32_t seen;				/* W; ->top, some time ago */
	uint32_t told;				/* W; ->top as help was asked for */
	uint32_t quiet;				/* W; forks since, or so */
	struct oa_job *slot[JOBS_MAX];		/* 1; guarded by the indices */
};

/* A guess. */
static inline uint32_t jobs_len(const struct jobs *j)
{
	int32_t n = (int32_t)(READ_ONCE(j->bottom) - READ_ONCE(j->top));

	return n > 0 ? (uint32_t)n : 0;
}

/* The end of jobs_take_at(), see core/job.h. */
bool jobs_take_last(struct jobs *j, uint32_t at, uint32_t top);

/* Owner. The newest, or NULL. */
struct oa_job *jobs_pop(struct jobs *j);

/* Owner. False: full. */
static inline bool jobs_push(struct jobs *j, struct oa_job *job)
{
	uint32_t b = j->bottom;

	if (unlikely(b - j->seen >= JOBS_MAX)) {
		/* [job-top] the slots below it are free */
		j->seen = atomic_load_acq(&j->top);
		if (b - j->seen >= JOBS_MAX)
			return false;
	}
	WRITE_ONCE(j->slot[b % JOBS_MAX], job);
	/* [job-bottom] job and slot before the index; see jobs_steal() */
	atomic_store_rel(&j->bottom, b + 1);
	return true;
}

/* @t, the running task, suspends: what it has open goes on without it. */
void jobs_part(struct worker *w, struct task *t) __cold_path;
/* @t, the running task, has ended: it has joined all. */
void jobs_check_end(struct worker *w, struct task *t) __cold_path;

/* Owner: one was pushed while somebody idles. */
void jobs_offer(struct worker *w) __cold_path;

/* Worker, in search of work: a task that runs the oldest job of @from. */
struct task *jobs_steal(struct worker *w, struct worker *from);

#endif
