// SPDX-License-Identifier: MIT
/* oa_splice(): from a file to a pipe to a socket, ends, odd arguments. */
#include "io_test.h"

#define SIZE	200003

FIXTURE(io_splice) { int file, pipe[2], sock[2]; };
VARIANTS_STAND_INS(io_splice);

typedef struct io_splice_fixture_data data;

static char text[SIZE];

FIXTURE_SETUP(io_splice)
{
	signal(SIGPIPE, SIG_IGN);
	self->file = open(harness_tmpdir(), O_TMPFILE | O_RDWR | O_CLOEXEC,
			  0600);
	ASSERT_GE(self->file, 0);
	text_make(text, SIZE, 0);
	ASSERT_EQ(SIZE, write(self->file, text, SIZE));
	make_pipe(self->pipe);
	make_unix_pair(self->sock, SOCK_STREAM);
}

FIXTURE_TEARDOWN(io_splice)
{
	ASSERT_EQ(0, close(self->file));
	for (int i = 0; i < 2; i++) {
		if (self->pipe[i] >= 0)
			ASSERT_EQ(0, close(self->pipe[i]));
		ASSERT_EQ(0, close(self->sock[i]));
	}
}

static void *file_to_pipe(void *arg)
{
	data *s = arg;
	off_t at = 0;
	ssize_t n;

	while ((n = oa_splice(s->file, &at, s->pipe[1], NULL, SIZE, 0)) > 0)
		ASSERT_LE(at, SIZE);
	ASSERT_EQ(0, n);
	ASSERT_EQ(SIZE, at);
	ASSERT_OK(oa_close(s->pipe[1]));
	s->pipe[1] = -1;
	return NULL;
}

static void *pipe_to_socket(void *arg)
{
	data *s = arg;
	long all = 0;
	ssize_t n;

	while ((n = oa_splice(s->pipe[0], NULL, s->sock[1], NULL, 30011,
			      SPLICE_F_MOVE)) > 0)
		all += n;
	ASSERT_EQ(0, n);
	ASSERT_OK(oa_sock_shutdown(s->sock[1], SHUT_WR));
	return as_result(all);
}

TASK_TEST_F(io_splice, a_file_to_a_socket, .workers = variant->workers)
{
	oa_task_t a = oa_spawn(file_to_pipe, self);
	oa_task_t b = oa_spawn(pipe_to_socket, self);
	static char buf[SIZE];
	size_t done;

	ASSERT_OK(oa_recv_all(self->sock[0], buf, SIZE, &done));
	EXPECT_EQ((size_t)SIZE, text_same(buf, SIZE, 0));
	EXPECT_EQ(0, oa_recv(self->sock[0], buf, 1, 0));
	EXPECT_OK(join_long(a));
	EXPECT_EQ(SIZE, join_long(b));
	/* The file's own offset was not used. */
	EXPECT_EQ(SIZE, lseek(self->file, 0, SEEK_CUR));
}

TASK_TEST_F(io_splice, a_pipe_to_a_place_in_a_file,
	    .workers = variant->workers)
{
	off_t at = 1000;
	char buf[4];

	ASSERT_EQ(4, oa_write(self->pipe[1], "here", 4));
	EXPECT_EQ(4, oa_splice(self->pipe[0], NULL, self->file, &at, 100, 0));
	EXPECT_EQ(1004, at);
	EXPECT_EQ(4, oa_pread(self->file, buf, 4, 1000));
	EXPECT_MEMEQ("here", buf, 4);
}

TASK_TEST_F(io_splice, short_when_there_is_less, .workers = variant->workers)
{
	off_t at = SIZE - 10;

	EXPECT_EQ(10, oa_splice(self->file, &at, self->pipe[1], NULL, 4096, 0));
	EXPECT_EQ(SIZE, at);
	EXPECT_EQ(0, oa_splice(self->file, &at, self->pipe[1], NULL, 4096, 0));
	EXPECT_EQ(SIZE, at);
	EXPECT_EQ(3, oa_splice(self->pipe[0], NULL, self->sock[1], NULL, 3, 0));
	EXPECT_EQ(7, oa_splice(self->pipe[0], NULL, self->sock[1], NULL, 99,
			       0));
	EXPECT_EQ(10u, drain(self->sock[0]));
}

static void *splices_out(void *arg)
{
	data *s = arg;

	return as_result(oa_splice(s->pipe[0], NULL, s->sock[1], NULL, 100, 0));
}

TASK_TEST_F(io_splice, waits_for_bytes_and_sees_the_end,
	    .workers = variant->workers)
{
	oa_task_t t = oa_spawn(splices_out, self);

	until_parked(t);
	ASSERT_EQ(5, oa_write(self->pipe[1], "later", 5));
	EXPECT_EQ(5, join_long(t));
	EXPECT_EQ(5u, drain(self->sock[0]));
	t = oa_spawn(splices_out, self);
	until_parked(t);
	ASSERT_OK(oa_close(self->pipe[1]));
	self->pipe[1] = -1;
	EXPECT_EQ(0, join_long(t));
}

/* More of them than a ring has threads for its files. */
TASK_TEST_F(io_splice, many_that_wait_hold_up_nobody,
	    .workers = variant->workers)
{
	enum { N = 100 };
	oa_task_t t[N];
	off_t at = 0;
	int fds[2];

	for (int i = 0; i < N; i++)
		t[i] = oa_spawn(splices_out, self);
	for (int i = 0; i < N; i++)
		until_parked(t[i]);
	make_pipe(fds);
	EXPECT_EQ(9, oa_splice(self->file, &at, fds[1], NULL, 9, 0));
	close_both(fds);
	for (int i = 0; i < N; i++)
		ASSERT_OK(oa_cancel(t[i]));
	for (int i = 0; i < N; i++)
		EXPECT_ERR(join_long(t[i]), -ECANCELED);
	EXPECT_EQ(0u, bytes_in(self->sock[0]));
}

TASK_TEST_F(io_splice, odd_arguments, .workers = variant->workers)
{
	off_t at = 0;
	int p = self->pipe[1];

	EXPECT_EQ(0, oa_splice(self->file, &at, p, NULL, 0, 0));
	EXPECT_ERR(oa_splice(self->file, &at, self->file, &at, 1, 0), -EINVAL);
	EXPECT_ERR(oa_splice(self->file, &at, self->pipe[0], NULL, 1, 0),
		   -EBADF);
	EXPECT_ERR(oa_splice(self->file, &at, p, &at, 1, 0), -ESPIPE);
	EXPECT_ERR(oa_splice(self->file, &at, p, NULL, 1, 0x10000), -EINVAL);
	EXPECT_ERR(oa_splice(-1, NULL, p, NULL, 1, 0), -EBADF);
	EXPECT_ERR(oa_splice(self->pipe[0], NULL, self->sock[1], NULL, 1,
			     SPLICE_F_NONBLOCK), -EAGAIN);
	ASSERT_EQ(0, fcntl(self->pipe[0], F_SETFL, O_NONBLOCK));
	EXPECT_ERR(oa_splice(self->pipe[0], NULL, self->sock[1], NULL, 1, 0),
		   -EAGAIN);
	EXPECT_ERR(oa_splice(self->file, &at, -1, NULL, 1, 0), -EBADF);
	EXPECT_EQ(0, at);
}

HARNESS_MAIN
