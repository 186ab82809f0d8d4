// SPDX-License-Identifier: MIT
/* Joins and detaches that race the end of the task, from all sides. */
#include "api_test.h"

#include <stdlib.h>

FIXTURE(races) { unsigned int n; int flag; };
VARIANTS_WORKERS(races);

FIXTURE_SETUP(races)
{
}

FIXTURE_TEARDOWN(races)
{
}

#define ROUNDS	((unsigned int)SCALED(2000, 200))

static void *echo(void *arg)
{
	return arg;
}

static void *ends_soon(void *arg)
{
	unsigned int turns = (unsigned int)(uintptr_t)arg % 5;

	while (turns--)
		ASSERT_OK(oa_yield());
	return arg;
}

struct slot {
	oa_task_t t;
	int full;
	struct oa_runtime *rt;
	unsigned int rounds;
	unsigned int joined, detached;
};

/* A foreign thread that joins what a task spawned. */
static void *joins_from_outside(void *arg)
{
	struct slot *s = arg;
	void *result;

	for (uintptr_t i = 0; i < s->rounds; i++) {
		while (!SEEN(s->full))
			sched_yield();
		ASSERT_OK(oa_join(s->t, &result));
		ASSERT_EQ((void *)i, result);
		TELL(s->full, 0);
	}
	TELL(s->joined, 1);
	return NULL;
}

TASK_TEST_F(races, a_foreign_thread_joins, .workers = variant->workers)
{
	struct slot s[4] = { { .full = 0 } };
	pthread_t th[4];

	for (int k = 0; k < 4; k++) {
		s[k].rounds = ROUNDS / 4;
		thread_start(&th[k], joins_from_outside, &s[k]);
	}
	for (uintptr_t i = 0; i < ROUNDS / 4; i++) {
		for (int k = 0; k < 4; k++) {
			task_wait_until(!SEEN(s[k].full));
			s[k].t = oa_spawn(ends_soon, (void *)i);
			TELL(s[k].full, 1);
		}
	}
	for (int k = 0; k < 4; k++) {
		/* pthread_join() would keep the worker from the last tasks. */
		task_wait_until(SEEN(s[k].joined));
		thread_end(th[k]);
	}
}

static void *spawns_from_outside(void *arg)
{
	struct slot *s = arg;
	void *result;

	for (uintptr_t i = 0; i < s->rounds; i++) {
		oa_task_t t = oa_spawn(ends_soon, (void *)i, .runtime = s->rt);

		ASSERT_OK(oa_task_error(t));
		if (i % 3 == 2) {
			ASSERT_OK(oa_detach(t));
		} else if (i % 3) {
			ASSERT_OK(oa_join(t, &result));
			ASSERT_EQ((void *)i, result);
		} else {
			int err;

			while ((err = oa_join_until(t, &result,
					oa_after(5 * OA_USEC))) == -ETIMEDOUT)
				;
			ASSERT_OK(err);
			ASSERT_EQ((void *)i, result);
		}
	}
	COUNT(s->full);
	return NULL;
}

TASK_TEST_F(races, foreign_threads_spawn_and_join,
	    .workers = variant->workers)
{
	struct slot s[4];
	pthread_t th[4];

	for (int k = 0; k < 4; k++) {
		s[k] = (struct slot){ .rt = oa_runtime_self(),
				      .rounds = ROUNDS / 4 };
		thread_start(&th[k], spawns_from_outside, &s[k]);
	}
	for (int k = 0; k < 4; k++)
		while (!SEEN(s[k].full))
			ASSERT_OK(oa_sleep(100 * OA_USEC));
	for (int k = 0; k < 4; k++)
		thread_end(th[k]);
}

static void *detaches(void *arg)
{
	struct slot *s = arg;

	for (unsigned int i = 0; i < s->rounds; i++) {
		task_wait_until(SEEN(s->full));
		ASSERT_OK(oa_detach(s->t));
		TELL(s->full, 0);
	}
	return NULL;
}

