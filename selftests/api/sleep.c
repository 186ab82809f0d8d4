// SPDX-License-Identifier: MIT
/* Sleeping: never short, in order, many at once. */
#include "api_test.h"

#include <stdlib.h>
#include <unistd.h>

FIXTURE(sleep) { int flag; };
VARIANTS_WORKERS(sleep);

FIXTURE_SETUP(sleep)
{
}

FIXTURE_TEARDOWN(sleep)
{
}

TASK_TEST_F(sleep, is_never_short, .workers = variant->workers)
{
	static const oa_time_t times[] = {
		1, 63, 64, 65, 1000, 16383, 16384, 50 * OA_USEC, 999999,
		OA_MSEC, 3 * OA_MSEC, 17 * OA_MSEC + 1,
	};

	for (size_t i = 0; i < ARRAY_N(times); i++) {
		oa_time_t before = oa_now();

		ASSERT_OK(oa_sleep(times[i]));
		EXPECT_GE(oa_now(), before + times[i]);
		before = oa_now();
		ASSERT_OK(oa_sleep_until(before + times[i]));
		EXPECT_GE(oa_now(), before + times[i]);
	}
}

TASK_TEST_F(sleep, of_no_time_gives_way, .workers = variant->workers)
{
	EXPECT_OK(oa_sleep(0));
	EXPECT_OK(oa_sleep(-1));
	EXPECT_OK(oa_sleep(INT64_MIN));
	EXPECT_OK(oa_sleep_until(0));
	EXPECT_OK(oa_sleep_until(-5));
	EXPECT_OK(oa_sleep_until(INT64_MIN));
	EXPECT_OK(oa_sleep_until(oa_now()));
}

static void *tell(void *flag)
{
	TELL(*(int *)flag, 1);
	return NULL;
}

static void *yields_to(void *arg)
{
	int *flag = arg;

	for (int i = 0; i < 3; i++) {
		TELL(*flag, 0);
		ASSERT_OK(oa_go(tell, flag));
		for (int k = 0; k < 3 && !SEEN(*flag); k++)
			ASSERT_OK(i == 0 ? oa_yield() :
				  i == 1 ? oa_sleep(0) : oa_sleep_until(1));
		EXPECT_EQ(1, SEEN(*flag));
	}
	return NULL;
}

TEST(one_worker_goes_on_with_others_in_a_sleep_of_no_time)
{
	int flag = 0;

	ASSERT_OK(oa_run(yields_to, &flag, .workers = 1));
}

FIXTURE(crowd) { unsigned int woken; oa_time_t due; };
FIXTURE_VARIANT(crowd) { unsigned int workers; };
FIXTURE_VARIANT_ADD(crowd, w1) { .workers = 1 };
FIXTURE_VARIANT_ADD(crowd, w2_ring, "OA_PARK=ring") { .workers = 2 };

FIXTURE_SETUP(crowd)
{
}

FIXTURE_TEARDOWN(crowd)
{
}

static void *sleep_until_due(void *arg)
{
	struct crowd_fixture_data *s = arg;

	ASSERT_OK(oa_sleep_until(s->due));
	ASSERT_GE(oa_now(), s->due);
	COUNT(s->woken);
	return NULL;
}

TASK_TEST_F_TIMEOUT(crowd, a_hundred_thousand_end_in_one_tick, 60,
		    .workers = variant->workers)
{
	unsigned int n = (unsigned int)SCALED(100000, 1000);
	oa_time_t all_in;

	/* Far enough for all to be asleep by then, on any machine. */
	self->due = oa_after(600 * OA_MSEC * (harness_slow() ? 10 : 1));
	for (unsigned int i = 0; i < n; i++)
		ASSERT_OK(oa_go(sleep_until_due, self));
	task_wait_until(STAT(NULL, spawned) >= n);
	all_in = oa_now();
	task_wait_until(SEEN(self->woken) == n);
	EXPECT_GE(oa_now(), self->due);
	if (all_in > self->due)
		TEST_LOG("spawning them took longer than their sleep");
}

static uint64_t waits(void)
{
	return STAT(NULL, waits_ring) + STAT(NULL, waits_futex);
}

