// SPDX-License-Identifier: MIT
/* oa_close() ends the calls of others that wait; what is closed is closed. */
#include "io_test.h"

#include <netinet/in.h>
#include <sys/stat.h>

FIXTURE(io_close) { struct io_fds f; const struct io_call *c; };
VARIANTS_STAND_INS(io_close);

typedef struct io_close_fixture_data data;

FIXTURE_SETUP(io_close)
{
	signal(SIGPIPE, SIG_IGN);
}

FIXTURE_TEARDOWN(io_close)
{
}

static void *calls(void *arg)
{
	data *s = arg;

	return as_result(s->c->call(&s->f));
}

static void forget(struct io_fds *f, int fd)
{
	for (int i = 0; i < 4; i++)
		if (f->fds[i] == fd)
			f->fds[i] = -1;
}

static long result_of_close(const struct io_call *c)
{
	/* POLLNVAL is something to tell. */
	return c->flags & IO_POLLS ? 1 : -EBADF;
}

static void close_under(data *s, bool second)
{
	int fd;
	oa_task_t t;

	io_make(s->c, &s->f);
	fd = second ? s->f.second : s->f.fd;
	if (fd < 0) {
		io_unmake(&s->f);
		return;
	}
	t = oa_spawn(calls, s);
	until_parked(t);
	ASSERT_OK(oa_close(fd));
	EXPECT_CALL(s->c, result_of_close(s->c), join_long(t));
	forget(&s->f, fd);
	/* And so are those that come later. */
	EXPECT_CALL(s->c, result_of_close(s->c),
		    join_long(oa_spawn(calls, s)));
	io_unmake(&s->f);
}

TASK_TEST_F(io_close, ends_a_call_that_waits, UNWATCHED(variant->workers))
{
	for (self->c = io_calls; self->c->name; self->c++)
		if (!(self->c->flags & IO_NO_CLOSE)) {
			close_under(self, false);
			close_under(self, true);
		}
}

/* Of many tasks on many workers. */

static void *reads(void *arg)
{
	char c;

	return as_result(oa_read(*(int *)arg, &c, 1));
}

static void *polls(void *arg)
{
	struct pollfd p[2] = {
		{ .fd = *(int *)arg, .events = POLLIN },
		{ .fd = *(int *)arg, .events = POLLIN | POLLPRI },
	};
	int n = oa_poll(p, 2, -1);

	EXPECT_EQ(POLLNVAL, p[0].revents);
	EXPECT_EQ(POLLNVAL, p[1].revents);
	return as_result(n == 2 ? -EBADF : n);
}

TASK_TEST_F(io_close, ends_the_calls_of_all, UNWATCHED(variant->workers))
{
	enum { N = 40 };
	oa_task_t t[N];
	int fds[2];

	make_pipe(fds);
	for (int i = 0; i < N; i++)
		t[i] = oa_spawn(i % 4 ? reads : polls, &fds[0], .worker =
				OA_WORKER(i % (int)variant->workers));
	for (int i = 0; i < N; i++)
		until_parked(t[i]);
	ASSERT_OK(oa_close(fds[0]));
	for (int i = 0; i < N; i++)
		EXPECT_ERR(join_long(t[i]), -EBADF);
	ASSERT_OK(oa_close(fds[1]));
}

static void *closes(void *arg)
{
	return as_result(oa_close(*(int *)arg));
}

TASK_TEST_F(io_close, one_of_several_succeeds, UNWATCHED(variant->workers))
{
	enum { N = 8 };

	for (int round = 0; round < 50; round++) {
		oa_task_t t[N], r[3];
		unsigned int good = 0;
		int fds[2];

		make_pipe(fds);
		for (int i = 0; i < 3; i++)
			r[i] = oa_spawn(reads, &fds[0]);
		if (round % 2)
			for (int i = 0; i < 3; i++)
				until_parked(r[i]);
		for (int i = 0; i < N; i++)
			t[i] = oa_spawn(closes, &fds[0]);
		for (int i = 0; i < N; i++) {
			long ret = join_long(t[i]);

			ASSERT_TRUE(!ret || ret == -EBADF);
			good += !ret;
		}
		EXPECT_EQ(1u, good);
		for (int i = 0; i < 3; i++)
			EXPECT_ERR(join_long(r[i]), -EBADF);
		ASSERT_OK(oa_close(fds[1]));
	}
}

