// SPDX-License-Identifier: MIT
/* Type-stable objects: numbers, batches between workers, want of memory. */
#include "core_test.h"

#include <errno.h>
#include <stdlib.h>

#include "core/fault.h"
#include "core/rcu.h"
#include "core/slab.h"
#include "core/task.h"
#include "selftests/task_test.h"

#define SHIFT	7u
#define CHUNK	(1u << SHIFT)
#define CHUNKS	64u

struct object {
	uint32_t number;
	uint32_t in_use;
	char rest[56];
};

static void object_init(void *obj, uint32_t number)
{
	struct object *o = obj;

	ASSERT_EQ(0u, o->number);
	o->number = number + 1;
}

static struct slab_chunk *dir[CHUNKS];
static struct slab_cache cache = {
	.obj_size = sizeof(struct object),
	.chunk_shift = SHIFT,
	.max_chunks = CHUNKS,
	.dir = dir,
	.chunks = CDS_LIST_HEAD_INIT(cache.chunks),
	.init = object_init,
};

static struct object *take(struct slab_mag *m)
{
	struct object *o = m ? slab_alloc(&cache, m) : slab_alloc_one(&cache);

	if (o)
		ASSERT_EQ(0u, atomic_add(&o->in_use, 1));
	return o;
}

static void give(struct slab_mag *m, struct object *o)
{
	ASSERT_EQ(1u, atomic_sub(&o->in_use, 1));
	if (m)
		slab_free(&cache, m, o);
	else
		slab_free_one(&cache, o);
}

/* With no magazine left: nothing that was ever made may be missing. */
static void all_are_there(void)
{
	uint32_t made = cache.fresh, n;

	for (n = 0; n < made; n++)
		ASSERT_NOT_NULL(take(NULL));
	ASSERT_EQ(made, cache.fresh);
	for (n = 0; n < made; n++)
		give(NULL, slab_at(&cache, n));
}

TEST(objects_are_found_by_number)
{
	struct object *o[3 * CHUNK];
	struct slab_mag m;

	EXPECT_NULL(slab_at(&cache, 0));
	ASSERT_TRUE(slab_mag_init(&cache, &m));
	for (uint32_t i = 0; i < ARRAY_SIZE(o); i++)
		o[i] = take(&m);
	for (uint32_t i = 0; i < ARRAY_SIZE(o); i++) {
		ASSERT_NOT_NULL(o[i]);
		ASSERT_EQ(o[i], slab_at(&cache, o[i]->number - 1));
		ASSERT_EQ(0u, (uintptr_t)o[i] % 64);
	}
	EXPECT_NULL(slab_at(&cache, CHUNKS * CHUNK - 1));
	for (uint32_t i = 0; i < ARRAY_SIZE(o); i++)
		give(&m, o[i]);
	slab_mag_flush(&cache, &m);
	all_are_there();
}

TEST(what_was_freed_is_used_next)
{
	struct slab_mag m;
	struct object *o;

	ASSERT_TRUE(slab_mag_init(&cache, &m));
	o = take(&m);
	for (int i = 0; i < 1000; i++) {
		give(&m, o);
		ASSERT_EQ(o, take(&m));
	}
	EXPECT_LE(cache.fresh, SLAB_BATCH);
	give(&m, o);
	slab_mag_flush(&cache, &m);
	all_are_there();
}

TEST(all_may_be_used_and_no_more)
{
	struct object **o = calloc(CHUNKS * CHUNK + 1, sizeof(*o));
	struct slab_mag m, other;
	uint32_t n = 0;

	ASSERT_TRUE(slab_mag_init(&cache, &m));
	ASSERT_TRUE(slab_mag_init(&cache, &other));
	while ((o[n] = take(&m)))
		ASSERT_LE(++n, CHUNKS * CHUNK);
	EXPECT_EQ(CHUNKS * CHUNK, n);
	EXPECT_NULL(take(&other));
	EXPECT_NULL(take(NULL));
	/* One that a thread gives back is found by a worker. */
	give(NULL, o[--n]);
	o[n] = take(&other);
	ASSERT_NOT_NULL(o[n++]);
	EXPECT_NULL(take(&other));
	while (n)
		give(n % 3 ? &m : n % 2 ? &other : NULL, o[n - 1]), n--;
	slab_mag_flush(&cache, &m);
	slab_mag_flush(&cache, &other);
	all_are_there();
	free(o);
}

/* A walker finds each object once, in chunks that have come by then. */
TEST(chunks_are_walked_under_rcu)
{
	struct slab_chunk *k;
	struct slab_mag m;
	uint32_t n = 0;

	ASSERT_TRUE(slab_mag_init(&cache, &m));
	for (uint32_t i = 0; i < 5 * CHUNK; i++)
		ASSERT_NOT_NULL(take(&m));
	rcu_read_lock();
	cds_list_for_each_entry_rcu(k, &cache.chunks, node) {
		ASSERT_EQ(CHUNK, k->count);
		ASSERT_EQ(k->objs, slab_at(&cache, k->base));
		n += k->count;
	}
	rcu_read_unlock();
	EXPECT_EQ(cache.nr_chunks * CHUNK, n);
	EXPECT_GE(n, 5 * CHUNK);
}

static void faults(const char *what)
{
	ASSERT_EQ(0, setenv("OA_FAULT", what, 1));
	fault_read();
}

