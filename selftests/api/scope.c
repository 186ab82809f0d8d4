// SPDX-License-Identifier: MIT
/* Scopes: the calls, errors, cancelling, who may do what. */
#include "actors.h"

#include <sched.h>

FIXTURE(scope) {
	struct oa_scope s;
	unsigned int ran, dropped, ended;
	bool begun;
	struct oa_event go;
};
VARIANTS_WORKERS(scope);

typedef struct scope_fixture_data data;

FIXTURE_SETUP(scope)
{
}

FIXTURE_TEARDOWN(scope)
{
}

#define SCOPE_TEST(name) \
	TASK_TEST_F_TIMEOUT(scope, name, 60, .workers = variant->workers, \
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
	COUNT(s->ended);
	return oa_err(err);
}

static void *fails(void *arg)
{
	COUNT(((data *)arg)->ran);
	return oa_err(-EIO);
}

static void *yields_a_little(void *arg)
{
	data *s = arg;

	for (int i = 0; i < 5; i++)
		ASSERT_OK(oa_yield());
	COUNT(s->ended);
	return arg;
}

/* The usual. */

SCOPE_TEST(waits_for_all)
{
	enum { N = 100 };

	OA_SCOPE(self->s) {
		for (int i = 0; i < N; i++)
			ASSERT_OK(oa_go(yields_a_little, self,
					.scope = &self->s));
	}
	EXPECT_EQ((unsigned int)N, SEEN(self->ended));
	EXPECT_OK(oa_scope_error(&self->s));
}

SCOPE_TEST(of_none)
{
	struct oa_scope s;

	OA_SCOPE(s)
		self->ran++;
	EXPECT_EQ(1u, self->ran);
	EXPECT_OK(oa_scope_error(&s));
	ASSERT_OK(oa_scope_open(&s));
	EXPECT_OK(oa_scope_wait(&s));
	EXPECT_OK(oa_scope_wait(&s));
	EXPECT_OK(oa_scope_error(&s));
}

SCOPE_TEST(is_used_again)
{
	ASSERT_OK(oa_scope_open(&self->s));
	for (unsigned int i = 1; i <= 20; i++) {
		for (int k = 0; k < 10; k++)
			ASSERT_OK(oa_go(yields_a_little, self,
					.scope = &self->s));
		EXPECT_OK(oa_scope_wait(&self->s));
		EXPECT_EQ(10 * i, SEEN(self->ended));
	}
}

SCOPE_TEST(with_children_of_all_kinds)
{
	struct oa_sem sem = OA_SEM_INIT(1);
	struct oa_mutex m = OA_MUTEX_INIT;

	OA_SCOPE(self->s) {
		ASSERT_OK(oa_go(runs, self, .scope = &self->s));
		ASSERT_OK(oa_go(runs, self, .scope = &self->s, .block = true));
		ASSERT_OK(oa_go(runs, self, .scope = &self->s,
				.delay = 2 * OA_MSEC));
		ASSERT_OK(oa_go(runs, self, .scope = &self->s, .sem = &sem));
		ASSERT_OK(oa_go(runs, self, .scope = &self->s, .sem = &sem,
				.block = true, .mutex = &m));
		ASSERT_OK(oa_go(runs, self, .scope = &self->s, .pinned = true,
				.stack_size = 65536, .name = "pinned"));
		ASSERT_OK(oa_go(runs, self, .scope = &self->s,
				.timeout = 1000 * OA_SEC));
	}
	EXPECT_OK(oa_scope_error(&self->s));
	EXPECT_EQ(7u, SEEN(self->ran));
	EXPECT_EQ(1u, oa_sem_value(&sem));
}

SCOPE_TEST(leaves_results_to_their_joiners)
{
	oa_task_t t[2];
	void *result;

	OA_SCOPE(self->s) {
		t[0] = oa_spawn(yields_a_little, self, .scope = &self->s);
		t[1] = oa_spawn(yields_a_little, self, .scope = &self->s);
		ASSERT_OK(oa_join(t[0], &result));
		EXPECT_EQ((void *)self, result);
	}
	ASSERT_OK(oa_join(t[1], &result));
	EXPECT_EQ((void *)self, result);
	EXPECT_ERR(oa_join(t[1], &result), -ESRCH);
}