/* The number goes on to another file: nobody reads what is not his. */
TASK_TEST_F(io_close, and_the_number_used_again, UNWATCHED(variant->workers))
{
	int keep[2], fds[2];
	char c;

	make_pipe(keep);
	ASSERT_EQ(1, write(keep[1], "k", 1));
	for (int round = 0; round < 100; round++) {
		oa_task_t t[3];
		int fd;

		make_pipe(fds);
		fd = fds[0];
		for (int i = 0; i < 3; i++)
			t[i] = oa_spawn(reads, &fd);
		for (int i = 0; i < 3; i++)
			until_parked(t[i]);
		ASSERT_OK(oa_close(fds[0]));
		ASSERT_EQ(fd, dup(keep[0]));
		for (int i = 0; i < 3; i++)
			EXPECT_ERR(join_long(t[i]), -EBADF);
		ASSERT_OK(oa_close(fd));
		ASSERT_OK(oa_close(fds[1]));
	}
	EXPECT_EQ(1, oa_read(keep[0], &c, 1));
	close_both(keep);
}

/* Not a cancellation point. */

static void *closes_cancelled(void *arg)
{
	int *fds = arg;

	ASSERT_OK(oa_cancel(oa_self()));
	return as_result(oa_close(fds[0]));
}

/* A call of several steps, which has done the first when the close comes. */

struct halves {
	int fd;
	size_t done;
	bool sends;
	char buf[1 << 20];
};

static void *does_it_all(void *arg)
{
	struct halves *h = arg;

	return oa_err(h->sends ? oa_send_all(h->fd, h->buf, sizeof(h->buf),
					     &h->done)
			       : oa_recv_all(h->fd, h->buf, 10, &h->done));
}

TASK_TEST_F(io_close, ends_what_has_steps_to_go, UNWATCHED(variant->workers))
{
	static struct halves h;
	int sv[2], other[2], number;
	long rounds = SCALED(30, 10);
	void *result;
	char b[8];

	for (long i = 0; i < rounds; i++) {
		oa_task_t t;

		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, other));
		h.fd = number = sv[0];
		h.sends = i % 2;
		t = oa_spawn(does_it_all, &h);
		until_parked(t);
		/* What it finds there is another's. */
		ASSERT_EQ(5, write(other[1], "other", 5));
		if (!h.sends)
			ASSERT_EQ(5, write(sv[1], "first", 5));
		ASSERT_OK(oa_close(number));
		ASSERT_EQ(number, dup2(other[0], number));
		ASSERT_OK(oa_join(t, &result));
		EXPECT_ERR(oa_err_code(result), -EBADF);
		EXPECT_EQ(5, recv(other[0], b, sizeof(b), MSG_DONTWAIT));
		EXPECT_EQ(-1, recv(other[1], b, sizeof(b), MSG_DONTWAIT));
		ASSERT_OK(oa_close(number));
		for (int k = 0; k < 2; k++)
			ASSERT_OK(oa_close(other[k]));
		ASSERT_OK(oa_close(sv[1]));
	}
}

TASK_TEST_F(io_close, by_a_task_that_was_cancelled_or_is_late,
	    UNWATCHED(variant->workers))
{
	struct oa_deadline d;
	oa_task_t t, r[2];
	int fds[2];

	make_pipe(fds);
	r[0] = oa_spawn(reads, &fds[0]);
	r[1] = oa_spawn(polls, &fds[0]);
	until_parked(r[0]);
	until_parked(r[1]);
	t = oa_spawn(closes_cancelled, fds);
	EXPECT_OK(join_long(t));
	EXPECT_ERR(join_long(r[0]), -EBADF);
	EXPECT_ERR(join_long(r[1]), -EBADF);
	ASSERT_OK(oa_deadline_enter(&d, oa_now()));
	EXPECT_OK(oa_close(fds[1]));
	EXPECT_EQ(0, oa_deadline_fired(&d));
	ASSERT_OK(oa_deadline_leave(&d));
}

