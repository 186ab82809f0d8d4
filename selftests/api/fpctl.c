// SPDX-License-Identifier: MIT
/* The rounding mode: whose it is, and how far it goes. */
#include "api_test.h"

#include <fenv.h>

FIXTURE(fpctl) {
	unsigned int n;
};
VARIANTS_WORKERS(fpctl);

typedef struct fpctl_fixture_data data;

FIXTURE_SETUP(fpctl)
{
	fesetround(FE_TONEAREST);
}

FIXTURE_TEARDOWN(fpctl)
{
	fesetround(FE_TONEAREST);
}

/* What the mode does, by the unit itself. */
static bool rounds(int mode)
{
	volatile double one = 1, three = 3;
	double third = one / three;
	volatile double back = third * 3;

	if (mode == FE_TONEAREST)
		return back == 1;
	return mode == FE_UPWARD ? back > 1 : back < 1;
}

static void *keeps(void *mode)
{
	int is = (int)(intptr_t)mode;

	EXPECT_EQ(FE_TONEAREST, fegetround());
	ASSERT_EQ(0, fesetround(is));
	for (int i = 0; i < 200; i++) {
		if (i % 20)
			ASSERT_OK(oa_yield());
		else
			ASSERT_OK(oa_sleep(OA_USEC));
		EXPECT_EQ(is, fegetround());
		EXPECT_TRUE(rounds(is));
	}
	return NULL;
}

static void *knows_none(void *arg)
{
	for (int i = 0; i < 200; i++) {
		EXPECT_EQ(FE_TONEAREST, fegetround());
		EXPECT_TRUE(rounds(FE_TONEAREST));
		ASSERT_OK(oa_yield());
	}
	return arg;
}

static void *mixes(void *arg)
{
	static const int modes[] = { FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };
	oa_task_t t[24];

	for (int i = 0; i < 24; i++)
		t[i] = i % 2 ? oa_spawn(knows_none, NULL) :
			       oa_spawn(keeps,
					(void *)(intptr_t)modes[i / 2 % 3],
					.fpctl = true);
	for (int i = 0; i < 24; i++)
		EXPECT_OK(oa_join(t[i], NULL));
	return arg;
}

TEST_F(fpctl, is_kept_for_one_and_from_others)
{
	ASSERT_OK(oa_run(mixes, NULL, .workers = variant->workers));
	EXPECT_EQ(FE_TONEAREST, fegetround());
}

/* Who runs the tasks gets his own back, and they know nothing of it. */
TEST_F(fpctl, the_callers_is_not_the_tasks)
{
	ASSERT_EQ(0, fesetround(FE_DOWNWARD));
	ASSERT_OK(oa_run(mixes, NULL, .workers = variant->workers));
	EXPECT_EQ(FE_DOWNWARD, fegetround());
}

static void *changes(void *arg)
{
	EXPECT_EQ(FE_TONEAREST, fegetround());
	ASSERT_EQ(0, fesetround(FE_UPWARD));
	COUNT(((data *)arg)->n);
	return NULL;
}

static void *makes_a_thread(void *arg)
{
	ASSERT_EQ(0, fesetround(FE_UPWARD));
	EXPECT_NULL(oa_block(changes, arg));
	EXPECT_EQ(FE_UPWARD, fegetround());
	return NULL;
}

/* Neither who made a thread of the pool leaves it there, nor who was on it. */
TASK_TEST_F(fpctl, the_pool_is_left_as_usual, .workers = variant->workers,
	    .max_blocking = 1)
{
	oa_task_t t = oa_spawn(makes_a_thread, self, .fpctl = true);

	EXPECT_OK(oa_join(t, NULL));
	for (int i = 0; i < 4; i++) {
		t = oa_spawn(changes, self, .block = true, .fpctl = i % 2);
		EXPECT_OK(oa_join(t, NULL));
	}
	EXPECT_EQ(5u, self->n);
}

TEST(a_loop_that_drives_gets_its_own_back)
{
	struct oa_runtime *rt;
	int more;

	ASSERT_OK(oa_start(&rt, mixes, NULL, .external = true));
	do {
		ASSERT_EQ(0, fesetround(FE_DOWNWARD));
		more = oa_poll_once(rt, OA_FOREVER);
		ASSERT_EQ(FE_DOWNWARD, fegetround());
	} while (more >= 0);
	ASSERT_ERR(more, -ESHUTDOWN);
	fesetround(FE_TONEAREST);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
}

HARNESS_MAIN
