// SPDX-License-Identifier: MIT
/* Shutting down, gracefully and draining, at any moment and from anywhere. */
#include "api_test.h"

#include <stdlib.h>
#include <unistd.h>

FIXTURE(shutdown) { unsigned int ran, dropped; int flag, fds[2]; };
VARIANTS_WORKERS(shutdown);

FIXTURE_SETUP(shutdown)
{
	ASSERT_EQ(0, pipe(self->fds));
}

FIXTURE_TEARDOWN(shutdown)
{
	close(self->fds[0]);
	close(self->fds[1]);
}

typedef struct shutdown_fixture_data data;

static void *add_one(void *counter)
{
	COUNT(*(unsigned int *)counter);
	return NULL;
}

static void count_drop(void *arg)
{
	data *s = arg;

	COUNT(s->dropped);
}

static void *runs(void *arg)
{
	data *s = arg;

	COUNT(s->ran);
	return NULL;
}

static void *sleeps_for_ever(void *arg)
{
	data *s = arg;

	COUNT(s->ran);
	EXPECT_ERR(oa_sleep(OA_FOREVER), -ECANCELED);
	return NULL;
}

static void *reads_for_ever(void *arg)
{
	data *s = arg;
	char c;

	COUNT(s->ran);
	EXPECT_ERR(oa_read(s->fds[0], &c, 1), -ECANCELED);
	return NULL;
}

static void *stops(void *arg)
{
	data *s = arg;

	for (int i = 0; i < 50; i++) {
		ASSERT_OK(oa_go(sleeps_for_ever, s, .on_drop = count_drop));
		ASSERT_OK(oa_go(reads_for_ever, s, .on_drop = count_drop));
		ASSERT_OK(oa_go(runs, s, .on_drop = count_drop,
				.delay = 1000 * OA_SEC));
	}
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL));
	/* The caller, too, is asked to stop; nothing new gets in. */
	EXPECT_EQ(1, oa_cancelled());
	EXPECT_ERR(oa_sleep(1), -ECANCELED);
	EXPECT_ERR(oa_go(runs, s), -ESHUTDOWN);
	EXPECT_ERR(oa_task_error(oa_spawn(runs, s)), -ESHUTDOWN);
	EXPECT_ERR(oa_post(oa_runtime_self(), runs, NULL, 0), -ESHUTDOWN);
	/* Again, and the weaker kind: no change. */
	EXPECT_OK(oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL));
	EXPECT_OK(oa_shutdown(NULL, OA_SHUTDOWN_DRAIN));
	EXPECT_OK(oa_shutdown(oa_runtime_self(), OA_SHUTDOWN_GRACEFUL));
	return NULL;
}

TEST_F(shutdown, graceful_from_a_task)
{
	struct oa_ended e;

	ASSERT_OK(oa_run(stops, self, .workers = variant->workers,
			 .ended = &e));
	EXPECT_EQ(150u, self->ran + self->dropped);
	EXPECT_GE(self->dropped, 50u);
	EXPECT_EQ(self->ran + 1u, e.ran);
	EXPECT_EQ(self->dropped, e.dropped);
	EXPECT_EQ(e.ran, e.cancelled);
	EXPECT_EQ(0u, e.abandoned);
}

static void *drains(void *arg)
{
	data *s = arg;
	oa_time_t before = oa_now();
	oa_task_t t;

	for (int i = 0; i < 50; i++) {
		ASSERT_OK(oa_go(runs, s, .on_drop = count_drop));
		ASSERT_OK(oa_go(runs, s, .on_drop = count_drop,
				.delay = 2 * OA_MSEC));
	}
	t = oa_spawn(runs, s, .delay = 3 * OA_MSEC);
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_DRAIN));
	EXPECT_EQ(0, oa_cancelled());
	EXPECT_OK(oa_sleep(OA_MSEC));
	EXPECT_ERR(oa_go(runs, s), -ESHUTDOWN);
	EXPECT_ERR(oa_task_error(oa_spawn(runs, s)), -ESHUTDOWN);
	EXPECT_OK(oa_join(t, NULL));
	EXPECT_GE(oa_now(), before + 3 * OA_MSEC);
	return NULL;
}

