// SPDX-License-Identifier: MIT
/* The pool itself: how many threads, for how long, and what its end is. */
#include "actors.h"

#include <sys/syscall.h>
#include <unistd.h>

#define MOST	64

FIXTURE(pool) {
	unsigned int inside, top, n, dropped, cancelled, most;
	int fds[2], go;
	struct oa_event event;
	long tids[MOST];
	unsigned int nr_tids;
};
VARIANTS_WORKERS(pool);

typedef struct pool_fixture_data data;

FIXTURE_SETUP(pool)
{
	ASSERT_EQ(0, pipe(self->fds));
}

FIXTURE_TEARDOWN(pool)
{
	close(self->fds[0]);
	close(self->fds[1]);
}

static void *goes_in(void *arg)
{
	data *d = arg;
	unsigned int n = COUNT(d->inside);

	ASSERT_LE(n, d->most);
	if (n > SEEN(d->top))
		TELL(d->top, n);
	sched_yield();
	if (COUNT(d->n) % 3 == 1)
		sched_yield();
	__atomic_sub_fetch(&d->inside, 1, __ATOMIC_ACQ_REL);
	return NULL;
}

static void *blocks(void *arg)
{
	EXPECT_NULL(oa_block(goes_in, arg));
	return NULL;
}

/* Never more than the most, by whatever way they come. */
static void crowd(data *d, unsigned int most)
{
	oa_task_t t[200];
	unsigned int threads = harness_nr_threads();

	d->most = most;
	for (int i = 0; i < 200; i++)
		t[i] = i % 2 ? oa_spawn(blocks, d) :
			       oa_spawn(goes_in, d, .block = true);
	for (int i = 0; i < 200; i++)
		ASSERT_OK(oa_join(t[i], NULL));
	EXPECT_EQ(200u, d->n);
	EXPECT_LE(harness_nr_threads(), threads + most);
}

#define CROWD(name, given, is) \
	TASK_TEST_F(pool, at_most_##name, .workers = variant->workers, \
		    .max_blocking = given) \
	{ \
		crowd(self, is); \
	} \
	struct harness_variant

CROWD(one, 1, 1);
CROWD(three, 3, 3);
CROWD(many, 40, 40);
CROWD(half_the_workers, 0,
      variant->workers > 1 ? variant->workers / 2 : 1);

/* All that may be, are. */

static void *reads(void *arg)
{
	data *d = arg;
	char c;

	COUNT(d->inside);
	ASSERT_EQ(1, read(d->fds[0], &c, 1));
	COUNT(d->n);
	return NULL;
}

static void *counts(void *arg)
{
	COUNT(((data *)arg)->n);
	return NULL;
}

static void *yields(void *arg)
{
	for (int i = 0; i < 50; i++)
		ASSERT_OK(oa_yield());
	ASSERT_OK(oa_sleep(10 * OA_USEC));
	return counts(arg);
}

/* While it is full of calls that block, the others go on. */
TASK_TEST_F(pool, full, .workers = variant->workers, .max_blocking = 5)
{
	char byte[20];
	oa_task_t t[20];

	for (int round = 0; round < 3; round++) {
		self->inside = self->n = 0;
		for (int i = 0; i < 20; i++)
			t[i] = oa_spawn(reads, self, .block = true);
		task_wait_until(SEEN(self->inside) == 5);
		task_wait_until(count_in_state(NULL, OA_TASK_WAITING) == 15);
		for (int i = 0; i < 100; i++) {
			ASSERT_OK(oa_join(oa_spawn(yields, self,
						   .delay = i % 2), NULL));
			ASSERT_EQ((unsigned int)i + 1, SEEN(self->n));
		}
		EXPECT_EQ(5u, SEEN(self->inside));
		EXPECT_EQ(15u, count_in_state(NULL, OA_TASK_WAITING));
		TELL(self->n, 0);
		ASSERT_EQ(20, write(self->fds[1], byte, 20));
		for (int i = 0; i < 20; i++)
			ASSERT_OK(oa_join(t[i], NULL));
		EXPECT_EQ(20u, self->n);
	}
}

/* Threads come when they are needed and are used again. */

static void *note_tid(void *arg)
{
	data *d = arg;
	long me = syscall(SYS_gettid);

	for (unsigned int i = 0; i < d->nr_tids; i++)
		if (d->tids[i] == me)
			return NULL;
	ASSERT_LT(d->nr_tids, (unsigned int)MOST);
	d->tids[d->nr_tids++] = me;
	return NULL;
}

TASK_TEST_F(pool, a_thread_is_used_again, .workers = variant->workers,
	    .max_blocking = MOST)
{
	unsigned int before = harness_nr_threads();

	for (int i = 0; i < 100; i++)
		EXPECT_NULL(oa_block(note_tid, self));
	/* Whether it is idle again when the next comes is a matter of luck. */
	EXPECT_LE(self->nr_tids, 20u);
	EXPECT_LE(harness_nr_threads(), before + 20);
}

