// SPDX-License-Identifier: MIT
/*
 * Tasks that only one worker may run: they never run elsewhere, whoever starts,
 * wakes or cancels them, and a worker that is parked is kicked for them.
 */
#include <errno.h>
#include <string.h>

#include "selftests/sim/scenario.h"

#define TASKS	10

static unsigned int workers;
static int ran, done;
static struct oa_runtime *rt;

struct place {
	int worker;		/* where it has to be, or -1: to be found out */
};

static struct place places[TASKS];

static void here(struct place *p)
{
	int id = oa_worker_id();

	CHECK(id >= 0 && id < (int)workers);
	if (p->worker < 0)
		p->worker = id;
	CHECK_EQ(id, p->worker);
}

static void *brief(void *arg)
{
	if (sim_one_in(2))
		oa_yield();
	return arg;
}

static void *stays(void *arg)
{
	struct sim_nop nop = { .delay = 1 + sim_below(5000), .res = 0 };
	struct place *p = arg;

	ran++;
	here(p);
	for (uint32_t n = sim_below(6); n; n--) {
		switch (sim_below(5)) {
		case 0:
			oa_yield();
			break;
		case 1:
			oa_sleep(sim_below(5000));
			break;
		case 2:
			oa_sqe(sim_prep_nop, &nop);
			break;
		case 3:
			oa_join(oa_spawn(brief, NULL), NULL);
			break;
		default:
			oa_join(oa_spawn(brief, NULL, .worker = OA_WORKER(
				(int)sim_below(workers))), NULL);
			break;
		}
		here(p);
	}
	done++;
	return arg;
}

static oa_task_t start(struct place *p, struct oa_runtime *to)
{
	oa_task_t t;

	if (sim_one_in(3)) {
		p->worker = -1;
		t = oa_spawn(stays, p, .pinned = true, .runtime = to);
	} else {
		p->worker = (int)sim_below(workers);
		t = oa_spawn(stays, p, .worker = OA_WORKER(p->worker),
			     .runtime = to,
			     .delay = sim_one_in(3) ? sim_below(5000) : 0);
	}
	CHECK_EQ(oa_task_error(t), 0);
	return t;
}

static void *starts(void *arg)
{
	oa_task_t t[TASKS];
	uint32_t n = 1 + sim_below(TASKS);

	for (uint32_t i = 0; i < n; i++) {
		t[i] = start(&places[i], NULL);
		if (sim_one_in(4))
			oa_sleep(sim_below(10000));
		if (sim_one_in(8))
			oa_cancel(t[sim_below(i + 1)]);
	}
	for (uint32_t i = 0; i < n; i++)
		CHECK_EQ(oa_join(t[i], NULL), 0);
	return arg;
}

SCENARIO(a_pinned_task_never_moves, 2500)
{
	ran = done = 0;
	workers = scenario_workers();
	SCENARIO_RUN(starts, NULL, .workers = workers);
	CHECK_EQ(ran, done);
}

/* The same from a thread, while all workers are parked again and again. */

static bool finished;

static void from_thread(void *arg)
{
	oa_task_t t[TASKS];
	uint32_t n = 1 + sim_below(TASKS);

	(void)arg;
	for (uint32_t i = 0; i < n; i++) {
		t[i] = start(&places[i], rt);
		if (sim_one_in(2))
			sim_pause(sim_below(20000));
		if (sim_one_in(8))
			oa_cancel(t[sim_below(i + 1)]);
	}
	for (uint32_t i = 0; i < n; i++)
		CHECK_EQ(oa_join(t[i], NULL), 0);
	finished = true;
}

static void *waits(void *arg)
{
	while (!finished)
		oa_sleep(1000000);
	return arg;
}

SCENARIO(a_parked_worker_is_kicked_for_its_own, 2500)
{
	struct sim_ctx *c;

	ran = done = 0;
	finished = false;
	workers = scenario_workers();
	CHECK_EQ(oa_start(&rt, waits, NULL, SIM_CONFIG, .workers = workers), 0);
	c = sim_thread("foreign", from_thread, NULL);
	CHECK_EQ(oa_runtime_wait(rt, NULL), 0);
	sim_join(c);
	CHECK_EQ(ran, done);
	CHECK_EQ(oa_runtime_free(rt), 0);
}

HARNESS_MAIN
