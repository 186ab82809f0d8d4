// SPDX-License-Identifier: MIT
/*
 * A worker that computes holds up nobody but those who need that very worker;
 * work that it sits on is taken from it. Computing ends when the others have
 * done what they are to do: if they cannot, the test does not end.
 */
#include "api_test.h"

#include <unistd.h>

FIXTURE(busy) {
	unsigned int ran, late, more;
	int flag, busy;
	uint64_t where;
	struct oa_event event;
};
FIXTURE_VARIANT(busy) { unsigned int workers; };
FIXTURE_VARIANT_ADD(busy, w2) { .workers = 2 };
FIXTURE_VARIANT_ADD(busy, w2_ring, "OA_PARK=ring") { .workers = 2 };
FIXTURE_VARIANT_ADD(busy, w8) { .workers = 8 };
FIXTURE_VARIANT_ADD(busy, w8_ring, "OA_PARK=ring") { .workers = 8 };

typedef struct busy_fixture_data data;

FIXTURE_SETUP(busy)
{
}

FIXTURE_TEARDOWN(busy)
{
}

static void *add_one(void *counter)
{
	COUNT(*(unsigned int *)counter);
	return NULL;
}

/* Not even a call of the library. */
static void compute_until(unsigned int *word, unsigned int n)
{
	while (SEEN(*word) < n)
		;
}

TASK_TEST_F(busy, what_it_has_spawned_runs_elsewhere,
	    .workers = variant->workers)
{
	for (int round = 0; round < 20; round++) {
		unsigned int n = 1 + (unsigned int)round * 5;

		TELL(self->ran, 0);
		for (unsigned int i = 0; i < n; i++)
			ASSERT_OK(oa_go(add_one, &self->ran));
		compute_until(&self->ran, n);
	}
}

TASK_TEST_F(busy, a_task_to_be_joined_runs_elsewhere,
	    .workers = variant->workers)
{
	for (int round = 0; round < 20; round++) {
		oa_task_t t;

		TELL(self->ran, 0);
		/* It would run next here, where nobody else may take it. */
		t = oa_spawn(add_one, &self->ran);
		compute_until(&self->ran, 1);
		ASSERT_OK(oa_join(t, NULL));
	}
}

static void *yields_then_counts(void *arg)
{
	for (int i = 0; i < 10; i++)
		ASSERT_OK(oa_yield());
	COUNT(*(unsigned int *)arg);
	return NULL;
}

/* Tasks in all states of being queued: begun, woken, not begun. */
TASK_TEST_F(busy, a_full_round_is_taken_from_it, .workers = variant->workers)
{
	for (int round = 0; round < 20; round++) {
		TELL(self->ran, 0);
		for (int i = 0; i < 40; i++)
			ASSERT_OK(oa_go(yields_then_counts, &self->ran));
		for (int i = 0; i < round % 7; i++)
			ASSERT_OK(oa_yield());
		compute_until(&self->ran, 40);
	}
}

static void *joins_one(void *arg)
{
	oa_task_t *t = arg;

	ASSERT_OK(oa_join(*t, NULL));
	return NULL;
}

static void *wakes_and_computes(void *arg)
{
	data *s = arg;

	/* Ending the sleeper wakes its joiner, on this worker if at all. */
	COUNT(s->ran);
	compute_until(&s->late, 1);
	return NULL;
}

static void *after_join(void *arg)
{
	data *s = arg;
	oa_task_t t = oa_spawn(add_one, &s->more);

	joins_one(&t);
	COUNT(s->late);
	return NULL;
}

TASK_TEST_F(busy, who_it_has_woken_runs_elsewhere,
	    .workers = variant->workers)
{
	for (int round = 0; round < 20; round++) {
		oa_task_t w, j;

		TELL(self->late, 0);
		j = oa_spawn(after_join, self);
		w = oa_spawn(wakes_and_computes, self);
		ASSERT_OK(oa_join(w, NULL));
		ASSERT_OK(oa_join(j, NULL));
	}
}

/* The others' requests and timers go on. */

struct echo { int fds[2][2]; unsigned int *ran; };

