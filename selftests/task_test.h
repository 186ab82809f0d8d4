/* SPDX-License-Identifier: MIT */
/*
 * Tests whose body is the first task of a runtime of its own:
 *
 *	TASK_TEST(a_phrase, .workers = 4) { ASSERT_OK(oa_yield()); }
 *
 * What follows the name is the configuration given to oa_run(); TASK_TEST_F()
 * may use `self` and `variant` in it. Setup and teardown are run by the main thread
 * outside the runtime. An ASSERT_ that fails in a task ends the test's process
 * without the teardown.
 */
#ifndef OA_SELFTESTS_TASK_TEST_H
#define OA_SELFTESTS_TASK_TEST_H

#include <oa.h>

#include "selftests/harness.h"

#define TASK_TEST(name, ...) \
	TASK_TEST_TIMEOUT(name, HARNESS_TIMEOUT, ##__VA_ARGS__)

#define TASK_TEST_TIMEOUT(name, seconds, ...) \
	static void test_##name##_body(void); \
	static void *test_##name##_task(void *ran) \
	{ \
		test_##name##_body(); \
		*(bool *)ran = true; \
		return NULL; \
	} \
	TEST_TIMEOUT(name, seconds) \
	{ \
		bool ran = false; \
		ASSERT_OK(oa_run(test_##name##_task, &ran, ##__VA_ARGS__)); \
		ASSERT_TRUE(ran); \
	} \
	static void test_##name##_body(void)

#define TASK_TEST_F(f, name, ...) \
	TASK_TEST_F_TIMEOUT(f, name, HARNESS_TIMEOUT, ##__VA_ARGS__)

#define TASK_TEST_F_TIMEOUT(f, name, seconds, ...) \
	struct f##_##name##_arg { \
		FIXTURE_DATA(f) *self; \
		const FIXTURE_VARIANT(f) *variant; \
		bool ran; \
	}; \
	static void f##_##name##_test_body(HARNESS_ARGS(f)); \
	static void *f##_##name##_test_task(void *p) \
	{ \
		struct f##_##name##_arg *a = p; \
		f##_##name##_test_body(a->self, a->variant); \
		a->ran = true; \
		return NULL; \
	} \
	TEST_F_TIMEOUT(f, name, seconds) \
	{ \
		struct f##_##name##_arg a = { self, variant, false }; \
		ASSERT_OK(oa_run(f##_##name##_test_task, &a, ##__VA_ARGS__)); \
		ASSERT_TRUE(a.ran); \
	} \
	static void f##_##name##_test_body(HARNESS_ARGS(f))

/* wait_until() for a task: the worker runs others between two looks. */
#define task_wait_until(cond)	HARNESS_WAIT_UNTIL(cond, #cond, oa_yield())

#endif
