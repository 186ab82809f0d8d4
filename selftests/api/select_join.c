// SPDX-License-Identifier: MIT
/* The end of a task as a case: its result is taken once, by whoever is told. */
#include "actors.h"

#define N	16

FIXTURE(select_join) {
	struct oa_event event, go;
	oa_task_t t;
	struct oa_runtime *rt;
};
VARIANTS_WORKERS(select_join);

typedef struct select_join_fixture_data data;

FIXTURE_SETUP(select_join)
{
}

FIXTURE_TEARDOWN(select_join)
{
}

static void *echo(void *arg)
{
	return arg;
}

struct held {
	struct oa_event *go;
};

static void *echo_after_go(void *arg)
{
	struct held *h = arg;
	int err = oa_event_wait(h->go);

	return err ? oa_err(err) : arg;
}

#define BY_ALL(name) \
	TASK_TEST_F(select_join, name, .workers = variant->workers) \
	{ \
		for (unsigned int i = 0; i < WHO_MIXED; i++) { \
			struct actor a; \
			self->rt = oa_runtime_self(); \
			actor_start(&a, WHO_MIXED, i, name, self); \
			actor_end(&a); \
		} \
	} \
	struct harness_variant

/* Foreign threads have no runtime of their own. */
static oa_task_t spawn(data *d, oa_fn fn, void *arg)
{
	oa_task_t t = oa_spawn(fn, arg, .runtime = d->rt);

	ASSERT_OK(oa_task_error(t));
	return t;
}

/* It ends before, while, and after the select begins. */
static void *one(void *arg)
{
	data *d = arg;

	for (uintptr_t i = 0; i < 200; i++) {
		oa_task_t t = spawn(d, echo, (void *)i);
		void *result = NULL;
		struct oa_case c = OA_CASE_JOIN(t, i % 8 == 7 ? NULL :
						&result);
		int k;

		for (uintptr_t n = 0; n < i % 4; n++)
			give_way();
		do
			k = i % 2 ? oa_select(&c, 1) : oa_tryselect(&c, 1);
		while (k == -EAGAIN && (give_way(), 1));
		ASSERT_EQ(0, k);
		ASSERT_EQ(0, c.res);
		if (i % 8 != 7)
			ASSERT_EQ((void *)i, result);
		ASSERT_ERR(oa_join(t, NULL), -ESRCH);
		/* Gone: an outcome. */
		ASSERT_EQ(0, oa_select(&c, 1));
		ASSERT_ERR(c.res, -ESRCH);
	}
	return NULL;
}

BY_ALL(one);

/* Many, in the order in which they end. */
static void *each_in_turn(void *arg)
{
	data *d = arg;
	void *result[N] = { NULL };
	struct oa_event go[N];
	struct held h[N];
	struct oa_case c[N];
	bool seen[N] = { false };
	int i;

	for (i = 0; i < N; i++) {
		go[i] = (struct oa_event)OA_EVENT_INIT;
		h[i].go = &go[i];
		c[i] = (struct oa_case)OA_CASE_JOIN(
			spawn(d, echo_after_go, &h[i]), &result[i]);
	}
	EXPECT_ERR(oa_tryselect(c, N), -EAGAIN);
	EXPECT_ERR(oa_select_until(c, N, 1), -ETIMEDOUT);
	EXPECT_ERR(oa_select_until(c, N, oa_after(OA_MSEC)), -ETIMEDOUT);
	for (int n = 0; n < N; n++) {
		int next = n * 7 % N;

		ASSERT_OK(oa_event_set(&go[next]));
		i = oa_select(c, N);
		ASSERT_EQ(next, i);
		ASSERT_EQ(0, c[i].res);
		ASSERT_EQ((void *)&h[i], result[i]);
		ASSERT_FALSE(seen[i]);
		seen[i] = true;
		c[i].kind = OA_CASE_KIND_NONE;
	}
	EXPECT_ERR(oa_tryselect(c, N), -EAGAIN);
	return NULL;
}

BY_ALL(each_in_turn);

/* All at once: each is told once. */
static void *all_together(void *arg)
{
	data *d = arg;

	for (int round = 0; round < 20; round++) {
		void *result[N] = { NULL };
		struct oa_event go = OA_EVENT_INIT;
		struct held h[N];
		struct oa_case c[N];
		int i;

		for (i = 0; i < N; i++) {
			h[i].go = &go;
			c[i] = (struct oa_case)OA_CASE_JOIN(
				spawn(d, echo_after_go, &h[i]), &result[i]);
		}
		ASSERT_OK(oa_event_set(&go));
		for (int n = 0; n < N; n++) {
			i = oa_select(c, N);
			ASSERT_GE(i, 0);
			ASSERT_EQ(OA_CASE_KIND_JOIN, c[i].kind);
			ASSERT_EQ(0, c[i].res);
			ASSERT_EQ((void *)&h[i], result[i]);
			c[i].kind = OA_CASE_KIND_NONE;
		}
	}
	return NULL;
}

