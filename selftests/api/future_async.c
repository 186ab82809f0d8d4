// SPDX-License-Identifier: MIT
/*
 * Futures whose value a task makes: started at once or by the first who wants
 * it, whatever becomes of that task, and given back when nobody has it.
 */
#include "actors.h"

FIXTURE(future_async) {
	struct oa_runtime *rt;
	struct counted_memory memory;
	struct oa_event go;
	struct oa_mutex mutex;
	struct oa_backpressure room;
	unsigned int ran, dropped, cancelled, got;
	struct oa_future *f, *three[3];
};
VARIANTS_WORKERS(future_async);

typedef struct future_async_fixture_data data;

FIXTURE_SETUP(future_async)
{
	harness_seed();
}

FIXTURE_TEARDOWN(future_async)
{
	EXPECT_EQ(0, self->memory.out);
}

/* Everything that is allocated is to have gone when it is over. */
#define CONFIG .workers = variant->workers, .max_blocking = ACTORS_ON_POOL, \
	.allocator = COUNTED_MEMORY(&self->memory)
#define FUTURE_TEST(name) TASK_TEST_F(future_async, name, CONFIG)

#define BY_EACH(name) \
	FUTURE_TEST(name) \
	{ \
		for (unsigned int i = 0; i < WHO_MIXED; i++) { \
			struct actor a; \
			self->rt = oa_runtime_self(); \
			self->ran = self->dropped = self->cancelled = 0; \
			actor_start(&a, WHO_MIXED, i, name, self); \
			actor_end(&a); \
		} \
		task_wait_until(count_tasks(NULL) == 1); \
	} \
	struct harness_variant

static void *echo(void *arg)
{
	return arg;
}

static void *runs(void *arg)
{
	COUNT(((data *)arg)->ran);
	return arg;
}

static void dropped(void *arg)
{
	COUNT(((data *)arg)->dropped);
}

/* Until the event, or until it is cancelled. */
static void *runs_long(void *arg)
{
	data *d = arg;
	int err;

	COUNT(d->ran);
	err = oa_event_wait(&d->go);
	if (err)
		COUNT(d->cancelled);
	return err ? oa_err(err) : arg;
}

static void *eager(void *arg)
{
	data *d = arg;

	for (uintptr_t i = 0; i < 100; i++) {
		struct oa_future *f = oa_async(echo, (void *)i, .runtime = d->rt);
		void *v = NULL;

		ASSERT_FALSE(oa_is_err(f));
		for (uintptr_t n = 0; n < i % 3; n++)
			give_way();
		if (i % 5 == 4) {
			oa_future_put(f);
			continue;
		}
		ASSERT_OK(oa_future_get(f, &v));
		ASSERT_EQ((void *)i, v);
		ASSERT_OK(oa_future_tryget(f, &v));
		ASSERT_ERR(oa_future_set(f, d), -EALREADY);
		ASSERT_ERR(oa_future_destroy(f), -EINVAL);
		oa_future_put(f);
	}
	return NULL;
}

BY_EACH(eager);

static void *lazy(void *arg)
{
	data *d = arg;

	for (uintptr_t i = 0; i < 100; i++) {
		struct oa_future *f = oa_lazy(runs, d, .runtime = d->rt,
					      .on_drop = dropped);
		void *v = NULL;

		ASSERT_FALSE(oa_is_err(f));
		ASSERT_EQ(f, oa_future_ref(f));
		oa_future_put(f);
		give_way();
		ASSERT_EQ((unsigned int)i, SEEN(d->ran));
		ASSERT_EQ(0ul, SYNC(future, f, value));
		ASSERT_EQ(0ul, SYNC(future, f, owner).id);
		switch (i % 3) {
		case 0:
			ASSERT_OK(oa_future_get(f, &v));
			break;
		case 1:
			while (oa_future_tryget(f, &v) == -EAGAIN)
				give_way();
			break;
		case 2:
			/* Late, but wanted. */
			if (oa_future_get_until(f, &v, 1))
				ASSERT_OK(oa_future_get(f, &v));
			break;
		}
		ASSERT_EQ((void *)d, v);
		ASSERT_EQ((unsigned int)i + 1, SEEN(d->ran));
		oa_future_put(f);
	}
	EXPECT_EQ(0u, d->dropped);
	return NULL;
}

BY_EACH(lazy);

