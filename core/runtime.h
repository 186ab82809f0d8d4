/* SPDX-License-Identifier: MIT */
/* A runtime: its workers and what they share. */
#ifndef OA_CORE_RUNTIME_H
#define OA_CORE_RUNTIME_H

#include <urcu/list.h>

#include <oa/runtime.h>
#include <oa/task.h>

#include "core/spin.h"
#include "core/stack.h"
#include "core/worker.h"

/* In foreign_spawned: over, nothing may start any more. */
#define RT_CLOSED	((uint64_t)1 << 63)

/* ->stopping of a graceful shutdown. */
#define RT_DROPPING	(OA_SHUTDOWN_GRACEFUL + 1)
/* ->stopping of one that ends at once, and how long it waits for its workers. */
#define RT_NOW		(OA_SHUTDOWN_NOW + 1)
#if defined(OA_SIM) && OA_SIM == 1
#define RT_GRACE	OA_FOREVER	/* a stall there may last for ever */
#else
#define RT_GRACE	(200 * OA_MSEC)
#endif

#define WORKERS_MAX	256
#define MASK_WORDS	(WORKERS_MAX / 64)

struct poll_ops;
struct oa_post_node;
struct pool;
struct rt_waiter;
struct watched;

/* Work that anybody may take, from foreign threads. */
struct inject {
	struct spin lock;
	uint32_t n;			/* 1: L:lock; others guess by it */
	struct task *first;		/* L:lock */
	struct task **last;		/* L:lock */
};

#define POST_LEVELS	(OA_PRIO_MAX - OA_PRIO_MIN + 1)

/* oa_post()s, by their priority; core/inject.c. */
struct post_queue {
	struct spin lock;
	uint32_t n;			/* 1: L:lock; others guess by it */
	uint64_t turn;			/* L:lock; how many were taken */
	uint64_t levels;		/* L:lock; a bit for each that has any */
	struct {
		struct task *first;
		struct task **last;
	} level[POST_LEVELS];		/* L:lock */
};

struct runtime {
	/* read by all, written rarely */
	const struct poll_ops *poll;	/* I */
	uint32_t nr_workers;		/* I */
	uint32_t stopping;		/* A; 0, or enum oa_shutdown_how + 1 */
	uint32_t over;			/* A; nothing is alive any more */
	uint32_t debug_migrate;		/* I */
	uint32_t park_ring;		/* I; OA_PARK=ring */
	uint32_t by_request;		/* I; calls are dear: see core/io.h */
	uint32_t watch_off;		/* I; no processor to spare for it */
	uint32_t watch_asleep;		/* A; core/watch.c */
	uint32_t active;		/* A; workers not on standby: the first */
	uint32_t debug_standby;		/* I; OA_DEBUG=standby */
	uint32_t generation;		/* I; of the process, see core/fork.c */
	struct stack_pool stacks;
	struct worker **workers;	/* I */
	struct oa_config cfg;		/* I */

	/* written when somebody idles or helps; core/idle.c */
	_Alignas(OA_LINE_PAIR) uint64_t idle[MASK_WORDS];	/* A; helpers */
	uint32_t nr_helpers;		/* A; parked, and may be called for help */
	uint32_t nr_idle;		/* A; parked */
	_Alignas(OA_LINE_PAIR) uint64_t searcher;	/* A; 0, or since when */
	uint32_t broadcast;		/* A; a futex that all parks watch */
	uint32_t hunt;			/* A; grows: what is ready became urgent */

	_Alignas(OA_LINE_PAIR) struct inject inject;
	struct oa_post_node *prepared;	/* A core/prepared.c */
	uint64_t foreign_spawned;	/* A; tasks started by other threads */
	uint64_t alive_credit;		/* A; of max_tasks, not handed out */
	uint64_t posts;			/* A; waiting or running oa_post()s */
	uint64_t posts_in;		/* A; let in so far, of all kinds */
	uint64_t posts_refused;		/* A */
	uint64_t outside_ended;		/* A; tasks ended on the blocking pool */
	uint64_t outside_dropped;	/* A; of those, how many never ran */
	uint64_t outside_cancelled;	/* A; of those, how many had been */
	struct post_queue post_queue;
	_Alignas(OA_LINE_PAIR) struct spin closers_lock;
	struct closer *closers;		/* L:closers_lock; core/fd.c */
	struct pool *pool;		/* I */
	struct watched *watch;		/* I; or NULL; core/watch.c */

