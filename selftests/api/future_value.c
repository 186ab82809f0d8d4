// SPDX-License-Identifier: MIT
/*
 * Futures that whoever has the value sets: one value or error, once, for any
 * number of readers of all kinds. That they wait as everything else does is
 * seen in sync_waits.c, that they may go at once in sync_freed.c.
 */
#include "actors.h"

#define N	9

FIXTURE(future_value) {
	struct oa_future f;
	struct oa_future many[64];
	unsigned int set, got;
};
VARIANTS_WORKERS(future_value);

typedef struct future_value_fixture_data data;

FIXTURE_SETUP(future_value)
{
	harness_seed();
}

FIXTURE_TEARDOWN(future_value)
{
	EXPECT_OK(oa_future_destroy(&self->f));
}

#define BY_EACH(name) \
	TASK_TEST_F(future_value, name, .workers = variant->workers) \
	{ \
		for (unsigned int i = 0; i < WHO_MIXED; i++) { \
			struct actor a; \
			self->f = (struct oa_future)OA_FUTURE_INIT; \
			actor_start(&a, WHO_MIXED, i, name, self); \
			actor_end(&a); \
		} \
	} \
	struct harness_variant

static void *once(void *arg)
{
	data *d = arg;
	void *v = d;

	EXPECT_ERR(oa_future_tryget(&d->f, &v), -EAGAIN);
	EXPECT_ERR(oa_future_tryget(&d->f, NULL), -EAGAIN);
	EXPECT_ERR(oa_future_get_until(&d->f, &v, 1), -ETIMEDOUT);
	EXPECT_EQ((void *)d, v);
	EXPECT_EQ(0ul, SYNC(future, &d->f, value));
	ASSERT_OK(oa_future_set(&d->f, &v));
	EXPECT_ERR(oa_future_set(&d->f, d), -EALREADY);
	EXPECT_ERR(oa_future_set(&d->f, oa_err(-EIO)), -EALREADY);
	for (int i = 0; i < 3; i++) {
		v = NULL;
		EXPECT_OK(oa_future_get(&d->f, &v));
		EXPECT_EQ((void *)&v, v);
		v = NULL;
		EXPECT_OK(oa_future_tryget(&d->f, &v));
		EXPECT_EQ((void *)&v, v);
		v = NULL;
		EXPECT_OK(oa_future_get_until(&d->f, &v, -1));
		EXPECT_EQ((void *)&v, v);
		EXPECT_OK(oa_future_get(&d->f, NULL));
		EXPECT_OK(oa_future_tryget(&d->f, NULL));
		EXPECT_OK(oa_future_get_until(&d->f, NULL, 1));
	}
	EXPECT_EQ(1ul, SYNC(future, &d->f, value));
	EXPECT_EQ(1ul, SYNC(future, &d->f, limit));
	EXPECT_EQ(0ul, SYNC(future, &d->f, owner).id);
	return NULL;
}

BY_EACH(once);

/* A null pointer is a value. */
static void *null(void *arg)
{
	data *d = arg;
	void *v = d;

	ASSERT_OK(oa_future_set(&d->f, NULL));
	EXPECT_ERR(oa_future_set(&d->f, d), -EALREADY);
	EXPECT_OK(oa_future_get(&d->f, &v));
	EXPECT_NULL(v);
	return NULL;
}

BY_EACH(null);

/* Errors, among them those that the calls have themselves. */
static void *an_error(void *arg)
{
	static const int codes[] = {
		-EIO, -EAGAIN, -ECANCELED, -ETIMEDOUT, -EALREADY, -EINVAL,
		-1, -OA_ERR_MAX,
	};
	data *d = arg;

	for (unsigned int i = 0; i < ARRAY_N(codes); i++) {
		struct oa_future f = OA_FUTURE_INIT;
		void *v = NULL;

		ASSERT_OK(oa_future_set(&f, oa_err(codes[i])));
		EXPECT_ERR(oa_future_get(&f, &v), codes[i]);
		EXPECT_EQ(oa_err(codes[i]), v);
		v = NULL;
		EXPECT_ERR(oa_future_tryget(&f, &v), codes[i]);
		EXPECT_EQ(oa_err(codes[i]), v);
		v = NULL;
		EXPECT_ERR(oa_future_get_until(&f, &v, 0), codes[i]);
		EXPECT_EQ(oa_err(codes[i]), v);
		EXPECT_ERR(oa_future_get(&f, NULL), codes[i]);
		EXPECT_ERR(oa_future_set(&f, d), -EALREADY);
		EXPECT_OK(oa_future_destroy(&f));
	}
	return NULL;
}

