// SPDX-License-Identifier: MIT
/* What other threads push to: the injection queue and a worker's inbox. */
#include "core_test.h"

#include <stdlib.h>

#include "core/fault.h"
#include "core/inject.h"
#include "core/runtime.h"

#define PRODUCERS 3u

static struct runtime rt;
static struct worker worker;

struct push_race {
	struct task *tasks;
	unsigned char *seen;
	size_t each;
	unsigned int begun, ended, over, firsts;
};

static void race_begin(struct push_race *r, size_t each)
{
	*r = (struct push_race){ .each = each };
	r->tasks = aligned_alloc(64, PRODUCERS * each * sizeof(*r->tasks));
	r->seen = calloc(PRODUCERS, each);
	ASSERT_NOT_NULL(r->tasks);
	ASSERT_NOT_NULL(r->seen);
}

static void note(struct push_race *r, const struct task *t)
{
	ASSERT_EQ(0, __atomic_fetch_add(&r->seen[t - r->tasks], 1,
					__ATOMIC_RELAXED));
}

static void race_end(struct push_race *r)
{
	for (size_t i = 0; i < PRODUCERS * r->each; i++)
		ASSERT_EQ(1, r->seen[i]);
	free(r->tasks);
	free(r->seen);
}

/* Injection. */

FIXTURE(inject) { struct push_race race; };
FIXTURE_VARIANT(inject) { char unused; };
FIXTURE_VARIANT_ADD(inject, one) { 0 };
FIXTURE_SETUP(inject)
{
	inject_init(&rt.inject);
}
FIXTURE_TEARDOWN(inject) { }

static void *injects(void *arg)
{
	struct push_race *r = arg;
	size_t from = (atomic_add(&r->begun, 1)) * r->each;

	for (size_t i = 0; i < r->each; i++)
		inject_push(&rt.inject, &r->tasks[from + i]);
	atomic_add(&r->ended, 1);
	return NULL;
}

static void *takes_injected(void *arg)
{
	struct push_race *r = arg;
	struct task *out[RING_SIZE / 2];
	uint32_t n;

	while (!atomic_load_acq(&r->over)) {
		n = inject_take(&rt.inject, out, 61);
		for (uint32_t i = 0; i < n; i++)
			note(r, out[i]);
	}
	return NULL;
}

TEST_F(inject, each_is_taken_once, .timeout = 120)
{
	struct push_race *r = &self->race;
	pthread_t in[PRODUCERS], out[2];

	race_begin(r, (size_t)SCALED(300000, 20000));
	for (unsigned int i = 0; i < PRODUCERS; i++)
		thread_start(&in[i], injects, r);
	thread_start(&out[0], takes_injected, r);
	thread_start(&out[1], takes_injected, r);
	for (unsigned int i = 0; i < PRODUCERS; i++)
		thread_end(in[i]);
	wait_until(!READ_ONCE(rt.inject.n));
	atomic_store_rel(&r->over, 1);
	thread_end(out[0]);
	thread_end(out[1]);
	EXPECT_NULL(rt.inject.first);
	race_end(r);
}

/* What a full ring has no room for: one thread adds, several take. */

static const struct oa_allocator from_libc;
static struct spill spilled;

FIXTURE(spill) { struct push_race race; };
FIXTURE_VARIANT(spill) { char unused; };
FIXTURE_VARIANT_ADD(spill, one) { 0 };
FIXTURE_SETUP(spill)
{
	ASSERT_TRUE(spill_init(&spilled, &from_libc));
}
FIXTURE_TEARDOWN(spill) { spill_fini(&spilled, &from_libc); }

TEST_F(spill, is_a_queue)
{
	enum { N = 5 * SPILL_BATCH + 3 };
	static struct task t[N];
	struct task *out[100];
	uint32_t taken = 0, put = 0, n;

	EXPECT_EQ(0u, spill_take(&spilled, out, 10));
	while (taken < N) {
		for (int i = 0; i < 37 && put < N; i++)
			ASSERT_TRUE(spill_push(&spilled, &from_libc,
					       &t[put++]));
		EXPECT_EQ(put - taken, spill_len(&spilled));
		n = spill_take(&spilled, out, put < N ? 19 : 100);
		for (uint32_t i = 0; i < n; i++)
			ASSERT_EQ(&t[taken++], out[i]);
	}
	EXPECT_EQ(0u, spill_len(&spilled));
	EXPECT_EQ(0u, spill_take(&spilled, out, 10));
}

