// SPDX-License-Identifier: MIT
/*
 * Every call that can suspend, cancelled before it, in it, and twice; late
 * before it and in it. It fails so, and what it waited for is as it was; those
 * that are no cancellation points go on.
 */
#include <sched.h>
#include <unistd.h>

#include "points.h"

FIXTURE(cancel_table) { char unused; };
VARIANTS_WORKERS(cancel_table);

FIXTURE_SETUP(cancel_table)
{
}

FIXTURE_TEARDOWN(cancel_table)
{
}

#define TABLE_TEST(name) \
	TASK_TEST_F_TIMEOUT(cancel_table, name, 90, \
			    .workers = variant->workers, .max_blocking = 1)

static void begin(struct caller *c, const struct point *p, unsigned int n,
		  oa_fn fn)
{
	*c = (struct caller){ .p = p, .o = p->make(p, n) };
	c->t = oa_spawn(fn, c);
	ASSERT_OK(oa_task_error(c->t));
}

static long end(struct caller *c)
{
	void *result;

	ASSERT_OK(oa_join(c->t, &result));
	return (intptr_t)result;
}

static void unmake(struct caller *c, bool opened)
{
	if (!opened && c->p->intact)
		c->p->intact(c->o);
	c->p->unmake(c->o, opened);
}

static void expect_stopped(const struct point *p, long err, long ret)
{
	if (!EXPECT_EQ(err, ret))
		TEST_LOG("so did %s", p->name);
}

/* Once told, always told. */
static void *calls(void *arg)
{
	struct caller *c = arg;
	long ret;

	TELL(c->state, 1);
	ret = c->p->call(c->o);
	if (ret == -ECANCELED) {
		OF(c->p, EXPECT_EQ(1, oa_cancelled()));
		if (!(c->p->flags & POINT_ONCE))
			expect_stopped(c->p, -ECANCELED, c->p->call(c->o));
	}
	return (void *)ret;
}

static void *is_cancelled_and_calls(void *arg)
{
	ASSERT_OK(oa_cancel(oa_self()));
	return calls(arg);
}

static void cancel_before(oa_fn fn)
{
	struct caller c;

	for_each_point(p) {
		if (p->flags & POINT_STUBBORN)
			continue;
		begin(&c, p, 0, fn);
		expect_stopped(p, -ECANCELED, end(&c));
		unmake(&c, false);
	}
}

TABLE_TEST(cancelled_before_it)
{
	cancel_before(is_cancelled_and_calls);
}

static void *is_cancelled_by_another(void *arg)
{
	struct caller *c = arg;

	TELL(c->state, 2);
	while (!oa_cancelled())
		oa_yield();
	return calls(arg);
}

static void *cancels_when_seen(void *arg)
{
	struct caller *c = arg;

	while (SEEN(c->state) < 2)
		sched_yield();
	for (int i = 0; i < 2; i++)
		oa_cancel(c->t);
	return NULL;
}

/* ... from a thread, and twice. */
TABLE_TEST(cancelled_before_it_from_outside)
{
	struct caller c;
	pthread_t th;

	for_each_point(p) {
		if (p->flags & POINT_STUBBORN)
			continue;
		begin(&c, p, 0, is_cancelled_by_another);
		thread_start(&th, cancels_when_seen, &c);
		expect_stopped(p, -ECANCELED, end(&c));
		thread_end(th);
		unmake(&c, false);
	}
}

TABLE_TEST(cancelled_in_it)
{
	struct caller c;

	for_each_point(p) {
		if (p->flags & (POINT_STUBBORN | POINT_BRIEF))
			continue;
		begin(&c, p, 0, calls);
		until_waits(&c);
		ASSERT_OK(oa_cancel(c.t));
		expect_stopped(p, -ECANCELED, end(&c));
		unmake(&c, false);
	}
}

static void *cancels_thrice(void *arg)
{
	struct caller *c = arg;

	for (int i = 0; i < 3; i++) {
		int err = oa_cancel(c->t);

		ASSERT_TRUE(!err || err == -ESRCH);
	}
	return NULL;
}

TABLE_TEST(cancelled_in_it_by_several)
{
	struct caller c;
	oa_task_t t[2];
	pthread_t th;

	for_each_point(p) {
		if (p->flags & (POINT_STUBBORN | POINT_BRIEF))
			continue;
		begin(&c, p, 0, calls);
		until_waits(&c);
		thread_start(&th, cancels_thrice, &c);
		for (int i = 0; i < 2; i++)
			t[i] = oa_spawn(cancels_thrice, &c);
		expect_stopped(p, -ECANCELED, end(&c));
		for (int i = 0; i < 2; i++)
			ASSERT_OK(oa_join(t[i], NULL));
		thread_end(th);
		unmake(&c, false);
	}
}