/* Errors. */

SCOPE_TEST(the_first_error_cancels_the_others)
{
	OA_SCOPE(self->s) {
		for (int i = 0; i < 50; i++)
			ASSERT_OK(oa_go(sleeps, self, .scope = &self->s));
		task_wait_until(SEEN(self->ran) == 50);
		ASSERT_OK(oa_go(fails, self, .scope = &self->s));
	}
	EXPECT_ERR(oa_scope_error(&self->s), -EIO);
	EXPECT_EQ(50u, SEEN(self->ended));
}

static void *fails_last(void *arg)
{
	COUNT(((data *)arg)->ended);
	return oa_err(-ENXIO);
}

static void *may_be_cancelled(void *arg)
{
	oa_yield();
	oa_yield();
	return arg;
}

SCOPE_TEST(the_error_is_that_of_the_first)
{
	ASSERT_OK(oa_scope_open(&self->s, .keep_going = true));
	ASSERT_OK(oa_go(fails, self, .scope = &self->s));
	task_wait_until(oa_scope_error(&self->s) == -EIO);
	ASSERT_OK(oa_go(fails_last, self, .scope = &self->s));
	EXPECT_ERR(oa_scope_wait(&self->s), -EIO);
	EXPECT_EQ(1u, self->ended);
	EXPECT_ERR(oa_scope_error(&self->s), -EIO);
	/* Asked again, it says so again; a new round starts anew. */
	EXPECT_ERR(oa_scope_wait(&self->s), -EIO);
	ASSERT_OK(oa_go(may_be_cancelled, self, .scope = &self->s));
	EXPECT_OK(oa_scope_wait(&self->s));
	EXPECT_OK(oa_scope_error(&self->s));
}

SCOPE_TEST(keeps_going)
{
	OA_SCOPE(self->s, .keep_going = true) {
		for (int i = 0; i < 20; i++) {
			ASSERT_OK(oa_go(fails, self, .scope = &self->s));
			ASSERT_OK(oa_go(yields_a_little, self,
					.scope = &self->s));
		}
	}
	EXPECT_ERR(oa_scope_error(&self->s), -EIO);
	EXPECT_EQ(20u, SEEN(self->ran));
	EXPECT_EQ(20u, SEEN(self->ended));
}

SCOPE_TEST(no_starts_after_an_error)
{
	int err;

	ASSERT_OK(oa_scope_open(&self->s));
	ASSERT_OK(oa_go(fails, self, .scope = &self->s));
	task_wait_until(oa_scope_error(&self->s));
	/* The error is noted, then the others are cancelled. */
	do {
		self->ended = 0;
		err = oa_go(yields_a_little, self, .scope = &self->s,
			    .delay = 1000 * OA_SEC);
	} while (!err && !oa_yield());
	EXPECT_ERR(err, -ECANCELED);
	EXPECT_ERR(oa_task_error(oa_spawn(runs, self, .scope = &self->s,
					  .on_drop = drops)), -ECANCELED);
	EXPECT_EQ(0u, self->dropped);
	EXPECT_ERR(oa_scope_wait(&self->s), -EIO);
	/* It is open again. */
	ASSERT_OK(oa_go(runs, self, .scope = &self->s));
	EXPECT_OK(oa_scope_wait(&self->s));
}

static void *exits_with(void *err)
{
	oa_exit(err);
}

static void *passes(void *arg)
{
	return oa_is_err(arg) ? NULL : oa_err(-EIO);
}

