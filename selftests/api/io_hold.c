// SPDX-License-Identifier: MIT
/* Receives that are put off while much is ready lose nothing by that. */
#include "io_test.h"

#define CROWD	100	/* ready all the time */
#define AHEAD	8	/* receives that are put off before ours */
#define MANY	300
#define SILENT	220	/* of them, until the others have received */
#define ROUNDS	20

enum end { BY_DATA, BY_CANCEL, BY_CLOSE, BY_DEADLINE };

FIXTURE(io_hold) {
	int fds[2];		/* of the receiver that is watched */
	int ahead[AHEAD][2];
	int behind[2];		/* one that comes after it was asked to end */
	int many[MANY][2];
	int stop, waits, after;
	enum end end;
	bool vec;
	oa_time_t until;
	oa_task_t t;
	unsigned int crowd, arrived;	/* have been there */
};
VARIANTS_WORKERS(io_hold);

typedef struct io_hold_fixture_data data;

FIXTURE_SETUP(io_hold)
{
	self->fds[0] = self->fds[1] = -1;
}

FIXTURE_TEARDOWN(io_hold)
{
	for (int i = 0; i < 2; i++)
		if (self->fds[i] >= 0)
			ASSERT_EQ(0, close(self->fds[i]));
}

#define HERE	.worker = OA_WORKER(0)

