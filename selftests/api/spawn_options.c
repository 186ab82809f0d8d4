// SPDX-License-Identifier: MIT
/* Options of a spawn, and what a task knows of itself. */
#include "api_test.h"

#include <stdalign.h>
#include <stdlib.h>

FIXTURE(options) { unsigned int n, dropped; oa_time_t at; int flag; };
VARIANTS_WORKERS(options);

FIXTURE_SETUP(options)
{
}

FIXTURE_TEARDOWN(options)
{
}

static void *add_one(void *counter)
{
	COUNT(*(unsigned int *)counter);
	return NULL;
}

static void *tell_time(void *arg)
{
	*(oa_time_t *)arg = oa_now();
	return NULL;
}

TASK_TEST_F(options, delay, .workers = variant->workers)
{
	oa_time_t before = oa_now();
	oa_task_t t = oa_spawn(tell_time, &self->at, .delay = 3 * OA_MSEC);

	EXPECT_EQ(OA_TASK_DELAYED, task_state(NULL, t));
	ASSERT_OK(oa_join(t, NULL));
	EXPECT_GE(self->at, before + 3 * OA_MSEC);
}

TASK_TEST_F(options, at, .workers = variant->workers)
{
	oa_time_t when = oa_after(3 * OA_MSEC);

	ASSERT_OK(oa_join(oa_spawn(tell_time, &self->at, .at = when), NULL));
	EXPECT_GE(self->at, when);
	/* A time that is past. */
	ASSERT_OK(oa_join(oa_spawn(tell_time, &self->at, .at = 1), NULL));
}

TASK_TEST_F(options, the_later_of_delay_and_at, .workers = variant->workers)
{
	oa_time_t before = oa_now(), when = before + 2 * OA_MSEC;

	ASSERT_OK(oa_join(oa_spawn(tell_time, &self->at, .at = when,
				   .delay = 5 * OA_MSEC), NULL));
	EXPECT_GE(self->at, before + 5 * OA_MSEC);
	when = oa_after(5 * OA_MSEC);
	ASSERT_OK(oa_join(oa_spawn(tell_time, &self->at, .at = when,
				   .delay = OA_MSEC), NULL));
	EXPECT_GE(self->at, when);
}

TASK_TEST_F(options, a_delayed_one_goes_unjoined, .workers = variant->workers)
{
	for (int i = 0; i < 200; i++)
		ASSERT_OK(oa_go(add_one, &self->n,
				.delay = (i % 10) * 100 * OA_USEC + 1));
	task_wait_until(SEEN(self->n) == 200);
}

TASK_TEST_F(options, a_delay_beyond_the_end_of_time,
	    .workers = variant->workers)
{
	oa_task_t t = oa_spawn(add_one, &self->n, .delay = OA_FOREVER);
	oa_task_t u = oa_spawn(add_one, &self->n, .delay = OA_FOREVER - 1);
	void *result;

	ASSERT_OK(oa_task_error(t));
	EXPECT_ERR(oa_join_until(t, NULL, oa_after(OA_MSEC)), -ETIMEDOUT);
	ASSERT_OK(oa_cancel(t));
	ASSERT_OK(oa_cancel(u));
	ASSERT_OK(oa_join(t, &result));
	EXPECT_ERR(oa_err_code(result), -ECANCELED);
	ASSERT_OK(oa_join(u, &result));
	EXPECT_ERR(oa_err_code(result), -ECANCELED);
	EXPECT_EQ(0u, self->n);
}

/* Copies. */

static unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 7 + i / 251);
}

static void *check_copy(void *arg)
{
	size_t n;
	unsigned char *p = arg;

	EXPECT_EQ(0ul, (uintptr_t)p % alignof(max_align_t));
	memcpy(&n, p, sizeof(n));
	for (int round = 0; round < 2; round++) {
		for (size_t i = sizeof(n); i < n; i++)
			ASSERT_EQ(pattern(i), p[i]);
		ASSERT_OK(oa_yield());
	}
	return (void *)n;
}

TASK_TEST_F(options, copy, .workers = variant->workers)
{
	static const size_t sizes[] = {
		8, 9, 16, 31, 63, 64, 87, 88, 89, 100, 4096, 65536, 1 << 20,
	};
	oa_task_t t[ARRAY_N(sizes)];
	unsigned char *buf = malloc(1 << 20);
	void *result;

	ASSERT_NOT_NULL(buf);
	for (size_t k = 0; k < ARRAY_N(sizes); k++) {
		for (size_t i = 0; i < sizes[k]; i++)
			buf[i] = pattern(i);
		memcpy(buf, &sizes[k], sizeof(sizes[k]));
		t[k] = oa_spawn(check_copy, buf, .copy = sizes[k]);
		/* The original is ours again. */
		memset(buf, 0xee, sizes[k]);
	}
	free(buf);
	for (size_t k = 0; k < ARRAY_N(sizes); k++) {
		ASSERT_OK(oa_join(t[k], &result));
		EXPECT_EQ((void *)sizes[k], result);
	}
}

