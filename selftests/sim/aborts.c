// SPDX-License-Identifier: MIT
/*
 * A runtime is shut down at once while its requests are being asked to end, by
 * cancels, by deadlines, by tasks that end in between. What that leaves of it
 * must do nothing to the next user of its slots: there, each request comes to
 * its deadline, or is ended by a cancel.
 */
#include <errno.h>
#include <string.h>

#include "selftests/sim/scenario.h"

#define TASKS	12

static oa_task_t tasks[TASKS];
static uint32_t nr, told;
static bool all_told;
static struct oa_sem timed;

static int ask_forever(void)
{
	struct sim_nop nop = { .delay = OA_FOREVER };

	return oa_sqe(sim_prep_nop, &nop);
}

/* ---- the first: requests without an end of their own */

static void *asks_again(void *arg)
{
	struct sim_nop nop = { .delay = 1 + sim_below(4000) };
	struct oa_deadline d;
	uint32_t rounds = 1 + sim_below(4);

	while (rounds--) {
		if (sim_one_in(3)) {
			oa_sqe(sim_prep_nop, &nop);
			continue;
		}
		OA_WITHIN(&d, 1 + sim_below(6000))
			ask_forever();
	}
	return arg;
}

/* Of one that has gone, or is just going, too. */
static void cancels_all(void *arg)
{
	(void)arg;
	while (!all_told) {
		for (uint32_t i = 0; i < told; i++) {
			oa_cancel(tasks[i]);
			if (sim_one_in(3))
				sim_spin(sim_below(40));
		}
		oa_now();
	}
	for (uint32_t i = 0; i < told; i++)
		oa_cancel(tasks[i]);
}

static void ends_at_once(void *rt)
{
	sim_spin(sim_below(400));
	CHECK_EQ(oa_shutdown(rt, OA_SHUTDOWN_NOW), 0);
}

static void *is_cut_short(void *arg)
{
	for (; told < nr; told++) {
		tasks[told] = oa_spawn(asks_again, NULL);
		if (oa_task_error(tasks[told]))
			break;
	}
	if (sim_one_in(2))
		oa_sleep(1 + sim_below(6000));
	all_told = true;
	if (sim_one_in(2))
		sim_spin(sim_below(200));
	CHECK_EQ(oa_shutdown(NULL, OA_SHUTDOWN_NOW), 0);
	ask_forever();
	return arg;
}

static void first_life(void)
{
	struct sim_ctx *canceller, *ender = NULL;
	struct oa_runtime *rt;

	told = 0;
	all_told = false;
	canceller = sim_thread("canceller", cancels_all, NULL);
	CHECK_EQ(oa_start(&rt, is_cut_short, NULL, SIM_CONFIG,
			  .workers = scenario_workers()), 0);
	if (sim_one_in(3))
		ender = sim_thread("ender", ends_at_once, rt);
	CHECK_EQ(oa_runtime_wait(rt, NULL), 0);
	all_told = true;
	if (ender)
		sim_join(ender);
	/* It may be about to look at what is gone. */
	if (sim_one_in(2))
		sim_join(canceller);
	CHECK_EQ(oa_runtime_free(rt), 0);
}

/* ---- the second, on the same slots */

static void *ends_in_time(void *arg)
{
	struct oa_deadline d;
	int err = 0;

	OA_WITHIN(&d, 1 + sim_below(3000))
		err = ask_forever();
	CHECK_EQ(err, -ETIMEDOUT);
	CHECK_EQ(oa_sem_post(&timed), 0);
	CHECK_EQ(ask_forever(), -ECANCELED);
	return arg;
}

static void *lives_after(void *arg)
{
	oa_task_t t[2 * TASKS];

	for (uint32_t i = 0; i < 2 * TASKS; i++) {
		t[i] = oa_spawn(ends_in_time, NULL);
		CHECK_EQ(oa_task_error(t[i]), 0);
	}
	/* Whoever reads on for ever is found out here, or by his join. */
	for (uint32_t i = 0; i < 2 * TASKS; i++)
		CHECK_EQ(oa_sem_wait(&timed), 0);
	for (uint32_t i = 0; i < 2 * TASKS; i++)
		CHECK_EQ(oa_cancel(t[i]), 0);
	for (uint32_t i = 0; i < 2 * TASKS; i++)
		CHECK_EQ(oa_join(t[i], NULL), 0);
	return arg;
}

SCENARIO(what_ended_at_once_leaves_no_mark, 10000)
{
	memset(tasks, 0, sizeof(tasks));
	nr = 1 + sim_below(TASKS);
	timed = (struct oa_sem)OA_SEM_INIT(0);
	first_life();
	SCENARIO_RUN(lives_after, NULL, .workers = 1 + sim_below(2));
}

HARNESS_MAIN
