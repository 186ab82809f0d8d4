/* SPDX-License-Identifier: MIT */
#ifndef OA_CORE_JOB_H
#define OA_CORE_JOB_H

#include "core/jobs.h"
#include "core/park.h"

/* Owner, of the newest, which lies at @at: it is the caller's, if true. */
static inline bool jobs_take_at(struct jobs *j, uint32_t at)
{
	uint32_t top;

	WRITE_ONCE(j->bottom, at);
	if (likely(park_is_asymmetric()))
		barrier(); /* [job-asym] */
	else
		smp_mb(); /* [job-asym] */
	/* [job-top] not before the store to bottom */
	top = atomic_load_acq(&j->top);
	if (likely((int32_t)(at - top) > 0))
		return true;
	return jobs_take_last(j, at, top);
}

/* The body of a task that runs a job; @job is a struct oa_job. */
void *job_run(void *job);
/* Such a task will not run: it is for who joins the job to do it. */
void job_dropped(void *job);

/* What those that wait for a job are told to wait for. */
extern const char job_name[];

#endif
