// SPDX-License-Identifier: MIT
/*
 * A shutdown at any moment of a mixed load, by a task or a thread. Nothing
 * starts afterwards; a graceful one drops what has not started and cancels the
 * rest, a drain lets all finish; the run is over when nothing is alive, not
 * before and not never.
 */
#include <errno.h>
#include <string.h>

#include "selftests/sim/scenario.h"

#define MAX_TASKS 80

static struct oa_runtime *rt;
static int started, ran, ended, dropped;
static int shut;		/* 0, or the kind + 1, once it has returned */
static bool by_thread, drains, thread_done;
static int fds[2];

static void drop(void *arg)
{
	(void)arg;
	CHECK(!drains);
	dropped++;
}

static void *mixed(void *arg);

static oa_task_t spawn(void)
{
	oa_task_t t;
	int before = shut, err;

	if (started >= MAX_TASKS)
		return (oa_task_t){ EAGAIN };
	if (sim_one_in(4))
		t = oa_spawn(mixed, &started, .on_drop = drop,
			     .delay = 1 + sim_below(40000));
	else if (sim_one_in(4))
		t = oa_spawn(mixed, &started, .on_drop = drop, .pinned = true);
	else
		t = oa_spawn(mixed, &started, .on_drop = drop);
	err = oa_task_error(t);
	CHECK(err == 0 || err == -ESHUTDOWN);
	if (before)
		CHECK_EQ(err, -ESHUTDOWN);
	started += !err;
	return t;
}

static void end_with(int err)
{
	CHECK(err >= 0 || err == -ECANCELED || err == -ETIMEDOUT);
	if (err == -ECANCELED)
		CHECK(!drains);
}

static void wait_somehow(void)
{
	struct sim_nop nop = { .delay = 1 + sim_below(20000), .res = 1 };
	struct oa_deadline d;
	char c;

	switch (sim_below(6)) {
	case 0:
		end_with(oa_yield());
		break;
	case 1:
		end_with(oa_sleep(sim_below(20000)));
		break;
	case 2:
		end_with(oa_sqe(sim_prep_nop, &nop));
		break;
	case 3:
		/* Nobody writes: only cancelled, or after a time. */
		if (drains || !by_thread) {
			OA_WITHIN(&d, sim_below(100000))
				end_with((int)oa_read(fds[0], &c, 1));
		} else {
			end_with((int)oa_read(fds[0], &c, 1));
		}
		break;
	default:
		sim_spin(sim_below(60));
		break;
	}
}

static void join(oa_task_t t)
{
	void *result;
	int err;

	if (oa_task_error(t))
		return;
	if (sim_one_in(3)) {
		CHECK_EQ(oa_detach(t), 0);
		return;
	}
	err = oa_join(t, &result);
	end_with(err);
	if (err)
		CHECK_EQ(oa_detach(t), 0);
	else if (result != &started)
		CHECK(oa_err_code(result) == -ESHUTDOWN ||
		      oa_err_code(result) == -ECANCELED);
}

static void shut_down(void)
{
	CHECK_EQ(oa_shutdown(rt, drains ? OA_SHUTDOWN_DRAIN
					: OA_SHUTDOWN_GRACEFUL), 0);
	shut = 1;
}

static void *mixed(void *arg)
{
	oa_task_t kids[3];
	uint32_t n = 0;

	ran++;
	for (int i = 0; i < 3; i++) {
		if (sim_one_in(2))
			kids[n++] = spawn();
		wait_somehow();
		if (!by_thread && sim_one_in(30))
			shut_down();
	}
	while (n)
		join(kids[--n]);
	ended++;
	return arg;
}

static void from_outside(void *arg)
{
	(void)arg;
	sim_pause(sim_below(60000));
	if (sim_one_in(2))
		sim_spin(sim_below(3000));
	shut_down();
	thread_done = true;
}

static void *first(void *arg)
{
	oa_task_t t[4];

	rt = oa_runtime_self();
	for (int i = 0; i < 4; i++)
		t[i] = spawn();
	for (int i = 0; i < 4; i++)
		join(t[i]);
	/* Something has to end the reads that wait for nothing. */
	if (!by_thread)
		shut_down();
	while (by_thread && !thread_done)
		if (oa_sleep(50000))
			break;
	return arg;
}

SCENARIO(a_shutdown_ends_all_at_any_moment, 3000)
{
	struct sim_ctx *c = NULL;
	struct oa_ended e;

	started = ran = ended = dropped = shut = 0;
	by_thread = sim_one_in(2);
	drains = sim_one_in(2);
	thread_done = false;
	CHECK_EQ(sim_pipe(fds, 8), 0);
	CHECK_EQ(oa_start(&rt, first, NULL, SIM_CONFIG,
			  .workers = scenario_workers()), 0);
	if (by_thread)
		c = sim_thread("shutdown", from_outside, NULL);
	CHECK_EQ(oa_runtime_wait(rt, &e), 0);
	/* It may have been dropped itself: nothing was started then. */
	if (c)
		sim_join(c);
	CHECK_EQ(ran, ended);
	CHECK_EQ(ran + dropped, started);
	CHECK_EQ(e.ran + e.dropped, started + 1);
	CHECK(e.dropped >= (uint64_t)dropped);
	if (drains)
		CHECK_EQ(e.dropped, 0);
	CHECK_EQ(oa_runtime_free(rt), 0);
}

HARNESS_MAIN