TABLE_TEST(the_stubborn_go_on)
{
	struct caller c;

	for_each_point(p) {
		for (int before = 0; before < 2; before++) {
			if (!(p->flags & POINT_STUBBORN))
				continue;
			begin(&c, p, 1, before ? is_cancelled_and_calls : calls);
			until_waits(&c);
			oa_cancel(c.t);
			oa_cancel(c.t);
			for (int i = 0; i < 10; i++)
				ASSERT_OK(oa_yield());
			OF(p, EXPECT_EQ(OA_TASK_PARKED,
					task_state(NULL, c.t)));
			p->open(c.o);
			OF(p, EXPECT_EQ(0, end(&c)));
			unmake(&c, true);
		}
	}
}

/* Deadlines. */

struct levels {
	struct caller c;
	oa_time_t at[3];
	struct oa_deadline d[3];
};

static void *calls_in_levels(void *arg)
{
	struct levels *l = arg;
	long ret;

	TELL(l->c.state, 1);
	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_deadline_enter(&l->d[i], l->at[i]));
	ret = l->c.p->call(l->c.o);
	if (ret == -ETIMEDOUT) {
		expect_stopped(l->c.p, -ETIMEDOUT, l->c.p->call(l->c.o));
		OF(l->c.p, EXPECT_EQ(0, oa_cancelled()));
	}
	for (int i = 3; i-- > 0;)
		ASSERT_OK(oa_deadline_leave(&l->d[i]));
	return (void *)ret;
}

/* Level @fires is the one whose time is @soon; the others have much. */
static long call_late(struct levels *l, const struct point *p, int fires,
		      oa_time_t soon)
{
	oa_time_t far = oa_after(1000 * OA_SEC);
	long ret;

	for (int i = 0; i < 3; i++)
		l->at[i] = i == fires ? soon : far + i;
	begin(&l->c, p, 0, calls_in_levels);
	ret = end(&l->c);
	for (int i = 0; i < 3; i++)
		OF(p, EXPECT_EQ(i == fires, oa_deadline_fired(&l->d[i])));
	return ret;
}

TABLE_TEST(late_before_it)
{
	static const oa_time_t past[] = { 1, -1, INT64_MIN };
	struct levels l;

	for_each_point(p) {
		for (int i = 0; i < 3; i++) {
			if (p->flags & POINT_STUBBORN)
				continue;
			expect_stopped(p, -ETIMEDOUT,
				       call_late(&l, p, i, past[i]));
			unmake(&l.c, false);
		}
	}
}

TABLE_TEST(late_in_it)
{
	struct levels l;

	for_each_point(p) {
		for (int i = 0; i < 3; i++) {
			oa_time_t soon = oa_after(300 * OA_USEC);

			if (p->flags & (POINT_STUBBORN | POINT_BRIEF))
				continue;
			expect_stopped(p, -ETIMEDOUT,
				       call_late(&l, p, i, soon));
			OF(p, EXPECT_GE(oa_now(), soon));
			unmake(&l.c, false);
		}
	}
}

TABLE_TEST(the_stubborn_are_never_late)
{
	struct levels l;

	for_each_point(p) {
		if (!(p->flags & POINT_STUBBORN))
			continue;
		for (int i = 0; i < 3; i++)
			l.at[i] = 1;
		begin(&l.c, p, 1, calls_in_levels);
		until_waits(&l.c);
		p->open(l.c.o);
		OF(p, EXPECT_EQ(0, end(&l.c)));
		unmake(&l.c, true);
	}
}

/* On the blocking pool. */

static void begin_on_pool(struct caller *c, const struct point *p, oa_fn fn)
{
	*c = (struct caller){ .p = p, .o = p->make(p, 0) };
	c->t = oa_spawn(fn, c, .block = true);
	ASSERT_OK(oa_task_error(c->t));
}

TABLE_TEST(cancelled_on_the_pool)
{
	struct caller c;

	for_each_point(p) {
		if (!(p->flags & POINT_ON_POOL) || p->flags & POINT_STUBBORN)
			continue;
		begin_on_pool(&c, p, is_cancelled_and_calls);
		expect_stopped(p, -ECANCELED, end(&c));
		unmake(&c, false);
		begin_on_pool(&c, p, calls);
		until_waits(&c);
		ASSERT_OK(oa_cancel(c.t));
		expect_stopped(p, -ECANCELED, end(&c));
		unmake(&c, false);
	}
}

/* Races: what was achieved is delivered, what was not is still there. */

struct race {
	struct caller c;
	int go;
	bool delay;
};

