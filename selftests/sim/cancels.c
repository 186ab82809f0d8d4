// SPDX-License-Identifier: MIT
/*
 * Waits that would last for ever, each ended by one cancel, which comes at any
 * moment: before the wait, while the task leaves its stack, when it is parked.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "selftests/sim/scenario.h"

#define TASKS	8

static oa_task_t tasks[TASKS];
static uint32_t nr, ready;
static int fds[2];
static bool cancelled_all;

static void *for_ever(void *arg);

static int wait_for_ever(void)
{
	struct sim_nop nop = { .delay = OA_FOREVER };
	struct pollfd p;
	oa_task_t t;
	char c;
	int err;

	switch (sim_below(6)) {
	case 0:
		return oa_sleep_until(OA_FOREVER);
	case 1:
		return oa_sqe(sim_prep_nop, &nop);
	case 2:
		return (int)oa_read(fds[0], &c, 1);
	case 3:
		p = (struct pollfd){ .fd = fds[0], .events = POLLIN };
		return oa_poll(&p, 1, -1);
	case 4:
		return oa_sleep(1000000000000);
	default:
		/* Of a task that itself waits for ever. */
		t = oa_spawn(for_ever, NULL);
		if (oa_task_error(t))
			return -ECANCELED;
		err = oa_join(t, NULL);
		oa_cancel(t);
		CHECK(oa_detach(t) == 0);
		return err;
	}
}

static void *for_ever(void *arg)
{
	int err;

	if (sim_one_in(4))
		oa_yield();
	if (arg)
		ready++;
	do {
		err = wait_for_ever();
	} while (!err);
	CHECK_EQ(err, -ECANCELED);
	CHECK_EQ(oa_cancelled(), 1);
	return NULL;
}

static void *asks(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < nr; i++) {
		while (ready <= i && sim_one_in(2))
			sim_spin(1 + sim_below(20));
		oa_cancel(tasks[i]);
		if (sim_one_in(8))
			oa_yield();
	}
	cancelled_all = true;
	return NULL;
}

static void asks_from_outside(void *arg)
{
	asks(arg);
}

static void *starts(void *arg)
{
	bool outside = sim_one_in(3);

	for (uint32_t i = 0; i < nr; i++)
		tasks[i] = oa_spawn(for_ever, &nr);
	if (outside)
		sim_thread("canceller", asks_from_outside, NULL);
	else
		CHECK_EQ(oa_go(asks, NULL), 0);
	for (uint32_t i = 0; i < nr; i++)
		CHECK_EQ(oa_join(tasks[i], NULL), 0);
	while (!cancelled_all)
		oa_sleep(1000);
	return arg;
}

SCENARIO(a_cancel_ends_any_wait, 6000)
{
	memset(tasks, 0, sizeof(tasks));
	nr = 1 + sim_below(TASKS);
	ready = 0;
	cancelled_all = false;
	CHECK_EQ(sim_pipe(fds, 8), 0);
	SCENARIO_RUN(starts, NULL, .workers = scenario_workers());
}

HARNESS_MAIN
