// SPDX-License-Identifier: MIT
/*
 * How many workers take part: the decision, look by look, and what a worker
 * does that is on standby.
 */
#include "core_test.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <oa.h>

#include "core/idle.h"
#include "core/standby.h"
#include "selftests/task_test.h"

/* The world as the next looks find it. */
static struct {
	oa_time_t now;
	uint64_t turns;
	oa_time_t unused;
	bool contended;
	unsigned int asked;
} at;

static bool contended(void *of)
{
	(void)of;
	at.asked++;
	return at.contended;
}

static oa_time_t unused(void *of)
{
	(void)of;
	return at.unused;
}

static const struct standby_ops ops = { contended, unused };

/* @ms later, after as many turns as there are at @rate a second. */
static oa_time_t look_at(struct standby *s, oa_time_t ms, uint64_t rate,
			 bool held)
{
	at.now += ms * OA_MSEC;
	at.turns += rate * (uint64_t)ms / 1000;
	return standby_look(s, at.now, at.turns, held, &ops, NULL);
}

static oa_time_t look(struct standby *s, uint64_t rate)
{
	return look_at(s, 10, rate, false);
}

static void begin(struct standby *s, uint32_t workers)
{
	at.now = OA_SEC;
	at.turns = 0;
	at.unused = 0;
	at.contended = true;
	at.asked = 0;
	standby_init(s, workers);
	look(s, 0);
}

/* Looks until as many take part; how many. */
static unsigned int until(struct standby *s, uint32_t active, uint64_t rate)
{
	unsigned int n = 0;

	while (s->active != active && n < 10000) {
		look(s, rate);
		n++;
	}
	ASSERT_EQ(active, s->active);
	return n;
}

TEST(more_by_fewer_stays)
{
	struct standby s;

	begin(&s, 2);
	EXPECT_EQ(6u, until(&s, 1, 100000));
	EXPECT_TRUE(s.trial);
	/* Until all are tried again. */
	for (int i = 0; i < 400; i++) {
		look(&s, 106000);
		ASSERT_EQ(1u, s.active);
	}
	EXPECT_FALSE(s.trial);
}

TEST(as_much_by_fewer_comes_back_and_is_tried_later_each_time)
{
	oa_time_t before, gap, last = 0;
	struct standby s;

	begin(&s, 2);
	for (int i = 0; i < 12; i++) {
		until(&s, 1, 100000);
		until(&s, 2, 101000);
		before = at.now;
		until(&s, 1, 100000);
		gap = at.now - before;
		EXPECT_GE(gap, last);
		last = gap;
		until(&s, 2, 100000);
	}
	EXPECT_GE(last, 30 * OA_SEC);
	EXPECT_LE(last, 31 * OA_SEC);
}

/* How many looks until all have been tried, and fewer did @rate again. */
static unsigned int until_proof(struct standby *s, uint64_t rate)
{
	unsigned int n = until(s, s->workers, rate);

	return n + until(s, 1, 100000);
}

TEST(that_fewer_do_more_is_proved_again)
{
	struct standby s;
	unsigned int n;

	begin(&s, 2);
	until(&s, 1, 100000);
	n = until_proof(&s, 106000);
	EXPECT_GE(n, 400u);
	EXPECT_LE(n, 430u);
	for (int i = 0; i < 5; i++)
		n = until_proof(&s, 103000);
	EXPECT_GE(n, 6000u);
	EXPECT_LE(n, 6050u);
	/* It no longer does: all stay. */
	until(&s, 2, 103000);
	at.contended = false;
	for (int i = 0; i < 100; i++) {
		look(&s, 103000);
		ASSERT_EQ(2u, s.active);
	}
}

TEST(half_after_half_and_one_is_left)
{
	struct standby s;

	begin(&s, 8);
	until(&s, 4, 100000);
	until(&s, 2, 110000);
	until(&s, 1, 120000);
	for (int i = 0; i < 100; i++)
		look(&s, 130000);
	EXPECT_EQ(1u, s.active);
	/* Those of three are two, then one. */
	begin(&s, 3);
	until(&s, 2, 100000);
	until(&s, 1, 110000);
}

