// SPDX-License-Identifier: MIT
/* Wait group: added to, counted down, waited for, used again. */
#include "sync_test.h"

FIXTURE(waitgroup) {
	struct oa_waitgroup g;
	unsigned int ended, passed;
};
VARIANTS_WORKERS(waitgroup);

FIXTURE_SETUP(waitgroup)
{
}

FIXTURE_TEARDOWN(waitgroup)
{
}

#define COUNT_IS(n)	EXPECT_EQ((uint64_t)(n), INFO(waitgroup, g).value)

static void *works(void *arg)
{
	struct waitgroup_fixture_data *s = arg;

	give_way();
	COUNT(s->ended);
	ASSERT_OK(oa_waitgroup_done(&s->g));
	return NULL;
}

static void *waits(void *arg)
{
	struct waitgroup_fixture_data *s = arg;

	ASSERT_OK(oa_waitgroup_wait(&s->g));
	COUNT(s->passed);
	return (void *)(uintptr_t)SEEN(s->ended);
}

SYNC_TEST(waitgroup, waits_for_all_that_were_added)
{
	enum { N = 12, WAITERS = 3, ROUNDS = 3 };
	struct actor a[N], w[WAITERS];

	for (uintptr_t round = 1; round <= ROUNDS; round++) {
		ASSERT_OK(oa_waitgroup_add(&self->g, N));
		for (unsigned int i = 0; i < WAITERS; i++)
			actor_start(&w[i], by, i, waits, self);
		for (unsigned int i = 0; i < N; i++)
			actor_start(&a[i], by, i, works, self);
		ASSERT_OK(oa_waitgroup_wait(&self->g));
		EXPECT_EQ(N * round, (uintptr_t)SEEN(self->ended));
		for (unsigned int i = 0; i < WAITERS; i++)
			EXPECT_EQ(N * round, (uintptr_t)actor_end(&w[i]));
		for (unsigned int i = 0; i < N; i++)
			actor_end(&a[i]);
	}
	EXPECT_EQ(0u, INFO(waitgroup, &self->g).waiters);
	EXPECT_OK(oa_waitgroup_destroy(&self->g));
}

static void *works_and_waits(void *arg)
{
	struct waitgroup_fixture_data *s = arg;

	works(s);
	ASSERT_OK(oa_waitgroup_wait(&s->g));
	EXPECT_EQ(6u, SEEN(s->ended));
	return NULL;
}

TEST(needs_no_runtime)
{
	static struct waitgroup_fixture_data s;

	ASSERT_OK(oa_waitgroup_add(&s.g, 6));
	threads_run(works_and_waits, &s, 6);
	EXPECT_OK(oa_waitgroup_destroy(&s.g));
}

struct branch { struct waitgroup_fixture_data *s; unsigned int depth; };

/* What is being waited for adds to it: it never gets to 0 too soon. */
static void *grows(void *arg)
{
	struct branch *b = arg;
	struct branch next = { b->s, b->depth - 1 };

	for (int i = 0; b->depth && i < 2; i++) {
		ASSERT_OK(oa_waitgroup_add(&b->s->g, 1));
		ASSERT_OK(oa_go(grows, &next, .copy = sizeof(next)));
	}
	COUNT(b->s->ended);
	ASSERT_OK(oa_waitgroup_done(&b->s->g));
	return NULL;
}

TASK_TEST_F(waitgroup, is_added_to_by_what_it_waits_for,
	    .workers = variant->workers)
{
	struct branch root = { self, SCALED_ONCE(10, 7) };

	for (unsigned int round = 1; round <= 3; round++) {
		ASSERT_OK(oa_waitgroup_add(&self->g, 1));
		ASSERT_OK(oa_go(grows, &root, .copy = sizeof(root)));
		ASSERT_OK(oa_waitgroup_wait(&self->g));
		EXPECT_EQ(round * ((2u << root.depth) - 1), SEEN(self->ended));
	}
}

SYNC_TEST(waitgroup, is_let_go_by_a_negative_add)
{
	struct actor w[3];

	ASSERT_OK(oa_waitgroup_add(&self->g, 7));
	for (unsigned int i = 0; i < 3; i++)
		actor_start(&w[i], by, i, waits, self);
	task_wait_until(INFO(waitgroup, &self->g).waiters == 3);
	ASSERT_OK(oa_waitgroup_add(&self->g, -6));
	ASSERT_OK(oa_waitgroup_add(&self->g, 3));
	EXPECT_ERR(oa_waitgroup_add(&self->g, -5), -EINVAL);
	EXPECT_EQ(3u, INFO(waitgroup, &self->g).waiters);
	EXPECT_EQ(0u, SEEN(self->passed));
	ASSERT_OK(oa_waitgroup_add(&self->g, -4));
	for (unsigned int i = 0; i < 3; i++)
		actor_end(&w[i]);
	EXPECT_OK(oa_waitgroup_destroy(&self->g));
}

