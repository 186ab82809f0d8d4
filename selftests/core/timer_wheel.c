// SPDX-License-Identifier: MIT
/* The timer wheel beside a list that is simply searched. */
#include "core_test.h"

#include <stdlib.h>
#include <string.h>

#include "core/timer.h"

#define ME	1u
#define GRAIN	((oa_time_t)1 << WHEEL_GRAIN_BITS)
#define START	(1000 * OA_SEC + 12345)

static struct wheel wheel;

static void begin(oa_time_t now)
{
	wheel_init(&wheel, now);
}

static void add(struct timer *tm, oa_time_t when)
{
	ASSERT_TRUE(wheel_add(&wheel, tm, ME, when));
}

/*
 * Goes from deadline to deadline; each has to be met at once, in order, but
 * for those that were late from the first.
 */
static unsigned int pop_all(oa_time_t *now)
{
	struct timer *out[4];
	oa_time_t next, late = *now, last = late;
	unsigned int n, all = 0, steps = 0;

	while ((next = wheel_next(&wheel)) != OA_FOREVER) {
		ASSERT_LT(steps++, 1000000u);
		*now = max_of(*now, next + GRAIN - 1);
		n = wheel_pop(&wheel, *now, out, 4);
		for (unsigned int i = 0; i < n; i++) {
			ASSERT_LE(out[i]->when, *now);
			ASSERT_EQ(0u, out[i]->owner);
			if (out[i]->when < late)
				continue;
			ASSERT_GT(out[i]->when, last - 2 * GRAIN);
			last = out[i]->when;
		}
		all += n;
	}
	return all;
}

TEST(an_empty_wheel_has_nothing_due)
{
	struct timer *out[4];

	begin(START);
	EXPECT_EQ(OA_FOREVER, wheel_next(&wheel));
	EXPECT_EQ(0u, wheel_pop(&wheel, START + OA_SEC, out, 4));
	EXPECT_NULL(wheel_steal(&wheel));
}

TEST(one_timer_at_every_distance)
{
	struct timer tm = { .owner = 0 }, *out[4];
	oa_time_t when;

	for (int bit = 0; bit < 62; bit++) {
		begin(START);
		when = START + ((oa_time_t)1 << bit);
		add(&tm, when);
		EXPECT_EQ(when, wheel_next(&wheel));
		EXPECT_EQ(0u, wheel_pop(&wheel, when - 1, out, 4));
		EXPECT_LE(wheel_next(&wheel), when);
		ASSERT_EQ(1u, wheel_pop(&wheel, when + GRAIN - 1, out, 4));
		EXPECT_EQ(&tm, out[0]);
		EXPECT_EQ(OA_FOREVER, wheel_next(&wheel));
	}
}

TEST(a_deadline_that_is_over_is_due_at_once)
{
	struct timer tm[3] = { { .owner = 0 } }, *out[4];

	begin(START);
	EXPECT_EQ(0u, wheel_pop(&wheel, START + OA_SEC, out, 4));
	add(&tm[0], 0);
	add(&tm[1], START);
	add(&tm[2], START - OA_SEC);
	EXPECT_LE(wheel_next(&wheel), START - OA_SEC);
	EXPECT_EQ(3u, wheel_pop(&wheel, START + OA_SEC, out, 4));
}

TEST(the_farthest_deadlines)
{
	struct timer tm[3] = { { .owner = 0 } }, *out[4];

	begin(START);
	add(&tm[0], OA_FOREVER - 1);
	add(&tm[1], OA_FOREVER - OA_SEC);
	add(&tm[2], START + OA_SEC);
	EXPECT_EQ(START + OA_SEC, wheel_next(&wheel));
	EXPECT_EQ(1u, wheel_pop(&wheel, START + 2 * OA_SEC, out, 4));
	EXPECT_EQ(OA_FOREVER - OA_SEC, wheel_next(&wheel));
	EXPECT_EQ(0u, wheel_pop(&wheel, OA_FOREVER / 2, out, 4));
	EXPECT_EQ(OA_FOREVER - OA_SEC, wheel_next(&wheel));
	EXPECT_TRUE(wheel_del(&wheel, &tm[0], ME));
	EXPECT_TRUE(wheel_del(&wheel, &tm[1], ME));
	EXPECT_EQ(0u, wheel.count);
}

