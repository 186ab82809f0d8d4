/* SPDX-License-Identifier: MIT */
/* Unwinders walk a stack down to arch_entry and no further. */
#include "selftests/arch/arch_test.h"

#include <string.h>
#include <unwind.h>

static struct test_ctx home, away;

struct walk {
	uintptr_t at[64];		/* functions, innermost first */
	unsigned int n;
	bool ended;
};

static _Unwind_Reason_Code step(struct _Unwind_Context *uc, void *arg)
{
	struct walk *w = arg;
	uintptr_t pc = _Unwind_GetIP(uc);

	if (w->n == ARRAY_SIZE(w->at))
		return _URC_NORMAL_STOP;
	/* the end itself is shown as a frame at 0 */
	if (pc)
		w->at[w->n++] = (uintptr_t)
			_Unwind_FindEnclosingFunction((void *)(pc - 1));
	return _URC_NO_REASON;
}

static struct walk walk;

static void __noinline look(void)
{
	memset(&walk, 0, sizeof(walk));
	walk.ended = _Unwind_Backtrace(step, &walk) == _URC_END_OF_STACK;
	barrier();
}

static void __noinline middle(int depth)
{
	if (depth)
		middle(depth - 1);
	else
		look();
	barrier();
}

static void walks(void *payload)
{
	san_arrive(&away.san, &home.san);
	for (;;) {
		middle(10);
		payload = test_switch(&away, &home, payload);
	}
}

static int where(uintptr_t fn)
{
	for (unsigned int i = 0; i < walk.n; i++)
		if (walk.at[i] == fn)
			return (int)i;
	return -1;
}

TEST(a_walk_ends_at_the_entry)
{
	uintptr_t *above;

	test_ctx_init(&away, walks);
	/* what an unwinder that went on would take for a return address */
	above = (uintptr_t *)(away.stack + TEST_STACK) - 16;
	for (int i = 0; i < 16; i++)
		above[i] = (uintptr_t)middle + 8;
	arch_ctx_init(&away.ctx, above, walks);
	for (int i = 0; i < 3; i++) {
		test_switch(&home, &away, NULL);
		EXPECT_TRUE(walk.ended);
		EXPECT_GE(where((uintptr_t)look), 0);
		EXPECT_GT(where((uintptr_t)middle), where((uintptr_t)look));
		EXPECT_GT(where((uintptr_t)walks), where((uintptr_t)middle));
		EXPECT_EQ(where((uintptr_t)arch_entry),
			  where((uintptr_t)walks) + 1);
		EXPECT_EQ((int)walk.n - 1, where((uintptr_t)arch_entry));
	}
	test_ctx_fini(&away);
}

/* Calls on other stacks are walked through, wherever those lie. */

static char stacks[2][65536] __attribute__((aligned(64)));
static char *at[2];

static void * __noinline second(void *arg)
{
	at[1] = __builtin_frame_address(0);
	middle(3);
	return (char *)arg + 1;
}

static void * __noinline first(void *arg)
{
	at[0] = __builtin_frame_address(0);
	arg = arch_call_on(stacks[at[0] < stacks[1]] + 65536, second, arg);
	barrier();
	return (char *)arg + 2;
}

static void __noinline calls(int which)
{
	char *arg = stacks[0];

	EXPECT_EQ((void *)(arg + 3),
		  arch_call_on(stacks[which] + 65536, first, arg));
	EXPECT_EQ(which, at[0] > at[1]);
	EXPECT_TRUE(walk.ended);
	EXPECT_GT(where((uintptr_t)second), where((uintptr_t)middle));
	EXPECT_GT(where((uintptr_t)first), where((uintptr_t)second) + 1);
	EXPECT_GT(where((uintptr_t)calls), where((uintptr_t)first) + 1);
}

TEST(a_walk_leads_on_to_the_callers_stack)
{
	calls(0);
	calls(1);
}

HARNESS_MAIN