static void *cancels(void *arg)
{
	struct race *r = arg;
	int err;

	while (!SEEN(r->go))
		ASSERT_OK(oa_yield());
	if (r->delay)
		oa_yield();
	err = oa_cancel(r->c.t);
	ASSERT_TRUE(!err || err == -ESRCH);
	return NULL;
}

static void *cancels_from_outside(void *arg)
{
	struct race *r = arg;

	while (!SEEN(r->go))
		sched_yield();
	oa_cancel(r->c.t);
	return NULL;
}

/* 1: it got what it waited for. */
static int race(struct race *r, const struct point *p, int round)
{
	bool outside = round % 3 == 2, cancelled;
	oa_task_t b = { 0 };
	pthread_t th;
	long ret;

	r->go = 0;
	r->delay = round % 4 == 3;
	begin(&r->c, p, 1, calls);
	until_waits(&r->c);
	if (outside)
		thread_start(&th, cancels_from_outside, r);
	else
		b = oa_spawn(cancels, r);
	TELL(r->go, 1);
	for (int i = 0; i < round % 5; i++)
		ASSERT_OK(oa_yield());
	/* By who made it: some belong to a task. */
	p->open(r->c.o);
	ret = end(&r->c);
	if (outside)
		thread_end(th);
	else
		ASSERT_OK(oa_join(b, NULL));
	cancelled = ret == -ECANCELED;
	OF(p, EXPECT_TRUE(!cancelled || !(p->flags & POINT_STUBBORN)));
	OF(p, EXPECT_NE((long)-ETIMEDOUT, ret));
	if (p->left)
		OF(p, EXPECT_EQ((long)cancelled, p->left(r->c.o)));
	p->unmake(r->c.o, true);
	return !cancelled;
}

TABLE_TEST(cancelled_while_it_succeeds)
{
	/* Eight in each other's way take ten times as long. */
	long rounds = SCALED(variant->workers > 2 ? 6 : 16, 3);
	struct race r;
	int got = 0;

	for_each_point(p)
		for (int i = 0; p->open && i < rounds &&
		     !(p->flags & POINT_MEETS); i++)
			got += race(&r, p, i);
	/* Of all these some were fast enough. */
	EXPECT_GT(got, 0);
}

/* The same against the clock. */

struct timed { struct caller c; oa_time_t until; };

static void *calls_until(void *arg)
{
	struct timed *t = arg;
	struct oa_deadline d;
	long ret = 0;

	ASSERT_OK(oa_deadline_enter(&d, t->until));
	TELL(t->c.state, 1);
	ret = t->c.p->call(t->c.o);
	EXPECT_EQ(ret == -ETIMEDOUT, oa_deadline_fired(&d));
	ASSERT_OK(oa_deadline_leave(&d));
	return (void *)ret;
}

TABLE_TEST(late_while_it_succeeds)
{
	long rounds = SCALED(12, 3);
	struct timed t;
	long ret;

	for_each_point(p) {
		for (int i = 0; p->left && i < rounds; i++) {
			t.until = oa_after((60 + 20 * i) * OA_USEC);
			begin(&t.c, p, 1, calls_until);
			while (oa_now() < t.until - 20 * OA_USEC)
				ASSERT_OK(oa_yield());
			p->open(t.c.o);
			ret = end(&t.c);
			OF(p, EXPECT_NE((long)-ECANCELED, ret));
			OF(p, EXPECT_EQ((long)(ret == -ETIMEDOUT),
					p->left(t.c.o)));
			p->unmake(t.c.o, true);
		}
	}
}

/* What can wait and cannot be cancelled succeeds in a cancelled task. */

static void *cleans_up(void *arg)
{
	struct oa_mutex m = OA_MUTEX_INIT;
	struct oa_rwlock rw = OA_RWLOCK_INIT;
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	ASSERT_OK(oa_cancel(oa_self()));
	EXPECT_OK(oa_mutex_lock(&m));
	EXPECT_OK(oa_mutex_unlock(&m));
	EXPECT_OK(oa_rwlock_rdlock(&rw));
	EXPECT_OK(oa_rwlock_unlock(&rw));
	EXPECT_OK(oa_rwlock_wrlock(&rw));
	EXPECT_OK(oa_rwlock_unlock(&rw));
	EXPECT_OK(oa_close(fds[0]));
	EXPECT_OK(oa_close(fds[1]));
	return arg;
}

TABLE_TEST(cleaning_up)
{
	ASSERT_OK(oa_join(oa_spawn(cleans_up, NULL), NULL));
	ASSERT_OK(oa_join(oa_spawn(cleans_up, NULL, .block = true), NULL));
}

HARNESS_MAIN