TASK_TEST_F(options, copy_with_a_delay, .workers = variant->workers)
{
	unsigned char buf[200];
	size_t n = sizeof(buf);
	oa_task_t t;

	for (size_t i = 0; i < n; i++)
		buf[i] = pattern(i);
	memcpy(buf, &n, sizeof(n));
	t = oa_spawn(check_copy, buf, .copy = n, .delay = OA_MSEC);
	memset(buf, 0, n);
	ASSERT_OK(oa_join(t, NULL));
}

/* What never runs is given back. */

struct counted { unsigned int *n; };

static void count_drop(void *arg)
{
	COUNT(*(unsigned int *)arg);
}

static void count_copied_drop(void *arg)
{
	struct counted *c = arg;

	COUNT(*c->n);
}

TASK_TEST_F(options, on_drop_of_a_cancelled_one, .workers = variant->workers)
{
	struct counted c = { &self->dropped };
	void *result;
	oa_task_t t;

	t = oa_spawn(add_one, &self->dropped, .on_drop = count_drop,
		     .delay = OA_SEC * 1000);
	ASSERT_OK(oa_cancel(t));
	ASSERT_OK(oa_join(t, &result));
	EXPECT_ERR(oa_err_code(result), -ECANCELED);
	EXPECT_EQ(1u, SEEN(self->dropped));

	t = oa_spawn(add_one, &c, .copy = sizeof(c), .delay = OA_SEC * 1000,
		     .on_drop = count_copied_drop);
	c.n = NULL;
	ASSERT_OK(oa_cancel(t));
	ASSERT_OK(oa_join(t, &result));
	EXPECT_EQ(2u, SEEN(self->dropped));
}

TASK_TEST_F(options, no_on_drop_for_what_runs, .workers = variant->workers)
{
	for (int i = 0; i < 100; i++)
		ASSERT_OK(oa_join(oa_spawn(add_one, &self->n,
					   .on_drop = count_drop), NULL));
	EXPECT_EQ(100u, self->n);
}

TASK_TEST_F(options, no_on_drop_for_what_did_not_start,
	    .workers = variant->workers)
{
	EXPECT_ERR(oa_go(NULL, &self->dropped, .on_drop = count_drop),
		   -EINVAL);
	EXPECT_ERR(oa_go(add_one, &self->dropped, .on_drop = count_drop,
			 .delay = -1), -EINVAL);
	EXPECT_EQ(0u, self->dropped);
}

TASK_TEST_F(options, the_last_of_several_cancels_before_the_start,
	    .workers = variant->workers)
{
	enum { N = 500 };
	static oa_task_t t[N];
	unsigned int ran = 0, cancelled = 0;
	void *result;

	for (int i = 0; i < N; i++) {
		t[i] = oa_spawn(add_one, &self->n, .on_drop = count_drop);
		if (i % 2)
			oa_cancel(t[i]);
	}
	for (int i = 0; i < N; i++) {
		ASSERT_OK(oa_join(t[i], &result));
		if (oa_err_code(result) == -ECANCELED)
			cancelled++;
		else
			ran++;
	}
	/* Each either ran or was dropped. */
	EXPECT_EQ(ran + cancelled, SEEN(self->n));
	EXPECT_EQ((unsigned int)N, ran + cancelled);
	EXPECT_GE(ran, (unsigned int)N / 2);
}

/* Names. */

static void *say_name(void *arg)
{
	int n = oa_task_name(oa_self(), arg, OA_TASK_NAME_MAX);

	return (void *)(intptr_t)n;
}

TASK_TEST_F(options, name, .workers = variant->workers)
{
	char given[] = "a name", buf[OA_TASK_NAME_MAX], few[4];
	static const char big[] =
		"0123456789012345678901234567890123456789";
	void *result;
	oa_task_t t;

	t = oa_spawn(say_name, buf, .name = given, .delay = OA_MSEC);
	memset(given, 'x', sizeof(given) - 1);
	EXPECT_EQ(6, oa_task_name(t, buf, sizeof(buf)));
	EXPECT_STREQ("a name", buf);
	EXPECT_EQ(3, oa_task_name(t, few, sizeof(few)));
	EXPECT_STREQ("a n", few);
	EXPECT_EQ(0, oa_task_name(t, few, 1));
	EXPECT_STREQ("", few);
	EXPECT_ERR(oa_task_name(t, NULL, 4), -EINVAL);
	EXPECT_ERR(oa_task_name(t, few, 0), -EINVAL);
	buf[0] = '\0';
	ASSERT_OK(oa_join(t, &result));
	EXPECT_STREQ("a name", buf);
	EXPECT_EQ((void *)6, result);

	ASSERT_OK(oa_join(oa_spawn(say_name, buf, .name = big), &result));
	EXPECT_EQ((void *)(OA_TASK_NAME_MAX - 1), result);
	EXPECT_EQ(0, strncmp(buf, big, OA_TASK_NAME_MAX - 1));

	ASSERT_OK(oa_join(oa_spawn(say_name, buf), &result));
	EXPECT_EQ((void *)0, result);
	EXPECT_STREQ("", buf);
}

