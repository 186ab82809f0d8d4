/* SPDX-License-Identifier: MIT */
/* Looking inside. See oa_stats(3), oa_tasks(3), oa_features(3). */
#ifndef OA_INSPECT_H
#define OA_INSPECT_H

#include <oa/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OA_STATS_BUCKETS 32

/*
 * Bucket i of a histogram counts values v with 2^i <= v < 2^(i+1); the first
 * also takes 0, the last everything above.
 */
struct oa_stats {
	uint32_t size;		/* in: sizeof(struct oa_stats) */
	int worker;		/* in: 0 all together, or OA_WORKER(n) */
	int reset;		/* in: start again from zero after reading */
	unsigned int workers;	/* how many the runtime has */

	uint64_t spawned;	/* tasks started here */
	uint64_t ended;		/* tasks ended here */
	uint64_t dropped;	/* never ran */
	uint64_t switches;	/* stack switches from task to task */
	uint64_t handons;	/* ended task's stack used by the next at once */
	uint64_t yields;
	uint64_t parks;		/* tasks suspended until something happens */
	uint64_t wakes;		/* tasks made runnable here */
	uint64_t steals;	/* successful looks into another's queue */
	uint64_t stolen;	/* tasks that came by them */
	uint64_t injected;	/* tasks taken from the shared queue */
	uint64_t overflows;	/* tasks put beside the full queue */
	uint64_t stale;		/* queue entries skipped, task already claimed */
	uint64_t claims;	/* unstarted tasks taken out of turn */
	uint64_t searches;	/* times this worker looked for work elsewhere */
	uint64_t kicks;		/* wake-ups sent that needed a system call */
	uint64_t kicked;	/* wake-ups received while parked */
	uint64_t waits_ring;	/* parks in the ring wait */
	uint64_t waits_futex;	/* parks in futex_waitv */
	uint64_t enters;	/* io_uring_enter calls */
	uint64_t requests;	/* requests given to the ring */
	uint64_t completions;	/* completions reaped */
	uint64_t inlined;	/* I/O calls that ended without the ring */
	uint64_t cancels;	/* requests asked to stop */
	uint64_t cq_overflows;
	uint64_t sq_full;
	uint64_t timers_armed;
	uint64_t timers_fired;
	uint64_t stacks_new;	/* stacks that had never been used */
	uint64_t budget_outs;	/* times the time slice was used up */
	uint64_t stalls;	/* times a task held a worker for too long */
	uint64_t posts;		/* oa_post() and its kin that were let in */
	uint64_t posts_refused;	/* -EAGAIN and -ESHUTDOWN */

	uint64_t wait_ns[OA_STATS_BUCKETS];	/* how long parks lasted */
	uint64_t reap_batch[OA_STATS_BUCKETS];	/* completions per reap */

	uint64_t held;		/* receives put off while much was ready */
	uint64_t coalesced;	/* ring waits that were for some completions */
};

#ifdef __cplusplus
/* Too many fields to name them, and -Wextra tells of each that is missing. */
#define OA_STATS_INIT \
	[] { struct oa_stats _st = {}; _st.size = sizeof(_st); return _st; }()
#else
#define OA_STATS_INIT { .size = sizeof(struct oa_stats) }
#endif

enum oa_task_state {
	OA_TASK_QUEUED = 1,	/* not started yet, runnable */
	OA_TASK_DELAYED,	/* not started yet, waits for its time */
	OA_TASK_RUNNABLE,
	OA_TASK_RUNNING,
	OA_TASK_PARKED,
	OA_TASK_ENDED,		/* its result waits for the joiner */
	OA_TASK_WAITING,	/* not started yet, for what it starts under */
};

/* What oa_tasks() tells of each task; valid during the call. */
struct oa_task_info {
	oa_task_t task;
	enum oa_task_state state;
	int worker;		/* last ran there, or -1 */
	int cancelled;
	const char *name;	/* "" when it has none */
	const char *waits;	/* what a parked one waits for, else "" */
	int fd;			/* ... on this descriptor, or -1 */
	oa_task_t waits_task;	/* ... on this task's end, or all-zero */
	oa_time_t deadline;	/* of the wait, or OA_FOREVER */
	oa_fn fn;
	const void *spawn_site;	/* return address of the spawning call */
	size_t stack_size;	/* 0 when it has no stack yet */
	const void *waits_on;	/* the object that it waits for, or NULL */
	oa_task_t held_by;	/* who holds that, where it knows */
	oa_time_t since;	/* about when the wait began; 0: not known */
	int prio;		/* as it runs now, inherited or its own */
};

OA_API int oa_stats(struct oa_runtime *rt, struct oa_stats *st);
OA_API int oa_tasks(struct oa_runtime *rt,
		    int (*fn)(const struct oa_task_info *info, void *arg),
		    void *arg);
OA_API int oa_dump(struct oa_runtime *rt, int fd);
OA_API const char *oa_version(void);
OA_API size_t oa_features(char *buf, size_t n);
OA_API const char *oa_strerror(int err);

#ifdef __cplusplus
}
#endif

#endif
