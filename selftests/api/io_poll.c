// SPDX-License-Identifier: MIT
/* oa_poll(): what is ready, what becomes so, ends of time, many waiters. */
#include "io_test.h"

FIXTURE(io_poll) { int fds[2], more[2]; unsigned int n; };
VARIANTS_STAND_INS(io_poll);

typedef struct io_poll_fixture_data data;

FIXTURE_SETUP(io_poll)
{
	signal(SIGPIPE, SIG_IGN);
	make_unix_pair(self->fds, SOCK_STREAM);
	make_pipe(self->more);
}

FIXTURE_TEARDOWN(io_poll)
{
	close_both(self->fds);
	for (int i = 0; i < 2; i++)
		if (self->more[i] >= 0)
			ASSERT_EQ(0, close(self->more[i]));
}

static int poll_one(int fd, short events, int timeout, short *revents)
{
	struct pollfd p = { .fd = fd, .events = events, .revents = 77 };
	int ret = oa_poll(&p, 1, timeout);

	*revents = p.revents;
	return ret;
}

/* A look must see what is there, however short it is. */
TASK_TEST_F(io_poll, ready_at_once, .workers = variant->workers)
{
	static const int times[] = { 0, 1, -1, 1000000000 };
	short r;

	ASSERT_EQ(1, oa_write(self->fds[1], "x", 1));
	for (int i = 0; i < 400; i++) {
		ASSERT_EQ(1, poll_one(self->fds[0], POLLIN, times[i % 4], &r));
		ASSERT_EQ(POLLIN, r);
		ASSERT_EQ(1, poll_one(self->fds[0], POLLIN | POLLOUT,
				      times[i % 4], &r));
		ASSERT_EQ(POLLIN | POLLOUT, r);
	}
}

TASK_TEST_F(io_poll, a_look_at_what_is_not_ready, .workers = variant->workers)
{
	short r;

	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(0, poll_one(self->fds[0], POLLIN, 0, &r));
		ASSERT_EQ(0, r);
	}
}

TASK_TEST_F(io_poll, its_time_runs_out_and_not_before,
	    .workers = variant->workers)
{
	oa_time_t due = oa_after(3 * OA_MSEC);
	short r;

	EXPECT_EQ(0, poll_one(self->fds[0], POLLIN, 3, &r));
	EXPECT_GE(oa_now(), due);
	EXPECT_EQ(0, r);
	due = oa_after(2 * OA_MSEC);
	EXPECT_EQ(0, poll_one(-1, POLLIN, 2, &r));
	EXPECT_GE(oa_now(), due);
	due = oa_after(2 * OA_MSEC);
	EXPECT_EQ(0, oa_poll(NULL, 0, 2));
	EXPECT_GE(oa_now(), due);
}

TASK_TEST_F(io_poll, a_deadline_around_it_is_an_error,
	    .workers = variant->workers)
{
	struct oa_deadline d;
	short r;

	OA_WITHIN(&d, OA_MSEC)
		EXPECT_ERR(poll_one(self->fds[0], POLLIN, -1, &r), -ETIMEDOUT);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	OA_WITHIN(&d, OA_MSEC)
		EXPECT_ERR(poll_one(-1, POLLIN, -1, &r), -ETIMEDOUT);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	OA_WITHIN(&d, 1000 * OA_SEC)
		EXPECT_EQ(0, poll_one(self->fds[0], POLLIN, 1, &r));
	EXPECT_EQ(0, oa_deadline_fired(&d));
}

static void *polls(void *arg)
{
	data *s = arg;
	int fds[3] = { -1, s->fds[0], s->more[0] }, n;
	struct pollfd p[12];

	for (int i = 0; i < 12; i++)
		p[i] = (struct pollfd){ .fd = fds[i % 3], .events = POLLIN };
	n = oa_poll(p, 12, -1);
	for (int i = 0; i < 12; i++)
		if (p[i].fd != s->more[0])
			EXPECT_EQ(0, p[i].revents);
	COUNT(s->n);
	return as_result(n);
}

