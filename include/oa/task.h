/* SPDX-License-Identifier: MIT */
/* Tasks: starting, joining, cancelling, sleeping. See oa_go(3). */
#ifndef OA_TASK_H
#define OA_TASK_H

#include <stdbool.h>

#include <oa/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct oa_backpressure;
struct oa_barrier;
struct oa_latch;
struct oa_mutex;
struct oa_scope;
struct oa_sem;
struct oa_token;

/* Where a task that may run at once is put. */
enum oa_hint {
	OA_HINT_BACK = 0,	/* behind what is ready */
	OA_HINT_NEXT,		/* before it, on this worker */
	OA_HINT_INLINE,		/* runs now; the caller is the next */
};

/* Smaller runs first. */
#define OA_PRIO_MIN	(-20)
#define OA_PRIO_MAX	19

/* Begins with its size, so that it can grow; all-zero fields mean default. */
struct oa_task_opts {
	uint32_t size;
	bool pinned;			/* never changes thread */
	bool fpctl;			/* changes x87/MXCSR/FPCR control */
	int worker;			/* OA_WORKER(n): pinned there */
	oa_time_t delay;		/* starts so long from now */
	oa_time_t at;			/* ... or not before this */
	size_t copy;			/* that many bytes of arg are copied */
	void (*on_drop)(void *arg);	/* the body will never run */
	const char *name;		/* 31 bytes are copied */
	size_t stack_size;		/* 0: the runtime's */
	struct oa_runtime *runtime;	/* NULL: the caller's */
	/* What it starts under, in this order; given back at its end. */
	struct oa_latch *latch;		/* arrives, and waits for the others */
	struct oa_barrier *barrier;
	struct oa_backpressure *backpressure;
	struct oa_sem *sem;
	bool block;			/* runs on the blocking pool */
	struct oa_mutex *mutex;
	const oa_fn *then;		/* ended by NULL; 16 links are copied */
	oa_time_t timeout;		/* it may take so long; 0: no limit */
	struct oa_scope *scope;		/* which it does not outlive */
	struct oa_token *token;		/* cancels it with others */
	int prio;			/* OA_PRIO_MIN to OA_PRIO_MAX */
	enum oa_hint hint;
};

#ifdef __cplusplus
/* In full, or -Wextra tells of each field that is missing. */
#define OA_TASK_OPTS_INIT { sizeof(struct oa_task_opts), false, false, 0, \
	0, 0, 0, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, false, NULL, \
	NULL, 0, NULL, NULL, 0, OA_HINT_BACK }
#else
#define OA_TASK_OPTS_INIT { .size = sizeof(struct oa_task_opts) }
#endif
#define OA_TASK_NAME_MAX 32
#define OA_THEN_MAX	16

OA_API int oa_go_with(oa_fn fn, void *arg, const struct oa_task_opts *opts);
OA_API int oa_go(oa_fn fn, void *arg);
OA_API oa_task_t oa_spawn_with(oa_fn fn, void *arg,
			       const struct oa_task_opts *opts);
OA_API oa_task_t oa_spawn(oa_fn fn, void *arg);

OA_API int oa_join(oa_task_t t, void **result);
OA_API int oa_join_until(oa_task_t t, void **result, oa_time_t deadline);
OA_API int oa_detach(oa_task_t t);

/* The first of n tasks to end, and which it was; the others go on. */
OA_API int oa_join_any(const oa_task_t *ts, size_t n, size_t *which,
		       void **result);
OA_API int oa_join_any_until(const oa_task_t *ts, size_t n, size_t *which,
			     void **result, oa_time_t deadline);
/* All of them; results may be NULL. */
OA_API int oa_join_all(const oa_task_t *ts, size_t n, void **results);
OA_API int oa_join_all_until(const oa_task_t *ts, size_t n, void **results,
			     oa_time_t deadline);

OA_API int oa_cancel(oa_task_t t);
OA_API int oa_cancelled(void);

/* In between, no call fails because the task was cancelled. They nest. */
OA_API int oa_shield_enter(void);
OA_API int oa_shield_leave(void);

OA_API void oa_exit(void *result) __attribute__((noreturn));
OA_API int oa_yield(void);
OA_API int oa_yield_point(void);

OA_API int oa_sleep(oa_time_t timeout);
OA_API int oa_sleep_until(oa_time_t deadline);
OA_API oa_time_t oa_now(void);
OA_API oa_time_t oa_after(oa_time_t timeout);

/* All-zero outside a task. */
OA_API oa_task_t oa_self(void);
OA_API int oa_worker_id(void);
OA_API int oa_task_name(oa_task_t t, char *buf, size_t n);
OA_API void **oa_user(void);

/* Bytes left on the stack of the calling task or thread. */
OA_API size_t oa_stack_left(void);
/* fn(arg), on a stack of size bytes if less than red_zone is left here. */
OA_API void *oa_call_grown(oa_fn fn, void *arg, size_t red_zone, size_t size);

#ifndef __cplusplus
#define OA__GO_WITH(fn, arg, ...) \
	oa_go_with(fn, arg, &(const struct oa_task_opts){ \
		.size = sizeof(struct oa_task_opts), __VA_ARGS__ })
#define OA__SPAWN_WITH(fn, arg, ...) \
	oa_spawn_with(fn, arg, &(const struct oa_task_opts){ \
		.size = sizeof(struct oa_task_opts), __VA_ARGS__ })
#define oa_go(...) \
	OA__OPTS_2((oa_go), OA__GO_WITH, __VA_ARGS__)(__VA_ARGS__)
#define oa_spawn(...) \
	OA__OPTS_2((oa_spawn), OA__SPAWN_WITH, __VA_ARGS__)(__VA_ARGS__)
#endif

#ifdef __cplusplus
}
#endif

#endif