TEST_F(shutdown, drain_from_a_task)
{
	struct oa_ended e;

	ASSERT_OK(oa_run(drains, self, .workers = variant->workers,
			 .ended = &e));
	EXPECT_EQ(101u, self->ran);
	EXPECT_EQ(0u, self->dropped);
	EXPECT_EQ(102u, e.ran);
	EXPECT_EQ(0u, e.dropped);
	EXPECT_EQ(0u, e.cancelled);
}

static void *drains_then_stops(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_go(sleeps_for_ever, s));
	task_wait_until(count_in_state(NULL, OA_TASK_PARKED) == 1);
	ASSERT_OK(oa_go(runs, s, .on_drop = count_drop,
			.delay = 1000 * OA_SEC));
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_DRAIN));
	EXPECT_OK(oa_sleep(OA_MSEC));
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL));
	EXPECT_ERR(oa_yield(), -ECANCELED);
	return NULL;
}

TEST_F(shutdown, a_drain_is_cut_short)
{
	struct oa_ended e;

	ASSERT_OK(oa_run(drains_then_stops, self, .workers = variant->workers,
			 .ended = &e));
	EXPECT_EQ(1u, self->ran);
	EXPECT_EQ(1u, self->dropped);
	EXPECT_EQ(2u, e.ran);
	EXPECT_EQ(2u, e.cancelled);
	EXPECT_EQ(1u, e.dropped);
}

static void *keeps(void *arg)
{
	data *s = arg;

	TELL(s->flag, 1);
	EXPECT_ERR(oa_sleep(OA_FOREVER), -ECANCELED);
	return NULL;
}

TEST_F(shutdown, from_outside)
{
	struct oa_runtime *rt;
	struct oa_ended e;

	ASSERT_OK(oa_start(&rt, keeps, self, .workers = variant->workers));
	dump_runtime = rt;
	wait_until(SEEN(self->flag));
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_GRACEFUL));
	ASSERT_OK(oa_runtime_wait(rt, &e));
	EXPECT_EQ(1u, e.ran);
	EXPECT_EQ(1u, e.cancelled);
	/* Of one that has ended. */
	EXPECT_OK(oa_shutdown(rt, OA_SHUTDOWN_GRACEFUL));
	EXPECT_OK(oa_shutdown(rt, OA_SHUTDOWN_DRAIN));
	EXPECT_ERR(oa_go(runs, self, .runtime = rt), -ESHUTDOWN);
	EXPECT_ERR(oa_post(rt, runs, NULL, 0), -ESHUTDOWN);
	ASSERT_OK(oa_runtime_free(rt));
}

TEST_F(shutdown, right_after_the_start)
{
	for (int i = 0; i < 30; i++) {
		struct oa_runtime *rt;
		struct oa_ended e;

		self->ran = 0;
		ASSERT_OK(oa_start(&rt, runs, self,
				   .workers = variant->workers));
		ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_GRACEFUL));
		ASSERT_OK(oa_runtime_wait(rt, &e));
		ASSERT_EQ(1u, e.ran + e.dropped);
		ASSERT_EQ(e.ran, SEEN(self->ran));
		ASSERT_OK(oa_runtime_free(rt));
	}
}

TEST(bad_kinds)
{
	struct oa_runtime *rt;
	unsigned int n = 0;

	ASSERT_OK(oa_start(&rt, add_one, &n, .workers = 1));
	EXPECT_ERR(oa_shutdown(rt, (enum oa_shutdown_how)(OA_SHUTDOWN_NOW + 1)),
		   -EINVAL);
	EXPECT_ERR(oa_shutdown(rt, (enum oa_shutdown_how)77), -EINVAL);
	EXPECT_ERR(oa_shutdown(NULL, OA_SHUTDOWN_DRAIN), -EPERM);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
	EXPECT_EQ(1u, n);
}

