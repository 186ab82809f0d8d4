// SPDX-License-Identifier: MIT
/* Pipes: waiting for bytes and for room, ends, odd arguments. */
#include "io_test.h"

#include <sys/eventfd.h>

FIXTURE(io_pipe) { int fds[2]; size_t n; };
VARIANTS_STAND_INS(io_pipe);

typedef struct io_pipe_fixture_data data;

FIXTURE_SETUP(io_pipe)
{
	signal(SIGPIPE, SIG_IGN);
	make_pipe(self->fds);
}

FIXTURE_TEARDOWN(io_pipe)
{
	for (int i = 0; i < 2; i++)
		if (self->fds[i] >= 0)
			ASSERT_EQ(0, close(self->fds[i]));
}

static void end(data *s, int which)
{
	ASSERT_OK(oa_close(s->fds[which]));
	s->fds[which] = -1;
}

static void *reads(void *arg)
{
	data *s = arg;
	char buf[64] = "";
	ssize_t n = oa_read(s->fds[0], buf, sizeof(buf));

	if (n > 0)
		EXPECT_EQ((size_t)n, text_same(buf, (size_t)n, 0));
	return as_result(n);
}

TASK_TEST_F(io_pipe, a_reader_waits_for_bytes, .workers = variant->workers)
{
	oa_task_t t = oa_spawn(reads, self);
	char text[3];

	until_parked(t);
	text_make(text, 3, 0);
	EXPECT_EQ(3, oa_write(self->fds[1], text, 3));
	EXPECT_EQ(3, join_long(t));
}

TASK_TEST_F(io_pipe, a_reader_gets_what_a_thread_writes,
	    .workers = variant->workers)
{
	oa_task_t t = oa_spawn(reads, self);
	char text[3];

	until_parked(t);
	text_make(text, 3, 0);
	ASSERT_EQ(3, write(self->fds[1], text, 3));
	EXPECT_EQ(3, join_long(t));
}

TASK_TEST_F(io_pipe, a_reader_takes_what_is_there_and_no_more,
	    .workers = variant->workers)
{
	char buf[10];

	ASSERT_EQ(7, oa_write(self->fds[1], "1234567", 7));
	EXPECT_EQ(2, oa_read(self->fds[0], buf, 2));
	EXPECT_EQ(5, oa_read(self->fds[0], buf + 2, 8));
	EXPECT_MEMEQ("1234567", buf, 7);
}

TASK_TEST_F(io_pipe, a_waiting_reader_sees_the_end,
	    .workers = variant->workers)
{
	oa_task_t t = oa_spawn(reads, self);
	char c;

	until_parked(t);
	end(self, 1);
	EXPECT_EQ(0, join_long(t));
	EXPECT_EQ(0, oa_read(self->fds[0], &c, 1));
}

TASK_TEST_F(io_pipe, the_end_comes_after_the_last_byte,
	    .workers = variant->workers)
{
	char buf[10];

	ASSERT_EQ(1, oa_write(self->fds[1], "x", 1));
	end(self, 1);
	EXPECT_EQ(1, oa_read(self->fds[0], buf, 10));
	EXPECT_EQ(0, oa_read(self->fds[0], buf, 10));
	EXPECT_EQ(0, oa_readv(self->fds[0],
			      &(struct iovec){ buf, sizeof(buf) }, 1));
}

static void *writes_one(void *arg)
{
	return as_result(oa_write(((data *)arg)->fds[1], "x", 1));
}

TASK_TEST_F(io_pipe, a_writer_waits_for_room, .workers = variant->workers)
{
	size_t n = fill_up(self->fds[1]);
	oa_task_t t = oa_spawn(writes_one, self);

	until_parked(t);
	EXPECT_EQ(n, bytes_in(self->fds[0]));
	/* The byte may come already. */
	n -= drain(self->fds[0]);
	EXPECT_EQ(1, join_long(t));
	n -= drain(self->fds[0]);
	EXPECT_EQ((size_t)-1, n);
}

TASK_TEST_F(io_pipe, a_waiting_writer_sees_that_nobody_reads,
	    .workers = variant->workers)
{
	char c = 'x';
	struct iovec v = { &c, 1 };
	oa_task_t t;

	fill_up(self->fds[1]);
	t = oa_spawn(writes_one, self);
	until_parked(t);
	end(self, 0);
	EXPECT_ERR(join_long(t), -EPIPE);
	EXPECT_ERR(oa_write(self->fds[1], "x", 1), -EPIPE);
	EXPECT_ERR(oa_writev(self->fds[1], &v, 1), -EPIPE);
}

/* More than fits: what went is told, and all of it arrives in order. */

