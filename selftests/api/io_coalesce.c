// SPDX-License-Identifier: MIT
/*
 * A worker may wait for several completions at once, where they come densely.
 * With a long .coalesce it is seen whether it does: nothing else ends such a
 * wait, unless what is tested here does.
 */
#include "io_test.h"

#include <sched.h>

#define PEERS	64
#define LONG	(300 * OA_MSEC)
#define TRIES	10
#define ENOUGH	3000	/* bytes after which it would have been seen */

FIXTURE(io_coalesce) {
	struct oa_runtime *rt;
	int fds[PEERS + 1][2];	/* the last: of the urgent one */
	unsigned int peers, sent, got, ran;
	bool urgent, lends, sleeps;
	int stop;
	struct oa_mutex m;
};

typedef struct io_coalesce_fixture_data data;

FIXTURE_SETUP(io_coalesce)
{
	char text[8192];

	oa_features(text, sizeof(text));
	if (!strstr(text, "\nmin-wait: yes") ||
	    !strstr(text, "\nsend-msg-ring: yes"))
		SKIP("this kernel does not wait for several");
	for (int i = 0; i <= PEERS; i++)
		make_unix_pair(self->fds[i], SOCK_STREAM);
	self->peers = PEERS;
}

FIXTURE_TEARDOWN(io_coalesce)
{
	for (int i = 0; i <= PEERS; i++)
		close_both(self->fds[i]);
}

static data *of;

static void *receives(void *arg)
{
	int *fds = arg;
	char c;

	while (oa_recv(fds[0], &c, 1, 0) == 1)
		COUNT(of->got);
	return NULL;
}

static void *sleeps(void *arg)
{
	while (!SEEN(of->stop))
		oa_sleep(10 * OA_MSEC);
	return arg;
}

static void *holds(void *arg)
{
	ASSERT_OK(oa_mutex_lock(&of->m));
	receives(arg);
	ASSERT_OK(oa_mutex_unlock(&of->m));
	return NULL;
}

static void *lends(void *arg)
{
	ASSERT_OK(oa_mutex_lock(&of->m));
	ASSERT_OK(oa_mutex_unlock(&of->m));
	return arg;
}

static void *begins(void *arg)
{
	oa_task_t t;

	data *s = arg;

	for (unsigned int i = 0; i < s->peers; i++)
		ASSERT_OK(oa_go(receives, s->fds[i]));
	if (s->urgent)
		ASSERT_OK(oa_go(receives, s->fds[PEERS], .prio = -1));
	if (s->lends) {
		t = oa_spawn(holds, s->fds[PEERS]);
		until_parked(t);
		ASSERT_OK(oa_detach(t));
		ASSERT_OK(oa_go(lends, NULL, .prio = -1));
	}
	if (s->sleeps)
		ASSERT_OK(oa_go(sleeps, NULL));
	return NULL;
}

static void start(data *s, oa_time_t coalesce)
{
	of = s;
	ASSERT_OK(oa_start(&s->rt, begins, s, .workers = 1,
			   .coalesce = coalesce));
	dump_runtime = s->rt;
}

static void finish(data *s)
{
	TELL(s->stop, 1);
	for (int i = 0; i <= PEERS; i++)
		ASSERT_EQ(0, shutdown(s->fds[i][1], SHUT_WR));
	ASSERT_OK(oa_runtime_wait(s->rt, NULL));
	EXPECT_EQ(s->sent, s->got);
	dump_runtime = NULL;
	ASSERT_OK(oa_runtime_free(s->rt));
}

/*
 * A byte to one after the other, each when the one before has been received
 * and the worker waits again. Until it does so for several, or a number of
 * bytes; true: it does.
 */
