// SPDX-License-Identifier: MIT
/* A select over each kind of case, ready at once or later; bad use. */
#include "actors.h"

#include <stdlib.h>

FIXTURE(select_calls) {
	struct oa_chan *ch, *full, *b;
	struct oa_chan_sub sub;
	struct oa_event event, tick;
	struct oa_sem sem;
	int x;
};
VARIANTS_WORKERS(select_calls);

typedef struct select_calls_fixture_data data;

FIXTURE_SETUP(select_calls)
{
	int x = 1;

	self->tick = (struct oa_event)OA_EVENT_AUTO_INIT;
	ASSERT_OK(oa_chan_create(&self->ch, sizeof(int), 1, OA_CHAN_BOUNDED));
	ASSERT_OK(oa_chan_create(&self->full, sizeof(int), 1,
				 OA_CHAN_BOUNDED));
	ASSERT_OK(oa_chan_trysend(self->full, &x));
	ASSERT_OK(oa_chan_create(&self->b, sizeof(int), 2,
				 OA_CHAN_BROADCAST));
	ASSERT_OK(oa_chan_subscribe(self->b, &self->sub));
}

FIXTURE_TEARDOWN(select_calls)
{
	ASSERT_OK(oa_chan_unsubscribe(&self->sub));
	ASSERT_OK(oa_chan_destroy(self->ch));
	ASSERT_OK(oa_chan_destroy(self->full));
	ASSERT_OK(oa_chan_destroy(self->b));
}

#define BY_ALL(name) \
	TASK_TEST_F(select_calls, name, .workers = variant->workers, \
		    .max_blocking = ACTORS_ON_POOL) \
	{ \
		for (unsigned int i = 0; i < WHO_MIXED; i++) { \
			struct actor a; \
			actor_start(&a, WHO_MIXED, i, name, self); \
			actor_end(&a); \
		} \
	} \
	struct harness_variant

/* Nothing to wait for, and what cannot be waited for. */

static void *nothing_to_wait_for(void *arg)
{
	struct oa_case none[3] = {
		OA_CASE_NONE, OA_CASE_NONE, OA_CASE_NONE,
	};
	oa_time_t until;

	EXPECT_ERR(oa_select(NULL, 0), -EINVAL);
	EXPECT_ERR(oa_select(none, 0), -EINVAL);
	EXPECT_ERR(oa_select(none, 3), -EINVAL);
	EXPECT_ERR(oa_tryselect(NULL, 0), -EAGAIN);
	EXPECT_ERR(oa_tryselect(none, 3), -EAGAIN);
	EXPECT_ERR(oa_select_until(NULL, 0, 1), -ETIMEDOUT);
	EXPECT_ERR(oa_select_until(none, 3, 1), -ETIMEDOUT);
	for (size_t n = 0; n <= 3; n += 3) {
		until = oa_after(2 * OA_MSEC);
		EXPECT_ERR(oa_select_until(none, n, until), -ETIMEDOUT);
		EXPECT_GE(oa_now(), until);
	}
	return arg;
}

BY_ALL(nothing_to_wait_for);

