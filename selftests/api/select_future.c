// SPDX-License-Identifier: MIT
/* A future as a case: its value or error, for each that selects it. */
#include "actors.h"

#define N	8

FIXTURE(select_future) {
	struct oa_future f[N];
	struct oa_event event;
	struct oa_runtime *rt;
	unsigned int got[N], ran, set;
	struct oa_future *made;
};
VARIANTS_WORKERS(select_future);

typedef struct select_future_fixture_data data;

FIXTURE_SETUP(select_future)
{
	harness_seed();
}

FIXTURE_TEARDOWN(select_future)
{
}

#define BY_ALL(name) \
	TASK_TEST_F(select_future, name, .workers = variant->workers) \
	{ \
		for (unsigned int i = 0; i < WHO_MIXED; i++) { \
			struct actor a; \
			self->rt = oa_runtime_self(); \
			self->ran = 0; \
			memset(self->f, 0, sizeof(self->f)); \
			actor_start(&a, WHO_MIXED, i, name, self); \
			actor_end(&a); \
		} \
	} \
	struct harness_variant

/* Values and errors, also those that mean something else to a select. */
static void *outcomes(void *arg)
{
	void *values[] = {
		arg, NULL, oa_err(-EIO), oa_err(-EAGAIN), oa_err(-ETIMEDOUT),
		oa_err(-ECANCELED),
	};
	data *d = arg;

	for (unsigned int i = 0; i < ARRAY_N(values); i++) {
		void *v = &v;
		struct oa_case c[] = {
			OA_CASE_FUTURE(&d->f[i], &v), OA_CASE_FUTURE(&d->f[7], 0),
		};

		EXPECT_ERR(oa_tryselect(c, 2), -EAGAIN);
		EXPECT_ERR(oa_select_until(c, 2, 1), -ETIMEDOUT);
		EXPECT_ERR(oa_select_until(c, 2, oa_after(OA_USEC)), -ETIMEDOUT);
		EXPECT_EQ((void *)&v, v);
		EXPECT_EQ(0u, SYNC(future, &d->f[i], waiters));
		ASSERT_OK(oa_future_set(&d->f[i], values[i]));
		for (int how = 0; how < 4; how++) {
			v = &v;
			c[0].data = how == 3 ? NULL : (void *)&v;
			EXPECT_EQ(0, how == 0 ? oa_tryselect(c, 2) : how == 1 ?
				  oa_select_until(c, 2, 1) : oa_select(c, 2));
			EXPECT_EQ(oa_err_code(values[i]), c[0].res);
			EXPECT_EQ(how == 3 ? (void *)&v : values[i], v);
		}
	}
	return NULL;
}

BY_ALL(outcomes);

/* Of several one is told; the others are as they were. */

struct chooser {
	data *d;
	int at;
	void *v[N];
};

static void *chooses(void *arg)
{
	struct chooser *ch = arg;
	struct oa_case c[N];

	for (int i = 0; i < N; i++)
		c[i] = (struct oa_case)OA_CASE_FUTURE(&ch->d->f[i], &ch->v[i]);
	ch->at = oa_select(c, N);
	ASSERT_GE(ch->at, 0);
	return as_result(c[ch->at].res);
}

/* In each of some rounds those of one kind are alone. */
static enum who round_of(unsigned int i)
{
	return i % 4 == 0 ? WHO_MIXED : i % 4 == 1 ? WHO_THREAD : WHO_TASK;
}

TASK_TEST_F(select_future, one_of_many, .workers = variant->workers,
	    .max_blocking = ACTORS_ON_POOL)
{
	for (int i = 0; i < 60; i++) {
		int next = i * 5 % N;
		struct chooser ch[3];
		struct actor a[3];

		memset(self->f, 0, sizeof(self->f));
		for (unsigned int k = 0; k < 3; k++) {
			ch[k] = (struct chooser){ .d = self };
			actor_start(&a[k], round_of((unsigned int)i), k,
				    chooses, &ch[k]);
		}
		if (i % 3)
			task_wait_until(SYNC(future, &self->f[N - 1],
					     waiters) == 3);
		ASSERT_OK(oa_future_set(&self->f[next], &self->f[next]));
		for (int k = 0; k < 3; k++) {
			EXPECT_NULL(actor_end(&a[k]));
			EXPECT_EQ(next, ch[k].at);
			for (int n = 0; n < N; n++)
				EXPECT_EQ(n == next ? (void *)&self->f[n] : NULL,
					  ch[k].v[n]);
		}
		for (int n = 0; n < N; n++)
			EXPECT_OK(oa_future_destroy(&self->f[n]));
	}
}