static long receive(data *s, int fd, char *buf, size_t n)
{
	struct iovec v = { buf, n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	return s->vec ? oa_recvmsg(fd, &m, 0) : oa_recv(fd, buf, n, 0);
}

/* From here on all of the crowd are ready, but for the one that runs. */
static void until_crowded(data *s)
{
	while (SEEN(s->crowd) < CROWD)
		ASSERT_OK(oa_yield());
}

static void *receives(void *arg)
{
	data *s = arg;
	char c[4];
	long n = 0;

	until_crowded(s);
	TELL(s->waits, 1);
	if (s->end == BY_DEADLINE) {
		struct oa_deadline d;

		s->until = oa_after(2 * OA_MSEC);
		ASSERT_OK(oa_deadline_enter(&d, s->until));
		n = receive(s, s->fds[0], c, sizeof(c));
		ASSERT_OK(oa_deadline_leave(&d));
	} else {
		n = receive(s, s->fds[0], c, sizeof(c));
	}
	TELL(s->waits, 3);
	return as_result(n);
}

/* The first that runs after the receiver has come to wait. */
static void end_it(data *s)
{
	switch (s->end) {
	case BY_DATA:
		ASSERT_EQ(1, oa_send(s->fds[1], "x", 1, 0));
		break;
	case BY_CANCEL:
		ASSERT_OK(oa_cancel(s->t));
		break;
	case BY_CLOSE:
		ASSERT_OK(oa_close(s->fds[0]));
		s->fds[0] = -1;
		break;
	case BY_DEADLINE:
		while (oa_now() <= s->until)
			;
		break;
	}
}

static bool is_first(int *state, int from, int to)
{
	return __atomic_compare_exchange_n(state, &from, to, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static void *crowds(void *arg)
{
	data *s = arg;
	char c;

	COUNT(s->crowd);
	while (!SEEN(s->stop)) {
		if (is_first(&s->waits, 1, 2)) {
			TELL(s->after, 1);
			end_it(s);
		} else if (is_first(&s->after, 1, 2)) {
			ASSERT_EQ(1, oa_recv(s->behind[0], &c, 1, 0));
			TELL(s->after, 3);
		}
		oa_yield();
	}
	return NULL;
}

/* What the crowd is to be there for. */
static data *crowded;

static void *receives_one(void *arg)
{
	char c;

	if (crowded)
		until_crowded(crowded);
	return as_result(oa_recv(((int *)arg)[0], &c, 1, 0));
}

/* How a receive ends that was put off behind others, with data there or not. */
static void ends(data *s, enum end end, bool there, long want)
{
	oa_task_t crowd[CROWD], ahead[AHEAD];
	uint64_t held = STAT(NULL, held);

	make_unix_pair(s->fds, SOCK_STREAM);
	if (there)
		ASSERT_EQ(1, write(s->fds[1], "y", 1));
	s->end = end;
	make_unix_pair(s->behind, SOCK_STREAM);
	ASSERT_EQ(1, write(s->behind[1], "b", 1));
	s->stop = s->waits = s->after = 0;
	s->crowd = 0;
	crowded = s;
	for (int i = 0; i < AHEAD; i++) {
		make_unix_pair(s->ahead[i], SOCK_STREAM);
		ahead[i] = oa_spawn(receives_one, s->ahead[i], HERE);
	}
	s->t = oa_spawn(receives, s, HERE);
	for (int i = 0; i < CROWD; i++)
		crowd[i] = oa_spawn(crowds, s, HERE);
	EXPECT_EQ(want, join_long(s->t));
	EXPECT_EQ(3, s->waits);
	for (int i = 0; i < AHEAD; i++) {
		ASSERT_EQ(1, oa_send(s->ahead[i][1], "a", 1, 0));
		EXPECT_EQ(1, join_long(ahead[i]));
		close_both(s->ahead[i]);
	}
	task_wait_until(SEEN(s->after) == 3);
	close_both(s->behind);
	TELL(s->stop, 1);
	for (int i = 0; i < CROWD; i++)
		ASSERT_OK(oa_join(crowd[i], NULL));
	EXPECT_GT(STAT(NULL, held), held);
	for (int i = 0; i < 2; i++)
		if (s->fds[i] >= 0)
			ASSERT_EQ(0, close(s->fds[i]));
	s->fds[0] = s->fds[1] = -1;
}

static void ends_all(data *s)
{
	ends(s, BY_DATA, false, 1);
	ends(s, BY_CANCEL, false, -ECANCELED);
	ends(s, BY_CANCEL, true, 1);
	ends(s, BY_CLOSE, false, -EBADF);
	ends(s, BY_CLOSE, true, 1);
	ends(s, BY_DEADLINE, false, -ETIMEDOUT);
	ends(s, BY_DEADLINE, true, 1);
}

TASK_TEST_F(io_hold, however_it_ends, .workers = variant->workers)
{
	for (int i = 0; i < 5; i++)
		ends_all(self);
}

TASK_TEST_F(io_hold, messages_as_well, .workers = variant->workers)
{
	self->vec = true;
	ends_all(self);
}

TASK_TEST_F(io_hold, the_urgent_are_not, .workers = variant->workers)
{
	oa_task_t crowd[CROWD], t;
	uint64_t held = STAT(NULL, held);

	make_unix_pair(self->fds, SOCK_STREAM);
	self->waits = 3;
	crowded = self;
	for (int i = 0; i < CROWD; i++)
		crowd[i] = oa_spawn(crowds, self, HERE);
	t = oa_spawn(receives_one, self->fds, HERE, .prio = 1);
	until_parked(t);
	ASSERT_EQ(1, oa_send(self->fds[1], "x", 1, 0));
	EXPECT_EQ(1, join_long(t));
	EXPECT_EQ(held, STAT(NULL, held));
	TELL(self->stop, 1);
	for (int i = 0; i < CROWD; i++)
		ASSERT_OK(oa_join(crowd[i], NULL));
}

/* What comes back is what was sent, while all are ready all the time. */
static void *answers(void *arg)
{
	int *fds = arg;
	char c[8];
	ssize_t n;

	while ((n = oa_recv(fds[0], c, sizeof(c), 0)) > 0)
		ASSERT_OK(oa_send_all(fds[0], c, (size_t)n, NULL));
	return as_result(n);
}

static void *asks(void *arg)
{
	int *fds = arg;
	char c[3], d[3];

	for (size_t i = 0; i < ROUNDS; i++) {
		text_make(c, 3, i);
		ASSERT_OK(oa_send_all(fds[1], c, 3, NULL));
		ASSERT_OK(oa_recv_all(fds[1], d, 3, NULL));
		ASSERT_EQ(3u, text_same(d, 3, i));
	}
	ASSERT_OK(oa_sock_shutdown(fds[1], SHUT_WR));
	return NULL;
}

static void ask_many(data *s, int worker)
{
	oa_task_t t[2 * MANY];
	uint64_t held = STAT(NULL, held);

	for (int i = 0; i < MANY; i++) {
		make_unix_pair(s->many[i], SOCK_STREAM);
		t[2 * i] = oa_spawn(answers, s->many[i], .worker = worker);
		t[2 * i + 1] = oa_spawn(asks, s->many[i], .worker = worker);
	}
	for (int i = 0; i < 2 * MANY; i++)
		EXPECT_EQ(0, join_long(t[i]));
	for (int i = 0; i < MANY; i++)
		close_both(s->many[i]);
	if (worker)
		EXPECT_GT(STAT(NULL, held), held);
}

TASK_TEST_F(io_hold, a_crowd_of_connections, .workers = variant->workers)
{
	ask_many(self, 0);
}

TASK_TEST_F(io_hold, a_crowd_on_one_worker, .workers = variant->workers)
{
	ask_many(self, OA_WORKER(0));
}

static void *receives_then(void *arg)
{
	char c;

	until_crowded(crowded);
	COUNT(crowded->arrived);
	return as_result(oa_recv(((int *)arg)[0], &c, 1, 0));
}

static void *leaves(void *arg)
{
	data *s = arg;

	COUNT(s->crowd);
	while (SEEN(s->arrived) < MANY)
		oa_yield();
	return NULL;
}

/* Nothing is ready any more, and many are put off: their worker does not sleep. */
TASK_TEST_F(io_hold, the_crowd_leaves_at_once, .workers = variant->workers)
{
	oa_task_t t[MANY], crowd[CROWD];

	for (int i = 0; i < MANY; i++) {
		make_unix_pair(self->many[i], SOCK_STREAM);
		if (i >= SILENT)
			ASSERT_EQ(1, write(self->many[i][1], "x", 1));
	}
	crowded = self;
	for (int round = 0; round < 20; round++) {
		self->crowd = self->arrived = 0;
		for (int i = 0; i < MANY; i++)
			t[i] = oa_spawn(receives_then, self->many[i], HERE);
		for (int i = 0; i < CROWD; i++)
			crowd[i] = oa_spawn(leaves, self, HERE);
		for (int i = SILENT; i < MANY; i++) {
			EXPECT_EQ(1, join_long(t[i]));
			ASSERT_EQ(1, write(self->many[i][1], "x", 1));
		}
		for (int i = 0; i < SILENT; i++) {
			ASSERT_EQ(1, write(self->many[i][1], "x", 1));
			EXPECT_EQ(1, join_long(t[i]));
		}
		for (int i = 0; i < CROWD; i++)
			ASSERT_OK(oa_join(crowd[i], NULL));
	}
	for (int i = 0; i < MANY; i++)
		close_both(self->many[i]);
}

static void *main_of_many(void *arg)
{
	data *s = arg;

	/* They are refused from the moment on at which all are to end. */
	for (int i = 0; i < MANY; i++)
		oa_go(receives_one, s->many[i]);
	for (int i = 0; i < CROWD; i++)
		oa_go(crowds, s);
	while (!SEEN(s->stop))
		oa_yield();
	return NULL;
}

/* At any moment: some are put off, some are with the kernel. */
TEST_F(io_hold, shut_down_at_once)
{
	for (int i = 0; i < MANY; i++)
		make_unix_pair(self->many[i], SOCK_STREAM);
	self->waits = 3;
	for (unsigned int round = 0; round < 20; round++) {
		struct oa_runtime *rt;
		struct oa_ended e;

		ASSERT_OK(oa_start(&rt, main_of_many, self,
				   .workers = variant->workers));
		wait_until(STAT(rt, requests) > round * 5);
		ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_NOW));
		ASSERT_OK(oa_runtime_wait(rt, &e));
		EXPECT_GT(e.dropped + e.abandoned, 0u);
		ASSERT_OK(oa_runtime_free(rt));
	}
	for (int i = 0; i < MANY; i++)
		close_both(self->many[i]);
}

HARNESS_MAIN