TASK_TEST_F(io_close, calls_on_what_is_closed, UNWATCHED(variant->workers))
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct iovec v = { &at, sizeof(at) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct pollfd p = { .events = POLLIN };
	struct statx st;
	char c = 0;
	int fds[2];

	make_pipe(fds);
	p.fd = fds[0];
	ASSERT_OK(oa_close(fds[0]));
	ASSERT_OK(oa_close(fds[1]));
	for (int i = 0; i < 2; i++) {
		/* Known to have been closed, then one that never was open. */
		int fd = i ? 5000 : fds[0];

		EXPECT_ERR(oa_read(fd, &c, 1), -EBADF);
		EXPECT_ERR(oa_write(fd, &c, 1), -EBADF);
		EXPECT_ERR(oa_readv(fd, &v, 1), -EBADF);
		EXPECT_ERR(oa_writev(fd, &v, 1), -EBADF);
		EXPECT_ERR(oa_pread(fd, &c, 1, 0), -EBADF);
		EXPECT_ERR(oa_pwrite(fd, &c, 1, 0), -EBADF);
		EXPECT_ERR(oa_fsync(fd), -EBADF);
		EXPECT_ERR(oa_statx(fd, "", AT_EMPTY_PATH, 0, &st), -EBADF);
		EXPECT_ERR(oa_openat(fd, "a", O_RDONLY), -EBADF);
		EXPECT_ERR(oa_bind(fd, sa(&at), sizeof(at)), -EBADF);
		EXPECT_ERR(oa_listen(fd, 1), -EBADF);
		EXPECT_ERR(oa_accept(fd, NULL, NULL), -EBADF);
		EXPECT_ERR(oa_connect(fd, sa(&at), sizeof(at)), -EBADF);
		EXPECT_ERR(oa_send(fd, &c, 1, 0), -EBADF);
		EXPECT_ERR(oa_recv(fd, &c, 1, 0), -EBADF);
		EXPECT_ERR(oa_sendmsg(fd, &m, 0), -EBADF);
		EXPECT_ERR(oa_recvmsg(fd, &m, 0), -EBADF);
		EXPECT_ERR(oa_send_all(fd, &c, 1, NULL), -EBADF);
		EXPECT_ERR(oa_recv_all(fd, &c, 1, NULL), -EBADF);
		EXPECT_ERR(oa_sock_shutdown(fd, SHUT_RD), -EBADF);
		EXPECT_ERR(oa_splice(fd, NULL, fd, NULL, 1, 0), -EBADF);
		EXPECT_ERR(oa_close(fd), -EBADF);
		p.fd = fd;
		EXPECT_EQ(1, oa_poll(&p, 1, -1));
		EXPECT_EQ(POLLNVAL, p.revents);
	}
	EXPECT_ERR(oa_close(-1), -EBADF);
	EXPECT_ERR(oa_read(-1, &c, 1), -EBADF);
	EXPECT_ERR(oa_write(-7, &c, 1), -EBADF);
	EXPECT_ERR(oa_recv(-1, &c, 1, 0), -EBADF);
	EXPECT_ERR(oa_close(INT32_MAX), -EBADF);
	EXPECT_ERR(oa_read(INT32_MAX, &c, 1), -EBADF);
}

/* A wait for what nobody asked to be told is ended as well. */

static void *polls_for_nothing(void *arg)
{
	struct pollfd p = { .fd = *(int *)arg, .events = POLLPRI };
	int n = oa_poll(&p, 1, -1);

	EXPECT_EQ(POLLNVAL, p.revents);
	return as_result(n);
}