TEST(a_timer_is_in_one_wheel_at_most)
{
	struct timer tm = { .owner = 0 };

	begin(START);
	add(&tm, START + 1000);
	EXPECT_FALSE(wheel_add(&wheel, &tm, ME, START + 10));
	EXPECT_FALSE(wheel_add(&wheel, &tm, ME + 1, START + 10));
	EXPECT_EQ(START + 1000, tm.when);
	EXPECT_FALSE(wheel_del(&wheel, &tm, ME + 1));
	EXPECT_TRUE(wheel_del(&wheel, &tm, ME));
	EXPECT_FALSE(wheel_del(&wheel, &tm, ME));
	EXPECT_EQ(0u, wheel.count);
}

TEST(fires_in_order_through_all_levels)
{
	uint64_t rnd = seed_random();
	oa_time_t now = START;
	unsigned int n = 2000;
	struct timer *tm = calloc(n, sizeof(*tm));

	begin(now);
	for (unsigned int i = 0; i < n; i++)
		add(&tm[i], now + (oa_time_t)(next_random(&rnd) >>
					      (3 + next_random(&rnd) % 60)));
	EXPECT_EQ(n, pop_all(&now));
	free(tm);
}

/* Slots of higher levels begin exactly at what ends a lower one. */
TEST(cascades_at_the_borders_of_levels)
{
	oa_time_t border = (oa_time_t)1 << (WHEEL_GRAIN_BITS + 4 * WHEEL_BITS);
	struct timer tm[5 * 5];
	oa_time_t now;

	for (oa_time_t before = -2 * GRAIN; before <= 0; before += GRAIN / 2) {
		unsigned int n = 0;

		memset(tm, 0, sizeof(tm));
		begin(now = border + before);
		for (int level = 0; level < 5; level++)
			for (oa_time_t d = -2; d <= 2; d++)
				add(&tm[n++], border + d + ((oa_time_t)1 <<
				    (WHEEL_GRAIN_BITS + level * WHEEL_BITS)));
		EXPECT_EQ(n, pop_all(&now));
	}
}

TEST(a_hundred_thousand_in_one_tick)
{
	unsigned int n = (unsigned int)SCALED(100000, 10000), all = 0, got;
	struct timer *tm = calloc(n, sizeof(*tm)), *out[64];
	oa_time_t when = START + 10 * OA_SEC;

	begin(START);
	for (unsigned int i = 0; i < n; i++)
		add(&tm[i], when + i % 64);
	for (unsigned int i = 0; i < n; i += 3)
		ASSERT_TRUE(wheel_del(&wheel, &tm[i], ME));
	EXPECT_LE(wheel_next(&wheel), when);
	EXPECT_EQ(0u, wheel_pop(&wheel, when - GRAIN, out, 64));
	EXPECT_LE(wheel_next(&wheel), when + 1);
	while ((got = wheel_pop(&wheel, when + 2 * GRAIN, out, 64)))
		all += got;
	EXPECT_EQ(n - (n + 2) / 3, all);
	for (unsigned int i = 0; i < n; i++)
		ASSERT_EQ(0u, tm[i].owner);
	EXPECT_EQ(OA_FOREVER, wheel_next(&wheel));
	free(tm);
}

TEST(gives_up_all_it_has_at_its_end)
{
	struct timer tm[200] = { { .owner = 0 } };
	unsigned int n = 0;

	begin(START);
	for (unsigned int i = 0; i < ARRAY_SIZE(tm); i++)
		add(&tm[i], START + ((oa_time_t)i << (i % 50)));
	while (wheel_steal(&wheel))
		n++;
	EXPECT_EQ(ARRAY_SIZE(tm), n);
}

/* The model: all are looked at. */

#define MANY 300u

