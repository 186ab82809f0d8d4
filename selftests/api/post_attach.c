// SPDX-License-Identifier: MIT
/* Foreign threads that register themselves. */
#include "api_test.h"

FIXTURE(attach) {
	struct oa_runtime *rt;
	int done;
	unsigned int n, ended;
};
VARIANTS_WORKERS(attach);

typedef struct attach_fixture_data data;

static void *keeper(void *arg)
{
	data *s = arg;

	while (!SEEN(s->done))
		if (oa_sleep(200 * OA_USEC))
			break;
	return NULL;
}

FIXTURE_SETUP(attach)
{
	ASSERT_OK(oa_start(&self->rt, keeper, self,
			   .workers = variant->workers));
	dump_runtime = self->rt;
}

FIXTURE_TEARDOWN(attach)
{
	oa_thread_detach();
	TELL(self->done, 1);
	ASSERT_OK(oa_runtime_wait(self->rt, NULL));
	ASSERT_OK(oa_runtime_free(self->rt));
}

static void *counts(void *arg)
{
	COUNT((*(data **)arg)->n);
	return NULL;
}

static void *counts_plain(void *arg)
{
	COUNT(((data *)arg)->n);
	return arg;
}

TEST_F(attach, twice_and_not_at_all)
{
	struct oa_runtime *other;

	EXPECT_ERR(oa_thread_attach(NULL), -EINVAL);
	EXPECT_ERR(oa_thread_detach(), -EINVAL);
	EXPECT_OK(oa_thread_attach(self->rt));
	EXPECT_ERR(oa_thread_attach(self->rt), -EALREADY);
	ASSERT_OK(oa_start(&other, counts_plain, self));
	EXPECT_ERR(oa_thread_attach(other), -EBUSY);
	EXPECT_OK(oa_thread_detach());
	EXPECT_ERR(oa_thread_detach(), -EINVAL);
	EXPECT_OK(oa_thread_attach(other));
	EXPECT_OK(oa_thread_detach());
	ASSERT_OK(oa_runtime_wait(other, NULL));
	ASSERT_OK(oa_runtime_free(other));
}

/* What it calls need not be said. */
TEST_F(attach, its_runtime_is_the_default)
{
	data *s = self;
	struct oa_future *f;
	void *result;

	EXPECT_ERR(oa_post(NULL, counts, &s, sizeof(s)), -EPERM);
	EXPECT_ERR(oa_go(counts_plain, s), -EPERM);
	ASSERT_OK(oa_thread_attach(self->rt));
	ASSERT_OK(oa_post(NULL, counts, &s, sizeof(s)));
	ASSERT_OK(oa_go(counts_plain, s));
	ASSERT_OK(oa_join(oa_spawn(counts_plain, s), &result));
	EXPECT_EQ((void *)s, result);
	wait_until(SEEN(self->n) == 3);
	f = oa_async(counts_plain, s);
	ASSERT_OK(oa_future_get(f, &result));
	EXPECT_EQ((void *)s, result);
	oa_future_put(f);
	ASSERT_OK(oa_thread_detach());
	EXPECT_ERR(oa_post(NULL, counts, &s, sizeof(s)), -EPERM);
	EXPECT_ERR(oa_go(counts_plain, s), -EPERM);
}

static void *tries(void *arg)
{
	data *s = arg;

	EXPECT_ERR(oa_thread_attach(s->rt), -EPERM);
	EXPECT_ERR(oa_thread_detach(), -EPERM);
	return NULL;
}

TEST_F(attach, not_from_tasks)
{
	ASSERT_OK(oa_join(oa_spawn(tries, self, .runtime = self->rt), NULL));
	ASSERT_OK(oa_join(oa_spawn(tries, self, .runtime = self->rt,
				   .block = true), NULL));
}

static void *posts_and_joins(void *arg)
{
	data *s = arg;
	char name[OA_TASK_NAME_MAX];

	ASSERT_OK(oa_thread_attach(s->rt));
	for (int i = 0; i < 300; i++) {
		oa_task_t t[3];

		ASSERT_OK(oa_post(s->rt, counts, &s, sizeof(s)));
		for (int k = 0; k < 3; k++)
			t[k] = oa_spawn(counts_plain, s, .name = "spawned");
		oa_task_name(t[0], name, sizeof(name));
		for (int k = 0; k < 3; k++)
			ASSERT_OK(oa_join(t[k], NULL));
	}
	/* Every other one ends as it is. */
	if (COUNT(s->ended) % 2)
		ASSERT_OK(oa_thread_detach());
	return NULL;
}

TEST_F(attach, many_at_a_time)
{
	pthread_t th[8];

	ASSERT_OK(oa_thread_attach(self->rt));
	for (int i = 0; i < 8; i++)
		thread_start(&th[i], posts_and_joins, self);
	for (int i = 0; i < 8; i++)
		thread_end(th[i]);
	EXPECT_OK(oa_thread_detach());
}

static void *comes_and_goes(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_thread_attach(s->rt));
	for (int i = 0; i < 70; i++)
		ASSERT_OK(oa_post(NULL, counts, &s, sizeof(s)));
	return NULL;
}

/* Threads that end give back what they had. */
TEST_F(attach, one_after_another)
{
	long n = SCALED(1000, 100);
	size_t before = 0;

	for (long i = 0; i < n; i++) {
		pthread_t th;

		thread_start(&th, comes_and_goes, self);
		thread_end(th);
		wait_until(SEEN(self->n) == 70 * (unsigned int)(i + 1));
		if (i == n / 10)
			before = harness_rss();
	}
	/*
	 * 8 batches of half a KiB for each would be more; workers that have
	 * served none by then take less.
	 */
	if (!harness_slow())
		EXPECT_LT(harness_rss(), before + (2u << 20));
}

HARNESS_MAIN
