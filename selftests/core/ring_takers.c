// SPDX-License-Identifier: MIT
/* The bounded ring: one appends and may take back, everybody takes. */
#include "core_test.h"

#include <stdlib.h>

#include "core/runq.h"

static struct ring ring;

/* Never looked into. */
static struct task *item(size_t i)
{
	return (struct task *)((i + 1) * 64);
}

static size_t number(const struct task *t)
{
	return (size_t)t / 64 - 1;
}

static void begin(uint32_t at)
{
	ring.head = ring.tail = at;
}

TEST(takes_in_order_across_the_end_of_the_indices)
{
	struct task *out[RING_SIZE];
	size_t in = 0, seen = 0;

	begin(UINT32_MAX - 1000);
	for (int k = 0; k < 100; k++) {
		uint32_t n, want = (uint32_t)(k * 7 % 60);

		for (int i = 0; i < 37; i++)
			in += ring_push(&ring, item(in));
		ASSERT_EQ(in - seen, ring_len(&ring));
		n = ring_take(&ring, out, want);
		ASSERT_EQ(min_of((size_t)want, in - seen), n);
		for (uint32_t i = 0; i < n; i++)
			ASSERT_EQ(seen++, number(out[i]));
	}
	EXPECT_LT(ring.tail, 100000u);
}

TEST(refuses_what_does_not_fit)
{
	struct task *out[RING_SIZE];

	begin(UINT32_MAX - 100);
	for (size_t i = 0; i < RING_SIZE; i++)
		ASSERT_TRUE(ring_push(&ring, item(i)));
	EXPECT_FALSE(ring_push(&ring, item(999)));
	EXPECT_EQ(RING_SIZE, ring_len(&ring));
	EXPECT_EQ(1u, ring_take(&ring, out, 1));
	EXPECT_TRUE(ring_push(&ring, item(RING_SIZE)));
	EXPECT_FALSE(ring_push(&ring, item(999)));
	EXPECT_EQ(RING_SIZE, ring_take(&ring, out, RING_SIZE));
	for (size_t i = 0; i < RING_SIZE; i++)
		ASSERT_EQ(i + 1, number(out[i]));
	EXPECT_EQ(0u, ring_take(&ring, out, RING_SIZE));
}

TEST(the_only_worker_takes_without_a_swap)
{
	begin(UINT32_MAX - 1);
	for (size_t i = 0; i < 5; i++)
		ASSERT_TRUE(ring_push(&ring, item(i)));
	for (size_t i = 0; i < 5; i++)
		ASSERT_EQ(i, number(ring_take_alone(&ring)));
	EXPECT_NULL(ring_take_alone(&ring));
}

/* What is left goes to who takes, and the room to what comes next. */
static void takes_back(bool alone)
{
	struct task *out[RING_SIZE];

	begin(UINT32_MAX - 3);
	EXPECT_EQ(0u, ring_take_back(&ring, out, 1, alone));
	for (size_t i = 0; i < 10; i++)
		ASSERT_TRUE(ring_push(&ring, item(i)));
	ASSERT_EQ(3u, ring_take_back(&ring, out, 3, alone));
	for (size_t i = 0; i < 3; i++)
		EXPECT_EQ(7 + i, number(out[i]));
	EXPECT_EQ(7u, ring_len(&ring));
	ASSERT_TRUE(ring_push(&ring, item(20)));
	ASSERT_EQ(6u, ring_take(&ring, out, 6));
	EXPECT_EQ(5u, number(out[5]));
	ASSERT_EQ(2u, ring_take_back(&ring, out, RING_SIZE, alone));
	EXPECT_EQ(6u, number(out[0]));
	EXPECT_EQ(20u, number(out[1]));
	EXPECT_EQ(0u, ring_take(&ring, out, 1));
	EXPECT_EQ(0u, ring_len(&ring));
	for (size_t i = 0; i < RING_SIZE; i++)
		ASSERT_TRUE(ring_push(&ring, item(i)));
	EXPECT_FALSE(ring_push(&ring, item(999)));
	EXPECT_EQ(RING_SIZE, ring_take_back(&ring, out, RING_SIZE, alone));
	EXPECT_EQ(0u, number(out[0]));
}

TEST(takes_back_what_came_last)
{
	takes_back(false);
	takes_back(true);
}

