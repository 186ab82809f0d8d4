// SPDX-License-Identifier: MIT
/* No thread can be had: that is told, and what there is does all the work. */
#include "actors.h"

#include <sys/resource.h>
#include <unistd.h>

FIXTURE(scarce) {
	struct rlimit all;
	unsigned int n, dropped;
	struct oa_event event;
	struct oa_sem sem;
	struct oa_mutex mutex;
};
VARIANTS_WORKERS(scarce);

typedef struct scarce_fixture_data data;

FIXTURE_SETUP(scarce)
{
	/* Root is above that limit; become somebody who is not. */
	if (geteuid() == 0 && !harness_drop_root())
		SKIP("setresuid");
	ASSERT_EQ(0, getrlimit(RLIMIT_NPROC, &self->all));
}

FIXTURE_TEARDOWN(scarce)
{
}

static void *nothing(void *arg)
{
	return arg;
}

static void *counts(void *arg)
{
	COUNT(((data *)arg)->n);
	return NULL;
}

static void count_drop(void *arg)
{
	COUNT(((data *)arg)->dropped);
}

/* After that pthread_create() fails; false: it is not obeyed here. */
static void no_more_threads(data *d)
{
	struct rlimit rl = { 1, d->all.rlim_max };
	pthread_t th;

	ASSERT_EQ(0, setrlimit(RLIMIT_NPROC, &rl));
	if (!pthread_create(&th, NULL, nothing, NULL)) {
		thread_end(th);
		SKIP("RLIMIT_NPROC is not obeyed here");
	}
}

static void threads_again(data *d)
{
	ASSERT_EQ(0, setrlimit(RLIMIT_NPROC, &d->all));
}

TASK_TEST_F(scarce, none_at_all, .workers = variant->workers,
	    .max_blocking = 4)
{
	oa_task_t t[20];

	ASSERT_OK(oa_sem_init(&self->sem, 20));
	no_more_threads(self);
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(oa_err(-EAGAIN), oa_block(counts, self));
	for (int i = 0; i < 20; i++) {
		t[i] = oa_spawn(counts, self, .block = true, .sem = &self->sem,
				.mutex = &self->mutex, .on_drop = count_drop);
		ASSERT_OK(oa_task_error(t[i]));
	}
	for (int i = 0; i < 20; i++)
		EXPECT_ERR(join_code(t[i]), -EAGAIN);
	EXPECT_EQ(20u, self->dropped);
	EXPECT_EQ(0u, self->n);
	/* What they held is given back, the places among it. */
	EXPECT_EQ(20u, oa_sem_value(&self->sem));
	EXPECT_OK(oa_mutex_trylock(&self->mutex));
	EXPECT_OK(oa_mutex_unlock(&self->mutex));
	/* Others run on. */
	EXPECT_OK(join_code(oa_spawn(counts, self)));
	threads_again(self);
	for (int i = 0; i < 10; i++)
		EXPECT_NULL(oa_block(counts, self));
	EXPECT_EQ(11u, self->n);
}

static void *waits(void *arg)
{
	data *d = arg;

	COUNT(d->n);
	ASSERT_OK(oa_event_wait(&d->event));
	return NULL;
}

/* With one that is there: it does all of it, one after the other. */
TASK_TEST_F(scarce, only_one, .workers = variant->workers,
	    .max_blocking = 4)
{
	oa_task_t first = oa_spawn(waits, self, .block = true), t[20];

	task_wait_until(SEEN(self->n) == 1);
	no_more_threads(self);
	for (int i = 0; i < 20; i++)
		t[i] = oa_spawn(counts, self, .block = true,
				.on_drop = count_drop);
	for (int i = 0; i < 20; i++)
		ASSERT_OK(oa_yield());
	EXPECT_EQ(1u, SEEN(self->n));
	ASSERT_OK(oa_event_set(&self->event));
	EXPECT_OK(join_code(first));
	for (int i = 0; i < 20; i++)
		EXPECT_OK(join_code(t[i]));
	EXPECT_EQ(21u, self->n);
	EXPECT_EQ(0u, self->dropped);
	for (int i = 0; i < 10; i++)
		EXPECT_NULL(oa_block(counts, self));
	threads_again(self);
	for (int i = 0; i < 20; i++)
		t[i] = oa_spawn(counts, self, .block = true);
	for (int i = 0; i < 20; i++)
		EXPECT_OK(join_code(t[i]));
}

HARNESS_MAIN
