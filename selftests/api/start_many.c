// SPDX-License-Identifier: MIT
/* A hundred thousand that wait to start: no stack, no thread, no time. */
#include "actors.h"

#include <stdlib.h>

FIXTURE(many) {
	unsigned int n, ran;
	unsigned long sum;
	oa_task_t *t;
	struct oa_mutex mutex;
	struct oa_latch latch;
	struct oa_sem sem;
};
FIXTURE_VARIANT(many) { unsigned int workers; };
FIXTURE_VARIANT_ADD(many, w1) { .workers = 1 };
FIXTURE_VARIANT_ADD(many, w2_ring, "OA_PARK=ring") { .workers = 2 };
FIXTURE_VARIANT_ADD(many, w8) { .workers = 8 };

typedef struct many_fixture_data data;

FIXTURE_SETUP(many)
{
	self->n = (unsigned int)SCALED(100000, 3000);
	self->t = calloc(self->n, sizeof(*self->t));
	ASSERT_NOT_NULL(self->t);
}

FIXTURE_TEARDOWN(many)
{
	free(self->t);
}

static void *counts(void *arg)
{
	COUNT(((data *)arg)->ran);
	return NULL;
}

static void *adds(void *arg)
{
	data *d = arg;

	d->sum++;
	if (!(d->sum % 1000))
		oa_yield();
	return NULL;
}

static void until_all_wait(data *d)
{
	for (unsigned int i = 0; i < d->n; i++)
		ASSERT_OK(oa_task_error(d->t[i]));
	/* Walking them all takes its time: not before the last is there. */
	until_state(d->t[d->n - 1], OA_TASK_WAITING);
	task_wait_until(count_in_state(NULL, OA_TASK_WAITING) == d->n);
}

static void join_all(data *d)
{
	for (unsigned int i = 0; i < d->n; i++)
		ASSERT_OK(oa_join(d->t[i], NULL));
}

TASK_TEST_F(many, for_a_mutex, .workers = variant->workers)
{
	uint64_t before = STAT(NULL, stacks_new);

	ASSERT_OK(oa_mutex_lock(&self->mutex));
	for (unsigned int i = 0; i < self->n; i++)
		self->t[i] = oa_spawn(adds, self, .mutex = &self->mutex);
	until_all_wait(self);
	EXPECT_EQ(self->n, SYNC(mutex, &self->mutex, waiters));
	EXPECT_LE(STAT(NULL, stacks_new), before + 64 * variant->workers);
	ASSERT_OK(oa_mutex_unlock(&self->mutex));
	join_all(self);
	EXPECT_EQ((unsigned long)self->n, self->sum);
	/* They ran one at a time, each where the last one was. */
	EXPECT_LE(STAT(NULL, stacks_new), before + 256 * variant->workers);
}

TASK_TEST_F(many, for_a_latch, .workers = variant->workers)
{
	ASSERT_OK(oa_latch_init(&self->latch, self->n + 1));
	for (unsigned int i = 0; i < self->n; i++)
		self->t[i] = oa_spawn(counts, self, .latch = &self->latch);
	until_all_wait(self);
	EXPECT_EQ(1u, SYNC(latch, &self->latch, value));
	EXPECT_EQ(0u, SEEN(self->ran));
	ASSERT_OK(oa_latch_count_down(&self->latch));
	join_all(self);
	EXPECT_EQ(self->n, SEEN(self->ran));
}

TASK_TEST_F(many, for_a_semaphore_and_then_cancelled,
	    .workers = variant->workers)
{
	uint64_t before = STAT(NULL, stacks_new);

	for (unsigned int i = 0; i < self->n; i++)
		self->t[i] = oa_spawn(counts, self, .sem = &self->sem);
	until_all_wait(self);
	for (unsigned int i = 0; i < self->n; i++)
		ASSERT_OK(oa_cancel(self->t[i]));
	for (unsigned int i = 0; i < self->n; i++)
		ASSERT_ERR(join_code(self->t[i]), -ECANCELED);
	EXPECT_EQ(0u, self->ran);
	EXPECT_EQ(0u, SYNC(sem, &self->sem, waiters));
	EXPECT_LE(STAT(NULL, stacks_new), before + 64 * variant->workers);
}

/* A few that wait make nobody look again and again. */
TASK_TEST_F(many, waiting_takes_no_turns, .workers = variant->workers)
{
	uint64_t switches;

	self->n = 100;
	for (unsigned int i = 0; i < self->n; i++)
		self->t[i] = oa_spawn(counts, self, .sem = &self->sem);
	until_all_wait(self);
	/* Whoever has just been busy comes to rest. */
	ASSERT_OK(oa_sleep(2 * OA_MSEC));
	switches = STAT(NULL, switches) + STAT(NULL, wakes);
	ASSERT_OK(oa_sleep(20 * OA_MSEC));
	EXPECT_LE(STAT(NULL, switches) + STAT(NULL, wakes), switches + 20);
	for (unsigned int i = 0; i < self->n; i++)
		ASSERT_OK(oa_sem_post(&self->sem));
	join_all(self);
	/* Each has given its permit back. */
	EXPECT_EQ(self->n, oa_sem_value(&self->sem));
}

HARNESS_MAIN
