// SPDX-License-Identifier: MIT
/* Cancelling: whatever the task is doing, once is enough, nothing is lost. */
#include "api_test.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

FIXTURE(cancel) { unsigned int n, dropped; int flag; };
VARIANTS_WORKERS(cancel);

FIXTURE_SETUP(cancel)
{
}

FIXTURE_TEARDOWN(cancel)
{
}

static void *add_one(void *counter)
{
	COUNT(*(unsigned int *)counter);
	return NULL;
}

static void *sleeps(void *arg)
{
	(void)arg;
	return oa_err(oa_sleep(OA_FOREVER));
}

static void *joins(void *arg)
{
	return oa_err(oa_join(*(oa_task_t *)arg, NULL));
}

static void count_drop(void *arg)
{
	COUNT(*(unsigned int *)arg);
}

static int join_code(oa_task_t t)
{
	void *result = NULL;

	ASSERT_OK(oa_join(t, &result));
	return oa_err_code(result);
}

static void until_parked(oa_task_t t)
{
	task_wait_until(task_state(NULL, t) == OA_TASK_PARKED);
}

TASK_TEST_F(cancel, a_delayed_one, .workers = variant->workers)
{
	oa_task_t t = oa_spawn(add_one, &self->n, .delay = 1000 * OA_SEC);

	ASSERT_OK(oa_cancel(t));
	EXPECT_ERR(join_code(t), -ECANCELED);
	EXPECT_EQ(0u, self->n);
}

static void *takes_all_places(void *arg)
{
	unsigned int *n = arg;
	oa_task_t t = oa_spawn(add_one, n);

	/* This is the only worker: it has not started. */
	ASSERT_OK(oa_cancel(t));
	EXPECT_ERR(join_code(t), -ECANCELED);
	EXPECT_EQ(0u, *n);
	return NULL;
}

TEST(a_queued_one)
{
	unsigned int n = 0;

	ASSERT_OK(oa_run(takes_all_places, &n, .workers = 1));
}

TASK_TEST_F(cancel, a_sleeping_one, .workers = variant->workers)
{
	oa_task_t t = oa_spawn(sleeps, NULL);

	until_parked(t);
	ASSERT_OK(oa_cancel(t));
	EXPECT_ERR(join_code(t), -ECANCELED);
}

TASK_TEST_F(cancel, a_joining_one_leaves_the_handle_good,
	    .workers = variant->workers)
{
	oa_task_t t = oa_spawn(sleeps, NULL), j = oa_spawn(joins, &t);

	until_parked(j);
	EXPECT_ERR(oa_join(t, NULL), -EINVAL);
	ASSERT_OK(oa_cancel(j));
	EXPECT_ERR(join_code(j), -ECANCELED);
	/* The right to join has come back. */
	EXPECT_ERR(oa_join_until(t, NULL, oa_now()), -ETIMEDOUT);
	ASSERT_OK(oa_cancel(t));
	EXPECT_ERR(join_code(t), -ECANCELED);
}

static void *joins_the_ended(void *arg)
{
	oa_task_t t = oa_spawn(add_one, arg);

	task_wait_until(task_state(NULL, t) == OA_TASK_ENDED);
	ASSERT_OK(oa_cancel(oa_self()));
	EXPECT_ERR(oa_join(t, NULL), -ECANCELED);
	EXPECT_ERR(oa_join_until(t, NULL, 0), -ECANCELED);
	EXPECT_OK(oa_detach(t));
	return NULL;
}

TASK_TEST_F(cancel, a_join_fails_even_if_the_other_has_ended,
	    .workers = variant->workers)
{
	EXPECT_OK(join_code(oa_spawn(joins_the_ended, &self->n)));
	EXPECT_EQ(1u, self->n);
}

