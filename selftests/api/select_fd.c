// SPDX-License-Identifier: MIT
/* Descriptors as cases: readiness is told, nothing is read, nothing stays. */
#include "actors.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define N	4

FIXTURE(select_fd) {
	int p[N][2], at;
	struct oa_event event;
	struct oa_sem sem;
	unsigned int got;
};
VARIANTS_WORKERS(select_fd);

typedef struct select_fd_fixture_data data;

FIXTURE_SETUP(select_fd)
{
	for (int i = 0; i < N; i++)
		ASSERT_EQ(0, pipe(self->p[i]));
}

FIXTURE_TEARDOWN(select_fd)
{
	for (int i = 0; i < N; i++) {
		close(self->p[i][0]);
		close(self->p[i][1]);
	}
}

static void put(data *d, int i)
{
	ASSERT_EQ(1, write(d->p[i][1], "x", 1));
}

static void take(data *d, int i)
{
	char c = 0;

	ASSERT_EQ(1, read(d->p[i][0], &c, 1));
	ASSERT_EQ('x', c);
}

static int bytes_in(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0);
}

static void read_cases(data *d, struct oa_case *c)
{
	for (int i = 0; i < N; i++)
		c[i] = (struct oa_case)OA_CASE_FD(d->p[i][0], POLLIN);
}

TASK_TEST_F(select_fd, ready_at_once, .workers = variant->workers)
{
	struct oa_case c[N + 1];
	int i;

	read_cases(self, c);
	EXPECT_ERR(oa_tryselect(c, N), -EAGAIN);
	EXPECT_ERR(oa_select_until(c, N, 1), -ETIMEDOUT);
	EXPECT_ERR(oa_select_until(c, N, oa_after(OA_MSEC)), -ETIMEDOUT);
	for (int k = 0; k < N; k++) {
		put(self, k);
		i = k % 2 ? oa_select(c, N) : oa_tryselect(c, N);
		EXPECT_EQ(k, i);
		EXPECT_EQ(POLLIN, c[k].res);
		/* It is still there. */
		EXPECT_EQ(1, bytes_in(self->p[k][0]));
		EXPECT_EQ(k, oa_select(c, N));
		take(self, k);
		EXPECT_ERR(oa_tryselect(c, N), -EAGAIN);
	}
	c[0] = (struct oa_case)OA_CASE_FD(self->p[0][1], POLLOUT);
	EXPECT_EQ(0, oa_select(c, N));
	EXPECT_EQ(POLLOUT, c[0].res);
	EXPECT_EQ(0, oa_tryselect(c, 1));
}

TASK_TEST_F(select_fd, whoever_hangs_up, .workers = variant->workers)
{
	struct oa_case c[N];

	read_cases(self, c);
	ASSERT_EQ(0, close(self->p[2][1]));
	ASSERT_EQ(2, oa_select(c, N));
	EXPECT_TRUE(c[2].res > 0 && c[2].res & POLLHUP);
	close(self->p[2][0]);
	ASSERT_EQ(0, pipe(self->p[2]));
}

static void *waits(void *arg)
{
	data *d = arg;
	struct oa_case c[N + 2];

	read_cases(d, c);
	c[N] = (struct oa_case)OA_CASE_EVENT(&d->event);
	c[N + 1] = (struct oa_case)OA_CASE_SEM(&d->sem);
	d->at = oa_select(c, N + 2);
	if (d->at >= 0)
		EXPECT_EQ(d->at < N ? POLLIN : 0, c[d->at].res);
	return NULL;
}

TASK_TEST_F(select_fd, ready_later, .workers = variant->workers)
{
	for (int round = 0; round < (int)SCALED(100, 30); round++) {
		int k = round % (N + 2);
		oa_task_t t = oa_spawn(waits, self);

		if (round % 3)
			until_state(t, OA_TASK_PARKED);
		else if (round % 2)
			ASSERT_OK(oa_yield());
		if (k < N)
			put(self, k);
		else if (k == N)
			ASSERT_OK(oa_event_set(&self->event));
		else
			ASSERT_OK(oa_sem_post(&self->sem));
		ASSERT_OK(oa_join(t, NULL));
		EXPECT_EQ(k, self->at);
		if (k < N)
			take(self, k);
		else if (k == N)
			ASSERT_OK(oa_event_reset(&self->event));
		for (int i = 0; i < N; i++)
			ASSERT_EQ(0, bytes_in(self->p[i][0]));
		EXPECT_EQ(0u, oa_sem_value(&self->sem));
	}
}

