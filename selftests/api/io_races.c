// SPDX-License-Identifier: MIT
/*
 * A call is cut while it succeeds: either it tells what it got, or that is
 * still there for the next. Bytes and connections are counted.
 */
#include "io_test.h"

#define ROUNDS	40

FIXTURE(io_races) {
	int fds[2], spare, fd;
	struct sockaddr_in at;
	oa_task_t t;
};
VARIANTS_STAND_INS(io_races);

typedef struct io_races_fixture_data data;

FIXTURE_SETUP(io_races)
{
	signal(SIGPIPE, SIG_IGN);
}

FIXTURE_TEARDOWN(io_races)
{
}

/* Both at about the same time, each first in turn, from anywhere. */

static void *cancels(void *arg)
{
	int err = oa_cancel(((data *)arg)->t);

	ASSERT_TRUE(!err || err == -ESRCH);
	return NULL;
}

static void *closes(void *arg)
{
	ASSERT_OK(oa_close(((data *)arg)->fd));
	return NULL;
}

static void race(data *s, int round, oa_fn feeds, oa_fn cuts)
{
	oa_fn first = round % 2 ? feeds : cuts;
	oa_fn second = round % 2 ? cuts : feeds;
	oa_task_t a, b;

	if (round % 4 < 2)
		until_parked(s->t);
	a = oa_spawn(first, s);
	if (round % 8 < 3)
		oa_yield();
	b = oa_spawn(second, s);
	ASSERT_OK(join_long(a));
	ASSERT_OK(join_long(b));
}

/* Reading one byte. */

static void *feeds_byte(void *arg)
{
	ASSERT_EQ(1, oa_write(((data *)arg)->fds[1], "x", 1));
	return NULL;
}

static void *reads(void *arg)
{
	char c;

	return as_result(oa_read(((data *)arg)->fds[0], &c, 1));
}

static void *readvs(void *arg)
{
	char c;
	struct iovec v = { &c, 1 };

	return as_result(oa_readv(((data *)arg)->fds[0], &v, 1));
}

static void *recvs(void *arg)
{
	char c;

	return as_result(oa_recv(((data *)arg)->fds[0], &c, 1, 0));
}

static void *recvs_all(void *arg)
{
	size_t done;
	char c[2];
	int err = oa_recv_all(((data *)arg)->fds[0], c, 2, &done);

	return as_result(done ? (long)done : err);
}

static void *recvs_wholly(void *arg)
{
	char c[2];

	return as_result(oa_recv(((data *)arg)->fds[0], c, 2, MSG_WAITALL));
}

static void *recvmsgs(void *arg)
{
	char c;
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	return as_result(oa_recvmsg(((data *)arg)->fds[0], &m, 0));
}

static void *reads_for_a_while(void *arg)
{
	struct oa_deadline d;
	ssize_t n = 0;
	char c;

	OA_WITHIN(&d, 100 * OA_USEC)
		n = oa_read(((data *)arg)->fds[0], &c, 1);
	return as_result(n);
}

static void *polls_then_reads(void *arg)
{
	struct pollfd p = { .fd = ((data *)arg)->fds[0], .events = POLLIN };
	int n = oa_poll(&p, 1, -1);

	return n < 0 ? as_result(n) : reads(arg);
}

static void count_bytes(data *s, oa_fn body, oa_fn cuts, long err)
{
	for (int i = 0; i < ROUNDS; i++) {
		long ret;

		s->t = oa_spawn(body, s);
		race(s, i, feeds_byte, cuts);
		ret = join_long(s->t);
		ASSERT_TRUE(ret == 1 || ret == err);
		/* If it was not delivered it is there, or still on its way. */
		if (ret != 1)
			task_wait_until(drain(s->fds[0]) == 1);
		ASSERT_EQ(0u, drain(s->fds[0]));
	}
	close_both(s->fds);
}

TASK_TEST_F(io_races, a_byte_of_a_pipe, .workers = variant->workers)
{
	make_pipe(self->fds);
	count_bytes(self, reads, cancels, -ECANCELED);
	make_pipe(self->fds);
	count_bytes(self, readvs, cancels, -ECANCELED);
}

TASK_TEST_F(io_races, a_byte_of_a_stream, .workers = variant->workers)
{
	static const oa_fn fns[] = { reads, recvs, recvmsgs };

	for (unsigned int i = 0; i < ARRAY_N(fns); i++) {
		make_unix_pair(self->fds, SOCK_STREAM);
		count_bytes(self, fns[i], cancels, -ECANCELED);
		make_tcp_pair(self->fds);
		count_bytes(self, fns[i], cancels, -ECANCELED);
	}
}

TASK_TEST_F(io_races, a_byte_of_more_that_are_wanted,
	    .workers = variant->workers)
{
	make_tcp_pair(self->fds);
	count_bytes(self, recvs_all, cancels, -ECANCELED);
	make_tcp_pair(self->fds);
	count_bytes(self, recvs_wholly, cancels, -ECANCELED);
}

