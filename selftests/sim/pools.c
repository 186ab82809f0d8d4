// SPDX-License-Identifier: MIT
/*
 * The blocking pool: no more on it than are allowed, nobody who waits for it
 * is forgotten, ordinary tasks go on while it is full, and a thread that
 * cannot be had is told.
 */
#include <string.h>

#include "core/fault.h"
#include "selftests/sim/crowd.h"

#define TASKS	10

static uint32_t places, busy, ran, dropped, refused;
static bool faults, cancels;

struct job {
	oa_task_t task;
	int ran, dropped, over;
	bool cancelled;
};

static struct job jobs[TASKS];
static uint32_t nr_jobs;

static void drop(void *arg)
{
	struct job *j = arg;

	CHECK_EQ(j->ran, 0);
	CHECK_EQ(j->dropped++, 0);
	dropped++;
}

static void *blocks(void *arg)
{
	struct job *j = arg;

	CHECK_EQ(j->ran++, 0);
	CHECK_EQ(j->dropped, 0);
	CHECK(++busy <= places);
	CHECK_EQ(oa_worker_id(), -EPERM);
	for (uint32_t n = sim_below(4); n; n--) {
		if (sim_one_in(2))
			sim_pause(sim_below(6000));
		else
			sim_spin(sim_below(60));
	}
	j->cancelled = oa_cancelled() == 1;
	CHECK(cancels || !j->cancelled);
	busy--;
	j->over++;
	ran++;
	return j;
}

/* By a task: a call of its own. */
static void calls(struct job *j)
{
	void *result = oa_block(blocks, j);

	/* It is over, or will never begin. */
	CHECK_EQ(j->ran, j->over);
	if (result == j) {
		CHECK_EQ(j->over, 1);
		return;
	}
	CHECK_EQ(j->ran, 0);
	switch (oa_err_code(result)) {
	case -EAGAIN:
		CHECK(faults);
		break;
	case -ECANCELED:
		CHECK(cancels && oa_cancelled() == 1);
		break;
	default:
		sim_fail("oa_block: %d", oa_err_code(result));
	}
	refused++;
}

static void *calls_as_task(void *arg)
{
	if (sim_one_in(3))
		oa_sleep(sim_below(3000));
	calls(arg);
	return arg;
}

static void start(struct job *j)
{
	int err;

	if (sim_one_in(2)) {
		j->task = oa_spawn(calls_as_task, j);
		CHECK_EQ(oa_task_error(j->task), 0);
		return;
	}
	j->task = oa_spawn(blocks, j, .block = true, .on_drop = drop,
			   .delay = sim_one_in(4) ? 1 + sim_below(3000) : 0);
	err = oa_task_error(j->task);
	CHECK(err == 0 || (err == -EAGAIN && faults));
	refused += !!err;
}

static void join(struct job *j)
{
	void *result;
	int err;

	if (oa_task_error(j->task))
		return;
	CHECK_EQ(oa_join(j->task, &result), 0);
	CHECK_EQ(j->ran, j->over);
	if (result == j)
		return;
	err = oa_err_code(result);
	CHECK((err == -ECANCELED && cancels) || (err == -EAGAIN && faults));
	/* The caller was dropped, or the call itself. */
	CHECK_EQ(j->ran, 0);
	refused += !j->dropped;
}

static void *uses_pool(void *arg)
{
	/* The workers are there by now. */
	if (faults)
		sim_fault_set(FAULT_THREAD, 1 + sim_below(3));
	for (uint32_t i = 0; i < nr_jobs; i++) {
		start(&jobs[i]);
		if (sim_one_in(4))
			oa_sleep(sim_below(6000));
		if (cancels && sim_one_in(3))
			oa_cancel(jobs[sim_below(i + 1)].task);
	}
	for (uint32_t i = 0; i < nr_jobs; i++)
		join(&jobs[i]);
	CHECK_EQ(busy, 0);
	return arg;
}

static void run_pool(void)
{
	memset(jobs, 0, sizeof(jobs));
	nr_jobs = 1 + sim_below(TASKS);
	places = 1 + sim_below(3);
	busy = ran = dropped = refused = 0;
	sim_env.longest = OA_SEC;
	SCENARIO_RUN(uses_pool, NULL, .workers = scenario_workers(),
		     .max_blocking = places, .min_blocking = sim_below(3),
		     .blocking_idle = sim_one_in(2) ? 0 : 1 + sim_below(20000));
	CHECK_EQ(ran + dropped + refused, nr_jobs);
}

SCENARIO(the_pool_has_so_many_places, 1500)
{
	faults = cancels = false;
	run_pool();
	CHECK_EQ(ran, nr_jobs);
}

