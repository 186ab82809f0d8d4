// SPDX-License-Identifier: MIT
/*
 * Two runtimes in one process. Tasks of one start, join and cancel tasks of
 * the other and wait for its end; runtimes come and go, and handles of those
 * that are gone name nothing.
 */
#include <errno.h>
#include <string.h>

#include "selftests/sim/scenario.h"

static struct oa_runtime *rts[2];
static int keep, ran, accepted, dropped;

static void drop(void *arg)
{
	(void)arg;
	dropped++;
}

static void *guest(void *arg)
{
	CHECK(oa_runtime_self() == arg);
	if (sim_one_in(2))
		oa_sleep(sim_below(5000));
	if (sim_one_in(3))
		oa_yield();
	ran++;
	return arg;
}

static void visit(struct oa_runtime *to)
{
	oa_task_t t = oa_spawn(guest, to, .runtime = to, .on_drop = drop,
			       .delay = sim_one_in(4) ? sim_below(5000) : 0);
	void *result = NULL;
	int err = oa_task_error(t);

	if (err) {
		CHECK_EQ(err, -ESHUTDOWN);
		return;
	}
	accepted++;
	if (sim_one_in(4))
		oa_cancel(t);
	if (sim_one_in(4)) {
		err = oa_detach(t);
		CHECK(err == 0 || err == -ESRCH);
		return;
	}
	do {
		if (sim_one_in(2))
			err = oa_join(t, &result);
		else
			err = oa_join_until(t, &result,
					    oa_after(sim_below(5000)));
	} while (err == -ETIMEDOUT);
	CHECK(err == 0 || err == -ESRCH || err == -ECANCELED);
	if (!err)
		CHECK(result == to || oa_is_err(result));
}

static void *resident(void *arg)
{
	struct oa_runtime *other = arg;

	for (uint32_t n = sim_below(6); n; n--)
		visit(other);
	keep--;
	return NULL;
}

static void *host(void *arg)
{
	struct oa_runtime **other = arg;

	while (!*other)
		oa_sleep(1000);
	for (uint32_t n = 1 + sim_below(3); n; n--) {
		keep++;
		CHECK_EQ(oa_go(resident, *other), 0);
	}
	/* Guests of the other's residents: it must not end before them. */
	while (keep)
		oa_sleep(3000);
	return NULL;
}

SCENARIO(tasks_visit_another_runtime, 2000)
{
	struct oa_ended e[2];

	keep = 2;
	ran = accepted = dropped = 0;
	rts[0] = rts[1] = NULL;
	for (int i = 0; i < 2; i++)
		CHECK_EQ(oa_start(&rts[i], host, &rts[!i], SIM_CONFIG,
				  .workers = 1 + sim_below(4)), 0);
	keep -= 2;
	for (int i = 0; i < 2; i++)
		CHECK_EQ(oa_runtime_wait(rts[i], &e[i]), 0);
	CHECK_EQ(ran + dropped, accepted);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(oa_runtime_free(rts[i]), 0);
}

/* A task waits for the end of another runtime. */

static struct oa_runtime *inner;
static oa_task_t stale;

static void *short_life(void *arg)
{
	stale = oa_self();
	if (sim_one_in(2))
		oa_sleep(sim_below(30000));
	ran++;
	return arg;
}

static void *waits_for_it(void *arg)
{
	struct oa_ended e;
	int err;

	do {
		err = sim_one_in(2)
			? oa_runtime_wait(inner, &e)
			: oa_runtime_wait_until(inner, &e,
						oa_after(sim_below(20000)));
	} while (err == -ETIMEDOUT);
	CHECK(err == 0 || err == -ECANCELED);
	return arg;
}

static void *starts_it(void *arg)
{
	oa_task_t t[3];

	for (uint32_t n = 1 + sim_below(3); n; n--) {
		CHECK_EQ(oa_start(&inner, short_life, NULL, SIM_CONFIG,
				  .workers = 1 + sim_below(2)), 0);
		for (int i = 0; i < 3; i++)
			t[i] = oa_spawn(waits_for_it, NULL);
		if (sim_one_in(3))
			oa_cancel(t[1]);
		CHECK_EQ(oa_runtime_wait(inner, NULL), 0);
		for (int i = 0; i < 3; i++)
			CHECK_EQ(oa_join(t[i], NULL), 0);
		CHECK_EQ(oa_runtime_free(inner), 0);
		CHECK_EQ(oa_join(stale, NULL), -ESRCH);
		CHECK_EQ(oa_cancel(stale), -ESRCH);
	}
	return arg;
}

SCENARIO(a_task_waits_for_a_runtime, 1500)
{
	ran = 0;
	SCENARIO_RUN(starts_it, NULL, .workers = 1 + sim_below(2));
}

HARNESS_MAIN
