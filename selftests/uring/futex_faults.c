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
	unsigned int n;
};
VARIANTS_FUTEX(futex_faults);
LEAK_CHECK(futex_faults);

typedef struct futex_faults_fixture_data data;

static void set_fault(const char *kind, int n)
{
	char text[64];

	snprintf(text, sizeof(text), "%s:%d", kind, n);
	ASSERT_EQ(0, setenv("OA_FAULT", text, 1));
	fault_read();
}

static void no_fault(void)
{
	unsetenv("OA_FAULT");
	fault_read();
}

FIXTURE_SETUP(futex_faults)
{
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

	return (void *)(intptr_t)oa_futex_waitv(s->v, s->n, OA_FOREVER);
}

static int join_int(oa_task_t t)
{
	void *result;

	ASSERT_OK(oa_join(t, &result));
	return (int)(intptr_t)result;
}

static void nobody_waits(data *s)
{
	for (int i = 0; i < WORDS; i++)
		EXPECT_EQ(0, oa_futex_wake(&s->w[i], INT_MAX));
}

/* One that is woken, and one that is cancelled wherever it has got to. */
static void wait_through(data *s)
{
	oa_task_t t = oa_spawn(waits, s);

	task_wait_until(oa_futex_wake(&s->w[s->n - 1], 1) == 1);
	EXPECT_EQ((int)s->n - 1, join_int(t));
	t = oa_spawn(waits, s);
	for (unsigned int i = 0; i < s->n; i++)
		ASSERT_OK(oa_yield());
	ASSERT_OK(oa_cancel(t));
	EXPECT_ERR(join_int(t), -ECANCELED);
	nobody_waits(s);
}

TASK_TEST_F(futex_faults, no_room_in_the_submission_queue,
	    .workers = variant->workers)
{
	for (int n = 1; n <= (int)SCALED(40, 20); n++) {
		self->n = n % 2 ? 1 : WORDS;
		set_fault("sqe", n);
		wait_through(self);
		no_fault();
	}
}

TASK_TEST_F(futex_faults, no_thread_to_stand_in, .workers = variant->workers)
{
	for (self->n = 1; self->n <= WORDS; self->n++) {
		for (int n = 1; by_threads() && n <= (int)self->n; n++) {
			set_fault("thread", n);
			EXPECT_ERR(join_int(oa_spawn(waits, self)), -ENOMEM);
			no_fault();
			nobody_waits(self);
		}
		/* A request needs none. */
		if (!by_threads())
			set_fault("thread", 1);
		wait_through(self);
		no_fault();
	}
}

TASK_TEST_F(futex_faults, no_memory_for_many_words,
	    .workers = variant->workers)
{
	self->n = WORDS;
	set_fault("alloc", 1);
	EXPECT_ERR(oa_futex_waitv(self->v, WORDS, OA_FOREVER), -ENOMEM);
	no_fault();
	wait_through(self);
}

HARNESS_MAIN
