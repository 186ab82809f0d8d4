/* SPDX-License-Identifier: MIT */
/*
 * A worker: a thread with a run queue, a ring, a wheel and caches. Letters on
 * fields as in core/task.h; "W" is this worker's thread.
 */
#ifndef OA_CORE_WORKER_H
#define OA_CORE_WORKER_H

#include <oa/inspect.h>

#include "arch/cxx.h"
#include "core/jobs.h"
#include "core/poll.h"
#include "core/prioq.h"
#include "core/runq.h"
#include "core/slab.h"
#include "core/slack.h"
#include "core/spill.h"
#include "core/stack.h"
#include "core/task.h"
#include "core/timer.h"

struct op;
struct runtime;
struct spin;

/* What is to be done for the task just left, once off its stack. */
enum commit {
	COMMIT_NONE,
	COMMIT_PARK,		/* PARKING -> PARKED */
	COMMIT_JOIN,		/* RUNNING -> PARKED, see park_commit_join() */
	COMMIT_LOCKED,		/* likewise, park_commit_locked() */
	COMMIT_YIELD,		/* back to the end of the queue */
	COMMIT_NEXT,		/* runs next */
	COMMIT_END,		/* its stack is free */
	COMMIT_END_OWN,		/* ... and was of its own size */
};

/* One turn in so many looks at the time. */
#define TURN_MASK	127u

struct worker {
	/* hot */
	struct task *current;		/* 1; NULL in the loop */
	struct task *taken;		/* 1; not started, to be started here */
	struct runtime *rt;		/* I */
	struct task *prev;		/* W; with ->commit */
	enum commit commit;		/* W */
	struct spin *commit_lock;	/* W; with COMMIT_LOCKED */
	int32_t budget;			/* W; turns left before the loop */
	bool alone;			/* I; the runtime's only worker */
	uint32_t bias;			/* I; see core/bias.c */
	uint32_t keep_off;		/* W; see chan_wait_lock() */
	uint32_t turn_mask;		/* A; turns between looks; 0: RT_NOW */
	uint32_t index;			/* I; in its runtime */
	uint32_t id;			/* I; in the process */
	uint32_t in_user;		/* 1; a task's own code is running */
	struct arch_ctx loop;		/* W; where the idle loop waits */
	struct cxx_state *cxx;		/* I; its thread's; NULL: no C++ */
	struct slab_mag tasks;		/* W */
	struct slab_mag exts;		/* W */
	struct stack_mag stacks;	/* W; of the default size */
	bool special;			/* W; ->local or ->prioq may have some */
	uint32_t others_at;		/* W; turn of the default priority's last */
	uint32_t hunted;		/* W; as of rt->hunt */
	struct task_list local;		/* W; only this worker may run them */
	struct task_list sick;		/* W; want a stack, there was none */
	struct task *queued;		/* W; what a taker could not use now */
	bool slice_ended;		/* W; ... or came when the slice was over */
	uint32_t alone_slices;		/* W; so many in which nobody else ran */
	uint32_t served;		/* W; taken from the queue before those */
	uint32_t served_turn;		/* W; ->turn before those */
	oa_time_t shy;			/* W; no task for a post until then */
	bool spilling;			/* W; ->spill may have some of ours */
	struct lane lane;		/* see core/lane.c */
	uint32_t turn;			/* W; picks, for fairness */
	uint32_t posts_at;		/* W; when posts were taken last */
	int32_t slice_turns;		/* W; what ->budget began with; 0: idle */
	uint32_t avg_turn;		/* W; ns, of a task turn */
	uint32_t watch_score;		/* W; how well watching pays */
	uint32_t at_once;		/* W; requests are done when handed on */
	uint32_t rng;			/* W */
	uint64_t token;			/* W; of the searcher; 0: not ours */
	bool helps;			/* W; idle, and not on standby */
	bool unoffered;			/* W; the loop made some ready */
	oa_time_t cap;			/* W; longest park while a peer runs */
	oa_time_t slice_start;		/* W */
	oa_time_t now;			/* W; as of the last look at the clock */
	oa_time_t until;		/* W; it waits no longer than that */
	struct slack slack;		/* W; of its timers */
	uint64_t cancelled;		/* 1; of those ended */
	struct stack *dead;		/* W; with COMMIT_END */
	struct op *held;		/* W; core/hold.c */
	struct op **held_last;		/* W */
	uint32_t held_turn;		/* W; ->turn when some were handed on */
	uint32_t hold_pause;		/* W; turns in which none is held */
	uint32_t receives;		/* W; that may be held */
	uint32_t hold_seen;		/* W; ->turn, and ->receives, when it */
	uint32_t hold_receives;		/* W; was looked at what turns are */
	uint32_t hold_longs;		/* W; long turns, while remembered */
	long preempted;			/* W; times, as last asked */
	uint32_t urgent_ops;		/* W; in flight, of urgent tasks */
	uint64_t apart;			/* W; completions while others waited */
	uint64_t apart_seen;		/* W; ->completions when it was looked at */
	uint32_t crowd;			/* W; on average; core/coalesce.c */
	uint32_t coalesce_pause;	/* W; waits in which it is not done */
	uint32_t coalesce_level;	/* W; the next pause */
	oa_time_t waited_at;		/* W; when it went to the ring last */
	struct fd_bucket *fds;		/* W; requests by descriptor, core/fd.c */
	void *backend;			/* I; backend's own */
	struct oa_stats st;		/* 1 */
	uint64_t spawned;		/* 1; tasks that came alive here */
	uint64_t ended;			/* 1; tasks that ended here */
	uint64_t credit;		/* A; of rt->alive_credit */