/* All of it at once: one is taken, the rest stays. */
TASK_TEST_F(select_fd, losers_stay, .workers = variant->workers)
{
	for (int round = 0; round < (int)SCALED(100, 30); round++) {
		oa_task_t t = oa_spawn(waits, self);
		unsigned int left;

		if (round % 2)
			until_state(t, OA_TASK_PARKED);
		put(self, round % N);
		ASSERT_OK(oa_sem_post(&self->sem));
		put(self, (round + 1) % N);
		ASSERT_OK(oa_join(t, NULL));
		ASSERT_GE(self->at, 0);
		ASSERT_NE(N, self->at);
		/* Descriptors are only looked at; a permit is taken. */
		take(self, round % N);
		take(self, (round + 1) % N);
		left = oa_sem_value(&self->sem);
		ASSERT_EQ(self->at == N + 1 ? 0u : 1u, left);
		while (left--)
			ASSERT_OK(oa_sem_trywait(&self->sem));
	}
}

/* A wait that is withdrawn holds up no close and keeps nothing open. */
TASK_TEST_F(select_fd, nothing_stays_behind, .workers = variant->workers)
{
	for (int round = 0; round < (int)SCALED(300, 60); round++) {
		int fds[2];
		struct oa_case c[2];

		ASSERT_EQ(0, pipe(fds));
		c[0] = (struct oa_case)OA_CASE_FD(fds[0], POLLIN);
		c[1] = (struct oa_case)OA_CASE_AT(round % 2 ? 1 :
				oa_after(20 * OA_USEC));
		ASSERT_EQ(1, oa_select(c, 2));
		if (round % 3) {
			ASSERT_OK(oa_close(fds[0]));
			ASSERT_OK(oa_close(fds[1]));
		} else {
			close(fds[0]);
			/* The last reader is gone, also for the kernel. */
			signal(SIGPIPE, SIG_IGN);
			ASSERT_EQ(-1, write(fds[1], "x", 1));
			ASSERT_EQ(EPIPE, errno);
			close(fds[1]);
		}
	}
}

TASK_TEST_F(select_fd, cancelled, .workers = variant->workers)
{
	for (int round = 0; round < (int)SCALED(100, 30); round++) {
		oa_task_t t = oa_spawn(waits, self);

		until_state(t, OA_TASK_PARKED);
		if (round % 2)
			put(self, 0);
		oa_cancel(t);
		ASSERT_OK(oa_join(t, NULL));
		ASSERT_TRUE(self->at == -ECANCELED ||
			    (round % 2 && self->at == 0));
		if (round % 2)
			take(self, 0);
	}
}

static void *deadline(void *arg)
{
	data *d = arg;
	struct oa_deadline dl;

	OA_WITHIN(&dl, 2 * OA_MSEC)
		waits(d);
	EXPECT_EQ(1, oa_deadline_fired(&dl));
	return NULL;
}

TASK_TEST_F(select_fd, a_deadline_around_it, .workers = variant->workers)
{
	ASSERT_OK(oa_join(oa_spawn(deadline, self), NULL));
	EXPECT_ERR(self->at, -ETIMEDOUT);
}