static void *plays(void *arg)
{
	struct echo *e = arg;
	char c = 'a', d = 0;

	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(1, oa_write(e->fds[0][1], &c, 1));
		ASSERT_EQ(1, oa_read(e->fds[1][0], &d, 1));
		ASSERT_EQ(c, d);
		if (i % 25 == 0)
			ASSERT_OK(oa_sleep(100 * OA_USEC));
	}
	COUNT(*e->ran);
	return NULL;
}

static void *echoes(void *arg)
{
	struct echo *e = arg;
	char c;

	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(1, oa_read(e->fds[0][0], &c, 1));
		ASSERT_EQ(1, oa_write(e->fds[1][1], &c, 1));
	}
	COUNT(*e->ran);
	return NULL;
}

static void *computes(void *arg)
{
	data *s = arg;

	TELL(s->busy, 1);
	compute_until(&s->ran, 8);
	return NULL;
}

static void *waits_for_event(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_event_wait(&s->event));
	COUNT(s->late);
	return NULL;
}

static void *sets_and_computes(void *arg)
{
	data *s = *(data **)arg;

	ASSERT_OK(oa_event_set(&s->event));
	compute_until(&s->late, 1);
	return NULL;
}

/* How often somebody has gone to sleep. */
static uint64_t sleeps_of(struct oa_runtime *rt)
{
	struct oa_stats st = OA_STATS_INIT;

	ASSERT_OK(oa_stats(rt, &st));
	return st.waits_ring + st.waits_futex;
}

/* All slept, without a limit, and one was woken. */
TEST_F(busy, who_it_has_woken_runs_elsewhere_after_a_rest)
{
	uint64_t was = UINT64_MAX, now;
	struct oa_runtime *rt;

	ASSERT_OK(oa_start(&rt, waits_for_event, self,
			   .workers = variant->workers));
	/*
	 * Nobody looks round any more when all have been idle for long. Between
	 * two looks at that, longer than the longest of their naps.
	 */
	while ((now = sleeps_of(rt)) != was) {
		was = now;
		usleep(400000);
	}
	ASSERT_OK(oa_post(rt, sets_and_computes, &self, sizeof(self)));
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
}

TASK_TEST_F(busy, other_workers_do_their_requests,
	    .workers = variant->workers)
{
	int last = (int)variant->workers - 1;
	struct echo e[4];
	oa_task_t busy;

	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, pipe(e[i].fds[0]));
		ASSERT_EQ(0, pipe(e[i].fds[1]));
		e[i].ran = &self->ran;
	}
	busy = oa_spawn(computes, self, .worker = OA_WORKER(0));
	task_wait_until(SEEN(self->busy));
	for (int i = 0; i < 4; i++) {
		ASSERT_OK(oa_go(plays, &e[i], .worker = OA_WORKER(last)));
		ASSERT_OK(oa_go(echoes, &e[i], .worker =
				OA_WORKER(1 + i % last)));
	}
	ASSERT_OK(oa_join(busy, NULL));
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 4; k++)
			close(e[i].fds[k / 2][k % 2]);
}

/* Its own requests complete while it computes, and are delivered after. */

static int late_fds[200][2];

static void *reads_late(void *arg)
{
	int i = (int)(intptr_t)arg;
	char c = 0;

	ASSERT_EQ(1, oa_read(late_fds[i][0], &c, 1));
	EXPECT_EQ((char)i, c);
	return NULL;
}

static void *computes_long(void *arg)
{
	data *s = arg;
	oa_time_t until = oa_after(OA_SEC);

	TELL(s->busy, 1);
	compute_until(&s->ran, 1);
	while (oa_now() < until)
		;
	TELL(s->flag, 1);
	return NULL;
}

static void *writes_late(void *arg)
{
	data *s = arg;

	for (int i = 0; i < 200; i++) {
		char c = (char)i;

		ASSERT_EQ(1, oa_write(late_fds[i][1], &c, 1));
	}
	TELL(s->ran, 1);
	return NULL;
}