	/* written by others */
	_Alignas(OA_LINE_PAIR) uint32_t state;	/* A core/idle.c */
	uint32_t few;			/* 1; its ring wait is for so many; [few] */
	struct task *inbox;		/* A core/inject.c */
	struct task *aborts;		/* A core/op.c */
	struct closer *closes;		/* A core/fd.c */
	bool hidden;			/* L:worker_ids_lock; its number waits */

	_Alignas(OA_LINE_PAIR) struct ring ring;
	struct spill spill;		/* core/spill.c */
	struct jobs jobs;		/* core/jobs.c */
	struct prioq prioq;		/* core/prioq.c */
	_Alignas(OA_LINE_PAIR) struct wheel wheel;

	/* cold */
	struct poll_thread thread;
	struct oa_stats base;		/* L:rt->stats_lock; value at reset */
	int cpu;			/* I; or -1 */
	struct san_ctx loop_san;	/* W; of the thread's own stack */
	struct san_ctx *san_from;	/* W; who switched; NULL: gone for good */
};

#if defined(OA_SIM) && OA_SIM == 1
struct worker *worker_self(void);
void worker_set_self(struct worker *w);
#else
/* Never keep what it returns over a switch: the task may go on elsewhere. */
extern __thread struct worker *worker_tls __attribute__((visibility("hidden")));

static inline struct worker *worker_self(void)
{
	return arch_tls_load(worker_tls);
}

static inline void worker_set_self(struct worker *w)
{
	arch_tls_store(worker_tls, w);
}
#endif

/* The task that a thread of the blocking pool runs, or NULL. */
#if defined(OA_SIM) && OA_SIM == 1
struct task *thread_task(void);
#else
extern __thread struct task *lent_tls __attribute__((visibility("hidden")));

static inline struct task *thread_task(void)
{
	return arch_tls_load(lent_tls);
}
#endif

/* The task that runs on this thread, or NULL. */
static inline struct task *task_self(void)
{
	struct worker *w = worker_self();

	return likely(w != NULL) ? w->current : thread_task();
}

/* Owner. When its timers are to be looked at. */
static inline oa_time_t worker_timers_at(struct worker *w)
{
	return max_of(wheel_next(&w->wheel), w->slack.at);
}

/* Owner. Not for secrets. */
static inline uint32_t worker_random(struct worker *w)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 17;
	w->rng ^= w->rng << 5;
	return w->rng;
}

#define STAT_INC(w, field)	WRITE_ONCE((w)->st.field, (w)->st.field + 1)
#define STAT_ADD(w, field, n)	WRITE_ONCE((w)->st.field, (w)->st.field + (n))

extern struct spin worker_ids_lock;
/* By number in the process, under RCU; NULL: gone. */
struct worker *worker_by_id(uint32_t id);
uint32_t worker_max_id(void);

void *worker_thread(void *arg);
int worker_init(struct worker *w);
void worker_fini(struct worker *w);
void worker_hide(struct worker *w);
/* Its number can be used again: no timer is filed in its wheel. */
void worker_give_id(struct worker *w);
/* Who leaves @w behind: nobody waits for it, or finds anything in its hands. */
void worker_cut_off(struct worker *w);
void worker_loop(struct worker *w);
/* Owner, in the loop: runs what is ready for a slice; false: nothing was. */
bool worker_turn(struct worker *w);
/* Owner, shut down at once: until the kernel writes to no stack any more. */
void worker_finish_requests(struct worker *w);
/* Is there more for the loop to do? Tells nothing of what others publish. */
bool worker_has_more(struct worker *w);

#endif