SCOPE_TEST(what_counts_is_the_result)
{
	ASSERT_OK(oa_scope_open(&self->s));
	ASSERT_OK(oa_go(exits_with, oa_err(-ENOENT), .scope = &self->s));
	EXPECT_ERR(oa_scope_wait(&self->s), -ENOENT);
	/* Of a chain the last. */
	ASSERT_OK(oa_go(exits_with, NULL, .scope = &self->s));
	EXPECT_OK(oa_scope_wait(&self->s));
	ASSERT_OK(oa_go(fails, self, .scope = &self->s,
			.then = (const oa_fn[]){ passes, NULL }));
	EXPECT_OK(oa_scope_wait(&self->s));
	ASSERT_OK(oa_go(runs, self, .scope = &self->s,
			.then = (const oa_fn[]){ passes, NULL }));
	EXPECT_ERR(oa_scope_wait(&self->s), -EIO);
	/* On the pool as well. */
	ASSERT_OK(oa_go(exits_with, oa_err(-ENOENT), .scope = &self->s,
			.block = true));
	EXPECT_ERR(oa_scope_wait(&self->s), -ENOENT);
	ASSERT_OK(oa_go(fails, self, .scope = &self->s, .block = true));
	EXPECT_ERR(oa_scope_wait(&self->s), -EIO);
}

SCOPE_TEST(one_that_is_dropped_has_failed)
{
	struct oa_backpressure b = OA_BACKPRESSURE_LOSSY_INIT(1);
	struct oa_sem sem = OA_SEM_INIT(0);
	oa_task_t t;

	ASSERT_OK(oa_scope_open(&self->s));
	/* By time. */
	ASSERT_OK(oa_go(runs, self, .scope = &self->s, .sem = &sem,
			.on_drop = drops, .timeout = 100 * OA_USEC));
	EXPECT_ERR(oa_scope_wait(&self->s), -ETIMEDOUT);
	/* By what it was to start under. */
	ASSERT_OK(oa_backpressure_enter(&b));
	ASSERT_OK(oa_go(runs, self, .scope = &self->s, .backpressure = &b,
			.on_drop = drops, .delay = OA_USEC));
	EXPECT_ERR(oa_scope_wait(&self->s), -EBUSY);
	ASSERT_OK(oa_backpressure_leave(&b));
	/* By a cancel. */
	t = oa_spawn(runs, self, .scope = &self->s, .on_drop = drops,
		     .delay = 1000 * OA_SEC);
	ASSERT_OK(oa_cancel(t));
	EXPECT_ERR(oa_scope_wait(&self->s), -ECANCELED);
	EXPECT_ERR(join_code(t), -ECANCELED);
	EXPECT_EQ(3u, self->dropped);
	EXPECT_EQ(0u, self->ran);
}

/* A start that is refused leaves no trace. */
SCOPE_TEST(a_start_that_fails)
{
	ASSERT_OK(oa_scope_open(&self->s));
	EXPECT_ERR(oa_go(NULL, self, .scope = &self->s), -EINVAL);
	EXPECT_ERR(oa_go(runs, self, .scope = &self->s, .worker = 99), -EINVAL);
	EXPECT_ERR(oa_go(runs, self, .scope = &self->s,
			 .copy = (size_t)1 << 40), -E2BIG);
	EXPECT_OK(oa_scope_wait(&self->s));
}

/* Cancelling. */

SCOPE_TEST(is_cancelled)
{
	ASSERT_OK(oa_scope_open(&self->s));
	for (int i = 0; i < 300; i++)
		ASSERT_OK(oa_go(sleeps, self, .scope = &self->s,
				.delay = i % 3 ? 0 : 1000 * OA_SEC,
				.on_drop = drops));
	ASSERT_OK(oa_scope_cancel(&self->s));
	EXPECT_ERR(oa_go(runs, self, .scope = &self->s), -ECANCELED);
	ASSERT_OK(oa_scope_cancel(&self->s));
	EXPECT_ERR(oa_scope_wait(&self->s), -ECANCELED);
	EXPECT_EQ(300u, self->ran + self->dropped);
	EXPECT_EQ(self->ran, self->ended);
	ASSERT_OK(oa_go(runs, self, .scope = &self->s));
	EXPECT_OK(oa_scope_wait(&self->s));
}

