// SPDX-License-Identifier: MIT
/* Peers that reset their connection: those who wait are told. */
#include "io_test.h"

FIXTURE(io_reset) { int fds[2]; };
VARIANTS_STAND_INS(io_reset);

FIXTURE_SETUP(io_reset)
{
	signal(SIGPIPE, SIG_IGN);
	make_tcp_pair(self->fds);
}

FIXTURE_TEARDOWN(io_reset)
{
	ASSERT_EQ(0, close(self->fds[0]));
}

static void reset(int fd)
{
	struct linger l = { .l_onoff = 1 };

	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	ASSERT_OK(oa_close(fd));
}

static void *recvs(void *arg)
{
	char c;

	return as_result(oa_recv(*(int *)arg, &c, 1, 0));
}

static void *reads(void *arg)
{
	char c;

	return as_result(oa_read(*(int *)arg, &c, 1));
}

static void *recvmsgs(void *arg)
{
	char c;
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	return as_result(oa_recvmsg(*(int *)arg, &m, 0));
}

static void *recvs_all(void *arg)
{
	size_t done = 1;
	char buf[10];
	int err = oa_recv_all(*(int *)arg, buf, 10, &done);

	EXPECT_EQ(0u, done);
	return as_result(err);
}

static void *polls(void *arg)
{
	struct pollfd p = { .fd = *(int *)arg, .events = POLLIN };

	EXPECT_EQ(1, oa_poll(&p, 1, -1));
	EXPECT_TRUE(p.revents & POLLERR);
	EXPECT_TRUE(p.revents & POLLHUP);
	return recvs(arg);
}

TASK_TEST_F(io_reset, a_reader_that_waits, .workers = variant->workers)
{
	static const oa_fn fns[] = { recvs, reads, recvmsgs, recvs_all, polls };

	for (unsigned int i = 0; i < ARRAY_N(fns); i++) {
		oa_task_t t = oa_spawn(fns[i], &self->fds[0]);
		char c;

		until_parked(t);
		reset(self->fds[1]);
		EXPECT_ERR(join_long(t), -ECONNRESET);
		/* Told once; after that there is nobody there. */
		EXPECT_EQ(0, oa_recv(self->fds[0], &c, 1, 0));
		EXPECT_ERR(oa_send(self->fds[0], "x", 1, 0), -EPIPE);
		if (i + 1 < ARRAY_N(fns)) {
			ASSERT_OK(oa_close(self->fds[0]));
			make_tcp_pair(self->fds);
		}
	}
}

/* Until no more goes: the task waits for room that never comes. */
static void *sends(void *arg)
{
	static char buf[65536];
	ssize_t n;

	while ((n = oa_send(*(int *)arg, buf, sizeof(buf), 0)) > 0)
		;
	return as_result(n);
}

static void *writes(void *arg)
{
	static char buf[65536];
	ssize_t n;

	while ((n = oa_write(*(int *)arg, buf, sizeof(buf))) > 0)
		;
	return as_result(n);
}

static void *sends_all(void *arg)
{
	static char buf[1 << 20];
	size_t done;
	int err;

	do
		err = oa_send_all(*(int *)arg, buf, sizeof(buf), &done);
	while (!err);
	EXPECT_LT(done, sizeof(buf));
	return as_result(err);
}

TASK_TEST_F(io_reset, a_writer_that_waits, .workers = variant->workers)
{
	static const oa_fn fns[] = { sends, writes, sends_all };

	for (unsigned int i = 0; i < ARRAY_N(fns); i++) {
		oa_task_t t;
		long ret;

		make_tight(self->fds);
		t = oa_spawn(fns[i], &self->fds[0]);
		until_parked(t);
		reset(self->fds[1]);
		ret = join_long(t);
		/*
		 * A send that had moved a part tells that first, and the next
		 * one meets an end that has been told.
		 */
		EXPECT_TRUE(ret == -ECONNRESET || ret == -EPIPE);
		if (i + 1 < ARRAY_N(fns)) {
			ASSERT_OK(oa_close(self->fds[0]));
			make_tcp_pair(self->fds);
		}
	}
}

/* Of a byte that waits nothing has gone: the error is all there is to tell. */
static void *sends_bytes(void *arg)
{
	ssize_t n;

	while ((n = oa_send(*(int *)arg, "x", 1, 0)) == 1)
		;
	return as_result(n);
}

TASK_TEST_F(io_reset, a_writer_of_which_nothing_went,
	    .workers = variant->workers)
{
	oa_task_t t;

	make_tight(self->fds);
	fill_up(self->fds[0]);
	t = oa_spawn(sends_bytes, &self->fds[0]);
	until_parked(t);
	reset(self->fds[1]);
	EXPECT_ERR(join_long(t), -ECONNRESET);
}

TASK_TEST_F(io_reset, before_the_call, .workers = variant->workers)
{
	char c;

	reset(self->fds[1]);
	EXPECT_ERR(oa_recv(self->fds[0], &c, 1, 0), -ECONNRESET);
	EXPECT_EQ(0, oa_recv(self->fds[0], &c, 1, 0));
	EXPECT_ERR(oa_write(self->fds[0], &c, 1), -EPIPE);
}

HARNESS_MAIN
