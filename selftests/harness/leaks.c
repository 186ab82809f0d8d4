// SPDX-License-Identifier: MIT
/* What a test leaves inside the library is told, and what it is. */
#include "inner.h"

#include "core/mem.h"
#include "core/task.h"
#include "core/thread.h"

#define harness_add_test inner_add_test

TEST(inner_clean)
{
	void *obj = slab_alloc_one(&ext_cache), *p = mem_alloc(NULL, 100, 8);
	void *map = mem_map(4096);

	slab_free_one(&ext_cache, obj);
	mem_free(NULL, p, 100);
	mem_unmap(map, 4096);
}

TEST(inner_object)
{
	for (int i = 0; i < 3; i++)
		ASSERT_NOT_NULL(slab_alloc_one(&ext_cache));
}

TEST(inner_kept, .leaves = true)
{
	ASSERT_NOT_NULL(slab_alloc_one(&ext_cache));
}

static struct task *stand_in;

TEST(inner_stand_in)
{
	stand_in = thread_self();
	ASSERT_NOT_NULL(stand_in);
}

TEST(inner_task_too)
{
	stand_in = thread_self();
	ASSERT_NOT_NULL(slab_alloc_one(&task_cache));
}

/* Where the address sanitizer does not see it as one, too. */
static void *volatile lost;

TEST(inner_memory)
{
	lost = mem_alloc(NULL, 1000, 8);
	ASSERT_NOT_NULL(lost);
}

TEST(inner_pages)
{
	ASSERT_NOT_NULL(mem_map(8192));
}

TEST(inner_wrong_size)
{
	mem_free(NULL, mem_alloc(NULL, 100, 8), 60);
}

#undef harness_add_test

static void expect_leak(const char *test, const char *what)
{
	const char *out = run_inner(test);
	char line[80];

	EXPECT_EQ(1, occurrences(out, "leak: "));
	EXPECT_PRINTED(out, what);
	snprintf(line, sizeof(line), "\nnot ok 1 %s\n", test);
	EXPECT_PRINTED(out, line);
}

TEST(what_is_given_back_is_no_leak)
{
	EXPECT_PRINTED(run_inner("inner_clean"), "\nok 1 inner_clean\n");
}

TEST(an_object_of_a_slab_is_told)
{
	expect_leak("inner_object", "leak: ext_cache: 3 objects in use");
}

TEST(an_object_left_on_purpose_is_not)
{
	EXPECT_PRINTED(run_inner("inner_kept"), "\nok 1 ");
}

TEST(what_stands_for_the_main_thread_stays)
{
	EXPECT_PRINTED(run_inner("inner_stand_in"), "\nok 1 inner_stand_in\n");
	expect_leak("inner_task_too", "leak: task_cache: 2 objects");
}

TEST(memory_is_told)
{
	expect_leak("inner_memory", "leak: memory: 1000 bytes in 1 pieces\n");
	expect_leak("inner_pages", "leak: memory: 8192 bytes in 1 pieces\n");
}

TEST(so_is_memory_given_back_with_another_size)
{
	expect_leak("inner_wrong_size", "leak: memory: 40 bytes in 0 pieces\n");
}

HARNESS_MAIN