static void *refused(void *arg)
{
	data *d = arg;
	struct oa_case c = OA_CASE_EVENT(&d->event), *many;
	enum { MOST = 1024 };

	EXPECT_ERR(oa_select(NULL, 1), -EINVAL);
	EXPECT_ERR(oa_tryselect(NULL, 1), -EINVAL);
	EXPECT_ERR(oa_select_until(NULL, 1, 1), -EINVAL);
	c.size = 0;
	EXPECT_ERR(oa_tryselect(&c, 1), -EINVAL);
	c.size = sizeof(c);
	c.kind = (enum oa_case_kind)77;
	EXPECT_ERR(oa_tryselect(&c, 1), -EINVAL);
	many = calloc(MOST + 1, sizeof(*many));
	ASSERT_NOT_NULL(many);
	for (int i = 0; i <= MOST; i++)
		many[i] = (struct oa_case)OA_CASE_EVENT(&d->event);
	EXPECT_ERR(oa_select(many, MOST + 1), -E2BIG);
	EXPECT_ERR(oa_tryselect(many, MOST + 1), -E2BIG);
	EXPECT_ERR(oa_select_until(many, MOST + 1, 1), -E2BIG);
	/* So many are no problem. */
	EXPECT_ERR(oa_tryselect(many, MOST), -EAGAIN);
	EXPECT_ERR(oa_select_until(many, MOST, oa_after(OA_MSEC)), -ETIMEDOUT);
	many[700] = (struct oa_case)OA_CASE_AT(oa_after(OA_MSEC));
	EXPECT_EQ(700, oa_select(many, MOST));
	EXPECT_EQ(0u, SYNC(event, &d->event, waiters));
	free(many);
	return NULL;
}

BY_ALL(refused);

/* An object that is none: told by the call or as the outcome of its case. */
static int outcome(struct oa_case c)
{
	int i = oa_tryselect(&c, 1);

	return i ? i : c.res;
}

static void *null_objects(void *arg)
{
	data *d = arg;
	int x = 0;

	EXPECT_ERR(outcome((struct oa_case)OA_CASE_SEND(NULL, &x)), -EINVAL);
	EXPECT_ERR(outcome((struct oa_case)OA_CASE_RECV(NULL, &x)), -EINVAL);
	EXPECT_ERR(outcome((struct oa_case)OA_CASE_RECV_FROM(NULL, &x)),
		   -EINVAL);
	EXPECT_ERR(outcome((struct oa_case)OA_CASE_RECV(d->b, &x)), -EINVAL);
	EXPECT_ERR(outcome((struct oa_case)OA_CASE_EVENT(NULL)), -EINVAL);
	EXPECT_ERR(outcome((struct oa_case)OA_CASE_SEM(NULL)), -EINVAL);
	EXPECT_ERR(outcome((struct oa_case)OA_CASE_WAITABLE(NULL, &x)),
		   -EINVAL);
	return NULL;
}

BY_ALL(null_objects);

/* One case each, ready before the call; by each verb. */

static int select_by(unsigned int verb, struct oa_case *c, size_t n)
{
	switch (verb % 4) {
	case 0: return oa_select(c, n);
	case 1: return oa_tryselect(c, n);
	case 2: return oa_select_until(c, n, OA_FOREVER);
	default: return oa_select_until(c, n, 1);
	}
}

static void *ready_at_once(void *arg)
{
	data *d = arg;

	for (unsigned int v = 0; v < 4; v++) {
		int x = 10 + (int)v, y = -1;
		struct oa_case c = OA_CASE_SEND(d->ch, &x);

		ASSERT_EQ(0, select_by(v, &c, 1));
		EXPECT_EQ(0, c.res);
		x = 0;
		c = (struct oa_case)OA_CASE_RECV(d->ch, &y);
		ASSERT_EQ(0, select_by(v, &c, 1));
		EXPECT_EQ(0, c.res);
		EXPECT_EQ(10 + (int)v, y);

		for (int i = 0; i < 2; i++)
			ASSERT_GE(oa_chan_send(d->b, &i), 0);
		c = (struct oa_case)OA_CASE_RECV_FROM(&d->sub, &y);
		for (int i = 0; i < 2; i++) {
			ASSERT_EQ(0, select_by(v, &c, 1));
			EXPECT_EQ(0, c.res);
			EXPECT_EQ(i, y);
		}

		c = (struct oa_case)OA_CASE_EVENT(&d->event);
		ASSERT_OK(oa_event_set(&d->event));
		for (int i = 0; i < 2; i++) {
			ASSERT_EQ(0, select_by(v, &c, 1));
			EXPECT_EQ(0, c.res);
		}
		ASSERT_OK(oa_event_reset(&d->event));

		c = (struct oa_case)OA_CASE_EVENT(&d->tick);
		ASSERT_OK(oa_event_set(&d->tick));
		ASSERT_EQ(0, select_by(v, &c, 1));
		EXPECT_EQ(0, c.res);
		EXPECT_ERR(oa_tryselect(&c, 1), -EAGAIN);

		c = (struct oa_case)OA_CASE_SEM(&d->sem);
		ASSERT_OK(oa_sem_post(&d->sem));
		ASSERT_EQ(0, select_by(v, &c, 1));
		EXPECT_EQ(0, c.res);
		EXPECT_EQ(0u, oa_sem_value(&d->sem));
		EXPECT_ERR(oa_tryselect(&c, 1), -EAGAIN);

		c = (struct oa_case)OA_CASE_AT(oa_now());
		ASSERT_EQ(0, select_by(v, &c, 1));
		EXPECT_EQ(0, c.res);
	}
	return NULL;
}

