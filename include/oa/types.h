/* SPDX-License-Identifier: MIT */
/* Types that every call shares: results, time, handles. See oa(7). */
#ifndef OA_TYPES_H
#define OA_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OA_API		__attribute__((visibility("default")))
#define OA_MUST_CHECK	__attribute__((warn_unused_result))

/* A task body, as in pthreads. */
typedef void *(*oa_fn)(void *arg);

/* Nanoseconds on CLOCK_MONOTONIC; a deadline is absolute, a timeout relative. */
typedef int64_t oa_time_t;

#define OA_NSEC		((oa_time_t)1)
#define OA_USEC		((oa_time_t)1000)
#define OA_MSEC		((oa_time_t)1000000)
#define OA_SEC		((oa_time_t)1000000000)
#define OA_FOREVER	INT64_MAX

struct oa_runtime;

/*
 * Names a task for ever: a value is never given to another task, so it is safe
 * to copy and to keep after the task has ended. All-zero names no task.
 */
typedef struct oa_task {
	uint64_t id;
} oa_task_t;

/* Results that are pointers carry a negative errno the kernel's way. */
#define OA_ERR_MAX	4095

static inline void *oa_err(int err)
{
	return (void *)(intptr_t)err;
}

static inline int oa_is_err(const void *p)
{
	return (uintptr_t)p >= (uintptr_t)-OA_ERR_MAX;
}

static inline int oa_err_code(const void *p)
{
	return oa_is_err(p) ? (int)(intptr_t)p : 0;
}

/* 0, or the negative errno that the spawn of this handle failed with. */
static inline int oa_task_error(oa_task_t t)
{
	return t.id && t.id <= OA_ERR_MAX ? -(int)t.id : 0;
}

static inline int oa_task_eq(oa_task_t a, oa_task_t b)
{
	return a.id == b.id;
}

/* Worker n of a runtime, for .worker; 0 means any. */
#define OA_WORKER(n)	((n) + 1)

/*
 * Chooses between the plain function and the one that takes options, by the
 * number of arguments: OA__OPTS_2() for two fixed arguments and so on.
 */
#define OA__PICK(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, \
		 u, v, w, x, y, z, pick, ...) pick
#define OA__OPTS_1(plain, with, ...) \
	OA__PICK(__VA_ARGS__, with, with, with, with, with, with, with, with, \
		 with, with, with, with, with, with, with, with, with, with, \
		 with, with, with, with, with, with, with, plain, 0)
#define OA__OPTS_2(plain, with, ...) \
	OA__PICK(__VA_ARGS__, with, with, with, with, with, with, with, with, \
		 with, with, with, with, with, with, with, with, with, with, \
		 with, with, with, with, with, with, plain, plain, 0)
#define OA__OPTS_3(plain, with, ...) \
	OA__PICK(__VA_ARGS__, with, with, with, with, with, with, with, with, \
		 with, with, with, with, with, with, with, with, with, with, \
		 with, with, with, with, with, plain, plain, plain, 0)

#ifdef __cplusplus
}
#endif

#endif
