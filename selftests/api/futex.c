// SPDX-License-Identifier: MIT
/* Words shared with others, here with tasks and threads of one process. */
#include <sched.h>
#include <stdio.h>

#include "futex_test.h"

#define WORDS	9
#define CROWD	16

FIXTURE(futex) {
	uint32_t *w;			/* WORDS, shared */
	struct oa_futex_word v[OA_FUTEX_WAITV_MAX + 1];
	unsigned int n;
	oa_time_t deadline;
	int counted, go;
	oa_task_t t[1000];
};
FIXTURE_VARIANT(futex) { unsigned int workers; };
VARIANTS_FUTEX(futex);

typedef struct futex_fixture_data data;

FIXTURE_SETUP(futex)
{
	self->w = shared_memory(WORDS * sizeof(*self->w));
	for (unsigned int i = 0; i < ARRAY_N(self->v); i++)
		self->v[i].word = &self->w[i % WORDS];
	self->n = WORDS;
	self->deadline = OA_FOREVER;
}

FIXTURE_TEARDOWN(futex)
{
	ASSERT_EQ(0, munmap(self->w, WORDS * sizeof(*self->w)));
}

static void *waits(void *word)
{
	return oa_err(oa_futex_wait(word, 0));
}

static void *waits_until(void *arg)
{
	data *s = arg;

	return oa_err(oa_futex_wait_until(&s->w[0], 0, s->deadline));
}

static void *waits_for_any(void *arg)
{
	data *s = arg;

	return as_result(oa_futex_waitv(s->v, s->n, s->deadline));
}

static void until_waiters(uint32_t *word, long n)
{
	task_wait_until(waiters_on(word) == n);
}

/* By threads, each comes in its own time. */
static void until_all(data *s, long n)
{
	for (unsigned int i = 0; i < s->n; i++)
		until_waiters(s->v[i].word, n);
}

static void nobody_waits(data *s)
{
	for (int i = 0; i < WORDS; i++)
		EXPECT_EQ(0, oa_futex_wake(&s->w[i], INT_MAX));
}

static void bad_use(data *s)
{
	uint32_t *odd = (uint32_t *)((char *)s->w + 2);
	uint32_t *none = (uint32_t *)16;
	struct oa_futex_word w = { .word = s->w };

	EXPECT_ERR(oa_futex_wait(odd, 0), -EINVAL);
	EXPECT_ERR(oa_futex_wait_until(odd, 0, NOW), -EINVAL);
	EXPECT_ERR(oa_futex_wake(odd, 1), -EINVAL);
	EXPECT_ERR(oa_futex_wake(s->w, -1), -EINVAL);
	EXPECT_ERR(oa_futex_waitv(NULL, 1, NOW), -EINVAL);
	EXPECT_ERR(oa_futex_waitv(s->v, 0, NOW), -EINVAL);
	EXPECT_ERR(oa_futex_waitv(s->v, OA_FUTEX_WAITV_MAX + 1, NOW), -EINVAL);
	w.oa__reserved = 1;
	EXPECT_ERR(oa_futex_waitv(&w, 1, NOW), -EINVAL);
	w.oa__reserved = 0;
	w.word = odd;
	EXPECT_ERR(oa_futex_waitv(&w, 1, NOW), -EINVAL);

	EXPECT_ERR(oa_futex_wait(NULL, 0), -EFAULT);
	EXPECT_ERR(oa_futex_wait(none, 0), -EFAULT);
	EXPECT_ERR(oa_futex_wait_until(none, 0, NOW), -EFAULT);
	EXPECT_ERR(oa_futex_wake(none, 1), -EFAULT);

	EXPECT_ERR(oa_futex_wait(s->w, 1), -EAGAIN);
	EXPECT_ERR(oa_futex_wait_until(s->w, 1, NOW), -EAGAIN);
	EXPECT_ERR(oa_futex_wait_until(s->w, 0, NOW), -ETIMEDOUT);
	s->v[3].value = 1;
	EXPECT_ERR(oa_futex_waitv(s->v, 5, OA_FOREVER), -EAGAIN);
	s->v[3].value = 0;
	EXPECT_ERR(oa_futex_waitv(s->v, 5, NOW), -ETIMEDOUT);
	/* A bad address tells more than another value. */
	s->v[0].value = 1;
	s->v[4].word = none;
	EXPECT_ERR(oa_futex_waitv(s->v, 5, OA_FOREVER), -EFAULT);
	s->v[0].value = 0;
	EXPECT_ERR(oa_futex_waitv(s->v, 5, OA_FOREVER), -EFAULT);
	s->v[4].word = &s->w[4];
	nobody_waits(s);
	EXPECT_EQ(0, oa_futex_wake(s->w, 0));
}

