/* SPDX-License-Identifier: MIT */
/* Coroutines hand values back and forth, nest, and end in every state. */
#include "selftests/harness.h"

#include <oa/coro.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void *counts(void *arg)
{
	uintptr_t n = (uintptr_t)arg;

	for (uintptr_t i = 0; i < n; i++)
		oa_coro_suspend((void *)i);
	return (void *)n;
}

TEST(a_generator_gives_each_value_once)
{
	struct oa_coro *co;

	ASSERT_OK(oa_coro_create(&co, counts, (void *)1000));
	for (uintptr_t i = 0; i <= 1000; i++) {
		ASSERT_NE(oa_coro_state(co), OA_CORO_DONE);
		ASSERT_EQ((uintptr_t)oa_coro_resume(co, NULL), i);
	}
	EXPECT_EQ(oa_coro_state(co), OA_CORO_DONE);
	EXPECT_OK(oa_coro_destroy(co));
}

static void *adds(void *arg)
{
	uintptr_t sum = (uintptr_t)arg;
	uintptr_t next;

	while ((next = (uintptr_t)oa_coro_suspend((void *)sum)))
		sum += next;
	return (void *)(sum * 2);
}

TEST(values_go_both_ways)
{
	struct oa_coro *co;

	ASSERT_OK(oa_coro_create(&co, adds, (void *)100, .name = "adder",
				 .stack_size = 32768));
	/* what the first resume hands in, nobody takes */
	EXPECT_EQ((uintptr_t)oa_coro_resume(co, (void *)7777), 100);
	EXPECT_EQ((uintptr_t)oa_coro_resume(co, (void *)1), 101);
	EXPECT_EQ((uintptr_t)oa_coro_resume(co, (void *)10), 111);
	EXPECT_EQ((uintptr_t)oa_coro_resume(co, NULL), 222);
	EXPECT_OK(oa_coro_destroy(co));
}

TEST(names_are_copied_and_cut)
{
	char name[] = "a name of more than thirty-one bytes";
	struct oa_coro *co;

	ASSERT_OK(oa_coro_create(&co, counts, NULL));
	EXPECT_STREQ(oa_coro_name(co), "");
	EXPECT_OK(oa_coro_destroy(co));

	ASSERT_OK(oa_coro_create(&co, counts, NULL, .name = name));
	memset(name, 'x', sizeof(name) - 1);
	EXPECT_STREQ(oa_coro_name(co), "a name of more than thirty-one ");
	EXPECT_OK(oa_coro_destroy(co));
}

static void *watches(void *arg)
{
	struct oa_coro **self = arg;

	EXPECT_EQ(oa_coro_state(*self), OA_CORO_RUNNING);
	oa_coro_suspend(NULL);
	return NULL;
}

TEST(states_follow_each_other)
{
	struct oa_coro *co;

	ASSERT_OK(oa_coro_create(&co, watches, &co));
	EXPECT_EQ(oa_coro_state(co), OA_CORO_CREATED);
	EXPECT_NULL(oa_coro_resume(co, NULL));
	EXPECT_EQ(oa_coro_state(co), OA_CORO_SUSPENDED);
	EXPECT_NULL(oa_coro_resume(co, NULL));
	EXPECT_EQ(oa_coro_state(co), OA_CORO_DONE);
	EXPECT_OK(oa_coro_destroy(co));
}

struct tree {
	struct tree *left, *right;
	int key;
};

static void walk(const struct tree *t)
{
	if (!t)
		return;
	walk(t->left);
	oa_coro_suspend((void *)(intptr_t)t->key);
	walk(t->right);
}

static void *walks(void *arg)
{
	walk(arg);
	return oa_err(-ENOENT);
}

TEST(a_recursion_is_suspended_at_any_depth)
{
	struct tree t[127];
	struct oa_coro *co;

	/* a balanced tree in order: node i of height h has sons i -+ 2^(h-1) */
	for (int i = 0; i < 127; i++) {
		int h = __builtin_ctz((unsigned int)i + 1);

		t[i].key = i;
		t[i].left = h ? &t[i - (1 << (h - 1))] : NULL;
		t[i].right = h ? &t[i + (1 << (h - 1))] : NULL;
	}
	ASSERT_OK(oa_coro_create(&co, walks, &t[63]));
	for (int i = 0; i < 127; i++)
		ASSERT_EQ((int)(intptr_t)oa_coro_resume(co, NULL), i);
	EXPECT_EQ(oa_err_code(oa_coro_resume(co, NULL)), -ENOENT);
	EXPECT_OK(oa_coro_destroy(co));
}

/* Each resumes the one inside it and hands on what that gives, plus one. */
static void *nests(void *arg)
{
	uintptr_t depth = (uintptr_t)arg;
	struct oa_coro *inner = NULL;
	uintptr_t got = 0;

	if (depth)
		ASSERT_OK(oa_coro_create(&inner, nests, (void *)(depth - 1)));
	for (int i = 0; i < 3; i++) {
		if (inner)
			got = (uintptr_t)oa_coro_resume(inner, NULL) + 1;
		oa_coro_suspend((void *)got);
	}
	if (inner)
		EXPECT_OK(oa_coro_destroy(inner));
	return (void *)1000;
}

