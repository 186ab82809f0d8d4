/* SPDX-License-Identifier: MIT */
#ifndef OA_CORE_JOB_H
#define OA_CORE_JOB_H

/* The body of a task that runs a job; @job is a struct oa_job. */
void *job_run(void *job);

/* What waits for a job are told to wait for; who runs it, a glance. */
extern const char job_name[];
const void *job_runner(const void *job);

#endif
