/* SPDX-License-Identifier: MIT */
/* A coroutine goes on in whichever thread resumes it, and in one at a time. */
#include "arch/coro.h"
#include "selftests/harness.h"

#include <oa/coro.h>

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#define THREADS	4

/* pthread_self() would be wrong here: compilers take it for a constant. */
static void *says_where(void *arg)
{
	while (arg)
		oa_coro_suspend((void *)(intptr_t)gettid());
	return NULL;
}

static void *resumes(void *co)
{
	return (void *)((intptr_t)oa_coro_resume(co, NULL) - gettid());
}

TEST(it_runs_in_the_thread_that_resumes_it)
{
	struct oa_coro *co;

	ASSERT_OK(oa_coro_create(&co, says_where, &co));
	for (int i = 0; i < 50; i++) {
		void *apart = co;
		pthread_t t;

		ASSERT_EQ(pthread_create(&t, NULL, resumes, co), 0);
		ASSERT_EQ(pthread_join(t, &apart), 0);
		ASSERT_NULL(apart);
		ASSERT_NULL(resumes(co));
	}
	EXPECT_OK(oa_coro_destroy(co));
}

struct shared {
	struct oa_coro *co;
	long left;
	long resumed, busy;
	pthread_barrier_t start;
};

static long in_the_body;		/* not atomic: one thread at a time */

static void *adds(void *arg)
{
	while (arg) {
		in_the_body++;
		oa_coro_suspend(NULL);
	}
	return NULL;
}

static void *races(void *arg)
{
	struct shared *s = arg;

	pthread_barrier_wait(&s->start);
	while (__atomic_load_n(&s->left, __ATOMIC_RELAXED) > 0) {
		int err = oa_err_code(oa_coro_resume(s->co, NULL));

		if (err == -EBUSY) {
			__atomic_fetch_add(&s->busy, 1, __ATOMIC_RELAXED);
			continue;
		}
		ASSERT_EQ(err, 0);
		__atomic_fetch_add(&s->resumed, 1, __ATOMIC_RELAXED);
		__atomic_fetch_sub(&s->left, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST(of_threads_that_resume_at_once_one_gets_it)
{
	struct shared s = { .left = SCALED(300000, 20000) };
	pthread_t t[THREADS];

	ASSERT_OK(oa_coro_create(&s.co, adds, &s));
	ASSERT_EQ(pthread_barrier_init(&s.start, NULL, THREADS), 0);
	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(pthread_create(&t[i], NULL, races, &s), 0);
	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(pthread_join(t[i], NULL), 0);
	EXPECT_EQ(in_the_body, s.resumed);
	TEST_LOG("%ld resumes, %ld refused", s.resumed, s.busy);
	EXPECT_OK(oa_coro_destroy(s.co));
}

/* Task-like: a chain that is not the thread's. */
static struct oa_coro *chain;
static bool in_task;

static struct oa_coro **task_slot(void)
{
	return in_task ? &chain : NULL;
}

static void *looks(void *arg)
{
	struct oa_coro **self = arg;

	EXPECT_EQ(chain, *self);
	oa_coro_suspend(NULL);
	EXPECT_EQ(chain, *self);
	return NULL;
}

TEST(inside_a_task_the_chain_is_the_tasks)
{
	struct oa_coro *co;

	coro_set_slot(task_slot);
	in_task = true;
	ASSERT_OK(oa_coro_create(&co, looks, &co));
	EXPECT_NULL(oa_coro_resume(co, NULL));
	EXPECT_NULL(chain);
	EXPECT_EQ(oa_err_code(oa_coro_suspend(NULL)), -EPERM);
	EXPECT_NULL(oa_coro_resume(co, NULL));
	EXPECT_NULL(chain);
	EXPECT_OK(oa_coro_destroy(co));

	/* what the thread runs is not seen from a task, and the reverse */
	in_task = false;
	ASSERT_OK(oa_coro_create(&co, says_where, &co));
	EXPECT_EQ((intptr_t)oa_coro_resume(co, NULL), gettid());
	EXPECT_NULL(chain);
	EXPECT_OK(oa_coro_destroy(co));
	coro_set_slot(NULL);
}

HARNESS_MAIN
