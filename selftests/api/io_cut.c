// SPDX-License-Identifier: MIT
/*
 * Cancels and deadlines end every call that waits, and nothing of what it has
 * left alone is gone.
 */
#include "io_test.h"

#include <stdio.h>
#include <sys/stat.h>

#include <linux/openat2.h>

FIXTURE(io_cut) { struct io_fds f; const struct io_call *c; };
VARIANTS_STAND_INS(io_cut);

typedef struct io_cut_fixture_data data;

FIXTURE_SETUP(io_cut)
{
	signal(SIGPIPE, SIG_IGN);
}

FIXTURE_TEARDOWN(io_cut)
{
}

static void *calls(void *arg)
{
	data *s = arg;
	long ret = s->c->call(&s->f);

	/* Asked to stop once: from then on nothing waits. */
	if (ret == -ECANCELED)
		EXPECT_CALL(s->c, -ECANCELED, s->c->call(&s->f));
	return as_result(ret);
}

TASK_TEST_F(io_cut, a_cancel_ends_it, .workers = variant->workers)
{
	for (self->c = io_calls; self->c->name; self->c++) {
		oa_task_t t;

		io_make(self->c, &self->f);
		t = oa_spawn(calls, self);
		until_parked(t);
		ASSERT_OK(oa_cancel(t));
		EXPECT_CALL(self->c, -ECANCELED, join_long(t));
		io_unmake(&self->f);
	}
}

static void *calls_cancelled(void *arg)
{
	ASSERT_OK(oa_cancel(oa_self()));
	return calls(arg);
}

TASK_TEST_F(io_cut, a_cancel_before_it, .workers = variant->workers)
{
	for (self->c = io_calls; self->c->name; self->c++) {
		io_make(self->c, &self->f);
		EXPECT_CALL(self->c, -ECANCELED,
			    join_long(oa_spawn(calls_cancelled, self)));
		io_unmake(&self->f);
	}
}

TASK_TEST_F(io_cut, a_deadline_ends_it, .workers = variant->workers)
{
	struct oa_deadline out, in;

	for (self->c = io_calls; self->c->name; self->c++) {
		oa_time_t due = oa_after(OA_MSEC);

		io_make(self->c, &self->f);
		ASSERT_OK(oa_deadline_enter(&out, due));
		OA_WITHIN(&in, 1000 * OA_SEC)
			EXPECT_CALL(self->c, -ETIMEDOUT,
				    self->c->call(&self->f));
		EXPECT_GE(oa_now(), due);
		EXPECT_EQ(1, oa_deadline_fired(&out));
		EXPECT_EQ(0, oa_deadline_fired(&in));
		/* It has passed: from now on nothing waits. */
		EXPECT_CALL(self->c, -ETIMEDOUT, self->c->call(&self->f));
		ASSERT_OK(oa_deadline_leave(&out));
		io_unmake(&self->f);
	}
}

/* Of what waits for nobody: it is done, or it says that it is not. */

struct brief { int fd; char *path; };

static void *stats(void *arg)
{
	struct brief *b = arg;
	struct statx st;

	return as_result(oa_statx(AT_FDCWD, b->path, 0, STATX_SIZE, &st));
}

static void *syncs(void *arg)
{
	return as_result(oa_fsync(((struct brief *)arg)->fd));
}

static void *opens(void *arg)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC };
	int fd = oa_openat2(AT_FDCWD, ((struct brief *)arg)->path, &how,
			    sizeof(how));

	return as_result(fd < 0 ? fd : close(fd));
}

/* Was it in the ring when it was cancelled? */
static bool cancel_soon(oa_fn fn, struct brief *b)
{
	oa_task_t t = oa_spawn(fn, b);
	int state, err;
	long ret;

	task_wait_until((state = task_state(NULL, t)) == OA_TASK_PARKED ||
			state == OA_TASK_ENDED);
	err = oa_cancel(t);
	ASSERT_TRUE(!err || err == -ESRCH);
	ret = join_long(t);
	ASSERT_TRUE(!ret || ret == -ECANCELED);
	ASSERT_TRUE(!ret || state == OA_TASK_PARKED);
	return state == OA_TASK_PARKED;
}