TEST(lists_keep_their_order)
{
	struct task *t = calloc(10, 64 * 3), *p[10];
	struct task_list a, b;

	for (int i = 0; i < 10; i++)
		p[i] = (struct task *)(void *)((char *)t + (size_t)i * 192);
	list_init(&a);
	list_init(&b);
	list_splice(&a, &b);
	EXPECT_NULL(list_pop(&a));
	for (int i = 0; i < 10; i++)
		list_push(i < 4 ? &a : &b, p[i]);
	list_splice(&a, &b);
	EXPECT_EQ(10u, a.n);
	EXPECT_EQ(0u, b.n);
	list_push(&b, list_pop(&a));
	for (int i = 1; i < 10; i++)
		ASSERT_EQ(p[i], list_pop(&a));
	EXPECT_NULL(list_pop(&a));
	EXPECT_EQ(p[0], list_pop(&b));
	free(t);
}

/* Thieves. */

#define THIEVES 3

struct race {
	unsigned char *seen;
	size_t n;
	int over;
	int here;		/* thieves that have begun */
	size_t stolen;
};

static void note_one(struct race *r, size_t x)
{
	ASSERT_LT(x, r->n);
	ASSERT_EQ(0, __atomic_fetch_add(&r->seen[x], 1, __ATOMIC_RELAXED));
}

static void note(struct race *r, struct task **got, uint32_t n, size_t *last)
{
	for (uint32_t i = 0; i < n; i++) {
		size_t x = number(got[i]);

		note_one(r, x);
		/*
		 * Appended one after the other, and nobody goes back; some are
		 * missing, which were taken back.
		 */
		if (i)
			ASSERT_LT(number(got[i - 1]), x);
		else
			ASSERT_TRUE(*last == SIZE_MAX || x > *last);
	}
	if (n)
		*last = number(got[n - 1]);
}

static void *steals(void *arg)
{
	struct task *got[RING_SIZE / 2];
	struct race *r = arg;
	size_t last = SIZE_MAX, mine = 0;
	uint32_t n;

	atomic_add(&r->here, 1);
	while (!atomic_load_acq(&r->over)) {
		n = ring_len(&ring);
		n = ring_take(&ring, got, min_of((n + 1) / 2, RING_SIZE / 2));
		note(r, got, n, &last);
		mine += n;
	}
	atomic_add(&r->stolen, mine);
	return NULL;
}

/* Keeps the older half of what came last, and appends the others again. */
static size_t back(struct race *r, uint64_t *rnd)
{
	struct task *got[RING_BATCH];
	uint32_t n = ring_take_back(&ring, got, 1 + next_random(rnd) %
				    RING_BATCH, false);

	for (uint32_t i = 0; i < n; i++) {
		if (i < n / 2)
			note_one(r, number(got[i]));
		else
			ASSERT_TRUE(ring_push(&ring, got[i]));
	}
	return n;
}

TEST(each_is_taken_once)
{
	struct race r = { .n = (size_t)SCALED(4000000, 400000) };
	struct task *got[RING_BATCH];
	uint64_t rnd = seed_random();
	size_t last = SIZE_MAX, next = 0, rest = 0, backs = 0;
	pthread_t th[THIEVES];

	r.seen = calloc(1, r.n);
	begin(UINT32_MAX - (uint32_t)r.n / 2);
	for (int i = 0; i < THIEVES; i++)
		thread_start(&th[i], steals, &r);
	wait_until(atomic_load_acq(&r.here) == THIEVES);
	/*
	 * In bursts that leave something for the others: they meet the owner,
	 * and each other, at a head that moves all the time. Now and then he
	 * waits until they have it all, and so are all but sure to be running.
	 */
	while (next < r.n) {
		uint64_t more = 16 + next_random(&rnd) % 112;

		while (next < r.n && more-- && ring_push(&ring, item(next)))
			next++;
		/* Down to where they are at the same few. */
		for (uint64_t k = next_random(&rnd) % 32; k > 16; k--)
			backs += back(&r, &rnd);
		while (ring_len(&ring) > RING_SIZE / 4)
			note(&r, got, ring_take(&ring, got, RING_BATCH), &last);
		if (next >= rest) {
			wait_until(!ring_len(&ring));
			rest += r.n / 100;
		}
	}
	wait_until(!ring_len(&ring));
	atomic_store_rel(&r.over, 1);
	for (int i = 0; i < THIEVES; i++)
		thread_end(th[i]);
	EXPECT_GT(r.stolen, 0u);
	EXPECT_GT(backs, 0u);
	for (size_t i = 0; i < r.n; i++)
		ASSERT_EQ(1, r.seen[i]);
	free(r.seen);
}

HARNESS_MAIN
