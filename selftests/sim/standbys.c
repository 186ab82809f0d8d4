// SPDX-License-Identifier: MIT
/*
 * How many workers take part changes all the time, while threads start tasks
 * that anybody may run, and tasks start others and wait for them. None is left
 * behind by a worker that was called for help and is on standby by then.
 */
#include "core/idle.h"
#include "selftests/sim/scenario.h"

#define THREADS	3
#define STARTS	8

static struct oa_runtime *rt;
static struct oa_event done;
static int left, ran, want;
static bool flipping;

static void *child(void *arg)
{
	if (sim_one_in(2))
		oa_yield();
	ran++;
	return arg;
}

static void *started(void *arg)
{
	oa_task_t t;

	if (sim_one_in(3)) {
		want++;
		t = oa_spawn(child, arg, .pinned = sim_one_in(4));
		if (sim_one_in(2))
			oa_yield();
		CHECK_EQ(oa_join(t, NULL), 0);
	}
	ran++;
	return arg;
}

/* One that does not wait for it, now and then, so that two are on the way. */
static void foreign(void *arg)
{
	(void)arg;
	for (uint32_t n = 1 + sim_below(STARTS); n; n--) {
		oa_task_t t = oa_spawn(started, &left, .runtime = rt,
				       .worker = sim_one_in(8) ? OA_WORKER(0)
							       : 0);

		CHECK_EQ(oa_task_error(t), 0);
		want++;
		if (sim_one_in(3))
			CHECK_EQ(oa_detach(t), 0);
		else
			CHECK_EQ(oa_join(t, NULL), 0);
	}
	if (!--left) {
		flipping = false;
		oa_event_set(&done);
	}
}

static void flips(void *arg)
{
	struct runtime *r = (struct runtime *)rt;

	(void)arg;
	while (flipping) {
		idle_set_active(r, 1 + sim_below(r->nr_workers));
		sim_spin(sim_below(200));
	}
}

/* It has no timer: who is not woken waits for ever. */
static void *keeper(void *arg)
{
	CHECK_EQ(oa_event_wait(&done), 0);
	return arg;
}

SCENARIO(nobody_on_standby_is_relied_on, 3000)
{
	struct sim_ctx *c[THREADS + 1];
	uint32_t n = 1 + sim_below(THREADS), k = 0;
	struct oa_ended e;

	/* A park that ends early would hide what is lost. */
	sim_env.ignore_caps = true;
	sim_env.standby = sim_one_in(2);
	sim_env_apply();
	done = (struct oa_event)OA_EVENT_INIT;
	ran = want = 0;
	left = (int)n;
	flipping = true;
	CHECK_EQ(oa_start(&rt, keeper, NULL, SIM_CONFIG,
			  .workers = 2 + sim_below(3)), 0);
	for (uint32_t i = 0; i < n; i++)
		c[k++] = sim_thread("foreign", foreign, NULL);
	c[k++] = sim_thread("flips", flips, NULL);
	while (k)
		sim_join(c[--k]);
	CHECK_EQ(oa_runtime_wait(rt, &e), 0);
	CHECK_EQ(ran, want);
	CHECK_EQ(oa_runtime_free(rt), 0);
}

HARNESS_MAIN
