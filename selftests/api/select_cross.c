// SPDX-License-Identifier: MIT
/*
 * Selects that are each other's partners, crosswise over several channels: a
 * match is one for both or for neither. And selects against a close.
 */
#include "actors.h"

FIXTURE(select_cross) {
	struct oa_chan *ch[3];
	unsigned int rounds, sent[3], got[3];
	uint64_t sent_sum[3], got_sum[3];
};
VARIANTS_WORKERS(select_cross);

typedef struct select_cross_fixture_data data;

static void make(data *d, size_t capacity)
{
	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_chan_create(&d->ch[i], sizeof(int), capacity,
					 OA_CHAN_BOUNDED));
}

static void destroy(data *d)
{
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(0u, CHAN(d->ch[i], senders));
		EXPECT_EQ(0u, CHAN(d->ch[i], receivers));
		ASSERT_OK(oa_chan_destroy(d->ch[i]));
	}
}

FIXTURE_SETUP(select_cross)
{
}

FIXTURE_TEARDOWN(select_cross)
{
}

/* One partner: sends on some, receives on some. */
struct partner {
	data *d;
	unsigned int me;
	int out[2], in[2];	/* numbers of channels, or -1 */
	bool swapped;		/* the receives come first */
};

static void account(data *d, bool sent, int k, int x)
{
	COUNT(*(sent ? &d->sent[k] : &d->got[k]));
	__atomic_add_fetch(sent ? &d->sent_sum[k] : &d->got_sum[k],
			   (uint64_t)x, __ATOMIC_RELAXED);
}

/* 0, or what the channel or the call said instead. */
static int exchange(struct partner *p, int x)
{
	struct oa_case c[4];
	int y = -1, on[4], i, n = 0, sends = 0;

	for (int half = 0; half < 2; half++) {
		bool send = half == p->swapped;

		for (int k = 0; k < 2; k++) {
			int ch = send ? p->out[k] : p->in[k];

			if (ch < 0)
				continue;
			if (send)
				c[n] = (struct oa_case)
					OA_CASE_SEND(p->d->ch[ch], &x);
			else
				c[n] = (struct oa_case)
					OA_CASE_RECV(p->d->ch[ch], &y);
			sends |= send << n;
			on[n++] = ch;
		}
	}
	i = oa_select(c, (size_t)n);
	if (i < 0)
		return i;
	ASSERT_LT(i, n);
	if (c[i].res)
		return c[i].res;
	account(p->d, sends >> i & 1, on[i], sends >> i & 1 ? x : y);
	return 0;
}

static void *exchanges(void *arg)
{
	struct partner *p = arg;

	for (unsigned int i = 0; i < p->d->rounds; i++)
		ASSERT_OK(exchange(p, (int)(i * 8 + p->me)));
	return NULL;
}

static void check(data *d)
{
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(d->sent[i], d->got[i]);
		EXPECT_EQ(d->sent_sum[i], d->got_sum[i]);
	}
}

static void cross(data *d, enum who who, bool swapped)
{
	struct partner p[2] = {
		{ d, 0, { 0, -1 }, { 1, -1 }, swapped },
		{ d, 1, { 1, -1 }, { 0, -1 }, false },
	};
	struct actor a[2];

	make(d, 0);
	for (unsigned int i = 0; i < 2; i++)
		actor_start(&a[i], who, i, exchanges, &p[i]);
	for (int i = 0; i < 2; i++)
		actor_end(&a[i]);
	check(d);
	/* Each match is one round of both. */
	EXPECT_EQ(d->rounds, d->sent[0] + d->sent[1]);
	destroy(d);
}

TASK_TEST_F_TIMEOUT(select_cross, two_for_long, 120,
		    .workers = variant->workers)
{
	self->rounds = (unsigned int)SCALED(100000, 5000);
	cross(self, WHO_TASK, false);
}

TASK_TEST_F(select_cross, two_in_opposite_order, .workers = variant->workers)
{
	self->rounds = (unsigned int)SCALED(20000, 2000);
	cross(self, WHO_TASK, true);
}

