// SPDX-License-Identifier: MIT
/*
 * Semaphores and backpressure: never more inside than there are permits, none
 * is lost to who gives up, who waits first is served first.
 */
#include "selftests/sim/crowd.h"

static struct oa_sem sem;
static uint32_t permits, inside;

static void uses(struct actor *a)
{
	for (uint32_t n = 1 + sim_below(8); n; n--) {
		int err = ACTOR_WAIT(a, oa_sem_wait(&sem), oa_sem_trywait(&sem),
				     oa_sem_wait_until(&sem, deadline));

		CHECK(oa_sem_value(&sem) <= permits);
		if (err) {
			CHECK(err == -EAGAIN || err == -ETIMEDOUT ||
			      err == -ECANCELED);
			actor_pause(a);
			continue;
		}
		inside++;
		CHECK(inside <= permits);
		actor_pause(a);
		inside--;
		CHECK_EQ(oa_sem_post(&sem), 0);
		if (sim_one_in(2))
			actor_pause(a);
	}
}

SCENARIO(no_more_inside_than_permits, 2000)
{
	permits = 1 + sim_below(3);
	inside = 0;
	CHECK_EQ(oa_sem_init(&sem, permits), 0);
	CROWD_RUN(.n = 2 + sim_below(6), .fn = uses, .cancels = sim_one_in(2));
	CHECK_EQ(oa_sem_value(&sem), permits);
	CHECK_UNUSED(oa_sem_info, &sem, permits);
	CHECK_EQ(oa_sem_destroy(&sem), 0);
}

/* As many posts as there are waits that do not give up. */

static uint32_t posts, takes, takers, rounds;

static void posts_or_takes(struct actor *a)
{
	if (a->id == 0) {
		for (uint32_t n = takers * rounds; n; n--) {
			if (sim_one_in(3))
				actor_pause(a);
			posts++;
			CHECK_EQ(oa_sem_post(&sem), 0);
		}
		return;
	}
	for (uint32_t n = rounds; n;) {
		int err = ACTOR_WAIT(a, oa_sem_wait(&sem), oa_sem_trywait(&sem),
				     oa_sem_wait_until(&sem, deadline));

		if (!err) {
			takes++;
			CHECK(takes <= posts);
			n--;
		} else {
			CHECK(err == -EAGAIN || err == -ETIMEDOUT);
			actor_pause(a);
		}
	}
}

SCENARIO(every_post_is_taken_once, 1500)
{
	posts = takes = 0;
	takers = 1 + sim_below(5);
	rounds = 1 + sim_below(6);
	CHECK_EQ(oa_sem_init(&sem, 0), 0);
	CROWD_RUN(.n = 1 + takers, .fn = posts_or_takes);
	CHECK_EQ(takes, posts);
	CHECK_UNUSED(oa_sem_info, &sem, 0);
}

/*
 * A line, each in it once the one before is seen to wait. So many posts let in
 * the same number from its head, whoever gave up in between.
 */

#define LINE	6

static uint32_t line, in_line[LINE];
static int line_err[LINE];
static bool line_over[LINE];

static uint32_t nr_waiting(void)
{
	struct oa_sync_info info = OA_SYNC_INFO_INIT;

	CHECK_EQ(oa_sem_info(&sem, &info), 0);
	return info.waiters;
}

static void *stands_in_line(void *arg)
{
	uint32_t id = (uint32_t)((uint32_t *)arg - in_line);

	line_err[id] = oa_sem_wait(&sem);
	line_over[id] = true;
	return NULL;
}

static uint32_t nr_over(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < line; i++)
		n += line_over[i];
	return n;
}

static void *holds_the_line(void *arg)
{
	uint32_t gone = sim_below(LINE * 2), n, left;
	oa_task_t t[LINE];

	for (uint32_t i = 0; i < line; i++) {
		line_over[i] = false;
		t[i] = oa_spawn(stands_in_line, &in_line[i]);
		while (nr_waiting() <= i)
			oa_sleep(200);
	}
	CHECK_EQ(oa_sem_destroy(&sem), -EBUSY);
	left = line;
	if (gone < line) {
		CHECK_EQ(oa_cancel(t[gone]), 0);
		CHECK_EQ(oa_join(t[gone], NULL), 0);
		CHECK_EQ(line_err[gone], -ECANCELED);
		left--;
	}
	n = sim_below(left + 1);
	for (uint32_t i = 0; i < n; i++)
		CHECK_EQ(oa_sem_post(&sem), 0);
	while (nr_over() < n + (line - left))
		oa_sleep(200);
	for (uint32_t i = 0, k = 0; i < line; i++)
		if (i != gone)
			CHECK_EQ(line_over[i], k++ < n);
	for (uint32_t i = n; i < left; i++)
		CHECK_EQ(oa_sem_post(&sem), 0);
	for (uint32_t i = 0; i < line; i++)
		if (i != gone)
			CHECK_EQ(oa_join(t[i], NULL), 0);
	return arg;
}

SCENARIO(who_waits_first_is_served_first, 1000)
{
	line = 2 + sim_below(LINE - 1);
	CHECK_EQ(oa_sem_init(&sem, 0), 0);
	SCENARIO_RUN(holds_the_line, NULL, .workers = scenario_workers());
	CHECK_UNUSED(oa_sem_info, &sem, 0);
}

/* Backpressure of both kinds. */

static struct oa_backpressure pressure;
static enum oa_backpressure_kind kind;
static uint32_t refused;

static void enters(struct actor *a)
{
	for (uint32_t n = 1 + sim_below(8); n; n--) {
		int err = ACTOR_WAIT(a, oa_backpressure_enter(&pressure),
			oa_backpressure_tryenter(&pressure),
			oa_backpressure_enter_until(&pressure, deadline));

		if (err == -EBUSY) {
			CHECK_EQ(kind, OA_BACKPRESSURE_LOSSY);
			refused++;
		} else if (err) {
			CHECK(err == -ECANCELED || err == -ETIMEDOUT ||
			      (err == -EAGAIN &&
			       kind == OA_BACKPRESSURE_LOSSLESS));
		}
		if (err) {
			actor_pause(a);
			continue;
		}
		inside++;
		CHECK(inside <= permits);
		actor_pause(a);
		inside--;
		CHECK_EQ(oa_backpressure_leave(&pressure), 0);
	}
}

SCENARIO(no_more_than_the_pressure_allows, 1500)
{
	kind = sim_one_in(2) ? OA_BACKPRESSURE_LOSSY : OA_BACKPRESSURE_LOSSLESS;
	permits = 1 + sim_below(3);
	inside = refused = 0;
	CHECK_EQ(oa_backpressure_init(&pressure, permits, kind), 0);
	CROWD_RUN(.n = 2 + sim_below(6), .fn = enters,
		  .cancels = sim_one_in(2));
	CHECK_UNUSED(oa_backpressure_info, &pressure, 0);
	CHECK_EQ(oa_backpressure_leave(&pressure), -EPERM);
	CHECK_EQ(oa_backpressure_destroy(&pressure), 0);
}

HARNESS_MAIN