SCOPE_TEST(is_cancelled_with_nothing_in_it)
{
	ASSERT_OK(oa_scope_open(&self->s));
	ASSERT_OK(oa_scope_cancel(&self->s));
	EXPECT_ERR(oa_go(runs, self, .scope = &self->s), -ECANCELED);
	/* That is no error by itself. */
	EXPECT_OK(oa_scope_wait(&self->s));
	ASSERT_OK(oa_go(runs, self, .scope = &self->s));
	EXPECT_OK(oa_scope_wait(&self->s));
	EXPECT_EQ(1u, self->ran);
}

static void *cancels(void *arg)
{
	ASSERT_OK(oa_scope_cancel(&((data *)arg)->s));
	return NULL;
}

SCOPE_TEST(is_cancelled_from_anywhere)
{
	enum who who[] = { WHO_TASK, WHO_THREAD, WHO_POOL };
	struct actor a;

	ASSERT_OK(oa_scope_open(&self->s));
	for (unsigned int i = 0; i < 4; i++) {
		self->ran = 0;
		ASSERT_OK(oa_go(sleeps, self, .scope = &self->s));
		task_wait_until(SEEN(self->ran));
		if (i < 3)
			actor_start(&a, who[i], 0, cancels, self);
		else	/* one of its own, which does not fail itself */
			ASSERT_OK(oa_go(cancels, self, .scope = &self->s));
		EXPECT_ERR(oa_scope_wait(&self->s), -ECANCELED);
		if (i < 3)
			actor_end(&a);
	}
}

/* The opener is told; the children are, in its place. */

static void *opens_and_waits(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_scope_open(&s->s));
	for (int i = 0; i < 10; i++)
		ASSERT_OK(oa_go(sleeps, s, .scope = &s->s));
	EXPECT_ERR(oa_scope_wait(&s->s), -ECANCELED);
	EXPECT_EQ(SEEN(s->ran), SEEN(s->ended));
	EXPECT_EQ(1, oa_cancelled());
	return NULL;
}

SCOPE_TEST(a_cancel_of_the_opener_while_it_waits)
{
	oa_task_t t = oa_spawn(opens_and_waits, self);

	task_wait_until(SEEN(self->ran) == 10 &&
			task_state(NULL, t) == OA_TASK_PARKED);
	ASSERT_OK(oa_cancel(t));
	oa_cancel(t);
	EXPECT_OK(join_code(t));
	EXPECT_EQ(10u, self->ended);
}

static void *is_cancelled_before(void *arg)
{
	ASSERT_OK(oa_cancel(oa_self()));
	/* It may start: what it waits for is cancelled. */
	return opens_and_waits(arg);
}

SCOPE_TEST(a_cancel_of_the_opener_before)
{
	EXPECT_OK(join_code(oa_spawn(is_cancelled_before, self)));
}

static void *waits_in_shield(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_scope_open(&s->s));
	ASSERT_OK(oa_go(yields_a_little, s, .scope = &s->s));
	ASSERT_OK(oa_cancel(oa_self()));
	ASSERT_OK(oa_shield_enter());
	EXPECT_OK(oa_scope_wait(&s->s));
	EXPECT_EQ(1u, SEEN(s->ended));
	ASSERT_OK(oa_shield_leave());
	return NULL;
}

SCOPE_TEST(a_shield_around_the_wait)
{
	EXPECT_OK(join_code(oa_spawn(waits_in_shield, self)));
}

SCOPE_TEST(a_deadline_around_the_wait)
{
	struct oa_deadline d, out;

	ASSERT_OK(oa_scope_open(&self->s));
	for (int i = 0; i < 10; i++)
		ASSERT_OK(oa_go(sleeps, self, .scope = &self->s));
	OA_WITHIN(&out, 1000 * OA_SEC)
		OA_WITHIN(&d, OA_MSEC)
			EXPECT_ERR(oa_scope_wait(&self->s), -ETIMEDOUT);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	EXPECT_EQ(0, oa_deadline_fired(&out));
	EXPECT_EQ(self->ran, self->ended);
	/* One that is past. */
	self->ran = self->ended = 0;
	ASSERT_OK(oa_go(sleeps, self, .scope = &self->s));
	OA_WITHIN(&d, -1)
		EXPECT_ERR(oa_scope_wait(&self->s), -ETIMEDOUT);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	EXPECT_EQ(self->ran, self->ended);
	EXPECT_OK(oa_yield());
}