BY_ALL(ready_at_once);

static void *never_ready(void *arg)
{
	data *d = arg;
	int x = 5;
	struct oa_case c[] = {
		OA_CASE_NONE,
		OA_CASE_RECV(d->ch, &x),
		OA_CASE_SEND(d->full, &x),
		OA_CASE_RECV_FROM(&d->sub, &x),
		OA_CASE_EVENT(&d->event),
		OA_CASE_EVENT(&d->tick),
		OA_CASE_SEM(&d->sem),
		OA_CASE_AT(OA_FOREVER),
		OA_CASE_AT(oa_after(1000 * OA_SEC)),
	};
	oa_time_t until;

	for (int i = 0; i < 3; i++) {
		EXPECT_ERR(oa_tryselect(c, ARRAY_N(c)), -EAGAIN);
		EXPECT_ERR(oa_select_until(c, ARRAY_N(c), 1), -ETIMEDOUT);
		until = oa_after(OA_MSEC);
		EXPECT_ERR(oa_select_until(c, ARRAY_N(c), until), -ETIMEDOUT);
		EXPECT_GE(oa_now(), until);
	}
	EXPECT_EQ(0u, CHAN(d->ch, receivers));
	EXPECT_EQ(0u, CHAN(d->full, senders));
	EXPECT_EQ(0u, CHAN(d->b, receivers));
	EXPECT_EQ(0u, SYNC(event, &d->event, waiters));
	EXPECT_EQ(0u, SYNC(event, &d->tick, waiters));
	EXPECT_EQ(0u, SYNC(sem, &d->sem, waiters));
	return NULL;
}

BY_ALL(never_ready);

/* Whatever comes about while it waits for all of them. */

struct late {
	data *d;
	int x, y, at;
};

enum { LATE_RECV, LATE_SEND, LATE_FROM, LATE_EVENT, LATE_TICK, LATE_SEM,
       LATE_KINDS };

static void *waits_for_all(void *arg)
{
	struct late *l = arg;
	data *d = l->d;
	struct oa_case c[] = {
		[LATE_RECV] = OA_CASE_RECV(d->ch, &l->x),
		[LATE_SEND] = OA_CASE_SEND(d->full, &l->y),
		[LATE_FROM] = OA_CASE_RECV_FROM(&d->sub, &l->x),
		[LATE_EVENT] = OA_CASE_EVENT(&d->event),
		[LATE_TICK] = OA_CASE_EVENT(&d->tick),
		[LATE_SEM] = OA_CASE_SEM(&d->sem),
		OA_CASE_AT(OA_FOREVER),
	};

	l->at = oa_select(c, ARRAY_N(c));
	ASSERT_GE(l->at, 0);
	ASSERT_LT(l->at, (int)LATE_KINDS);
	EXPECT_EQ(0, c[l->at].res);
	return NULL;
}

