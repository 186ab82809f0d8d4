// SPDX-License-Identifier: MIT
/* Deadlines over a stretch of code: nesting, who fired, leaving. */
#include "api_test.h"

#include <unistd.h>

FIXTURE(deadline) { int flag; int fds[2]; };
VARIANTS_WORKERS(deadline);

FIXTURE_SETUP(deadline)
{
	ASSERT_EQ(0, pipe(self->fds));
}

FIXTURE_TEARDOWN(deadline)
{
	close(self->fds[0]);
	close(self->fds[1]);
}

static void *wait_flag(void *flag)
{
	while (!SEEN(*(int *)flag))
		oa_sleep(50 * OA_USEC);
	return NULL;
}

TASK_TEST_F(deadline, ends_a_sleep, .workers = variant->workers)
{
	struct oa_deadline d;
	oa_time_t before;

	/* Far off: a busy machine may be late by any time that is not. */
	ASSERT_OK(oa_deadline_enter(&d, oa_after(1000 * OA_SEC)));
	EXPECT_OK(oa_sleep(OA_USEC));
	EXPECT_EQ(0, oa_deadline_fired(&d));
	ASSERT_OK(oa_deadline_leave(&d));

	before = oa_now();
	ASSERT_OK(oa_deadline_enter(&d, before + 2 * OA_MSEC));
	EXPECT_EQ(0, oa_deadline_fired(&d));
	EXPECT_ERR(oa_sleep(OA_FOREVER), -ETIMEDOUT);
	EXPECT_GE(oa_now(), before + 2 * OA_MSEC);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	/* It stays past: every later call fails, too. */
	EXPECT_ERR(oa_yield(), -ETIMEDOUT);
	EXPECT_ERR(oa_sleep(1), -ETIMEDOUT);
	EXPECT_ERR(oa_sleep(0), -ETIMEDOUT);
	ASSERT_OK(oa_deadline_leave(&d));
	EXPECT_EQ(1, oa_deadline_fired(&d));
	EXPECT_OK(oa_yield());
	EXPECT_OK(oa_sleep(1));
	EXPECT_EQ(0, oa_cancelled());
}

TASK_TEST_F(deadline, that_is_past, .workers = variant->workers)
{
	struct oa_deadline d;
	char c;

	ASSERT_EQ(1, write(self->fds[1], "x", 1));
	ASSERT_OK(oa_deadline_enter(&d, oa_now()));
	EXPECT_EQ(0, oa_deadline_fired(&d));
	EXPECT_ERR(oa_yield(), -ETIMEDOUT);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	/* Looked at before anything is done: the byte is still there. */
	EXPECT_ERR(oa_read(self->fds[0], &c, 1), -ETIMEDOUT);
	ASSERT_OK(oa_deadline_leave(&d));
	EXPECT_EQ(1, oa_read(self->fds[0], &c, 1));
	ASSERT_OK(oa_deadline_enter(&d, -1));
	EXPECT_ERR(oa_sleep(1), -ETIMEDOUT);
	ASSERT_OK(oa_deadline_leave(&d));
}

TASK_TEST_F(deadline, that_never_comes, .workers = variant->workers)
{
	struct oa_deadline d;

	ASSERT_OK(oa_deadline_enter(&d, OA_FOREVER));
	EXPECT_OK(oa_yield());
	EXPECT_OK(oa_sleep(1000));
	EXPECT_EQ(0, oa_deadline_fired(&d));
	ASSERT_OK(oa_deadline_leave(&d));
}

TASK_TEST_F(deadline, an_inner_one_fires_alone, .workers = variant->workers)
{
	struct oa_deadline outer, inner;

	OA_WITHIN(&outer, 1000 * OA_SEC) {
		OA_WITHIN(&inner, OA_MSEC)
			EXPECT_ERR(oa_sleep(OA_FOREVER), -ETIMEDOUT);
		EXPECT_EQ(1, oa_deadline_fired(&inner));
		EXPECT_EQ(0, oa_deadline_fired(&outer));
		EXPECT_OK(oa_sleep(OA_USEC));
	}
	EXPECT_EQ(0, oa_deadline_fired(&outer));
}

