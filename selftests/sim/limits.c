// SPDX-License-Identifier: MIT
/*
 * Many tasks: more than a run queue holds, so that batches move to the shared
 * queue and back while others steal; and a limit on how many are alive, which
 * is never passed and never shrinks.
 */
#include <errno.h>
#include <string.h>

#include "selftests/sim/scenario.h"

#define MANY	700

static uint8_t runs[MANY];
static int total;

static void *once(void *arg)
{
	uint8_t *r = arg;

	++*r;
	CHECK_EQ(*r, 1);
	if (sim_one_in(8))
		oa_yield();
	total++;
	return NULL;
}

static void *starts_many(void *arg)
{
	uint32_t n = 200 + sim_below(MANY - 200);

	for (uint32_t i = 0; i < n; i++) {
		if (sim_one_in(4))
			CHECK_EQ(oa_go(once, &runs[i], .pinned = true), 0);
		else
			CHECK_EQ(oa_go(once, &runs[i]), 0);
		if (sim_one_in(100))
			oa_yield();
	}
	*(uint32_t *)arg = n;
	return NULL;
}

SCENARIO(none_of_many_is_lost, 300)
{
	struct oa_ended e;
	uint32_t n = 0;

	memset(runs, 0, sizeof(runs));
	total = 0;
	SCENARIO_RUN(starts_many, &n, .workers = scenario_workers(),
		     .ended = &e);
	CHECK_EQ(total, n);
	CHECK_EQ(e.ran, n + 1);
}

/* The limit counts the first task, too. */

#define LIMIT	9
#define SPAWNERS 3

static int alive, peak, tried, got;

static void *lives(void *arg)
{
	alive++;
	peak = alive > peak ? alive : peak;
	CHECK(alive <= LIMIT);
	if (sim_one_in(2))
		oa_sleep(sim_below(3000));
	alive--;
	return arg;
}

static void *spawner(void *arg)
{
	alive++;
	for (int i = 0; i < 12; i++) {
		oa_task_t t = oa_spawn(lives, NULL);
		int err = oa_task_error(t);

		tried++;
		CHECK(err == 0 || err == -EAGAIN);
		got += !err;
		if (!err && sim_one_in(2))
			CHECK_EQ(oa_join(t, NULL), 0);
		else if (!err)
			CHECK_EQ(oa_detach(t), 0);
		if (sim_one_in(3))
			oa_yield();
	}
	alive--;
	return arg;
}

static void *limited(void *arg)
{
	oa_task_t t[SPAWNERS];
	int n = 0;

	alive = 1;
	for (int i = 0; i < SPAWNERS; i++)
		t[i] = oa_spawn(spawner, NULL);
	for (int i = 0; i < SPAWNERS; i++)
		if (!oa_task_error(t[i]))
			CHECK_EQ(oa_join(t[i], NULL), 0);
	/* All but ours and what workers keep in hand can be had again. */
	while (n < 2 && !oa_task_error(t[0] = oa_spawn(lives, NULL))) {
		CHECK_EQ(oa_join(t[0], NULL), 0);
		n++;
	}
	CHECK(n > 0);
	return arg;
}

SCENARIO(the_limit_of_tasks_holds, 1000)
{
	alive = peak = tried = got = 0;
	SCENARIO_RUN(limited, NULL, .workers = scenario_workers(),
		     .max_tasks = LIMIT);
}

HARNESS_MAIN