static void bring_about(data *d, int what, int x)
{
	switch (what) {
	case LATE_RECV:
		ASSERT_OK(oa_chan_trysend(d->ch, &x));
		break;
	case LATE_SEND:
		ASSERT_OK(oa_chan_tryrecv(d->full, &x));
		EXPECT_EQ(1, x);
		break;
	case LATE_FROM:
		ASSERT_GE(oa_chan_send(d->b, &x), 0);
		break;
	case LATE_EVENT:
		ASSERT_OK(oa_event_set(&d->event));
		break;
	case LATE_TICK:
		ASSERT_OK(oa_event_set(&d->tick));
		break;
	case LATE_SEM:
		ASSERT_OK(oa_sem_post(&d->sem));
		break;
	}
}

static void as_before(data *d, const struct late *l, int what)
{
	int x;

	ASSERT_EQ(what, l->at);
	if (what == LATE_RECV || what == LATE_FROM)
		EXPECT_EQ(60 + what, l->x);
	if (what == LATE_SEND) {
		ASSERT_OK(oa_chan_tryrecv(d->full, &x));
		EXPECT_EQ(1000, x);
		x = 1;
		ASSERT_OK(oa_chan_trysend(d->full, &x));
	}
	if (what == LATE_EVENT)
		ASSERT_OK(oa_event_reset(&d->event));
	EXPECT_EQ((size_t)0, oa_chan_len(d->ch));
	EXPECT_ERR(oa_event_trywait(&d->tick), -EAGAIN);
	EXPECT_EQ(0u, oa_sem_value(&d->sem));
	EXPECT_ERR(oa_chan_tryrecv_from(&d->sub, &x), -EAGAIN);
}

/* It waits for the semaphore, and does or soon will for the others. */
static void ready_later(data *d, enum who who)
{
	for (int what = 0; what < LATE_KINDS; what++) {
		for (unsigned int i = 0; i < WHO_MIXED; i++) {
			struct late l = { .d = d, .y = 1000 };
			struct actor a;

			actor_start(&a, who, i, waits_for_all, &l);
			task_wait_until(SYNC(sem, &d->sem, waiters) == 1);
			bring_about(d, what, 60 + what);
			actor_end(&a);
			as_before(d, &l, what);
		}
	}
}

TASK_TEST_F(select_calls, ready_later, .workers = variant->workers)
{
	ready_later(self, WHO_TASK);
}

TASK_TEST_F(select_calls, ready_later_for_threads,
	    .workers = variant->workers)
{
	ready_later(self, WHO_THREAD);
}

TASK_TEST_F(select_calls, ready_later_for_any_kind,
	    .workers = variant->workers)
{
	ready_later(self, WHO_MIXED);
}

/* The same without waiting for it to wait. */
TASK_TEST_F(select_calls, ready_as_it_begins, .workers = variant->workers)
{
	for (unsigned int i = 0; i < (unsigned int)SCALED(300, 60); i++) {
		int what = (int)(i % LATE_KINDS);
		struct late l = { .d = self, .y = 1000 };
		struct actor a;

		actor_start(&a, WHO_MIXED, i / LATE_KINDS, waits_for_all, &l);
		if (i % 5 == 1)
			ASSERT_OK(oa_yield());
		bring_about(self, what, 60 + what);
		actor_end(&a);
		as_before(self, &l, what);
	}
}

/* Timers. */

