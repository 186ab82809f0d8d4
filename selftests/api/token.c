// SPDX-License-Identifier: MIT
/* Tokens: one source of cancellation, many tasks. */
#include "actors.h"

#include <sched.h>

FIXTURE(token) {
	struct oa_token token;
	unsigned int ran, dropped, told;
	struct oa_event go;
	uint64_t wait;
};
VARIANTS_WORKERS(token);

typedef struct token_fixture_data data;

FIXTURE_SETUP(token)
{
}

FIXTURE_TEARDOWN(token)
{
}

#define TOKEN_TEST(name) \
	TASK_TEST_F_TIMEOUT(token, name, 60, .workers = variant->workers, \
			    .max_blocking = 2)

static void *runs(void *arg)
{
	COUNT(((data *)arg)->ran);
	return NULL;
}

static void drops(void *arg)
{
	COUNT(((data *)arg)->dropped);
}

static void *sleeps(void *arg)
{
	data *s = arg;
	int err;

	COUNT(s->ran);
	err = oa_sleep(OA_FOREVER);
	COUNT(s->told);
	return oa_err(err);
}

TOKEN_TEST(cancels_all_that_were_started_with_it)
{
	enum { N = 200 };
	oa_task_t t[N], other = oa_spawn(sleeps, self);

	EXPECT_EQ(0, oa_token_cancelled(&self->token));
	for (int i = 0; i < N; i++)
		t[i] = oa_spawn(sleeps, self, .token = &self->token);
	task_wait_until(SEEN(self->ran) == N + 1);
	until_state(other, OA_TASK_PARKED);
	EXPECT_ERR(oa_token_destroy(&self->token), -EBUSY);
	ASSERT_OK(oa_token_cancel(&self->token));
	EXPECT_EQ(1, oa_token_cancelled(&self->token));
	for (int i = 0; i < N; i++)
		EXPECT_ERR(join_code(t[i]), -ECANCELED);
	EXPECT_OK(oa_token_destroy(&self->token));
	EXPECT_EQ((unsigned int)N, SEEN(self->told));
	EXPECT_EQ(OA_TASK_PARKED, task_state(NULL, other));
	ASSERT_OK(oa_cancel(other));
	EXPECT_ERR(join_code(other), -ECANCELED);
}

TOKEN_TEST(stays_cancelled)
{
	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_token_cancel(&self->token));
	EXPECT_EQ(1, oa_token_cancelled(&self->token));
	/* The argument stays ours: nothing is dropped. */
	EXPECT_ERR(oa_go(runs, self, .token = &self->token,
			 .on_drop = drops), -ECANCELED);
	EXPECT_ERR(oa_task_error(oa_spawn(runs, self, .token = &self->token,
					  .on_drop = drops, .delay = 1)),
		   -ECANCELED);
	EXPECT_ERR(oa_go(runs, self, .token = &self->token, .block = true,
			 .on_drop = drops), -ECANCELED);
	EXPECT_EQ(0u, self->ran + self->dropped);
	EXPECT_OK(oa_token_destroy(&self->token));
	/* As a new one. */
	EXPECT_EQ(0, oa_token_cancelled(&self->token));
	ASSERT_OK(oa_join(oa_spawn(runs, self, .token = &self->token), NULL));
	EXPECT_EQ(1u, SEEN(self->ran));
	EXPECT_OK(oa_token_destroy(&self->token));
}

/* Wherever they stand. */
TOKEN_TEST(those_that_have_not_begun)
{
	struct oa_sem sem = OA_SEM_INIT(0);
	struct oa_latch latch = OA_LATCH_INIT(2);
	oa_task_t t[4];

	t[0] = oa_spawn(runs, self, .token = &self->token, .on_drop = drops,
			.delay = 1000 * OA_SEC);
	t[1] = oa_spawn(runs, self, .token = &self->token, .on_drop = drops,
			.sem = &sem);
	t[2] = oa_spawn(runs, self, .token = &self->token, .on_drop = drops,
			.latch = &latch);
	t[3] = oa_spawn(runs, self, .token = &self->token, .on_drop = drops,
			.sem = &sem, .block = true);
	ASSERT_OK(oa_token_cancel(&self->token));
	for (int i = 0; i < 4; i++)
		EXPECT_ERR(join_code(t[i]), -ECANCELED);
	EXPECT_EQ(4u, self->dropped);
	EXPECT_EQ(0u, self->ran);
	EXPECT_OK(oa_token_destroy(&self->token));
	EXPECT_OK(oa_sem_destroy(&sem));
}