static void *waits_in_time(void *arg)
{
	data *s = arg;

	s->begun = true;
	ASSERT_OK(oa_scope_open(&s->s));
	ASSERT_OK(oa_go(sleeps, s, .scope = &s->s));
	EXPECT_ERR(oa_scope_wait(&s->s), -ETIMEDOUT);
	return NULL;
}

SCOPE_TEST(a_time_limit_of_the_opener)
{
	oa_time_t time = 10 * OA_MSEC;
	int err;

	/* On a busy machine its time may be over before it has begun. */
	do {
		self->begun = false;
		time *= 2;
		err = join_code(oa_spawn(waits_in_time, self,
					 .timeout = time));
	} while (err == -ETIMEDOUT && !self->begun);
	EXPECT_OK(err);
}

static void *stubborn(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_shield_enter());
	COUNT(s->ran);
	ASSERT_OK(oa_event_wait(&s->go));
	COUNT(s->ended);
	ASSERT_OK(oa_shield_leave());
	return NULL;
}

static void *opens_for_stubborn(void *arg)
{
	data *s = arg;

	OA_SCOPE(s->s)
		ASSERT_OK(oa_go(stubborn, s, .scope = &s->s));
	EXPECT_EQ(1u, SEEN(s->ended));
	return oa_err(oa_scope_error(&s->s));
}

SCOPE_TEST(a_child_that_takes_its_time)
{
	oa_task_t t = oa_spawn(opens_for_stubborn, self);

	task_wait_until(SEEN(self->ran));
	until_state(t, OA_TASK_PARKED);
	ASSERT_OK(oa_cancel(t));
	for (int i = 0; i < 50; i++)
		ASSERT_OK(oa_yield());
	EXPECT_EQ(0u, SEEN(self->ended));
	until_state(t, OA_TASK_PARKED);
	ASSERT_OK(oa_event_set(&self->go));
	EXPECT_ERR(join_code(t), -ECANCELED);
}

/* Nested. */

static void *nests(void *arg)
{
	data *s = arg;
	struct oa_scope in;

	OA_SCOPE(in) {
		ASSERT_OK(oa_go(sleeps, s, .scope = &in));
		ASSERT_OK(oa_go(sleeps, s, .scope = &in));
	}
	EXPECT_ERR(oa_scope_error(&in), -ECANCELED);
	return oa_err(oa_scope_error(&in));
}

SCOPE_TEST(a_cancel_comes_down)
{
	OA_SCOPE(self->s) {
		for (int i = 0; i < 8; i++)
			ASSERT_OK(oa_go(nests, self, .scope = &self->s));
		task_wait_until(SEEN(self->ran) == 16);
		ASSERT_OK(oa_scope_cancel(&self->s));
	}
	EXPECT_EQ(16u, SEEN(self->ended));
	EXPECT_ERR(oa_scope_error(&self->s), -ECANCELED);
}

SCOPE_TEST(in_one_task)
{
	struct oa_scope in;

	OA_SCOPE(self->s) {
		ASSERT_OK(oa_go(yields_a_little, self, .scope = &self->s));
		OA_SCOPE(in) {
			ASSERT_OK(oa_go(fails, self, .scope = &in));
			ASSERT_OK(oa_go(yields_a_little, self,
					.scope = &self->s));
		}
		EXPECT_ERR(oa_scope_error(&in), -EIO);
		EXPECT_OK(oa_scope_error(&self->s));
	}
	EXPECT_OK(oa_scope_error(&self->s));
	EXPECT_EQ(2u, SEEN(self->ended));
	/* Left in another order than opened. */
	ASSERT_OK(oa_scope_open(&self->s));
	ASSERT_OK(oa_scope_open(&in));
	ASSERT_OK(oa_go(runs, self, .scope = &self->s));
	EXPECT_OK(oa_scope_wait(&self->s));
	ASSERT_OK(oa_go(runs, self, .scope = &in));
	EXPECT_OK(oa_scope_wait(&in));
}