/* A tenth of the slack between one and the next. */
static void *wake_in_groups(void *arg)
{
	enum { N = 2000 };
	static struct crowd_fixture_data each[N];
	static oa_task_t t[N];
	oa_time_t due = oa_after(50 * OA_MSEC);
	uint64_t before;

	for (int i = 0; i < N; i++) {
		each[i].due = due + i * 100 * OA_USEC;
		t[i] = oa_spawn(sleep_until_due, &each[i]);
	}
	before = waits();
	for (int i = N - 1; i >= 0; i--)
		ASSERT_OK(oa_join(t[i], NULL));
	EXPECT_LT(waits() - before, N / 2);
	return arg;
}

TEST(those_that_come_thick_wake_in_groups)
{
	ASSERT_OK(oa_run(wake_in_groups, NULL, .workers = 1,
			 .timer_slack = OA_MSEC));
}

static void *delayed_one(void *arg)
{
	struct crowd_fixture_data *s = arg;

	ASSERT_GE(oa_now(), s->due);
	COUNT(s->woken);
	return NULL;
}

TASK_TEST_F_TIMEOUT(crowd, a_hundred_thousand_start_in_one_tick, 60,
		    .workers = variant->workers)
{
	unsigned int n = (unsigned int)SCALED(100000, 1000);

	self->due = oa_after(300 * OA_MSEC * (harness_slow() ? 10 : 1));
	for (unsigned int i = 0; i < n; i++)
		ASSERT_OK(oa_go(delayed_one, self, .at = self->due));
	task_wait_until(SEEN(self->woken) == n);
}

static void *naps(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	oa_time_t before, d;

	for (int i = 0; i < 30; i++) {
		d = rand_r(&seed) % (300 * 1000);
		before = oa_now();
		ASSERT_OK(oa_sleep(d));
		ASSERT_GE(oa_now(), before + d);
	}
	return NULL;
}

TASK_TEST_F(sleep, random_naps_of_many, .workers = variant->workers)
{
	oa_task_t t[200];

	uint64_t seed = harness_seed();

	for (uintptr_t i = 0; i < 200; i++)
		t[i] = oa_spawn(naps, (void *)(i + seed));
	for (int i = 0; i < 200; i++)
		ASSERT_OK(oa_join(t[i], NULL));
}

static void *sleeps_for_ever(void *arg)
{
	(void)arg;
	return oa_err(oa_sleep(OA_FOREVER));
}

TASK_TEST_F(sleep, without_end_until_cancelled, .workers = variant->workers)
{
	oa_task_t t = oa_spawn(sleeps_for_ever, NULL);
	void *result;

	task_wait_until(task_state(NULL, t) == OA_TASK_PARKED);
	ASSERT_OK(oa_cancel(t));
	ASSERT_OK(oa_join(t, &result));
	EXPECT_ERR(oa_err_code(result), -ECANCELED);
}

TEST(saturating_time)
{
	oa_time_t now = oa_now();

	EXPECT_EQ(OA_FOREVER, oa_after(OA_FOREVER));
	EXPECT_EQ(OA_FOREVER, oa_after(OA_FOREVER - 1));
	EXPECT_EQ(OA_FOREVER, oa_after(OA_FOREVER - now / 2));
	EXPECT_GE(oa_after(OA_SEC), now + OA_SEC);
	EXPECT_GE(oa_after(0), now);
	EXPECT_LT(oa_after(-OA_SEC), oa_now());
	EXPECT_LE(oa_now(), oa_now());
}

static void *sleeps_short_after_long(void *arg)
{
	int *fds = arg;
	struct pollfd p = { .fd = fds[0], .events = POLLIN };
	oa_time_t before;
	char c;

	for (int i = 0; i < 50; i++) {
		/* A wait of an hour that ends at once leaves its timer. */
		ASSERT_EQ(1, oa_write(fds[1], "x", 1));
		ASSERT_EQ(1, oa_poll(&p, 1, 3600 * 1000));
		ASSERT_EQ(1, oa_read(fds[0], &c, 1));
		before = oa_now();
		ASSERT_OK(oa_sleep((50 - i) * 10 * OA_USEC));
		ASSERT_GE(oa_now(), before + (50 - i) * 10 * OA_USEC);
	}
	return NULL;
}

TASK_TEST_F(sleep, short_after_a_long_one, .workers = variant->workers)
{
	int fds[16][2];
	oa_task_t t[16];

	for (int i = 0; i < 16; i++) {
		ASSERT_EQ(0, pipe(fds[i]));
		t[i] = oa_spawn(sleeps_short_after_long, fds[i]);
	}
	for (int i = 0; i < 16; i++) {
		ASSERT_OK(oa_join(t[i], NULL));
		close(fds[i][0]);
		close(fds[i][1]);
	}
}

HARNESS_MAIN
