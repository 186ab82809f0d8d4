/* SPDX-License-Identifier: MIT */
/* Contexts for tests of the switch: a stack, and what sanitizers must know. */
#ifndef OA_SELFTESTS_ARCH_TEST_H
#define OA_SELFTESTS_ARCH_TEST_H

#include <stdlib.h>

#include "arch/arch.h"
#include "arch/san.h"
#include "selftests/harness.h"

#define TEST_STACK	(256u << 10)

struct test_ctx {
	struct arch_ctx ctx;
	struct san_ctx san;
	char *stack;
	unsigned int id;
};

static inline void test_ctx_init(struct test_ctx *c, void (*entry)(void *))
{
	c->stack = aligned_alloc(4096, TEST_STACK);
	ASSERT_NOT_NULL(c->stack);
	c->id = san_stack_add(c->stack, TEST_STACK);
	arch_ctx_init(&c->ctx, c->stack + TEST_STACK, entry);
	san_ctx_init(&c->san, c->stack, TEST_STACK);
}

static inline void test_ctx_fini(struct test_ctx *c)
{
	san_ctx_fini(&c->san);
	san_stack_remove(c->id, c->stack, TEST_STACK);
	free(c->stack);
}

/* Leaves and comes back, as the library does it. */
__always_inline_oa void *test_switch(struct test_ctx *from,
				     struct test_ctx *to, void *payload)
{
	san_leave(&from->san, &to->san);
	payload = arch_switch(&from->ctx, &to->ctx, payload);
	san_arrive(&from->san, &to->san);
	return payload;
}

__always_inline_oa void *test_switch_call(struct test_ctx *from,
					  struct test_ctx *to, void *payload)
{
	san_leave(&from->san, &to->san);
	payload = arch_switch_call(&from->ctx, &to->ctx, payload);
	san_arrive(&from->san, &to->san);
	return payload;
}

#endif