static void *waits_and_is_told(void *arg)
{
	data *s = arg;
	oa_task_t t = oa_spawn(runs, s, .delay = 1000 * OA_SEC,
			       .on_drop = count_drop);

	void *result;
	int err;

	TELL(s->flag, 1);
	err = oa_join(t, &result);
	if (!err) {
		/* That one was dropped before this one was cancelled. */
		EXPECT_ERR(oa_err_code(result), -ECANCELED);
	} else {
		EXPECT_ERR(err, -ECANCELED);
		EXPECT_OK(oa_detach(t));
	}
	return (void *)1;
}

TEST_F(shutdown, joins_from_outside_get_their_results)
{
	struct oa_runtime *rt;
	void *result = NULL;
	oa_task_t t, u;

	ASSERT_OK(oa_start(&rt, keeps, self, .workers = variant->workers));
	dump_runtime = rt;
	wait_until(SEEN(self->flag));
	TELL(self->flag, 0);
	t = oa_spawn(waits_and_is_told, self, .runtime = rt);
	u = oa_spawn(runs, self, .runtime = rt, .delay = 1000 * OA_SEC,
		     .on_drop = count_drop);
	wait_until(SEEN(self->flag));
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_GRACEFUL));
	ASSERT_OK(oa_join(t, &result));
	EXPECT_EQ((void *)1, result);
	ASSERT_OK(oa_join(u, &result));
	EXPECT_ERR(oa_err_code(result), -ECANCELED);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	EXPECT_EQ(2u, self->dropped);
	EXPECT_EQ(0u, self->ran);
	ASSERT_OK(oa_runtime_free(rt));
}

/* At any moment: work of all kinds goes on, somebody shuts down. */

struct storm {
	unsigned int started, ran, dropped;
	unsigned int seed;
	int fds[2];
	struct oa_runtime *rt;
};

static void storm_drop(void *arg)
{
	struct storm *s = *(struct storm **)arg;

	COUNT(s->dropped);
}

static void *storm_body(void *arg);

static int storm_spawn(struct storm *s, unsigned int *rnd)
{
	oa_time_t delay = rand_r(rnd) % 3 ? 0 : rand_r(rnd) % 200000;
	oa_task_t t;
	int err;

	if (rand_r(rnd) % 2) {
		err = oa_go(storm_body, &s, .copy = sizeof(s), .delay = delay,
			    .on_drop = storm_drop);
		if (!err)
			COUNT(s->started);
		return err;
	}
	t = oa_spawn(storm_body, &s, .copy = sizeof(s), .delay = delay,
		     .on_drop = storm_drop);
	err = oa_task_error(t);
	if (err)
		return err;
	COUNT(s->started);
	if (rand_r(rnd) % 2)
		oa_cancel(t);
	if (oa_join(t, NULL))
		oa_detach(t);
	return 0;
}

static void *storm_body(void *arg)
{
	struct storm *s = *(struct storm **)arg;
	unsigned int rnd = COUNT(s->ran) * 2654435761u ^ s->seed;
	struct oa_deadline d;
	char c;

	for (int i = 0; i < 4; i++) {
		switch (rand_r(&rnd) % 5) {
		case 0:
			oa_sleep(rand_r(&rnd) % 300000);
			break;
		case 1:
			OA_WITHIN(&d, rand_r(&rnd) % 300000)
				oa_read(s->fds[0], &c, 1);
			break;
		case 2:
			oa_yield();
			break;
		default:
			storm_spawn(s, &rnd);
		}
	}
	return NULL;
}

static void *storm_first(void *arg)
{
	struct storm *s = arg;
	unsigned int rnd = s->seed;

	TELL(s->rt, oa_runtime_self());
	COUNT(s->started);
	while (!oa_yield() && SEEN(s->started) < 3000)
		if (storm_spawn(s, &rnd))
			break;
	COUNT(s->ran);
	return NULL;
}

static void storm_check(struct storm *s, const struct oa_ended *e)
{
	/* The first task has no on_drop. */
	unsigned int first = s->rt ? 0 : 1;

	ASSERT_EQ(s->started, s->ran + s->dropped);
	ASSERT_EQ(s->ran, e->ran);
	ASSERT_EQ(s->dropped + first, e->dropped);
	ASSERT_EQ(0u, e->abandoned);
}