TASK_TEST_F(futex, what_bad_use_gets, .workers = variant->workers)
{
	bad_use(self);
}

TASK_TEST_F(futex, a_wake_ends_a_wait, .workers = variant->workers)
{
	oa_task_t t = oa_spawn(waits, &self->w[0]);

	until_waiters(&self->w[0], 1);
	task_wait_until(task_state(NULL, t) == OA_TASK_PARKED);
	EXPECT_EQ(0, oa_futex_wake(&self->w[1], 1));
	EXPECT_EQ(0, oa_futex_wake(&self->w[0], 0));
	EXPECT_EQ(1, oa_futex_wake(&self->w[0], 1));
	EXPECT_OK((int)join_long(t));
	nobody_waits(self);
}

TASK_TEST_F(futex, as_many_are_woken_as_asked_for,
	    .workers = variant->workers)
{
	int left = 10;

	for (int i = 0; i < left; i++)
		self->t[i] = oa_spawn(waits, &self->w[0]);
	until_waiters(&self->w[0], left);
	EXPECT_EQ(3, oa_futex_wake(&self->w[0], 3));
	EXPECT_EQ(7, waiters_on(&self->w[0]));
	EXPECT_EQ(7, oa_futex_wake(&self->w[0], 8));
	for (int i = 0; i < left; i++)
		EXPECT_OK((int)join_long(self->t[i]));
}

TASK_TEST_F(futex, memory_of_this_process_alone_will_do,
	    .workers = variant->workers)
{
	uint32_t word = 0;
	oa_task_t t = oa_spawn(waits, &word);

	until_waiters(&word, 1);
	EXPECT_EQ(1, oa_futex_wake(&word, 1));
	EXPECT_OK((int)join_long(t));
}

static int see_waits(const struct oa_task_info *info, void *arg)
{
	if (info->state == OA_TASK_PARKED)
		snprintf(arg, 32, "%s", info->waits);
	return 0;
}

TASK_TEST_F(futex, is_named_as_what_a_task_waits_for,
	    .workers = variant->workers)
{
	oa_task_t t = oa_spawn(waits, &self->w[0]);
	char text[32] = "";

	until_waiters(&self->w[0], 1);
	task_wait_until(task_state(NULL, t) == OA_TASK_PARKED);
	ASSERT_OK(oa_tasks(NULL, see_waits, text));
	if (!by_threads())
		EXPECT_STREQ("futex", text);
	ASSERT_OK(oa_cancel(t));
	EXPECT_ERR((int)join_long(t), -ECANCELED);
}

/* Cancels, deadlines. */

static void *cancels_itself(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_cancel(oa_self()));
	EXPECT_ERR(oa_futex_wait(&s->w[0], 0), -ECANCELED);
	EXPECT_ERR(oa_futex_wait(&s->w[0], 1), -ECANCELED);
	EXPECT_ERR(oa_futex_waitv(s->v, 3, OA_FOREVER), -ECANCELED);
	return NULL;
}

TASK_TEST_F(futex, a_cancel_ends_it, .workers = variant->workers)
{
	oa_task_t t;

	for (unsigned int n = 1; n <= WORDS; n += 2) {
		self->n = n;
		t = oa_spawn(waits_for_any, self);
		until_all(self, 1);
		ASSERT_OK(oa_cancel(t));
		EXPECT_ERR((int)join_long(t), -ECANCELED);
		nobody_waits(self);
	}
	ASSERT_OK(join_long(oa_spawn(cancels_itself, self)));
}

TASK_TEST_F(futex, its_deadline_ends_it, .workers = variant->workers)
{
	for (self->n = 1; self->n <= WORDS; self->n += 2) {
		oa_time_t at = oa_after(3 * OA_MSEC);

		EXPECT_ERR(oa_futex_waitv(self->v, self->n, at), -ETIMEDOUT);
		EXPECT_GE(oa_now(), at);
		nobody_waits(self);
	}
	EXPECT_ERR(oa_futex_wait_until(self->w, 0, oa_after(OA_MSEC)),
		   -ETIMEDOUT);
	nobody_waits(self);
}

