// SPDX-License-Identifier: MIT
/* Once: whoever comes first runs it, the others go on when it has ended. */
#include "sync_test.h"

FIXTURE(once) {
	struct oa_once o, inner;
	struct oa_event go;
	unsigned int ran, passed;
	int running, made;
};
VARIANTS_WORKERS(once);

FIXTURE_SETUP(once)
{
}

FIXTURE_TEARDOWN(once)
{
}

#define WAITERS_ARE(n)	task_wait_until(INFO(once, &self->o).waiters == (n))

static void makes(void *arg)
{
	struct once_fixture_data *s = arg;

	COUNT(s->ran);
	for (int i = 0; i < 10; i++)
		give_way();
	/* Not atomic: who gets past the call sees it. */
	s->made = 42;
}

static void *needs_it(void *arg)
{
	struct once_fixture_data *s = arg;

	give_way();
	ASSERT_OK(oa_once_run(&s->o, makes, s));
	ASSERT_EQ(42, s->made);
	COUNT(s->passed);
	return NULL;
}

SYNC_TEST(once, runs_once_for_all)
{
	static const struct oa_once fresh = OA_ONCE_INIT;
	struct actor a[9];

	for (int round = 0; round < 10; round++) {
		self->o = fresh;
		self->made = 0;
		self->ran = 0;
		for (unsigned int i = 0; i < ARRAY_N(a); i++)
			actor_start(&a[i], by, i + (unsigned int)round,
				    needs_it, self);
		for (unsigned int i = 0; i < ARRAY_N(a); i++)
			actor_end(&a[i]);
		EXPECT_EQ(1u, self->ran);
		EXPECT_OK(oa_once_run(&self->o, makes, self));
		EXPECT_EQ(1u, self->ran);
		EXPECT_EQ(0u, INFO(once, &self->o).waiters);
	}
}

TEST(needs_no_runtime)
{
	static struct once_fixture_data s;

	threads_run(needs_it, &s, 8);
	EXPECT_EQ(1u, s.ran);
	EXPECT_EQ(8u, s.passed);
}

static void runs_long(void *arg)
{
	struct once_fixture_data *s = arg;

	COUNT(s->ran);
	TELL(s->running, 1);
	ASSERT_OK(oa_event_wait(&s->go));
	s->made = 42;
}

static void *runs(void *arg)
{
	struct once_fixture_data *s = arg;

	return oa_err(oa_once_run(&s->o, runs_long, s));
}

SYNC_TEST(once, others_wait_while_it_runs)
{
	struct actor first, a[6];

	actor_start(&first, by, 0, runs, self);
	task_wait_until(SEEN(self->running));
	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		actor_start(&a[i], by, i, needs_it, self);
	WAITERS_ARE(ARRAY_N(a));
	EXPECT_EQ(0u, SEEN(self->passed));
	ASSERT_OK(oa_event_set(&self->go));
	EXPECT_OK(actor_code(&first));
	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		actor_end(&a[i]);
	EXPECT_EQ(1u, self->ran);
}

/* A wait that is given up changes nothing for the one that runs. */
TASK_TEST_F(once, a_wait_for_it_is_cancelled, .workers = variant->workers)
{
	struct oa_deadline d;
	oa_task_t first, t;
	void *res;

	first = oa_spawn(runs, self);
	task_wait_until(SEEN(self->running));
	t = oa_spawn(runs, self);
	WAITERS_ARE(1u);
	ASSERT_OK(oa_cancel(t));
	ASSERT_OK(oa_join(t, &res));
	EXPECT_ERR(oa_err_code(res), -ECANCELED);
	OA_WITHIN(&d, 100 * OA_USEC)
		EXPECT_ERR(oa_once_run(&self->o, makes, self), -ETIMEDOUT);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	EXPECT_EQ(0u, INFO(once, &self->o).waiters);
	ASSERT_OK(oa_event_set(&self->go));
	ASSERT_OK(oa_join(first, &res));
	EXPECT_OK(oa_err_code(res));
	EXPECT_OK(oa_once_run(&self->o, makes, self));
	EXPECT_EQ(1u, self->ran);
}

static void is_cancelled_itself(void *arg)
{
	struct once_fixture_data *s = arg;

	TELL(s->running, 1);
	EXPECT_ERR(oa_event_wait(&s->go), -ECANCELED);
	COUNT(s->ran);
	s->made = 42;
}

static void *runs_and_is_cancelled(void *arg)
{
	struct once_fixture_data *s = arg;

	EXPECT_OK(oa_once_run(&s->o, is_cancelled_itself, s));
	return NULL;
}

/* It has run, whatever became of its waits; those that wait go on. */
TASK_TEST_F(once, the_one_that_runs_is_cancelled, .workers = variant->workers)
{
	oa_task_t first = oa_spawn(runs_and_is_cancelled, self);
	struct actor a[3];

	task_wait_until(SEEN(self->running));
	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		actor_start(&a[i], BY_TASKS, i, needs_it, self);
	WAITERS_ARE(ARRAY_N(a));
	ASSERT_OK(oa_cancel(first));
	ASSERT_OK(oa_join(first, NULL));
	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		actor_end(&a[i]);
	EXPECT_EQ(1u, self->ran);
}

static void runs_itself_again(void *arg)
{
	struct once_fixture_data *s = arg;

	COUNT(s->ran);
	EXPECT_ERR(oa_once_run(&s->o, runs_itself_again, s), -EDEADLK);
	/* Another one is another thing. */
	EXPECT_OK(oa_once_run(&s->inner, makes, s));
	EXPECT_EQ(1u, s->ran - 1);
	give_way();
	EXPECT_ERR(oa_once_run(&s->o, runs_itself_again, s), -EDEADLK);
}

static void *runs_again(void *arg)
{
	struct once_fixture_data *s = arg;

	EXPECT_OK(oa_once_run(&s->o, runs_itself_again, s));
	return NULL;
}

SYNC_TEST(once, within_itself_is_a_deadlock)
{
	static const struct oa_once fresh = OA_ONCE_INIT;
	struct actor a;

	for (unsigned int i = 0; i < 3; i++) {
		self->o = self->inner = fresh;
		self->ran = 0;
		actor_start(&a, by, i, runs_again, self);
		actor_end(&a);
		EXPECT_EQ(2u, self->ran);
		EXPECT_EQ(42, self->made);
	}
}

TEST(bad_arguments)
{
	struct once_fixture_data s = { .ran = 0 };

	EXPECT_ERR(oa_once_run(NULL, makes, &s), -EINVAL);
	EXPECT_REFUSED(&s.o, oa_once_run(&s.o, NULL, &s), -EINVAL);
	EXPECT_INFO_CHECKS(once, &s.o);
	EXPECT_EQ(0ul, INFO(once, &s.o).value);
	EXPECT_OK(oa_once_run(&s.o, makes, &s));
	EXPECT_EQ(1ul, INFO(once, &s.o).value);
	EXPECT_EQ(1u, s.ran);
}

HARNESS_MAIN