static struct timer many[MANY];

static oa_time_t first_due(void)
{
	oa_time_t first = OA_FOREVER;

	for (unsigned int i = 0; i < MANY; i++)
		if (many[i].owner)
			first = min_of(first, many[i].when);
	return first;
}

static void pop_some(oa_time_t now, unsigned int max)
{
	struct timer *out[8];
	unsigned int n = wheel_pop(&wheel, now, out, max);

	ASSERT_LE(n, max);
	for (unsigned int i = 0; i < n; i++) {
		ASSERT_LE(out[i]->when, now);
		ASSERT_EQ(0u, out[i]->owner);
	}
	/* Nothing that is due may be left but for want of room. */
	if (n < max)
		ASSERT_GT(first_due(), now - GRAIN);
}

static oa_time_t random_span(uint64_t *rnd)
{
	return (oa_time_t)(next_random(rnd) >> (20 + next_random(rnd) % 40));
}

static void random_operation(uint64_t *rnd, oa_time_t *now)
{
	struct timer *tm = &many[next_random(rnd) % MANY];
	uint32_t had = tm->owner;

	switch (next_random(rnd) % 8) {
	case 0:
		/* To what is next, or to where it may be. */
		if (first_due() != OA_FOREVER && next_random(rnd) % 2)
			*now = max_of(*now, first_due());
		else
			*now += random_span(rnd) >> 8;
		pop_some(*now, 1 + next_random(rnd) % 8);
		break;
	case 1:
	case 2:
		ASSERT_EQ(had != 0, wheel_del(&wheel, tm, ME));
		break;
	default:
		ASSERT_EQ(!had, wheel_add(&wheel, tm, ME,
					  *now + random_span(rnd)));
	}
}

TEST(random_operations)
{
	long rounds = SCALED(1000000, 50000);
	uint64_t rnd = seed_random();
	unsigned int filed;
	oa_time_t now = START;

	begin(now);
	for (long k = 0; k < rounds; k++) {
		random_operation(&rnd, &now);
		if (k % 16)
			continue;
		ASSERT_LE(wheel_next(&wheel), first_due());
		filed = 0;
		for (unsigned int i = 0; i < MANY; i++)
			filed += many[i].owner != 0;
		ASSERT_EQ(filed, wheel.count);
	}
	filed = wheel.count;
	EXPECT_EQ(filed, pop_all(&now));
}

/* Others take out what the owner is about to fire. */

#define SHARED 64u

struct shared {
	struct timer tm[SHARED];
	unsigned int taken, stop;
};

static void *takes_out(void *arg)
{
	struct shared *s = arg;
	uint64_t rnd = 88172645463325252u;

	while (!atomic_load_acq(&s->stop)) {
		struct timer *tm = &s->tm[next_random(&rnd) % SHARED];

		if (atomic_load_acq(&tm->owner) && wheel_del(&wheel, tm, ME))
			atomic_add(&s->taken, 1);
	}
	return NULL;
}

TEST(each_comes_out_once_whoever_takes_it)
{
	unsigned int filed = 0, fired = 0;
	long rounds = SCALED(200000, 20000);
	uint64_t rnd = seed_random();
	struct shared s = { .stop = 0 };
	oa_time_t now = START;
	struct timer *out[8];
	pthread_t th[2];

	begin(now);
	thread_start(&th[0], takes_out, &s);
	thread_start(&th[1], takes_out, &s);
	for (long k = 0; k < rounds; k++) {
		filed += wheel_add(&wheel, &s.tm[next_random(&rnd) % SHARED],
				   ME, now + (oa_time_t)(next_random(&rnd) %
							 100000));
		now += (oa_time_t)(next_random(&rnd) % 2000);
		fired += wheel_pop(&wheel, now, out, 8);
	}
	atomic_store_rel(&s.stop, 1);
	thread_end(th[0]);
	thread_end(th[1]);
	EXPECT_EQ(filed, fired + s.taken + wheel.count);
	EXPECT_GT(fired, 0u);
}

HARNESS_MAIN