static void *never_wanted(void *arg)
{
	data *d = arg;
	struct oa_future *f = oa_lazy(runs, d, .runtime = d->rt,
				      .on_drop = dropped);
	struct oa_future *g = oa_lazy(runs, d, .runtime = d->rt);
	void *v;

	ASSERT_EQ(f, oa_future_ref(f));
	oa_future_put(f);
	EXPECT_EQ(0u, SEEN(d->dropped));
	oa_future_put(f);
	EXPECT_EQ(1u, SEEN(d->dropped));
	oa_future_put(g);
	/* One that somebody else has set needs none to make it. */
	f = oa_lazy(runs, d, .runtime = d->rt, .on_drop = dropped);
	ASSERT_OK(oa_future_set(f, &f));
	ASSERT_OK(oa_future_get(f, &v));
	EXPECT_EQ((void *)&f, v);
	oa_future_put(f);
	EXPECT_EQ(2u, SEEN(d->dropped));
	EXPECT_EQ(0u, SEEN(d->ran));
	return NULL;
}

BY_EACH(never_wanted);

/* Nothing is made of bad arguments, or where there is no runtime. */

static void *outside(void *arg)
{
	data *d = arg;
	struct oa_future *f = oa_async(echo, d), *l = oa_lazy(echo, d);

	EXPECT_ERR(oa_err_code(f), -EPERM);
	EXPECT_ERR(oa_err_code(l), -EPERM);
	return NULL;
}

FUTURE_TEST(bad_calls)
{
	struct oa_task_opts o = OA_TASK_OPTS_INIT;
	oa_fn many[OA_THEN_MAX + 2];
	struct actor a;

	EXPECT_ERR(oa_err_code(oa_async(NULL, NULL)), -EINVAL);
	EXPECT_ERR(oa_err_code(oa_lazy(NULL, NULL)), -EINVAL);
	EXPECT_ERR(oa_err_code(oa_async(echo, NULL, .delay = -1)), -EINVAL);
	o.size = 0;
	EXPECT_ERR(oa_err_code(oa_async_with(echo, NULL, &o)), -EINVAL);
	EXPECT_ERR(oa_err_code(oa_lazy_with(echo, NULL, &o)), -EINVAL);
	o.size = sizeof(o);
	o.copy = (size_t)2 << 30;
	EXPECT_ERR(oa_err_code(oa_async_with(echo, self, &o)), -E2BIG);
	EXPECT_ERR(oa_err_code(oa_lazy_with(echo, self, &o)), -E2BIG);
	o.copy = 1;
	EXPECT_ERR(oa_err_code(oa_async_with(echo, NULL, &o)), -EINVAL);
	EXPECT_ERR(oa_err_code(oa_lazy_with(echo, NULL, &o)), -EINVAL);
	o.copy = 0;
	for (size_t i = 0; i < ARRAY_N(many); i++)
		many[i] = i + 1 < ARRAY_N(many) ? echo : NULL;
	o.then = many;
	EXPECT_ERR(oa_err_code(oa_async_with(echo, self, &o)), -E2BIG);
	EXPECT_ERR(oa_err_code(oa_lazy_with(echo, self, &o)), -E2BIG);
	actor_start(&a, WHO_THREAD, 0, outside, self);
	actor_end(&a);
}

/* Options: those of any task, kept by a lazy one until it is wanted. */

static void *adds_one(void *arg)
{
	return (void *)((uintptr_t)arg + 1);
}

static void *reads(void *arg)
{
	return (void *)*(uintptr_t *)arg;
}

static void *has_name(void *arg)
{
	char name[OA_TASK_NAME_MAX];

	return as_result(oa_task_name(oa_self(), name, sizeof(name)) >= 0 &&
			 !strcmp(name, arg));
}

static void *holds(void *arg)
{
	data *d = arg;

	return as_result(oa_mutex_lock(&d->mutex));
}

static void *is_blocking(void *arg HARNESS_UNUSED)
{
	return as_result(oa_worker_id() < 0);
}

static void *exits(void *arg)
{
	oa_exit(arg);
}

static void *expects(struct oa_future *f)
{
	void *v = oa_err(-EDOM);
	int err;

	ASSERT_FALSE(oa_is_err(f));
	err = oa_future_get(f, &v);
	EXPECT_EQ(oa_err_code(v), err);
	oa_future_put(f);
	return v;
}

