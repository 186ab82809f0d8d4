/* SPDX-License-Identifier: MIT */
/* Floating-point control words: saved, compared, loaded, left by switches. */
#include "selftests/arch/arch_test.h"

static struct test_ctx home, away;

#ifdef __x86_64__
/* Rounding up, in both units; and an exception flag, which is no control. */
static const struct arch_fpctl upward = { 0x1f80 | 0x4000, 0x037f | 0x0800 };
static const struct arch_fpctl flagged = { 0x1f80 | 0x21, 0x037f };
static const struct arch_fpctl x87_only = { 0x1f80, 0x027f };
#else
static const struct arch_fpctl upward = { 1 << 22 };
#endif
static const struct arch_fpctl normal = ARCH_FPCTL_DEFAULT;

static double third(void)
{
	volatile double one = 1, three = 3;

	return one / three;
}

static struct arch_fpctl saved(void)
{
	struct arch_fpctl f;

	arch_fpctl_save(&f);
	return f;
}

static bool are(struct arch_fpctl want)
{
	struct arch_fpctl now = saved();

	return arch_fpctl_equal(&now, &want);
}

TEST(a_process_starts_with_the_default)
{
	EXPECT_TRUE(are(normal));
}

TEST(loaded_control_words_act)
{
	double near = third();

	arch_fpctl_load(&upward);
	EXPECT_TRUE(are(upward));
	EXPECT_FALSE(are(normal));
	EXPECT_GT(third(), near);
	arch_fpctl_reset();
	EXPECT_TRUE(are(normal));
	EXPECT_TRUE(third() == near);
	arch_fpctl_set(&upward);
	EXPECT_TRUE(are(upward));
	arch_fpctl_set(&normal);
	EXPECT_TRUE(are(normal));
}

#ifdef __x86_64__
TEST(exception_flags_are_not_compared)
{
	EXPECT_TRUE(arch_fpctl_equal(&normal, &flagged));
	EXPECT_FALSE(arch_fpctl_equal(&normal, &x87_only));
	EXPECT_FALSE(arch_fpctl_equal(&normal, &upward));
}
#endif

static void sets_upward(void *payload)
{
	san_arrive(&away.san, &home.san);
	for (;;) {
		arch_fpctl_load(&upward);
		payload = test_switch(&away, &home, payload);
	}
}

TEST(a_bare_switch_leaves_them_to_its_caller)
{
	test_ctx_init(&away, sets_upward);
	test_switch(&home, &away, NULL);
	EXPECT_TRUE(are(upward));
	arch_fpctl_load(&normal);
	test_switch_call(&home, &away, NULL);
	EXPECT_TRUE(are(upward));
	arch_fpctl_load(&normal);
	test_ctx_fini(&away);
}

HARNESS_MAIN