TASK_TEST_F(deadline, an_outer_one_fires_inside, .workers = variant->workers)
{
	struct oa_deadline outer, middle, inner;

	OA_WITHIN(&outer, 1000 * OA_SEC)
		OA_WITHIN(&middle, OA_MSEC)
			OA_WITHIN(&inner, 500 * OA_SEC)
				EXPECT_ERR(oa_sleep(OA_FOREVER), -ETIMEDOUT);
	EXPECT_EQ(0, oa_deadline_fired(&inner));
	EXPECT_EQ(1, oa_deadline_fired(&middle));
	EXPECT_EQ(0, oa_deadline_fired(&outer));
}

TASK_TEST_F(deadline, of_two_equal_ones_the_outer_fires,
	    .workers = variant->workers)
{
	oa_time_t at = oa_after(OA_MSEC);
	struct oa_deadline outer, inner;

	ASSERT_OK(oa_deadline_enter(&outer, at));
	ASSERT_OK(oa_deadline_enter(&inner, at));
	EXPECT_ERR(oa_sleep(OA_FOREVER), -ETIMEDOUT);
	ASSERT_OK(oa_deadline_leave(&inner));
	ASSERT_OK(oa_deadline_leave(&outer));
	EXPECT_EQ(0, oa_deadline_fired(&inner));
	EXPECT_EQ(1, oa_deadline_fired(&outer));
}

TASK_TEST_F(deadline, deep_nesting, .workers = variant->workers)
{
	enum { N = 64 };
	struct oa_deadline d[N];
	oa_time_t base = oa_after(2 * OA_MSEC);

	/* Each later than the one around it, but for number 20. */
	for (int i = 0; i < N; i++)
		ASSERT_OK(oa_deadline_enter(&d[i], i == 20 ? base :
					    base + (i + 1) * OA_SEC));
	EXPECT_ERR(oa_sleep(OA_FOREVER), -ETIMEDOUT);
	for (int i = N - 1; i >= 0; i--)
		ASSERT_OK(oa_deadline_leave(&d[i]));
	for (int i = 0; i < N; i++)
		EXPECT_EQ(i == 20, oa_deadline_fired(&d[i]));
}

TASK_TEST_F(deadline, that_is_entered_already, .workers = variant->workers)
{
	struct oa_deadline a, b;
	int err = 1;

	(void)self;
	ASSERT_OK(oa_deadline_enter(&a, oa_after(OA_MSEC)));
	EXPECT_ERR(oa_deadline_enter(&a, OA_FOREVER), -EINVAL);
	ASSERT_OK(oa_deadline_enter(&b, OA_FOREVER));
	EXPECT_ERR(oa_deadline_enter(&a, OA_FOREVER), -EINVAL);
	EXPECT_ERR(oa_sleep(OA_FOREVER), -ETIMEDOUT);
	EXPECT_EQ(1, oa_deadline_fired(&a));
	ASSERT_OK(oa_deadline_leave(&b));
	ASSERT_OK(oa_deadline_leave(&a));
	EXPECT_ERR(oa_deadline_leave(&a), -EINVAL);
	/* The block runs all the same, within what holds already. */
	OA_WITHIN(&a, OA_MSEC) {
		OA_WITHIN(&a, OA_SEC)
			err = oa_sleep(OA_FOREVER);
		EXPECT_ERR(oa_yield(), -ETIMEDOUT);
	}
	EXPECT_ERR(err, -ETIMEDOUT);
	EXPECT_OK(oa_yield());
}

TASK_TEST_F(deadline, ends_a_read, .workers = variant->workers)
{
	oa_time_t before = oa_now();
	struct oa_deadline d;
	char c;

	OA_WITHIN(&d, 2 * OA_MSEC)
		EXPECT_ERR(oa_read(self->fds[0], &c, 1), -ETIMEDOUT);
	EXPECT_GE(oa_now(), before + 2 * OA_MSEC);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	ASSERT_EQ(1, write(self->fds[1], "x", 1));
	OA_WITHIN(&d, 1000 * OA_SEC)
		EXPECT_EQ(1, oa_read(self->fds[0], &c, 1));
	EXPECT_EQ(0, oa_deadline_fired(&d));
}