/* Those that need not wait for anybody fail, too. */
static void expect_files_refused(int fd)
{
	struct iovec v = { &(char){ 0 }, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct open_how how = { .flags = O_RDONLY };
	struct statx st;

	EXPECT_ERR(oa_pread(fd, v.iov_base, 1, 0), -ECANCELED);
	EXPECT_ERR(oa_pwrite(fd, v.iov_base, 1, 0), -ECANCELED);
	EXPECT_ERR(oa_readv(fd, &v, 1), -ECANCELED);
	EXPECT_ERR(oa_writev(fd, &v, 1), -ECANCELED);
	EXPECT_ERR(oa_openat(AT_FDCWD, "/", O_RDONLY), -ECANCELED);
	EXPECT_ERR(oa_openat2(AT_FDCWD, "/", &how, sizeof(how)), -ECANCELED);
	EXPECT_ERR(oa_statx(AT_FDCWD, "/", 0, STATX_TYPE, &st), -ECANCELED);
	EXPECT_ERR(oa_fsync(fd), -ECANCELED);
	EXPECT_ERR(oa_splice(fd, NULL, fd, NULL, 1, 0), -ECANCELED);
	EXPECT_ERR(oa_connect(fd, (struct sockaddr *)&to, sizeof(to)),
		   -ECANCELED);
	EXPECT_ERR(oa_accept(fd, NULL, NULL), -ECANCELED);
	EXPECT_ERR(oa_send(fd, v.iov_base, 1, 0), -ECANCELED);
	EXPECT_ERR(oa_recv(fd, v.iov_base, 1, 0), -ECANCELED);
	EXPECT_ERR(oa_sendmsg(fd, &m, 0), -ECANCELED);
	EXPECT_ERR(oa_recvmsg(fd, &m, 0), -ECANCELED);
	EXPECT_ERR(oa_send_all(fd, v.iov_base, 1, NULL), -ECANCELED);
	EXPECT_ERR(oa_recv_all(fd, v.iov_base, 1, NULL), -ECANCELED);
}

static void *sees_it_stick(void *arg)
{
	struct pollfd p = { .fd = -1 };
	int fds[2];
	char c = 0;

	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(0, oa_cancelled());
	EXPECT_ERR(oa_sleep(OA_FOREVER), -ECANCELED);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(1, oa_cancelled());
		EXPECT_ERR(oa_sleep(1), -ECANCELED);
		EXPECT_ERR(oa_sleep(0), -ECANCELED);
		EXPECT_ERR(oa_sleep_until(1), -ECANCELED);
		EXPECT_ERR(oa_yield(), -ECANCELED);
		EXPECT_ERR(oa_write(fds[1], &c, 1), -ECANCELED);
		EXPECT_ERR(oa_read(fds[0], &c, 1), -ECANCELED);
		EXPECT_ERR(oa_poll(&p, 1, 0), -ECANCELED);
		expect_files_refused(fds[1]);
	}
	/* Nothing was done: the pipe is empty. */
	EXPECT_EQ(0, poll(&(struct pollfd){ .fd = fds[0], .events = POLLIN },
			  1, 0));
	/* What a clean-up needs works as ever. */
	EXPECT_OK(oa_go(add_one, arg));
	EXPECT_OK(oa_close(fds[0]));
	EXPECT_OK(oa_close(fds[1]));
	return NULL;
}

TASK_TEST_F(cancel, sticks, .workers = variant->workers)
{
	oa_task_t t = oa_spawn(sees_it_stick, &self->n);

	until_parked(t);
	ASSERT_OK(oa_cancel(t));
	/* Twice is once. */
	oa_cancel(t);
	EXPECT_OK(join_code(t));
	task_wait_until(SEEN(self->n) == 1);
}

/* They never suspend, so they are no cancellation points. */
static void *uses_sockets_all_the_same(void *arg)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct oa_deadline past;
	char c;
	int sv[2], fd;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	if (arg)
		ASSERT_OK(oa_cancel(oa_self()));
	else
		ASSERT_OK(oa_deadline_enter(&past, 1));
	EXPECT_ERR(oa_yield(), arg ? -ECANCELED : -ETIMEDOUT);
	fd = oa_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_GE(fd, 0);
	EXPECT_OK(oa_bind(fd, (struct sockaddr *)&at, sizeof(at)));
	EXPECT_OK(oa_listen(fd, 1));
	EXPECT_OK(oa_sock_shutdown(sv[0], SHUT_WR));
	/* The other side has heard of it. */
	EXPECT_EQ(0, recv(sv[1], &c, 1, MSG_DONTWAIT));
	EXPECT_OK(oa_close(fd));
	EXPECT_OK(oa_close(sv[0]));
	EXPECT_OK(oa_close(sv[1]));
	if (!arg)
		EXPECT_OK(oa_deadline_leave(&past));
	return NULL;
}

