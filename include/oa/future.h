/* SPDX-License-Identifier: MIT */
/* One value or error that many may wait for. See oa_future_get(3). */
#ifndef OA_FUTURE_H
#define OA_FUTURE_H

#include <oa/sync.h>
#include <oa/task.h>
#include <oa/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * All-zero is a future without a producer: whoever has the value sets it. Those
 * that oa_async() and oa_lazy() make are counted, and given up by
 * oa_future_put(). Every call takes the oa_err() that these may return for a
 * future of which nothing but the error is known. Fields are private.
 */
struct oa_future {
	uint64_t oa__word;
	void *oa__queue;
	uint64_t oa__waits;
	void *oa__value;
	oa_task_t oa__task;
	void *oa__start;
	uint64_t oa__refs;
	uint64_t oa__reserved[2];
};

#define OA_FUTURE_INIT	{ 0, 0, 0, 0, { 0 }, 0, 0, { 0, 0 } }

/* 0, or -EALREADY. An error is set as oa_err(-EIO). */
OA_API int oa_future_set(struct oa_future *f, void *value);
/*
 * 0 and the value. If the value is an error, that and its code; *value is left
 * alone when it was the call that failed.
 */
OA_API int oa_future_get(struct oa_future *f, void **value);
OA_API OA_MUST_CHECK int oa_future_tryget(struct oa_future *f, void **value);
OA_API int oa_future_get_until(struct oa_future *f, void **value,
			       oa_time_t deadline);
/* -EBUSY while somebody waits; -EINVAL for those that are counted. */
OA_API int oa_future_destroy(struct oa_future *f);
/* The owner is the task that makes the value. */
OA_API int oa_future_info(const struct oa_future *f,
			  struct oa_sync_info *info);

/*
 * A future whose value fn(arg) makes, in a task: started now, or at the first
 * get. The caller's to put; or oa_err(). When the last reference is put, a
 * producer that has not ended is cancelled.
 */
OA_API OA_MUST_CHECK struct oa_future *
oa_async_with(oa_fn fn, void *arg, const struct oa_task_opts *opts);
OA_API OA_MUST_CHECK struct oa_future *oa_async(oa_fn fn, void *arg);
OA_API OA_MUST_CHECK struct oa_future *
oa_lazy_with(oa_fn fn, void *arg, const struct oa_task_opts *opts);
OA_API OA_MUST_CHECK struct oa_future *oa_lazy(oa_fn fn, void *arg);
OA_API struct oa_future *oa_future_ref(struct oa_future *f);
OA_API void oa_future_put(struct oa_future *f);

#ifndef __cplusplus
#define OA__ASYNC_WITH(fn, arg, ...) \
	oa_async_with(fn, arg, &(const struct oa_task_opts){ \
		.size = sizeof(struct oa_task_opts), __VA_ARGS__ })
#define OA__LAZY_WITH(fn, arg, ...) \
	oa_lazy_with(fn, arg, &(const struct oa_task_opts){ \
		.size = sizeof(struct oa_task_opts), __VA_ARGS__ })
#define oa_async(...) \
	OA__OPTS_2((oa_async), OA__ASYNC_WITH, __VA_ARGS__)(__VA_ARGS__)
#define oa_lazy(...) \
	OA__OPTS_2((oa_lazy), OA__LAZY_WITH, __VA_ARGS__)(__VA_ARGS__)
#endif

#ifdef __cplusplus
}
#endif

#endif