#define MUCH	(3u << 20)

static void *writes_much(void *arg)
{
	data *s = arg;
	static char buf[100003];
	size_t at = 0;

	while (at < MUCH) {
		size_t n = MUCH - at < sizeof(buf) ? MUCH - at : sizeof(buf);
		struct iovec v[3];
		ssize_t ret;

		text_make(buf, n, at);
		v[0] = (struct iovec){ buf, n / 3 };
		v[1] = (struct iovec){ NULL, 0 };
		v[2] = (struct iovec){ buf + n / 3, n - n / 3 };
		ret = s->n++ % 2 ? oa_write(s->fds[1], buf, n)
				 : oa_writev(s->fds[1], v, 3);
		ASSERT_GT(ret, 0);
		ASSERT_LE((size_t)ret, n);
		at += (size_t)ret;
	}
	end(s, 1);
	return NULL;
}

TASK_TEST_F(io_pipe, much_in_odd_pieces, .workers = variant->workers)
{
	oa_task_t t = oa_spawn(writes_much, self);
	static char buf[70001];
	size_t at = 0;

	for (size_t i = 1;; i++) {
		size_t n = i * 4099 % sizeof(buf) + 1;
		struct iovec v[2] = { { buf, n / 2 },
				      { buf + n / 2, n - n / 2 } };
		ssize_t ret = i % 2 ? oa_read(self->fds[0], buf, n)
				    : oa_readv(self->fds[0], v, 2);

		ASSERT_GE(ret, 0);
		if (!ret)
			break;
		ASSERT_EQ((size_t)ret, text_same(buf, (size_t)ret, at));
		at += (size_t)ret;
	}
	EXPECT_EQ(MUCH, at);
	EXPECT_OK(join_long(t));
}

/* Several on one descriptor: each byte goes to one of them. */

static void *reads_until_end(void *arg)
{
	data *s = arg;
	long sum = 0;
	ssize_t n;
	char c;

	while ((n = oa_read(s->fds[0], &c, 1)) == 1)
		sum++;
	ASSERT_EQ(0, n);
	return as_result(sum);
}

static void *writes_some(void *arg)
{
	for (int i = 0; i < 200; i++)
		ASSERT_EQ(1, oa_write(((data *)arg)->fds[1], "x", 1));
	return NULL;
}

TASK_TEST_F(io_pipe, many_readers_and_writers, .workers = variant->workers)
{
	oa_task_t r[10], w[10];
	long sum = 0;

	for (int i = 0; i < 10; i++)
		r[i] = oa_spawn(reads_until_end, self);
	for (int i = 0; i < 10; i++)
		w[i] = oa_spawn(writes_some, self);
	for (int i = 0; i < 10; i++)
		ASSERT_OK(join_long(w[i]));
	end(self, 1);
	for (int i = 0; i < 10; i++)
		sum += join_long(r[i]);
	EXPECT_EQ(2000, sum);
}

TASK_TEST_F(io_pipe, a_nonblocking_one_waits_like_others,
	    .workers = variant->workers)
{
	size_t n = fill_up(self->fds[1]);
	oa_task_t t;
	char c = 0;

	ASSERT_EQ(0, fcntl(self->fds[0], F_SETFL, O_NONBLOCK));
	ASSERT_EQ(0, fcntl(self->fds[1], F_SETFL, O_NONBLOCK));
	t = oa_spawn(writes_one, self);
	until_parked(t);
	for (size_t i = 0; i < n; i++)
		ASSERT_EQ(1, oa_read(self->fds[0], &c, 1));
	EXPECT_EQ(1, join_long(t));
	EXPECT_EQ(1, oa_read(self->fds[0], &c, 1));
	t = oa_spawn(reads, self);
	until_parked(t);
	c = text_at(0);
	EXPECT_EQ(1, oa_write(self->fds[1], &c, 1));
	EXPECT_EQ(1, join_long(t));
}