TASK_TEST_F(futex, a_deadline_around_it_ends_it,
	    .workers = variant->workers)
{
	struct oa_deadline d;

	for (unsigned int n = 1; n <= WORDS; n += 2) {
		ASSERT_OK(oa_deadline_enter(&d, oa_after(3 * OA_MSEC)));
		EXPECT_ERR(oa_futex_waitv(self->v, n, oa_after(1000 * OA_SEC)),
			   -ETIMEDOUT);
		EXPECT_EQ(1, oa_deadline_fired(&d));
		/* It has passed, so nothing is waited for, or looked at. */
		EXPECT_ERR(oa_futex_wait(self->w, 1), -ETIMEDOUT);
		ASSERT_OK(oa_deadline_leave(&d));
		ASSERT_OK(oa_deadline_enter(&d, oa_after(1000 * OA_SEC)));
		EXPECT_ERR(oa_futex_waitv(self->v, n, oa_after(OA_MSEC)),
			   -ETIMEDOUT);
		EXPECT_EQ(0, oa_deadline_fired(&d));
		ASSERT_OK(oa_deadline_leave(&d));
	}
	nobody_waits(self);
}

static void *is_shut_down(void *arg)
{
	data *s = arg;

	EXPECT_ERR(oa_futex_wait(&s->w[0], 0), -ECANCELED);
	COUNT(s->counted);
	return NULL;
}

static void *is_shut_down_too(void *arg)
{
	data *s = arg;

	EXPECT_ERR(oa_futex_waitv(s->v, s->n, OA_FOREVER), -ECANCELED);
	COUNT(s->counted);
	return NULL;
}

static void *shuts_down(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_go(is_shut_down, s));
	ASSERT_OK(oa_go(is_shut_down_too, s));
	until_waiters(&s->w[0], 2);
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL));
	return NULL;
}

TEST_F(futex, a_graceful_shutdown_ends_it)
{
	ASSERT_OK(oa_run(shuts_down, self, .workers = variant->workers));
	EXPECT_EQ(2, self->counted);
}

/* Several words. */

TASK_TEST_F(futex, the_index_is_that_of_the_word_woken,
	    .workers = variant->workers)
{
	oa_task_t t;

	for (unsigned int n = 1; n <= WORDS; n += 2) {
		for (unsigned int i = 0; i < n; i += n > 1 ? n / 2 : 1) {
			self->n = n;
			t = oa_spawn(waits_for_any, self);
			until_all(self, 1);
			ASSERT_EQ(1, oa_futex_wake(&self->w[i], 1));
			EXPECT_EQ((long)i, join_long(t));
			nobody_waits(self);
		}
	}
}

TASK_TEST_F(futex, as_many_words_as_may_be, .workers = variant->workers)
{
	oa_task_t t;
	long got;

	self->n = OA_FUTEX_WAITV_MAX;
	if (by_threads())
		self->n = (unsigned int)SCALED(self->n, 30);
	t = oa_spawn(waits_for_any, self);
	for (unsigned int i = 0; i < WORDS; i++)
		until_waiters(&self->w[i],
			      self->n / WORDS + (i < self->n % WORDS));
	/* The same word more than once: any of them. */
	EXPECT_EQ(1, oa_futex_wake(&self->w[4], 1));
	got = join_long(t);
	EXPECT_EQ(4, got % WORDS);
	EXPECT_LT(got, (long)self->n);
	nobody_waits(self);
}

static void *wakes_two(void *arg)
{
	data *s = arg;
	int n, first;

	wait_until((first = SEEN(s->go)));
	n = oa_futex_wake(&s->w[first % 2], 1);
	for (int i = first % 5; i; i--)
		sched_yield();
	n += oa_futex_wake(&s->w[1 - first % 2], 1);
	TELL(s->counted, n);
	return NULL;
}

/*
 * One waits for both words, two for one of them each. Each wake of a word ends
 * one of the three waits, whoever it went to first.
 */