TEST(a_chunk_that_cannot_be_had)
{
	struct object *o[2 * CHUNK + 1];
	struct slab_mag m;
	uint32_t n = 0;

	faults("slab:2+");
	ASSERT_TRUE(slab_mag_init(&cache, &m));
	while ((o[n] = take(&m)))
		ASSERT_LT(++n, 2 * CHUNK);
	EXPECT_EQ(CHUNK, n);
	EXPECT_NULL(take(&m));
	EXPECT_NULL(take(NULL));
	/* A free needs no memory, and a later try may find some. */
	give(&m, o[--n]);
	o[n] = take(&m);
	ASSERT_NOT_NULL(o[n++]);
	faults("slab:99");
	o[n] = take(&m);
	ASSERT_NOT_NULL(o[n++]);
	while (n)
		give(&m, o[--n]);
	slab_mag_flush(&cache, &m);
	all_are_there();
}

TEST(a_worker_that_cannot_have_its_batches)
{
	struct slab_mag m;

	faults("mmap:1+");
	EXPECT_FALSE(slab_mag_init(&cache, &m));
	EXPECT_NULL(take(NULL));
	faults("mmap:99");
	ASSERT_TRUE(slab_mag_init(&cache, &m));
	give(&m, take(&m));
	slab_mag_flush(&cache, &m);
	all_are_there();
}

/* One starts what the other ends. */

#define PIPE 256u

struct pipeline {
	struct object *slot[PIPE];
	uint32_t head, tail;
	long n;
};

static void *frees_all(void *arg)
{
	struct pipeline *p = arg;
	struct slab_mag m;

	ASSERT_TRUE(slab_mag_init(&cache, &m));
	for (long i = 0; i < p->n; i++) {
		wait_until(atomic_load_acq(&p->tail) != p->head);
		give(&m, p->slot[p->head % PIPE]);
		atomic_store_rel(&p->head, p->head + 1);
	}
	slab_mag_flush(&cache, &m);
	return NULL;
}

TEST(a_pipeline_does_not_grow, .timeout = 120)
{
	struct pipeline p = { .n = SCALED(2000000, 200000) };
	struct object *o;
	struct slab_mag m;
	pthread_t th;

	ASSERT_TRUE(slab_mag_init(&cache, &m));
	thread_start(&th, frees_all, &p);
	for (long i = 0; i < p.n; i++) {
		o = take(&m);
		ASSERT_NOT_NULL(o);
		wait_until(p.tail - atomic_load_acq(&p.head) < PIPE);
		p.slot[p.tail % PIPE] = o;
		atomic_store_rel(&p.tail, p.tail + 1);
	}
	thread_end(th);
	slab_mag_flush(&cache, &m);
	/* In the pipe, two batches at each end, one on its way. */
	EXPECT_LE(cache.fresh, PIPE + 6 * SLAB_BATCH);
	all_are_there();
}

static void *anything(void *arg)
{
	struct object *mine[200];
	uint64_t rnd = (uint64_t)(uintptr_t)arg | 1;
	long rounds = SCALED(300000, 30000);
	struct slab_mag m;
	uint32_t n = 0;

	ASSERT_TRUE(slab_mag_init(&cache, &m));
	for (long i = 0; i < rounds; i++) {
		struct slab_mag *by = next_random(&rnd) % 8 ? &m : NULL;
		/* Runs that are longer than a batch. */
		bool up = (i / 150) & 1;

		if (n && (next_random(&rnd) % 4 == 0) == up) {
			give(by, mine[--n]);
		} else if (n < ARRAY_SIZE(mine)) {
			mine[n] = take(by);
			ASSERT_NOT_NULL(mine[n++]);
		}
		if (next_random(&rnd) % 5000 == 0) {
			slab_mag_flush(&cache, &m);
			ASSERT_TRUE(slab_mag_init(&cache, &m));
		}
	}
	while (n)
		give(&m, mine[--n]);
	slab_mag_flush(&cache, &m);
	return NULL;
}

TEST(nobody_has_what_another_has)
{
	pthread_t th[4];

	for (size_t i = 0; i < ARRAY_SIZE(th); i++)
		thread_start(&th[i], anything,
			     (void *)(uintptr_t)(seed_random() + i * 7919));
	for (size_t i = 0; i < ARRAY_SIZE(th); i++)
		thread_end(th[i]);
	all_are_there();
}

/* Descriptors: a handle outlives its task and says so. */

static void *nothing(void *arg)
{
	return arg;
}

TASK_TEST(a_slot_is_used_again_a_handle_is_not, .workers = 1)
{
	oa_task_t before = { 0 }, t;
	uint32_t same = 0;

	for (int i = 0; i < 1000; i++) {
		t = oa_spawn(nothing, NULL);
		ASSERT_TRUE(life_is(task_find(t)->life, t));
		ASSERT_OK(oa_join(t, NULL));
		ASSERT_FALSE(life_is(task_find(t)->life, t));
		ASSERT_ERR(oa_join(t, NULL), -ESRCH);
		ASSERT_ERR(oa_cancel(t), -ESRCH);
		ASSERT_FALSE(oa_task_eq(t, before));
		same += task_find(t) == task_find(before);
		before = t;
	}
	EXPECT_GT(same, 0u);
}

HARNESS_MAIN
