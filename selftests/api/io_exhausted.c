// SPDX-License-Identifier: MIT
/* No descriptor is left: that is told, and all the rest goes on. */
#include "io_test.h"

#include <linux/openat2.h>
#include <sys/resource.h>

#define LIMIT	128

FIXTURE(io_exhausted) {
	int listener, fds[2], taken[LIMIT], n;
	struct sockaddr_in at;
	struct rlimit was;
};
VARIANTS_STAND_INS(io_exhausted);

typedef struct io_exhausted_fixture_data data;

FIXTURE_SETUP(io_exhausted)
{
	make_pipe(self->fds);
	self->listener = make_listener(&self->at, 8);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &self->was));
}

FIXTURE_TEARDOWN(io_exhausted)
{
	close_both(self->fds);
	ASSERT_EQ(0, close(self->listener));
}

static void take_all(data *s)
{
	struct rlimit lim = { LIMIT, s->was.rlim_max };
	int fd;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &lim));
	while ((fd = dup(s->fds[0])) >= 0)
		s->taken[s->n++] = fd;
	ASSERT_EQ(EMFILE, errno);
}

static void give_one(data *s)
{
	ASSERT_OK(oa_close(s->taken[--s->n]));
}

static void give_all(data *s)
{
	while (s->n)
		give_one(s);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &s->was));
}

static void *accepts(void *arg)
{
	return as_result(oa_accept4(*(int *)arg, NULL, NULL, SOCK_CLOEXEC));
}

static void *reads(void *arg)
{
	char c;

	return as_result(oa_read(((data *)arg)->fds[0], &c, 1));
}

TASK_TEST_F(io_exhausted, each_call_that_makes_one,
	    UNWATCHED(variant->workers))
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC };
	oa_task_t t;
	int fd;

	take_all(self);
	for (int i = 0; i < 3; i++) {
		EXPECT_ERR(oa_socket(AF_INET, SOCK_STREAM, 0), -EMFILE);
		EXPECT_ERR(oa_openat(AT_FDCWD, "/", O_RDONLY), -EMFILE);
		EXPECT_ERR(oa_openat2(AT_FDCWD, "/", &how, sizeof(how)),
			   -EMFILE);
		EXPECT_ERR(oa_accept(self->listener, NULL, NULL), -EMFILE);
		EXPECT_ERR(oa_accept4(self->listener, NULL, NULL, 0), -EMFILE);
	}
	/* What needs none goes on. */
	t = oa_spawn(reads, self);
	until_parked(t);
	EXPECT_EQ(1, oa_write(self->fds[1], "x", 1));
	EXPECT_EQ(1, join_long(t));
	EXPECT_OK(oa_sleep(OA_USEC));
	EXPECT_EQ(1, oa_poll(&(struct pollfd){ .fd = self->fds[1],
					       .events = POLLOUT }, 1, -1));
	/* One is enough for one. */
	give_one(self);
	fd = oa_openat(AT_FDCWD, "/", O_RDONLY | O_CLOEXEC);
	EXPECT_GE(fd, 0);
	EXPECT_ERR(oa_socket(AF_INET, SOCK_STREAM, 0), -EMFILE);
	EXPECT_OK(oa_close(fd));
	fd = oa_socket(AF_INET, SOCK_STREAM, 0);
	EXPECT_GE(fd, 0);
	EXPECT_OK(oa_close(fd));
	give_all(self);
}

TASK_TEST_F(io_exhausted, a_connection_stays_for_the_next_accept,
	    UNWATCHED(variant->workers))
{
	int fd = oa_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), got;
	char c = 0;

	ASSERT_GE(fd, 0);
	ASSERT_OK(oa_connect(fd, sa(&self->at), sizeof(self->at)));
	ASSERT_EQ(1, oa_send(fd, "k", 1, 0));
	take_all(self);
	for (int i = 0; i < 20; i++)
		EXPECT_ERR(oa_accept(self->listener, NULL, NULL), -EMFILE);
	give_one(self);
	got = oa_accept4(self->listener, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_GE(got, 0);
	EXPECT_EQ(1, oa_recv(got, &c, 1, 0));
	EXPECT_EQ('k', c);
	close_both((int[]){ fd, got });
	give_all(self);
}

/* It waits since before; when a connection comes there is no number for it. */
TASK_TEST_F(io_exhausted, an_accept_that_waited, UNWATCHED(variant->workers))
{
	int fd = oa_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	oa_task_t t = oa_spawn(accepts, &self->listener);
	long got;

	ASSERT_GE(fd, 0);
	until_parked(t);
	take_all(self);
	ASSERT_OK(oa_connect(fd, sa(&self->at), sizeof(self->at)));
	got = join_long(t);
	if (got < 0) {
		EXPECT_ERR(got, -EMFILE);
		give_one(self);
		got = join_long(oa_spawn(accepts, &self->listener));
	}
	ASSERT_GE(got, 0);
	close_both((int[]){ fd, (int)got });
	give_all(self);
}

HARNESS_MAIN
