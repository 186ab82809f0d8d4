// SPDX-License-Identifier: MIT
/* A million tasks alive at once: parked, waiting to start, asleep. */
#include "api_test.h"

#include <stdlib.h>
#include <unistd.h>

#define MILLION ((unsigned int)SCALED(1000000, 1000))

FIXTURE(million) { unsigned int n, ran; oa_task_t *t; };
FIXTURE_VARIANT(million) { unsigned int workers; };
FIXTURE_VARIANT_ADD(million, w1) { .workers = 1 };
FIXTURE_VARIANT_ADD(million, w2) { .workers = 2 };

FIXTURE_SETUP(million)
{
	self->n = MILLION;
	self->t = calloc(self->n, sizeof(*self->t));
	ASSERT_NOT_NULL(self->t);
}

FIXTURE_TEARDOWN(million)
{
	free(self->t);
}

static void *add_one(void *counter)
{
	COUNT(*(unsigned int *)counter);
	return NULL;
}

static unsigned int chained;

static void *waits_for(void *arg)
{
	/* Each waits for the one spawned before it. */
	oa_task_t *t = arg;
	void *result;

	COUNT(chained);
	ASSERT_OK(oa_join(t[-1], &result));
	return (char *)result + 1;
}

static void *gate(void *arg)
{
	oa_sleep(OA_FOREVER);
	return arg;
}

static unsigned int count(int state)
{
	return count_in_state(NULL, state);
}

/* Stacks one call deep, each some 8 KiB with its page table: 8 GiB for all. */
static unsigned int started_at_once(unsigned int n)
{
	return n < 50000 ? n : 50000;
}

TASK_TEST_F_TIMEOUT(million, parked_in_a_chain, 60,
		    .workers = variant->workers)
{
	unsigned int n = started_at_once(self->n);
	void *result;

	self->t[0] = oa_spawn(gate, NULL);
	for (unsigned int i = 1; i < n; i++) {
		self->t[i] = oa_spawn(waits_for, &self->t[i]);
		ASSERT_OK(oa_task_error(self->t[i]));
	}
	/* Walking them all takes its time: not before they have begun. */
	task_wait_until(SEEN(chained) == n - 1);
	task_wait_until(count(OA_TASK_PARKED) == n);
	ASSERT_OK(oa_cancel(self->t[0]));
	ASSERT_OK(oa_join(self->t[n - 1], &result));
	EXPECT_EQ((void *)(uintptr_t)(n - 1), result);
	EXPECT_EQ(1u, count_tasks(NULL));
}

TASK_TEST_F_TIMEOUT(million, not_started_and_delayed, 60,
		    .workers = variant->workers)
{
	for (unsigned int i = 0; i < self->n; i++) {
		self->t[i] = oa_spawn(add_one, &self->ran,
				      .delay = 3600 * OA_SEC);
		ASSERT_OK(oa_task_error(self->t[i]));
	}
	EXPECT_EQ(self->n, count(OA_TASK_DELAYED));
	for (unsigned int i = 0; i < self->n; i++)
		ASSERT_OK(oa_cancel(self->t[i]));
	for (unsigned int i = 0; i < self->n; i++)
		ASSERT_OK(oa_join(self->t[i], NULL));
	EXPECT_EQ(0u, self->ran);
	EXPECT_EQ(1u, count_tasks(NULL));
}

TASK_TEST_F_TIMEOUT(million, spawned_before_any_is_joined, 60,
		    .workers = variant->workers)
{
	for (int round = 0; round < 2; round++) {
		self->ran = 0;
		for (unsigned int i = 0; i < self->n; i++) {
			self->t[i] = oa_spawn(add_one, &self->ran);
			ASSERT_OK(oa_task_error(self->t[i]));
		}
		for (unsigned int i = 0; i < self->n; i++)
			ASSERT_OK(oa_join(self->t[i], NULL));
		EXPECT_EQ(self->n, SEEN(self->ran));
	}
}

static void *parks(void *arg)
{
	COUNT(*(unsigned int *)arg);
	return oa_err(oa_sleep(OA_FOREVER));
}

static void million_parked(struct million_fixture_data *self,
			   unsigned int workers)
{
	unsigned int n = workers == 1 ? started_at_once(self->n) : self->n;
	void *result;

	for (unsigned int i = 0; i < n; i++) {
		self->t[i] = oa_spawn(parks, &self->ran);
		ASSERT_OK(oa_task_error(self->t[i]));
	}
	task_wait_until(SEEN(self->ran) == n);
	task_wait_until(count(OA_TASK_PARKED) == n);
	for (unsigned int i = 0; i < n; i++)
		ASSERT_OK(oa_cancel(self->t[i]));
	for (unsigned int i = 0; i < n; i++) {
		ASSERT_OK(oa_join(self->t[i], &result));
		ASSERT_ERR(oa_err_code(result), -ECANCELED);
	}
	EXPECT_EQ(1u, count_tasks(NULL));
}

static bool memory_for(unsigned int tasks)
{
	long pages = sysconf(_SC_AVPHYS_PAGES);

	return (size_t)pages * 4096 > (size_t)tasks * 6 * 1024;
}

TASK_TEST_F_TIMEOUT(million, all_suspended, 300, .workers = variant->workers)
{
	if (!memory_for(self->n)) {
		TEST_LOG("not memory enough for a million: a tenth");
		self->n /= 10;
	}
	million_parked(self, variant->workers);
}

HARNESS_MAIN
