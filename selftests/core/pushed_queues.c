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

FIXTURE(inject) { struct push_race race; };
FIXTURE_VARIANT(inject) { char unused; };
FIXTURE_VARIANT_ADD(inject, batches) { 0 };
FIXTURE_VARIANT_ADD(inject, no_memory, "OA_FAULT=alloc:2+") { 0 };
FIXTURE_SETUP(inject)
{
	fault_read();
	inject_init(&rt.inject);
}
FIXTURE_TEARDOWN(inject) { inject_fini(&rt); }

TEST_F(inject, takes_the_oldest_of_both_kinds)
{
	struct task t[INJECT_BATCH + 4], *p[INJECT_BATCH], *out[INJECT_BATCH];
	uint32_t n = 0, got;

	EXPECT_EQ(0u, inject_take(&rt.inject, out, 8));
	for (uint32_t i = 0; i < INJECT_BATCH; i++)
		p[i] = &t[i];
	inject_push_batch(&rt, p, INJECT_BATCH);
	for (uint32_t i = 0; i < 4; i++)
		inject_push(&rt.inject, &t[INJECT_BATCH + i]);
	EXPECT_EQ(INJECT_BATCH + 4, rt.inject.n);
	got = inject_take(&rt.inject, out, 4);
	ASSERT_EQ(4u, got);
	/* Half of them may be such as came alone. */
	EXPECT_EQ(&t[INJECT_BATCH], out[0]);
	EXPECT_EQ(&t[INJECT_BATCH + 1], out[1]);
	EXPECT_EQ(&t[0], out[2]);
	EXPECT_EQ(&t[1], out[3]);
	while ((got = inject_take(&rt.inject, out, 7)))
		n += got;
	EXPECT_EQ(INJECT_BATCH, n);
	EXPECT_EQ(0u, rt.inject.n);
}

static void *injects(void *arg)
{
	struct push_race *r = arg;
	size_t from = (atomic_add(&r->begun, 1)) * r->each, i = 0;
	struct task *p[INJECT_BATCH];
	uint64_t rnd = 1 + from;

	while (i < r->each) {
		uint32_t n = (uint32_t)(1 + next_random(&rnd) % INJECT_BATCH);

		n = min_of(n, (uint32_t)(r->each - i));
		for (uint32_t k = 0; k < n; k++)
			p[k] = &r->tasks[from + i++];
		if (n > 64)
			inject_push_batch(&rt, p, n);
		else
			for (uint32_t k = 0; k < n; k++)
				inject_push(&rt.inject, p[k]);
	}
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

TEST_F(inject, each_is_taken_once)
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
	EXPECT_NULL(rt.inject.batches);
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

TEST(inbox_keeps_the_order_of_each)
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