static void storm_outside(struct storm *s, unsigned int workers,
			  enum oa_shutdown_how how, unsigned int when)
{
	struct oa_runtime *rt;
	struct oa_ended e;

	ASSERT_OK(oa_start(&rt, storm_first, s, .workers = workers));
	dump_runtime = rt;
	wait_until(SEEN(s->started) >= when);
	ASSERT_OK(oa_shutdown(rt, how));
	ASSERT_OK(oa_runtime_wait(rt, &e));
	ASSERT_OK(oa_runtime_free(rt));
	dump_runtime = NULL;
	storm_check(s, &e);
}

static void storms(data *self, unsigned int workers, enum oa_shutdown_how how,
		   int rounds)
{
	unsigned int seed = (unsigned int)harness_seed();

	for (int i = 0; i < rounds; i++) {
		struct storm s = {
			.seed = seed + (unsigned int)i,
			.fds = { self->fds[0], self->fds[1] },
		};

		storm_outside(&s, workers, how,
			      (unsigned int)rand_r(&seed) % 400);
	}
}

TEST_F(shutdown, gracefully_at_any_moment)
{
	storms(self, variant->workers, OA_SHUTDOWN_GRACEFUL, 25);
}

TEST_F(shutdown, draining_at_any_moment)
{
	storms(self, variant->workers, OA_SHUTDOWN_DRAIN, 10);
}

static void *stopper(void *arg)
{
	struct storm *s = arg;
	unsigned int rnd = s->seed;
	unsigned int when = (unsigned int)rand_r(&rnd) % 300;

	while (SEEN(s->started) < when)
		if (oa_yield())
			return NULL;
	oa_shutdown(NULL, s->seed % 2 ? OA_SHUTDOWN_GRACEFUL
				      : OA_SHUTDOWN_DRAIN);
	return NULL;
}

static void *storm_inside(void *arg)
{
	struct storm *s = arg;

	/* Not counted in the storm, but in what ended. */
	if (!oa_go(stopper, s)) {
		COUNT(s->started);
		COUNT(s->ran);
	}
	return storm_first(arg);
}

TEST_F(shutdown, from_inside_at_any_moment)
{
	unsigned int seed = (unsigned int)harness_seed();

	for (unsigned int i = 0; i < 20; i++) {
		struct storm s = {
			.seed = seed + i,
			.fds = { self->fds[0], self->fds[1] },
		};
		struct oa_ended e;

		ASSERT_OK(oa_run(storm_inside, &s, .workers = variant->workers,
				 .ended = &e));
		/* The stopper may have been dropped itself, by nobody else. */
		ASSERT_EQ(s.started, s.ran + s.dropped);
		ASSERT_EQ(s.started, e.ran + e.dropped);
	}
}

static void *shuts(void *arg)
{
	struct oa_runtime *rt = arg;

	EXPECT_OK(oa_shutdown(rt, OA_SHUTDOWN_DRAIN));
	EXPECT_OK(oa_shutdown(rt, OA_SHUTDOWN_GRACEFUL));
	return NULL;
}

TEST_F(shutdown, from_several_threads_at_once)
{
	pthread_t th[4];

	for (int i = 0; i < 10; i++) {
		struct storm s = {
			.fds = { self->fds[0], self->fds[1] },
			.seed = (unsigned int)i,
		};
		struct oa_runtime *rt;
		struct oa_ended e;

		ASSERT_OK(oa_start(&rt, storm_first, &s,
				   .workers = variant->workers));
		for (int k = 0; k < 4; k++)
			thread_start(&th[k], shuts, rt);
		for (int k = 0; k < 4; k++)
			thread_end(th[k]);
		ASSERT_OK(oa_runtime_wait(rt, &e));
		ASSERT_OK(oa_runtime_free(rt));
		storm_check(&s, &e);
	}
}

HARNESS_MAIN