TASK_TEST_F(io_pipe, odd_arguments, .workers = variant->workers)
{
	struct iovec v[1] = { { NULL, 0 } };
	char c = 'c';

	ASSERT_EQ(1, oa_write(self->fds[1], &c, 1));
	EXPECT_ERR(oa_read(self->fds[1], &c, 1), -EBADF);
	EXPECT_ERR(oa_write(self->fds[0], &c, 1), -EBADF);
	EXPECT_ERR(oa_pread(self->fds[0], &c, 1, 0), -ESPIPE);
	EXPECT_ERR(oa_pwrite(self->fds[1], &c, 1, 0), -ESPIPE);
	EXPECT_ERR(oa_pread(self->fds[0], &c, 1, -1), -EINVAL);
	EXPECT_ERR(oa_pwrite(self->fds[1], &c, 1, -1), -EINVAL);
	EXPECT_ERR(oa_fsync(self->fds[0]), -EINVAL);
	EXPECT_ERR(oa_readv(self->fds[0], v, -1), -EINVAL);
	EXPECT_ERR(oa_writev(self->fds[1], v, 1025), -EINVAL);
	EXPECT_ERR(oa_recv(self->fds[0], &c, 1, 0), -ENOTSOCK);
	EXPECT_ERR(oa_send(self->fds[1], &c, 1, 0), -ENOTSOCK);
	EXPECT_EQ(0, oa_read(self->fds[0], NULL, 0));
	EXPECT_EQ(0, oa_write(self->fds[1], NULL, 0));
	EXPECT_EQ(0, oa_readv(self->fds[0], v, 1));
	EXPECT_EQ(0, oa_writev(self->fds[1], v, 0));
	EXPECT_ERR(oa_read(self->fds[0], NULL, 1), -EFAULT);
	EXPECT_ERR(oa_write(self->fds[1], NULL, 1), -EFAULT);
	EXPECT_ERR(oa_readv(self->fds[0], NULL, 1), -EFAULT);
	/* Nothing of this took the byte. */
	EXPECT_EQ(1u, drain(self->fds[0]));
}

/* What has no byte stream: a counter. */

static void *reads_counter(void *arg)
{
	uint64_t n = 0;

	ASSERT_EQ(8, oa_read(*(int *)arg, &n, sizeof(n)));
	return as_result(n);
}

TASK_TEST_F(io_pipe, an_eventfd, .workers = variant->workers)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	uint64_t n = 5;
	oa_task_t t;

	ASSERT_GE(fd, 0);
	t = oa_spawn(reads_counter, &fd);
	until_parked(t);
	EXPECT_EQ(8, oa_write(fd, &n, sizeof(n)));
	EXPECT_EQ(5, join_long(t));
	EXPECT_ERR(oa_read(fd, &n, 4), -EINVAL);
	ASSERT_OK(oa_close(fd));
}

TEST(none_but_tasks_may)
{
	struct pollfd p = { .fd = -1 };
	struct iovec v = { NULL, 0 };
	char c;

	EXPECT_ERR(oa_read(0, &c, 1), -EPERM);
	EXPECT_ERR(oa_write(1, &c, 1), -EPERM);
	EXPECT_ERR(oa_readv(0, &v, 1), -EPERM);
	EXPECT_ERR(oa_writev(1, &v, 1), -EPERM);
	EXPECT_ERR(oa_pread(0, &c, 1, 0), -EPERM);
	EXPECT_ERR(oa_pwrite(1, &c, 1, 0), -EPERM);
	EXPECT_ERR(oa_openat(AT_FDCWD, "/", O_RDONLY), -EPERM);
	EXPECT_ERR(oa_openat2(AT_FDCWD, "/", NULL, 0), -EPERM);
	EXPECT_ERR(oa_close(0), -EPERM);
	EXPECT_ERR(oa_fsync(0), -EPERM);
	EXPECT_ERR(oa_statx(0, "", AT_EMPTY_PATH, 0, NULL), -EPERM);
	EXPECT_ERR(oa_socket(AF_UNIX, SOCK_STREAM, 0), -EPERM);
	EXPECT_ERR(oa_bind(0, NULL, 0), -EPERM);
	EXPECT_ERR(oa_listen(0, 1), -EPERM);
	EXPECT_ERR(oa_accept(0, NULL, NULL), -EPERM);
	EXPECT_ERR(oa_accept4(0, NULL, NULL, 0), -EPERM);
	EXPECT_ERR(oa_connect(0, NULL, 0), -EPERM);
	EXPECT_ERR(oa_send(0, &c, 1, 0), -EPERM);
	EXPECT_ERR(oa_recv(0, &c, 1, 0), -EPERM);
	EXPECT_ERR(oa_sendmsg(0, NULL, 0), -EPERM);
	EXPECT_ERR(oa_recvmsg(0, NULL, 0), -EPERM);
	EXPECT_ERR(oa_send_all(0, &c, 1, NULL), -EPERM);
	EXPECT_ERR(oa_recv_all(0, &c, 1, NULL), -EPERM);
	EXPECT_ERR(oa_sock_shutdown(0, SHUT_RD), -EPERM);
	EXPECT_ERR(oa_splice(0, NULL, 1, NULL, 1, 0), -EPERM);
	EXPECT_ERR(oa_poll(&p, 1, 0), -EPERM);
}

HARNESS_MAIN