TASK_TEST_F(busy, its_own_requests_complete_meanwhile,
	    .workers = variant->workers)
{
	oa_task_t t[200], busy;

	for (int i = 0; i < 200; i++) {
		ASSERT_EQ(0, pipe(late_fds[i]));
		t[i] = oa_spawn(reads_late, (void *)(intptr_t)i,
				.worker = OA_WORKER(0));
	}
	for (int i = 0; i < 200; i++)
		task_wait_until(task_state(NULL, t[i]) == OA_TASK_PARKED);
	busy = oa_spawn(computes_long, self, .worker = OA_WORKER(0));
	task_wait_until(SEEN(self->busy));
	ASSERT_OK(oa_go(writes_late, self, .worker = OA_WORKER(1)));
	/* This task may stand on worker 0 itself. */
	ASSERT_OK(oa_join(busy, NULL));
	EXPECT_EQ(1, SEEN(self->flag));
	for (int i = 0; i < 200; i++) {
		ASSERT_OK(oa_join(t[i], NULL));
		close(late_fds[i][0]);
		close(late_fds[i][1]);
	}
}

/* Work spreads. */

static void *notes_worker(void *arg)
{
	data *s = arg;

	__atomic_fetch_or(&s->where, 1ull << oa_worker_id(), __ATOMIC_RELAXED);
	for (volatile int i = 0; i < 20000; i++)
		;
	COUNT(s->ran);
	return NULL;
}

/* Not watched: none is to stand by where others want the processors. */
TASK_TEST_F(busy, every_worker_gets_some, .workers = variant->workers,
	    .watch = OA_FOREVER)
{
	uint64_t all = (1ull << variant->workers) - 1;
	unsigned int n = 0;

	while (__atomic_load_n(&self->where, __ATOMIC_RELAXED) != all) {
		for (int i = 0; i < 100; i++, n++)
			ASSERT_OK(oa_go(notes_worker, self));
		task_wait_until(SEEN(self->ran) == n);
	}
	EXPECT_GT(STAT(NULL, steals) + STAT(NULL, injected), 0u);
}

static void *stays(void *arg)
{
	int here = oa_worker_id();

	for (int i = 0; i < 200; i++) {
		ASSERT_OK(oa_yield());
		ASSERT_EQ(here, oa_worker_id());
	}
	COUNT(*(unsigned int *)arg);
	return NULL;
}

TASK_TEST_F(busy, pinned_ones_are_not_stolen, .workers = variant->workers)
{
	for (int i = 0; i < 50; i++)
		ASSERT_OK(oa_go(stays, &self->ran, .worker = OA_WORKER(0)));
	task_wait_until(SEEN(self->ran) == 50);
}

/* One worker alone: computing politely. */

static void *polite(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_go(add_one, &s->ran));
	while (!SEEN(s->ran))
		ASSERT_OK(oa_yield_point());
	/* And a timer, which nobody else looks at. */
	ASSERT_OK(oa_go(add_one, &s->ran, .delay = OA_MSEC));
	while (SEEN(s->ran) < 2)
		ASSERT_OK(oa_yield_point());
	return NULL;
}

TEST(one_worker_that_computes_politely)
{
	data s = { 0 };

	ASSERT_OK(oa_run(polite, &s, .workers = 1));
	EXPECT_EQ(2u, s.ran);
}

static void *polite_reader(void *arg)
{
	data *s = arg;
	char c;

	ASSERT_EQ(1, oa_read(late_fds[0][0], &c, 1));
	TELL(s->flag, 1);
	return NULL;
}

static void *polite_io(void *arg)
{
	data *s = arg;

	ASSERT_EQ(0, pipe(late_fds[0]));
	ASSERT_OK(oa_go(polite_reader, s));
	ASSERT_OK(oa_yield());
	ASSERT_OK(oa_yield());
	ASSERT_EQ(1, write(late_fds[0][1], "x", 1));
	while (!SEEN(s->flag))
		ASSERT_OK(oa_yield_point());
	for (int i = 0; i < 2; i++)
		ASSERT_OK(oa_close(late_fds[0][i]));
	return NULL;
}

TEST(one_worker_that_computes_politely_sees_completions)
{
	data s = { 0 };

	ASSERT_OK(oa_run(polite_io, &s, .workers = 1));
}

HARNESS_MAIN
