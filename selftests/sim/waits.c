// SPDX-License-Identifier: MIT
/*
 * Waits in the ring for several completions: a kick ends one at once. The time
 * that such a wait may take is far longer than anything else here.
 */
#include "selftests/sim/scenario.h"

#define LOOPS	6
#define POSTS	20

static struct oa_runtime *rt;
static bool stop;
static unsigned int ran;

/* Enough side by side that waits are for several. */
static void *loops(void *arg)
{
	struct sim_nop nop = { .res = 1 };

	while (!stop) {
		nop.delay = 100 + sim_below(400);
		CHECK_EQ(oa_sqe(sim_prep_nop, &nop), 1);
	}
	return arg;
}

static void *begins(void *arg)
{
	for (int i = 0; i < LOOPS; i++)
		CHECK_EQ(oa_go(loops, NULL), 0);
	return arg;
}

static void *counts(void *arg)
{
	ran++;
	return arg;
}

static void posts(void *arg)
{
	oa_time_t from, nap;

	(void)arg;
	for (unsigned int i = 1; i <= POSTS; i++) {
		/* The window is between two steps of a worker that parks. */
		sim_pause(sim_below(2) ? sim_below(3000) : 0);
		sim_spin((unsigned int)sim_below(60));
		from = sim_now();
		CHECK_EQ(oa_post(rt, counts, NULL, 0), 0);
		for (nap = 100; ran < i; nap *= 2)
			sim_pause(nap);
		CHECK(sim_now() - from < OA_SEC / 2);
	}
	stop = true;
}

SCENARIO(a_kick_ends_a_wait_for_several, 3000)
{
	struct sim_ctx *c;

	sim_env.leap = 0; /* a leap may be over the time that is measured */
	stop = false;
	ran = 0;
	CHECK_EQ(oa_start(&rt, begins, NULL, SIM_CONFIG, .coalesce = OA_SEC,
			  .workers = 1 + (unsigned int)sim_below(2)), 0);
	c = sim_thread("foreign", posts, NULL);
	CHECK_EQ(oa_runtime_wait(rt, NULL), 0);
	sim_join(c);
	CHECK_EQ(oa_runtime_free(rt), 0);
}

HARNESS_MAIN