TASK_TEST_F(races, a_detach_races_the_end, .workers = variant->workers)
{
	struct slot s = { .rounds = ROUNDS / 2 };
	oa_task_t d = oa_spawn(detaches, &s);

	for (uintptr_t i = 0; i < ROUNDS / 2; i++) {
		s.t = oa_spawn(ends_soon, (void *)i);
		TELL(s.full, 1);
		task_wait_until(!SEEN(s.full));
	}
	ASSERT_OK(oa_join(d, NULL));
	/* Each has freed itself. */
	task_wait_until(count_tasks(NULL) == 1);
}

static void *tries_to_join(void *arg)
{
	struct slot *s = arg;
	int err = oa_join(s->t, NULL);

	if (!err)
		COUNT(s->joined);
	else
		EXPECT_TRUE(err == -EINVAL || err == -ESRCH);
	return NULL;
}

TASK_TEST_F(races, of_many_joiners_one_succeeds, .workers = variant->workers)
{
	enum { JOINERS = 6 };
	oa_task_t j[JOINERS];

	for (uintptr_t i = 0; i < ROUNDS / 8; i++) {
		struct slot s = { .t = oa_spawn(ends_soon, (void *)i) };

		for (int k = 0; k < JOINERS; k++)
			j[k] = oa_spawn(tries_to_join, &s);
		for (int k = 0; k < JOINERS; k++)
			ASSERT_OK(oa_join(j[k], NULL));
		ASSERT_EQ(1u, SEEN(s.joined));
	}
}

/* The deadline of the join comes about when the task ends. */
TASK_TEST_F(races, a_join_times_out_as_the_task_ends,
	    .workers = variant->workers)
{
	unsigned int late = 0, seed = (unsigned int)harness_seed();
	void *result;

	for (uintptr_t i = 0; i < ROUNDS / 4; i++) {
		oa_task_t t = oa_spawn(ends_soon, (void *)i,
				       .delay = rand_r(&seed) % 20000 + 1);
		int err = oa_join_until(t, &result,
				oa_after(rand_r(&seed) % 30000));

		if (err) {
			ASSERT_ERR(err, -ETIMEDOUT);
			late++;
			ASSERT_OK(oa_join(t, &result));
		}
		ASSERT_EQ((void *)i, result);
	}
	TEST_LOG("%u of %u timed out", late, ROUNDS / 4);
}

static void *cancels(void *arg)
{
	struct slot *s = arg;

	for (;;) {
		while (!SEEN(s->full))
			if (oa_yield())
				return NULL;
		oa_cancel(s->t);
		TELL(s->full, 0);
	}
}

static void *joins_or_is_cancelled(void *arg)
{
	oa_task_t t = oa_spawn(ends_soon, arg);
	void *result;
	int err = oa_join(t, &result);

	if (!err) {
		EXPECT_EQ(arg, result);
		return NULL;
	}
	EXPECT_ERR(err, -ECANCELED);
	/* The handle is still good; nobody else has it. */
	EXPECT_OK(oa_detach(t));
	return oa_err(-ECANCELED);
}

TASK_TEST_F(races, a_cancel_of_the_joiner_races_the_end,
	    .workers = variant->workers)
{
	struct slot s = { .full = 0 };
	oa_task_t c = oa_spawn(cancels, &s);
	void *result;

	for (uintptr_t i = 1; i < ROUNDS / 2; i++) {
		oa_task_t t = oa_spawn(joins_or_is_cancelled, (void *)i);

		s.t = t;
		TELL(s.full, 1);
		task_wait_until(!SEEN(s.full));
		ASSERT_OK(oa_join(t, &result));
		ASSERT_TRUE(!result || oa_err_code(result) == -ECANCELED);
	}
	ASSERT_OK(oa_cancel(c));
	ASSERT_OK(oa_join(c, NULL));
	task_wait_until(count_tasks(NULL) == 1);
}