/* Set at the same moment by many: whichever it was, it is that one's value. */

static void *sets_all(void *arg)
{
	data *d = arg;

	for (unsigned int i = 0; i < N; i++) {
		unsigned int k = (i + COUNT(d->set)) % N;
		int err = oa_future_set(&d->f[k], &d->f[k]);

		ASSERT_TRUE(!err || err == -EALREADY);
	}
	return NULL;
}

TASK_TEST_F(select_future, while_all_are_set, .workers = variant->workers,
	    .max_blocking = ACTORS_ON_POOL)
{
	for (unsigned int i = 0; i < (unsigned int)SCALED(200, 40); i++) {
		enum who who = round_of(i);
		struct chooser ch[2];
		struct actor a[4];

		memset(self->f, 0, sizeof(self->f));
		for (unsigned int k = 0; k < 4; k++) {
			if (k < 2)
				ch[k] = (struct chooser){ .d = self };
			actor_start(&a[k], who, k + i, k < 2 ? chooses : sets_all,
				    k < 2 ? (void *)&ch[k] : self);
		}
		for (int k = 0; k < 4; k++)
			EXPECT_NULL(actor_end(&a[k]));
		for (int k = 0; k < 2; k++)
			for (int n = 0; n < N; n++)
				ASSERT_EQ(n == ch[k].at ? (void *)&self->f[n] :
					  NULL, ch[k].v[n]);
	}
}

/* The same one in several cases of one call. */
static void *same_twice(void *arg)
{
	data *d = arg;
	void *v[2] = { NULL, NULL };
	struct oa_case c[] = {
		OA_CASE_FUTURE(&d->f[0], &v[0]), OA_CASE_FUTURE(&d->f[0], &v[1]),
	};
	int i;

	EXPECT_ERR(oa_select_until(c, 2, oa_after(OA_USEC)), -ETIMEDOUT);
	ASSERT_OK(oa_future_set(&d->f[0], d));
	i = oa_select(c, 2);
	ASSERT_GE(i, 0);
	EXPECT_EQ((void *)d, v[i]);
	EXPECT_NULL(v[!i]);
	return NULL;
}

BY_ALL(same_twice);

/* Those that tasks make: eager, lazy, failed, none at all. */

static void *runs(void *arg)
{
	COUNT(((data *)arg)->ran);
	return arg;
}

static void *waits(void *arg)
{
	data *d = arg;

	return oa_err(oa_event_wait(&d->event));
}

static void *made_by_tasks(void *arg)
{
	data *d = arg;
	struct oa_future *late = oa_async(waits, d, .runtime = d->rt);

	for (unsigned int i = 0; i < 40; i++) {
		struct oa_future *f = i % 2 ?
			oa_lazy(runs, d, .runtime = d->rt) :
			oa_async(runs, d, .runtime = d->rt);
		void *v = NULL;
		struct oa_case c[] = {
			OA_CASE_FUTURE(late, NULL), OA_CASE_FUTURE(f, &v),
		};
		int k;

		do
			k = i % 4 < 2 ? oa_select(c, 2) : oa_tryselect(c, 2);
		while (k == -EAGAIN && (give_way(), 1));
		ASSERT_EQ(1, k);
		ASSERT_EQ(0, c[1].res);
		ASSERT_EQ((void *)d, v);
		ASSERT_EQ(i + 1, SEEN(d->ran));
		oa_future_put(f);
	}
	oa_future_put(late);
	return NULL;
}

BY_ALL(made_by_tasks);

