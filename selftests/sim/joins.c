// SPDX-License-Identifier: MIT
/*
 * Joins that race ends, other joins, cancels, steals and their own time. Each
 * task is joined by exactly one.
 */
#include <errno.h>
#include <string.h>

#include "selftests/sim/scenario.h"

#define TARGETS	4
#define JOINERS	4

static struct target {
	oa_task_t task;
	int ran, dropped, joined;
} targets[TARGETS];
static int nr_targets;
static oa_task_t joiners[JOINERS];
static bool foreign_done;

static void drop(void *arg)
{
	((struct target *)arg)->dropped++;
}

static void *target(void *arg)
{
	struct target *t = arg;

	t->ran++;
	for (uint32_t n = sim_below(4); n; n--) {
		switch (sim_below(3)) {
		case 0:
			oa_yield();
			break;
		case 1:
			oa_sleep(sim_below(4000));
			break;
		default:
			sim_spin(sim_below(100));
			break;
		}
	}
	return t;
}

static void spawn_one(struct target *t)
{
	switch (sim_below(5)) {
	case 0:
		t->task = oa_spawn(target, t, .on_drop = drop, .pinned = true);
		break;
	case 1:
		t->task = oa_spawn(target, t, .on_drop = drop,
				   .delay = 1 + sim_below(4000));
		break;
	default:
		t->task = oa_spawn(target, t, .on_drop = drop);
		break;
	}
	CHECK_EQ(oa_task_error(t->task), 0);
}

static void joined(struct target *t, void *result)
{
	t->joined++;
	CHECK_EQ(t->joined, 1);
	CHECK_EQ(t->ran + t->dropped, 1);
	if (t->ran)
		CHECK(result == t);
	else
		CHECK_EQ(oa_err_code(result), -ECANCELED);
}

/* One attempt; true when nobody can join it any more. */
static bool attempt(struct target *t, bool patient)
{
	void *result = NULL;
	int err;

	if (!patient || sim_one_in(3))
		err = oa_join_until(t->task, &result,
				    oa_after(sim_below(3000)));
	else
		err = oa_join(t->task, &result);
	switch (err) {
	case 0:
		joined(t, result);
		return true;
	case -ESRCH:
		return true;
	case -EINVAL:		/* somebody else joins */
	case -ETIMEDOUT:
		return false;
	default:
		CHECK_EQ(err, -ECANCELED);
		CHECK_EQ(oa_cancelled(), 1);
		return false;
	}
}

static void *joiner(void *arg)
{
	for (uint32_t n = 1 + sim_below(6); n; n--) {
		struct target *t = &targets[sim_below((uint32_t)nr_targets)];

		if (sim_one_in(6))
			oa_cancel(t->task);
		else
			attempt(t, true);
		if (sim_one_in(4))
			oa_yield();
	}
	return arg;
}

static void foreign(void *arg)
{
	(void)arg;
	for (uint32_t n = 1 + sim_below(6); n; n--) {
		struct target *t = &targets[sim_below((uint32_t)nr_targets)];

		if (sim_one_in(6))
			oa_cancel(t->task);
		else
			attempt(t, false);
	}
	foreign_done = true;
}

static void *first(void *arg)
{
	struct sim_ctx *c = NULL;
	uint32_t n = sim_below(JOINERS + 1);

	for (int i = 0; i < nr_targets; i++)
		spawn_one(&targets[i]);
	for (uint32_t i = 0; i < n; i++)
		joiners[i] = oa_spawn(joiner, NULL);
	if (sim_one_in(2))
		c = sim_thread("foreign", foreign, NULL);
	for (uint32_t i = 0; i < n; i++)
		if (sim_one_in(4))
			oa_cancel(joiners[i]);
	for (int i = 0; i < nr_targets; i++)
		while (!attempt(&targets[i], true))
			oa_yield();
	for (uint32_t i = 0; i < n; i++)
		CHECK_EQ(oa_join(joiners[i], NULL), 0);
	while (c && !foreign_done)
		oa_sleep(1000);
	for (int i = 0; i < nr_targets; i++) {
		CHECK_EQ(targets[i].joined, 1);
		CHECK_EQ(oa_join(targets[i].task, NULL), -ESRCH);
		CHECK_EQ(oa_cancel(targets[i].task), -ESRCH);
	}
	return arg;
}

SCENARIO(every_task_is_joined_by_one, 3000)
{
	foreign_done = false;
	memset(targets, 0, sizeof(targets));
	nr_targets = 1 + (int)sim_below(TARGETS);
	SCENARIO_RUN(first, NULL, .workers = scenario_workers());
}

/* A joiner that gives up and comes back, while the task ends elsewhere. */

static unsigned int workers;

static void *ends_soon(void *arg)
{
	sim_spin(sim_below(60));
	return arg;
}

static void *comes_back(void *arg)
{
	for (uint32_t n = 4 + sim_below(8); n; n--) {
		oa_task_t t = oa_spawn(ends_soon, NULL, .worker = OA_WORKER(
					       (int)sim_below(workers)));
		int err = -ETIMEDOUT;

		for (uint32_t k = 1 + sim_below(4); k && err; k--) {
			err = oa_join_until(t, NULL,
					    oa_after(sim_below(1500)));
			CHECK(err == 0 || err == -ETIMEDOUT);
		}
		if (err)
			CHECK_EQ(oa_join(t, NULL), 0);
	}
	return arg;
}

static void *two_come_back(void *arg)
{
	CHECK_EQ(oa_go(comes_back, NULL), 0);
	return comes_back(arg);
}

SCENARIO(a_joiner_that_comes_back_is_woken, 6000)
{
	workers = 2 + sim_below(2);
	sim_env.tick = 200;
	sim_env.leap = 0;
	SCENARIO_RUN(two_come_back, NULL, .workers = workers);
}

HARNESS_MAIN
