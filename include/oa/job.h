/* SPDX-License-Identifier: MIT */
/* Fork and join for computing. See oa_job_fork(3), oa_parallel_for(3). */
#ifndef OA_JOB_H
#define OA_JOB_H

#include <stddef.h>

#include <oa/task.h>
#include <oa/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A call that another worker may take. It lies in the frame of who forks it,
 * who must join it before that frame goes. Fields are private.
 */
struct oa_job {
	oa_fn oa__fn;
	void *oa__arg;
	uint64_t oa__word;
	uint64_t oa__task;
	uint64_t oa__reserved;
};

/* 0, or -EINVAL. Joined by the same task; last forked, first joined is best. */
OA_API int oa_job_fork(struct oa_job *job, oa_fn fn, void *arg);
/* What fn(arg) returned. Not a cancellation point: hands a cancel on. */
OA_API void *oa_job_join(struct oa_job *job);

typedef void (*oa_range_fn)(size_t begin, size_t end, void *arg);

/*
 * fn() for all of [begin, end), in pieces of at most @grain; 0: the library's
 * choice. 0, -EINVAL, or -ECANCELED or -ETIMEDOUT with pieces left undone.
 */
OA_API int oa_parallel_for(size_t begin, size_t end, size_t grain,
			   oa_range_fn fn, void *arg);

#ifdef __cplusplus
}
#endif

#endif
