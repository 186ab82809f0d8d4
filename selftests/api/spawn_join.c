// SPDX-License-Identifier: MIT
/* Spawning, joining, detaching, ending: results and errors. */
#include "api_test.h"

#include <string.h>

FIXTURE(tasks) { unsigned int ran, others; };
VARIANTS_WORKERS(tasks);

FIXTURE_SETUP(tasks)
{
}

FIXTURE_TEARDOWN(tasks)
{
}

static void *twice(void *arg)
{
	return (char *)arg + (uintptr_t)arg;
}

static void *add_one(void *counter)
{
	COUNT(*(unsigned int *)counter);
	return NULL;
}

static void *sleeps(void *arg)
{
	return oa_err(oa_sleep(OA_FOREVER)) ?: arg;
}

static void *wait_flag(void *flag)
{
	task_wait_until(SEEN(*(int *)flag));
	return flag;
}

TASK_TEST_F(tasks, a_join_gives_what_the_body_returned,
	    .workers = variant->workers)
{
	for (uintptr_t i = 1; i <= 1000; i++) {
		oa_task_t t = oa_spawn(twice, (void *)i);
		void *result = NULL;

		ASSERT_OK(oa_task_error(t));
		ASSERT_OK(oa_join(t, &result));
		ASSERT_EQ(2 * i, (uintptr_t)result);
	}
}

/* Slots that the tasks of a tree had: the lower half of a handle's number. */
static unsigned char slots[1 << 24];

/* A tree of tasks, ten children each, joined in the order they were started. */
static void *tree(void *arg)
{
	uintptr_t depth = (uintptr_t)arg, sum = 1;
	oa_task_t t[10];
	void *result;

	for (unsigned int i = 0; depth && i < 10; i++) {
		t[i] = oa_spawn(tree, (void *)(depth - 1));
		ASSERT_OK(oa_task_error(t[i]));
		__atomic_store_n(&slots[t[i].id % sizeof(slots)], 1,
				 __ATOMIC_RELAXED);
	}
	for (unsigned int i = 0; depth && i < 10; i++) {
		ASSERT_OK(oa_join(t[i], &result));
		sum += (uintptr_t)result;
	}
	return (void *)sum;
}

/* What is taken out of turn leaves nothing in the queue that holds it. */
TASK_TEST_F(tasks, a_tree_does_not_pile_up, .workers = variant->workers)
{
	uintptr_t depth = (uintptr_t)SCALED(5, 4);
	unsigned int used = 0;

	memset(slots, 0, sizeof(slots));
	ASSERT_EQ(depth == 5 ? 111111u : 11111u, (uintptr_t)tree((void *)depth));
	for (size_t i = 0; i < sizeof(slots); i++)
		used += slots[i];
	/*
	 * A few hundred. But for each millisecond that it takes a branch more
	 * is begun, so that others have their turn: of a slow one nothing can
	 * be said.
	 */
	if (depth == 5)
		EXPECT_LT(used, 111110u / 4);
}

/* What comes straight back is no reason for others to wait for ever. */
TASK_TEST_F(tasks, a_loop_of_spawn_and_join_starves_nobody,
	    .workers = variant->workers)
{
	ASSERT_OK(oa_go(add_one, &self->ran));
	ASSERT_OK(oa_go(add_one, &self->ran, .pinned = true));
	ASSERT_OK(oa_go(add_one, &self->ran, .prio = 5));
	while (SEEN(self->ran) < 3)
		ASSERT_OK(oa_join(oa_spawn(twice, NULL), NULL));
}

TASK_TEST_F(tasks, a_loop_of_starts_at_once_starves_nobody,
	    .workers = variant->workers)
{
	unsigned int n = 0;

	ASSERT_OK(oa_go(add_one, &self->ran));
	for (; !SEEN(self->ran); n++)
		ASSERT_OK(oa_go(add_one, &self->others,
				.hint = OA_HINT_INLINE));
	task_wait_until(SEEN(self->others) == n);
}

TASK_TEST_F(tasks, many_are_joined_in_any_order, .workers = variant->workers)
{
	enum { N = 3000 };
	static oa_task_t t[N];
	void *result;

	for (uintptr_t i = 0; i < N; i++)
		t[i] = oa_spawn(twice, (void *)i);
	/* 1009 is coprime to N: every one once. */
	for (uintptr_t k = 0, i = 7; k < N; k++, i = (i + 1009) % N) {
		ASSERT_OK(oa_join(t[i], &result));
		ASSERT_EQ(2 * i, (uintptr_t)result);
	}
}