TEST(what_may_have_been_chance_is_proved_soon)
{
	struct standby s;
	unsigned int n;

	begin(&s, 2);
	until(&s, 1, 100000);
	n = until_proof(&s, 103000);
	EXPECT_GE(n, 50u);
	EXPECT_LE(n, 80u);
	n = until_proof(&s, 103000);
	EXPECT_GE(n, 100u);
	EXPECT_LE(n, 120u);
}

/* What was better before the last step is come back to. */
TEST(the_last_step_is_taken_back_alone)
{
	struct standby s;

	begin(&s, 8);
	until(&s, 4, 100000);
	until(&s, 2, 110000);
	until(&s, 4, 90000);
	for (int i = 0; i < 20; i++)
		look(&s, 110000);
	EXPECT_EQ(4u, s.active);
}

TEST(nothing_is_tried_without_need)
{
	struct standby s;

	begin(&s, 4);
	at.contended = false;
	for (int i = 0; i < 100; i++)
		look(&s, 1000000);
	EXPECT_EQ(4u, s.active);
	EXPECT_EQ(100u, at.asked);
	/* Nor is it asked where turns are rare. */
	at.contended = true;
	for (int i = 0; i < 100; i++)
		EXPECT_EQ(OA_FOREVER, look(&s, 19000));
	EXPECT_EQ(4u, s.active);
	EXPECT_EQ(100u, at.asked);
	/* Looks that are far apart tell nothing. */
	for (int i = 0; i < 100; i++)
		look_at(&s, 101, 1000000, false);
	EXPECT_EQ(4u, s.active);
	EXPECT_EQ(100u, at.asked);
	/* In a row: else it may be by chance. */
	for (int i = 0; i < 100; i++) {
		at.contended = i % 3;
		look(&s, 1000000);
	}
	EXPECT_EQ(4u, s.active);
}

static void settle(struct standby *s, uint32_t workers)
{
	begin(s, workers);
	until(s, workers - 1, 100000);
	while (s->trial)
		look(s, 110000);
	at.contended = false;
	ASSERT_EQ(workers - 1, s->active);
}

TEST(all_are_back_when_turns_are_rare)
{
	struct standby s;

	settle(&s, 3);
	/* Not as soon as it would not be begun. */
	look(&s, 11000);
	EXPECT_EQ(2u, s.active);
	look(&s, 9000);
	EXPECT_EQ(3u, s.active);
}

TEST(all_are_back_when_one_is_stuck)
{
	struct standby s;

	settle(&s, 3);
	look_at(&s, 10, 100000, true);
	EXPECT_EQ(3u, s.active);
	/* In a trial, and right after another look. */
	settle(&s, 3);
	at.contended = true;
	until(&s, 1, 100000);
	look_at(&s, 0, 0, true);
	EXPECT_EQ(3u, s.active);
	EXPECT_FALSE(s.trial);
}

TEST(all_are_back_when_a_processor_has_time)
{
	struct standby s;
	oa_time_t back;

	settle(&s, 2);
	for (int i = 0; i < 200; i++) {
		at.unused += 2 * OA_MSEC;
		look(&s, 100000);
	}
	EXPECT_EQ(1u, s.active);
	for (int i = 0; i < 210 && s.active == 1; i++) {
		at.unused += 3 * OA_MSEC;
		look(&s, 100000);
	}
	ASSERT_EQ(2u, s.active);
	/* And it is not tried again at once. */
	back = at.now;
	at.contended = true;
	until(&s, 1, 100000);
	EXPECT_GE(at.now - back, 100 * OA_MSEC);
	/* Where that cannot be known, they stay. */
	at.unused = -1;
	for (int i = 0; i < 300; i++)
		look(&s, 110000);
	EXPECT_EQ(1u, s.active);
}