TASK_TEST_F_TIMEOUT(futex, a_second_wake_is_handed_on, 60,
		    .workers = variant->workers)
{
	int rounds = ROUNDS(300), second = 0;
	long got, left[2];
	pthread_t th;

	self->n = 2;
	for (int i = 1; i <= rounds; i++) {
		self->go = 0;
		thread_start(&th, wakes_two, self);
		self->t[0] = oa_spawn(waits_for_any, self);
		until_all(self, 1);
		self->t[1] = oa_spawn(waits, &self->w[0]);
		self->t[2] = oa_spawn(waits, &self->w[1]);
		until_all(self, 2);
		TELL(self->go, i);
		got = join_long(self->t[0]);
		thread_end(th);
		/* Each word had a waiter of its own at all times. */
		EXPECT_EQ(2, self->counted);
		task_wait_until((left[0] = waiters_on(&self->w[0])) +
				(left[1] = waiters_on(&self->w[1])) == 1);
		ASSERT_EQ(1, left[got]);
		second += got == 1;
		EXPECT_EQ(1, oa_futex_wake(&self->w[got], 1));
		EXPECT_OK((int)join_long(self->t[1]));
		EXPECT_OK((int)join_long(self->t[2]));
		nobody_waits(self);
	}
	TEST_LOG("%d of %d got the second word", second, rounds);
}

/* Counting. */

TASK_TEST_F_TIMEOUT(futex, a_thousand_waiters, 60,
		    .workers = variant->workers)
{
	int n = ROUNDS(1000), all;

	for (int i = 0; i < n; i++)
		self->t[i] = oa_spawn(waits, &self->w[0]);
	until_waiters(&self->w[0], n);
	all = oa_futex_wake(&self->w[0], n / 2);
	EXPECT_EQ(n / 2, all);
	all += oa_futex_wake(&self->w[0], INT_MAX);
	EXPECT_EQ(n, all);
	for (int i = 0; i < n; i++)
		EXPECT_OK((int)join_long(self->t[i]));
}

static void *wakes_one_by_one(void *arg)
{
	data *s = arg;
	int n = 0;

	wait_until(SEEN(s->go));
	for (int i = 0; i < CROWD / 2; i++)
		n += oa_futex_wake(&s->w[0], 1);
	TELL(s->counted, n);
	return NULL;
}

/* Each that was counted as woken says so, cut or not; the others do not. */
static void count_ends(data *s, int err)
{
	int woken = 0, cut = 0;

	for (int i = 0; i < CROWD; i++) {
		long got = join_long(s->t[i]);

		woken += got >= 0;
		cut += got == err;
	}
	EXPECT_EQ(s->counted, woken);
	EXPECT_EQ(CROWD, woken + cut);
}

static void crowd(data *s, oa_fn fn, pthread_t *th)
{
	s->go = 0;
	thread_start(th, wakes_one_by_one, s);
	for (int i = 0; i < CROWD; i++)
		s->t[i] = oa_spawn(fn, s);
}

static void race_cancels(data *s, oa_fn fn, int rounds)
{
	pthread_t th;

	for (int i = 0; i < rounds; i++) {
		crowd(s, fn, &th);
		if (i % 4)
			until_waiters(&s->w[0], CROWD);
		TELL(s->go, 1);
		for (int k = 0; k < CROWD; k++)
			oa_cancel(s->t[(k * 5 + i) % CROWD]);
		thread_end(th);
		count_ends(s, -ECANCELED);
		nobody_waits(s);
	}
}

TASK_TEST_F_TIMEOUT(futex, a_wake_that_races_a_cancel_is_told, 60,
		    .workers = variant->workers)
{
	int rounds = ROUNDS(160);

	race_cancels(self, waits_until, rounds);
	/* Nobody else waits on the second word: there is nothing to hand on. */
	self->n = 2;
	race_cancels(self, waits_for_any, rounds / 2);
}

TASK_TEST_F_TIMEOUT(futex, a_wake_that_races_a_deadline_is_told, 60,
		    .workers = variant->workers)
{
	int rounds = ROUNDS(160);
	pthread_t th;

	for (int i = 0; i < rounds; i++) {
		self->deadline = oa_after((20 + i % 10 * 20) * OA_USEC);
		crowd(self, waits_until, &th);
		if (i % 2)
			oa_sleep_until(self->deadline - 10 * OA_USEC);
		TELL(self->go, 1);
		thread_end(th);
		count_ends(self, -ETIMEDOUT);
		nobody_waits(self);
	}
}

