// SPDX-License-Identifier: MIT
/* oa_send_all() and oa_recv_all(): every byte, or how many went. */
#include "io_test.h"

FIXTURE(io_all) { int fds[2]; size_t all; };
VARIANTS_STAND_INS(io_all);

typedef struct io_all_fixture_data data;

FIXTURE_SETUP(io_all)
{
	signal(SIGPIPE, SIG_DFL);
}

FIXTURE_TEARDOWN(io_all)
{
	close_both(self->fds);
}

#define LARGEST	1048577u

static const size_t sizes[] = {
	0, 1, 2, 3, 4095, 4096, 4097, 65535, 65537, 200003, LARGEST,
};

static char out[LARGEST], in[LARGEST];

static void *sends_sizes(void *arg)
{
	data *s = arg;
	size_t done;

	for (unsigned int i = 0; i < ARRAY_N(sizes); i++) {
		done = ~(size_t)0;
		ASSERT_OK(oa_send_all(s->fds[1], out, sizes[i], &done));
		ASSERT_EQ(sizes[i], done);
	}
	ASSERT_OK(oa_send_all(s->fds[1], out, 5, NULL));
	return NULL;
}

/* The other side cuts the stream elsewhere. */
static void receive_sizes(data *s)
{
	size_t done = 0;
	oa_task_t t;

	text_make(out, LARGEST, 0);
	t = oa_spawn(sends_sizes, s);
	for (unsigned int i = 0; i < ARRAY_N(sizes); i++) {
		size_t n = sizes[i];

		ASSERT_OK(oa_recv_all(s->fds[0], in, n, &done));
		ASSERT_EQ(n, done);
		ASSERT_EQ(n, text_same(in, n, 0));
	}
	ASSERT_OK(oa_recv_all(s->fds[0], in, 5, NULL));
	ASSERT_OK(join_long(t));
	EXPECT_EQ(0u, bytes_in(s->fds[0]));
}

TASK_TEST_F(io_all, odd_sizes_over_tcp, .workers = variant->workers)
{
	make_tcp_pair(self->fds);
	receive_sizes(self);
}

TASK_TEST_F(io_all, odd_sizes_through_a_tight_pair,
	    .workers = variant->workers)
{
	make_unix_pair(self->fds, SOCK_STREAM);
	make_tight(self->fds);
	receive_sizes(self);
}

static void *receives_ten(void *arg)
{
	data *s = arg;
	char buf[10];
	int ret = oa_recv_all(s->fds[0], buf, 10, &s->all);

	if (s->all)
		EXPECT_EQ(s->all, text_same(buf, s->all, 0));
	return as_result(ret);
}

TASK_TEST_F(io_all, an_early_end_tells_how_much_came,
	    .workers = variant->workers)
{
	for (size_t n = 0; n < 10; n++) {
		oa_task_t t;
		char text[10];

		make_tcp_pair(self->fds);
		text_make(text, n, 0);
		t = oa_spawn(receives_ten, self);
		until_parked(t);
		ASSERT_OK(oa_send_all(self->fds[1], text, n, NULL));
		ASSERT_OK(oa_sock_shutdown(self->fds[1], SHUT_WR));
		EXPECT_ERR(join_long(t), -EPIPE);
		EXPECT_EQ(n, self->all);
		if (n < 9)
			close_both(self->fds);
	}
}

static void *sends_much(void *arg)
{
	data *s = arg;

	return as_result(oa_send_all(s->fds[1], out, LARGEST, &s->all));
}

TASK_TEST_F(io_all, a_reader_that_leaves, .workers = variant->workers)
{
	oa_task_t t;

	make_unix_pair(self->fds, SOCK_STREAM);
	t = oa_spawn(sends_much, self);
	until_parked(t);
	ASSERT_OK(oa_recv_all(self->fds[0], in, 1000, NULL));
	ASSERT_OK(oa_sock_shutdown(self->fds[0], SHUT_RDWR));
	EXPECT_ERR(join_long(t), -EPIPE);
	EXPECT_GE(self->all, 1000u);
	EXPECT_LT(self->all, LARGEST);
	/* And when nothing at all can go. */
	EXPECT_ERR(oa_send_all(self->fds[1], out, 1, &self->all), -EPIPE);
	EXPECT_EQ(0u, self->all);
}

TASK_TEST_F(io_all, a_close_under_it_tells_how_far_it_came,
	    .workers = variant->workers)
{
	oa_task_t t;

	make_unix_pair(self->fds, SOCK_STREAM);
	t = oa_spawn(sends_much, self);
	until_parked(t);
	ASSERT_OK(oa_close(self->fds[1]));
	EXPECT_ERR(join_long(t), -EBADF);
	EXPECT_EQ(self->all, drain(self->fds[0]));
	EXPECT_GT(self->all, 0u);
	ASSERT_EQ(self->fds[1], dup2(self->fds[0], self->fds[1]));
}

HARNESS_MAIN