TASK_TEST_F(io_poll, one_of_many_wakes_all_that_wait,
	    .workers = variant->workers)
{
	oa_task_t t[20];

	for (int i = 0; i < 20; i++)
		t[i] = oa_spawn(polls, self);
	for (int i = 0; i < 20; i++)
		until_parked(t[i]);
	EXPECT_EQ(0u, SEEN(self->n));
	ASSERT_EQ(1, oa_write(self->more[1], "x", 1));
	for (int i = 0; i < 20; i++)
		EXPECT_GE(join_long(t[i]), 1);
	/* A poll takes nothing. */
	EXPECT_EQ(1u, bytes_in(self->more[0]));
}

static void *polls_one(void *arg)
{
	short r;

	EXPECT_EQ(1, poll_one(*(int *)arg, 0, -1, &r));
	return as_result(r);
}

TASK_TEST_F(io_poll, hangup_and_error_are_told_unasked,
	    .workers = variant->workers)
{
	oa_task_t r = oa_spawn(polls_one, &self->more[0]);
	oa_task_t w = oa_spawn(polls_one, &self->more[1]);
	short got;
	int fd;

	until_parked(r);
	until_parked(w);
	fd = self->more[1];
	/* Kept open by the writer's own wait: that is ended with it. */
	ASSERT_OK(oa_close(fd));
	self->more[1] = -1;
	EXPECT_EQ(POLLHUP, join_long(r));
	EXPECT_EQ(POLLNVAL, join_long(w));
	EXPECT_EQ(1, poll_one(self->more[0], POLLIN, -1, &got));
	EXPECT_EQ(POLLHUP, got);
}

TASK_TEST_F(io_poll, a_pipe_that_nobody_reads, .workers = variant->workers)
{
	oa_task_t w = oa_spawn(polls_one, &self->more[1]);
	short got;

	until_parked(w);
	ASSERT_OK(oa_close(self->more[0]));
	self->more[0] = -1;
	EXPECT_EQ(POLLERR, join_long(w));
	EXPECT_EQ(1, poll_one(self->more[1], POLLOUT, 0, &got));
	EXPECT_EQ(POLLERR | POLLOUT, got);
}

static void *polls_for_more(void *arg)
{
	struct pollfd p[2] = {
		{ .fd = *(int *)arg, .events = POLLPRI },
		{ .fd = *(int *)arg, .events = 0 },
	};

	EXPECT_EQ(2, oa_poll(p, 2, -1));
	EXPECT_EQ(POLLHUP, p[0].revents);
	EXPECT_EQ(POLLHUP, p[1].revents);
	return NULL;
}

/* The peer's half is over, which is told to those who ask for it alone. */
TASK_TEST_F(io_poll, half_a_hangup_is_told_to_who_asks,
	    .workers = variant->workers)
{
	oa_task_t t;
	short r;

	ASSERT_OK(oa_sock_shutdown(self->fds[1], SHUT_WR));
	EXPECT_EQ(1, poll_one(self->fds[0], POLLRDHUP, -1, &r));
	EXPECT_EQ(POLLRDHUP, r);
	EXPECT_EQ(1, poll_one(self->fds[0], POLLIN | POLLRDHUP, -1, &r));
	EXPECT_EQ(POLLIN | POLLRDHUP, r);
	EXPECT_EQ(0, poll_one(self->fds[0], POLLPRI, 1, &r));
	EXPECT_EQ(0, r);
	t = oa_spawn(polls_for_more, &self->fds[0]);
	until_parked(t);
	ASSERT_OK(oa_sock_shutdown(self->fds[0], SHUT_WR));
	EXPECT_OK(join_long(t));
}