TASK_TEST_F(select_cross, two_foreign_threads, .workers = variant->workers)
{
	self->rounds = (unsigned int)SCALED(3000, 300);
	cross(self, WHO_THREAD, false);
}

TASK_TEST_F(select_cross, a_task_and_a_foreign_thread,
	    .workers = variant->workers)
{
	self->rounds = (unsigned int)SCALED(3000, 300);
	cross(self, WHO_MIXED, true);
}

TASK_TEST_F(select_cross, two_on_the_pool, .workers = variant->workers,
	    .max_blocking = ACTORS_ON_POOL)
{
	self->rounds = (unsigned int)SCALED(2000, 300);
	cross(self, WHO_POOL, false);
}

/* Nobody is his own partner. */

static void *alone(void *arg)
{
	data *d = arg;
	int x = 1, y = 2;
	struct oa_case c[] = {
		OA_CASE_SEND(d->ch[0], &x), OA_CASE_RECV(d->ch[0], &y),
		OA_CASE_SEND(d->ch[1], &x), OA_CASE_RECV(d->ch[1], &y),
	};

	for (int i = 0; i < 5; i++) {
		EXPECT_ERR(oa_tryselect(c, ARRAY_N(c)), -EAGAIN);
		EXPECT_ERR(oa_select_until(c, ARRAY_N(c), 1), -ETIMEDOUT);
		EXPECT_ERR(oa_select_until(c, ARRAY_N(c), oa_after(OA_MSEC)),
			   -ETIMEDOUT);
	}
	EXPECT_EQ(2, y);
	return NULL;
}

TASK_TEST_F(select_cross, nobody_is_his_own_partner,
	    .workers = variant->workers)
{
	make(self, 0);
	for (unsigned int i = 0; i < WHO_MIXED; i++) {
		struct actor a;

		actor_start(&a, WHO_MIXED, i, alone, self);
		actor_end(&a);
	}
	destroy(self);
}

/* Many on the same channels, until they are closed. */

static void *exchanges_until_closed(void *arg)
{
	struct partner *p = arg;
	int err;

	for (unsigned int i = 0;; i++) {
		err = exchange(p, (int)(i % 1000 * 8 + p->me));
		if (err)
			break;
		/* With room in a channel none of them need ever wait. */
		if (!(i % 8))
			give_way();
	}
	ASSERT_TRUE(err == -ECANCELED || err == -EPIPE);
	return NULL;
}

static void until_closed(data *d, enum who who, struct partner *p,
			 unsigned int n, size_t capacity)
{
	struct actor a[8];
	int x;

	make(d, capacity);
	for (unsigned int i = 0; i < n; i++) {
		p[i].d = d;
		p[i].me = i;
		actor_start(&a[i], who, i, exchanges_until_closed, &p[i]);
	}
	task_wait_until(SEEN(d->got[0]) + SEEN(d->got[1]) + SEEN(d->got[2]) >=
			d->rounds);
	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_chan_close(d->ch[i]));
	for (unsigned int i = 0; i < n; i++)
		actor_end(&a[i]);
	for (int i = 0; i < 3; i++)
		while (!oa_chan_tryrecv(d->ch[i], &x))
			account(d, false, i, x);
	check(d);
	destroy(d);
}

static void both_ways(data *d, enum who who, size_t capacity)
{
	struct partner p[5];

	for (int i = 0; i < 5; i++)
		p[i] = (struct partner){ .out = { 0, -1 }, .in = { 0, -1 },
					 .swapped = i % 2 };
	until_closed(d, who, p, 5, capacity);
}

static void in_a_circle(data *d, enum who who, size_t capacity)
{
	struct partner p[6];

	for (int i = 0; i < 6; i++)
		p[i] = (struct partner){ .out = { i % 3, -1 },
					 .in = { (i + 2) % 3, -1 },
					 .swapped = i % 4 == 1 };
	until_closed(d, who, p, 6, capacity);
}

