/* SPDX-License-Identifier: MIT */
/* What the parts of the watch share. "Watch" in contexts: its thread only. */
#ifndef OA_CORE_WATCH_PRIV_H
#define OA_CORE_WATCH_PRIV_H

#include <sys/types.h>
#include <time.h>

#include "core/runtime.h"
#include "core/standby.h"
#include "core/symbol.h"

/* A worker as it was seen. */
struct sight {
	pid_t tid;			/* 1; the worker's thread; 0: not yet */
	clockid_t cpu_clock;		/* likewise, before it */
	/* watch */
	const struct task *task;	/* NULL: it runs none */
	uint64_t switches;
	uint64_t yields;
	oa_time_t since;
	oa_time_t cpu;			/* of its thread, then */
	oa_time_t again;		/* first look that found it still */
	oa_time_t delay;		/* of its thread, then */
	oa_time_t due;			/* held so long it is told */
	bool told;
	oa_time_t waited;		/* of its thread, for processors */
	oa_time_t waited_at;		/* ... at that time; 0: not looked */
};

/* True: it is not what it was. */
static inline bool sight_moved(const struct worker *w, const struct sight *s)
{
	return READ_ONCE(w->current) != s->task ||
	       READ_ONCE(w->st.switches) != s->switches ||
	       READ_ONCE(w->st.yields) != s->yields ||
	       /* relaxed: looked at again and again */
	       READ_ONCE(w->state) != WORKER_RUNNING;
}

struct watched {
	struct cds_list_head node;	/* L:list lock of core/watch.c */
	struct runtime *rt;		/* I */
	oa_time_t limit;		/* I; OA_FOREVER: only for its signal */
	int signal;			/* I; dumps; 0: none */
	uint64_t moves;			/* watch; as of the last look */
	struct standby standby;		/* watch */
	uint32_t asked;			/* watch; next worker to be asked */
	struct sight w[];
};

/* Text that grows to its room and no further. */
struct report {
	size_t n;
	char text[8000];
};

void report_begin(struct report *r);
void __printf_like(2, 3) report_add(struct report *r, const char *fmt, ...);
/* "a task, its handle and where it was started". */
void report_task(struct report *r, struct symbols *s, struct task *t);
/*
 * May one more be made? At most five a minute in the process. How many were
 * not, before this one, is then told in it.
 */
bool report_allowed(struct report *r, oa_time_t now);
/* To .on_event of @rt, or to stderr when it has none (or @rt is NULL). */
void report_tell(struct runtime *rt, struct report *r,
		 struct oa_runtime_event *ev);
void report_fork_child(void);

/* Watch. Looks at the workers; true: one of them runs, or has run, tasks. */
bool stall_look(struct watched *d, oa_time_t now, oa_time_t gap);
/*
 * Watch, before that. Are there processors for all workers? Sets how many take
 * part; returns how long until the next look, at most.
 */
oa_time_t contention_look(struct watched *d, oa_time_t now);
/* Watch. What each worker is at, to stderr. */
void stall_show(struct watched *d);

/* Watch. Looks for rings of waits among all tasks, and tells of new ones. */
void deadlock_look(oa_time_t now);
void deadlock_fork_child(void);

/* Watch: of the runtime that a task is of, if that is watched; else NULL. */
struct watched *watch_hold(const struct runtime *rt);
void watch_let_go(void);

#define TRACE_FRAMES	32

struct trace {
	unsigned int n;
	bool guess;			/* found on its stack, may be old */
	bool coroutine;			/* it runs one: only the top is known */
	long call;			/* system call that it is in, or -1 */
	const void *pc[TRACE_FRAMES];
};

/* Watch. */
void trace_begin(void);
void trace_end(void);
void trace_fork_child(void);
/* 'R', 'S', 'D', 'T', 't', ... of that thread; '?': not to be known. */
char trace_thread_state(pid_t tid);
/* How long it has waited for a processor, all in all; 0: not to be known. */
oa_time_t trace_thread_delay(pid_t tid);
/* Watch. Where @w stands, while it is what @s saw. */
void trace_take(struct worker *w, const struct sight *s, char state,
		struct trace *tr);
void trace_put(struct report *r, struct symbols *syms, const struct trace *tr);

/* The signal that makes dumps. */
int dump_signal_take(int sig);
void dump_signal_put(int sig);
/* Watch: those that came since the last call, a bit each. */
uint64_t dump_signal_came(void);
void dump_signal_fork_child(void);
/* Of core/watch.c; signal handlers too. */
void watch_poke(void);

#endif