BY_EACH(an_error);

/* No future, or none but its error. */
static void *no_future(void *arg)
{
	static const int codes[] = { -EINVAL, -ENOMEM, -OA_ERR_MAX };
	struct oa_sync_info i = OA_SYNC_INFO_INIT;
	data *d = arg;

	for (unsigned int k = 0; k < ARRAY_N(codes); k++) {
		struct oa_future *f = k ? oa_err(codes[k]) : NULL;
		void *v = d;

		EXPECT_ERR(oa_future_set(f, d), codes[k]);
		EXPECT_ERR(oa_future_get(f, &v), codes[k]);
		EXPECT_ERR(oa_future_tryget(f, &v), codes[k]);
		EXPECT_ERR(oa_future_get_until(f, &v, OA_FOREVER), codes[k]);
		EXPECT_EQ((void *)d, v);
		EXPECT_ERR(oa_future_destroy(f), codes[k]);
		EXPECT_ERR(oa_future_info(f, &i), codes[k]);
		EXPECT_EQ(f, oa_future_ref(f));
		oa_future_put(f);
	}
	EXPECT_ERR(oa_future_info(&d->f, NULL), -EINVAL);
	i.size = sizeof(i) + 8;
	EXPECT_ERR(oa_future_info(&d->f, &i), -E2BIG);
	/* One that is not counted is its owner's. */
	EXPECT_EQ(&d->f, oa_future_ref(&d->f));
	oa_future_put(&d->f);
	oa_future_put(&d->f);
	EXPECT_OK(oa_future_set(&d->f, d));
	return NULL;
}

BY_EACH(no_future);

/* All who wait are told, by whoever sets it. */

static void *gets(void *arg)
{
	data *d = arg;
	void *v = NULL;
	int err = oa_future_get(&d->f, &v);

	EXPECT_EQ(oa_err_code(v), err);
	COUNT(d->got);
	return v;
}

static void *sets(void *arg)
{
	data *d = arg;
	int err = oa_future_set(&d->f, d);

	EXPECT_TRUE(!err || err == -EALREADY);
	if (!err)
		COUNT(d->set);
	return NULL;
}

static void for_many(data *d, enum who who)
{
	for (unsigned int i = 0; i < 2 * WHO_MIXED; i++) {
		void *value = i % 2 ? (void *)d : oa_err(-EPROTO);
		struct actor a[N], by;

		d->f = (struct oa_future)OA_FUTURE_INIT;
		for (unsigned int k = 0; k < N; k++)
			actor_start(&a[k], who, k, gets, d);
		task_wait_until(SYNC(future, &d->f, waiters) == N);
		EXPECT_ERR(oa_future_destroy(&d->f), -EBUSY);
		EXPECT_EQ((uint64_t)N, SYNC(future, &d->f, waits));
		if (i % 2) {
			actor_start(&by, who, i / 2, sets, d);
			actor_end(&by);
		} else {
			ASSERT_OK(oa_future_set(&d->f, value));
		}
		for (unsigned int k = 0; k < N; k++)
			EXPECT_EQ(value, actor_end(&a[k]));
		EXPECT_OK(oa_future_destroy(&d->f));
	}
}

TASK_TEST_F(future_value, for_many_tasks, .workers = variant->workers)
{
	for_many(self, WHO_TASK);
}

TASK_TEST_F(future_value, for_many_threads, .workers = variant->workers)
{
	for_many(self, WHO_THREAD);
}

TASK_TEST_F(future_value, for_many_of_any_kind, .workers = variant->workers,
	    .max_blocking = ACTORS_ON_POOL)
{
	for_many(self, WHO_MIXED);
}

/* Of many that set it one does, and all readers agree on which. */

struct party {
	data *d;
	unsigned int me;
	void *saw[64];
};

