/* SPDX-License-Identifier: MIT */
/* Stacks are left and come back, by every pair of the ways to do it. */
#include "selftests/arch/arch_test.h"

#include <signal.h>
#include <string.h>

static struct test_ctx home, away, third;

#ifdef __aarch64__
#define TRAP	SIGTRAP
#else
#define TRAP	SIGILL
#endif

static void counts_inline(void *payload)
{
	uintptr_t n = (uintptr_t)payload;

	san_arrive(&away.san, &home.san);
	for (;;)
		n = (uintptr_t)test_switch(&away, &home, (void *)(n + 1));
}

static void counts_by_call(void *payload)
{
	uintptr_t n = (uintptr_t)payload;

	san_arrive(&away.san, &home.san);
	for (;;)
		n = (uintptr_t)test_switch_call(&away, &home, (void *)(n + 1));
}

static void counts_by_turns(void *payload)
{
	uintptr_t n = (uintptr_t)payload;

	san_arrive(&away.san, &home.san);
	for (;;) {
		n = (uintptr_t)test_switch(&away, &home, (void *)(n + 1));
		n = (uintptr_t)test_switch_call(&away, &home, (void *)(n + 1));
	}
}

static void million(void (*entry)(void *), bool by_call)
{
	uintptr_t rounds = (uintptr_t)SCALED(500000, 20000);
	uintptr_t n = 0;

	test_ctx_init(&away, entry);
	for (uintptr_t i = 0; i < rounds; i++) {
		void *got = by_call ?
			test_switch_call(&home, &away, (void *)n) :
			test_switch(&home, &away, (void *)n);

		if ((uintptr_t)got != n + 1)
			FAIL("round %lu gave %p", (unsigned long)i, got);
		n = (uintptr_t)got;
	}
	ASSERT_EQ(n, rounds);
	test_ctx_fini(&away);
}

TEST(a_million_switches_inline_to_inline)
{
	million(counts_inline, false);
}

TEST(a_million_switches_call_to_call)
{
	million(counts_by_call, true);
}

TEST(a_million_switches_inline_to_call)
{
	million(counts_by_call, false);
}

TEST(a_million_switches_call_to_inline)
{
	million(counts_inline, true);
}

TEST(a_million_switches_by_turns)
{
	million(counts_by_turns, false);
	million(counts_by_turns, true);
}

static uintptr_t entry_frame;

static void shows_alignment(void *payload)
{
	/* an aligned local says what the compiler was promised */
	char local[16] __aligned_to(16);

	san_arrive(&away.san, &home.san);
	memset(local, 1, sizeof(local));
	barrier();
	entry_frame = (uintptr_t)__builtin_frame_address(0);
	test_switch(&away, &home, (void *)((uintptr_t)payload +
					   ((uintptr_t)local & 15)));
	abort();
}

TEST(a_stack_begins_aligned_wherever_it_ends)
{
	for (uintptr_t skew = 0; skew < 32; skew++) {
		void *got;

		test_ctx_init(&away, shows_alignment);
		arch_ctx_init(&away.ctx, away.stack + TEST_STACK - skew,
			      shows_alignment);
		got = test_switch(&home, &away, NULL);
		EXPECT_NULL(got);
		EXPECT_EQ(entry_frame & 15, 0);
		EXPECT_LE(entry_frame,
			  (uintptr_t)away.stack + TEST_STACK - skew);
		test_ctx_fini(&away);
	}
}

static uintptr_t __noinline dive(uintptr_t depth)
{
	volatile char pad[64];
	uintptr_t below;

	pad[0] = (char)depth;
	if (!depth)
		return (uintptr_t)test_switch(&away, &home, NULL);
	below = dive(depth - 1);
	if (pad[0] != (char)depth)
		abort();
	return below + 1;
}

static void dives(void *payload)
{
	san_arrive(&away.san, &home.san);
	for (;;) {
		uintptr_t got = dive((uintptr_t)payload);

		payload = test_switch(&away, &home, (void *)got);
	}
}

TEST(a_deep_recursion_is_suspended_at_its_bottom)
{
	test_ctx_init(&away, dives);
	for (uintptr_t depth = 100; depth <= 500; depth += 100) {
		void *got = test_switch(&home, &away, (void *)depth);

		ASSERT_NULL(got);
		EXPECT_LT((uintptr_t)arch_ctx_sp(&away.ctx),
			  (uintptr_t)away.stack + TEST_STACK - depth * 64);
		got = test_switch(&home, &away, (void *)7);
		ASSERT_EQ((uintptr_t)got, depth + 7);
	}
	test_ctx_fini(&away);
}

