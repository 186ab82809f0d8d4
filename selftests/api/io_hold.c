// SPDX-License-Identifier: MIT
/* Receives that are put off while much is ready lose nothing by that. */
#include "io_test.h"

#define CROWD	250	/* receivers whose next message is always there */
#define AHEAD	80	/* receives that are put off before ours */
#define MANY	300
#define SILENT	220	/* of them, until the others have received */

enum end { BY_DATA, BY_CANCEL, BY_CLOSE, BY_DEADLINE };

FIXTURE(io_hold) {
	int fds[2];		/* of the receiver that is watched */
	int ahead[AHEAD][2];
	int behind[2];		/* one that comes after it was asked to end */
	int many[MANY][2];
	int stop, waits, after;
	enum end end;
	bool vec, at_once, all_held;
	oa_time_t until;
	oa_task_t t;
	struct oa_event go, ahead_wait, locked;
	struct oa_mutex m;
	uint64_t turns, others;	/* of receivers, of tasks that yield */
	uint64_t held;
	unsigned int seq, ours, theirs, arrived, gone;
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

/* With few turns in between: those that are no receiver's are counted. */
#define UNTIL(cond) \
	do { \
		while (!(cond)) \
			ASSERT_OK(oa_sleep(OA_MSEC)); \
	} while (0)

static data *of;

/* Each turn ends in a receive of what is there. */
static void *crowds(void *arg)
{
	int *fds = arg;
	char c;

	while (!SEEN(of->stop)) {
		COUNT(of->turns);
		ASSERT_EQ(1, write(fds[1], "c", 1));
		ASSERT_EQ(1, oa_recv(fds[0], &c, 1, 0));
	}
	return NULL;
}

static oa_task_t crowd[CROWD];

/*
 * Until receives are put off, again if need be. Where turns are long, as with a
 * sanitizer, it may be that none is.
 */
static void until_held(data *s)
{
	uint64_t held = STAT(NULL, held), turns = SEEN(s->turns);

	UNTIL(STAT(NULL, held) > held + 4 * CROWD ||
	      SEEN(s->turns) > turns + 40 * CROWD);
}

/* For all to begin at once, so many that are there, and some being put off. */
static void all_go(data *s, unsigned int n)
{
	UNTIL(SEEN(s->arrived) == n);
	until_held(s);
	s->arrived = 0;
	ASSERT_OK(oa_event_set(&s->go));
}

static void waits_to_go(data *s)
{
	COUNT(s->arrived);
	ASSERT_OK(oa_event_wait(&s->go));
}

static void gather(data *s)
{
	of = s;
	s->stop = 0;
	for (int i = 0; i < CROWD; i++) {
		make_unix_pair(s->many[i], SOCK_STREAM);
		crowd[i] = oa_spawn(crowds, s->many[i], HERE);
	}
	until_held(s);
}

static void disperse(data *s)
{
	TELL(s->stop, 1);
	for (int i = 0; i < CROWD; i++) {
		ASSERT_OK(oa_join(crowd[i], NULL));
		close_both(s->many[i]);
	}
}

static long receive(data *s, int fd, char *buf, size_t n)
{
	struct iovec v = { buf, n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	return s->vec ? oa_recvmsg(fd, &m, 0) : oa_recv(fd, buf, n, 0);
}

static void end_it(data *s)
{
	switch (s->end) {
	case BY_DATA:
		ASSERT_EQ(1, write(s->fds[1], "x", 1));
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

static void *receives(void *arg)
{
	data *s = arg;
	struct oa_deadline d;
	char c[4];
	long n;

	waits_to_go(s);
	s->until = s->end == BY_DEADLINE ? oa_after(2 * OA_MSEC) : OA_FOREVER;
	TELL(s->waits, 1);
	ASSERT_OK(oa_deadline_enter(&d, s->until));
	n = receive(s, s->fds[0], c, sizeof(c));
	ASSERT_OK(oa_deadline_leave(&d));
	return as_result(n);
}

/* Runs after the receiver has come to wait. */
static void *ends(void *arg)
{
	data *s = arg;

	waits_to_go(s);
	while (!SEEN(s->waits))
		ASSERT_OK(oa_yield());
	end_it(s);
	return NULL;
}

static void *comes_after(void *arg)
{
	data *s = arg;
	char c;

	waits_to_go(s);
	return as_result(oa_recv(s->behind[0], &c, 1, 0));
}

static void *receives_one(void *arg)
{
	char c;

	waits_to_go(of);
	return as_result(oa_recv(((int *)arg)[0], &c, 1, 0));
}

/* How a receive ends that was put off behind others, with data there or not. */
static void end_by(data *s, enum end end, bool there, long want)
{
	oa_task_t ahead[AHEAD], by, after;

	make_unix_pair(s->fds, SOCK_STREAM);
	make_unix_pair(s->behind, SOCK_STREAM);
	if (there)
		ASSERT_EQ(1, write(s->fds[1], "y", 1));
	ASSERT_EQ(1, write(s->behind[1], "b", 1));
	s->end = end;
	s->waits = 0;
	s->go = (struct oa_event)OA_EVENT_INIT;
	for (int i = 0; i < AHEAD; i++) {
		make_unix_pair(s->ahead[i], SOCK_STREAM);
		ahead[i] = oa_spawn(receives_one, s->ahead[i], HERE);
	}
	s->t = oa_spawn(receives, s, HERE);
	by = oa_spawn(ends, s, HERE);
	after = oa_spawn(comes_after, s, HERE);
	all_go(s, AHEAD + 3);
	EXPECT_EQ(want, join_long(s->t));
	ASSERT_OK(oa_join(by, NULL));
	EXPECT_EQ(1, join_long(after));
	for (int i = 0; i < AHEAD; i++) {
		ASSERT_EQ(1, write(s->ahead[i][1], "a", 1));
		EXPECT_EQ(1, join_long(ahead[i]));
		close_both(s->ahead[i]);
	}
	close_both(s->behind);
	for (int i = 0; i < 2; i++)
		if (s->fds[i] >= 0)
			ASSERT_EQ(0, close(s->fds[i]));
	s->fds[0] = s->fds[1] = -1;
}

static void end_by_all(data *s)
{
	end_by(s, BY_DATA, false, 1);
	end_by(s, BY_CANCEL, false, -ECANCELED);
	end_by(s, BY_CANCEL, true, 1);
	end_by(s, BY_CLOSE, false, -EBADF);
	end_by(s, BY_CLOSE, true, 1);
	end_by(s, BY_DEADLINE, false, -ETIMEDOUT);
	end_by(s, BY_DEADLINE, true, 1);
}

TASK_TEST_F(io_hold, however_it_ends, .workers = variant->workers)
{
	gather(self);
	for (int i = 0; i < 5; i++)
		end_by_all(self);
	disperse(self);
}

TASK_TEST_F(io_hold, messages_as_well, .workers = variant->workers)
{
	self->vec = true;
	gather(self);
	end_by_all(self);
	disperse(self);
}

static void *tells_when(void *arg)
{
	struct iovec v;
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	int *fds = arg;
	char c;
	long n;

	v = (struct iovec){ &c, 1 };
	if (fds == of->fds) {
		ASSERT_OK(oa_event_wait(&of->ahead_wait));
		of->all_held = STAT(NULL, held) - of->held >= AHEAD;
		ASSERT_OK(oa_mutex_lock(&of->m));
		ASSERT_OK(oa_event_set(&of->locked));
	} else {
		waits_to_go(of);
		if (!of->gone)
			of->held = STAT(NULL, held);
		if (++of->gone == AHEAD)
			ASSERT_OK(oa_event_set(&of->ahead_wait));
	}
	if (fds == of->fds && of->at_once)
		n = oa_recvmsg(fds[0], &m, MSG_DONTWAIT);
	else
		n = oa_recv(fds[0], &c, 1, 0);
	COUNT(of->seq);
	if (fds != of->fds) {
		of->theirs = of->theirs ?: of->seq;
	} else {
		of->ours = of->seq;
		ASSERT_OK(oa_mutex_unlock(&of->m));
	}
	return as_result(n);
}

static void *wants_mutex(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_event_wait(&s->locked));
	ASSERT_OK(oa_mutex_lock(&s->m));
	ASSERT_OK(oa_mutex_unlock(&s->m));
	return NULL;
}

/* Ours was called after all of those: did it come back before any? */
static bool overtakes(data *s, int prio, bool lent)
{
	oa_task_t t[AHEAD], ours, other = { 0 };

	make_unix_pair(s->fds, SOCK_STREAM);
	ASSERT_EQ(1, write(s->fds[1], "x", 1));
	s->theirs = s->gone = 0;
	s->go = (struct oa_event)OA_EVENT_INIT;
	s->ahead_wait = (struct oa_event)OA_EVENT_INIT;
	s->locked = (struct oa_event)OA_EVENT_INIT;
	s->m = (struct oa_mutex)OA_MUTEX_INIT;
	for (int i = 0; i < AHEAD; i++) {
		make_unix_pair(s->ahead[i], SOCK_STREAM);
		ASSERT_EQ(1, write(s->ahead[i][1], "a", 1));
		t[i] = oa_spawn(tells_when, s->ahead[i], HERE);
	}
	ours = oa_spawn(tells_when, s->fds, HERE, .prio = prio);
	if (lent)
		other = oa_spawn(wants_mutex, s, HERE, .prio = OA_PRIO_MIN);
	all_go(s, AHEAD);
	EXPECT_EQ(1, join_long(ours));
	for (int i = 0; i < AHEAD; i++) {
		EXPECT_EQ(1, join_long(t[i]));
		close_both(s->ahead[i]);
	}
	if (lent)
		ASSERT_OK(oa_join(other, NULL));
	close_both(s->fds);
	s->fds[0] = s->fds[1] = -1;
	return s->ours < s->theirs;
}

/* By chance it may do so, or may not, as when all go on at once. */
static void overtakes_most(data *s, int prio, bool lent)
{
	unsigned int n = 0, of_those = 0;
	bool first;

	gather(s);
	for (int i = 0; i < 10; i++) {
		first = overtakes(s, prio, lent);
		n += first && s->all_held;
		of_those += s->all_held;
	}
	if (of_those)
		EXPECT_GT(2 * n, of_those);
	else
		TEST_LOG("none were put off");
	disperse(s);
}

TASK_TEST_F(io_hold, the_urgent_do_not_wait, .workers = variant->workers)
{
	overtakes_most(self, -1, false);
}

TASK_TEST_F(io_hold, nor_do_those_they_wait_for, .workers = variant->workers)
{
	overtakes_most(self, 0, true);
}

static void *yields(void *arg)
{
	while (!SEEN(of->stop)) {
		COUNT(of->others);
		oa_yield();
	}
	return arg;
}

/* Who is ready all the time gets his turns, and no more. */
TASK_TEST_F(io_hold, others_do_not_pass_them, .workers = variant->workers)
{
	oa_task_t t[20];
	uint64_t turns, others;

	gather(self);
	for (unsigned int i = 0; i < ARRAY_N(t); i++)
		t[i] = oa_spawn(yields, NULL, HERE);
	/* It takes so many until that is noticed. */
	UNTIL(SEEN(self->others) > 2000);
	turns = SEEN(self->turns);
	others = SEEN(self->others);
	UNTIL(SEEN(self->others) > others + 5000);
	turns = SEEN(self->turns) - turns;
	others = SEEN(self->others) - others;
	/* CROWD of them for those. */
	EXPECT_GT(turns * ARRAY_N(t), others * CROWD / 2);
	disperse(self);
	for (unsigned int i = 0; i < ARRAY_N(t); i++)
		ASSERT_OK(oa_join(t[i], NULL));
}

TASK_TEST_F(io_hold, nor_what_must_not_wait, .workers = variant->workers)
{
	self->at_once = true;
	overtakes_most(self, 0, false);
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

	for (size_t i = 0; i < 20; i++) {
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

	for (int i = 0; i < MANY; i++) {
		make_unix_pair(s->many[i], SOCK_STREAM);
		t[2 * i] = oa_spawn(answers, s->many[i], .worker = worker);
		t[2 * i + 1] = oa_spawn(asks, s->many[i], .worker = worker);
	}
	for (int i = 0; i < 2 * MANY; i++)
		EXPECT_EQ(0, join_long(t[i]));
	for (int i = 0; i < MANY; i++)
		close_both(s->many[i]);
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
	int *fds = arg;
	char c;

	/* Ready again and again until all of them are there. */
	COUNT(of->arrived);
	while (SEEN(of->arrived) < MANY || SEEN(of->turns) < 20 * MANY) {
		COUNT(of->turns);
		ASSERT_EQ(1, write(fds[1], "c", 1));
		ASSERT_EQ(1, oa_recv(fds[0], &c, 1, 0));
	}
	if (fds - &of->many[0][0] >= SILENT * 2)
		ASSERT_EQ(1, write(fds[1], "x", 1));
	return as_result(oa_recv(fds[0], &c, 1, 0));
}

/* Nothing is ready any more, and some are put off: their worker does not sleep. */
TASK_TEST_F(io_hold, the_crowd_falls_silent, .workers = variant->workers)
{
	oa_task_t t[MANY];

	of = self;
	for (int i = 0; i < MANY; i++)
		make_unix_pair(self->many[i], SOCK_STREAM);
	for (int round = 0; round < 10; round++) {
		self->arrived = 0;
		self->turns = 0;
		for (int i = 0; i < MANY; i++)
			t[i] = oa_spawn(receives_then, self->many[i], HERE);
		for (int i = SILENT; i < MANY; i++)
			EXPECT_EQ(1, join_long(t[i]));
		for (int i = 0; i < SILENT; i++) {
			ASSERT_EQ(1, write(self->many[i][1], "x", 1));
			EXPECT_EQ(1, join_long(t[i]));
		}
	}
	for (int i = 0; i < MANY; i++)
		close_both(self->many[i]);
}

static void *main_of_many(void *arg)
{
	data *s = arg;

	/* They are refused from the moment on at which all are to end. */
	for (int i = 0; i < MANY; i++)
		oa_go(crowds, s->many[i]);
	oa_sleep(OA_FOREVER);
	return NULL;
}

/* At any moment: some are put off, some are with the kernel. */
TEST_F(io_hold, shut_down_at_once)
{
	uint64_t held = 0;

	of = self;
	for (int i = 0; i < MANY; i++)
		make_unix_pair(self->many[i], SOCK_STREAM);
	for (unsigned int round = 0; round < 20; round++) {
		struct oa_runtime *rt;
		struct oa_ended e;

		ASSERT_OK(oa_start(&rt, main_of_many, self,
				   .workers = variant->workers));
		wait_until(STAT(rt, requests) > round * 400);
		held += STAT(rt, held);
		ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_NOW));
		ASSERT_OK(oa_runtime_wait(rt, &e));
		EXPECT_GT(e.dropped + e.abandoned, 0u);
		ASSERT_OK(oa_runtime_free(rt));
		for (int i = 0; i < MANY; i++)
			drain(self->many[i][0]);
	}
	if (!held)
		TEST_LOG("none was put off");
	for (int i = 0; i < MANY; i++)
		close_both(self->many[i]);
}

HARNESS_MAIN