TASK_TEST_F(io_close, ends_a_poll_that_the_peers_end_does_not,
	    UNWATCHED(variant->workers))
{
	int fds[2];
	oa_task_t t;

	make_tcp_pair(fds);
	ASSERT_EQ(0, shutdown(fds[1], SHUT_WR));
	t = oa_spawn(polls_for_nothing, &fds[0]);
	until_parked(t);
	/* Past its first look, which the peer's end ends. */
	task_wait_until(STAT(NULL, completions) >= 1);
	until_parked(t);
	ASSERT_OK(oa_close(fds[0]));
	EXPECT_EQ(1, join_long(t));
	ASSERT_OK(oa_close(fds[1]));
}

/* The same with many, two of them closed, by two tasks and at any moment. */

#define PAIRS	10

static void *polls_many(void *arg)
{
	struct pollfd p[2 * PAIRS];
	int *fds = arg, n;

	for (int i = 0; i < 2 * PAIRS; i++)
		p[i] = (struct pollfd){ .fd = fds[i / 2 * 2],
					.events = POLLPRI };
	n = oa_poll(p, 2 * PAIRS, -1);
	for (int i = 0; i < 4; i++)
		EXPECT_TRUE(!p[i].revents || p[i].revents == POLLNVAL);
	for (int i = 4; i < 2 * PAIRS; i++)
		EXPECT_EQ(0, p[i].revents);
	EXPECT_EQ(p[0].revents, p[1].revents);
	EXPECT_EQ(p[2].revents, p[3].revents);
	return as_result(n);
}

TASK_TEST_F(io_close, ends_polls_of_many, UNWATCHED(variant->workers))
{
	const int rounds = SCALED(30, 5);

	for (int round = 0; round < rounds; round++) {
		int fds[2 * PAIRS];
		oa_task_t t[3], c[2];

		for (int i = 0; i < PAIRS; i++) {
			make_tcp_pair(&fds[2 * i]);
			ASSERT_EQ(0, shutdown(fds[2 * i + 1], SHUT_WR));
		}
		for (int i = 0; i < 3; i++)
			t[i] = oa_spawn(polls_many, fds);
		for (int i = 0; round % 2 && i < 3; i++)
			until_parked(t[i]);
		for (int i = 0; i < 2; i++)
			c[i] = oa_spawn(closes, &fds[2 * i]);
		for (int i = 0; i < 2; i++)
			EXPECT_OK(join_long(c[i]));
		for (int i = 0; i < 3; i++)
			EXPECT_GE(join_long(t[i]), 2);
		for (int i = 0; i < 2 * PAIRS; i++)
			if (i != 0 && i != 2)
				ASSERT_EQ(0, close(fds[i]));
	}
}

static int a_datagram_socket(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int fd = oa_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ASSERT_GE(fd, 0);
	ASSERT_OK(oa_bind(fd, (struct sockaddr *)&at, sizeof(at)));
	return fd;
}

static void *receives(void *arg)
{
	char c;

	return as_result(oa_recv((int)(intptr_t)arg, &c, 1, 0));
}

/*
 * Who comes too late may receive from the next file of the number, if that is
 * opened before his request gets to the kernel; then its close ends that.
 */
TASK_TEST_F(io_close, ends_calls_that_were_meant_for_another,
	    UNWATCHED(variant->workers))
{
	const int rounds = SCALED(100, 20);

	for (int round = 0; round < rounds; round++) {
		int fd = a_datagram_socket(), again;
		oa_task_t t;

		ASSERT_OK(oa_close(fd));
		t = oa_spawn(receives, (void *)(intptr_t)fd);
		for (int i = round % 4; i; i--)
			ASSERT_OK(oa_yield());
		again = a_datagram_socket();
		EXPECT_EQ(fd, again);
		if (round & 4)
			ASSERT_OK(oa_sleep(OA_USEC));
		ASSERT_OK(oa_close(again));
		EXPECT_ERR(join_long(t), -EBADF);
	}
}

HARNESS_MAIN
