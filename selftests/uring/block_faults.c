// SPDX-License-Identifier: MIT
/*
 * The n-th event of a kind fails, for each n in turn, while tasks start under
 * conditions and on the blocking pool, and while selects wait: each call tells
 * it, or does its work in another way; nothing stays taken.
 */
#include "selftests/api/actors.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/fault.h"

FIXTURE(block_faults) {
	unsigned int ran, dropped, failed;
	struct oa_sem sem;
	struct oa_mutex mutex;
	struct oa_backpressure bp;
	int fds[2];
};
VARIANTS_WORKERS(block_faults);

typedef struct block_faults_fixture_data data;

static void set_fault(const char *kind, int n, const char *more)
{
	char text[64];

	snprintf(text, sizeof(text), "%s:%d%s", kind, n, more);
	ASSERT_EQ(0, setenv("OA_FAULT", text, 1));
	fault_read();
}

static void no_fault(void)
{
	unsetenv("OA_FAULT");
	fault_read();
}

FIXTURE_SETUP(block_faults)
{
	ASSERT_EQ(0, pipe(self->fds));
	ASSERT_OK(oa_sem_init(&self->sem, 2));
	ASSERT_OK(oa_backpressure_init(&self->bp, 2,
				       OA_BACKPRESSURE_LOSSLESS));
}

FIXTURE_TEARDOWN(block_faults)
{
	no_fault();
	close(self->fds[0]);
	close(self->fds[1]);
}

static void *counts(void *arg)
{
	COUNT(((data *)arg)->ran);
	give_way();
	return arg;
}

static void count_drop(void *arg)
{
	COUNT(((data *)arg)->dropped);
}

static const oa_fn links[] = { counts, NULL };

#define N 12

/* Whatever fails, each is told, runs, or is dropped. */
static void start_some(data *d, int err)
{
	oa_task_t t[N];
	unsigned int failed = 0, twice = 0;

	TELL(d->ran, 0);
	TELL(d->dropped, 0);
	for (int i = 0; i < N; i++)
		t[i] = oa_spawn(counts, d, .block = i % 2,
				.sem = i % 3 ? &d->sem : NULL,
				.mutex = i % 4 ? &d->mutex : NULL,
				.backpressure = i % 5 ? &d->bp : NULL,
				.then = i % 6 ? NULL : links,
				.on_drop = count_drop);
	for (int i = 0; i < N; i++) {
		int code = oa_task_error(t[i]);

		void *result = NULL;

		if (code) {
			failed++;
		} else {
			ASSERT_OK(oa_join(t[i], &result));
			code = oa_err_code(result);
		}
		ASSERT_TRUE(!code || code == err || code == -ENOMEM);
		/* The second link of a chain. */
		if (i % 6 == 0 && !code)
			twice++;
	}
	ASSERT_EQ(N + twice, SEEN(d->ran) + SEEN(d->dropped) + failed);
	d->failed += SEEN(d->dropped) + failed;
	ASSERT_EQ(2u, oa_sem_value(&d->sem));
	ASSERT_EQ(0u, SYNC(backpressure, &d->bp, value));
	ASSERT_OK(oa_mutex_trylock(&d->mutex));
	ASSERT_OK(oa_mutex_unlock(&d->mutex));
}

static void with_faults(data *d, const char *kind, int most, const char *more,
			 int err)
{
	for (int n = 1; n <= most; n++) {
		set_fault(kind, n, more);
		start_some(d, err);
		no_fault();
		/* Nothing is broken for good. */
		d->failed = 0;
		start_some(d, 0);
		ASSERT_EQ(0u, d->failed);
	}
}

/* Threads end at once, so that there is always one to be made. */
TASK_TEST_F(block_faults, a_thread, .workers = variant->workers,
	    .max_blocking = 3, .blocking_idle = OA_NSEC)
{
	with_faults(self, "thread", 8, "", -EAGAIN);
}

TASK_TEST_F(block_faults, all_threads, .workers = variant->workers,
	    .max_blocking = 3, .blocking_idle = OA_NSEC)
{
	with_faults(self, "thread", 4, "+", -EAGAIN);
}

TASK_TEST_F(block_faults, no_thread_from_the_start,
	    .workers = variant->workers, .max_blocking = 3)
{
	set_fault("thread", 1, "+");
	EXPECT_EQ(oa_err(-EAGAIN), oa_block(counts, self));
	start_some(self, -EAGAIN);
	/* All that need a thread, and no others. */
	EXPECT_EQ((unsigned int)N / 2, self->failed);
	no_fault();
	EXPECT_EQ((void *)self, oa_block(counts, self));
}

TASK_TEST_F(block_faults, an_allocation, .workers = variant->workers,
	    .max_blocking = 3)
{
	with_faults(self, "alloc", 15, "", -EAGAIN);
}

TASK_TEST_F(block_faults, a_slab, .workers = variant->workers,
	    .max_blocking = 3)
{
	with_faults(self, "slab", 5, "", 0);
}

TASK_TEST_F(block_faults, a_stack, .workers = variant->workers,
	    .max_blocking = 3)
{
	with_faults(self, "stack", 5, "", 0);
}

/* Selects on descriptors need a little memory. */
TASK_TEST_F(block_faults, a_select, .workers = variant->workers)
{
	struct oa_event event = OA_EVENT_INIT;
	static const char *const kinds[] = { "alloc", "slab", "stack" };

	for (size_t k = 0; k < ARRAY_N(kinds); k++) {
		for (int n = 1; n <= 6; n++) {
			struct oa_case c[] = {
				OA_CASE_FD(self->fds[0], POLLIN),
				OA_CASE_EVENT(&event),
			};
			int err;

			set_fault(kinds[k], n, "");
			err = oa_select_until(c, 2, oa_after(200 * OA_USEC));
			no_fault();
			ASSERT_TRUE(err == -ETIMEDOUT || err == -ENOMEM);
			ASSERT_EQ(0u, SYNC(event, &event, waiters));
		}
	}
	ASSERT_EQ(1, write(self->fds[1], "x", 1));
	for (int i = 0; i < 3; i++) {
		struct oa_case c = OA_CASE_FD(self->fds[0], POLLIN);

		ASSERT_EQ(0, oa_select(&c, 1));
	}
}

TASK_TEST_F(block_faults, a_channel, .workers = variant->workers)
{
	for (int n = 1; n <= 4; n++) {
		struct oa_chan *ch = NULL;
		int err;

		set_fault("alloc", n, "");
		err = oa_chan_create(&ch, 100, 10, OA_CHAN_BOUNDED);
		no_fault();
		if (err) {
			ASSERT_ERR(err, -ENOMEM);
			ASSERT_NULL(ch);
		} else {
			ASSERT_OK(oa_chan_destroy(ch));
		}
	}
	for (int n = 1; n <= 4; n++) {
		struct oa_chan *ch;
		int in = 0, x = 0;

		ASSERT_OK(oa_chan_create(&ch, sizeof(x), 0,
					 OA_CHAN_UNBOUNDED));
		set_fault("alloc", n, "");
		for (int i = 0; i < 6000; i++) {
			int err = oa_chan_send(ch, &i);

			ASSERT_TRUE(!err || err == -ENOMEM);
			in += !err;
		}
		no_fault();
		ASSERT_GE(in, 6000 - 1);
		ASSERT_EQ((size_t)in, oa_chan_len(ch));
		ASSERT_OK(oa_chan_destroy(ch));
	}
}

HARNESS_MAIN
