// SPDX-License-Identifier: MIT
/*
 * A task that computes without end, until another has run that waits behind it
 * in the private queue of its worker. Somebody has to see that this worker
 * makes no progress, and take what it holds back; once each.
 */
#include <string.h>

#include "selftests/sim/scenario.h"

#define TASKS	6

static int runs[TASKS];
static int left;

static void *counts(void *arg)
{
	int *r = arg;

	++*r;
	CHECK_EQ(*r, 1);
	if (sim_one_in(3))
		oa_yield();
	left--;
	return NULL;
}

/* Starts tasks, lets some run, and then gives its processor to nobody. */
static void *computes(void *arg)
{
	uint32_t n = 1 + sim_below(TASKS);

	left = (int)n;
	for (uint32_t i = 0; i < n; i++)
		CHECK_EQ(oa_go(counts, &runs[i]), 0);
	if (sim_one_in(2))
		oa_yield();
	while (left)
		sim_spin(20);
	return arg;
}

static void *brief(void *arg)
{
	if (sim_one_in(2))
		oa_yield();
	return arg;
}

static void *starts(void *arg)
{
	oa_task_t t = oa_spawn(computes, NULL), other;

	/* Others come and go, so that workers are awake or not. */
	while (sim_one_in(2)) {
		other = oa_spawn(brief, NULL);
		if (sim_one_in(2))
			oa_sleep(sim_below(20000));
		CHECK_EQ(oa_join(other, NULL), 0);
	}
	CHECK_EQ(oa_join(t, NULL), 0);
	return arg;
}

SCENARIO(what_waits_behind_a_busy_task_is_rescued, 1500)
{
	memset(runs, 0, sizeof(runs));
	/* It is by the cap of a park that a stuck peer is found. */
	sim_env.ignore_caps = false;
	sim_env.migrate = false;
	sim_env.standby = false;
	if (sim_env.barrier_fails)
		sim_env.barrier_fails = 3;
	if (sim_env.step < 8000)
		sim_env.step = 40000;
	sim_env_apply();
	SCENARIO_RUN(starts, NULL, .workers = 2 + sim_below(3));
}

/*
 * Due at the same time on one worker, while the others sleep without end: the
 * first to run computes until the rest has run.
 */

static void *computes_until_all_came(void *arg)
{
	if (--left == (int)(uintptr_t)arg - 1)
		while (left)
			sim_spin(20);
	return NULL;
}

static void *starts_later(void *arg)
{
	uint32_t n = 2 + sim_below(TASKS);
	oa_time_t at = oa_now() + 1000 + sim_below(1000000);

	left = (int)n;
	for (uint32_t i = 0; i < n; i++)
		CHECK_EQ(oa_go(computes_until_all_came, (void *)(uintptr_t)n,
			       .at = at), 0);
	return arg;
}

SCENARIO(what_becomes_ready_beside_a_busy_task_is_offered, 1000)
{
	sim_env.ignore_caps = false;
	sim_env.migrate = false;
	sim_env.standby = false;
	sim_env.step = 40000;
	sim_env_apply();
	SCENARIO_RUN(starts_later, NULL, .workers = 2 + sim_below(3));
	CHECK_EQ(left, 0);
}

/* Rescuers against an owner that takes and yields all the time. */

static void *yields(void *arg)
{
	for (uint32_t n = 1 + sim_below(12); n; n--) {
		oa_yield();
		if (sim_one_in(4))
			sim_spin(sim_below(300));
	}
	++*(int *)arg;
	return arg;
}

static void *fills(void *arg)
{
	for (int i = 0; i < TASKS; i++)
		CHECK_EQ(oa_go(yields, &runs[i]), 0);
	if (sim_one_in(2))
		sim_spin(sim_below(2000));
	return arg;
}

SCENARIO(a_rescue_and_its_owner_share_nothing, 2500)
{
	memset(runs, 0, sizeof(runs));
	SCENARIO_RUN(fills, NULL, .workers = 2 + sim_below(3));
	for (int i = 0; i < TASKS; i++)
		CHECK_EQ(runs[i], 1);
}

HARNESS_MAIN