static void *timers(void *arg)
{
	oa_time_t now = oa_now();
	struct oa_case c[] = {
		OA_CASE_AT(now + 1000 * OA_SEC),
		OA_CASE_AT(now + 4 * OA_MSEC),
		OA_CASE_AT(now + 2 * OA_MSEC),
		OA_CASE_NONE,
		OA_CASE_AT(OA_FOREVER),
	};

	int i;

	EXPECT_ERR(oa_tryselect(c, 1), -EAGAIN);
	for (int n = 0; n < 2; n++) {
		i = oa_select(c, ARRAY_N(c));
		ASSERT_TRUE(i == 1 || i == 2);
		EXPECT_EQ(0, c[i].res);
		EXPECT_GE(oa_now(), c[i].u.at);
		/* Unless both have come meanwhile, it is the earlier one. */
		if (i == 1 && !n)
			EXPECT_GE(oa_now(), c[2].u.at);
		c[i].kind = OA_CASE_KIND_NONE;
	}
	c[1].kind = OA_CASE_KIND_AT;
	/* The deadline of the call is the earlier one. */
	EXPECT_ERR(oa_select_until(c, 1, oa_after(OA_MSEC)), -ETIMEDOUT);
	/* ... or the later, and what is past comes first. */
	EXPECT_EQ(1, oa_select_until(c, 2, 1));
	/* Of two at the same time, the case. */
	c[1].u.at = oa_after(OA_MSEC);
	EXPECT_EQ(1, oa_select_until(c, 2, c[1].u.at));
	return arg;
}

BY_ALL(timers);

/* Cancelled, or out of time. */

static void cut(data *d, int err)
{
	struct oa_case ready[] = {
		OA_CASE_SEM(&d->sem), OA_CASE_EVENT(&d->event),
		OA_CASE_AT(1),
	};

	for (size_t i = 0; i < ARRAY_N(ready); i++) {
		EXPECT_ERR(oa_select(&ready[i], 1), err);
		EXPECT_ERR(oa_select(ready, i + 1), err);
		EXPECT_ERR(oa_select_until(&ready[i], 1, OA_FOREVER), err);
		EXPECT_ERR(oa_select_until(ready, i + 1, 1), err);
	}
	EXPECT_ERR(oa_select_until(NULL, 0, oa_after(1000 * OA_SEC)), err);
	EXPECT_EQ(1u, oa_sem_value(&d->sem));
	/* This does not look at it. */
	EXPECT_EQ(0, oa_tryselect(ready, 1));
	EXPECT_EQ(0u, oa_sem_value(&d->sem));
	ASSERT_OK(oa_sem_post(&d->sem));
}

static void *is_cut(void *arg)
{
	data *d = arg;
	struct oa_deadline dl;

	ASSERT_OK(oa_sem_post(&d->sem));
	ASSERT_OK(oa_event_set(&d->event));
	OA_WITHIN(&dl, 1) {
		while (oa_now() < dl.at)
			;
		cut(d, -ETIMEDOUT);
	}
	EXPECT_EQ(1, oa_deadline_fired(&dl));
	ASSERT_OK(oa_cancel(oa_self()));
	cut(d, -ECANCELED);
	ASSERT_OK(oa_sem_trywait(&d->sem));
	return NULL;
}

TASK_TEST_F(select_calls, after_a_cancel_or_a_deadline,
	    .workers = variant->workers)
{
	struct actor a;

	actor_start(&a, WHO_TASK, 0, is_cut, self);
	actor_end(&a);
	actor_start(&a, WHO_POOL, 0, is_cut, self);
	actor_end(&a);
}

static void *waits_within(void *arg)
{
	data *d = arg;
	struct oa_case c[] = {
		OA_CASE_SEM(&d->sem), OA_CASE_RECV(d->ch, &d->x),
	};
	struct oa_deadline dl;

	OA_WITHIN(&dl, 2 * OA_MSEC)
		EXPECT_ERR(oa_select(c, 2), -ETIMEDOUT);
	EXPECT_EQ(1, oa_deadline_fired(&dl));
	return NULL;
}

static void *waits(void *arg)
{
	data *d = arg;
	struct oa_case c[] = {
		OA_CASE_RECV(d->ch, &d->x), OA_CASE_SEND(d->full, &d->x),
		OA_CASE_SEM(&d->sem),
	};

	EXPECT_ERR(oa_select(c, ARRAY_N(c)), -ECANCELED);
	return NULL;
}

