// SPDX-License-Identifier: MIT
/* A million tasks wait on one latch and are let go together. */
#include "sync_test.h"

#include <time.h>

FIXTURE(million) {
	struct oa_latch l;
	struct oa_event all;
	unsigned int n, ran, workers;
};
FIXTURE_VARIANT(million) { unsigned int workers; };
FIXTURE_VARIANT_ADD(million, w1) { .workers = 1 };
FIXTURE_VARIANT_ADD(million, w2) { .workers = 2 };

FIXTURE_SETUP(million)
{
	self->workers = variant->workers;
	self->n = (unsigned int)SCALED(1000000, 1000);
	if (variant->workers == 1)
		self->n /= 10;
}

FIXTURE_TEARDOWN(million)
{
}

static void goes_on(struct million_fixture_data *s)
{
	if (COUNT(s->ran) == s->n)
		ASSERT_OK(oa_event_set(&s->all));
}

static void *starts_late(void *arg)
{
	goes_on(arg);
	return NULL;
}

static void *waits(void *arg)
{
	struct million_fixture_data *s = arg;

	ASSERT_OK(oa_latch_arrive_wait(&s->l));
	goes_on(s);
	return NULL;
}

static oa_time_t cpu_time(void)
{
	struct timespec ts;

	ASSERT_EQ(0, clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts));
	return ts.tv_sec * OA_SEC + ts.tv_nsec;
}

/* A look at so many takes its time: seldom, and the workers are left alone. */
#define seldom_until(cond) \
	HARNESS_WAIT_UNTIL(cond, #cond, oa_sleep(20 * OA_MSEC))

/*
 * Others on the machine cost time, not ours: the better of the two counts, the
 * clock or what the workers took of the processors, shared among them.
 */
static oa_time_t let_go(struct million_fixture_data *s)
{
	oa_time_t wall = oa_now(), cpu = cpu_time();

	ASSERT_OK(oa_latch_count_down(&s->l));
	ASSERT_OK(oa_event_wait(&s->all));
	wall = oa_now() - wall;
	cpu = (cpu_time() - cpu) / s->workers;
	EXPECT_EQ(s->n, SEEN(s->ran));
	TEST_LOG("%u let go in %ld us, %ld us of each processor", s->n,
		 (long)(wall / OA_USEC), (long)(cpu / OA_USEC));
	return wall < cpu ? wall : cpu;
}

TASK_TEST_F_TIMEOUT(million, wait_to_start, 60, .workers = variant->workers)
{
	oa_time_t took;

	ASSERT_OK(oa_latch_init(&self->l, self->n + 1));
	for (unsigned int i = 0; i < self->n; i++)
		ASSERT_OK(oa_go(starts_late, self, .latch = &self->l));
	seldom_until(INFO(latch, &self->l).waiters == self->n);
	EXPECT_EQ(1ul, INFO(latch, &self->l).value);
	seldom_until(count_in_state(NULL, OA_TASK_WAITING) == self->n);
	EXPECT_EQ(0u, SEEN(self->ran));
	took = let_go(self);
	if (!harness_slow())
		EXPECT_LT(took, OA_SEC);
	EXPECT_OK(oa_latch_destroy(&self->l));
}

/* With a stack each. */
TASK_TEST_F_TIMEOUT(million, wait_parked, 60, .workers = variant->workers)
{
	oa_time_t took;

	self->n = self->n < 50000 ? self->n : 50000;
	ASSERT_OK(oa_latch_init(&self->l, self->n + 1));
	for (unsigned int i = 0; i < self->n; i++)
		ASSERT_OK(oa_go(waits, self));
	seldom_until(INFO(latch, &self->l).waiters == self->n);
	EXPECT_EQ(0u, SEEN(self->ran));
	took = let_go(self);
	if (!harness_slow())
		EXPECT_LT(took, OA_SEC);
	EXPECT_OK(oa_latch_destroy(&self->l));
}

HARNESS_MAIN