static bool until_it_coalesces(data *s, unsigned int most)
{
	uint64_t was = STAT(s->rt, coalesced), waits;

	for (unsigned int i = 0; i < most; i++) {
		waits = STAT(s->rt, waits_ring);
		ASSERT_EQ(1, write(s->fds[i % s->peers][1], "x", 1));
		s->sent++;
		while (STAT(s->rt, coalesced) == was &&
		       (SEEN(s->got) != s->sent ||
			STAT(s->rt, waits_ring) == waits))
			sched_yield();
		if (STAT(s->rt, coalesced) != was)
			return true;
	}
	return false;
}

static void *tells(void *arg)
{
	(void)arg;
	COUNT(of->ran);
	return NULL;
}

TEST_F(io_coalesce, a_kick_ends_it)
{
	oa_time_t from, took = 0;

	start(self, LONG);
	for (unsigned int i = 0; i < TRIES; i++) {
		ASSERT_TRUE(until_it_coalesces(self, 100000));
		from = oa_now();
		ASSERT_OK(oa_post(self->rt, tells, NULL, 0));
		while (SEEN(self->ran) != i + 1)
			sched_yield();
		took += oa_now() - from;
	}
	/* Else it would be LONG each time. */
	EXPECT_LT(took, TRIES * LONG / 4);
	finish(self);
}

TEST_F(io_coalesce, so_do_as_many_as_it_is_for)
{
	oa_time_t from, took = 0;
	unsigned int had;

	start(self, LONG);
	for (int i = 0; i < TRIES; i++) {
		ASSERT_TRUE(until_it_coalesces(self, 100000));
		from = oa_now();
		had = SEEN(self->got);
		for (int k = 0; k < 8; k++)
			ASSERT_EQ(1, write(self->fds[k][1], "x", 1));
		self->sent += 8;
		/* One that was on its way before may wait for others again. */
		while (SEEN(self->got) < had + 8)
			sched_yield();
		took += oa_now() - from;
	}
	EXPECT_LT(took, TRIES * LONG / 4);
	finish(self);
}

TEST_F(io_coalesce, and_time)
{
	start(self, LONG / 10);
	for (int i = 0; i < TRIES; i++) {
		ASSERT_TRUE(until_it_coalesces(self, 100000));
		while (SEEN(self->got) != self->sent)
			sched_yield();
	}
	finish(self);
}

TEST_F(io_coalesce, not_while_an_urgent_task_waits)
{
	self->urgent = true;
	start(self, LONG);
	EXPECT_FALSE(until_it_coalesces(self, ENOUGH));
	finish(self);
}

TEST_F(io_coalesce, nor_one_whom_it_waits_for)
{
	self->lends = true;
	start(self, LONG);
	EXPECT_FALSE(until_it_coalesces(self, ENOUGH));
	finish(self);
}

TEST_F(io_coalesce, but_when_it_has_ended)
{
	self->urgent = true;
	start(self, LONG);
	EXPECT_FALSE(until_it_coalesces(self, 10));
	ASSERT_EQ(0, shutdown(self->fds[PEERS][1], SHUT_WR));
	EXPECT_TRUE(until_it_coalesces(self, 100000));
	finish(self);
}

TEST_F(io_coalesce, not_before_a_timer)
{
	self->sleeps = true;
	start(self, LONG);
	EXPECT_FALSE(until_it_coalesces(self, ENOUGH));
	finish(self);
}

TEST_F(io_coalesce, not_where_few_wait)
{
	self->peers = 8;
	start(self, LONG);
	EXPECT_FALSE(until_it_coalesces(self, ENOUGH));
	finish(self);
}

TEST_F(io_coalesce, not_if_the_program_says_so)
{
	start(self, 1);
	EXPECT_FALSE(until_it_coalesces(self, ENOUGH));
	finish(self);
}

TEST_F(io_coalesce, bad_times_are_refused)
{
	EXPECT_ERR(oa_run(tells, NULL, .coalesce = -1), -EINVAL);
	EXPECT_ERR(oa_run(tells, NULL, .coalesce = OA_SEC + 1), -EINVAL);
}

HARNESS_MAIN