TASK_TEST_F(select_calls, a_cancel_or_a_deadline, .workers = variant->workers)
{
	for (unsigned int i = 0; i < 20; i++) {
		enum who who = i % 2 ? WHO_TASK : WHO_POOL;
		struct actor a;

		if (i < 2) {
			actor_start(&a, who, 0, waits_within, self);
			actor_end(&a);
		}
		actor_start(&a, who, 0, waits, self);
		task_wait_until(SYNC(sem, &self->sem, waiters) == 1);
		ASSERT_OK(oa_cancel(a.t));
		actor_end(&a);
		EXPECT_EQ(0u, SYNC(sem, &self->sem, waiters));
		EXPECT_EQ(0u, CHAN(self->ch, receivers));
		EXPECT_EQ(0u, CHAN(self->full, senders));
	}
}

/* Closed channels: an outcome like any other. */

static void *closed(void *arg)
{
	int x = 3, y;
	struct oa_chan *ch;
	struct oa_case c[2];

	(void)arg;
	ASSERT_OK(oa_chan_create(&ch, sizeof(int), 1, OA_CHAN_BOUNDED));
	ASSERT_OK(oa_chan_send(ch, &x));
	ASSERT_OK(oa_chan_close(ch));
	c[0] = (struct oa_case)OA_CASE_SEND(ch, &x);
	c[1] = (struct oa_case)OA_CASE_RECV(ch, &y);
	for (unsigned int v = 0; v < 4; v++) {
		ASSERT_EQ(0, select_by(v, c, 1));
		EXPECT_ERR(c[0].res, -EPIPE);
	}
	ASSERT_EQ(0, oa_select(c + 1, 1));
	EXPECT_EQ(0, c[1].res);
	EXPECT_EQ(3, y);
	for (unsigned int v = 0; v < 4; v++) {
		ASSERT_EQ(0, select_by(v, c + 1, 1));
		EXPECT_ERR(c[1].res, -EPIPE);
	}
	ASSERT_OK(oa_chan_destroy(ch));
	return NULL;
}

BY_ALL(closed);

/* What sends and receives say goes into .res. */
static void *results_of_channels(void *arg)
{
	struct oa_chan *ch;
	struct oa_chan_sub sub = { 0 };
	struct oa_case c;
	int x = 1;

	ASSERT_OK(oa_chan_create(&ch, sizeof(int), 1, OA_CHAN_SLIDING));
	c = (struct oa_case)OA_CASE_SEND(ch, &x);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, oa_select(&c, 1));
		EXPECT_EQ(!!i, c.res);
	}
	ASSERT_OK(oa_chan_destroy(ch));
	ASSERT_OK(oa_chan_create(&ch, sizeof(int), 2, OA_CHAN_BROADCAST));
	ASSERT_OK(oa_chan_subscribe(ch, &sub));
	for (x = 0; x < 5; x++)
		ASSERT_GE(oa_chan_send(ch, &x), 0);
	c = (struct oa_case)OA_CASE_RECV_FROM(&sub, &x);
	ASSERT_EQ(0, oa_select(&c, 1));
	EXPECT_ERR(c.res, -EOVERFLOW);
	EXPECT_EQ(3u, oa_chan_lost(&sub));
	ASSERT_OK(oa_chan_close(ch));
	for (int i = 3; i < 5; i++) {
		ASSERT_EQ(0, oa_select(&c, 1));
		EXPECT_EQ(0, c.res);
		EXPECT_EQ(i, x);
	}
	ASSERT_EQ(0, oa_select(&c, 1));
	EXPECT_ERR(c.res, -EPIPE);
	ASSERT_OK(oa_chan_unsubscribe(&sub));
	ASSERT_OK(oa_chan_destroy(ch));
	return arg;
}

BY_ALL(results_of_channels);

/* The same object in several cases. */