static void *races(void *arg)
{
	struct party *p = arg;
	data *d = p->d;
	struct random r = random_of(p->me);

	for (unsigned int i = 0; i < ARRAY_N(d->many); i++) {
		struct oa_future *f = &d->many[i];
		int err = -ETIMEDOUT;

		for (unsigned int n = draw(&r, 3); n; n--)
			give_way();
		if (p->me % 2) {
			err = oa_future_set(f, &p->saw[i]);
			ASSERT_TRUE(!err || err == -EALREADY);
			if (!err)
				COUNT(d->set);
		}
		while (err && err != -EALREADY)
			err = draw(&r, 2) ? oa_future_get(f, &p->saw[i]) :
			      draw(&r, 2) ? (give_way(),
				oa_future_tryget(f, &p->saw[i]) ? -EAGAIN : 0) :
				oa_future_get_until(f, &p->saw[i],
						    oa_after(draw(&r, 20000)));
		ASSERT_OK(oa_future_get(f, &p->saw[i]));
	}
	return NULL;
}

TASK_TEST_F(future_value, set_by_many, .workers = variant->workers,
	    .max_blocking = ACTORS_ON_POOL)
{
	for (unsigned int round = 0; round < 2 * WHO_MIXED + 2; round++) {
		enum who who = round < 2 ? WHO_MIXED : (enum who)(round % 3);
		struct party p[N];
		struct actor a[N];

		memset(self->many, 0, sizeof(self->many));
		self->set = 0;
		for (unsigned int i = 0; i < N; i++) {
			p[i] = (struct party){ .d = self, .me = i };
			actor_start(&a[i], who, i, races, &p[i]);
		}
		for (unsigned int i = 0; i < N; i++)
			actor_end(&a[i]);
		EXPECT_EQ((unsigned int)ARRAY_N(self->many), self->set);
		for (unsigned int k = 0; k < ARRAY_N(self->many); k++) {
			for (unsigned int i = 1; i < N; i++)
				ASSERT_EQ(p[0].saw[k], p[i].saw[k]);
			ASSERT_OK(oa_future_destroy(&self->many[k]));
		}
	}
}

/* Those who are cancelled take nothing from the others. */

static void *is_cut_or_gets(void *arg)
{
	data *d = arg;
	void *v = NULL;
	int err = oa_future_get(&d->f, &v);

	if (err) {
		EXPECT_ERR(err, -ECANCELED);
		EXPECT_NULL(v);
		return NULL;
	}
	EXPECT_EQ((void *)d, v);
	COUNT(d->got);
	return v;
}

TASK_TEST_F(future_value, cancelled_while_it_is_set,
	    .workers = variant->workers, .max_blocking = ACTORS_ON_POOL)
{
	unsigned int cut = 0;

	for (unsigned int k = 0; k < (unsigned int)SCALED(200, 30); k++) {
		struct actor a[4], by;
		void *v;

		self->f = (struct oa_future)OA_FUTURE_INIT;
		for (unsigned int i = 0; i < 4; i++)
			actor_start(&a[i], k % 4 == 3 ? WHO_POOL : WHO_TASK, i,
				    is_cut_or_gets, self);
		if (k % 2)
			task_wait_until(SYNC(future, &self->f, waiters) == 4);
		actor_start(&by, WHO_MIXED, k / 2, sets, self);
		for (unsigned int i = 0; i < 3; i++) {
			int err = oa_cancel(a[i].t);

			ASSERT_TRUE(!err || err == -ESRCH);
		}
		for (unsigned int i = 0; i < 3; i++)
			cut += !actor_end(&a[i]);
		EXPECT_EQ((void *)self, actor_end(&a[3]));
		actor_end(&by);
		ASSERT_OK(oa_future_get(&self->f, &v));
		EXPECT_EQ((void *)self, v);
		EXPECT_EQ(0u, SYNC(future, &self->f, waiters));
	}
	TEST_LOG("%u were cancelled", cut);
}

/* What the library calls outside tasks may set and look, but not wait. */
static void dropped(void *arg)
{
	data *d = arg;
	void *v;

	EXPECT_ERR(oa_future_tryget(&d->f, &v), -EAGAIN);
	EXPECT_ERR(oa_future_get(&d->f, &v), -EPERM);
	EXPECT_OK(oa_future_set(&d->f, d));
}

TASK_TEST_F(future_value, outside_tasks, .workers = variant->workers)
{
	oa_task_t g = oa_spawn(gets, self), t;

	t = oa_spawn(gets, self, .on_drop = dropped, .delay = 1000 * OA_SEC);
	until_state(g, OA_TASK_PARKED);
	ASSERT_OK(oa_cancel(t));
	ASSERT_OK(oa_join(g, NULL));
	ASSERT_OK(oa_join(t, NULL));
	EXPECT_EQ(1u, self->got);
}

HARNESS_MAIN