/* Children start children, as long as one is left. */

struct tree { data *s; int depth; };

static void *grows(void *arg)
{
	struct tree *t = arg, next = { t->s, t->depth - 1 };

	COUNT(t->s->ran);
	for (int i = 0; t->depth && i < 3; i++) {
		ASSERT_OK(oa_go(grows, &next, .copy = sizeof(next),
				.scope = &t->s->s));
		if (i == 1)
			oa_yield();
	}
	COUNT(t->s->ended);
	return NULL;
}

SCOPE_TEST(children_start_children)
{
	struct tree t = { self, 5 };

	OA_SCOPE(self->s)
		ASSERT_OK(oa_go(grows, &t, .copy = sizeof(t),
				.scope = &self->s));
	EXPECT_OK(oa_scope_error(&self->s));
	EXPECT_EQ(364u, SEEN(self->ended));
}

static void *starts_for(void *arg)
{
	data *s = arg;

	for (int i = 0; i < 20; i++)
		ASSERT_OK(oa_go(yields_a_little, s, .scope = &s->s,
				.runtime = oa_runtime_self() ?: dump_runtime));
	return NULL;
}

SCOPE_TEST(others_start_in_it)
{
	struct actor a[6];

	dump_runtime = oa_runtime_self();
	ASSERT_OK(oa_scope_open(&self->s));
	for (unsigned int i = 0; i < 6; i++)
		actor_start(&a[i], WHO_MIXED, i, starts_for, self);
	for (unsigned int i = 0; i < 6; i++)
		actor_end(&a[i]);
	EXPECT_OK(oa_scope_wait(&self->s));
	EXPECT_EQ(120u, SEEN(self->ended));
}

/* Who may do what. */

static void *waits_for_its_own(void *arg)
{
	data *s = arg;

	EXPECT_ERR(oa_scope_wait(&s->s), -EDEADLK);
	return NULL;
}

static void *waits_for_anothers(void *arg)
{
	data *s = arg;

	EXPECT_ERR(oa_scope_wait(&s->s), -EPERM);
	return NULL;
}

SCOPE_TEST(only_its_opener_waits)
{
	struct actor a;

	ASSERT_OK(oa_scope_open(&self->s));
	ASSERT_OK(oa_go(waits_for_its_own, self, .scope = &self->s));
	ASSERT_OK(oa_go(waits_for_its_own, self, .scope = &self->s,
			.block = true));
	for (unsigned int i = 0; i < 3; i++) {
		actor_start(&a, WHO_MIXED, i, waits_for_anothers, self);
		actor_end(&a);
	}
	EXPECT_OK(oa_scope_wait(&self->s));
}

SCOPE_TEST(a_copy_is_no_scope)
{
	struct oa_scope copy;

	ASSERT_OK(oa_scope_open(&self->s));
	copy = self->s;
	EXPECT_ERR(oa_scope_wait(&copy), -EINVAL);
	EXPECT_OK(oa_scope_wait(&self->s));
}

SCOPE_TEST(bad_use)
{
	struct oa_scope s = { 0 };
	struct oa_scope_opts o = OA_SCOPE_OPTS_INIT;
	struct oa_sync_info i = OA_SYNC_INFO_INIT;

	EXPECT_ERR(oa_scope_open(NULL), -EINVAL);
	EXPECT_ERR(oa_scope_wait(NULL), -EINVAL);
	EXPECT_ERR(oa_scope_cancel(NULL), -EINVAL);
	EXPECT_ERR(oa_scope_error(NULL), -EINVAL);
	EXPECT_ERR(oa_scope_info(NULL, &i), -EINVAL);
	/* Never opened. */
	EXPECT_ERR(oa_scope_wait(&s), -EINVAL);
	EXPECT_ERR(oa_go(runs, self, .scope = &s), -EINVAL);
	EXPECT_ERR(oa_task_error(oa_spawn(runs, self, .scope = &s)), -EINVAL);
	o.size = 0;
	EXPECT_ERR(oa_scope_open_with(&s, &o), -EINVAL);
	o.size = sizeof(o);
	EXPECT_OK(oa_scope_open_with(&s, &o));
	EXPECT_OK(oa_scope_wait(&s));
	EXPECT_OK(oa_scope_open_with(&s, NULL));
	EXPECT_OK(oa_scope_wait(&s));
	EXPECT_EQ(0u, self->ran);
}

