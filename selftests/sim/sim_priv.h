/* SPDX-License-Identifier: MIT */
/* Between the parts of the simulator. */
#ifndef OA_SELFTESTS_SIM_PRIV_H
#define OA_SELFTESTS_SIM_PRIV_H

#include "arch/san.h"
#include "core/fd.h"
#include "core/op.h"
#include "core/runtime.h"
#include "core/worker.h"
#include "selftests/sim/sim.h"

#define SIM_CTXS	24
#define SIM_STACK	(256u << 10)

enum sim_ctx_state {
	SIM_FREE,
	SIM_READY,
	SIM_WAITING,
	SIM_ENDED,
};

/* A thread of the simulated process; runs on its own stack or on a task's. */
struct sim_ctx {
	struct arch_ctx ctx;
	struct san_ctx san;
	enum sim_ctx_state state;
	int saved_errno;
	bool woken;			/* whatever it waits for has come */
	oa_time_t until;		/* ... or this has */
	const uint32_t *futex;		/* sleeps on this word, or on two */
	const uint32_t *futex2;
	const uint32_t *word;		/* shared, likewise; NULL: was woken */
	struct sim_ring *ring;		/* sleeps in this ring */
	struct sim_ring *few_in;	/* ... in this for so many kicks */
	unsigned int few;
	struct sim_ctx *joins;
	const char *where;		/* for reports */
	struct worker *worker;
	struct task *slot;		/* stands for it in core */
	uint32_t prio;
	uint32_t rcu_nest;
	uint64_t rcu_section;
	uint64_t ran_at;		/* step at which it last ran */
	void *(*fn)(void *arg);
	void *arg;
	char *stack;			/* kept from run to run */
	unsigned int valgrind_id;
	char name[24];
};

struct sim_rng {
	uint64_t s;
};

enum sim_stream { SIM_SCHEDULE, SIM_WORLD, SIM_TEST, SIM_STREAMS };

/* How the next context is chosen. */
enum sim_strategy {
	SIM_UNIFORM,		/* any, at any step, with one probability */
	SIM_PRIORITY,		/* the highest; priorities change now and then */
	SIM_LONG,		/* rarely another */
	SIM_BURSTS,		/* quiet for long, then every other step */
	SIM_STALL,		/* one sleeps in the middle, the others run */
	SIM_STRATEGIES
};

struct sim {
	uint64_t left;			/* steps to the next choice */
	uint64_t planned;		/* what ->left began with */
	uint64_t steps, switches, limit;
	uint64_t hash;
	oa_time_t now;
	uint64_t ps;			/* of the time, what is no ns yet */
	bool active;
	uint64_t seed;
	const char *name;
	enum sim_strategy strategy;
	uint32_t period;		/* of choices, on average */
	uint32_t changes;		/* SIM_PRIORITY: changes left */
	uint32_t low;			/* SIM_PRIORITY: below all */
	uint32_t burst;			/* SIM_BURSTS: choices left in it */
	uint64_t stall_end;		/* SIM_STALL */
	struct sim_ctx *stalled;
	struct sim_rng rng[SIM_STREAMS];
	struct sim_ctx *cur, *from;
	struct sim_ctx root;		/* who called sim_run() */
	struct sim_ctx ctx[SIM_CTXS];
	unsigned int nr;
};

extern struct sim sim;

uint64_t sim_draw(enum sim_stream s);
uint32_t sim_draw_below(enum sim_stream s, uint32_t n);
bool sim_draw_one_in(enum sim_stream s, uint32_t n);
void sim_note(uint64_t what);

/* sim_ctx.c */
struct sim_ctx *sim_ctx_start(const char *name, void *(*fn)(void *), void *arg);
void sim_ctx_join(struct sim_ctx *c);
void sim_switch(struct sim_ctx *to);
__attribute__((noreturn)) void sim_switch_last(struct sim_ctx *to);
void sim_ctxs_reset(void);

/* sim_sched.c */
void sim_strategy_choose(void);
/* The caller's context sleeps; true: woken, false: its time has come. */
bool sim_block(oa_time_t until, const char *where);
void sim_give_way(void);
__attribute__((noreturn)) void sim_ctx_end(void);
void sim_wake_futex(const uint32_t *word);

/* sim_check.c: all wait; time jumps to @at */
void sim_check_quiet(oa_time_t at);

/* sim_env.c */
void sim_env_choose(void);
void sim_faults_reset(void);

/* sim_ring.c */
bool sim_ring_due(const struct sim_ring *r);
uint32_t sim_ring_kicks(const struct sim_ring *r);
oa_time_t sim_ring_next(const struct sim_ring *r);
void sim_ring_describe(const struct sim_ring *r, char *buf, size_t n);
bool sim_ring_is(const void *p);
oa_time_t sim_delay(void);

/* sim_poll.c */
void sim_runtimes_reset(void);
extern struct runtime *sim_runtimes[4];

/* sim_file.c: what the simulated kernel does with an operation */
#define SIM_FD_BASE	(1 << 20)
#define SIM_AGAIN	(-11)
bool sim_fd_is(int fd);
/* Another one has the number now if it has changed. */
uint32_t sim_fd_gen(int fd);
/* Result, or SIM_AGAIN if it has to wait. @cflags: of the completion. */
int sim_file_op(const struct op *op, uint32_t *cflags);
void sim_files_reset(void);
/* Requests that wait for what has changed are to try again. */
void sim_rings_poke(int fd);
/* ... on a listener: but of those that accept, one that waits. */
void sim_rings_poke_accept(int fd);
/* Ends one request that waits on @word. False: there is none. */
bool sim_rings_wake(const uint32_t *word);

/* sim_words.c */
extern const struct poll_words sim_words;
void sim_words_reset(void);

/* sim_mem.c */
void sim_mem_reset(void);
void sim_mem_check(void);
void *sim_pages(size_t size);

/* sim_report.c */
void sim_report_install(void);
__attribute__((noreturn, cold)) void sim_stuck(const char *why);

#endif