TASK_TEST_F(tasks, every_one_of_many_runs_once, .workers = variant->workers)
{
	unsigned int n = (unsigned int)SCALED(100000, 3000);

	self->ran = 0;
	for (unsigned int i = 0; i < n; i++)
		ASSERT_OK(oa_go(add_one, &self->ran));
	task_wait_until(SEEN(self->ran) == n);
}

TASK_TEST_F(tasks, a_result_may_be_left, .workers = variant->workers)
{
	ASSERT_OK(oa_join(oa_spawn(add_one, &self->ran), NULL));
	ASSERT_EQ(1u, SEEN(self->ran));
}

TASK_TEST_F(tasks, a_joined_handle_is_stale, .workers = variant->workers)
{
	oa_task_t t = oa_spawn(twice, NULL);
	char name[OA_TASK_NAME_MAX];
	void *result;

	ASSERT_OK(oa_join(t, &result));
	EXPECT_ERR(oa_join(t, &result), -ESRCH);
	EXPECT_ERR(oa_join_until(t, &result, oa_now()), -ESRCH);
	EXPECT_ERR(oa_detach(t), -ESRCH);
	EXPECT_ERR(oa_cancel(t), -ESRCH);
	EXPECT_ERR(oa_task_name(t, name, sizeof(name)), -ESRCH);
}

TASK_TEST_F(tasks, a_stale_handle_never_means_another_task,
	    .workers = variant->workers)
{
	enum { N = 2000 };
	static oa_task_t old[N];

	for (int i = 0; i < N; i++) {
		old[i] = oa_spawn(twice, NULL);
		ASSERT_OK(oa_join(old[i], NULL));
	}
	for (int round = 0; round < 3; round++) {
		oa_task_t live[100];

		for (int i = 0; i < 100; i++) {
			live[i] = oa_spawn(sleeps, NULL);
			for (int k = 0; k < N; k++)
				ASSERT_FALSE(oa_task_eq(live[i], old[k]));
		}
		for (int k = 0; k < N; k++) {
			ASSERT_ERR(oa_cancel(old[k]), -ESRCH);
			ASSERT_ERR(oa_join(old[k], NULL), -ESRCH);
		}
		for (int i = 0; i < 100; i++) {
			void *result;

			ASSERT_OK(oa_cancel(live[i]));
			ASSERT_OK(oa_join(live[i], &result));
			ASSERT_ERR(oa_err_code(result), -ECANCELED);
		}
	}
}

TASK_TEST_F(tasks, a_handle_that_names_nothing, .workers = variant->workers)
{
	oa_task_t none = { 0 }, wild = { 0xfffffffffffffffful };

	EXPECT_ERR(oa_join(none, NULL), -ESRCH);
	EXPECT_ERR(oa_detach(none), -ESRCH);
	EXPECT_ERR(oa_cancel(none), -ESRCH);
	EXPECT_ERR(oa_join(wild, NULL), -ESRCH);
	EXPECT_ERR(oa_detach(wild), -ESRCH);
	EXPECT_ERR(oa_cancel(wild), -ESRCH);
	EXPECT_OK(oa_task_error(none));
	EXPECT_OK(oa_task_error(wild));
}

TASK_TEST_F(tasks, joining_oneself_is_a_deadlock, .workers = variant->workers)
{
	EXPECT_ERR(oa_join(oa_self(), NULL), -EDEADLK);
	EXPECT_ERR(oa_join_until(oa_self(), NULL, OA_FOREVER), -EDEADLK);
}

static void *join_self(void *arg)
{
	(void)arg;
	return oa_err(oa_join(oa_self(), NULL));
}

TASK_TEST_F(tasks, a_spawned_one_that_joins_itself,
	    .workers = variant->workers)
{
	void *result;

	ASSERT_OK(oa_join(oa_spawn(join_self, NULL), &result));
	EXPECT_ERR(oa_err_code(result), -EDEADLK);
}

static void *detach_self(void *arg)
{
	int err = oa_detach(oa_self());

	TELL(*(int *)arg, err ? err : 1);
	return NULL;
}

TASK_TEST_F(tasks, a_task_may_detach_itself, .workers = variant->workers)
{
	int told = 0;
	oa_task_t t = oa_spawn(detach_self, &told);

	task_wait_until(SEEN(told));
	EXPECT_EQ(1, told);
	task_wait_until(task_state(NULL, t) == 0);
	EXPECT_ERR(oa_join(t, NULL), -ESRCH);
}

static void *own_handle(void *arg)
{
	*(oa_task_t *)arg = oa_self();
	return NULL;
}

static void *try_join(void *arg)
{
	return oa_err(oa_join(*(oa_task_t *)arg, NULL));
}