	/* cold */
	struct cds_list_head node;	/* R:runtimes_lock */
	struct runtime *kept;		/* L:runtimes_lock; left behind, too */
	struct spin stats_lock;
	uint64_t foreign_base;		/* L:stats_lock; values at reset */
	uint64_t ended_base;		/* L:stats_lock */
	uint64_t dropped_base;		/* L:stats_lock */
	uint64_t posts_base;		/* L:stats_lock */
	uint64_t refused_base;		/* L:stats_lock */
	struct spin waiters_lock;
	struct rt_waiter *waiters;	/* L:waiters_lock */
	bool by_run;			/* I; oa_run() waits for it itself */
	oa_task_t first;		/* I; what it was started with */
	int first_error;		/* 1; why that has not run */
	uint64_t owner;			/* I; thread that drives it, or 0 */
	uint32_t owner_left;		/* A; it will not look at it again */
	struct oa_ended ended;		/* L:stats_lock */
	uint32_t finished;		/* A; futex: RT_GONE, RT_HURRY */
	uint32_t end;			/* A; who sees to it: enum rt_end */
	bool left_behind;		/* T of that; a worker did not come */
	bool keep_stacks;		/* others may know what is on them */
	struct scope *scopes_left;	/* L:closers_lock; shut down at once */
	struct stack *buried[2];	/* T of that; grown_bury(); by hooks */
	oa_time_t now_at;		/* A; then it is to end at once */
	oa_time_t now_since;		/* A; 0, or when that was asked */
	uint32_t running;		/* A; workers not gone yet */
	uint32_t started;		/* A; futex: workers up, or failed */
	uint32_t collected;		/* A; futex: threads joined (2) */
	int start_error;		/* A */
	char name[16];
};

/* ->finished */
#define RT_GONE		1u	/* no worker runs any more, it may be freed */
#define RT_HURRY	2u	/* counted: who waits is to look anew */

enum rt_end { RT_END_NONE, RT_END_WORKER, RT_END_WAITER };

/* Until when who hurries it waits for its workers. */
static inline oa_time_t rt_grace_ends(oa_time_t since)
{
	return RT_GRACE > OA_FOREVER - since ? OA_FOREVER : since + RT_GRACE;
}

static inline bool rt_gone(struct runtime *rt)
{
	return atomic_load(&rt->finished) & RT_GONE; /* [gone] */
}

/* What has not started is not to, and what is suspended is cancelled. */
static inline bool rt_drops(const struct runtime *rt)
{
	uint32_t how = READ_ONCE(rt->stopping);

	return how == RT_DROPPING || how == RT_NOW;
}

/*
 * The same of one task. What a call that waits has started runs all the same,
 * unless the call is cancelled and says so: a shield may be around it.
 */
static inline bool rt_drops_task(const struct runtime *rt, const struct task *t)
{
	uint32_t how = READ_ONCE(rt->stopping);

	return unlikely(how) &&
	       (how == RT_NOW ||
		(how == RT_DROPPING && !(READ_ONCE(t->flags) & TASK_PART)));
}

/* Worker, in its loop, ->stopping set: is it to leave, whatever is to do? */
bool rt_stops(struct worker *w);

extern struct cds_list_head runtimes;	/* R:runtimes_lock */
extern struct spin runtimes_lock;

static inline const struct oa_allocator *rt_alloc(const struct runtime *rt)
{
	return &rt->cfg.allocator;
}

/* The last act of a worker's thread: @rt may be gone afterwards. */
void rt_worker_gone(struct runtime *rt);

/* A thread: until it has ended, or -ETIMEDOUT. */
int rt_wait(struct runtime *rt, oa_time_t deadline);
/* After RT_GONE, by one: threads, backend and pool end. */
void rt_finish(struct runtime *rt);
/* Then: its memory, after a grace period, if nobody was left behind. */
void rt_free(struct runtime *rt);
/* At once; what else is the runtime's has gone. */
void rt_destroy(struct runtime *rt);
/* After RT_GONE: joins the threads, once. */
void rt_collect(struct runtime *rt);

/* The handler is no part of the task that is told of: it can't suspend it. */
void rt_tell(struct runtime *rt, const struct oa_runtime_event *ev);
void rt_event(struct runtime *rt, enum oa_runtime_event_kind kind, int worker,
	      int64_t value, const char *text);

#endif