/* A task of one runtime joins one of another. */
static void *keeps(void *flag)
{
	while (!SEEN(*(int *)flag))
		oa_sleep(50 * OA_USEC);
	return NULL;
}

TASK_TEST_F(races, across_runtimes, .workers = variant->workers)
{
	struct oa_runtime *rt;
	oa_task_t t[50];
	void *result;

	ASSERT_OK(oa_start(&rt, keeps, &self->flag, .workers = 2));
	for (unsigned int round = 0; round < ROUNDS / 50; round++) {
		for (uintptr_t i = 0; i < 50; i++) {
			t[i] = oa_spawn(ends_soon, (void *)i, .runtime = rt);
			ASSERT_OK(oa_task_error(t[i]));
		}
		for (uintptr_t i = 0; i < 50; i++) {
			ASSERT_OK(oa_join(t[i], &result));
			ASSERT_EQ((void *)i, result);
		}
	}
	TELL(self->flag, 1);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
}

/* Results outlive their runtime's tasks, until it is released. */
static void *leaves_results(void *arg)
{
	oa_task_t *t = arg;

	for (uintptr_t i = 0; i < 20; i++)
		t[i] = oa_spawn(echo, (void *)i);
	return NULL;
}

TEST_F(races, results_are_kept_until_the_runtime_is_freed)
{
	struct oa_runtime *rt;
	oa_task_t t[20];
	void *result;

	ASSERT_OK(oa_start(&rt, leaves_results, t,
			   .workers = variant->workers));
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	for (uintptr_t i = 0; i < 10; i++) {
		ASSERT_OK(oa_join(t[i], &result));
		EXPECT_EQ((void *)i, result);
	}
	ASSERT_OK(oa_runtime_free(rt));
	for (uintptr_t i = 0; i < 20; i++)
		EXPECT_ERR(oa_join(t[i], &result), -ESRCH);
}

/*
 * Started and woken from outside, joined inside as soon as it is known: the
 * join finds its entry in the queue that such tasks come by.
 */
struct outside {
	struct oa_chan *ch;
	struct oa_sem sem;
	unsigned int n, joined;
};

static void *waits_for_leave(void *arg)
{
	struct outside *o = arg;

	ASSERT_OK(oa_sem_wait(&o->sem));
	return arg;
}

static void *joins_what_comes(void *arg)
{
	struct outside *o = arg;
	void *result;
	oa_task_t t;

	while (!oa_chan_recv(o->ch, &t)) {
		ASSERT_OK(oa_join(t, &result));
		ASSERT_EQ(arg, result);
		__atomic_add_fetch(&o->joined, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void *begins_joiners(void *arg)
{
	for (int i = 0; i < 100; i++)
		ASSERT_OK(oa_go(joins_what_comes, arg));
	return NULL;
}

TEST_F(races, started_and_woken_outside_joined_inside)
{
	struct outside o = { .n = 10 * ROUNDS };
	struct oa_runtime *rt;
	oa_task_t t;

	ASSERT_OK(oa_chan_create(&o.ch, sizeof(t), 16, OA_CHAN_BOUNDED));
	ASSERT_OK(oa_start(&rt, begins_joiners, &o,
			   .workers = variant->workers));
	for (unsigned int i = 0; i < o.n; i++) {
		t = oa_spawn(waits_for_leave, &o, .runtime = rt);
		ASSERT_OK(oa_task_error(t));
		ASSERT_OK(oa_chan_send(o.ch, &t));
		/* So that fifty wait. */
		if (i >= 50)
			ASSERT_OK(oa_sem_post(&o.sem));
	}
	for (unsigned int i = 0; i < 50; i++)
		ASSERT_OK(oa_sem_post(&o.sem));
	ASSERT_OK(oa_chan_close(o.ch));
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	EXPECT_EQ(o.n, o.joined);
	ASSERT_OK(oa_runtime_free(rt));
	ASSERT_OK(oa_chan_destroy(o.ch));
}

HARNESS_MAIN