SCENARIO(a_call_that_is_cancelled_is_waited_for, 1500)
{
	faults = false;
	cancels = true;
	run_pool();
}

SCENARIO(a_thread_that_cannot_be_had_is_told, 1500)
{
	faults = true;
	cancels = sim_one_in(3);
	run_pool();
}

/*
 * All places are taken by tasks that wait for ordinary ones, which in turn
 * have to wait for each other.
 */

static struct oa_sem go;
static struct oa_event done;
static uint32_t waiting;

static void *waits_on_pool(void *arg)
{
	CHECK(++busy <= places);
	waiting++;
	CHECK_EQ(oa_sem_wait(&go), 0);
	busy--;
	if (++ran == nr_jobs)
		CHECK_EQ(oa_event_set(&done), 0);
	return arg;
}

static void *lets_go(void *arg)
{
	for (uint32_t n = nr_jobs; n; n--) {
		while (!waiting)
			oa_sleep(300);
		waiting--;
		CHECK_EQ(oa_sem_post(&go), 0);
		if (sim_one_in(2))
			oa_yield();
	}
	return arg;
}

static void *fills_pool(void *arg)
{
	for (uint32_t i = 0; i < nr_jobs; i++)
		CHECK_EQ(oa_go(waits_on_pool, NULL, .block = true), 0);
	CHECK_EQ(oa_go(lets_go, NULL), 0);
	CHECK_EQ(oa_event_wait(&done), 0);
	return arg;
}

SCENARIO(a_full_pool_stops_nobody, 1200)
{
	nr_jobs = 1 + sim_below(TASKS);
	places = 1 + sim_below(3);
	busy = ran = waiting = 0;
	go = (struct oa_sem)OA_SEM_INIT(0);
	done = (struct oa_event)OA_EVENT_INIT;
	sim_env.longest = OA_SEC;
	SCENARIO_RUN(fills_pool, NULL, .workers = scenario_workers(),
		     .max_blocking = places,
		     .blocking_idle = 1 + sim_below(3000));
	CHECK_EQ(ran, nr_jobs);
	CHECK_UNUSED(oa_sem_info, &go, 0);
}

/* A shutdown while some run, some wait for a place, and some for a call. */

static struct oa_runtime *rt;
static bool drains;

static void *calls_until_shut(void *arg)
{
	struct job *j = arg;
	void *result = oa_block(blocks, j);

	CHECK_EQ(j->ran, j->over);
	if (result != j) {
		CHECK_EQ(j->ran, 0);
		CHECK(oa_err_code(result) == -ECANCELED ||
		      oa_err_code(result) == -ESHUTDOWN);
	}
	return arg;
}

static void *keeps_starting(void *arg)
{
	for (uint32_t i = 0; i < nr_jobs; i++) {
		struct job *j = &jobs[i];
		int err = sim_one_in(2)
			? oa_go(blocks, j, .block = true, .on_drop = drop)
			: oa_go(calls_until_shut, j, .on_drop = drop);

		if (err) {
			CHECK_EQ(err, -ESHUTDOWN);
			j->dropped = 1;
		}
		if (sim_one_in(3))
			oa_sleep(sim_below(3000));
	}
	return arg;
}

static void shuts_down(void *arg)
{
	(void)arg;
	if (sim_one_in(2))
		sim_pause(sim_below(20000));
	else
		sim_spin(sim_below(2000));
	CHECK_EQ(oa_shutdown(rt, drains ? OA_SHUTDOWN_DRAIN
					: OA_SHUTDOWN_GRACEFUL), 0);
}

SCENARIO(a_shutdown_waits_for_the_pool, 1500)
{
	struct sim_ctx *c;
	struct oa_ended e;

	memset(jobs, 0, sizeof(jobs));
	nr_jobs = 1 + sim_below(TASKS);
	places = 1 + sim_below(3);
	busy = ran = dropped = 0;
	faults = false;
	cancels = true;
	drains = sim_one_in(2);
	sim_env.longest = OA_SEC;
	CHECK_EQ(oa_start(&rt, keeps_starting, NULL, SIM_CONFIG,
			  .workers = scenario_workers(),
			  .max_blocking = places,
			  .blocking_idle = 1 + sim_below(20000)), 0);
	c = sim_thread("shutdown", shuts_down, NULL);
	CHECK_EQ(oa_runtime_wait(rt, &e), 0);
	sim_join(c);
	CHECK_EQ(oa_runtime_free(rt), 0);
	CHECK_EQ(busy, 0);
	for (uint32_t i = 0; i < nr_jobs; i++) {
		CHECK_EQ(jobs[i].ran, jobs[i].over);
		CHECK(jobs[i].ran + jobs[i].dropped <= 1);
	}
}

HARNESS_MAIN
