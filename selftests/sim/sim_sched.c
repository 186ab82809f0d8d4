// SPDX-License-Identifier: MIT
/*
 * Who goes on, and when it is. Every shared step counts down to the next
 * choice; how far off that is and who is chosen is the strategy's business,
 * and the strategy the seed's. Time moves when somebody looks at the clock,
 * and jumps to the next event when all wait; when all wait for nothing that
 * can come, a wake-up was lost.
 */
#if defined(OA_SIM) && OA_SIM == 1
#include <string.h>

#include "core/rcu.h"
#include "core/thread.h"
#include "selftests/sim/sim_priv.h"

enum why { WHY_STEP, WHY_YIELD, WHY_BLOCK };

#define FAIR		3000u	/* steps that anybody gets in a row */
#define STARVED		20000u	/* ... and that others get before */

uint64_t sim_draw(enum sim_stream s)
{
	uint64_t z = sim.rng[s].s += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint32_t sim_draw_below(enum sim_stream s, uint32_t n)
{
	return (uint32_t)((sim_draw(s) >> 32) * n >> 32);
}

bool sim_draw_one_in(enum sim_stream s, uint32_t n)
{
	return n && !sim_draw_below(s, n);
}

uint64_t sim_random(void)
{
	return sim_draw(SIM_TEST);
}

uint32_t sim_below(uint32_t n)
{
	return sim_draw_below(SIM_TEST, n);
}

void sim_note(uint64_t what)
{
	sim.hash = (sim.hash ^ what) * 0x100000001b3ull;
	sim.hash ^= sim.hash >> 29;
}

void sim_strategy_choose(void)
{
	static const uint32_t periods[] = { 2, 3, 5, 9, 20, 60, 250 };
	static const uint32_t spans[] = { 60, 200, 700, 3000, 12000 };
	uint32_t pick = sim_draw_below(SIM_SCHEDULE, 10);

	sim.low = 1000000;
	sim.burst = 0;
	sim.changes = 0;
	sim.stalled = NULL;
	sim.stall_end = 0;
	if (pick < 3) {
		sim.strategy = SIM_UNIFORM;
		sim.period = periods[sim_draw_below(SIM_SCHEDULE, 7)];
	} else if (pick < 6) {
		sim.strategy = SIM_PRIORITY;
		sim.changes = 1 + sim_draw_below(SIM_SCHEDULE, 8);
		sim.period = spans[sim_draw_below(SIM_SCHEDULE, 5)];
		sim.period = sim.period / sim.changes + 1;
	} else if (pick == 6) {
		sim.strategy = SIM_LONG;
		sim.period = 400 + sim_draw_below(SIM_SCHEDULE, 2000);
	} else if (pick == 7) {
		sim.strategy = SIM_BURSTS;
		sim.period = 100 + sim_draw_below(SIM_SCHEDULE, 1500);
	} else {
		sim.strategy = SIM_STALL;
		sim.period = periods[2 + sim_draw_below(SIM_SCHEDULE, 5)];
	}
}

/* Steps until the next choice. */
static uint64_t plan(void)
{
	uint64_t n;

	switch (sim.strategy) {
	case SIM_PRIORITY:
		if (!sim.changes)
			return FAIR;
		break;
	case SIM_BURSTS:
		if (sim.burst) {
			sim.burst--;
			return 1 + sim_draw_below(SIM_SCHEDULE, 3);
		}
		sim.burst = 10 + sim_draw_below(SIM_SCHEDULE, 60);
		break;
	default:
		break;
	}
	n = 1 + sim_draw_below(SIM_SCHEDULE, 2 * sim.period - 1);
	return n < FAIR ? n : FAIR;
}

static bool runnable(const struct sim_ctx *c)
{
	if (c->state == SIM_READY)
		return true;
	return c->state == SIM_WAITING &&
	       (c->woken || c->until <= sim.now ||
		(c->joins && c->joins->state == SIM_ENDED) ||
		(c->ring && sim_ring_due(c->ring)) ||
		(c->few_in && sim_ring_kicks(c->few_in) >= c->few));
}

/* When the next thing happens that somebody waits for. */
static oa_time_t next_event(void)
{
	oa_time_t best = OA_FOREVER;

	for (unsigned int i = 0; i < sim.nr; i++) {
		const struct sim_ctx *c = &sim.ctx[i];

		if (c->state != SIM_WAITING)
			continue;
		best = min_of(best, c->until);
		if (c->ring)
			best = min_of(best, sim_ring_next(c->ring));
	}
	return best;
}

static bool jump(bool quiet)
{
	oa_time_t at = next_event();

	if (quiet)
		sim_check_quiet(at);
	if (at == OA_FOREVER)
		return false;
	if (quiet && sim_env.longest && at - sim.now > sim_env.longest)
		sim_stuck("all wait, for longer than anybody has reason to");
	sim.now = max_of(sim.now, at);
	if (sim_draw_one_in(SIM_WORLD, 2))
		sim.now += sim_draw_below(SIM_WORLD, (uint32_t)sim_env.tick);
	return true;
}

static unsigned int collect(struct sim_ctx **out)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < sim.nr; i++)
		if (runnable(&sim.ctx[i]))
			out[n++] = &sim.ctx[i];
	return n;
}

/* Who has waited for very long comes before all others, once. */
static struct sim_ctx *highest(struct sim_ctx **ready, unsigned int n)
{
	struct sim_ctx *best = ready[0];

	for (unsigned int i = 0; i < n; i++) {
		if (ready[i]->ran_at + STARVED < sim.steps)
			return ready[i];
		if (ready[i]->prio > best->prio)
			best = ready[i];
	}
	return best;
}