/* The same descriptor twice, for the same and for different events. */
TASK_TEST_F(select_fd, one_descriptor_twice, .workers = variant->workers)
{
	int sv[2];
	struct oa_case c[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	for (int i = 0; i < 2; i++)
		c[i] = (struct oa_case)OA_CASE_FD(sv[0], POLLIN);
	EXPECT_ERR(oa_select_until(c, 2, oa_after(OA_MSEC)), -ETIMEDOUT);
	ASSERT_EQ(1, write(sv[1], "x", 1));
	EXPECT_GE(oa_select(c, 2), 0);
	c[0] = (struct oa_case)OA_CASE_FD(sv[1], POLLIN);
	c[1] = (struct oa_case)OA_CASE_FD(sv[1], POLLOUT);
	EXPECT_EQ(1, oa_select(c, 2));
	close(sv[0]);
	close(sv[1]);
}

static int outcome(struct oa_case *c)
{
	int i = oa_select(c, 1);

	return i ? i : c->res;
}

static void *not_here(void *arg)
{
	data *d = arg;
	struct oa_case c[] = {
		OA_CASE_FD(d->p[0][0], POLLIN), OA_CASE_AT(OA_FOREVER),
	};

	EXPECT_ERR(outcome(c), -EPERM);
	return NULL;
}

TASK_TEST_F(select_fd, only_in_tasks, .workers = variant->workers)
{
	struct actor a;

	put(self, 0);
	actor_start(&a, WHO_THREAD, 0, not_here, self);
	actor_end(&a);
	actor_start(&a, WHO_POOL, 0, not_here, self);
	actor_end(&a);
	take(self, 0);
}

TASK_TEST_F(select_fd, one_that_is_closed, .workers = variant->workers)
{
	struct oa_case c = OA_CASE_FD(dup(self->p[0][0]), POLLIN);
	int out;

	ASSERT_GE(c.u.poll.fd, 0);
	close(c.u.poll.fd);
	out = outcome(&c);
	EXPECT_TRUE(out == -EBADF || out == POLLNVAL);
}

/* What a select needs inside is no new work. */
static void *selects_late(void *arg)
{
	data *d = arg;
	struct oa_case c[] = {
		OA_CASE_FD(d->p[0][0], POLLIN),
		OA_CASE_FD(d->p[1][0], POLLIN),
	};

	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_DRAIN));
	EXPECT_ERR(oa_select_until(c, 2, oa_after(OA_MSEC)), -ETIMEDOUT);
	TELL(d->at, 1);
	EXPECT_EQ(1, oa_select(c, 2));
	EXPECT_EQ(POLLIN, c[1].res);
	return NULL;
}

TEST_F(select_fd, in_a_runtime_that_drains)
{
	struct oa_runtime *rt;

	self->at = 0;
	ASSERT_OK(oa_start(&rt, selects_late, self,
			   .workers = variant->workers));
	dump_runtime = rt;
	wait_until(SEEN(self->at));
	put(self, 1);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
	take(self, 1);
}

/* Readers that select over all pipes; each byte is somebody's. */

static void *reads_what_is_ready(void *arg)
{
	data *d = arg;
	struct oa_case c[N + 1];
	char b;

	read_cases(d, c);
	c[N] = (struct oa_case)OA_CASE_EVENT(&d->event);
	for (;;) {
		int i = oa_select(c, N + 1);

		ASSERT_GE(i, 0);
		if (i == N)
			break;
		ASSERT_TRUE(c[i].res & POLLIN);
		/* Another may have been faster. */
		if (read(d->p[i][0], &b, 1) == 1)
			COUNT(d->got);
	}
	return NULL;
}

TASK_TEST_F(select_fd, many_readers, .workers = variant->workers)
{
	oa_task_t t[3];
	unsigned int n = (unsigned int)SCALED(1000, 100);

	for (int i = 0; i < N; i++)
		ASSERT_EQ(0, fcntl(self->p[i][0], F_SETFL, O_NONBLOCK));
	for (int i = 0; i < 3; i++)
		t[i] = oa_spawn(reads_what_is_ready, self);
	for (unsigned int i = 0; i < n; i++) {
		ASSERT_EQ(1, oa_write(self->p[i % N][1], "x", 1));
		if (!(i % 8))
			ASSERT_OK(oa_yield());
	}
	task_wait_until(SEEN(self->got) == n);
	ASSERT_OK(oa_event_set(&self->event));
	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_join(t[i], NULL));
}

HARNESS_MAIN