/* Used again before those of the round before have looked: they pass. */
SYNC_TEST(waitgroup, is_used_again_at_once)
{
	struct actor w[6];
	struct oa_waitgroup *g = &self->g;

	for (int round = 0; round < 10; round++) {
		ASSERT_OK(oa_waitgroup_add(g, 1));
		for (unsigned int i = 0; i < ARRAY_N(w); i++)
			actor_start(&w[i], by, i, waits, self);
		task_wait_until(INFO(waitgroup, g).waiters == ARRAY_N(w));
		ASSERT_OK(oa_waitgroup_done(g));
		ASSERT_OK(oa_waitgroup_add(g, 1));
		for (unsigned int i = 0; i < ARRAY_N(w); i++)
			actor_end(&w[i]);
		EXPECT_ERR(oa_waitgroup_trywait(g), -EAGAIN);
		ASSERT_OK(oa_waitgroup_done(g));
	}
	EXPECT_OK(oa_waitgroup_destroy(g));
}

TEST(counts)
{
	struct oa_waitgroup wg = OA_WAITGROUP_INIT, *g = &wg;

	EXPECT_OK(oa_waitgroup_wait(g));
	EXPECT_OK(oa_waitgroup_trywait(g));
	EXPECT_OK(oa_waitgroup_wait_until(g, 0));
	EXPECT_REFUSED(g, oa_waitgroup_done(g), -EINVAL);
	EXPECT_REFUSED(g, oa_waitgroup_add(g, -1), -EINVAL);
	EXPECT_REFUSED(g, oa_waitgroup_add(g, INT32_MIN), -EINVAL);
	EXPECT_OK(oa_waitgroup_add(g, 3));
	EXPECT_OK(oa_waitgroup_add(g, 0));
	COUNT_IS(3);
	EXPECT_REFUSED(g, oa_waitgroup_add(g, -4), -EINVAL);
	EXPECT_REFUSED(g, oa_waitgroup_trywait(g), -EAGAIN);
	EXPECT_ERR(oa_waitgroup_wait_until(g, 0), -ETIMEDOUT);
	EXPECT_OK(oa_waitgroup_add(g, -1));
	EXPECT_OK(oa_waitgroup_done(g));
	COUNT_IS(1);
	EXPECT_OK(oa_waitgroup_done(g));
	COUNT_IS(0);
	EXPECT_REFUSED(g, oa_waitgroup_done(g), -EINVAL);
	EXPECT_OK(oa_waitgroup_wait(g));
	EXPECT_OK(oa_waitgroup_destroy(g));
}

TEST(has_a_most)
{
	struct oa_waitgroup wg = OA_WAITGROUP_INIT, *g = &wg;

	EXPECT_OK(oa_waitgroup_add(g, INT32_MAX));
	EXPECT_OK(oa_waitgroup_add(g, INT32_MAX));
	EXPECT_REFUSED(g, oa_waitgroup_add(g, 2), -EOVERFLOW);
	EXPECT_OK(oa_waitgroup_add(g, 1));
	COUNT_IS(UINT32_MAX);
	EXPECT_REFUSED(g, oa_waitgroup_add(g, 1), -EOVERFLOW);
	EXPECT_REFUSED(g, oa_waitgroup_add(g, INT32_MAX), -EOVERFLOW);
	EXPECT_OK(oa_waitgroup_add(g, INT32_MIN));
	COUNT_IS(INT32_MAX);
	EXPECT_REFUSED(g, oa_waitgroup_add(g, INT32_MIN), -EINVAL);
	EXPECT_OK(oa_waitgroup_add(g, -INT32_MAX));
	EXPECT_OK(oa_waitgroup_wait(g));
}

TEST(bad_arguments)
{
	struct oa_waitgroup g = OA_WAITGROUP_INIT;

	EXPECT_ERR(oa_waitgroup_add(NULL, 1), -EINVAL);
	EXPECT_ERR(oa_waitgroup_done(NULL), -EINVAL);
	EXPECT_ERR(oa_waitgroup_wait(NULL), -EINVAL);
	EXPECT_ERR(oa_waitgroup_trywait(NULL), -EINVAL);
	EXPECT_ERR(oa_waitgroup_wait_until(NULL, 0), -EINVAL);
	EXPECT_ERR(oa_waitgroup_destroy(NULL), -EINVAL);
	EXPECT_INFO_CHECKS(waitgroup, &g);
}

HARNESS_MAIN