BY_ALL(all_together);

/* Those that lost can be joined as ever, by oa_join() and from elsewhere. */
static void *losers_are_joined(void *arg)
{
	data *d = arg;

	for (int round = 0; round < 40; round++) {
		struct oa_event go[2] = { OA_EVENT_INIT, OA_EVENT_INIT };
		struct held h[3] = { { &go[0] }, { &go[1] }, { &go[1] } };
		void *result[3] = { NULL };
		oa_task_t t[3];
		struct oa_case c[3];
		int i;

		for (i = 0; i < 3; i++) {
			t[i] = spawn(d, echo_after_go, &h[i]);
			c[i] = (struct oa_case)OA_CASE_JOIN(t[i], &result[i]);
		}
		ASSERT_OK(oa_event_set(&go[0]));
		/* At the same moment, so that one loses with its task ended. */
		if (round % 2)
			ASSERT_OK(oa_event_set(&go[1]));
		i = oa_select(c, 3);
		ASSERT_GE(i, 0);
		ASSERT_EQ((void *)&h[i], result[i]);
		ASSERT_OK(oa_event_set(&go[1]));
		for (int k = 0; k < 3; k++) {
			void *r = NULL;

			if (k == i) {
				ASSERT_ERR(oa_join(t[k], &r), -ESRCH);
				continue;
			}
			ASSERT_NULL(result[k]);
			ASSERT_OK(oa_join(t[k], &r));
			ASSERT_EQ((void *)&h[k], r);
		}
	}
	return NULL;
}

BY_ALL(losers_are_joined);

/* ... or detached. */
TASK_TEST_F(select_join, losers_are_detached, .workers = variant->workers)
{
	struct held h = { &self->go };

	for (int i = 0; i < 50; i++) {
		oa_task_t t = oa_spawn(echo_after_go, &h);
		struct oa_case c[] = {
			OA_CASE_JOIN(t, NULL), OA_CASE_AT(i % 2 ? 1 :
				oa_after(50 * OA_USEC)),
		};

		ASSERT_EQ(1, oa_select(c, 2));
		ASSERT_OK(oa_detach(t));
		ASSERT_EQ(0, oa_tryselect(c, 1));
		ASSERT_TRUE(c[0].res == -EINVAL || c[0].res == -ESRCH);
	}
	ASSERT_OK(oa_event_set(&self->go));
	task_wait_until(count_tasks(NULL) == 1);
}

/* What is no good handle is an outcome. */

static void *joins(void *arg)
{
	return oa_err(oa_join(*(oa_task_t *)arg, NULL));
}

TASK_TEST_F(select_join, bad_handles, .workers = variant->workers)
{
	struct held h = { &self->go };
	oa_task_t t = oa_spawn(echo_after_go, &h), j = oa_spawn(joins, &t);
	struct oa_case c[] = {
		OA_CASE_JOIN((oa_task_t){ 0 }, NULL),
		OA_CASE_JOIN(oa_self(), NULL),
		OA_CASE_JOIN(oa_spawn(NULL, NULL), NULL),
		OA_CASE_JOIN(t, NULL),
	};
	static const int want[] = { -ESRCH, -EDEADLK, -EINVAL, -EINVAL };
	struct oa_case never[2] = { OA_CASE_EVENT(&self->event) };

	/* One that another joins already. */
	until_state(j, OA_TASK_PARKED);
	for (int i = 0; i < 4; i++) {
		never[1] = c[i];
		EXPECT_EQ(1, oa_tryselect(never, 2));
		EXPECT_ERR(never[1].res, want[i]);
		EXPECT_EQ(1, oa_select(never, 2));
		EXPECT_ERR(never[1].res, want[i]);
	}
	ASSERT_OK(oa_event_set(&self->go));
	EXPECT_OK(join_code(j));
}

/* While a select waits for it, nobody else may; afterwards they may again. */

static void *selects_end(void *arg)
{
	data *d = arg;
	struct oa_case c[] = {
		OA_CASE_JOIN(d->t, NULL), OA_CASE_EVENT(&d->event),
	};
	int i = oa_select(c, 2);

	return as_result(i < 0 || !c[i].res ? i : c[i].res);
}

/* Claims nothing, as a join that may fail would. */
static int look_at(oa_task_t t)
{
	struct oa_case c = OA_CASE_JOIN(t, NULL);
	int i = oa_tryselect(&c, 1);

	return i < 0 ? i : c.res;
}

