// SPDX-License-Identifier: MIT
/*
 * Sleeps, deadlines and delays against wakes and cancels: nobody wakes early,
 * and nobody is forgotten (sim_check.c looks for sleepers past their time).
 * A task's timer stays in the wheel of the worker where it slept, so the tasks
 * here wait with a deadline, are woken before it, go on elsewhere and wait
 * with an earlier one.
 */
#include <errno.h>
#include <string.h>

#include "selftests/sim/scenario.h"

#define TASKS	8

static oa_task_t tasks[TASKS];
static int alive;

/* Times of very different size, so that timers lie in all levels. */
static oa_time_t some_time(void)
{
	return (oa_time_t)(1 + sim_below(1000)) << sim_below(18);
}

static void *brief(void *arg)
{
	if (sim_one_in(2))
		oa_yield();
	if (sim_one_in(3))
		oa_sleep(sim_below(3000));
	return arg;
}

static void sleeps(void)
{
	oa_time_t until = oa_now() + some_time();
	int err = oa_sleep_until(until);

	if (err == 0)
		CHECK(oa_now() >= until);
	else
		CHECK_EQ(err, -ECANCELED);
}

/* A far deadline that is not reached, most of the time. */
static void joins(void)
{
	oa_time_t until = oa_now() + some_time();
	oa_task_t t = oa_spawn(brief, NULL, .pinned = sim_one_in(3));
	int err = oa_join_until(t, NULL, until);

	if (err == -ETIMEDOUT)
		CHECK(oa_now() >= until);
	else if (err)
		CHECK_EQ(err, -ECANCELED);
	if (err)
		CHECK_EQ(oa_detach(t), 0);
}

static void requests(void)
{
	struct sim_nop nop = { .delay = some_time(), .res = 7 };
	struct oa_deadline d;
	oa_time_t timeout = some_time(), until = oa_now() + timeout;
	int err = 0;

	OA_WITHIN(&d, timeout)
		err = oa_sqe(sim_prep_nop, &nop);
	if (err == -ETIMEDOUT) {
		CHECK(oa_now() >= until);
		CHECK_EQ(oa_deadline_fired(&d), 1);
	} else if (err == -ECANCELED) {
		CHECK_EQ(oa_cancelled(), 1);
	} else {
		CHECK_EQ(err, 7);
		CHECK_EQ(oa_deadline_fired(&d), 0);
	}
}

static void nested(void)
{
	oa_time_t outer = some_time(), inner = some_time(), now = oa_now();
	struct oa_deadline a, b;
	int err = 0;

	OA_WITHIN(&a, outer)
		OA_WITHIN(&b, inner)
			err = oa_sleep(some_time());
	if (err == -ETIMEDOUT) {
		CHECK(oa_now() >= now + (outer < inner ? outer : inner));
		/* Both were entered a little later than now was looked at. */
		CHECK(oa_deadline_fired(&a) || oa_deadline_fired(&b));
	} else {
		CHECK(err == 0 || err == -ECANCELED);
		CHECK(!oa_deadline_fired(&a) && !oa_deadline_fired(&b));
	}
}

static void cancels(void)
{
	oa_task_t t = oa_spawn(brief, NULL, .delay = some_time());

	if (sim_one_in(2))
		oa_yield();
	oa_cancel(t);
	CHECK_EQ(oa_detach(t), 0);
}

static void *worker_of_time(void *arg)
{
	for (uint32_t n = 1 + sim_below(8); n; n--) {
		switch (sim_below(6)) {
		case 0:
			sleeps();
			break;
		case 1:
		case 2:
			joins();
			break;
		case 3:
			requests();
			break;
		case 4:
			nested();
			break;
		default:
			cancels();
			break;
		}
	}
	alive--;
	return arg;
}

static void *first(void *arg)
{
	uint32_t n = 1 + sim_below(TASKS);

	alive = (int)n;
	for (uint32_t i = 0; i < n; i++)
		tasks[i] = oa_spawn(worker_of_time, NULL,
				    .delay = sim_one_in(3) ? some_time() : 0);
	while (sim_one_in(2)) {
		oa_sleep(some_time());
		oa_cancel(tasks[sim_below(n)]);
	}
	for (uint32_t i = 0; i < n; i++)
		CHECK_EQ(oa_join(tasks[i], NULL), 0);
	return arg;
}

