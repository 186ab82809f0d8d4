// SPDX-License-Identifier: MIT
/* Count-down latch: opens once, for all, for good. */
#include "sync_test.h"

FIXTURE(latch) { struct oa_latch l; unsigned int arrived, passed; };
VARIANTS_WORKERS(latch);

FIXTURE_SETUP(latch)
{
}

FIXTURE_TEARDOWN(latch)
{
}

#define WAITERS_ARE(n)	task_wait_until(INFO(latch, &self->l).waiters == (n))

static void *counts_down(void *arg)
{
	struct latch_fixture_data *s = arg;

	give_way();
	COUNT(s->arrived);
	ASSERT_OK(oa_latch_count_down(&s->l));
	return NULL;
}

static void *waits(void *arg)
{
	struct latch_fixture_data *s = arg;

	ASSERT_OK(oa_latch_wait(&s->l));
	COUNT(s->passed);
	return (void *)(uintptr_t)SEEN(s->arrived);
}

static void *arrives(void *arg)
{
	struct latch_fixture_data *s = arg;

	give_way();
	COUNT(s->arrived);
	ASSERT_OK(oa_latch_arrive_wait(&s->l));
	COUNT(s->passed);
	return (void *)(uintptr_t)SEEN(s->arrived);
}

SYNC_TEST(latch, waits_for_as_many_as_it_was_made_for)
{
	enum { N = 12, WAITERS = 3 };
	struct actor a[N], w[WAITERS];

	for (int round = 0; round < 3; round++) {
		self->arrived = 0;
		ASSERT_OK(oa_latch_init(&self->l, N));
		for (unsigned int i = 0; i < WAITERS; i++)
			actor_start(&w[i], by, i, waits, self);
		for (unsigned int i = 0; i < N; i++)
			actor_start(&a[i], by, i, counts_down, self);
		ASSERT_OK(oa_latch_wait(&self->l));
		EXPECT_EQ((unsigned int)N, SEEN(self->arrived));
		for (unsigned int i = 0; i < WAITERS; i++)
			EXPECT_EQ((void *)N, actor_end(&w[i]));
		for (unsigned int i = 0; i < N; i++)
			actor_end(&a[i]);
		EXPECT_EQ(0u, INFO(latch, &self->l).waiters);
		EXPECT_EQ(0ul, INFO(latch, &self->l).value);
		EXPECT_EQ((uint64_t)N, INFO(latch, &self->l).limit);
		EXPECT_OK(oa_latch_destroy(&self->l));
	}
}

SYNC_TEST(latch, all_arrive_and_go_on_together)
{
	enum { N = 6 };
	struct actor a[N];

	for (int round = 0; round < 5; round++) {
		self->arrived = self->passed = 0;
		ASSERT_OK(oa_latch_init(&self->l, N));
		for (unsigned int i = 0; i < N - 1; i++)
			actor_start(&a[i], by, i, arrives, self);
		WAITERS_ARE(N - 1);
		EXPECT_EQ(0u, SEEN(self->passed));
		EXPECT_EQ(1ul, INFO(latch, &self->l).value);
		EXPECT_ERR(oa_latch_trywait(&self->l), -EAGAIN);
		actor_start(&a[N - 1], by, N - 1, arrives, self);
		for (unsigned int i = 0; i < N; i++)
			EXPECT_EQ((void *)N, actor_end(&a[i]));
		EXPECT_OK(oa_latch_trywait(&self->l));
	}
}

TEST(needs_no_runtime)
{
	static struct latch_fixture_data s = { .l = OA_LATCH_INIT(6) };

	threads_run(arrives, &s, 6);
	EXPECT_EQ(6u, s.passed);
	EXPECT_OK(oa_latch_destroy(&s.l));
}

TEST(stays_open)
{
	struct oa_latch l = OA_LATCH_INIT(2);

	EXPECT_REFUSED(&l, oa_latch_trywait(&l), -EAGAIN);
	EXPECT_ERR(oa_latch_wait_until(&l, 0), -ETIMEDOUT);
	EXPECT_OK(oa_latch_count_down(&l));
	EXPECT_EQ(1ul, INFO(latch, &l).value);
	EXPECT_ERR(oa_latch_trywait(&l), -EAGAIN);
	EXPECT_OK(oa_latch_count_down(&l));
	EXPECT_EQ(0ul, INFO(latch, &l).value);
	for (int i = 0; i < 5; i++) {
		EXPECT_OK(oa_latch_trywait(&l));
		EXPECT_OK(oa_latch_wait(&l));
		EXPECT_OK(oa_latch_wait_until(&l, 0));
		/* Who comes later counts for nothing and passes. */
		EXPECT_OK(oa_latch_count_down(&l));
		EXPECT_OK(oa_latch_arrive_wait(&l));
		EXPECT_OK(oa_latch_arrive_wait_until(&l, 0));
	}
	EXPECT_EQ(0ul, INFO(latch, &l).value);
	EXPECT_EQ(2ul, INFO(latch, &l).limit);
	EXPECT_OK(oa_latch_destroy(&l));
}

TEST(the_last_to_arrive_does_not_wait)
{
	struct oa_latch l = OA_LATCH_INIT(1);

	EXPECT_OK(oa_latch_arrive_wait(&l));
	ASSERT_OK(oa_latch_init(&l, 1));
	EXPECT_OK(oa_latch_arrive_wait_until(&l, 0));
	EXPECT_EQ(0ul, INFO(latch, &l).waits);
}

/* A wait that fails has counted all the same. */

