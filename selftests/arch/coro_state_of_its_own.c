/* SPDX-License-Identifier: MIT */
/* Rounding mode and C++ exceptions belong to the side that set them. */
#include "arch/arch.h"
#include "arch/cxx.h"
#include "selftests/harness.h"

#include <oa/coro.h>

#ifdef __x86_64__
static const struct arch_fpctl upward = { 0x1f80 | 0x4000, 0x037f | 0x0800 };
static const struct arch_fpctl downward = { 0x1f80 | 0x2000, 0x037f | 0x0400 };
#else
static const struct arch_fpctl upward = { 1 << 22 };
static const struct arch_fpctl downward = { 2 << 22 };
#endif
static const struct arch_fpctl normal = ARCH_FPCTL_DEFAULT;

static bool are(struct arch_fpctl want)
{
	struct arch_fpctl now;

	arch_fpctl_save(&now);
	return arch_fpctl_equal(&now, &want);
}

static void *rounds_down(void *arg)
{
	(void)arg;
	EXPECT_TRUE(are(upward));
	arch_fpctl_load(&downward);
	oa_coro_suspend(NULL);
	EXPECT_TRUE(are(downward));
	oa_coro_suspend(NULL);
	EXPECT_TRUE(are(downward));
	return NULL;
}

TEST(each_side_keeps_its_rounding)
{
	struct oa_coro *co;

	/* that of its creator to begin with */
	arch_fpctl_load(&upward);
	ASSERT_OK(oa_coro_create(&co, rounds_down, NULL));
	arch_fpctl_load(&normal);
	oa_coro_resume(co, NULL);
	EXPECT_TRUE(are(normal));
	arch_fpctl_load(&upward);
	oa_coro_resume(co, NULL);
	EXPECT_TRUE(are(upward));
	oa_coro_resume(co, NULL);
	EXPECT_TRUE(are(upward));
	EXPECT_EQ(oa_coro_state(co), OA_CORO_DONE);
	EXPECT_OK(oa_coro_destroy(co));
}

/* In place of a C++ runtime. */
static struct cxx_state globals;

struct cxx_state *__cxa_get_globals(void)
{
	return &globals;
}

static void *catches(void *arg)
{
	EXPECT_NULL(globals.caught);
	EXPECT_EQ(globals.uncaught, 0);
	globals.caught = arg;
	globals.uncaught = 2;
	oa_coro_suspend(NULL);
	EXPECT_EQ(globals.caught, arg);
	EXPECT_EQ(globals.uncaught, 2);
	globals.caught = NULL;
	globals.uncaught = 0;
	return NULL;
}

TEST(each_side_keeps_its_exceptions)
{
	struct oa_coro *a, *b;

	ASSERT_OK(oa_coro_create(&a, catches, &a));
	ASSERT_OK(oa_coro_create(&b, catches, &b));
	globals = (struct cxx_state){ &globals, 1 };
	oa_coro_resume(a, NULL);
	EXPECT_EQ(globals.caught, (void *)&globals);
	EXPECT_EQ(globals.uncaught, 1);
	oa_coro_resume(b, NULL);
	globals = (struct cxx_state){ NULL, 0 };
	oa_coro_resume(b, NULL);
	oa_coro_resume(a, NULL);
	EXPECT_NULL(globals.caught);
	EXPECT_EQ(globals.uncaught, 0);
	EXPECT_OK(oa_coro_destroy(a));
	EXPECT_OK(oa_coro_destroy(b));
}

HARNESS_MAIN
