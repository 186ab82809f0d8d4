/* SPDX-License-Identifier: MIT */
/*
 * The simulator, as tests see it. Workers and foreign threads are contexts on
 * one thread; a seed says who goes on at every shared step, how the clock
 * moves, when requests complete and what fails. One seed is one run.
 *
 *	sim_run(seed, "name", body);
 *
 * runs body() as the first context, until all contexts have ended. What goes
 * wrong is told with the seed, and ends the process.
 */
#ifndef OA_SELFTESTS_SIM_SIM_H
#define OA_SELFTESTS_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <oa.h>

struct sim_ctx;
struct sockaddr_un;

/* What a run did; the same for the same seed. */
struct sim_result {
	uint64_t hash;		/* of every choice that was made */
	uint64_t steps;
	uint64_t switches;	/* of contexts */
	uint64_t deaths;	/* see sim_kills */
	oa_time_t time;		/* virtual, that it took */
};

void sim_run(uint64_t seed, const char *name, void (*body)(void),
	     struct sim_result *res);

/*
 * How a run may go wrong; chosen by the seed before body() begins, which may
 * choose otherwise. "One in n" is 0 for never.
 */
struct sim_env {
	uint32_t cpus;		/* what the runtime believes there are */
	oa_time_t tick;		/* a look at the clock takes up to this */
	uint32_t step;		/* ps that a step takes */
	uint32_t leap;		/* one in n choices: on to the next event */
	oa_time_t delay;	/* requests take up to this */
	uint32_t at_once;	/* one in n requests completes when handed on */
	uint32_t spurious;	/* one in n parks returns at once */
	uint32_t disarm;	/* one in n waits ends the poll of the doorbell */
	uint32_t sq;		/* room for requests not handed on */
	uint32_t keep_late;	/* one in n starts is kept back */
	uint32_t reap_max;	/* completions by one enter */
	uint32_t shorter;	/* one in n transfers is short */
	uint32_t barrier_fails;	/* one in n membarriers */
	oa_time_t longest;	/* no wait of all is as long; 0: who knows */
	bool ignore_caps;	/* parks are not bounded because a peer runs */
	bool park_ring;		/* as OA_PARK=ring */
	bool migrate;		/* as OA_DEBUG=migrate */
	bool standby;		/* as OA_DEBUG=standby */
	bool ring_words;	/* there are requests that wait on a word */
	oa_time_t slack;	/* of timers; 0: the usual */
};
extern struct sim_env sim_env;

/* After body() has changed park_ring, migrate or standby. */
void sim_env_apply(void);

/* Makes one in @n events of a kind fail (enum fault_kind); 0: none does. */
void sim_fault_set(int kind, uint32_t n);

/* Contexts that are no workers. */
struct sim_ctx *sim_thread(const char *name, void (*fn)(void *arg), void *arg);
void sim_join(struct sim_ctx *c);
void sim_yield(void);
void sim_pause(oa_time_t ns);
/* Any context, tasks included: takes @n steps without doing anything. */
void sim_spin(unsigned int n);

/* The clock, without moving it. */
oa_time_t sim_now(void);

/* Numbers for the scenario, apart from those of the schedule. */
uint64_t sim_random(void);
uint32_t sim_below(uint32_t n);
static inline bool sim_one_in(uint32_t n)
{
	return n && !sim_below(n);
}

/* Configuration of a runtime: memory that is checked, stacks that are kept. */
#define SIM_CONFIG \
	.stack_size = 64 * 1024, .allocator = sim_allocator, \
	.stacks = sim_stacks, .timer_slack = sim_env.slack
extern const struct oa_allocator sim_allocator;
extern const struct oa_stack_allocator sim_stacks;

/* A pipe of @room bytes; both numbers are the simulator's. 0 or -errno. */
int sim_pipe(int fds[2], size_t room);
/* Two ends of a connection. */
int sim_socketpair(int fds[2], size_t room);
/*
 * A listener whose queue has room for @backlog, and the name to connect to; a
 * socket to do it with. Paths for oa_openat(3) and its kin are "." and "a" to
 * "d". Numbers, or -errno.
 */
int sim_listen(struct sockaddr_un *name, unsigned int backlog);
int sim_socket(void);
/* How many descriptors of the simulator are open. */
unsigned int sim_open_fds(void);

/* Of words that oa_futex_wait(3) knows: wakes, and waits that they ended. */
struct sim_wakes {
	uint32_t calls, hits;
};
struct sim_wakes sim_wakes(void);

/*
 * For oa_sqe(): a request that takes @delay and gives @res; @delay OA_FOREVER
 * ends by being cancelled alone.
 */
struct sim_nop {
	oa_time_t delay;
	int res;
};
void sim_prep_nop(struct io_uring_sqe *sqe, void *nop);

/* Ends the run as failed. */
void sim_fail_at(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, cold, format(printf, 3, 4)));
#define sim_fail(...)	sim_fail_at(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(cond) \
	do { \
		if (__builtin_expect(!(cond), 0)) \
			sim_fail("%s", #cond); \
	} while (0)
#define CHECK_EQ(a, b) \
	do { \
		long long _a = (long long)(a), _b = (long long)(b); \
		if (__builtin_expect(_a != _b, 0)) \
			sim_fail("%s is %lld, not %s (%lld)", #a, _a, #b, _b); \
	} while (0)

#endif
