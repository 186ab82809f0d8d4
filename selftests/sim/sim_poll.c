// SPDX-License-Identifier: MIT
/*
 * The simulated side of core/poll.h. A park obeys the rules of the futex and
 * of the ring: it looks at its words once, without a step in between, sleeps
 * until it is woken or its time has come, and may return for no reason.
 */
#if defined(OA_SIM) && OA_SIM == 1
#include <errno.h>
#include <stdio.h>

#include "core/fault.h"
#include "core/rcu.h"
#include "selftests/sim/sim_ring.h"

struct runtime *sim_runtimes[4];

static int runtime_init(struct runtime *rt)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(sim_runtimes); i++) {
		if (!sim_runtimes[i]) {
			sim_runtimes[i] = rt;
			return 0;
		}
	}
	return -ENOMEM;
}

static void runtime_fini(struct runtime *rt)
{
	sim_synchronize_rcu();
	for (uint32_t i = 0; i < rt->nr_workers; i++)
		sim_ring_free(rt->workers[i]);
	for (unsigned int i = 0; i < ARRAY_SIZE(sim_runtimes); i++)
		if (sim_runtimes[i] == rt)
			sim_runtimes[i] = NULL;
}

void sim_runtimes_reset(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(sim_runtimes); i++)
		sim_runtimes[i] = NULL;
}

static int thread_start(struct poll_thread *t, const char *name, int cpu)
{
	struct sim_ctx *c;

	(void)cpu;
	sim_point();
	if (fault_hit(FAULT_THREAD))
		return -EAGAIN;
	c = sim_ctx_start(name, t->fn, t->arg);
	t->id = (uintptr_t)c;
	return c ? 0 : -EAGAIN;
}

static void thread_join(struct poll_thread *t)
{
	sim_ctx_join((struct sim_ctx *)t->id);
}

static int worker_begin(struct worker *w)
{
	sim_point();
	if (fault_hit(FAULT_RING))
		return -ENOMEM;
	sim_ring_make(w);
	return 0;
}

/* The deadline of a park that is not bounded for a peer's sake. */
static oa_time_t uncapped(struct worker *w, oa_time_t deadline)
{
	if (sim_env.ignore_caps)
		return max_of(deadline, worker_timers_at(w));
	return deadline;
}

static void ring_wait(struct worker *w, oa_time_t deadline, unsigned int few)
{
	sim_wait(w, uncapped(w, deadline), few);
}

static bool waits_for_few(void)
{
	return true;
}

static void park(struct worker *w, oa_time_t deadline)
{
	struct sim_ctx *c = sim.cur;

	deadline = uncapped(w, deadline);
	sim_point();
	if (sim_draw_one_in(SIM_WORLD, sim_env.spurious))
		return;
	if (__atomic_load_n(&w->state, __ATOMIC_SEQ_CST) != WORKER_PARKED_FUTEX)
		return;
	c->futex = &w->state;
	c->futex2 = &w->rt->broadcast;
	sim_block(deadline, "is parked on its futex");
}

static void kick(struct worker *w, enum worker_state how)
{
	sim_point();
	if (how == WORKER_PARKED_FUTEX) {
		sim_wake_futex(&w->state);
	} else {
		if (!w->backend)
			sim_stuck("a kick of a worker whose ring is gone");
		for (unsigned int n = max_of(w->few, 1u); n; n--)
			sim_ring_kick(w->backend);
	}
	sim_point();
}

static int thread_wait(uint32_t *word, uint32_t value, oa_time_t deadline)
{
	struct sim_ctx *c = sim.cur;

	sim_point();
	if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != value)
		return -EAGAIN;
	if (sim_draw_one_in(SIM_WORLD, sim_env.spurious))
		return -EINTR;
	c->futex = word;
	return sim_block(deadline, "sleeps on a word") ? 0 : -ETIMEDOUT;
}

static void thread_wake(uint32_t *word)
{
	sim_point();
	sim_wake_futex(word);
}

static bool membarrier(void)
{
	sim_point();
	return !sim_draw_one_in(SIM_WORLD, sim_env.barrier_fails);
}

static oa_time_t now(void)
{
	sim_point();
	sim.now += 1 + sim_draw_below(SIM_WORLD, (uint32_t)sim_env.tick);
	return sim.now;
}

static uint64_t draw(void)
{
	return sim_draw(SIM_WORLD);
}

static void features(poll_tell *tell, void *arg)
{
	tell(arg, "kernel: yes, simulated", false);
}

static bool is_feature(const char *word, size_t len)
{
	(void)word;
	(void)len;
	return false;
}

static const struct poll_ops sim_ops = {
	.name = "sim",
	.runtime_init = runtime_init,
	.runtime_fini = runtime_fini,
	.thread_start = thread_start,
	.thread_join = thread_join,
	.thread_leave = thread_join,
	.worker_init = worker_begin,
	.worker_fini = sim_ring_end,
	.op_start = sim_op_start,
	.op_cancel = sim_op_cancel,
	.ready = sim_ready,
	.unsent = sim_unsent,
	.reap = sim_reap,
	.idle = sim_idle,
	.wait = ring_wait,
	.waits_for_few = waits_for_few,
	.park = park,
	.kick = kick,
	.thread_wait = thread_wait,
	.thread_wake = thread_wake,
	.words = &sim_words,
	.membarrier = membarrier,
	.now = now,
	.now_coarse = now,
	.random = draw,
	.features = features,
	.is_feature = is_feature,
};

const struct poll_ops *const poll_default = &sim_ops;
#endif