TASK_TEST_F(deadline, ends_a_join_of_which_the_handle_stays,
	    .workers = variant->workers)
{
	oa_task_t t = oa_spawn(wait_flag, &self->flag);
	struct oa_deadline d;

	OA_WITHIN(&d, OA_MSEC) {
		EXPECT_ERR(oa_join(t, NULL), -ETIMEDOUT);
		EXPECT_EQ(1, oa_deadline_fired(&d));
	}
	/* The call's own deadline is not a level's. */
	OA_WITHIN(&d, 1000 * OA_SEC)
		EXPECT_ERR(oa_join_until(t, NULL, oa_after(OA_MSEC)),
			   -ETIMEDOUT);
	EXPECT_EQ(0, oa_deadline_fired(&d));
	TELL(self->flag, 1);
	ASSERT_OK(oa_join(t, NULL));
}

TASK_TEST_F(deadline, a_polls_own_end_is_an_answer,
	    .workers = variant->workers)
{
	struct pollfd p = { .fd = self->fds[0], .events = POLLIN };
	struct oa_deadline d;

	OA_WITHIN(&d, 1000 * OA_SEC)
		EXPECT_EQ(0, oa_poll(&p, 1, 1));
	EXPECT_EQ(0, oa_deadline_fired(&d));
	OA_WITHIN(&d, OA_MSEC)
		EXPECT_ERR(oa_poll(&p, 1, 1000000), -ETIMEDOUT);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	OA_WITHIN(&d, OA_MSEC)
		EXPECT_ERR(oa_poll(NULL, 0, -1), -ETIMEDOUT);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	EXPECT_EQ(0, oa_poll(NULL, 0, 1));
}

/* However the block is left, its deadline goes with it. */

static int left(void)
{
	return oa_yield();
}

static void leave_by_return(struct oa_deadline *d)
{
	OA_WITHIN(d, -1)
		return;
}

TASK_TEST_F(deadline, left_by_break_continue_goto_return,
	    .workers = variant->workers)
{
	struct oa_deadline d, e;
	int turns = 0;

	OA_WITHIN(&d, -1)
		break;
	EXPECT_OK(left());
	for (int i = 0; i < 3; i++) {
		OA_WITHIN(&d, -1) {
			turns++;
			continue;
		}
		EXPECT_OK(left());
	}
	EXPECT_EQ(3, turns);
	leave_by_return(&d);
	EXPECT_OK(left());
	OA_WITHIN(&d, 1000 * OA_SEC) {
		OA_WITHIN(&e, -1)
			goto out;
	}
out:
	EXPECT_OK(left());
}

TASK_TEST_F(deadline, is_not_inherited, .workers = variant->workers)
{
	struct oa_deadline d;
	oa_task_t t;

	OA_WITHIN(&d, -1)
		t = oa_spawn(wait_flag, &self->flag);
	TELL(self->flag, 1);
	EXPECT_OK(oa_join(t, NULL));
}

static void *leaves_it_entered(void *arg)
{
	struct oa_deadline d;

	ASSERT_OK(oa_deadline_enter(&d, oa_after(OA_MSEC)));
	EXPECT_ERR(oa_sleep(OA_FOREVER), -ETIMEDOUT);
	oa_exit(arg);
}

TASK_TEST_F(deadline, of_a_task_that_has_exited, .workers = variant->workers)
{
	for (int i = 0; i < 20; i++)
		ASSERT_OK(oa_join(oa_spawn(leaves_it_entered, NULL), NULL));
	/* The next in its slot knows nothing of it. */
	TELL(self->flag, 1);
	for (int i = 0; i < 100; i++)
		ASSERT_OK(oa_join(oa_spawn(wait_flag, &self->flag), NULL));
}

TASK_TEST_F(deadline, cancelled_goes_before_late, .workers = variant->workers)
{
	struct oa_deadline d;

	ASSERT_OK(oa_deadline_enter(&d, 1));
	ASSERT_OK(oa_cancel(oa_self()));
	EXPECT_ERR(oa_yield(), -ECANCELED);
	EXPECT_ERR(oa_sleep(1), -ECANCELED);
	EXPECT_EQ(1, oa_cancelled());
	ASSERT_OK(oa_deadline_leave(&d));
}

