// SPDX-License-Identifier: MIT
/* examples/cpp/tasks.h: a body ends before what it uses is freed. */
#include <errno.h>

#include "cpp_bodies.h"
#include "selftests/task_test.h"

static struct life l;

/* Cancelled when the body is at work; its result. */
static void *owner(oa_fn fn, bool cancels)
{
	oa_task_t t = oa_spawn(fn, &l);
	void *result = NULL;

	task_wait_until(l.began);
	if (cancels)
		oa_cancel(t);
	EXPECT_OK(oa_join(t, &result));
	EXPECT_TRUE(l.freed);
	EXPECT_FALSE(l.freed_early);
	EXPECT_TRUE(l.ended);
	return result;
}

TASK_TEST(a_cancelled_owner_waits, .workers = 1)
{
	EXPECT_EQ(NULL, owner(cpp_sleeps, true));
}

TASK_TEST(a_cancelled_get_waits, .workers = 1)
{
	EXPECT_EQ(oa_err(-ECANCELED), owner(cpp_gets, true));
}

TASK_TEST(an_owner_that_is_late_waits, .workers = 1)
{
	EXPECT_EQ(NULL, owner(cpp_is_late, false));
}

HARNESS_MAIN