SCENARIO(nobody_wakes_early_or_is_forgotten, 3000)
{
	memset(tasks, 0, sizeof(tasks));
	SCENARIO_RUN(first, NULL, .workers = scenario_workers());
}

/*
 * Woken on another worker while the one it left still files its timer, a task
 * goes on there to a nearer deadline.
 */

static unsigned int workers;

static void *elsewhere(void *arg)
{
	if (sim_one_in(3))
		oa_yield();
	return arg;
}

static void *goes_round(void *arg)
{
	for (uint32_t n = 2 + sim_below(10); n; n--) {
		oa_time_t far = oa_now() + 20000000 + sim_below(1000000);
		oa_time_t near = 1 + sim_below(20000), until;
		oa_task_t t = oa_spawn(elsewhere, NULL, .worker = OA_WORKER(
					       (int)sim_below(workers)));

		CHECK_EQ(oa_join_until(t, NULL, far), 0);
		until = oa_now() + near;
		CHECK_EQ(oa_sleep_until(until), 0);
		CHECK(oa_now() >= until);
	}
	return arg;
}

static void *go_round(void *arg)
{
	for (uint32_t n = 1 + sim_below(3); n; n--)
		CHECK_EQ(oa_go(goes_round, NULL), 0);
	return arg;
}

SCENARIO(a_timer_follows_its_task, 4000)
{
	workers = 2 + sim_below(2);
	/* Only what is late for its own fault is to be late. */
	sim_env.ignore_caps = true;
	sim_env.leap = 0;
	SCENARIO_RUN(go_round, NULL, .workers = workers);
}

/* Short sleeps of many: so dense that they are taken in groups. */

static unsigned int woken;

static void *naps(void *arg)
{
	uint32_t longest = (uint32_t)(uintptr_t)arg;
	oa_time_t until;

	for (int i = 0; i < 400; i++) {
		until = oa_now() + 1 + sim_below(longest);
		CHECK_EQ(oa_sleep_until(until), 0);
		CHECK(oa_now() >= until);
		woken++;
	}
	return NULL;
}

static void *nap(void *arg)
{
	struct oa_stats st = { .size = sizeof(st) };

	for (int i = 0; i < 16; i++)
		CHECK_EQ(oa_go(naps, arg), 0);
	while (woken < 16 * 400)
		CHECK_EQ(oa_sleep(OA_MSEC), 0);
	CHECK_EQ(oa_stats(NULL, &st), 0);
	/* sim_check.c sees to it that none is later than it may be. */
	CHECK(st.waits_ring + st.waits_futex < st.timers_fired / 2);
	return NULL;
}

SCENARIO(a_crowd_is_woken_in_groups, 200)
{
	woken = 0;
	sim_env.slack = 2000 + sim_below(100000);
	sim_env.spurious = 0;
	sim_env.migrate = false;
	sim_env_apply();
	SCENARIO_RUN(nap, (void *)(uintptr_t)(sim_env.slack / 2), .workers = 1);
}

struct delayed {
	oa_time_t at;
	int ran;
};

static void *delayed(void *arg)
{
	struct delayed *d = arg;

	d->ran++;
	CHECK(oa_now() >= d->at);
	return NULL;
}

static struct delayed list[40];

static void *starts(void *arg)
{
	uint32_t n = 1 + sim_below(40);
	oa_time_t now;

	for (uint32_t i = 0; i < n; i++) {
		oa_time_t delay = some_time();

		now = oa_now();
		list[i].at = now + delay;
		CHECK_EQ(oa_go(delayed, &list[i], .at = now + delay), 0);
		if (sim_one_in(5))
			oa_yield();
	}
	return arg;
}

SCENARIO(delayed_tasks_start_in_their_time, 1000)
{
	struct oa_ended e;

	memset(list, 0, sizeof(list));
	SCENARIO_RUN(starts, NULL, .workers = scenario_workers(), .ended = &e);
	CHECK_EQ(e.dropped, 0);
	for (uint32_t i = 0; i < 40; i++)
		CHECK_EQ(list[i].ran, list[i].at != 0);
}

HARNESS_MAIN