TASK_TEST_F(deadline, bad_use, .workers = variant->workers)
{
	struct oa_deadline d, e;

	EXPECT_ERR(oa_deadline_enter(NULL, 0), -EINVAL);
	EXPECT_ERR(oa_deadline_leave(NULL), -EINVAL);
	EXPECT_ERR(oa_deadline_fired(NULL), -EINVAL);
	ASSERT_OK(oa_deadline_enter(&d, OA_FOREVER));
	ASSERT_OK(oa_deadline_enter(&e, OA_FOREVER));
	EXPECT_ERR(oa_deadline_leave(&d), -EINVAL);
	EXPECT_OK(oa_deadline_leave(&e));
	EXPECT_ERR(oa_deadline_leave(&e), -EINVAL);
	EXPECT_OK(oa_deadline_leave(&d));
	EXPECT_ERR(oa_deadline_leave(&d), -EINVAL);
}

TEST(outside_a_task)
{
	struct oa_deadline d;
	int turns = 0;

	EXPECT_ERR(oa_deadline_enter(&d, 1), -EPERM);
	EXPECT_ERR(oa_deadline_leave(&d), -EPERM);
	OA_WITHIN(&d, -1)
		turns++;
	EXPECT_EQ(1, turns);
	EXPECT_EQ(0, oa_deadline_fired(&d));
}

/* A connection that renews its idle deadline files one timer, not a million. */
TASK_TEST_F(deadline, renewing_files_few_timers, .workers = variant->workers)
{
	uint64_t before = STAT(NULL, timers_armed);
	struct oa_deadline d;
	char c;

	for (int i = 0; i < 1000; i++) {
		ASSERT_EQ(1, write(self->fds[1], "x", 1));
		OA_WITHIN(&d, 1000 * OA_SEC)
			ASSERT_EQ(1, oa_read(self->fds[0], &c, 1));
	}
	EXPECT_LT(STAT(NULL, timers_armed) - before, 100u);
}

/* A coroutine takes along what was entered in it. */

static void *waits_in_turns(void *arg)
{
	struct oa_deadline d;
	int *told = arg;

	OA_WITHIN(&d, 1000 * OA_SEC) {
		oa_coro_suspend(NULL);
		*told = oa_sleep(OA_USEC);
		oa_coro_suspend(NULL);
		*told = oa_sleep(OA_USEC);
	}
	return NULL;
}

static void *enters_one_that_is_past(void *arg)
{
	struct oa_deadline d;

	ASSERT_OK(oa_deadline_enter(&d, 1));
	oa_coro_suspend(NULL);
	*(int *)arg = oa_sleep(OA_USEC);
	ASSERT_OK(oa_deadline_leave(&d));
	return NULL;
}

TASK_TEST_F(deadline, of_a_coroutine, .workers = variant->workers)
{
	struct oa_deadline d;
	struct oa_coro *co;
	int told = 1;

	ASSERT_OK(oa_coro_create(&co, waits_in_turns, &told));
	oa_coro_resume(co, NULL);
	/* Another's around it, on its next turn alone. */
	ASSERT_OK(oa_deadline_enter(&d, 1));
	oa_coro_resume(co, NULL);
	EXPECT_ERR(told, -ETIMEDOUT);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	ASSERT_OK(oa_deadline_leave(&d));
	oa_coro_resume(co, NULL);
	EXPECT_OK(told);
	ASSERT_OK(oa_coro_destroy(co));

	/* Its own, which its resumer does not meet. */
	ASSERT_OK(oa_coro_create(&co, enters_one_that_is_past, &told));
	oa_coro_resume(co, NULL);
	EXPECT_OK(oa_sleep(OA_USEC));
	oa_coro_resume(co, NULL);
	EXPECT_ERR(told, -ETIMEDOUT);
	ASSERT_OK(oa_coro_destroy(co));

	/* Destroyed in the midst of it. */
	ASSERT_OK(oa_coro_create(&co, enters_one_that_is_past, &told));
	oa_coro_resume(co, NULL);
	ASSERT_OK(oa_coro_destroy(co));
	EXPECT_OK(oa_sleep(OA_USEC));
}

/* Far off, the coarse clock is asked; it must not be from some point on. */
TASK_TEST_F(deadline, that_was_far_off_passes, .workers = variant->workers)
{
	oa_time_t at = oa_after(150 * OA_MSEC);
	struct oa_deadline d;
	int err;

	ASSERT_OK(oa_deadline_enter(&d, at));
	do {
		err = oa_yield();
	} while (!err);
	EXPECT_EQ(-ETIMEDOUT, err);
	EXPECT_GE(oa_now(), at);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	ASSERT_OK(oa_deadline_leave(&d));
}

HARNESS_MAIN
