// SPDX-License-Identifier: MIT
/*
 * Waits on shared words while the kernel refuses something: no room for a
 * request delays it, no thread to stand in for one is told.
 */
#include "selftests/api/futex_test.h"

#include <stdio.h>

#include "core/fault.h"

#define WORDS	6

FIXTURE(futex_faults) {
	uint32_t w[WORDS];
	struct oa_futex_word v[WORDS];
	unsigned int n, failed, ran;
	oa_time_t time;
};
FIXTURE_VARIANT(futex_faults) { unsigned int workers; };
VARIANTS_FUTEX(futex_faults);

typedef struct futex_faults_fixture_data data;

static void no_fault(void)
{
	unsetenv("OA_FAULT");
	fault_read();
}

/* Runs @fn in a runtime in which the @n-th of a kind fails; its result. */
static int run_with(data *s, const char *kind, unsigned int n, oa_fn fn,
		    unsigned int workers)
{
	char text[64];
	int err;

	snprintf(text, sizeof(text), "%s:%u", kind, n);
	ASSERT_EQ(0, setenv("OA_FAULT", text, 1));
	fault_read();
	/* The thread that watches would be one of those counted. */
	err = oa_run(fn, s, .workers = workers, .watch = OA_FOREVER);
	no_fault();
	return err;
}

FIXTURE_SETUP(futex_faults)
{
	self->time = OA_MSEC;
	for (int i = 0; i < WORDS; i++)
		self->v[i].word = &self->w[i];
}

FIXTURE_TEARDOWN(futex_faults)
{
	no_fault();
}

static void *waits(void *arg)
{
	data *s = arg;

	return as_result(oa_futex_waitv(s->v, s->n, OA_FOREVER));
}

static void nobody_waits(data *s)
{
	for (int i = 0; i < WORDS; i++)
		EXPECT_EQ(0, oa_futex_wake(&s->w[i], INT_MAX));
}

static int join_int(oa_task_t t)
{
	void *result;

	ASSERT_OK(oa_join(t, &result));
	return (int)(intptr_t)result;
}

/* One that is woken, and one that is cancelled wherever it has got to. */
static void *waits_twice(void *arg)
{
	data *s = arg;
	oa_task_t t = oa_spawn(waits, s);

	task_wait_until(oa_futex_wake(&s->w[s->n - 1], 1) == 1);
	EXPECT_EQ((int)s->n - 1, join_int(t));
	t = oa_spawn(waits, s);
	for (unsigned int i = 0; i < s->n; i++)
		ASSERT_OK(oa_yield());
	ASSERT_OK(oa_cancel(t));
	EXPECT_ERR(join_int(t), -ECANCELED);
	nobody_waits(s);
	s->ran++;
	return NULL;
}

/* Ends at once when it is refused something, and else when its time is up. */
static void *waits_a_little(void *arg)
{
	data *s = arg;
	int err = oa_futex_waitv(s->v, s->n, oa_after(s->time));
	bool late = err == -ETIMEDOUT;

	if (!late) {
		EXPECT_ERR(err, -ENOMEM);
		s->failed++;
	}
	nobody_waits(s);
	/* Nothing is broken for good. */
	err = oa_futex_waitv(s->v, s->n, oa_after(OA_MSEC));
	/* The time of the first may have come before it asked for anything. */
	if (late && err == -ENOMEM)
		s->failed++;
	else
		EXPECT_ERR(err, -ETIMEDOUT);
	nobody_waits(s);
	s->ran++;
	return NULL;
}

TEST_F(futex_faults, no_room_in_the_submission_queue)
{
	unsigned int most = (unsigned int)SCALED(20, 8);

	for (unsigned int n = 1; n <= most; n++) {
		self->n = n % 2 ? 1 : WORDS;
		ASSERT_OK(run_with(self, "sqe", n, waits_twice,
				   variant->workers));
	}
	EXPECT_EQ(most, self->ran);
}

TEST_F(futex_faults, no_thread_to_stand_in)
{
	unsigned int want = 0;

	/* Where a thread is refused, its time must not come before. */
	if (by_threads())
		self->time = OA_FOREVER;
	/* Who calls oa_run() is the first worker. */
	for (self->n = 1; self->n <= WORDS; self->n += 2)
		for (unsigned int i = 0; i < self->n; i++, want++)
			ASSERT_OK(run_with(self, "thread", variant->workers + i,
					   waits_a_little, variant->workers));
	EXPECT_EQ(want, self->ran);
	EXPECT_EQ(by_threads() ? want : 0, self->failed);
}

TEST_F(futex_faults, no_memory_for_many_words)
{
	unsigned int n = 5 * variant->workers;
	int err;

	self->n = WORDS;
	do {
		err = run_with(self, "alloc", n++, waits_a_little,
			       variant->workers);
		if (err)
			ASSERT_ERR(err, -ENOMEM);
	} while (!self->failed && n < 200);
	EXPECT_EQ(1u, self->failed);
}

HARNESS_MAIN
