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

HARNESS_MAIN