TASK_TEST_F(io_races, a_poll_takes_nothing, .workers = variant->workers)
{
	make_unix_pair(self->fds, SOCK_STREAM);
	count_bytes(self, polls_then_reads, cancels, -ECANCELED);
}

static void *waits_a_little(void *arg)
{
	(void)arg;
	return as_result(oa_sleep(80 * OA_USEC));
}

TASK_TEST_F(io_races, a_byte_and_a_deadline, .workers = variant->workers)
{
	make_pipe(self->fds);
	for (int i = 0; i < ROUNDS; i++) {
		oa_task_t late = oa_spawn(waits_a_little, NULL);
		long ret;

		self->t = oa_spawn(reads_for_a_while, self);
		ASSERT_OK(join_long(late));
		feeds_byte(self);
		ret = join_long(self->t);
		ASSERT_TRUE(ret == 1 || ret == -ETIMEDOUT);
		ASSERT_EQ(ret == 1 ? 0u : 1u, drain(self->fds[0]));
	}
	close_both(self->fds);
}

/* The pipe lives on in a second descriptor, where the byte is looked for. */
TASK_TEST_F(io_races, a_byte_and_a_close, UNWATCHED(variant->workers))
{
	for (int i = 0; i < ROUNDS; i++) {
		long ret;

		make_pipe(self->fds);
		self->spare = dup(self->fds[0]);
		self->fd = self->fds[0];
		self->t = oa_spawn(reads, self);
		race(self, i, feeds_byte, closes);
		ret = join_long(self->t);
		ASSERT_TRUE(ret == 1 || ret == -EBADF);
		ASSERT_EQ(ret == 1 ? 0u : 1u, drain(self->spare));
		close_both((int[]){ self->spare, self->fds[1] });
	}
}

/* Writing: what is told to have gone has gone. */

static void *writes(void *arg)
{
	return as_result(oa_write(((data *)arg)->fds[1], "x", 1));
}

static void *makes_room(void *arg)
{
	data *s = arg;

	TELL(s->spare, (int)drain(s->fds[0]));
	return NULL;
}

TASK_TEST_F(io_races, a_byte_and_room_for_it, .workers = variant->workers)
{
	make_small_pipe(self->fds);
	for (int i = 0; i < ROUNDS; i++) {
		size_t n = fill_up(self->fds[1]), out;
		long ret;

		self->t = oa_spawn(writes, self);
		race(self, i, makes_room, cancels);
		ret = join_long(self->t);
		ASSERT_TRUE(ret == 1 || ret == -ECANCELED);
		out = (size_t)SEEN(self->spare) + drain(self->fds[0]);
		ASSERT_EQ(n + (ret == 1), out);
	}
	close_both(self->fds);
}

/* Connections. */

static void *accepts(void *arg)
{
	return as_result(oa_accept4(((data *)arg)->fd, NULL, NULL,
				    SOCK_CLOEXEC));
}

static void *connects(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_connect(s->spare, sa(&s->at), sizeof(s->at)));
	return NULL;
}

TASK_TEST_F(io_races, a_connection, .workers = variant->workers)
{
	self->fd = make_listener(&self->at, 4);
	for (int i = 0; i < ROUNDS; i++) {
		long got;

		self->spare = oa_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ASSERT_GE(self->spare, 0);
		self->t = oa_spawn(accepts, self);
		race(self, i, connects, cancels);
		got = join_long(self->t);
		if (got < 0) {
			ASSERT_ERR(got, -ECANCELED);
			got = (long)(intptr_t)accepts(self);
		}
		ASSERT_GE(got, 0);
		close_both((int[]){ self->spare, (int)got });
	}
	ASSERT_OK(oa_close(self->fd));
}

/* Splices. */

static void *splices(void *arg)
{
	data *s = arg;

	return as_result(oa_splice(s->fds[0], NULL, s->spare, NULL, 10, 0));
}

TASK_TEST_F(io_races, a_spliced_byte, .workers = variant->workers)
{
	int sock[2];

	make_pipe(self->fds);
	make_unix_pair(sock, SOCK_STREAM);
	self->spare = sock[0];
	for (int i = 0; i < ROUNDS; i++) {
		long ret;

		self->t = oa_spawn(splices, self);
		race(self, i, feeds_byte, cancels);
		ret = join_long(self->t);
		ASSERT_TRUE(ret == 1 || ret == -ECANCELED);
		ASSERT_EQ(ret == 1 ? 0u : 1u, drain(self->fds[0]));
		ASSERT_EQ(ret == 1 ? 1u : 0u, drain(sock[1]));
	}
	close_both(self->fds);
	close_both(sock);
}

HARNESS_MAIN