TASK_TEST_F(select_join, while_a_select_waits, .workers = variant->workers)
{
	for (unsigned int i = 0; i < 2 * WHO_MIXED; i++) {
		struct held h = { &self->go };
		struct actor a;

		ASSERT_OK(oa_event_reset(&self->go));
		ASSERT_OK(oa_event_reset(&self->event));
		self->t = oa_spawn(echo_after_go, &h);
		actor_start(&a, WHO_MIXED, i, selects_end, self);
		task_wait_until(SYNC(event, &self->event, waiters) == 1);
		task_wait_until(look_at(self->t) == -EINVAL);
		EXPECT_ERR(oa_detach(self->t), -EINVAL);
		if (i < WHO_MIXED) {
			ASSERT_OK(oa_event_set(&self->event));
			EXPECT_EQ((void *)1, actor_end(&a));
			EXPECT_ERR(oa_join_until(self->t, NULL, 1), -ETIMEDOUT);
			ASSERT_OK(oa_event_set(&self->go));
			ASSERT_OK(oa_join(self->t, NULL));
		} else {
			ASSERT_OK(oa_event_set(&self->go));
			EXPECT_EQ((void *)0, actor_end(&a));
			EXPECT_ERR(oa_join(self->t, NULL), -ESRCH);
		}
	}
}

/* A cancel of the one who selects leaves the handle good. */
TASK_TEST_F(select_join, cancelled, .workers = variant->workers)
{
	for (unsigned int i = 0; i < 20; i++) {
		struct held h = { &self->go };
		struct actor a;
		void *result;

		ASSERT_OK(oa_event_reset(&self->go));
		self->t = oa_spawn(echo_after_go, &h);
		actor_start(&a, i % 4 == 3 ? WHO_POOL : WHO_TASK, 0,
			    selects_end, self);
		task_wait_until(SYNC(event, &self->event, waiters) == 1);
		/* At the same moment, or before. */
		if (i % 2)
			ASSERT_OK(oa_event_set(&self->go));
		oa_cancel(a.t);
		if (actor_end(&a) == oa_err(-ECANCELED)) {
			ASSERT_OK(oa_event_set(&self->go));
			ASSERT_OK(oa_join(self->t, &result));
			EXPECT_EQ((void *)&h, result);
		} else {
			EXPECT_EQ(NULL, a.result);
			EXPECT_ERR(oa_join(self->t, NULL), -ESRCH);
		}
	}
}

/* Tasks that never run: cancelled, dropped, on the pool, delayed. */
TASK_TEST_F(select_join, ends_of_all_kinds, .workers = variant->workers)
{
	struct held h = { &self->go };
	void *result[4] = { NULL };
	oa_task_t t[4] = {
		oa_spawn(echo, self, .delay = 2 * OA_MSEC),
		oa_spawn(echo, self, .delay = 1000 * OA_SEC),
		oa_spawn(echo, self, .block = true),
		oa_spawn(echo_after_go, &h),
	};
	void *want[4] = { self, oa_err(-ECANCELED), self, oa_err(-ECANCELED) };
	struct oa_case c[4];

	for (int i = 0; i < 4; i++)
		c[i] = (struct oa_case)OA_CASE_JOIN(t[i], &result[i]);
	ASSERT_OK(oa_cancel(t[1]));
	ASSERT_OK(oa_cancel(t[3]));
	for (int n = 0; n < 4; n++) {
		int i = oa_select(c, 4);

		ASSERT_GE(i, 0);
		EXPECT_EQ(0, c[i].res);
		EXPECT_EQ(want[i], result[i]);
		c[i].kind = OA_CASE_KIND_NONE;
	}
}

/* Ends race deadlines: a result is had once, now or later. */
TASK_TEST_F(select_join, races_a_deadline, .workers = variant->workers)
{
	unsigned int late = 0;
	struct random r = random_of(0);

	for (uintptr_t n = 1; n <= (uintptr_t)SCALED(500, 60); n++) {
		oa_task_t t = oa_spawn(echo, (void *)n,
				       .delay = draw(&r, 20000) + 1);
		void *result = NULL;
		struct oa_case c[] = {
			OA_CASE_JOIN(t, &result),
			OA_CASE_AT(oa_after(draw(&r, 30000))),
		};
		int i = n % 2 ? oa_select(c, 2) :
				oa_select_until(c, 1, c[1].u.at);

		if (i) {
			ASSERT_TRUE(i == 1 || i == -ETIMEDOUT);
			late++;
			ASSERT_NULL(result);
			ASSERT_OK(oa_join(t, &result));
		}
		ASSERT_EQ((void *)n, result);
	}
	TEST_LOG("%u timed out", late);
}

HARNESS_MAIN
