/* SPDX-License-Identifier: MIT */
/* Starting and ending a runtime. See oa_run(3), oa_shutdown(3), oa_post(3). */
#ifndef OA_RUNTIME_H
#define OA_RUNTIME_H

#include <stdbool.h>

#include <oa/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum oa_backend {
	OA_BACKEND_AUTO = 0,
	OA_BACKEND_URING,
	OA_BACKEND_EPOLL,
	OA_BACKEND_SIM,
};

/* How the tasks of a runtime ended; filled when it is over. */
struct oa_ended {
	uint64_t ran;		/* bodies that returned or called oa_exit() */
	uint64_t cancelled;	/* of these, how many had been cancelled */
	uint64_t dropped;	/* never ran: .on_drop was called */
	uint64_t abandoned;	/* left behind with their memory */
};

/* Everything but rings, stacks and the process-wide task slabs. */
struct oa_allocator {
	void *(*alloc)(size_t size, size_t align, void *ctx);
	void (*free)(void *ptr, size_t size, void *ctx);
	void *ctx;
};

/* Reserves address space for stacks, in large pieces; NULL on failure. */
struct oa_stack_allocator {
	void *(*reserve)(size_t size, size_t align, void *ctx);
	void (*release)(void *base, size_t size, void *ctx);
	void *ctx;
};

enum oa_runtime_event_kind {
	OA_EVENT_START = 1,	/* the runtime has its workers */
	OA_EVENT_WORKER_START,
	OA_EVENT_WORKER_STOP,
	OA_EVENT_SHUTDOWN,	/* value: how */
	OA_EVENT_END,		/* every task has ended */
	OA_EVENT_DROP,		/* value: the error; text: the task's name */
	OA_EVENT_NO_MEMORY,	/* no stack for a task; text: its name */
	OA_EVENT_KERNEL,	/* text: what stands in for what */
	OA_EVENT_STALL,		/* a task holds its worker; value: ns; text */
	OA_EVENT_DEADLOCK,	/* text: the tasks of a cycle */
	OA_EVENT_HELD,		/* ended with a mutex; value: how many */
	OA_EVENT_ABANDON,	/* value: threads that did not come */
};

struct oa_runtime_event {
	enum oa_runtime_event_kind kind;
	int worker;		/* or -1 */
	oa_task_t task;		/* or all-zero */
	int64_t value;
	const char *text;	/* valid during the call; may be NULL */
};

/* Begins with its size, so that it can grow; all-zero fields mean default. */
struct oa_config {
	uint32_t size;
	unsigned int workers;		/* 0: the CPUs this process may use */
	unsigned int max_blocking;	/* 0: workers / 2, at least 1 */
	bool pin;			/* one CPU per worker */
	bool external;			/* no threads: driven by the caller */
	enum oa_backend backend;
	size_t stack_size;		/* 0: 256 KiB */
	size_t max_tasks;		/* alive at once; 0: no limit */
	size_t max_posts;		/* not ended oa_post()s; 0: 65536 */
	const char *name;		/* of worker threads; copied */
	void *user;			/* given to on_event */
	void (*on_event)(const struct oa_runtime_event *ev, void *user);
	struct oa_allocator allocator;
	struct oa_stack_allocator stacks;
	struct oa_ended *ended;		/* filled by oa_run() */
	unsigned int min_blocking;	/* pool threads that stay once started */
	oa_time_t blocking_idle;	/* others end after this; 0: 10 s */
	oa_time_t watch;		/* see oa_watch(7); 0: 40 ms */
	int dump_signal;		/* dumps to stderr; 0: none */
	oa_time_t timer_slack;		/* see oa_sleep(3); 0: 50 us */
	oa_time_t coalesce;		/* see oa_run(3); 0: 100 us */
};

#ifdef __cplusplus
/* In full, or -Wextra tells of each field that is missing. */
#define OA_CONFIG_INIT { sizeof(struct oa_config), 0, 0, false, false, \
	OA_BACKEND_AUTO, 0, 0, 0, NULL, NULL, NULL, { NULL, NULL, NULL }, \
	{ NULL, NULL, NULL }, NULL, 0, 0, 0, 0, 0, 0 }
#else
#define OA_CONFIG_INIT { .size = sizeof(struct oa_config) }
#endif

enum oa_shutdown_how {
	OA_SHUTDOWN_GRACEFUL = 0,	/* drop the unstarted, cancel the rest */
	OA_SHUTDOWN_DRAIN,		/* finish all, refuse new work */
	OA_SHUTDOWN_NOW,		/* workers end at their next call */
};