TEST_F(spill, gives_back_what_came_last)
{
	static struct task t[SPILL_BATCH + 10];
	struct task *out[SPILL_BATCH];

	EXPECT_EQ(0u, spill_take_back(&spilled, out, 3));
	for (unsigned int i = 0; i < SPILL_BATCH + 10; i++)
		ASSERT_TRUE(spill_push(&spilled, &from_libc, &t[i]));
	ASSERT_EQ(4u, spill_take_back(&spilled, out, 4));
	for (unsigned int i = 0; i < 4; i++)
		EXPECT_EQ(&t[SPILL_BATCH + 6 + i], out[i]);
	EXPECT_EQ(SPILL_BATCH + 6, spill_len(&spilled));
	/* Not beyond the last array; what comes next stands there again. */
	EXPECT_EQ(6u, spill_take_back(&spilled, out, SPILL_BATCH));
	EXPECT_EQ(0u, spill_take_back(&spilled, out, 1));
	ASSERT_TRUE(spill_push(&spilled, &from_libc, &t[0]));
	EXPECT_EQ(SPILL_BATCH, spill_take(&spilled, out, SPILL_BATCH));
	EXPECT_EQ(&t[SPILL_BATCH - 1], out[SPILL_BATCH - 1]);
	ASSERT_EQ(1u, spill_take(&spilled, out, 1));
	EXPECT_EQ(&t[0], out[0]);
	/* Some of it is gone. */
	for (unsigned int i = 0; i < 5; i++)
		ASSERT_TRUE(spill_push(&spilled, &from_libc, &t[i]));
	ASSERT_EQ(3u, spill_take(&spilled, out, 3));
	EXPECT_EQ(2u, spill_take_back(&spilled, out, 5));
	EXPECT_EQ(&t[3], out[0]);
	EXPECT_EQ(0u, spill_len(&spilled));
}

TEST_F(spill, without_memory)
{
	struct task t[SPILL_BATCH], *out[1];

	for (uint32_t i = 0; i < SPILL_BATCH; i++)
		ASSERT_TRUE(spill_push(&spilled, &from_libc, &t[i]));
	setenv("OA_FAULT", "alloc:1+", 1);
	fault_read();
	EXPECT_FALSE(spill_push(&spilled, &from_libc, &t[0]));
	EXPECT_EQ(SPILL_BATCH, spill_len(&spilled));
	unsetenv("OA_FAULT");
	fault_read();
	EXPECT_TRUE(spill_push(&spilled, &from_libc, &t[0]));
	EXPECT_EQ(1u, spill_take(&spilled, out, 1));
	EXPECT_EQ(&t[0], out[0]);
}

static void *takes_spilled(void *arg)
{
	struct push_race *r = arg;
	struct task *out[RING_SIZE / 2];
	uint32_t n;

	atomic_add(&r->begun, 1);
	while (!atomic_load_acq(&r->over)) {
		n = spill_take(&spilled, out, 11);
		for (uint32_t i = 0; i < n; i++)
			note(r, out[i]);
	}
	return NULL;
}

TEST_F(spill, each_is_taken_once)
{
	struct push_race *r = &self->race;
	pthread_t th[3];
	size_t all;

	race_begin(r, (size_t)SCALED(300000, 20000));
	all = PRODUCERS * r->each;
	for (unsigned int i = 0; i < ARRAY_SIZE(th); i++)
		thread_start(&th[i], takes_spilled, r);
	wait_until(atomic_load_acq(&r->begun) == ARRAY_SIZE(th));
	for (size_t i = 0; i < all; i++)
		ASSERT_TRUE(spill_push(&spilled, &from_libc, &r->tasks[i]));
	wait_until(!spill_len(&spilled));
	atomic_store_rel(&r->over, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(th); i++)
		thread_end(th[i]);
	race_end(r);
}

/* The inbox. */

TEST(inbox_says_who_owes_the_kick)
{
	struct task t[3];

	EXPECT_NULL(inbox_drain(&worker));
	EXPECT_TRUE(inbox_push(&worker, &t[0]));
	EXPECT_FALSE(inbox_push(&worker, &t[1]));
	EXPECT_FALSE(inbox_push(&worker, &t[2]));
	EXPECT_EQ(&t[0], inbox_drain(&worker));
	EXPECT_EQ(&t[1], t[0].next);
	EXPECT_EQ(&t[2], t[1].next);
	EXPECT_NULL(t[2].next);
	EXPECT_NULL(inbox_drain(&worker));
	EXPECT_TRUE(inbox_push(&worker, &t[0]));
	EXPECT_EQ(&t[0], inbox_drain(&worker));
}

static void *pushes(void *arg)
{
	struct push_race *r = arg;
	size_t from = (atomic_add(&r->begun, 1)) * r->each;

	for (size_t i = 0; i < r->each; i++)
		if (inbox_push(&worker, &r->tasks[from + i]))
			atomic_add(&r->firsts, 1);
	atomic_add(&r->ended, 1);
	return NULL;
}

TEST(inbox_keeps_the_order_of_each, .timeout = 120)
{
	size_t next[PRODUCERS], all = 0, x;
	struct push_race r;
	unsigned int drains = 0;
	pthread_t th[PRODUCERS];
	struct task *t, *then;

	race_begin(&r, (size_t)SCALED(500000, 50000));
	for (unsigned int i = 0; i < PRODUCERS; i++) {
		next[i] = i * r.each;
		thread_start(&th[i], pushes, &r);
	}
	while (all < PRODUCERS * r.each) {
		t = inbox_drain(&worker);
		drains += t != NULL;
		for (; t; t = then, all++) {
			then = t->next;
			x = (size_t)(t - r.tasks);
			note(&r, t);
			ASSERT_EQ(next[x / r.each], x);
			next[x / r.each]++;
		}
	}
	for (unsigned int i = 0; i < PRODUCERS; i++)
		thread_end(th[i]);
	EXPECT_NULL(inbox_drain(&worker));
	EXPECT_EQ(drains, r.firsts);
	race_end(&r);
}

HARNESS_MAIN