static void *arrives_in_vain(void *arg)
{
	struct latch_fixture_data *s = arg;
	struct oa_deadline d;

	OA_WITHIN(&d, -1) {
		EXPECT_ERR(oa_latch_arrive_wait(&s->l), -ETIMEDOUT);
		EXPECT_ERR(oa_latch_arrive_wait_until(&s->l, OA_FOREVER),
			   -ETIMEDOUT);
	}
	EXPECT_EQ(10ul, INFO(latch, &s->l).value);
	OA_WITHIN(&d, 100 * OA_USEC)
		EXPECT_ERR(oa_latch_arrive_wait(&s->l), -ETIMEDOUT);
	EXPECT_EQ(9ul, INFO(latch, &s->l).value);
	EXPECT_ERR(oa_latch_arrive_wait_until(&s->l, 0), -ETIMEDOUT);
	EXPECT_ERR(oa_latch_arrive_wait_until(&s->l, oa_after(OA_USEC)),
		   -ETIMEDOUT);
	EXPECT_EQ(7ul, INFO(latch, &s->l).value);
	/* Here the other comes in. */
	TELL(s->arrived, 1);
	EXPECT_ERR(oa_latch_arrive_wait(&s->l), -ECANCELED);
	EXPECT_EQ(6ul, INFO(latch, &s->l).value);
	EXPECT_ERR(oa_latch_arrive_wait(&s->l), -ECANCELED);
	EXPECT_ERR(oa_latch_arrive_wait_until(&s->l, OA_FOREVER), -ECANCELED);
	EXPECT_EQ(4ul, INFO(latch, &s->l).value);
	EXPECT_OK(oa_latch_count_down(&s->l));
	EXPECT_EQ(3ul, INFO(latch, &s->l).value);
	return NULL;
}

TASK_TEST_F(latch, counts_those_that_do_not_wait, .workers = variant->workers)
{
	oa_task_t t;

	ASSERT_OK(oa_latch_init(&self->l, 12));
	t = oa_spawn(arrives_in_vain, self);
	task_wait_until(SEEN(self->arrived));
	WAITERS_ARE(1u);
	ASSERT_OK(oa_cancel(t));
	ASSERT_OK(oa_join(t, NULL));
	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_latch_count_down(&self->l));
	EXPECT_OK(oa_latch_trywait(&self->l));
}

static void *arrives_too_late(void *arg)
{
	struct latch_fixture_data *s = arg;
	int err = oa_latch_arrive_wait_until(&s->l, oa_after(100 * OA_USEC));

	COUNT(s->arrived);
	return oa_err(err);
}

SYNC_TEST(latch, counts_those_that_are_late)
{
	struct actor a[5];

	ASSERT_OK(oa_latch_init(&self->l, ARRAY_N(a) + 1));
	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		actor_start(&a[i], by, i, arrives_too_late, self);
	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		EXPECT_ERR(actor_code(&a[i]), -ETIMEDOUT);
	EXPECT_EQ(1ul, INFO(latch, &self->l).value);
	EXPECT_EQ(0u, INFO(latch, &self->l).waiters);
	EXPECT_OK(oa_latch_arrive_wait(&self->l));
}

/* Without its initialiser, or for nobody. */

static void expect_unusable(struct oa_latch *l)
{
	struct oa_sync_info i = OA_SYNC_INFO_INIT;

	EXPECT_REFUSED(l, oa_latch_count_down(l), -EINVAL);
	EXPECT_REFUSED(l, oa_latch_wait(l), -EINVAL);
	EXPECT_REFUSED(l, oa_latch_trywait(l), -EINVAL);
	EXPECT_REFUSED(l, oa_latch_wait_until(l, OA_FOREVER), -EINVAL);
	EXPECT_REFUSED(l, oa_latch_wait_until(l, 0), -EINVAL);
	EXPECT_REFUSED(l, oa_latch_arrive_wait(l), -EINVAL);
	EXPECT_REFUSED(l, oa_latch_arrive_wait_until(l, OA_FOREVER), -EINVAL);
	EXPECT_REFUSED(l, oa_latch_destroy(l), -EINVAL);
	EXPECT_REFUSED(l, oa_latch_info(l, &i), -EINVAL);
}

static void *uses_the_unusable(void *arg)
{
	struct oa_latch zero = { 0 }, none = OA_LATCH_INIT(0);

	expect_unusable(&zero);
	expect_unusable(&none);
	return arg;
}

SYNC_TEST(latch, that_was_not_made)
{
	struct actor a;

	(void)self;
	for (unsigned int i = 0; i < 3; i++) {
		actor_start(&a, by, i, uses_the_unusable, NULL);
		actor_end(&a);
	}
}

TEST(bad_arguments)
{
	struct oa_latch l = OA_LATCH_INIT(1);

	EXPECT_REFUSED(&l, oa_latch_init(&l, 0), -EINVAL);
	EXPECT_ERR(oa_latch_init(NULL, 1), -EINVAL);
	EXPECT_ERR(oa_latch_count_down(NULL), -EINVAL);
	EXPECT_ERR(oa_latch_wait(NULL), -EINVAL);
	EXPECT_ERR(oa_latch_trywait(NULL), -EINVAL);
	EXPECT_ERR(oa_latch_wait_until(NULL, 0), -EINVAL);
	EXPECT_ERR(oa_latch_arrive_wait(NULL), -EINVAL);
	EXPECT_ERR(oa_latch_arrive_wait_until(NULL, 0), -EINVAL);
	EXPECT_ERR(oa_latch_destroy(NULL), -EINVAL);
	EXPECT_INFO_CHECKS(latch, &l);
}

HARNESS_MAIN