TEST(a_look_right_after_another_changes_nothing)
{
	struct standby s;

	begin(&s, 2);
	for (int i = 0; i < 100; i++)
		standby_look(&s, at.now, at.turns, false, &ops, NULL);
	EXPECT_EQ(0u, at.asked);
	EXPECT_EQ(6u, until(&s, 1, 100000));
}

/* The workers of a runtime that is not watched: nobody else sets it. */

#define PAIRS	16

static uint32_t stop;

static void *echoes(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char c;

	while (oa_recv(fd, &c, 1, 0) == 1)
		if (oa_send(fd, &c, 1, 0) != 1)
			break;
	oa_close(fd);
	return NULL;
}

static void *asks(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char c = 'x';

	while (!READ_ONCE(stop)) {
		ASSERT_EQ(1, oa_send(fd, &c, 1, 0));
		ASSERT_EQ(1, oa_recv(fd, &c, 1, 0));
	}
	oa_close(fd);
	return NULL;
}

static uint64_t switches(struct runtime *rt, uint32_t i)
{
	return READ_ONCE(rt->workers[i]->st.switches);
}

/* Worker @i runs nothing while the first goes on. */
static bool rests(struct runtime *rt, uint32_t i)
{
	uint64_t is = switches(rt, i), first = switches(rt, 0);

	while (switches(rt, 0) < first + 1000)
		oa_yield();
	return switches(rt, i) == is;
}

static void *talks(void *arg)
{
	struct runtime *rt = worker_self()->rt;
	oa_task_t t[2 * PAIRS];
	int fd[2];

	/* This one has to see both. */
	ASSERT_EQ(0, oa_worker_id());
	for (int i = 0; i < PAIRS; i++) {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
		t[2 * i] = oa_spawn(echoes, (void *)(intptr_t)fd[0]);
		t[2 * i + 1] = oa_spawn(asks, (void *)(intptr_t)fd[1]);
	}
	for (int round = 0; round < 20; round++) {
		idle_set_active(rt, 1);
		task_wait_until(rests(rt, 1));
		EXPECT_EQ(1u, READ_ONCE(rt->active));
		idle_set_active(rt, 2);
		task_wait_until(!rests(rt, 1));
	}
	WRITE_ONCE(stop, 1);
	for (int i = 0; i < 2 * PAIRS; i++)
		EXPECT_EQ(0, oa_join(t[i], NULL));
	return arg;
}

static void *first(void *arg)
{
	oa_task_t t = oa_spawn(talks, arg, .worker = OA_WORKER(0));

	EXPECT_EQ(0, oa_join(t, NULL));
	return NULL;
}

TEST(connections_leave_who_is_on_standby)
{
	WRITE_ONCE(stop, 0);
	ASSERT_EQ(0, unsetenv("OA_DEBUG"));
	ASSERT_OK(oa_run(first, NULL, .workers = 2, .watch = OA_FOREVER));
}

/* One that is watched: what is stuck is seen. */

static uint32_t came;

static void *comes(void *arg)
{
	WRITE_ONCE(came, 1);
	return arg;
}

static void *blocks(void *arg)
{
	struct runtime *rt = worker_self()->rt;
	oa_task_t t;

	for (int round = 0; round < 5; round++) {
		idle_set_active(rt, 1);
		WRITE_ONCE(came, 0);
		t = oa_spawn(comes, NULL);
		/* It holds its worker, which alone takes part. */
		wait_until(READ_ONCE(came));
		EXPECT_EQ(0, oa_join(t, NULL));
	}
	return arg;
}

TEST(who_is_stuck_is_helped)
{
	ASSERT_EQ(0, setenv("OA_DEBUG", "standby", 1));
	ASSERT_OK(oa_run(blocks, NULL, .workers = 2));
	ASSERT_EQ(0, unsetenv("OA_DEBUG"));
}

HARNESS_MAIN