/* Stacks. */

static void *eat(size_t bytes)
{
	volatile char page[4096];

	memset((char *)page, (int)bytes, sizeof(page));
	if (bytes > 2 * sizeof(page))
		eat(bytes - sizeof(page) - 256);
	return (void *)(uintptr_t)page[17];
}

static void *eats(void *arg)
{
	ASSERT_OK(oa_yield());
	eat((size_t)arg);
	ASSERT_OK(oa_yield());
	return NULL;
}

TASK_TEST_F(options, stack_size, .workers = variant->workers)
{
	static const size_t sizes[] = {
		16 << 10, 64 << 10, 200 << 10, 1 << 20, 8 << 20,
	};

	for (size_t i = 0; i < ARRAY_N(sizes); i++)
		for (int round = 0; round < 20; round++)
			ASSERT_OK(oa_join(oa_spawn(eats,
					(void *)(sizes[i] - (8 << 10)),
					.stack_size = sizes[i]), NULL));
}

TASK_TEST_F(options, many_stacks_of_their_own_size,
	    .workers = variant->workers)
{
	oa_task_t t[100];

	for (int i = 0; i < 100; i++)
		t[i] = oa_spawn(eats, (void *)(40 << 10),
				.stack_size = (size_t)(64 + i) << 10);
	for (int i = 0; i < 100; i++)
		ASSERT_OK(oa_join(t[i], NULL));
}

/* Where tasks run. */

struct stay { int worker, moved; pthread_t thread; };

static void *stays(void *arg)
{
	struct stay *s = arg;

	s->worker = oa_worker_id();
	s->thread = pthread_self();
	for (int i = 0; i < 50; i++) {
		if (i % 10 == 9)
			ASSERT_OK(oa_sleep(20 * OA_USEC));
		else
			ASSERT_OK(oa_yield());
		if (oa_worker_id() != s->worker ||
		    !pthread_equal(pthread_self(), s->thread))
			s->moved++;
	}
	return NULL;
}

TASK_TEST_F(options, worker, .workers = variant->workers)
{
	struct stay s[8 * 4] = { { 0 } };
	oa_task_t t[8 * 4];
	int n = (int)variant->workers;

	for (int i = 0; i < 4 * n; i++)
		t[i] = oa_spawn(stays, &s[i], .worker = OA_WORKER(i % n));
	for (int i = 0; i < 4 * n; i++) {
		ASSERT_OK(oa_join(t[i], NULL));
		EXPECT_EQ(i % n, s[i].worker);
		EXPECT_EQ(0, s[i].moved);
	}
}

TASK_TEST_F(options, pinned, .workers = variant->workers)
{
	struct stay s[40] = { { 0 } };
	oa_task_t t[40];
	int here;

	for (int i = 0; i < 40; i++) {
		here = oa_worker_id();
		t[i] = oa_spawn(stays, &s[i], .pinned = true,
				.delay = i % 2 ? OA_USEC : 0);
		s[i].moved = -1000 * here;
	}
	for (int i = 0; i < 40; i++) {
		ASSERT_OK(oa_join(t[i], NULL));
		EXPECT_EQ(-1000 * s[i].worker, s[i].moved);
	}
}

static void *stays_by_itself(void *arg)
{
	struct stay *s = arg;

	EXPECT_EQ(s->worker, oa_worker_id());
	return stays(arg);
}

TEST_F(options, pinned_from_a_foreign_thread)
{
	struct stay s[20] = { { 0 } };
	struct oa_runtime *rt;
	oa_task_t t[20];

	ASSERT_OK(oa_start(&rt, add_one, &self->n, .workers = variant->workers,
			   .on_event = NULL));
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
	/* One that lives long enough. */
	ASSERT_OK(oa_start(&rt, stays, &s[0], .workers = variant->workers));
	for (int i = 1; i < 20; i++) {
		s[i].worker = i % (int)variant->workers;
		t[i] = i % 2 ? oa_spawn(stays_by_itself, &s[i], .runtime = rt,
					.worker = OA_WORKER(s[i].worker))
			     : oa_spawn(stays, &s[i], .runtime = rt,
					.pinned = true);
		/* It may be over by now. */
		if (oa_task_error(t[i]))
			EXPECT_ERR(oa_task_error(t[i]), -ESHUTDOWN);
		else
			COUNT(self->n);
	}
	for (int i = 1; i < 20; i++) {
		if (oa_task_error(t[i]))
			continue;
		ASSERT_OK(oa_join(t[i], NULL));
		EXPECT_EQ(0, s[i].moved);
	}
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
}

