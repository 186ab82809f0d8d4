// SPDX-License-Identifier: MIT
/* The lane: its owner takes without atomics, others empty it now and then. */
#include "core_test.h"

#include <stdlib.h>

#include <oa.h>

#include "core/poll.h"
#include "core/runq.h"

static struct lane lane;

static struct task *item(size_t i)
{
	return (struct task *)((i + 1) * 64);
}

static size_t number(const struct task *t)
{
	return (size_t)t / 64 - 1;
}

static struct task *refill(size_t *next, uint32_t n)
{
	lane_refill_begin(&lane);
	for (uint32_t i = 0; i < n; i++)
		WRITE_ONCE(lane.slot[LANE_BASE + i], item((*next)++));
	return lane_refill_end(&lane, n);
}

static void *nothing(void *arg)
{
	return arg;
}

FIXTURE(lane) { char unused; };
FIXTURE_VARIANT(lane) { char unused; };
FIXTURE_VARIANT_ADD(lane, membarrier) { 0 };

/* The barrier of the kernel is asked for by the first runtime. */
FIXTURE_SETUP(lane)
{
	ASSERT_OK(oa_run(nothing, NULL, .workers = 1));
	if (!poll_default->membarrier())
		SKIP("membarrier");
	lane_init(&lane);
}
FIXTURE_TEARDOWN(lane) { }

TEST_F(lane, takes_in_order_and_the_newest_first)
{
	size_t next = 0;

	EXPECT_TRUE(lane_empty(&lane));
	EXPECT_NULL(lane_pop(&lane));
	EXPECT_EQ(0u, number(refill(&next, 3)));
	EXPECT_EQ(1u, number(lane_pop(&lane)));
	lane_push_front(&lane, item(100));
	EXPECT_TRUE(lane.has_next);
	EXPECT_EQ(100u, number(lane_pop(&lane)));
	EXPECT_EQ(1u, lane.next_runs);
	EXPECT_FALSE(lane.has_next);
	EXPECT_EQ(2u, number(lane_pop(&lane)));
	EXPECT_EQ(0u, lane.next_runs);
	EXPECT_TRUE(lane_empty(&lane));
	lane_push_front(&lane, item(101));
	EXPECT_EQ(101u, number(lane_pop(&lane)));
	EXPECT_NULL(lane_pop(&lane));
	EXPECT_TRUE(lane_empty(&lane));
}

TEST_F(lane, a_rescuer_takes_all)
{
	struct task *out[LANE_SIZE];
	size_t next = 0;

	EXPECT_EQ(0u, lane_rescue(&lane, out));
	refill(&next, 8);
	lane_push_front(&lane, item(100));
	EXPECT_EQ(8u, lane_rescue(&lane, out));
	EXPECT_EQ(100u, number(out[0]));
	for (uint32_t i = 1; i < 8; i++)
		EXPECT_EQ(i, number(out[i]));
	EXPECT_NULL(lane_pop(&lane));
	EXPECT_EQ(0u, lane_rescue(&lane, out));
	refill(&next, 1);
	EXPECT_TRUE(lane_empty(&lane));
}

#define RESCUERS 2

struct race {
	unsigned char *seen;
	size_t n, rescued;
	unsigned int looks;
	int over;
};

static void note(struct race *r, struct task *t)
{
	size_t x = number(t);

	ASSERT_LT(x, r->n);
	ASSERT_EQ(0, __atomic_fetch_add(&r->seen[x], 1, __ATOMIC_RELAXED));
}

static void *rescues(void *arg)
{
	struct task *out[LANE_SIZE];
	struct race *r = arg;
	uint32_t n;

	while (!atomic_load_acq(&r->over)) {
		n = lane_rescue(&lane, out);
		for (uint32_t i = 0; i < n; i++)
			note(r, out[i]);
		atomic_add(&r->rescued, (size_t)n);
		atomic_add(&r->looks, 1);
	}
	return NULL;
}

/* As long as this takes the lane has something that a look must find. */
static void stand_still(struct race *r)
{
	unsigned int was = atomic_load_acq(&r->looks);

	wait_until(atomic_load_acq(&r->looks) - was > 2 * RESCUERS);
}

static size_t own(struct race *r)
{
	size_t next = 0, still = 0;
	uint64_t rnd = seed_random();
	struct task *t;

	while (next + LANE_SIZE < r->n) {
		t = lane_pop(&lane);
		if (!t)
			t = refill(&next, 1 + next_random(&rnd) % 8);
		note(r, t);
		if (next_random(&rnd) % 4 == 0 && !lane.has_next)
			lane_push_front(&lane, item(next++));
		if (next >= still && !lane_empty(&lane)) {
			stand_still(r);
			still += r->n / 64;
		}
	}
	while ((t = lane_pop(&lane)))
		note(r, t);
	return next;
}

TEST_F(lane, each_is_taken_once, .timeout = 60)
{
	size_t n = (size_t)SCALED(20000000, 300000);
	struct race r = { .n = n, .seen = calloc(1, n) };
	pthread_t th[RESCUERS];

	for (int i = 0; i < RESCUERS; i++)
		thread_start(&th[i], rescues, &r);
	n = own(&r);
	wait_until(lane_empty(&lane));
	atomic_store_rel(&r.over, 1);
	for (int i = 0; i < RESCUERS; i++)
		thread_end(th[i]);
	for (size_t i = 0; i < n; i++)
		ASSERT_EQ(1, r.seen[i]);
	EXPECT_GT(r.rescued, 0u);
	free(r.seen);
}

HARNESS_MAIN
