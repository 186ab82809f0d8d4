// SPDX-License-Identifier: MIT
/* A thousand lives of a runtime leave nothing behind. */
#include "api_test.h"

#include <unistd.h>

#define LIVES	((int)SCALED(1000, 60))
#define WARM_UP	30

FIXTURE(lives) { unsigned int n; };
VARIANTS_WORKERS(lives);

FIXTURE_SETUP(lives)
{
}

FIXTURE_TEARDOWN(lives)
{
}

static void *sleeps(void *arg)
{
	oa_sleep(OA_USEC);
	return arg;
}

/* A bit of everything that makes a runtime take something. */
static void *lives_fully(void *arg)
{
	oa_task_t t[8];
	int fds[2];
	char c = 0;

	ASSERT_EQ(0, pipe(fds));
	for (int i = 0; i < 8; i++)
		t[i] = oa_spawn(sleeps, NULL, .name = "sleeper");
	ASSERT_EQ(1, oa_write(fds[1], &c, 1));
	ASSERT_EQ(1, oa_read(fds[0], &c, 1));
	for (int i = 0; i < 7; i++)
		ASSERT_OK(oa_join(t[i], NULL));
	/* The last one's result is left to the runtime. */
	ASSERT_OK(oa_close(fds[0]));
	ASSERT_OK(oa_close(fds[1]));
	COUNT(*(unsigned int *)arg);
	return NULL;
}

static void live_by_run(unsigned int *n, unsigned int workers)
{
	ASSERT_OK(oa_run(lives_fully, n, .workers = workers));
}

static void live_by_start(unsigned int *n, unsigned int workers)
{
	struct oa_runtime *rt;

	ASSERT_OK(oa_start(&rt, lives_fully, n, .workers = workers));
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
}

static void live(unsigned int *n, unsigned int workers, int lives,
		 void (*how)(unsigned int *, unsigned int))
{
	struct harness_leaks leaks;
	size_t before;

	for (int i = 0; i < WARM_UP; i++)
		how(n, workers);
	harness_leaks_begin(&leaks);
	before = harness_rss();
	for (int i = 0; i < lives; i++)
		how(n, workers);
	EXPECT_NO_LEAKS(&leaks);
	EXPECT_EQ((unsigned int)lives + WARM_UP, *n);
	/* A single page a life would be twice that; of few it tells nothing. */
	if (!harness_slow() && lives >= 200)
		EXPECT_LT(harness_rss(), before + (size_t)lives * 2048 +
			  (256 << 10));
}

TEST_F_TIMEOUT(lives, by_run, 60)
{
	live(&self->n, variant->workers, LIVES / 4, live_by_run);
}

TEST_F_TIMEOUT(lives, by_start, 60)
{
	live(&self->n, variant->workers, LIVES / 4, live_by_start);
}

TEST_TIMEOUT(a_thousand_of_two_workers, 60)
{
	unsigned int n = 0;

	live(&n, 2, LIVES, live_by_start);
}

HARNESS_MAIN