TASK_TEST_F(pool, no_thread_without_need, .workers = variant->workers,
	    .min_blocking = 4, .max_blocking = 8)
{
	unsigned int before = harness_nr_threads();

	for (int i = 0; i < 50; i++)
		ASSERT_OK(oa_join(oa_spawn(yields, self), NULL));
	EXPECT_EQ(before, harness_nr_threads());
	EXPECT_NULL(oa_block(counts, self));
	EXPECT_EQ(before + 1, harness_nr_threads());
}

static void *waits(void *arg)
{
	data *d = arg;

	COUNT(d->inside);
	ASSERT_OK(oa_event_wait(&d->event));
	return NULL;
}

static void occupy(data *d, unsigned int n)
{
	oa_task_t t[16];

	d->inside = 0;
	ASSERT_OK(oa_event_reset(&d->event));
	for (unsigned int i = 0; i < n; i++)
		t[i] = oa_spawn(waits, d, .block = true);
	task_wait_until(SEEN(d->inside) == n);
	ASSERT_OK(oa_event_set(&d->event));
	for (unsigned int i = 0; i < n; i++)
		ASSERT_OK(oa_join(t[i], NULL));
}

/* Idle ones end after a while; some stay if so wished. */
TASK_TEST_F(pool, idle_threads_end, .workers = variant->workers,
	    .max_blocking = 8, .blocking_idle = 2 * OA_MSEC)
{
	unsigned int before = harness_nr_threads();

	for (int round = 0; round < 3; round++) {
		occupy(self, 8);
		task_wait_until(harness_nr_threads() == before);
	}
	EXPECT_NULL(oa_block(counts, self));
}

TASK_TEST_F(pool, some_stay, .workers = variant->workers, .max_blocking = 8,
	    .min_blocking = 3, .blocking_idle = 2 * OA_MSEC)
{
	unsigned int before = harness_nr_threads();

	for (int round = 0; round < 3; round++) {
		occupy(self, 8);
		task_wait_until(harness_nr_threads() == before + 3);
		/* These stay. */
		ASSERT_OK(oa_sleep(6 * OA_MSEC));
		EXPECT_EQ(before + 3, harness_nr_threads());
		occupy(self, 3);
		/* One that has not come back from its task may get a fourth. */
		task_wait_until(harness_nr_threads() == before + 3);
	}
}

TASK_TEST_F(pool, idle_threads_are_there_for_long, .workers = variant->workers,
	    .max_blocking = 4)
{
	unsigned int before = harness_nr_threads();

	occupy(self, 4);
	ASSERT_OK(oa_sleep(10 * OA_MSEC));
	EXPECT_EQ(before + 4, harness_nr_threads());
}

/* They end just when they are needed again. */
TASK_TEST_F(pool, ends_race_needs, .workers = variant->workers,
	    .max_blocking = 4, .blocking_idle = OA_USEC)
{
	struct random r = random_of(0);
	unsigned int n = (unsigned int)SCALED(400, 80);

	for (unsigned int i = 0; i < n; i++) {
		ASSERT_OK(oa_go(counts, self, .block = true));
		if (draw(&r, 2))
			EXPECT_NULL(oa_block(counts, self));
		else
			ASSERT_OK(oa_go(counts, self, .block = true));
		if (draw(&r, 3) == 0)
			ASSERT_OK(oa_sleep(draw(&r, 60000)));
	}
	task_wait_until(SEEN(self->n) == 2 * n);
}

/* More are to stay than there may be: all that there may be stay. */
TASK_TEST_F(pool, more_stay_than_may_be, .workers = variant->workers,
	    .max_blocking = 2, .min_blocking = 9,
	    .blocking_idle = OA_MSEC)
{
	unsigned int before = harness_nr_threads();

	self->most = 2;
	for (int i = 0; i < 20; i++)
		EXPECT_NULL(oa_block(goes_in, self));
	EXPECT_LE(harness_nr_threads(), before + 2);
}

/* The end of the runtime. */

static void *waits_or_is_cut(void *arg)
{
	data *d = arg;
	int err;

	COUNT(d->inside);
	err = oa_event_wait(&d->event);
	if (err) {
		EXPECT_ERR(err, -ECANCELED);
		COUNT(d->cancelled);
	}
	COUNT(d->n);
	return oa_err(err);
}

static void *blocks_or_is_cut(void *arg)
{
	void *result = oa_block(waits_or_is_cut, arg);

	EXPECT_TRUE(!result || result == oa_err(-ECANCELED));
	return NULL;
}

static void count_drop(void *arg)
{
	COUNT(((data *)arg)->dropped);
}