/* Threads that are no workers. */

static void *thread_of_its_own(void *arg)
{
	data *s = arg;
	struct oa_futex_word v[2] = { { .word = &s->w[2] },
				      { .word = &s->w[3] } };
	oa_time_t at = oa_after(2 * OA_MSEC);

	bad_use(s);
	EXPECT_ERR(oa_futex_wait_until(&s->w[0], 0, at), -ETIMEDOUT);
	EXPECT_GE(oa_now(), at);
	EXPECT_ERR(oa_futex_waitv(v, 2, oa_after(OA_MSEC)), -ETIMEDOUT);
	COUNT(s->go);
	EXPECT_OK(oa_futex_wait(&s->w[1], 0));
	EXPECT_EQ(1, oa_futex_waitv(v, 2, OA_FOREVER));
	return NULL;
}

static void nothing(int sig)
{
	(void)sig;
}

TASK_TEST_F(futex, threads_wait_and_are_woken, .workers = variant->workers)
{
	pthread_t th;

	signal(SIGUSR1, nothing);
	thread_start(&th, thread_of_its_own, self);
	task_wait_until(SEEN(self->go));
	until_waiters(&self->w[1], 1);
	/* A signal does not end it. */
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(0, pthread_kill(th, SIGUSR1));
	task_wait_until(oa_futex_wake(&self->w[1], 1) == 1);
	until_waiters(&self->w[3], 1);
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(0, pthread_kill(th, SIGUSR1));
	task_wait_until(oa_futex_wake(&self->w[3], 1) == 1);
	thread_end(th);
}

static void *waits_on_the_pool(void *arg)
{
	data *s = arg;
	struct oa_deadline d;

	bad_use(s);
	COUNT(s->go);
	EXPECT_OK(oa_futex_wait(&s->w[1], 0));
	s->n = 2;
	EXPECT_EQ(1, oa_futex_waitv(s->v, s->n, OA_FOREVER));
	ASSERT_OK(oa_deadline_enter(&d, oa_after(OA_MSEC)));
	EXPECT_ERR(oa_futex_wait(&s->w[0], 0), -ETIMEDOUT);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	ASSERT_OK(oa_deadline_leave(&d));
	return cancels_itself(arg);
}

TASK_TEST_F(futex, a_task_on_the_blocking_pool, .workers = variant->workers)
{
	oa_task_t t = oa_spawn(waits_on_the_pool, self, .block = true);

	task_wait_until(SEEN(self->go));
	task_wait_until(oa_futex_wake(&self->w[1], 1) == 1);
	until_waiters(&self->w[0], 1);
	until_waiters(&self->w[1], 1);
	EXPECT_EQ(1, oa_futex_wake(&self->w[1], 1));
	ASSERT_OK(join_long(t));
	nobody_waits(self);
}

TEST_F(futex, without_a_runtime)
{
	bad_use(self);
}

/* Neither requests nor futex_waitv(2): only threads can wait. */

FIXTURE(futex_none) { uint32_t word; };
FIXTURE_VARIANT(futex_none) { unsigned int workers; };
FIXTURE_VARIANT_ADD(futex_none, w1, "OA_DISABLE=ring-futex,futex-waitv") {
	.workers = 1 };

FIXTURE_SETUP(futex_none)
{
}

FIXTURE_TEARDOWN(futex_none)
{
}

static void *wakes_thread(void *word)
{
	wait_until(oa_futex_wake(word, 1) == 1);
	return NULL;
}

TASK_TEST_F(futex_none, tasks_cannot_wait, .workers = variant->workers)
{
	struct oa_futex_word v[2] = { { .word = &self->word },
				      { .word = &self->word } };

	EXPECT_ERR(oa_futex_wait(&self->word, 0), -ENOSYS);
	EXPECT_ERR(oa_futex_waitv(v, 2, NOW), -ENOSYS);
	EXPECT_EQ(0, oa_futex_wake(&self->word, 1));
}

TEST_F(futex_none, threads_can)
{
	pthread_t th;

	thread_start(&th, wakes_thread, &self->word);
	EXPECT_OK(oa_futex_wait(&self->word, 0));
	thread_end(th);
}

HARNESS_MAIN