#define MAKE(fn, arg, ...) \
	(lazy ? oa_lazy(fn, arg, ##__VA_ARGS__) : oa_async(fn, arg, ##__VA_ARGS__))

static void use_options(data *d, bool lazy)
{
	oa_fn then[OA_THEN_MAX + 1];
	struct oa_future *f[4];
	uintptr_t big[100] = { 7 };
	char name[] = "a future";

	for (int i = 0; i < OA_THEN_MAX; i++)
		then[i] = adds_one;
	then[OA_THEN_MAX] = NULL;
	f[0] = MAKE(adds_one, (void *)5, .then = then);
	f[1] = MAKE(reads, big, .copy = sizeof(*big));
	f[2] = MAKE(reads, big, .copy = sizeof(big));
	f[3] = MAKE(has_name, (void *)(uintptr_t)"a future", .name = name);
	/* They have copies. */
	memset(then, 0, sizeof(then));
	memset(big, 0, sizeof(big));
	memset(name, 0, sizeof(name));
	EXPECT_EQ((void *)(6 + OA_THEN_MAX), expects(f[0]));
	EXPECT_EQ((void *)7, expects(f[1]));
	EXPECT_EQ((void *)7, expects(f[2]));
	EXPECT_EQ((void *)1, expects(f[3]));
	EXPECT_EQ(as_result(-EDEADLK), expects(MAKE(holds, d,
						    .mutex = &d->mutex)));
	/* Given back before the value is there. */
	EXPECT_OK(oa_mutex_trylock(&d->mutex));
	ASSERT_OK(oa_mutex_unlock(&d->mutex));
	EXPECT_EQ((void *)1, expects(MAKE(is_blocking, d, .block = true)));
	EXPECT_EQ((void *)d, expects(MAKE(exits, d)));
	EXPECT_EQ((void *)d, expects(MAKE(exits, d, .block = true)));
	EXPECT_EQ((void *)d, expects(MAKE(echo, d, .stack_size = 1 << 18)));
	EXPECT_EQ((void *)d, expects(MAKE(echo, d, .worker = OA_WORKER(0))));
	EXPECT_EQ((void *)d, expects(MAKE(echo, d, .delay = OA_MSEC)));
	EXPECT_EQ((void *)d, expects(MAKE(echo, d, .hint = OA_HINT_NEXT)));
	EXPECT_EQ((void *)d, expects(MAKE(echo, d, .hint = OA_HINT_INLINE)));
	EXPECT_EQ((void *)d, expects(MAKE(echo, d, .prio = OA_PRIO_MIN)));
	EXPECT_EQ(oa_err(-EIO), expects(MAKE(echo, oa_err(-EIO))));
	EXPECT_EQ(oa_err(-EAGAIN), expects(MAKE(echo, oa_err(-EAGAIN))));
}

FUTURE_TEST(options)
{
	use_options(self, false);
	use_options(self, true);
}

/* A start that fails. */

TASK_TEST_F(future_async, cannot_be_started, .workers = variant->workers,
	    .max_tasks = 2, .allocator = COUNTED_MEMORY(&self->memory))
{
	struct oa_future *f, *l, *l2;
	void *v = NULL;

	l = oa_lazy(runs, self, .on_drop = dropped);
	l2 = oa_lazy(runs, self, .on_drop = dropped);
	ASSERT_FALSE(oa_is_err(l));
	f = oa_async(runs_long, self, .on_drop = dropped);
	ASSERT_FALSE(oa_is_err(f));
	EXPECT_ERR(oa_err_code(oa_async(runs, self, .on_drop = dropped)),
		   -EAGAIN);
	EXPECT_EQ(0u, SEEN(self->dropped));
	/* What is to be the value of a lazy one is the error. */
	EXPECT_ERR(oa_future_get(l, &v), -EAGAIN);
	EXPECT_EQ(oa_err(-EAGAIN), v);
	EXPECT_EQ(1u, SEEN(self->dropped));
	EXPECT_ERR(oa_future_tryget(l, NULL), -EAGAIN);
	EXPECT_ERR(oa_future_set(l, self), -EALREADY);
	oa_future_put(l);
	EXPECT_EQ(1u, SEEN(self->dropped));
	ASSERT_OK(oa_event_set(&self->go));
	ASSERT_OK(oa_future_get(f, NULL));
	oa_future_put(f);
	/* The other was not asked in vain. */
	task_wait_until(count_tasks(NULL) == 1);
	ASSERT_OK(oa_future_get(l2, &v));
	EXPECT_EQ((void *)self, v);
	oa_future_put(l2);
}

FUTURE_TEST(no_memory)
{
	self->memory.left = 1;
	EXPECT_ERR(oa_err_code(oa_async(echo, self)), -ENOMEM);
	EXPECT_ERR(oa_err_code(oa_lazy(echo, self)), -ENOMEM);
	/* The task's own copy, now or later. */
	self->memory.left = 2;
	EXPECT_ERR(oa_err_code(oa_async(echo, self, .copy = 1000)), -ENOMEM);
	self->memory.left = 0;
}

static oa_task_t maker_of(struct oa_future *f)
{
	return SYNC(future, f, owner);
}

static void cancel(oa_task_t t)
{
	ASSERT_OK(oa_cancel(t));
}

/* What ends the producer before it runs is the value. */

static void *a_refused_one(data *d, bool lazy)
{
	struct oa_future *f;

	ASSERT_OK(oa_backpressure_init(&d->room, 1, OA_BACKPRESSURE_LOSSY));
	ASSERT_OK(oa_backpressure_enter(&d->room));
	/* The delay comes first: dropped when it gets there. */
	f = MAKE(runs, d, .on_drop = dropped, .backpressure = &d->room,
		 .delay = 1);
	ASSERT_FALSE(oa_is_err(f));
	return expects(f);
}

FUTURE_TEST(producer_dropped)
{
	for (int lazy = 0; lazy < 2; lazy++) {
		struct oa_future *f;
		void *v = NULL;

		self->dropped = 0;
		EXPECT_EQ(oa_err(-EBUSY), a_refused_one(self, lazy));
		EXPECT_EQ(1u, SEEN(self->dropped));
		/* Cancelled: by the handle, which a look tells. */
		f = MAKE(runs, self, .on_drop = dropped, .delay = 1000 * OA_SEC);
		EXPECT_ERR(oa_future_tryget(f, &v), -EAGAIN);
		cancel(maker_of(f));
		EXPECT_EQ(oa_err(-ECANCELED), expects(f));
		EXPECT_EQ(2u, SEEN(self->dropped));
		/* ... and while it waits for a condition. */
		ASSERT_OK(oa_mutex_lock(&self->mutex));
		f = MAKE(runs, self, .on_drop = dropped, .mutex = &self->mutex);
		EXPECT_ERR(oa_future_tryget(f, &v), -EAGAIN);
		until_state(maker_of(f), OA_TASK_WAITING);
		cancel(maker_of(f));
		EXPECT_EQ(oa_err(-ECANCELED), expects(f));
		EXPECT_EQ(3u, SEEN(self->dropped));
		/* Its time is up before it has started. */
		f = MAKE(runs, self, .on_drop = dropped, .mutex = &self->mutex,
			 .timeout = OA_MSEC);
		EXPECT_EQ(oa_err(-ETIMEDOUT), expects(f));
		EXPECT_EQ(4u, SEEN(self->dropped));
		ASSERT_OK(oa_mutex_unlock(&self->mutex));
	}
	EXPECT_EQ(0u, SEEN(self->ran));
}

/* In a scope: what fails takes the others along, and all have a value. */
FUTURE_TEST(in_a_scope)
{
	for (int lazy = 0; lazy < 2; lazy++) {
		struct oa_future *f[3];
		struct oa_scope s;
		void *v;

		ASSERT_OK(oa_scope_open(&s));
		f[0] = MAKE(runs_long, self, .scope = &s);
		f[1] = MAKE(runs, self, .scope = &s, .delay = 1000 * OA_SEC,
			    .on_drop = dropped);
		EXPECT_ERR(oa_future_tryget(f[0], &v), -EAGAIN);
		EXPECT_ERR(oa_future_tryget(f[1], &v), -EAGAIN);
		until_state(maker_of(f[0]), OA_TASK_PARKED);
		f[2] = MAKE(echo, oa_err(-EIO), .scope = &s);
		EXPECT_EQ(oa_err(-EIO), expects(f[2]));
		EXPECT_ERR(oa_scope_wait(&s), -EIO);
		EXPECT_EQ(1ul, SYNC(future, f[0], value));
		EXPECT_EQ(1ul, SYNC(future, f[1], value));
		EXPECT_EQ(oa_err(-ECANCELED), expects(f[0]));
		EXPECT_EQ(oa_err(-ECANCELED), expects(f[1]));
	}
	EXPECT_EQ(2u, SEEN(self->dropped));
	EXPECT_EQ(2u, SEEN(self->cancelled));
}

/* A producer that was cancelled says itself what comes of it. */
FUTURE_TEST(producer_cancelled)
{
	struct oa_future *f = oa_async(runs_long, self, .name = "long");
	oa_task_t t = maker_of(f);

	until_state(t, OA_TASK_PARKED);
	EXPECT_ERR(oa_join(t, NULL), -EINVAL);
	ASSERT_OK(oa_cancel(t));
	EXPECT_EQ(oa_err(-ECANCELED), expects(f));
	EXPECT_EQ(1u, SEEN(self->cancelled));
	f = oa_async(runs_long, self);
	ASSERT_OK(oa_event_set(&self->go));
	ASSERT_OK(oa_future_get(f, NULL));
	EXPECT_EQ(0ul, SYNC(future, f, owner).id);
	EXPECT_EQ((void *)self, expects(f));
}

/* The last put ends a producer that nobody needs. */
static void *given_up(void *arg)
{
	data *d = arg;

	for (int lazy = 0; lazy < 2; lazy++) {
		for (int how = 0; how < 4; how++) {
			struct oa_future *f;
			unsigned int ran = SEEN(d->ran);
			void *v;

			d->cancelled = d->dropped = 0;
			f = MAKE(runs_long, d, .runtime = d->rt,
				 .on_drop = dropped,
				 .delay = how == 1 ? 1000 * OA_SEC : 0,
				 .block = how == 2);
			ASSERT_EQ(f, oa_future_ref(f));
			EXPECT_ERR(oa_future_tryget(f, &v), -EAGAIN);
			if (how == 0 || how == 2)
				actor_wait_until(SEEN(d->ran) > ran);
			/* Somebody else has set it: it runs for nothing. */
			if (how == 3 || how == 2)
				ASSERT_OK(oa_future_set(f, d));
			oa_future_put(f);
			give_way();
			EXPECT_EQ(0u, SEEN(d->cancelled) + SEEN(d->dropped));
			oa_future_put(f);
			actor_wait_until(SEEN(d->cancelled) +
					 SEEN(d->dropped) == 1);
		}
	}
	return NULL;
}

BY_EACH(given_up);

/* Two that want a lazy one at once start one producer. */

static void *wants(void *arg)
{
	data *d = arg;
	struct oa_future *f = d->f;
	void *v = NULL;

	ASSERT_OK(oa_future_get(f, &v));
	EXPECT_EQ((void *)d, v);
	oa_future_put(f);
	return NULL;
}

FUTURE_TEST(wanted_by_many_at_once)
{
	enum { N = 4 };

	for (unsigned int k = 0; k < (unsigned int)SCALED(200, 40); k++) {
		enum who who = k % 4 == 0 ? WHO_MIXED :
			       k % 4 == 1 ? WHO_THREAD : WHO_TASK;
		struct actor a[N];

		self->f = oa_lazy(runs, self, .on_drop = dropped);
		ASSERT_FALSE(oa_is_err(self->f));
		for (unsigned int i = 1; i < N; i++)
			oa_future_ref(self->f);
		for (unsigned int i = 0; i < N; i++)
			actor_start(&a[i], who, i, wants, self);
		for (unsigned int i = 0; i < N; i++)
			actor_end(&a[i]);
		ASSERT_EQ(k + 1, SEEN(self->ran));
	}
	EXPECT_EQ(0u, SEEN(self->dropped));
}

/* The last put meets the end of the producer, its start, a get, a cancel. */

static void *ends_soon(void *arg)
{
	data *d = arg;

	if (COUNT(d->ran) % 2)
		oa_yield();
	return d;
}

static void *gets_and_puts(void *arg)
{
	data *d = arg;
	struct oa_future *f = d->f;
	void *v = NULL;
	int err = oa_future_get(f, &v);

	/* Itself, or what makes it. */
	EXPECT_TRUE(!err || err == -ECANCELED);
	oa_future_put(f);
	return NULL;
}

static void *only_puts(void *arg)
{
	oa_future_put(((data *)arg)->f);
	return NULL;
}

FUTURE_TEST(put_at_any_moment)
{
	struct random r = random_of(0);

	for (unsigned int k = 0; k < (unsigned int)SCALED(600, 80); k++) {
		enum who who = k % 8 == 0 ? WHO_MIXED :
			       k % 8 == 1 ? WHO_THREAD : WHO_TASK;
		bool lazy = draw(&r, 2);
		struct actor a[3];
		oa_task_t maker;

		self->f = MAKE(ends_soon, self, .on_drop = dropped,
			       .delay = draw(&r, 4) ? 0 : draw(&r, 20000));
		ASSERT_FALSE(oa_is_err(self->f));
		oa_future_ref(self->f);
		oa_future_ref(self->f);
		maker = maker_of(self->f);
		actor_start(&a[0], who, k, gets_and_puts, self);
		actor_start(&a[1], who, k + 1, only_puts, self);
		actor_start(&a[2], who, k + 2, gets_and_puts, self);
		for (unsigned int n = draw(&r, 4); n; n--)
			ASSERT_OK(oa_yield());
		switch (draw(&r, 4)) {
		case 0:
			oa_cancel(maker);
			break;
		case 1:
			if (a[0].t.id)
				oa_cancel(a[0].t);
			if (a[2].t.id)
				oa_cancel(a[2].t);
			break;
		}
		for (int i = 0; i < 3; i++)
			/* Cancelled before it began. */
			if (actor_end(&a[i]))
				oa_future_put(self->f);
		task_wait_until(count_tasks(NULL) == 1);
		ASSERT_EQ(k + 1, SEEN(self->ran) + SEEN(self->dropped));
	}
	TEST_LOG("%u ran, %u were dropped", self->ran, self->dropped);
}

/* Many on one, each with a reference of its own. */
FUTURE_TEST(many_readers)
{
	enum { N = 500 };

	self->f = oa_async(runs_long, self);
	ASSERT_FALSE(oa_is_err(self->f));
	for (int i = 0; i < N; i++) {
		oa_future_ref(self->f);
		ASSERT_OK(oa_go(wants, self));
	}
	task_wait_until(SYNC(future, self->f, waiters) == N);
	oa_future_put(self->f);
	ASSERT_OK(oa_event_set(&self->go));
	task_wait_until(count_tasks(NULL) == 1);
}

/* A shutdown drops or cancels what makes values: those who wait are told. */

static void *makes_three(void *arg)
{
	data *d = arg;

	d->three[0] = oa_async(runs_long, d);
	d->three[1] = oa_async(runs, d, .delay = 1000 * OA_SEC,
			       .on_drop = dropped);
	d->three[2] = oa_lazy(runs, d, .on_drop = dropped);
	until_state(maker_of(d->three[0]), OA_TASK_PARKED);
	TELL(d->got, 1);
	return NULL;
}

static void shut_down(data *self, unsigned int workers,
		      enum oa_shutdown_how how)
{
	struct oa_runtime *rt;
	void *v;

	ASSERT_OK(oa_start(&rt, makes_three, self, .workers = workers,
			   .allocator = COUNTED_MEMORY(&self->memory),
			   NOTES_LEFT));
	wait_until(SEEN(self->got));
	ASSERT_OK(oa_shutdown(rt, how));
	EXPECT_ERR(oa_future_get(self->three[0], &v), -ECANCELED);
	EXPECT_ERR(oa_future_get(self->three[1], &v), -ECANCELED);
	EXPECT_ERR(oa_future_get(self->three[2], &v), -ESHUTDOWN);
	for (int i = 0; i < 3; i++)
		oa_future_put(self->three[i]);
	EXPECT_EQ(1u, self->ran);
	EXPECT_EQ(2u, self->dropped);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
	skip_if_any_left();
}

TEST_F(future_async, told_at_a_shutdown)
{
	shut_down(self, variant->workers, OA_SHUTDOWN_GRACEFUL);
}

/* One that stands on its stack never goes on, and is told of all the same. */
TEST_F(future_async, told_at_a_shutdown_at_once)
{
	shut_down(self, variant->workers, OA_SHUTDOWN_NOW);
}

/* Values outlive the runtime that made them. */

static void *leaves(void *arg)
{
	data *d = arg;

	d->f = oa_async(echo, d);
	return NULL;
}

TEST_F(future_async, outlives_its_runtime)
{
	void *v = NULL;

	ASSERT_OK(oa_run(leaves, self, .workers = variant->workers,
			 .allocator = COUNTED_MEMORY(&self->memory)));
	EXPECT_OK(oa_future_get(self->f, &v));
	EXPECT_EQ((void *)self, v);
	oa_future_put(self->f);
}

HARNESS_MAIN