static void *one_object_many_times(void *arg)
{
	data *d = arg;
	int a = -1, b = -1, x;
	struct oa_case c[] = {
		OA_CASE_RECV(d->ch, &a), OA_CASE_RECV(d->ch, &b),
		OA_CASE_SEM(&d->sem), OA_CASE_SEM(&d->sem),
		OA_CASE_EVENT(&d->tick), OA_CASE_EVENT(&d->tick),
		OA_CASE_AT(oa_after(OA_MSEC)), OA_CASE_AT(oa_after(OA_MSEC)),
	};
	int i;

	EXPECT_ERR(oa_tryselect(c, 6), -EAGAIN);
	EXPECT_ERR(oa_select_until(c, 6, oa_after(OA_MSEC)), -ETIMEDOUT);
	EXPECT_GE(oa_select(c, ARRAY_N(c)), 6);
	EXPECT_EQ(0u, SYNC(sem, &d->sem, waiters));
	for (int round = 0; round < 20; round++) {
		a = b = -1;
		x = round;
		ASSERT_OK(oa_chan_send(d->ch, &x));
		i = oa_select(c, 6);
		ASSERT_TRUE(i == 0 || i == 1);
		EXPECT_EQ(round, i ? b : a);
		EXPECT_EQ(-1, i ? a : b);
		ASSERT_OK(oa_sem_post(&d->sem));
		i = oa_select(c, 6);
		ASSERT_TRUE(i == 2 || i == 3);
		ASSERT_OK(oa_event_set(&d->tick));
		i = oa_select(c, 6);
		ASSERT_TRUE(i == 4 || i == 5);
	}
	EXPECT_EQ(0u, oa_sem_value(&d->sem));
	EXPECT_EQ((size_t)0, oa_chan_len(d->ch));
	return NULL;
}

BY_ALL(one_object_many_times);

struct twice {
	data *d;
	int at, a, b;
};

static void *waits_twice(void *arg)
{
	struct twice *t = arg;
	data *d = t->d;
	struct oa_case c[] = {
		OA_CASE_RECV(d->ch, &t->a), OA_CASE_RECV(d->ch, &t->b),
		OA_CASE_EVENT(&d->tick), OA_CASE_EVENT(&d->tick),
		OA_CASE_SEM(&d->sem), OA_CASE_SEM(&d->sem),
	};

	t->at = oa_select(c, ARRAY_N(c));
	ASSERT_GE(t->at, 0);
	EXPECT_EQ(0, c[t->at].res);
	return NULL;
}

/* One that waits in two places of a queue is served once. */
TASK_TEST_F(select_calls, waiting_twice_for_one_object,
	    .workers = variant->workers, .max_blocking = ACTORS_ON_POOL)
{
	for (unsigned int i = 0; i < 5 * WHO_MIXED; i++) {
		struct twice t[2] = { { self, -9, -1, -1 },
				      { self, -9, -1, -1 } };
		struct actor a[2];
		int x = 5;

		for (int k = 0; k < 2; k++) {
			actor_start(&a[k], WHO_MIXED, i, waits_twice, &t[k]);
			task_wait_until(SYNC(sem, &self->sem, waiters) ==
					2 * ((unsigned int)k + 1));
			task_wait_until(CHAN(self->ch, receivers) ==
					2 * ((unsigned int)k + 1));
		}
		ASSERT_OK(oa_chan_trysend(self->ch, &x));
		actor_end(&a[0]);
		EXPECT_TRUE(t[0].at == 0 || t[0].at == 1);
		EXPECT_EQ(5, t[0].at ? t[0].b : t[0].a);
		ASSERT_OK(oa_sem_post(&self->sem));
		actor_end(&a[1]);
		EXPECT_TRUE(t[1].at == 4 || t[1].at == 5);
		EXPECT_EQ(0u, oa_sem_value(&self->sem));
		EXPECT_EQ((size_t)0, oa_chan_len(self->ch));
	}
}

/* No runtime is needed. */
TEST_F(select_calls, without_a_runtime)
{
	nothing_to_wait_for(self);
	refused(self);
	null_objects(self);
	ready_at_once(self);
	never_ready(self);
	timers(self);
	closed(self);
	results_of_channels(self);
	one_object_many_times(self);
}

HARNESS_MAIN