SCOPE_TEST(what_a_query_tells)
{
	oa_task_t owner;

	ASSERT_OK(oa_scope_open(&self->s));
	EXPECT_EQ(0u, SYNC(scope, &self->s, value));
	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_go(sleeps, self, .scope = &self->s));
	EXPECT_EQ(3u, SYNC(scope, &self->s, value));
	EXPECT_EQ(0u, SYNC(scope, &self->s, waiters));
	owner = SYNC(scope, &self->s, owner);
	EXPECT_TRUE(oa_task_eq(oa_self(), owner));
	ASSERT_OK(oa_scope_cancel(&self->s));
	EXPECT_ERR(oa_scope_wait(&self->s), -ECANCELED);
	EXPECT_EQ(0u, SYNC(scope, &self->s, value));
}

/* Foreign threads. */

static void *from_outside(void *arg)
{
	data *s = arg;

	for (int i = 0; i < 10; i++) {
		OA_SCOPE(s->s) {
			ASSERT_OK(oa_go(yields_a_little, s, .scope = &s->s,
					.runtime = dump_runtime));
			ASSERT_OK(oa_go(yields_a_little, s, .scope = &s->s,
					.runtime = dump_runtime));
		}
		EXPECT_OK(oa_scope_error(&s->s));
		EXPECT_EQ(2u * ((unsigned int)i + 1), SEEN(s->ended));
	}
	OA_SCOPE(s->s) {
		ASSERT_OK(oa_go(sleeps, s, .scope = &s->s,
				.runtime = dump_runtime));
		ASSERT_OK(oa_go(fails, s, .scope = &s->s,
				.runtime = dump_runtime));
	}
	EXPECT_ERR(oa_scope_error(&s->s), -EIO);
	return NULL;
}

SCOPE_TEST(of_a_thread)
{
	struct actor a;

	dump_runtime = oa_runtime_self();
	actor_start(&a, WHO_THREAD, 0, from_outside, self);
	actor_end(&a);
	self->ended = 0;
	actor_start(&a, WHO_POOL, 0, from_outside, self);
	actor_end(&a);
}

static void *waits_for_go(void *arg)
{
	data *s = arg;

	return oa_err(oa_event_wait(&s->go));
}

/* The main thread opens; children in two runtimes, one of which is shut. */
TEST_F(scope, over_two_runtimes)
{
	struct oa_runtime *rt[2];

	for (int i = 0; i < 2; i++)
		ASSERT_OK(oa_start(&rt[i], waits_for_go, self,
				   .workers = variant->workers));
	ASSERT_OK(oa_scope_open(&self->s));
	for (int i = 0; i < 10; i++)
		ASSERT_OK(oa_go(sleeps, self, .scope = &self->s,
				.runtime = rt[i % 2], .on_drop = drops));
	ASSERT_OK(oa_shutdown(rt[1], OA_SHUTDOWN_GRACEFUL));
	/* Its children fail, and so the others are cancelled. */
	EXPECT_ERR(oa_scope_wait(&self->s), -ECANCELED);
	EXPECT_EQ(10u, self->ran + self->dropped);
	EXPECT_EQ(self->ran, self->ended);
	EXPECT_ERR(oa_go(runs, self, .scope = &self->s, .runtime = rt[1]),
		   -ESHUTDOWN);
	EXPECT_OK(oa_scope_wait(&self->s));
	ASSERT_OK(oa_event_set(&self->go));
	for (int i = 0; i < 2; i++) {
		ASSERT_OK(oa_runtime_wait(rt[i], NULL));
		ASSERT_OK(oa_runtime_free(rt[i]));
	}
}

HARNESS_MAIN
