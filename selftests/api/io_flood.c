// SPDX-License-Identifier: MIT
/*
 * Thousands of waits of one worker that are to end at the same moment: many
 * times what its submission queue takes.
 */
#include "io_test.h"

#define N_MAX	3000

FIXTURE(io_flood) { int fds[2]; unsigned int begun, ended; oa_time_t due; };
FIXTURE_VARIANT(io_flood) { unsigned int workers; };
FIXTURE_VARIANT_ADD(io_flood, w1) { .workers = 1 };
FIXTURE_VARIANT_ADD(io_flood, w2_ring, "OA_PARK=ring") { .workers = 2 };
FIXTURE_VARIANT_ADD(io_flood, w4) { .workers = 4 };

typedef struct io_flood_fixture_data data;

static oa_task_t tasks[N_MAX];

FIXTURE_SETUP(io_flood)
{
	make_pipe(self->fds);
}

FIXTURE_TEARDOWN(io_flood)
{
	for (int i = 0; i < 2; i++)
		if (self->fds[i] >= 0)
			ASSERT_EQ(0, close(self->fds[i]));
}

static void *reads(void *arg)
{
	data *s = arg;
	ssize_t n;
	char c;

	COUNT(s->begun);
	n = oa_read(s->fds[0], &c, 1);
	COUNT(s->ended);
	return as_result(n);
}

static void *reads_until_due(void *arg)
{
	data *s = arg;
	struct oa_deadline d;
	void *ret;

	ASSERT_OK(oa_deadline_enter(&d, s->due));
	ret = reads(s);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	ASSERT_OK(oa_deadline_leave(&d));
	return ret;
}

static int start(data *s, oa_fn fn)
{
	int n = (int)SCALED(N_MAX, 400);

	for (int i = 0; i < n; i++)
		tasks[i] = oa_spawn(fn, s, .worker = OA_WORKER(0));
	return n;
}

static void until_all_parked(data *s, int n)
{
	while (SEEN(s->begun) < (unsigned int)n)
		ASSERT_OK(oa_yield());
	task_wait_until(count_in_state(NULL, OA_TASK_PARKED) ==
			(unsigned int)n);
}

static void expect_all(int n, long want)
{
	for (int i = 0; i < n; i++)
		ASSERT_EQ(want, join_long(tasks[i]));
}

static void *cancels(void *arg)
{
	int n = *(int *)arg;

	for (int i = 0; i < n; i++)
		ASSERT_OK(oa_cancel(tasks[i]));
	return NULL;
}

TASK_TEST_F(io_flood, of_cancels, .workers = variant->workers)
{
	int n = start(self, reads);
	oa_task_t t;

	until_all_parked(self, n);
	EXPECT_EQ(0u, SEEN(self->ended));
	/* On the worker itself, which enters its ring after the last. */
	t = oa_spawn(cancels, &n, .worker = OA_WORKER(0));
	EXPECT_OK(join_long(t));
	expect_all(n, -ECANCELED);
	EXPECT_GT(STAT(NULL, sq_full), 0u);
}

TASK_TEST_F(io_flood, of_cancels_from_elsewhere, .workers = variant->workers)
{
	int n = start(self, reads);

	cancels(&n);
	expect_all(n, -ECANCELED);
}

TASK_TEST_F(io_flood, of_deadlines, .workers = variant->workers)
{
	int n;

	self->due = oa_after(20 * OA_MSEC);
	n = start(self, reads_until_due);
	expect_all(n, -ETIMEDOUT);
	EXPECT_GE(oa_now(), self->due);
}

TASK_TEST_F(io_flood, of_calls_that_a_close_ends,
	    .workers = variant->workers)
{
	int n = start(self, reads);

	until_all_parked(self, n);
	ASSERT_OK(oa_close(self->fds[0]));
	self->fds[0] = -1;
	expect_all(n, -EBADF);
	EXPECT_GT(STAT(NULL, sq_full), 0u);
}

/* All are ready at once: more completions than their queue takes. */
TASK_TEST_F(io_flood, of_ends, .workers = variant->workers)
{
	int n = start(self, reads);

	until_all_parked(self, n);
	ASSERT_OK(oa_close(self->fds[1]));
	self->fds[1] = -1;
	expect_all(n, 0);
}

/* A byte for each, and half of them cancelled: none is lost. */
TASK_TEST_F(io_flood, of_cancels_among_completions,
	    .workers = variant->workers)
{
	int n = start(self, reads), got = 0;

	until_all_parked(self, n);
	for (int i = 0; i < n; i++) {
		if (i % 2)
			oa_cancel(tasks[i]);
		else
			ASSERT_EQ(1, oa_write(self->fds[1], "x", 1));
	}
	for (int i = 1; i < n; i += 2) {
		long ret = join_long(tasks[i]);

		ASSERT_TRUE(ret == 1 || ret == -ECANCELED);
		got += ret == 1;
	}
	/* What those have taken the others still wait for. */
	for (int i = 0; i < got; i++)
		ASSERT_EQ(1, oa_write(self->fds[1], "x", 1));
	for (int i = 0; i < n; i += 2)
		ASSERT_EQ(1, join_long(tasks[i]));
	EXPECT_EQ(0u, bytes_in(self->fds[0]));
}

static void *polls_many(void *arg)
{
	static struct pollfd p[2000];
	data *s = arg;

	for (int i = 0; i < 2000; i++)
		p[i] = (struct pollfd){ .fd = s->fds[0], .events = POLLIN };
	return as_result(oa_poll(p, 2000, -1));
}

TASK_TEST_F(io_flood, of_one_poll, .workers = variant->workers)
{
	oa_task_t t = oa_spawn(polls_many, self);

	until_parked(t);
	ASSERT_OK(oa_cancel(t));
	EXPECT_ERR(join_long(t), -ECANCELED);
	t = oa_spawn(polls_many, self);
	until_parked(t);
	ASSERT_EQ(1, oa_write(self->fds[1], "x", 1));
	EXPECT_GE(join_long(t), 1);
}

HARNESS_MAIN