static void jumps_home(void *payload)
{
	san_arrive(&away.san, &home.san);
	san_leave_last(&home.san);
	arch_jump(&home.ctx, payload);
}

static void jumps_home_by_call(void *payload)
{
	san_arrive(&away.san, &home.san);
	san_leave_last(&home.san);
	arch_jump_call(&home.ctx, payload);
}

TEST(a_jump_carries_the_payload_and_ends_the_stack)
{
	void *got;

	test_ctx_init(&away, jumps_home);
	got = test_switch(&home, &away, &home);
	EXPECT_EQ(got, (void *)&home);
	test_ctx_fini(&away);

	test_ctx_init(&away, jumps_home_by_call);
	got = test_switch_call(&home, &away, &away);
	EXPECT_EQ(got, (void *)&away);
	test_ctx_fini(&away);
}

static unsigned int restarts, restarts_wanted;
static uintptr_t restart_frame[2];

static void again(void *payload)
{
	if (payload)
		san_arrive(&away.san, &home.san);
	restart_frame[restarts & 1] = (uintptr_t)__builtin_frame_address(0);
	if (++restarts < restarts_wanted) {
		san_restart(&away.san, away.stack, TEST_STACK);
		arch_restart(away.stack + TEST_STACK, again, NULL);
	}
	test_switch(&away, &home, NULL);
	abort();
}

TEST(a_stack_handed_on_begins_at_its_top_each_time)
{
	restarts_wanted = (unsigned int)SCALED(100000, 1000);
	test_ctx_init(&away, again);
	test_switch(&home, &away, &away);
	EXPECT_EQ(restarts, restarts_wanted);
	EXPECT_EQ(restart_frame[0], restart_frame[1]);
	test_ctx_fini(&away);
}

static void to_third(void *payload)
{
	san_arrive(&away.san, &home.san);
	for (;;)
		payload = test_switch(&away, &third, payload);
}

static void to_home(void *payload)
{
	san_arrive(&third.san, &away.san);
	for (;;) {
		san_leave(&third.san, &home.san);
		payload = arch_switch(&third.ctx, &home.ctx, payload);
		san_arrive(&third.san, &away.san);
	}
}

TEST(three_stacks_go_round)
{
	test_ctx_init(&away, to_third);
	test_ctx_init(&third, to_home);
	for (uintptr_t i = 1; i < 1000; i++) {
		void *got;

		san_leave(&home.san, &away.san);
		got = arch_switch(&home.ctx, &away.ctx, (void *)i);
		san_arrive(&home.san, &third.san);
		ASSERT_EQ((uintptr_t)got, i);
	}
	test_ctx_fini(&away);
	test_ctx_fini(&third);
}

static void returns(void *payload)
{
	(void)payload;
	san_arrive(&away.san, &home.san);
}

TEST_SIGNAL(an_entry_function_that_returns_traps, TRAP)
{
	test_ctx_init(&away, returns);
	test_switch(&home, &away, NULL);
}

TEST(a_suspended_stack_shows_where_it_stands)
{
	struct arch_frame *f;

	test_ctx_init(&away, counts_inline);
	f = away.ctx.sp;
	EXPECT_EQ(f->pc, (void *)arch_entry);
	EXPECT_EQ(f->base, (void *)counts_inline);
	EXPECT_NULL(f->fp);
	EXPECT_EQ(arch_ctx_sp(&away.ctx), (void *)(away.stack + TEST_STACK));
	EXPECT_EQ(arch_ctx_pc(&away.ctx), (void *)arch_entry);

	test_switch(&home, &away, NULL);
	f = away.ctx.sp;
	EXPECT_NE(arch_ctx_pc(&away.ctx), (void *)arch_entry);
	EXPECT_EQ((char *)arch_ctx_sp(&away.ctx) - (char *)f, ARCH_FRAME_SKIP);
	EXPECT_GT((uintptr_t)arch_ctx_sp(&away.ctx), (uintptr_t)away.stack);
	EXPECT_LT((uintptr_t)arch_ctx_sp(&away.ctx),
		  (uintptr_t)away.stack + TEST_STACK);
	test_ctx_fini(&away);
}

HARNESS_MAIN
