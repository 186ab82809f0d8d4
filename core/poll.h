/* SPDX-License-Identifier: MIT */
/*
 * The seam between the scheduler and the outside.
 *
 * Core calls no futex, clock, thread or random function by itself: whatever
 * reaches the kernel goes through struct poll_ops. uring/ implements it for
 * Linux, selftests/sim/ for the simulator, where all workers and foreign
 * threads are contexts on one thread.
 *
 * Contexts: "owner" is the worker's own thread, "any" every thread.
 */
#ifndef OA_CORE_POLL_H
#define OA_CORE_POLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <oa/futex.h>
#include <oa/types.h>

struct io_uring_sqe;
struct op;
struct runtime;
struct task;
struct worker;

/* What an operation asks for; one request of the kernel each. */
enum op_code {
	OP_RAW,			/* prepared by op_prep() */
	OP_READ,
	OP_WRITE,
	OP_READV,
	OP_WRITEV,
	OP_OPENAT,
	OP_OPENAT2,
	OP_CLOSE,
	OP_FSYNC,
	OP_STATX,
	OP_ACCEPT,
	OP_CONNECT,
	OP_SEND,
	OP_RECV,
	OP_SENDMSG,
	OP_RECVMSG,
	OP_POLL,
	OP_SPLICE,
	OP_FUTEX_WAIT,		/* if poll_words.by_request() */
	OP_CODES
};

/* How a worker sleeps; the values of worker->state. */
enum worker_state {
	WORKER_RUNNING,
	WORKER_PARKED_FUTEX,
	WORKER_PARKED_RING,
	WORKER_NOTIFIED,
	WORKER_NOTIFIED_SEARCH,	/* ... and it holds the searcher's token */
	WORKER_DEAD,
};

/* An outside thread's body, and how it is waited for. */
struct poll_thread {
	void *(*fn)(void *arg);
	void *arg;
	uintptr_t id;		/* backend's own */
};

/* Words in memory that is shared with other processes. */
struct poll_words {
	/* any. Does the kernel take OP_FUTEX_WAIT? */
	bool (*by_request)(void);
	/* any. Can a thread in wait() be told to end? */
	bool (*by_thread)(void);
	/* any. Is it @value? 0, -EAGAIN, -EFAULT. */
	int (*compare)(uint32_t *word, uint32_t value);
	/*
	 * any. The thread sleeps until one of @words is woken, and gets its
	 * index; else -EAGAIN, -EFAULT, -EINTR, -ETIMEDOUT. With @stop, which
	 * goes with one word, only while *stop is 0: then -ECANCELED, unless
	 * the word was woken as well.
	 */
	int (*wait)(const struct oa_futex_word *words, unsigned int n,
		    uint32_t *stop, oa_time_t deadline);
	/* any, signal handlers too. How many waiters it woke. */
	int (*wake)(uint32_t *word, int n);
};

/* @line: of oa_features(). @lacks: something is not as it could be. */
typedef void poll_tell(void *arg, const char *line, bool lacks);

struct poll_ops {
	const char *name;

	/* any; what the runtime cannot start without. 0 or -errno. */
	int (*runtime_init)(struct runtime *rt);
	void (*runtime_fini)(struct runtime *rt);

	/* A thread that runs a worker. @cpu -1: anywhere. */
	int (*thread_start)(struct poll_thread *t, const char *name, int cpu);
	void (*thread_join)(struct poll_thread *t);
	/* It is not waited for, and may end at any time or never. */
	void (*thread_leave)(struct poll_thread *t);

	/* owner, on its thread: before the first use and after the last. */
	int (*worker_init)(struct worker *w);
	void (*worker_fini)(struct worker *w);

	/*
	 * owner. Starts @op, whose memory lives until op_done(). Never fails:
	 * what cannot be handed on now is kept and tried again.
	 */
	void (*op_start)(struct worker *w, struct op *op);
	/* owner. Asks a started operation to end; it ends by op_done(). */
	void (*op_cancel)(struct worker *w, struct op *op);

	/* owner. Is there something to reap? A few loads, no system call. */
	bool (*ready)(struct worker *w);
	/* owner. Was something started that the kernel does not know yet? */
	bool (*unsent)(struct worker *w);
	/* owner. Hands on what was started, reaps what is done; no waiting. */
	int (*reap)(struct worker *w);
	/* owner. Nothing in flight, nothing kept back: may park on the futex. */
	bool (*idle)(struct worker *w);

	/*
	 * owner, with w->state PARKED_RING: hand on, then sleep until @few
	 * completions, or .coalesce is over and one has come, or @deadline.
	 * A kick counts as w->few.
	 */
	void (*wait)(struct worker *w, oa_time_t deadline, unsigned int few);
	/* any. Can it wait for more than one? */
	bool (*waits_for_few)(void);
	/* owner, with w->state PARKED_FUTEX: sleep while it is that. */
	void (*park)(struct worker *w, oa_time_t deadline);
	/* any; @how is the state that the caller turned into NOTIFIED. */
	void (*kick)(struct worker *w, enum worker_state how);

	/*
	 * owner, of a worker that is driven from outside. A descriptor that is
	 * readable when there may be something to reap or somebody has kicked;
	 * made at the first call, or -errno. NULL: there is no such thing here.
	 */
	int (*outside_fd)(struct worker *w);
	/*
	 * owner, with w->state PARKED_RING. From now on it becomes readable by
	 * what comes, and by that alone: who calls this looks again.
	 */
	void (*outside_clear)(struct worker *w);
	/* owner. ... and at @when; 0: now. */
	void (*outside_set)(struct worker *w, oa_time_t when);

	/* A thread sleeps while *word == value; the waker changes it first. */
	int (*thread_wait)(uint32_t *word, uint32_t value, oa_time_t deadline);
	void (*thread_wake)(uint32_t *word);
	/* NULL: no memory is shared with others here. */
	const struct poll_words *words;

	/* any: all threads of the process have passed a full barrier. */
	bool (*membarrier)(void);

	oa_time_t (*now)(void);
	/* Cheaper: never ahead of now(), and behind it by a tick or some. */
	oa_time_t (*now_coarse)(void);
	uint64_t (*random)(void);

	/* any. A line per feature: what the kernel gives, what stands in. */
	void (*features)(poll_tell *tell, void *arg);
	/* any. May OA_DISABLE name it? */
	bool (*is_feature)(const char *word, size_t len);
	/* The child of fork(): drop what belongs to the parent. */
	void (*forked)(struct worker *w);
};

/* The backend that this library was linked with first. */
extern const struct poll_ops *const poll_default;

/* Give way to other threads; in the simulator a step. */
void poll_thread_yield(void);

#endif