TASK_TEST_F(cancel, what_never_waits_is_done, .workers = variant->workers)
{
	EXPECT_OK(join_code(oa_spawn(uses_sockets_all_the_same, self)));
	EXPECT_OK(join_code(oa_spawn(uses_sockets_all_the_same, NULL)));
}

static void *yields_until_cancelled(void *arg)
{
	while (!oa_yield())
		TELL(*(int *)arg, 1);
	return oa_err(oa_cancelled() ? -ECANCELED : -EIO);
}

static void *points_until_cancelled(void *arg)
{
	int err;

	TELL(*(int *)arg, 1);
	do
		err = oa_yield_point();
	while (!err);
	EXPECT_ERR(err, -ECANCELED);
	return oa_err(err);
}

TASK_TEST_F(cancel, a_yielding_one, .workers = variant->workers)
{
	int told[2] = { 0 };
	oa_task_t a = oa_spawn(yields_until_cancelled, &told[0]);
	oa_task_t b = oa_spawn(points_until_cancelled, &told[1]);

	task_wait_until(SEEN(told[0]) && SEEN(told[1]));
	ASSERT_OK(oa_cancel(a));
	ASSERT_OK(oa_cancel(b));
	EXPECT_ERR(join_code(a), -ECANCELED);
	EXPECT_ERR(join_code(b), -ECANCELED);
}

static void *cancels_itself(void *arg)
{
	EXPECT_OK(oa_cancel(oa_self()));
	EXPECT_EQ(1, oa_cancelled());
	EXPECT_OK(oa_cancel(oa_self()));
	EXPECT_ERR(oa_yield(), -ECANCELED);
	return arg;
}

TASK_TEST_F(cancel, oneself, .workers = variant->workers)
{
	void *result;

	ASSERT_OK(oa_join(oa_spawn(cancels_itself, self), &result));
	/* Its result is what its body said. */
	EXPECT_EQ((void *)self, result);
}

TASK_TEST_F(cancel, what_has_ended_keeps_its_result,
	    .workers = variant->workers)
{
	oa_task_t t = oa_spawn(cancels_itself, self);
	void *result;

	task_wait_until(task_state(NULL, t) == OA_TASK_ENDED);
	EXPECT_ERR(oa_cancel(t), -ESRCH);
	ASSERT_OK(oa_join(t, &result));
	EXPECT_EQ((void *)self, result);
}

static void *spawns_and_waits(void *arg)
{
	oa_task_t *kid = arg;

	*kid = oa_spawn(sleeps, NULL);
	return oa_err(oa_sleep(OA_FOREVER));
}

TASK_TEST_F(cancel, does_not_touch_what_it_started,
	    .workers = variant->workers)
{
	oa_task_t kid = { 0 }, t = oa_spawn(spawns_and_waits, &kid);

	until_parked(t);
	ASSERT_OK(oa_cancel(t));
	EXPECT_ERR(join_code(t), -ECANCELED);
	EXPECT_ERR(oa_join_until(kid, NULL, oa_after(OA_MSEC)), -ETIMEDOUT);
	ASSERT_OK(oa_cancel(kid));
	EXPECT_ERR(join_code(kid), -ECANCELED);
}

TASK_TEST_F(cancel, by_the_handle_of_a_failed_spawn,
	    .workers = variant->workers)
{
	oa_task_t t = oa_spawn(NULL, NULL);

	EXPECT_ERR(oa_cancel(t), -EINVAL);
	EXPECT_ERR(oa_join(t, NULL), -EINVAL);
	EXPECT_ERR(oa_detach(t), -EINVAL);
}

/* Many, and races. */

TASK_TEST_F(cancel, thousands_of_sleepers, .workers = variant->workers)
{
	enum { N = 3000 };
	static oa_task_t t[N];

	for (int i = 0; i < N; i++)
		t[i] = oa_spawn(sleeps, NULL);
	for (int i = 0; i < N; i++)
		ASSERT_OK(oa_cancel(t[i]));
	for (int i = 0; i < N; i++)
		ASSERT_ERR(join_code(t[i]), -ECANCELED);
}