static void *none_made(void *arg)
{
	data *d = arg;
	struct oa_case c[] = {
		OA_CASE_FUTURE(&d->f[0], NULL),
		OA_CASE_FUTURE(oa_err(-EAGAIN), NULL),
	};

	EXPECT_EQ(1, oa_tryselect(c, 2));
	EXPECT_ERR(c[1].res, -EAGAIN);
	EXPECT_EQ(1, oa_select(c, 2));
	EXPECT_ERR(c[1].res, -EAGAIN);
	c[1].on = NULL;
	EXPECT_ERR(oa_select(c, 2), -EINVAL);
	return NULL;
}

BY_ALL(none_made);

/* A select that began with another case has not started a lazy one for it. */
TASK_TEST_F(select_future, a_lazy_one_is_started_once,
	    .workers = variant->workers)
{
	for (unsigned int i = 0; i < 50; i++) {
		struct chooser ch = { .d = self };
		struct oa_case c[2], never = OA_CASE_FUTURE(&self->f[0], NULL);

		self->made = oa_lazy(runs, self);
		c[0] = (struct oa_case)OA_CASE_FUTURE(self->made, &ch.v[0]);
		c[1] = never;
		while (oa_select_until(c, 2, 1) == -ETIMEDOUT)
			ASSERT_OK(oa_yield());
		ASSERT_EQ(0, oa_select(c, 2));
		ASSERT_EQ(i + 1, SEEN(self->ran));
		oa_future_put(self->made);
	}
}

/* A cancel or a deadline at the moment of the set: told, or not touched. */

static void *selects_or_is_cut(void *arg)
{
	struct chooser *ch = arg;
	struct oa_case c[] = {
		OA_CASE_FUTURE(&ch->d->f[0], &ch->v[0]),
		OA_CASE_EVENT(&ch->d->event),
	};

	ch->at = oa_select(c, 2);
	if (!ch->at)
		EXPECT_EQ((void *)ch->d, ch->v[0]);
	else
		EXPECT_NULL(ch->v[0]);
	return as_result(ch->at);
}

TASK_TEST_F(select_future, cancelled_while_it_is_set,
	    .workers = variant->workers, .max_blocking = ACTORS_ON_POOL)
{
	unsigned int cut = 0;

	for (unsigned int i = 0; i < (unsigned int)SCALED(200, 40); i++) {
		struct chooser ch = { .d = self };
		struct actor a;

		self->f[0] = (struct oa_future)OA_FUTURE_INIT;
		actor_start(&a, i % 4 == 3 ? WHO_POOL : WHO_TASK, 0,
			    selects_or_is_cut, &ch);
		if (i % 2)
			task_wait_until(SYNC(event, &self->event, waiters));
		if (i % 3)
			ASSERT_OK(oa_future_set(&self->f[0], self));
		oa_cancel(a.t);
		if (i % 3 == 0)
			ASSERT_OK(oa_future_set(&self->f[0], self));
		actor_end(&a);
		ASSERT_TRUE(!ch.at || ch.at == -ECANCELED);
		cut += ch.at != 0;
		ASSERT_OK(oa_future_destroy(&self->f[0]));
	}
	TEST_LOG("%u were cancelled", cut);
}

TASK_TEST_F(select_future, races_a_deadline, .workers = variant->workers)
{
	unsigned int late = 0;
	struct random r = random_of(0);

	for (uintptr_t n = 1; n <= (uintptr_t)SCALED(300, 60); n++) {
		struct oa_future *f = oa_async(runs, self,
					       .delay = draw(&r, 20000) + 1);
		void *v = NULL;
		struct oa_case c[] = {
			OA_CASE_FUTURE(f, &v), OA_CASE_AT(oa_after(draw(&r, 30000))),
		};
		int i = n % 2 ? oa_select(c, 2) :
				oa_select_until(c, 1, c[1].u.at);

		if (i) {
			ASSERT_TRUE(i == 1 || i == -ETIMEDOUT);
			late++;
			ASSERT_NULL(v);
			ASSERT_OK(oa_future_get(f, &v));
		}
		ASSERT_EQ((void *)self, v);
		oa_future_put(f);
	}
	TEST_LOG("%u timed out", late);
}

HARNESS_MAIN