TASK_TEST_F(tasks, what_oa_go_started_is_not_joined,
	    .workers = variant->workers)
{
	oa_task_t me = oa_self(), gone = { 0 };
	void *result;

	/* This very task was started like that. */
	ASSERT_OK(oa_join(oa_spawn(try_join, &me), &result));
	EXPECT_ERR(oa_err_code(result), -EINVAL);
	EXPECT_ERR(oa_detach(me), -EINVAL);
	ASSERT_OK(oa_go(own_handle, &gone));
	task_wait_until(task_state(NULL, me) && count_tasks(NULL) == 1);
	EXPECT_ERR(oa_join(gone, NULL), -ESRCH);
}

TASK_TEST_F(tasks, a_second_joiner_is_refused, .workers = variant->workers)
{
	int flag = 0;
	oa_task_t t = oa_spawn(wait_flag, &flag);
	oa_task_t first = oa_spawn(try_join, &t);
	void *result;

	task_wait_until(task_state(NULL, first) == OA_TASK_PARKED);
	EXPECT_ERR(oa_join(t, NULL), -EINVAL);
	EXPECT_ERR(oa_detach(t), -EINVAL);
	TELL(flag, 1);
	ASSERT_OK(oa_join(first, &result));
	EXPECT_OK(oa_err_code(result));
	EXPECT_ERR(oa_join(t, NULL), -ESRCH);
}

TASK_TEST_F(tasks, a_detached_one_is_not_joined, .workers = variant->workers)
{
	int flag = 0;
	oa_task_t t = oa_spawn(wait_flag, &flag);

	ASSERT_OK(oa_detach(t));
	EXPECT_ERR(oa_join(t, NULL), -EINVAL);
	EXPECT_ERR(oa_detach(t), -EINVAL);
	TELL(flag, 1);
	task_wait_until(task_state(NULL, t) == 0);
	EXPECT_ERR(oa_join(t, NULL), -ESRCH);
	EXPECT_ERR(oa_detach(t), -ESRCH);
}

TASK_TEST_F(tasks, detaching_one_that_has_ended_frees_it,
	    .workers = variant->workers)
{
	oa_task_t t = oa_spawn(add_one, &self->ran);

	task_wait_until(task_state(NULL, t) == OA_TASK_ENDED);
	ASSERT_OK(oa_detach(t));
	EXPECT_EQ(0, task_state(NULL, t));
	EXPECT_ERR(oa_detach(t), -ESRCH);
}

TASK_TEST_F(tasks, a_join_that_runs_out_of_time_has_done_nothing,
	    .workers = variant->workers)
{
	int flag = 0;
	oa_task_t t = oa_spawn(wait_flag, &flag);
	void *result = NULL;
	oa_time_t before = oa_now();

	ASSERT_ERR(oa_join_until(t, &result, before + 2 * OA_MSEC),
		   -ETIMEDOUT);
	EXPECT_GE(oa_now(), before + 2 * OA_MSEC);
	EXPECT_ERR(oa_join_until(t, &result, before), -ETIMEDOUT);
	EXPECT_NULL(result);
	TELL(flag, 1);
	ASSERT_OK(oa_join_until(t, &result, OA_FOREVER));
	EXPECT_EQ((void *)&flag, result);
}

TASK_TEST_F(tasks, an_ended_one_is_joined_past_the_deadline,
	    .workers = variant->workers)
{
	oa_task_t t = oa_spawn(twice, (void *)21);
	void *result = NULL;

	task_wait_until(task_state(NULL, t) == OA_TASK_ENDED);
	ASSERT_OK(oa_join_until(t, &result, 0));
	EXPECT_EQ((void *)42, result);
}

/* By a pointer: compilers take the end of it all for a loop without one. */
static void give_up_deep(int depth);
static void (*volatile deeper)(int) = give_up_deep;

static void give_up_deep(int depth)
{
	volatile char frame[256] = { (char)depth };

	if (depth)
		deeper(depth - 1);
	else
		oa_exit((void *)(uintptr_t)(frame[0] + 77));
}

static void *exits(void *arg)
{
	give_up_deep((int)(uintptr_t)arg);
	return NULL;
}

TASK_TEST_F(tasks, oa_exit_ends_the_task_from_any_depth,
	    .workers = variant->workers)
{
	for (uintptr_t depth = 0; depth < 100; depth++) {
		void *result = NULL;

		ASSERT_OK(oa_join(oa_spawn(exits, (void *)depth), &result));
		ASSERT_EQ((void *)77, result);
	}
}

static void *exits_counted(void *arg)
{
	COUNT(*(unsigned int *)arg);
	oa_exit(NULL);
}