static void leave_out(struct sim_ctx **ready, unsigned int *n,
		      const struct sim_ctx *who)
{
	unsigned int k = 0;

	for (unsigned int i = 0; i < *n; i++)
		if (ready[i] != who)
			ready[k++] = ready[i];
	if (k)
		*n = k;
}

static struct sim_ctx *choose(enum why why)
{
	struct sim_ctx *ready[SIM_CTXS];
	unsigned int n;

	while (!(n = collect(ready)))
		if (!jump(true))
			sim_stuck("deadlock: all wait, for nothing that comes");
	if (sim.strategy == SIM_PRIORITY) {
		if (why != WHY_BLOCK) {
			sim.cur->prio = --sim.low;
			sim.changes -= why == WHY_STEP && sim.changes;
		}
		return highest(ready, n);
	}
	if (why == WHY_YIELD)
		leave_out(ready, &n, sim.cur);
	if (sim.strategy == SIM_STALL) {
		if (sim.steps >= sim.stall_end && !sim_draw_below(SIM_SCHEDULE, 6)) {
			sim.stalled = sim.cur;
			sim.stall_end = sim.steps + 50 +
					sim_draw_below(SIM_SCHEDULE, 4000);
		}
		if (sim.steps < sim.stall_end)
			leave_out(ready, &n, sim.stalled);
	}
	return ready[n > 1 ? sim_draw_below(SIM_SCHEDULE, n) : 0];
}

static void count_steps(void)
{
	sim.steps += sim.planned - sim.left;
	sim.ps += (sim.planned - sim.left) * sim_env.step;
	sim.now += (oa_time_t)(sim.ps / 1000);
	sim.ps %= 1000;
	sim.planned = sim.left;
	if (sim.steps > sim.limit)
		sim_stuck("no end in sight");
}

/*
 * Each leap may wake a worker that only sees whether all is well; with many of
 * them, and leaps all the time, they would never be parked all at once.
 */
static bool leaps(void)
{
	uint32_t many = sim.nr < 7 ? 1 : sim.nr * sim.nr;

	return sim_draw_one_in(SIM_WORLD, sim_env.leap * many);
}

static struct sim_ctx *decide(enum why why)
{
	struct sim_ctx *to;

	sim.left -= sim.left > 0;
	count_steps();
	if (leaps())
		jump(false);
	to = choose(why);
	sim.left = sim.planned = plan();
	if (to->state == SIM_WAITING) {
		to->woken = to->woken || to->until > sim.now;
		to->state = SIM_READY;
	}
	to->ran_at = sim.steps;
	sim_note(sim.steps << 8 ^ (uint64_t)(to - sim.ctx));
	return to;
}

static void go_on(enum why why)
{
	struct sim_ctx *to = decide(why);

	if (to != sim.cur)
		sim_switch(to);
}

static __cold_path void step(void)
{
	if (!sim.active) {
		sim.left = sim.planned = UINT64_MAX;
		return;
	}
	/* sim_point() has counted it. */
	sim.left++;
	go_on(WHY_STEP);
}

void sim_point(void)
{
	if (unlikely(!--sim.left))
		step();
}

void sim_give_way(void)
{
	if (sim.active)
		go_on(WHY_YIELD);
}

void poll_thread_yield(void)
{
	sim_give_way();
}

bool sim_block(oa_time_t until, const char *where)
{
	struct sim_ctx *c = sim.cur;

	if (c->rcu_nest)
		sim_stuck("a thread sleeps in an RCU read section");
	c->state = SIM_WAITING;
	c->woken = false;
	c->until = until;
	c->where = where;
	go_on(WHY_BLOCK);
	c->where = "runs";
	c->futex = c->futex2 = NULL;
	c->ring = NULL;
	return c->woken;
}

void sim_wake_futex(const uint32_t *word)
{
	for (unsigned int i = 0; i < sim.nr; i++) {
		struct sim_ctx *c = &sim.ctx[i];

		if (c->state == SIM_WAITING &&
		    (c->futex == word || c->futex2 == word))
			c->woken = true;
	}
}

void sim_ctx_end(void)
{
	struct sim_ctx *c = sim.cur;
	bool last = true;

	if (c->slot)
		task_free(NULL, c->slot);
	c->slot = NULL;
	if (c->rcu_nest || c->worker)
		sim_stuck("a thread ends in a read section or as a worker");
	c->state = SIM_ENDED;
	c->where = "has ended";
	for (unsigned int i = 0; i < sim.nr; i++)
		last = last && (sim.ctx[i].state == SIM_ENDED ||
				sim.ctx[i].state == SIM_FREE);
	sim_switch_last(last ? &sim.root : decide(WHY_BLOCK));
}

/* The rest of what core finds only here. */

struct worker *worker_self(void)
{
	return sim.cur ? sim.cur->worker : NULL;
}

void worker_set_self(struct worker *w)
{
	sim.cur->worker = w;
}

struct task **sim_thread_slot(void);
struct task **sim_thread_slot(void)
{
	return &sim.cur->slot;
}

void sim_rcu_read_lock(void)
{
	struct sim_ctx *c = sim.cur;

	if (!c->rcu_nest++)
		c->rcu_section++;
	sim_point();
}

void sim_rcu_read_unlock(void)
{
	sim_point();
	if (!sim.cur->rcu_nest--)
		sim_stuck("a read section is left that was not entered");
}

void sim_synchronize_rcu(void)
{
	if (sim.cur->rcu_nest)
		sim_stuck("a grace period awaited in a read section");
	sim_point();
	for (unsigned int i = 0; i < sim.nr; i++) {
		struct sim_ctx *c = &sim.ctx[i];
		uint64_t in = c->rcu_section;

		while (c != sim.cur && c->rcu_nest && c->rcu_section == in)
			sim_give_way();
	}
}
#endif