TOKEN_TEST(those_that_have_ended_are_gone_from_it)
{
	for (int i = 0; i < 100; i++) {
		EXPECT_OK(join_code(oa_spawn(runs, self, .token = &self->token,
					     .block = i % 10 == 0)));
		EXPECT_OK(oa_token_destroy(&self->token));
	}
	for (int i = 0; i < 100; i++)
		ASSERT_OK(oa_go(runs, self, .token = &self->token));
	task_wait_until(!oa_token_destroy(&self->token));
	EXPECT_EQ(200u, self->ran);
	EXPECT_EQ(0, oa_token_cancelled(&self->token));
}

static void *joins_nobody(void *arg)
{
	data *s = arg;

	/* The result waits for its joiner; the token does not. */
	oa_task_t t = oa_spawn(runs, s, .token = &s->token);

	task_wait_until(task_state(NULL, t) == OA_TASK_ENDED);
	task_wait_until(!oa_token_destroy(&s->token));
	memset(&s->token, 0xa5, sizeof(s->token));
	ASSERT_OK(oa_join(t, NULL));
	memset(&s->token, 0, sizeof(s->token));
	return NULL;
}

TOKEN_TEST(may_go_before_the_join)
{
	EXPECT_OK(join_code(oa_spawn(joins_nobody, self)));
}

static void *cancels(void *arg)
{
	ASSERT_OK(oa_token_cancel(&((data *)arg)->token));
	return NULL;
}

static void *cancels_its_own(void *arg)
{
	cancels(arg);
	EXPECT_EQ(1, oa_cancelled());
	EXPECT_ERR(oa_yield(), -ECANCELED);
	return NULL;
}

TOKEN_TEST(is_cancelled_by_one_of_its_own)
{
	oa_task_t a = oa_spawn(sleeps, self, .token = &self->token);
	oa_task_t b;

	until_state(a, OA_TASK_PARKED);
	b = oa_spawn(cancels_its_own, self, .token = &self->token);
	EXPECT_ERR(join_code(a), -ECANCELED);
	EXPECT_OK(join_code(b));
}

TOKEN_TEST(is_cancelled_from_anywhere)
{
	enum who who[] = { WHO_TASK, WHO_THREAD, WHO_POOL };

	for (int i = 0; i < 3; i++) {
		oa_task_t t;
		struct actor a;

		memset(&self->token, 0, sizeof(self->token));
		t = oa_spawn(sleeps, self, .token = &self->token);
		actor_start(&a, who[i], 0, cancels, self);
		EXPECT_ERR(join_code(t), -ECANCELED);
		actor_end(&a);
	}
}

static void *starts_more(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_go(sleeps, s));
	return sleeps(arg);
}

TOKEN_TEST(is_not_inherited)
{
	oa_task_t t = oa_spawn(starts_more, self, .token = &self->token);

	task_wait_until(SEEN(self->ran) == 2);
	ASSERT_OK(oa_token_cancel(&self->token));
	EXPECT_ERR(join_code(t), -ECANCELED);
	EXPECT_EQ(1u, SEEN(self->told));
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL));
}

TOKEN_TEST(beside_other_ways)
{
	struct oa_scope s;
	oa_task_t t;

	/* Cancelled by hand, dropped by time, then by the token. */
	t = oa_spawn(sleeps, self, .token = &self->token);
	ASSERT_OK(oa_cancel(t));
	EXPECT_ERR(join_code(t), -ECANCELED);
	t = oa_spawn(sleeps, self, .token = &self->token,
		     .timeout = 200 * OA_USEC);
	EXPECT_ERR(join_code(t), -ETIMEDOUT);
	EXPECT_OK(oa_token_destroy(&self->token));
	/* In a scope as well. */
	OA_SCOPE(s) {
		for (int i = 0; i < 10; i++)
			ASSERT_OK(oa_go(sleeps, self, .scope = &s,
					.token = &self->token));
		ASSERT_OK(oa_token_cancel(&self->token));
	}
	EXPECT_ERR(oa_scope_error(&s), -ECANCELED);
	EXPECT_OK(oa_token_destroy(&self->token));
}