static void *short_sleep(void *arg)
{
	int err = oa_sleep_until(*(oa_time_t *)arg);

	if (!err)
		EXPECT_GE(oa_now(), *(oa_time_t *)arg);
	return oa_err(err);
}

TASK_TEST_F(cancel, races_the_end_of_a_sleep, .workers = variant->workers)
{
	enum { N = 64 };
	unsigned int slept = 0, cancelled = 0;
	oa_time_t due;
	oa_task_t t[N];

	for (int round = 0; round < 20; round++) {
		due = oa_after(300 * OA_USEC);
		for (int i = 0; i < N; i++)
			t[i] = oa_spawn(short_sleep, &due);
		while (oa_now() < due - 20 * OA_USEC)
			ASSERT_OK(oa_yield());
		for (int i = 0; i < N; i++) {
			int err = oa_cancel(t[i]);

			ASSERT_TRUE(!err || err == -ESRCH);
		}
		for (int i = 0; i < N; i++) {
			int err = join_code(t[i]);

			ASSERT_TRUE(!err || err == -ECANCELED);
			err ? cancelled++ : slept++;
		}
	}
	EXPECT_EQ(20u * N, slept + cancelled);
}

struct racers {
	oa_task_t t[500];
	int go;
};

static void *cancel_all(void *arg)
{
	struct racers *r = arg;

	while (!SEEN(r->go))
		sched_yield();
	for (int i = 0; i < 500; i++) {
		int err = oa_cancel(r->t[i]);

		ASSERT_TRUE(!err || err == -ESRCH);
	}
	return NULL;
}

static void *runs_or_not(void *arg)
{
	COUNT(*(unsigned int *)arg);
	return oa_err(oa_sleep(OA_FOREVER));
}

/* From threads that are no workers, while the tasks start. */
TASK_TEST_F(cancel, from_foreign_threads, .workers = variant->workers)
{
	static struct racers r;
	pthread_t th[4];

	for (int round = 0; round < 5; round++) {
		self->n = self->dropped = 0;
		TELL(r.go, 0);
		for (int i = 0; i < 4; i++)
			thread_start(&th[i], cancel_all, &r);
		for (int i = 0; i < 500; i++)
			r.t[i] = i % 3 ? oa_spawn(runs_or_not, &self->n)
				: oa_spawn(runs_or_not, &self->n,
					   .delay = 10 * OA_USEC,
					   .on_drop = count_drop);
		TELL(r.go, 1);
		for (int i = 0; i < 500; i++)
			ASSERT_ERR(join_code(r.t[i]), -ECANCELED);
		for (int i = 0; i < 4; i++)
			thread_end(th[i]);
	}
	EXPECT_LE(SEEN(self->n), 500u);
}

static void *cancel_each(void *arg)
{
	struct racers *r = arg;

	for (int i = 0; i < 500; i++) {
		while (!SEEN(r->t[i].id))
			if (oa_yield())
				return NULL;
		oa_cancel(r->t[i]);
	}
	return NULL;
}

/* Right behind the spawn, before, while and after the join takes the task. */
TASK_TEST_F(cancel, races_start_and_join, .workers = variant->workers)
{
	static struct racers r;

	for (int round = 0; round < 5; round++) {
		oa_task_t c[3];

		for (int i = 0; i < 500; i++)
			TELL(r.t[i].id, 0);
		for (int i = 0; i < 3; i++)
			c[i] = oa_spawn(cancel_each, &r);
		for (int i = 0; i < 500; i++) {
			oa_task_t t = oa_spawn(runs_or_not, &self->n,
					       .on_drop = count_drop);

			TELL(r.t[i].id, t.id);
			ASSERT_ERR(join_code(t), -ECANCELED);
		}
		for (int i = 0; i < 3; i++)
			ASSERT_OK(oa_join(c[i], NULL));
	}
	/* Each ran or was dropped. */
	EXPECT_EQ(2500u, SEEN(self->n));
}

HARNESS_MAIN