TEST(coroutines_nest)
{
	struct oa_coro *co;

	ASSERT_OK(oa_coro_create(&co, nests, (void *)20));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ((uintptr_t)oa_coro_resume(co, NULL), 20);
	EXPECT_EQ((uintptr_t)oa_coro_resume(co, NULL), 1000);
	EXPECT_OK(oa_coro_destroy(co));
}

static struct oa_coro *ping, *pong;

/* A coroutine that is suspended may be resumed by another one than before. */
static void *passes(void *arg)
{
	uintptr_t got = 0;

	(void)arg;
	while (got < 1000)
		got = (uintptr_t)oa_coro_suspend((void *)(got * 10));
	return NULL;
}

static void *asks_pong(void *arg)
{
	return (void *)((uintptr_t)oa_coro_resume(pong, arg) + 1);
}

TEST(a_coroutine_may_be_resumed_from_different_places)
{
	ASSERT_OK(oa_coro_create(&pong, passes, NULL));
	EXPECT_EQ((uintptr_t)oa_coro_resume(pong, NULL), 0);
	ASSERT_OK(oa_coro_create(&ping, asks_pong, (void *)4));
	EXPECT_EQ((uintptr_t)oa_coro_resume(ping, NULL), 41);
	EXPECT_EQ((uintptr_t)oa_coro_resume(pong, (void *)7), 70);
	EXPECT_OK(oa_coro_destroy(ping));
	EXPECT_OK(oa_coro_destroy(pong));
}

static void *uses_stack(void *arg)
{
	size_t size = (size_t)arg;
	char *p = __builtin_alloca(size);

	memset(p, 1, size);
	__asm__ volatile("" : : "r" (p) : "memory");
	oa_coro_suspend(NULL);
	for (size_t i = 0; i < size; i++)
		ASSERT_EQ(p[i], 1);
	return (void *)size;
}

TEST(the_stack_is_as_large_as_asked)
{
	static const size_t sizes[] = { 0, 16384, 65536, 1 << 20, 8 << 20 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t want = sizes[i] ? sizes[i] : 256 << 10;
		size_t room = want - 8192;
		struct oa_coro *co;

		ASSERT_OK(oa_coro_create(&co, uses_stack, (void *)room,
					 .stack_size = sizes[i]));
		EXPECT_NULL(oa_coro_resume(co, NULL));
		EXPECT_EQ((size_t)oa_coro_resume(co, NULL), room);
		EXPECT_OK(oa_coro_destroy(co));
	}
}

static void *holds(void *arg)
{
	char *mine = malloc(100);

	ASSERT_NOT_NULL(mine);
	*(char **)arg = mine;
	oa_coro_suspend(NULL);
	abort();
}

TEST(a_suspended_one_is_destroyed_without_unwinding)
{
	for (int i = 0; i < 200; i++) {
		struct oa_coro *co;
		char *held;

		ASSERT_OK(oa_coro_create(&co, holds, &held));
		EXPECT_NULL(oa_coro_resume(co, NULL));
		EXPECT_OK(oa_coro_destroy(co));
		free(held);
	}
}

TEST(one_that_never_ran_is_destroyed)
{
	struct oa_coro *co;

	ASSERT_OK(oa_coro_create(&co, holds, NULL));
	EXPECT_OK(oa_coro_destroy(co));
}

TEST(many_live_at_once)
{
	size_t n = (size_t)SCALED(20000, 1000);
	struct oa_coro **co = calloc(n, sizeof(*co));

	ASSERT_NOT_NULL(co);
	for (size_t i = 0; i < n; i++)
		ASSERT_OK(oa_coro_create(&co[i], adds, (void *)i,
					 .stack_size = 16384));
	for (size_t round = 0; round < 3; round++)
		for (size_t i = 0; i < n; i++)
			ASSERT_EQ((size_t)oa_coro_resume(co[i], (void *)1),
				  i + round);
	for (size_t i = 0; i < n; i++)
		ASSERT_OK(oa_coro_destroy(co[i]));
	free(co);
}

TEST(memory_does_not_grow_over_many_lives)
{
	size_t before = 0;

	for (int i = 0; i < 2000; i++) {
		struct oa_coro *co;

		ASSERT_OK(oa_coro_create(&co, counts, (void *)2));
		EXPECT_EQ((uintptr_t)oa_coro_resume(co, NULL), 0);
		ASSERT_OK(oa_coro_destroy(co));
		if (i == 200)
			before = harness_rss();
	}
	/* a leaked stack each would be 7 MiB and more */
	if (!harness_slow())
		EXPECT_LT(harness_rss(), before + (4 << 20));
}

HARNESS_MAIN