TASK_TEST_F(io_poll, a_few_ready_among_others, .workers = variant->workers)
{
	struct pollfd p[5] = {
		{ .fd = self->fds[0], .events = POLLIN },
		{ .fd = -1, .events = POLLIN, .revents = 7 },
		{ .fd = 5000, .events = POLLIN },
		{ .fd = self->more[1], .events = POLLOUT },
		{ .fd = self->more[0], .events = POLLIN },
	};

	EXPECT_EQ(2, oa_poll(p, 5, -1));
	EXPECT_EQ(0, p[0].revents);
	EXPECT_EQ(0, p[1].revents);
	EXPECT_EQ(POLLNVAL, p[2].revents);
	EXPECT_EQ(POLLOUT, p[3].revents);
	EXPECT_EQ(0, p[4].revents);
	p[2].fd = ~p[2].fd;
	EXPECT_EQ(1, oa_poll(p, 5, 0));
	EXPECT_EQ(0, p[2].revents);
}

TASK_TEST_F(io_poll, a_file_is_always_ready, .workers = variant->workers)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	short r;

	ASSERT_GE(fd, 0);
	EXPECT_EQ(1, poll_one(fd, POLLIN | POLLOUT, -1, &r));
	EXPECT_EQ(POLLIN | POLLOUT, r);
	ASSERT_OK(oa_close(fd));
}

/* A file that never has what it is asked for, beside half a hangup unasked. */
TASK_TEST_F(io_poll, a_file_beside_what_nobody_asked_for,
	    .workers = variant->workers)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct pollfd p[2] = {
		{ .fd = fd, .events = POLLPRI },
		{ .fd = self->fds[0], .events = POLLPRI },
	};

	ASSERT_GE(fd, 0);
	ASSERT_OK(oa_sock_shutdown(self->fds[1], SHUT_WR));
	EXPECT_EQ(0, oa_poll(p, 2, 5));
	EXPECT_EQ(0, p[0].revents);
	EXPECT_EQ(0, p[1].revents);
	ASSERT_OK(oa_close(fd));
}

/* The answer is there before the rest is waited for: nothing has run out. */
TASK_TEST_F(io_poll, a_deadline_is_not_over_by_an_answer,
	    .workers = variant->workers)
{
	struct pollfd p[2] = {
		{ .fd = 5000, .events = POLLIN },
		{ .fd = self->fds[0], .events = POLLIN },
	};
	struct oa_deadline d;

	ASSERT_OK(oa_deadline_enter(&d, oa_after(3600 * OA_SEC)));
	EXPECT_EQ(1, oa_poll(p, 2, -1));
	EXPECT_EQ(POLLNVAL, p[0].revents);
	EXPECT_EQ(0, oa_deadline_fired(&d));
	ASSERT_OK(oa_deadline_leave(&d));
}

TASK_TEST_F(io_poll, odd_arguments, .workers = variant->workers)
{
	struct pollfd p = { .fd = self->fds[0], .events = POLLIN };

	EXPECT_ERR(oa_poll(NULL, 1, 0), -EFAULT);
	EXPECT_ERR(oa_poll(&p, 65537, 0), -EINVAL);
	EXPECT_EQ(0, oa_poll(NULL, 0, 0));
	EXPECT_EQ(0, oa_poll(&p, 1, 1));
}

static void *writes_later(void *arg)
{
	return as_result(oa_write(((data *)arg)->fds[1], "x", 1));
}

/* The wait ends by its time and by a byte at about the same moment. */
TASK_TEST_F(io_poll, its_time_races_readiness, .workers = variant->workers)
{
	char c;
	short r;

	for (int i = 0; i < 50; i++) {
		ASSERT_OK(oa_go(writes_later, self,
				.delay = OA_MSEC - i * OA_USEC));
		int n = poll_one(self->fds[0], POLLIN, 1, &r);

		ASSERT_TRUE(n == 0 || n == 1);
		ASSERT_EQ(n ? POLLIN : 0, r);
		ASSERT_EQ(1, oa_read(self->fds[0], &c, 1));
	}
}

HARNESS_MAIN