TEST(without_a_token)
{
	EXPECT_ERR(oa_token_cancel(NULL), -EINVAL);
	EXPECT_ERR(oa_token_cancelled(NULL), -EINVAL);
	EXPECT_ERR(oa_token_destroy(NULL), -EINVAL);
}

TEST(without_a_runtime)
{
	struct oa_token t = OA_TOKEN_INIT;

	EXPECT_EQ(0, oa_token_cancelled(&t));
	EXPECT_OK(oa_token_destroy(&t));
	EXPECT_OK(oa_token_cancel(&t));
	EXPECT_EQ(1, oa_token_cancelled(&t));
	EXPECT_OK(oa_token_destroy(&t));
}

/* Over two runtimes. */
TEST_F(token, of_two_runtimes)
{
	struct oa_runtime *rt[2];
	oa_task_t t[20];
	void *result;

	for (int i = 0; i < 2; i++)
		ASSERT_OK(oa_start(&rt[i], sleeps, self,
				   .workers = variant->workers));
	for (int i = 0; i < 20; i++) {
		t[i] = oa_spawn(sleeps, self, .runtime = rt[i % 2],
				.token = &self->token);
		ASSERT_OK(oa_task_error(t[i]));
	}
	ASSERT_OK(oa_token_cancel(&self->token));
	for (int i = 0; i < 20; i++) {
		ASSERT_OK(oa_join(t[i], &result));
		EXPECT_ERR(oa_err_code(result), -ECANCELED);
	}
	EXPECT_OK(oa_token_destroy(&self->token));
	for (int i = 0; i < 2; i++) {
		ASSERT_OK(oa_shutdown(rt[i], OA_SHUTDOWN_GRACEFUL));
		ASSERT_OK(oa_runtime_wait(rt[i], NULL));
		ASSERT_OK(oa_runtime_free(rt[i]));
	}
}

/*
 * Cancelled at any moment while tasks are started: one whose start succeeded
 * is cancelled, and none stays in it.
 */

static void *cancels_on_go(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_event_wait(&s->go));
	for (uint64_t i = s->wait; i--;)
		give_way();
	return cancels(arg);
}

static void *quick_or_not(void *arg)
{
	COUNT(((data *)arg)->ran);
	if ((uintptr_t)&arg & 64)
		return NULL;
	return oa_err(oa_sleep(OA_FOREVER));
}

static void *starts_until_refused(void *arg)
{
	data *s = arg;
	unsigned int started = 0;
	int err;

	do {
		err = oa_go(started % 3 ? quick_or_not : sleeps, s,
			    .token = &s->token, .on_drop = drops,
			    .delay = started % 5 ? 0 : 20 * OA_USEC);
		started += !err;
		if (started == 20)
			ASSERT_OK(oa_event_set(&s->go));
	} while (!err && started < 3000);
	ASSERT_TRUE(!err || err == -ECANCELED);
	return (void *)(uintptr_t)started;
}

TOKEN_TEST(while_tasks_are_started)
{
	long rounds = SCALED(20, 4);

	for (long r = 0; r < rounds; r++) {
		unsigned int started = 0;
		struct actor a[2];
		oa_task_t t[2];

		*self = (data){ .wait = harness_seed() % 64 };
		for (unsigned int i = 0; i < 2; i++) {
			actor_start(&a[i], WHO_MIXED, i, cancels_on_go, self);
			t[i] = oa_spawn(starts_until_refused, self);
		}
		for (int i = 0; i < 2; i++) {
			void *n;

			ASSERT_OK(oa_join(t[i], &n));
			started += (unsigned int)(uintptr_t)n;
			actor_end(&a[i]);
		}
		task_wait_until(!oa_token_destroy(&self->token));
		EXPECT_EQ(started, SEEN(self->ran) + SEEN(self->dropped));
	}
}

/* Ends and cancels meet. */
TOKEN_TEST(while_tasks_end)
{
	long rounds = SCALED(40, 6);

	for (long r = 0; r < rounds; r++) {
		struct actor a;

		*self = (data){ .ran = 0 };
		for (int i = 0; i < 200; i++)
			ASSERT_OK(oa_go(runs, self, .token = &self->token,
					.on_drop = drops));
		actor_start(&a, WHO_MIXED, (unsigned int)r, cancels, self);
		actor_end(&a);
		task_wait_until(!oa_token_destroy(&self->token));
		EXPECT_EQ(200u, SEEN(self->ran) + SEEN(self->dropped));
	}
}

HARNESS_MAIN
