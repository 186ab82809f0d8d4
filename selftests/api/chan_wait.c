// SPDX-License-Identifier: MIT
/*
 * Those who wait in a channel: in which order they are served, and that who
 * gives up has neither sent nor taken anything.
 */
#include "actors.h"

#define N	5

FIXTURE(chan_wait) {
	struct oa_chan *ch;
	struct oa_chan_sub sub;
	unsigned int sent, got, cut;
	uint64_t sent_sum, got_sum;
	int go, over;
};
VARIANTS_WORKERS(chan_wait);

typedef struct chan_wait_fixture_data data;

FIXTURE_SETUP(chan_wait)
{
	/* Drawn from by threads of all kinds: by then it is to be known. */
	harness_seed();
}

FIXTURE_TEARDOWN(chan_wait)
{
}

static void make(data *d, size_t capacity, enum oa_chan_kind kind)
{
	ASSERT_OK(oa_chan_create(&d->ch, sizeof(int), capacity, kind));
}

static void destroy(data *d)
{
	EXPECT_EQ(0u, CHAN(d->ch, senders));
	EXPECT_EQ(0u, CHAN(d->ch, receivers));
	ASSERT_OK(oa_chan_destroy(d->ch));
}

/* One who waits. */

struct one {
	data *d;
	int x;
	oa_time_t until;	/* 0: for ever */
	int sent;
};

static void *sends(void *arg)
{
	struct one *o = arg;
	int err = o->until ? oa_chan_send_until(o->d->ch, &o->x, o->until) :
			     oa_chan_send(o->d->ch, &o->x);

	TELL(o->sent, 1);
	return as_result(err);
}

/* What it got, or an error. */
static void *receives(void *arg)
{
	struct one *o = arg;
	int err = o->until ? oa_chan_recv_until(o->d->ch, &o->x, o->until) :
			     oa_chan_recv(o->d->ch, &o->x);

	return as_result(err ? err : o->x);
}

static int code(struct actor *a)
{
	return (int)(intptr_t)actor_end(a);
}

static int recv_now(data *d)
{
	int x = -1, err = oa_chan_tryrecv(d->ch, &x);

	return err ? err : x;
}

static void start_receivers(data *d, enum who who, struct actor *a,
			    struct one *o)
{
	for (unsigned int i = 0; i < N; i++) {
		o[i] = (struct one){ .d = d };
		actor_start(&a[i], who, i, receives, &o[i]);
		task_wait_until(CHAN(d->ch, receivers) == i + 1);
	}
}

static void start_senders(data *d, enum who who, struct actor *a,
			  struct one *o)
{
	for (unsigned int i = 0; i < N; i++) {
		o[i] = (struct one){ .d = d, .x = 100 + (int)i };
		actor_start(&a[i], who, i, sends, &o[i]);
		task_wait_until(CHAN(d->ch, senders) == i + 1);
	}
}

static void receivers_in_turn(data *d, enum who who)
{
	static const struct {
		enum oa_chan_kind kind;
		size_t capacity;
	} all[] = {
		{ OA_CHAN_BOUNDED, 0 }, { OA_CHAN_BOUNDED, 1 },
		{ OA_CHAN_BOUNDED, 8 }, { OA_CHAN_UNBOUNDED, 0 },
		{ OA_CHAN_SLIDING, 8 }, { OA_CHAN_DROPPING, 8 },
	};

	for (size_t k = 0; k < ARRAY_N(all); k++) {
		struct actor a[N];
		struct one o[N];

		make(d, all[k].capacity, all[k].kind);
		start_receivers(d, who, a, o);
		for (int i = 0; i < N; i++)
			ASSERT_OK(oa_chan_send(d->ch, &i));
		for (int i = 0; i < N; i++)
			EXPECT_EQ(i, code(&a[i]));
		destroy(d);
	}
}

static void senders_in_turn(data *d, enum who who)
{
	for (size_t cap = 0; cap < 3; cap++) {
		struct actor a[N];
		struct one o[N];

		make(d, cap, OA_CHAN_BOUNDED);
		for (int i = 0; i < (int)cap; i++)
			ASSERT_OK(oa_chan_send(d->ch, &i));
		start_senders(d, who, a, o);
		for (int i = 0; i < (int)cap; i++)
			EXPECT_EQ(i, recv_now(d));
		for (int i = 0; i < N; i++)
			EXPECT_EQ(100 + i, recv_now(d));
		EXPECT_ERR(recv_now(d), -EAGAIN);
		for (int i = 0; i < N; i++)
			EXPECT_OK(code(&a[i]));
		destroy(d);
	}
}