OA_API int oa_run_with(oa_fn fn, void *arg, const struct oa_config *cfg);
OA_API int oa_run(oa_fn fn, void *arg);
OA_API int oa_start_with(struct oa_runtime **rt, oa_fn fn, void *arg,
			 const struct oa_config *cfg);
OA_API int oa_start(struct oa_runtime **rt, oa_fn fn, void *arg);

OA_API int oa_runtime_wait(struct oa_runtime *rt, struct oa_ended *ended);
OA_API int oa_runtime_wait_until(struct oa_runtime *rt, struct oa_ended *ended,
				 oa_time_t deadline);
OA_API int oa_runtime_free(struct oa_runtime *rt);

/* The runtime of the calling task or worker, or NULL. */
OA_API struct oa_runtime *oa_runtime_self(void);

OA_API int oa_shutdown(struct oa_runtime *rt, enum oa_shutdown_how how);

/* The same, and OA_SHUTDOWN_NOW when it has not ended by the deadline. */
OA_API int oa_shutdown_until(struct oa_runtime *rt, enum oa_shutdown_how how,
			     oa_time_t deadline);

/*
 * A runtime with .external, driven by the thread that started it: runs what is
 * ready, waits until the deadline for more if nothing is. 1: there is more to
 * be done; 0: nothing until oa_runtime_fd() is readable; -ESHUTDOWN: over.
 */
OA_API int oa_poll_once(struct oa_runtime *rt, oa_time_t deadline);
OA_API int oa_runtime_fd(struct oa_runtime *rt);

/* From any thread: run fn in a task, on a copy of len bytes at data. */
OA_API int oa_post(struct oa_runtime *rt, oa_fn fn, const void *data,
		   size_t len);

struct oa_post_opts {
	uint32_t size;
	int prio;			/* OA_PRIO_MIN to OA_PRIO_MAX */
	bool front;			/* before what waits in the queue */
	const char *name;
	void (*on_drop)(void *data);	/* on the copy */
};

#ifdef __cplusplus
#define OA_POST_OPTS_INIT { sizeof(struct oa_post_opts), 0, false, NULL, NULL }
#else
#define OA_POST_OPTS_INIT { .size = sizeof(struct oa_post_opts) }
#endif

OA_API int oa_post_opts(struct oa_runtime *rt, oa_fn fn, const void *data,
			size_t len, const struct oa_post_opts *opts);
#ifndef __cplusplus
#define oa_post_with(rt, fn, data, len, ...) \
	oa_post_opts(rt, fn, data, len, &(const struct oa_post_opts){ \
		.size = sizeof(struct oa_post_opts), __VA_ARGS__ })
#endif

/* The caller's own storage for one post; its again when fn begins. */
struct oa_post_node {
	struct oa_post_node *oa__next;
	struct oa_runtime *rt;
	oa_fn fn;
	void *arg;
	uint32_t oa__state;
	uint32_t oa__reserved;
};

#ifdef __cplusplus
#define OA_POST_NODE(rt, fn, arg) { 0, rt, fn, arg, 0, 0 }
#else
#define OA_POST_NODE(rt_, fn_, arg_) \
	{ .rt = (rt_), .fn = (fn_), .arg = (arg_) }
#endif

/* Safe in a signal handler. -EALREADY: it has been posted and not begun. */
OA_API int oa_post_prepared(struct oa_post_node *node);

/* A thread that the runtime does not own, and that calls it often. */
OA_API int oa_thread_attach(struct oa_runtime *rt);
OA_API int oa_thread_detach(void);

#ifndef __cplusplus
#define OA__RUN_WITH(fn, arg, ...) \
	oa_run_with(fn, arg, &(const struct oa_config){ \
		.size = sizeof(struct oa_config), __VA_ARGS__ })
#define OA__START_WITH(rt, fn, arg, ...) \
	oa_start_with(rt, fn, arg, &(const struct oa_config){ \
		.size = sizeof(struct oa_config), __VA_ARGS__ })
#define oa_run(...) \
	OA__OPTS_2((oa_run), OA__RUN_WITH, __VA_ARGS__)(__VA_ARGS__)
#define oa_start(...) \
	OA__OPTS_3((oa_start), OA__START_WITH, __VA_ARGS__)(__VA_ARGS__)
#endif

#ifdef __cplusplus
}
#endif

#endif