TASK_TEST_F(io_cut, a_cancel_in_the_ring_of_what_is_soon_over,
	    UNWATCHED(variant->workers))
{
	static const oa_fn fns[] = { stats, syncs, opens };
	const long rounds = SCALED(50, 10);
	unsigned int fds;
	struct brief b;

	ASSERT_GT(asprintf(&b.path, "%s/file", harness_tmpdir()), 0);
	b.fd = open(b.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_GE(b.fd, 0);
	fds = harness_nr_fds();
	for (unsigned int i = 0; i < ARRAY_N(fns); i++) {
		unsigned int in_ring = 0;

		for (long round = 0; round < rounds; round++)
			in_ring += cancel_soon(fns[i], &b);
		/* One worker hardly reaps before it has looked. */
		if (variant->workers == 1)
			EXPECT_GT(in_ring, 0u);
	}
	EXPECT_EQ(fds, harness_nr_fds());
	ASSERT_EQ(0, close(b.fd));
	free(b.path);
}

/* What can be done at once is not done after the end either. */
TASK_TEST_F(io_cut, what_is_there_stays_there, .workers = variant->workers)
{
	struct oa_deadline d;
	int fds[2];
	char c = 0;

	make_unix_pair(fds, SOCK_STREAM);
	ASSERT_EQ(1, oa_send(fds[1], "a", 1, 0));
	ASSERT_OK(oa_deadline_enter(&d, oa_now()));
	EXPECT_ERR(oa_read(fds[0], &c, 1), -ETIMEDOUT);
	EXPECT_ERR(oa_recv(fds[0], &c, 1, 0), -ETIMEDOUT);
	EXPECT_ERR(oa_recv_all(fds[0], &c, 1, NULL), -ETIMEDOUT);
	EXPECT_ERR(oa_send(fds[1], "b", 1, 0), -ETIMEDOUT);
	EXPECT_ERR(oa_write(fds[1], "b", 1), -ETIMEDOUT);
	EXPECT_ERR(oa_send_all(fds[1], "b", 1, NULL), -ETIMEDOUT);
	ASSERT_OK(oa_deadline_leave(&d));
	EXPECT_EQ(1u, bytes_in(fds[0]));
	EXPECT_EQ(1, oa_recv(fds[0], &c, 1, 0));
	EXPECT_EQ('a', c);
	ASSERT_OK(oa_close(fds[0]));
	ASSERT_OK(oa_close(fds[1]));
}

/* A reader that was cut leaves the next one all that comes. */
TASK_TEST_F(io_cut, the_next_reader_gets_all, .workers = variant->workers)
{
	struct oa_deadline d;
	char c = 0, sent = 'a';
	int fds[2];

	make_tcp_pair(fds);
	for (int i = 0; i < 20; i++, sent++) {
		OA_WITHIN(&d, 50 * OA_USEC)
			EXPECT_ERR(oa_recv(fds[0], &c, 1, 0), -ETIMEDOUT);
		ASSERT_EQ(1, oa_send(fds[1], &sent, 1, 0));
		EXPECT_EQ(1, oa_recv(fds[0], &c, 1, 0));
		EXPECT_EQ(sent, c);
	}
	close_both(fds);
}

/* What has been moved is told, and the next call is the one that fails. */

static void *receives_five(void *arg)
{
	int fd = *(int *)arg;
	char buf[10];
	ssize_t n = oa_recv(fd, buf, sizeof(buf), MSG_WAITALL);

	EXPECT_ERR(oa_recv(fd, buf, 1, 0), -ECANCELED);
	return as_result(n);
}

TASK_TEST_F(io_cut, half_a_receive_is_told, .workers = variant->workers)
{
	int fds[2];
	oa_task_t t;

	make_tcp_pair(fds);
	t = oa_spawn(receives_five, &fds[0]);
	until_parked(t);
	ASSERT_EQ(5, oa_send(fds[1], "hello", 5, 0));
	task_wait_until(bytes_in(fds[0]) == 0);
	ASSERT_OK(oa_cancel(t));
	EXPECT_EQ(5, join_long(t));
	close_both(fds);
}

static void *receives_all(void *arg)
{
	size_t done = 0;
	char buf[10];

	EXPECT_ERR(oa_recv_all(*(int *)arg, buf, 10, &done), -ECANCELED);
	return as_result(done);
}

TASK_TEST_F(io_cut, a_recv_all_tells_how_far_it_came,
	    .workers = variant->workers)
{
	int fds[2];
	oa_task_t t;

	make_tcp_pair(fds);
	t = oa_spawn(receives_all, &fds[0]);
	ASSERT_EQ(3, oa_send(fds[1], "abc", 3, 0));
	task_wait_until(bytes_in(fds[0]) == 0);
	until_parked(t);
	ASSERT_OK(oa_cancel(t));
	EXPECT_EQ(3, join_long(t));
	close_both(fds);
}

static char much[1 << 20];

static void *sends_much(void *arg)
{
	return as_result(oa_send(*(int *)arg, much, sizeof(much), 0));
}

static void *sends_all_of_much(void *arg)
{
	size_t done = 0;

	EXPECT_ERR(oa_send_all(*(int *)arg, much, sizeof(much), &done),
		   -ECANCELED);
	return as_result(done);
}

static void *sendmsgs_much(void *arg)
{
	struct iovec v[2] = { { much, 12345 },
			      { much + 12345, sizeof(much) - 12345 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	return as_result(oa_sendmsg(*(int *)arg, &m, 0));
}

TASK_TEST_F(io_cut, half_a_send_is_told, .workers = variant->workers)
{
	static const oa_fn fns[] = { sends_much, sends_all_of_much,
				     sendmsgs_much };

	text_make(much, sizeof(much), 0);
	for (unsigned int i = 0; i < ARRAY_N(fns); i++) {
		size_t got = 0;
		oa_task_t t;
		int fds[2];

		make_unix_pair(fds, SOCK_STREAM);
		t = oa_spawn(fns[i], &fds[1]);
		until_parked(t);
		ASSERT_OK(oa_cancel(t));
		long sent = join_long(t);

		/* Neither more nor less than what it said. */
		EXPECT_GT(sent, 0);
		while (bytes_in(fds[0])) {
			char buf[1000];
			ssize_t n = oa_read(fds[0], buf, sizeof(buf));

			ASSERT_GT(n, 0);
			ASSERT_EQ((size_t)n, text_same(buf, (size_t)n, got));
			got += (size_t)n;
		}
		EXPECT_EQ((size_t)sent, got);
		close_both(fds);
	}
}

HARNESS_MAIN