static void *runtime_of(void *arg)
{
	(void)arg;
	return oa_runtime_self();
}

static void *keeps(void *flag)
{
	task_wait_until(SEEN(*(int *)flag));
	return NULL;
}

TASK_TEST_F(options, runtime, .workers = variant->workers)
{
	struct oa_runtime *rt;
	void *result;

	ASSERT_OK(oa_start(&rt, keeps, &self->flag, .workers = 2));
	ASSERT_OK(oa_join(oa_spawn(runtime_of, NULL), &result));
	EXPECT_EQ((void *)oa_runtime_self(), result);
	for (int i = 0; i < 100; i++) {
		ASSERT_OK(oa_join(oa_spawn(runtime_of, NULL, .runtime = rt,
					   .delay = i % 3 ? 0 : OA_USEC),
				  &result));
		ASSERT_EQ((void *)rt, result);
	}
	TELL(self->flag, 1);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	EXPECT_ERR(oa_go(runtime_of, NULL, .runtime = rt), -ESHUTDOWN);
	ASSERT_OK(oa_runtime_free(rt));
}

/* What a task knows of itself. */

static void *hangs_something(void *arg)
{
	void **user = oa_user();

	EXPECT_NULL(*user);
	*user = arg;
	for (int i = 0; i < 5; i++) {
		ASSERT_OK(oa_sleep(10 * OA_USEC));
		ASSERT_EQ(user, oa_user());
		ASSERT_EQ(arg, *oa_user());
	}
	return *oa_user();
}

TASK_TEST_F(options, oa_user_is_each_tasks_own, .workers = variant->workers)
{
	oa_task_t t[200];
	void *result;

	*oa_user() = self;
	for (uintptr_t round = 0; round < 2; round++) {
		for (uintptr_t i = 0; i < 200; i++)
			t[i] = oa_spawn(hangs_something, (void *)(i + 1));
		for (uintptr_t i = 0; i < 200; i++) {
			ASSERT_OK(oa_join(t[i], &result));
			EXPECT_EQ((void *)(i + 1), result);
		}
	}
	EXPECT_EQ((void *)self, *oa_user());
}

static void *tell_self(void *arg)
{
	*(oa_task_t *)arg = oa_self();
	ASSERT_OK(oa_yield());
	ASSERT_TRUE(oa_task_eq(oa_self(), *(oa_task_t *)arg));
	return NULL;
}

TASK_TEST_F(options, oa_self_is_what_the_spawn_gave,
	    .workers = variant->workers)
{
	oa_task_t told = { 0 }, t = oa_spawn(tell_self, &told);

	ASSERT_OK(oa_join(t, NULL));
	EXPECT_TRUE(oa_task_eq(t, told));
	EXPECT_FALSE(oa_task_eq(t, oa_self()));
	EXPECT_NE(0ul, oa_self().id);
}

TASK_TEST_F(options, oa_worker_id_is_in_range, .workers = variant->workers)
{
	for (int i = 0; i < 100; i++) {
		EXPECT_GE(oa_worker_id(), 0);
		EXPECT_LT(oa_worker_id(), (int)variant->workers);
		ASSERT_OK(oa_yield());
	}
	EXPECT_EQ((void *)oa_runtime_self(), runtime_of(NULL));
}

TASK_TEST_F(options, max_tasks_is_never_exceeded,
	    .workers = variant->workers, .max_tasks = 100)
{
	static oa_task_t t[200];
	unsigned int n = 0;
	int err = 0;

	while (n < 200) {
		t[n] = oa_spawn(keeps, &self->flag);
		err = oa_task_error(t[n]);
		if (err)
			break;
		n++;
		ASSERT_LE(count_tasks(NULL), 100u);
	}
	EXPECT_ERR(err, -EAGAIN);
	EXPECT_LE(n, 99u);
	/* Shares of the workers that were not here may be out. */
	EXPECT_GE(n, 80u);
	EXPECT_ERR(oa_go(keeps, &self->flag), -EAGAIN);
	TELL(self->flag, 1);
	for (unsigned int i = 0; i < n; i++)
		ASSERT_OK(oa_join(t[i], NULL));
	/* The places came back. */
	for (int round = 0; round < 50; round++) {
		for (unsigned int i = 0; i < 20; i++) {
			t[i] = oa_spawn(keeps, &self->flag);
			ASSERT_OK(oa_task_error(t[i]));
		}
		for (unsigned int i = 0; i < 20; i++)
			ASSERT_OK(oa_join(t[i], NULL));
	}
}

HARNESS_MAIN