#define BY_ALL(name) \
	TASK_TEST_F(chan_wait, name##_tasks, .workers = variant->workers) \
	{ \
		name(self, WHO_TASK); \
	} \
	TASK_TEST_F(chan_wait, name##_threads, .workers = variant->workers) \
	{ \
		name(self, WHO_THREAD); \
	} \
	TASK_TEST_F(chan_wait, name##_mixed, .workers = variant->workers, \
		    .max_blocking = ACTORS_ON_POOL) \
	{ \
		name(self, WHO_MIXED); \
	} \
	struct harness_variant

BY_ALL(receivers_in_turn);
BY_ALL(senders_in_turn);

/* Who comes with an element does not pass those who wait with theirs. */
TASK_TEST_F(chan_wait, a_sender_does_not_jump_the_queue,
	    .workers = variant->workers)
{
	struct actor a[N];
	struct one o[N];
	int x = 1;

	make(self, 1, OA_CHAN_BOUNDED);
	ASSERT_OK(oa_chan_send(self->ch, &x));
	start_senders(self, WHO_TASK, a, o);
	EXPECT_EQ(1, recv_now(self));
	/* The room it made is that of the first in the queue. */
	x = 2;
	EXPECT_ERR(oa_chan_trysend(self->ch, &x), -EAGAIN);
	for (int i = 0; i < N; i++)
		EXPECT_EQ(100 + i, recv_now(self));
	for (int i = 0; i < N; i++)
		EXPECT_OK(code(&a[i]));
	destroy(self);
}

/* Rendezvous. */

static void a_send_ends_when_it_is_taken(data *d, enum who who)
{
	for (unsigned int i = 0; i < WHO_MIXED; i++) {
		struct one o = { .d = d, .x = 7 };
		struct actor a;

		make(d, 0, OA_CHAN_BOUNDED);
		EXPECT_EQ((size_t)0, oa_chan_cap(d->ch));
		actor_start(&a, who, i, sends, &o);
		task_wait_until(CHAN(d->ch, senders) == 1);
		for (int k = 0; k < 20; k++)
			ASSERT_OK(oa_yield());
		EXPECT_EQ(0, SEEN(o.sent));
		EXPECT_EQ(0u, CHAN(d->ch, sent));
		EXPECT_EQ((size_t)0, oa_chan_len(d->ch));
		EXPECT_EQ(7, recv_now(d));
		EXPECT_OK(code(&a));
		EXPECT_EQ(1u, CHAN(d->ch, sent));
		EXPECT_EQ(1u, CHAN(d->ch, received));
		destroy(d);
	}
}

BY_ALL(a_send_ends_when_it_is_taken);

/* Deadlines. */

static void deadlines(data *d, enum who who)
{
	for (size_t cap = 0; cap < 3; cap++) {
		for (unsigned int i = 0; i < WHO_MIXED; i++) {
			struct one o = { .d = d, .x = 50 };
			struct actor a;
			int x = 1;

			make(d, cap, OA_CHAN_BOUNDED);
			o.until = oa_after(2 * OA_MSEC);
			actor_start(&a, who, i, receives, &o);
			EXPECT_ERR(code(&a), -ETIMEDOUT);
			EXPECT_GE(oa_now(), o.until);
			/* It is not there any more to take anything. */
			for (size_t k = 0; k < cap; k++)
				ASSERT_OK(oa_chan_trysend(d->ch, &x));
			EXPECT_ERR(oa_chan_trysend(d->ch, &x), -EAGAIN);
			o.until = oa_after(2 * OA_MSEC);
			o.x = 50;
			actor_start(&a, who, i, sends, &o);
			EXPECT_ERR(code(&a), -ETIMEDOUT);
			EXPECT_GE(oa_now(), o.until);
			for (size_t k = 0; k < cap; k++)
				EXPECT_EQ(1, recv_now(d));
			EXPECT_ERR(recv_now(d), -EAGAIN);
			EXPECT_EQ(cap, (size_t)CHAN(d->ch, sent));
			destroy(d);
		}
	}
}

BY_ALL(deadlines);

static void *within(void *arg)
{
	struct one *o = arg;
	struct oa_deadline d;
	int err = 0;

	OA_WITHIN(&d, 2 * OA_MSEC)
		err = o->sent ? oa_chan_send(o->d->ch, &o->x) :
				oa_chan_recv(o->d->ch, &o->x);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	return as_result(err);
}

TASK_TEST_F(chan_wait, a_deadline_around_it, .workers = variant->workers)
{
	make(self, 0, OA_CHAN_BOUNDED);
	for (unsigned int i = 0; i < 4; i++) {
		struct one o = { .d = self, .sent = i % 2 };
		struct actor a;

		actor_start(&a, i / 2 ? WHO_POOL : WHO_TASK, 0, within, &o);
		EXPECT_ERR(code(&a), -ETIMEDOUT);
	}
	destroy(self);
}

/* Cancels: the first, the last and one between them; the others stay. */

static void cancelled_receivers(data *d, enum who who)
{
	for (int c = 0; c < N; c++) {
		struct actor a[N];
		struct one o[N];

		make(d, (size_t)(c % 3), OA_CHAN_BOUNDED);
		start_receivers(d, who, a, o);
		ASSERT_OK(oa_cancel(a[c].t));
		EXPECT_ERR(code(&a[c]), -ECANCELED);
		EXPECT_EQ((uint32_t)N - 1, CHAN(d->ch, receivers));
		for (int i = 0; i < N; i++)
			if (i != c)
				ASSERT_OK(oa_chan_send(d->ch, &i));
		for (int i = 0; i < N; i++)
			if (i != c)
				EXPECT_EQ(i, code(&a[i]));
		EXPECT_EQ((size_t)0, oa_chan_len(d->ch));
		destroy(d);
	}
}

static void cancelled_senders(data *d, enum who who)
{
	for (int c = 0; c < N; c++) {
		struct actor a[N];
		struct one o[N];
		int x = 1;

		make(d, (size_t)(c % 2), OA_CHAN_BOUNDED);
		if (c % 2)
			ASSERT_OK(oa_chan_send(d->ch, &x));
		start_senders(d, who, a, o);
		ASSERT_OK(oa_cancel(a[c].t));
		EXPECT_ERR(code(&a[c]), -ECANCELED);
		if (c % 2)
			EXPECT_EQ(1, recv_now(d));
		for (int i = 0; i < N; i++)
			if (i != c)
				EXPECT_EQ(100 + i, recv_now(d));
		EXPECT_ERR(recv_now(d), -EAGAIN);
		for (int i = 0; i < N; i++)
			if (i != c)
				EXPECT_OK(code(&a[i]));
		destroy(d);
	}
}

TASK_TEST_F(chan_wait, cancelled_receivers, .workers = variant->workers)
{
	cancelled_receivers(self, WHO_TASK);
}

TASK_TEST_F(chan_wait, cancelled_receivers_on_the_pool,
	    .workers = variant->workers, .max_blocking = ACTORS_ON_POOL)
{
	cancelled_receivers(self, WHO_POOL);
}

TASK_TEST_F(chan_wait, cancelled_senders, .workers = variant->workers)
{
	cancelled_senders(self, WHO_TASK);
}

TASK_TEST_F(chan_wait, cancelled_senders_on_the_pool,
	    .workers = variant->workers, .max_blocking = ACTORS_ON_POOL)
{
	cancelled_senders(self, WHO_POOL);
}

/* Races: who is told that it did not happen must be right. */

static void count_sent(data *d, int x, int err)
{
	if (err) {
		COUNT(d->cut);
		return;
	}
	COUNT(d->sent);
	__atomic_add_fetch(&d->sent_sum, x, __ATOMIC_RELAXED);
}

static void count_got(data *d, int x, int err)
{
	if (err) {
		COUNT(d->cut);
		return;
	}
	COUNT(d->got);
	__atomic_add_fetch(&d->got_sum, x, __ATOMIC_RELAXED);
}

struct hasty {
	data *d;
	unsigned int me, rounds;
	bool sends;
};

static void *in_a_hurry(void *arg)
{
	struct hasty *h = arg;
	struct random r = random_of(h->me);

	for (unsigned int i = 0; i < h->rounds; i++) {
		oa_time_t until = oa_after(draw(&r, 30000));
		int x = (int)draw(&r, 1000000), err;

		if (h->sends) {
			err = oa_chan_send_until(h->d->ch, &x, until);
			count_sent(h->d, x, err);
		} else {
			err = oa_chan_recv_until(h->d->ch, &x, until);
			count_got(h->d, x, err);
		}
		ASSERT_TRUE(!err || err == -ETIMEDOUT);
	}
	return NULL;
}

static void balance(data *d)
{
	int x;

	while ((x = recv_now(d)) >= 0)
		count_got(d, x, 0);
	ASSERT_ERR(x, -EAGAIN);
	EXPECT_EQ(d->sent, d->got);
	EXPECT_EQ(d->sent_sum, d->got_sum);
	d->sent = d->got = d->cut = 0;
	d->sent_sum = d->got_sum = 0;
}

static void deadlines_race(data *d, enum who who)
{
	for (size_t cap = 0; cap < 3; cap++) {
		struct hasty h[6];
		struct actor a[6];

		make(d, cap, OA_CHAN_BOUNDED);
		for (unsigned int i = 0; i < 6; i++) {
			h[i] = (struct hasty){ d, i,
				(unsigned int)SCALED(300, 50), i % 2 };
			actor_start(&a[i], who, i / 2, in_a_hurry, &h[i]);
		}
		for (int i = 0; i < 6; i++)
			actor_end(&a[i]);
		balance(d);
		destroy(d);
	}
}

BY_ALL(deadlines_race);

static void *sends_or_is_cut(void *arg)
{
	struct one *o = arg;
	int err = oa_chan_send(o->d->ch, &o->x);

	ASSERT_TRUE(!err || err == -ECANCELED);
	count_sent(o->d, o->x, err);
	return NULL;
}

static void *receives_or_is_cut(void *arg)
{
	struct one *o = arg;
	int x = 0, err = oa_chan_recv(o->d->ch, &x);

	ASSERT_TRUE(!err || err == -ECANCELED);
	count_got(o->d, x, err);
	return NULL;
}

struct canceller {
	data *d;
	oa_task_t t[16];
};

static void *cancels(void *arg)
{
	struct canceller *c = arg;

	while (!SEEN(c->d->go))
		give_way();
	for (size_t i = 0; i < ARRAY_N(c->t); i++)
		oa_cancel(c->t[i]);
	return NULL;
}

/* As many on each side; while they meet, half of all are cancelled. */
static void cancel_half(data *d, unsigned int round)
{
	enum { M = 2 * ARRAY_N(((struct canceller *)0)->t) };
	struct canceller c = { .d = d };
	struct actor by;
	struct one o[M];
	oa_task_t t[M];

	TELL(d->go, 0);
	make(d, round % 3, OA_CHAN_BOUNDED);
	for (int i = 0; i < M; i++) {
		o[i] = (struct one){ .d = d, .x = i + 1 };
		t[i] = oa_spawn(i % 2 ? sends_or_is_cut : receives_or_is_cut,
				&o[i], .delay = round % 4 ? 1 : 0);
		if (i % 4 < 2)
			c.t[i / 4 * 2 + i % 2] = t[i];
	}
	actor_start(&by, WHO_MIXED, round, cancels, &c);
	TELL(d->go, 1);
	actor_end(&by);
	for (int i = 0; i < 5; i++)
		ASSERT_OK(oa_yield());
	/* Those whose partner is gone would wait for ever. */
	for (int i = 0; i < M; i++)
		oa_cancel(t[i]);
	for (int i = 0; i < M; i++)
		ASSERT_OK(oa_join(t[i], NULL));
	balance(d);
	destroy(d);
}

TASK_TEST_F(chan_wait, cancels_race, .workers = variant->workers)
{
	for (unsigned int i = 0; i < (unsigned int)SCALED(60, 12); i++)
		cancel_half(self, i);
}

/* A shutdown asks all that wait to stop. */

static void *leaves_them_waiting(void *arg)
{
	data *d = arg;
	static struct one o[2];

	make(d, 1, OA_CHAN_BOUNDED);
	o[0].d = o[1].d = d;
	ASSERT_OK(oa_go(receives_or_is_cut, &o[0]));
	ASSERT_OK(oa_go(receives_or_is_cut, &o[1], .block = true));
	task_wait_until(CHAN(d->ch, receivers) == 2);
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL));
	return NULL;
}

TEST_F(chan_wait, a_shutdown)
{
	ASSERT_OK(oa_run(leaves_them_waiting, self,
			 .workers = variant->workers));
	EXPECT_EQ(2u, self->cut);
	destroy(self);
}

HARNESS_MAIN