static void *is_shut_down(void *arg)
{
	data *d = arg;

	for (int i = 0; i < 20; i++)
		ASSERT_OK(oa_go(waits_or_is_cut, d, .block = true,
				.on_drop = count_drop));
	ASSERT_OK(oa_go(blocks_or_is_cut, d));
	task_wait_until(SEEN(d->inside) == 4);
	task_wait_until(count_in_state(NULL, OA_TASK_WAITING) == 17);
	if (d->go) {
		ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_DRAIN));
		EXPECT_ERR(oa_go(counts, d, .block = true), -ESHUTDOWN);
		ASSERT_OK(oa_event_set(&d->event));
	} else {
		ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL));
		EXPECT_ERR(oa_go(counts, d, .block = true), -ESHUTDOWN);
	}
	return NULL;
}

TEST_F(pool, a_graceful_shutdown)
{
	struct oa_ended e;

	ASSERT_OK(oa_run(is_shut_down, self, .workers = variant->workers,
			 .max_blocking = 4, .ended = &e));
	/*
	 * Four had begun. The one of oa_block() may be among the rest, or get a
	 * place before its caller has heard of it.
	 */
	EXPECT_GE(self->n, 4u);
	EXPECT_LE(self->n, 5u);
	EXPECT_EQ(self->n, self->cancelled);
	EXPECT_GE(self->dropped, 16u);
	EXPECT_EQ(22u + 1, e.ran + e.dropped);
}

TEST_F(pool, a_draining_shutdown)
{
	struct oa_ended e;

	self->go = 1;
	ASSERT_OK(oa_run(is_shut_down, self, .workers = variant->workers,
			 .max_blocking = 4, .ended = &e));
	EXPECT_EQ(21u, self->n);
	EXPECT_EQ(0u, self->cancelled);
	EXPECT_EQ(0u, self->dropped);
	EXPECT_EQ(0u, e.dropped);
}

/* A call that really blocks is waited for. */

static void *reads_slowly(void *arg)
{
	data *d = arg;
	char c;

	COUNT(d->inside);
	ASSERT_EQ(1, read(d->fds[0], &c, 1));
	EXPECT_EQ(1, oa_cancelled());
	COUNT(d->n);
	return NULL;
}

static void *leaves_a_reader(void *arg)
{
	data *d = arg;

	ASSERT_OK(oa_go(reads_slowly, d, .block = true));
	task_wait_until(SEEN(d->inside) == 1);
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL));
	TELL(d->go, 1);
	return NULL;
}

TEST_F(pool, a_shutdown_waits_for_a_call)
{
	struct oa_runtime *rt;
	struct oa_ended e;

	ASSERT_OK(oa_start(&rt, leaves_a_reader, self,
			   .workers = variant->workers));
	dump_runtime = rt;
	wait_until(SEEN(self->go));
	EXPECT_ERR(oa_runtime_wait_until(rt, &e, oa_after(2 * OA_MSEC)),
		   -ETIMEDOUT);
	ASSERT_EQ(1, write(self->fds[1], "x", 1));
	ASSERT_OK(oa_runtime_wait(rt, &e));
	ASSERT_OK(oa_runtime_free(rt));
	EXPECT_EQ(1u, self->n);
	EXPECT_EQ(2u, e.ran);
	EXPECT_EQ(2u, e.cancelled);
}

/* Runtimes have pools of their own. */

static void *own_pool(void *arg)
{
	data *d = arg;
	oa_task_t t[3];

	/* Each of the two has all of its three places busy. */
	for (int i = 0; i < 3; i++)
		t[i] = oa_spawn(waits, d, .block = true);
	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_join(t[i], NULL));
	return NULL;
}

TEST_F(pool, two_runtimes)
{
	struct oa_runtime *rt[2];

	for (int i = 0; i < 2; i++)
		ASSERT_OK(oa_start(&rt[i], own_pool, self,
				   .workers = variant->workers,
				   .max_blocking = 3));
	dump_runtime = rt[0];
	wait_until(SEEN(self->inside) == 6);
	ASSERT_OK(oa_event_set(&self->event));
	for (int i = 0; i < 2; i++) {
		ASSERT_OK(oa_runtime_wait(rt[i], NULL));
		ASSERT_OK(oa_runtime_free(rt[i]));
	}
}

/* Memory of the pool is given back. */

static struct counted_memory memory;

static void *uses_pool(void *arg)
{
	data *d = arg;

	for (int i = 0; i < 50; i++)
		ASSERT_OK(oa_go(counts, d, .block = true));
	return NULL;
}

TEST_F(pool, memory)
{
	ASSERT_OK(oa_run(uses_pool, self, .workers = variant->workers,
			 .allocator = COUNTED_MEMORY(&memory),
			 .max_blocking = 4));
	EXPECT_EQ(50u, self->n);
	EXPECT_EQ(0, memory.out);
}

HARNESS_MAIN