static void all_with_all(data *d, enum who who, size_t capacity)
{
	struct partner p[6];

	for (int i = 0; i < 6; i++)
		p[i] = (struct partner){ .out = { i % 3, (i + 1) % 3 },
					 .in = { (i + 1) % 3, (i + 2) % 3 },
					 .swapped = i > 2 };
	until_closed(d, who, p, 6, capacity);
}

#define BY_ALL(name) \
	TASK_TEST_F(select_cross, name, .workers = variant->workers) \
	{ \
		self->rounds = (unsigned int)SCALED(10000, 1000); \
		name(self, WHO_TASK, 0); \
		name(self, WHO_TASK, 1); \
	} \
	TASK_TEST_F(select_cross, name##_threads, .workers = variant->workers) \
	{ \
		self->rounds = (unsigned int)SCALED(1500, 300); \
		name(self, WHO_THREAD, 0); \
		name(self, WHO_THREAD, 1); \
	} \
	TASK_TEST_F(select_cross, name##_mixed, .workers = variant->workers, \
		    .max_blocking = ACTORS_ON_POOL) \
	{ \
		self->rounds = (unsigned int)SCALED(1500, 300); \
		name(self, WHO_MIXED, 0); \
		name(self, WHO_MIXED, 1); \
	} \
	struct harness_variant

BY_ALL(both_ways);
BY_ALL(in_a_circle);
BY_ALL(all_with_all);

/* Partners that are cancelled in full swing. */
TASK_TEST_F(select_cross, cancelled_in_full_swing, .workers = variant->workers)
{
	for (unsigned int round = 0; round < (unsigned int)SCALED(60, 10);
	     round++) {
		struct partner p[6];
		oa_task_t t[6];

		make(self, 0);
		for (int i = 0; i < 6; i++) {
			p[i] = (struct partner){ self, (unsigned int)i,
				{ i % 3, -1 }, { (i + 1) % 3, -1 }, i % 2 };
			t[i] = oa_spawn(exchanges_until_closed, &p[i]);
		}
		for (unsigned int i = 0; i < round % 8; i++)
			ASSERT_OK(oa_yield());
		for (int i = 0; i < 6; i++) {
			ASSERT_OK(oa_cancel(t[i]));
			if (round % 2)
				ASSERT_OK(oa_yield());
		}
		for (int i = 0; i < 6; i++)
			ASSERT_OK(oa_join(t[i], NULL));
		check(self);
		destroy(self);
	}
}

/* A close ends those who wait, on whatever side; of two closes one is first. */

static void *waits_on_all(void *arg)
{
	data *d = arg;
	int x = 1, y, i;
	struct oa_case c[] = {
		OA_CASE_RECV(d->ch[0], &y), OA_CASE_RECV(d->ch[1], &y),
		OA_CASE_RECV(d->ch[2], &y), OA_CASE_SEND(d->ch[2], &x),
	};

	i = oa_select(c, ARRAY_N(c));
	ASSERT_GE(i, 0);
	EXPECT_ERR(c[i].res, -EPIPE);
	return as_result(i);
}

TASK_TEST_F(select_cross, a_close_ends_it, .workers = variant->workers,
	    .max_blocking = ACTORS_ON_POOL)
{
	for (int k = 0; k < 3 * WHO_MIXED; k++) {
		struct actor a;
		int at, ch = k / WHO_MIXED;

		make(self, 0);
		actor_start(&a, WHO_MIXED, (unsigned int)k, waits_on_all,
			    self);
		task_wait_until(CHAN(self->ch[ch], receivers) == 1);
		EXPECT_ERR(oa_chan_destroy(self->ch[ch]), -EBUSY);
		ASSERT_OK(oa_chan_close(self->ch[ch]));
		at = (int)(intptr_t)actor_end(&a);
		EXPECT_TRUE(at == ch || (ch == 2 && at == 3));
		destroy(self);
	}
}

HARNESS_MAIN
