/* SPDX-License-Identifier: MIT */
/* A thread-local pointer is that of the thread a stack goes on in. */
#include "selftests/arch/arch_test.h"

#include <pthread.h>

extern __thread struct test_ctx *mine __hidden_symbol;
__thread struct test_ctx *mine __attribute__((used));

static struct test_ctx away;

TEST(a_store_is_seen_by_a_load_and_by_plain_c)
{
	struct test_ctx c;

	EXPECT_NULL(arch_tls_load(mine));
	arch_tls_store(mine, &c);
	EXPECT_EQ(arch_tls_load(mine), &c);
	EXPECT_EQ(mine, &c);
	mine = &away;
	EXPECT_EQ(arch_tls_load(mine), &away);
	arch_tls_store(mine, NULL);
	EXPECT_NULL(mine);
}

/* On one stack, in a loop: whose thread is this? */
static void asks(void *payload)
{
	struct test_ctx *from = payload;

	san_arrive(&away.san, &from->san);
	for (;;) {
		struct test_ctx *here = arch_tls_load(mine);

		if (here != from)
			FAIL("%p in the thread of %p", (void *)here,
			     (void *)from);
		san_leave(&away.san, &from->san);
		from = arch_switch(&away.ctx, &from->ctx, here);
		san_arrive(&away.san, &from->san);
	}
}

static void *visits(void *arg)
{
	struct test_ctx me = { 0 };
	void *got;

	(void)arg;
	arch_tls_store(mine, &me);
	got = test_switch(&me, &away, &me);
	return got == &me ? NULL : got;
}

TEST(a_stack_that_hops_between_threads_sees_each_ones_own)
{
	test_ctx_init(&away, asks);
	for (int i = 0; i < 50; i++) {
		void *wrong = visits;
		pthread_t t;

		ASSERT_EQ(pthread_create(&t, NULL, visits, NULL), 0);
		ASSERT_EQ(pthread_join(t, &wrong), 0);
		ASSERT_NULL(wrong);
		ASSERT_NULL(visits(NULL));
	}
	test_ctx_fini(&away);
}

HARNESS_MAIN