TASK_TEST_F(tasks, stacks_left_by_oa_exit_are_used_again,
	    .workers = variant->workers)
{
	unsigned int n = (unsigned int)SCALED(50000, 3000);

	for (unsigned int i = 0; i < n; i++)
		ASSERT_OK(oa_go(exits_counted, &self->ran));
	task_wait_until(SEEN(self->ran) == n);
	EXPECT_GT(STAT(NULL, stacks_new), 0u);
	/* Far fewer stacks than tasks. */
	EXPECT_LT(STAT(NULL, stacks_new), (uint64_t)n / 4);
}

struct tree {
	unsigned int depth;
	uint64_t leaves;
};

static void *grow(void *arg)
{
	struct tree *t = arg, kids[2];
	oa_task_t k[2];

	if (!t->depth) {
		t->leaves = 1;
		return t;
	}
	for (int i = 0; i < 2; i++) {
		kids[i].depth = t->depth - 1;
		k[i] = oa_spawn(grow, &kids[i]);
	}
	t->leaves = 0;
	for (int i = 0; i < 2; i++) {
		void *result;

		ASSERT_OK(oa_join(k[i], &result));
		ASSERT_EQ((void *)&kids[i], result);
		t->leaves += kids[i].leaves;
	}
	return t;
}

TASK_TEST_F(tasks, a_tree_of_joins, .workers = variant->workers)
{
	struct tree t = { .depth = 14 };

	grow(&t);
	EXPECT_EQ(1ull << 14, t.leaves);
}

static void *chain(void *arg)
{
	uintptr_t left = (uintptr_t)arg;
	void *result;

	if (!left)
		return NULL;
	ASSERT_OK(oa_join(oa_spawn(chain, (void *)(left - 1)), &result));
	return (char *)result + 1;
}

TASK_TEST_F(tasks, a_chain_of_joins_deeper_than_any_queue,
	    .workers = variant->workers)
{
	uintptr_t depth = (uintptr_t)SCALED(2000, 500);

	EXPECT_EQ((void *)depth, chain((void *)depth));
}

TEST(calls_outside_a_task_are_refused)
{
	oa_task_t t;

	EXPECT_ERR(oa_go(twice, NULL), -EPERM);
	t = oa_spawn(twice, NULL);
	EXPECT_ERR(oa_task_error(t), -EPERM);
	EXPECT_ERR(oa_join(t, NULL), -EPERM);
	EXPECT_ERR(oa_detach(t), -EPERM);
	EXPECT_ERR(oa_cancel(t), -EPERM);
	EXPECT_ERR(oa_yield(), -EPERM);
	EXPECT_ERR(oa_yield_point(), -EPERM);
	EXPECT_ERR(oa_sleep(1), -EPERM);
	EXPECT_ERR(oa_sleep_until(1), -EPERM);
	EXPECT_ERR(oa_cancelled(), -EPERM);
	EXPECT_ERR(oa_worker_id(), -EPERM);
	EXPECT_EQ(0ul, oa_self().id);
	EXPECT_NULL(oa_user());
	EXPECT_NULL(oa_runtime_self());
	EXPECT_ERR(oa_shutdown(NULL, OA_SHUTDOWN_DRAIN), -EPERM);
}

TEST(oa_exit_outside_a_task_aborts, .signal = SIGABRT)
{
	oa_exit(NULL);
}

TASK_TEST_F(tasks, bad_arguments_of_a_spawn, .workers = variant->workers)
{
	struct oa_task_opts o = OA_TASK_OPTS_INIT;

	EXPECT_ERR(oa_go(NULL, NULL), -EINVAL);
	EXPECT_ERR(oa_task_error(oa_spawn(NULL, NULL)), -EINVAL);
	EXPECT_ERR(oa_join(oa_spawn(NULL, NULL), NULL), -EINVAL);
	o.size = 0;
	EXPECT_ERR(oa_go_with(twice, NULL, &o), -EINVAL);
	EXPECT_OK(oa_go_with(twice, NULL, NULL));
	EXPECT_OK(oa_join(oa_spawn_with(twice, NULL, NULL), NULL));
	EXPECT_ERR(oa_go(twice, NULL, .delay = -1), -EINVAL);
	EXPECT_ERR(oa_go(twice, NULL, .at = -1), -EINVAL);
	EXPECT_ERR(oa_go(twice, NULL, .worker = -1), -EINVAL);
	EXPECT_ERR(oa_go(twice, NULL,
			 .worker = OA_WORKER((int)variant->workers)), -EINVAL);
	EXPECT_ERR(oa_go(twice, NULL, .stack_size = 4096), -EINVAL);
	EXPECT_ERR(oa_go(twice, NULL, .copy = ((size_t)1 << 30) + 1), -E2BIG);
}

HARNESS_MAIN
