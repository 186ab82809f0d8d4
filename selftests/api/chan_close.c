// SPDX-License-Identifier: MIT
/* The end of a channel: close with waiters on either side, destroy. */
#include "actors.h"

#include <stdlib.h>

#define N	6

FIXTURE(chan_close) {
	struct oa_chan *ch;
	unsigned int sent, got, dropped, left;
	uint64_t sent_sum, got_sum;
};
VARIANTS_WORKERS(chan_close);

typedef struct chan_close_fixture_data data;

FIXTURE_SETUP(chan_close)
{
}

FIXTURE_TEARDOWN(chan_close)
{
}

static const struct {
	enum oa_chan_kind kind;
	size_t capacity;
} kinds[] = {
	{ OA_CHAN_BOUNDED, 0 }, { OA_CHAN_BOUNDED, 1 },
	{ OA_CHAN_BOUNDED, 16 }, { OA_CHAN_UNBOUNDED, 0 },
	{ OA_CHAN_SLIDING, 4 }, { OA_CHAN_DROPPING, 4 },
};

static void make(data *d, size_t capacity, enum oa_chan_kind kind)
{
	ASSERT_OK(oa_chan_create(&d->ch, sizeof(int), capacity, kind));
}

static void *receives(void *arg)
{
	int x = -1, err = oa_chan_recv(((data *)arg)->ch, &x);

	return as_result(err ? err : x);
}

static void *sends(void *arg)
{
	int x = 100;

	return as_result(oa_chan_send(((data *)arg)->ch, &x));
}

static int code(struct actor *a)
{
	return (int)(intptr_t)actor_end(a);
}

#define BY_ALL(name) \
	TASK_TEST_F(chan_close, name##_tasks, .workers = variant->workers) \
	{ \
		name(self, WHO_TASK); \
	} \
	TASK_TEST_F(chan_close, name##_threads, .workers = variant->workers) \
	{ \
		name(self, WHO_THREAD); \
	} \
	TASK_TEST_F(chan_close, name##_mixed, .workers = variant->workers, \
		    .max_blocking = ACTORS_ON_POOL) \
	{ \
		name(self, WHO_MIXED); \
	} \
	struct harness_variant

static void receivers_are_told(data *d, enum who who)
{
	struct actor a[N];

	for (size_t k = 0; k < ARRAY_N(kinds); k++) {
		make(d, kinds[k].capacity, kinds[k].kind);
		for (unsigned int i = 0; i < N; i++)
			actor_start(&a[i], who, i, receives, d);
		task_wait_until(CHAN(d->ch, receivers) == N);
		ASSERT_OK(oa_chan_close(d->ch));
		for (int i = 0; i < N; i++)
			EXPECT_ERR(code(&a[i]), -EPIPE);
		EXPECT_EQ(0u, CHAN(d->ch, receivers));
		ASSERT_OK(oa_chan_destroy(d->ch));
	}
}

BY_ALL(receivers_are_told);

/* What waits to be sent is not sent; what is in it can be received. */
static void senders_are_told(data *d, enum who who)
{
	struct actor a[N];
	int x = 0;

	for (size_t cap = 0; cap < 4; cap++) {
		make(d, cap, OA_CHAN_BOUNDED);
		for (int i = 0; i < (int)cap; i++)
			ASSERT_OK(oa_chan_send(d->ch, &i));
		for (unsigned int i = 0; i < N; i++)
			actor_start(&a[i], who, i, sends, d);
		task_wait_until(CHAN(d->ch, senders) == N);
		ASSERT_OK(oa_chan_close(d->ch));
		for (int i = 0; i < N; i++)
			EXPECT_ERR(code(&a[i]), -EPIPE);
		EXPECT_EQ(0u, CHAN(d->ch, senders));
		EXPECT_EQ(cap, (size_t)CHAN(d->ch, sent));
		EXPECT_EQ(cap, oa_chan_len(d->ch));
		for (int i = 0; i < (int)cap; i++) {
			ASSERT_OK(oa_chan_recv(d->ch, &x));
			EXPECT_EQ(i, x);
		}
		EXPECT_ERR(oa_chan_recv(d->ch, &x), -EPIPE);
		ASSERT_OK(oa_chan_destroy(d->ch));
	}
}

BY_ALL(senders_are_told);

/* Close while both sides are busy. */

static void *sends_until_closed(void *arg)
{
	data *d = arg;
	uint64_t sum = 0;
	int x, err;

	for (x = 1;; x++) {
		err = oa_chan_send(d->ch, &x);
		if (err < 0)
			break;
		if (err)
			COUNT(d->dropped);
		COUNT(d->sent);
		sum += (uint64_t)x;
		/* Some kinds never make it wait. */
		if (!(x % 8))
			give_way();
	}
	EXPECT_ERR(err, -EPIPE);
	__atomic_add_fetch(&d->sent_sum, sum, __ATOMIC_RELAXED);
	return NULL;
}

static void *receives_until_closed(void *arg)
{
	data *d = arg;
	uint64_t sum = 0;
	int x, err;

	while (!(err = oa_chan_recv(d->ch, &x))) {
		COUNT(d->got);
		sum += (uint64_t)x;
	}
	EXPECT_ERR(err, -EPIPE);
	__atomic_add_fetch(&d->got_sum, sum, __ATOMIC_RELAXED);
	return NULL;
}

static void close_in_full_swing(data *d, enum who who)
{
	struct actor s[3], r[3];

	for (size_t k = 0; k < ARRAY_N(kinds); k++) {
		bool drops = kinds[k].kind == OA_CHAN_SLIDING ||
			     kinds[k].kind == OA_CHAN_DROPPING;

		for (unsigned int n = 0; n < 300; n += 140) {
			make(d, kinds[k].capacity, kinds[k].kind);
			for (unsigned int i = 0; i < 3; i++) {
				actor_start(&r[i], who, i,
					    receives_until_closed, d);
				actor_start(&s[i], who, i + 1,
					    sends_until_closed, d);
			}
			task_wait_until(SEEN(d->got) >= n);
			ASSERT_OK(oa_chan_close(d->ch));
			for (int i = 0; i < 3; i++) {
				actor_end(&s[i]);
				actor_end(&r[i]);
			}
			EXPECT_EQ(d->sent, d->got + d->dropped);
			EXPECT_EQ((uint64_t)d->sent, CHAN(d->ch, sent));
			if (!drops) {
				EXPECT_EQ(0u, d->dropped);
				EXPECT_EQ(d->sent_sum, d->got_sum);
			}
			ASSERT_OK(oa_chan_destroy(d->ch));
			d->sent = d->got = d->dropped = 0;
			d->sent_sum = d->got_sum = 0;
		}
	}
}

BY_ALL(close_in_full_swing);

static void *closes(void *arg)
{
	ASSERT_OK(oa_chan_close(((data *)arg)->ch));
	return NULL;
}

static void many_close(data *d, enum who who)
{
	struct actor c[N], r;

	for (int round = 0; round < 20; round++) {
		make(d, 1, OA_CHAN_BOUNDED);
		actor_start(&r, who, (unsigned int)round, receives, d);
		for (unsigned int i = 0; i < N; i++)
			actor_start(&c[i], who, i, closes, d);
		EXPECT_ERR(code(&r), -EPIPE);
		for (int i = 0; i < N; i++)
			actor_end(&c[i]);
		ASSERT_OK(oa_chan_destroy(d->ch));
	}
}

BY_ALL(many_close);

/* Destroying. */

static void a_busy_one_stays(data *d, enum who who)
{
	for (unsigned int i = 0; i < WHO_MIXED; i++) {
		struct actor a;
		int x = 4;

		make(d, 0, OA_CHAN_BOUNDED);
		actor_start(&a, who, i, receives, d);
		task_wait_until(CHAN(d->ch, receivers) == 1);
		EXPECT_ERR(oa_chan_destroy(d->ch), -EBUSY);
		EXPECT_EQ(0u, CHAN(d->ch, closed));
		ASSERT_OK(oa_chan_trysend(d->ch, &x));
		EXPECT_EQ(4, code(&a));
		actor_start(&a, who, i, sends, d);
		task_wait_until(CHAN(d->ch, senders) == 1);
		EXPECT_ERR(oa_chan_destroy(d->ch), -EBUSY);
		ASSERT_OK(oa_chan_tryrecv(d->ch, &x));
		EXPECT_EQ(100, x);
		EXPECT_OK(code(&a));
		ASSERT_OK(oa_chan_destroy(d->ch));
	}
}

BY_ALL(a_busy_one_stays);

static struct counted_memory memory;

/* Who is out of its call as the last destroys it at once. */
static void last_one_out(data *d)
{
	if (!__atomic_sub_fetch(&d->left, 1, __ATOMIC_ACQ_REL))
		ASSERT_OK(oa_chan_destroy(d->ch));
}

static void *sends_and_leaves(void *arg)
{
	data *d = arg;
	int x = 1, err = oa_chan_send(d->ch, &x);

	ASSERT_TRUE(err >= 0 || err == -EPIPE);
	last_one_out(d);
	return NULL;
}

static void *receives_and_leaves(void *arg)
{
	data *d = arg;
	int x, err = oa_chan_recv(d->ch, &x);

	ASSERT_TRUE(!err || err == -EPIPE);
	last_one_out(d);
	return NULL;
}

static void *hurries_and_leaves(void *arg)
{
	data *d = arg;
	int x, err = oa_chan_recv_until(d->ch, &x, oa_after(5 * OA_USEC));

	ASSERT_TRUE(!err || err == -EPIPE || err == -ETIMEDOUT);
	last_one_out(d);
	return NULL;
}

static void *closes_and_leaves(void *arg)
{
	data *d = arg;

	ASSERT_OK(oa_chan_close(d->ch));
	last_one_out(d);
	return NULL;
}

/* Freed memory is spoiled: who touches it will not get through. */
static void destroy_at_once(data *d, enum who who, unsigned int rounds)
{
	static const oa_fn parts[] = {
		sends_and_leaves, receives_and_leaves, sends_and_leaves,
		receives_and_leaves, hurries_and_leaves, closes_and_leaves,
	};

	for (unsigned int round = 0; round < rounds; round++) {
		size_t k = round % ARRAY_N(kinds);
		/* With the close or, where nobody is left waiting, without. */
		bool close = round % 2 || kinds[k].kind != OA_CHAN_BOUNDED;
		unsigned int n = close ? ARRAY_N(parts) : 2;
		struct actor a[ARRAY_N(parts)];

		make(d, kinds[k].capacity, kinds[k].kind);
		d->left = n;
		for (unsigned int i = 0; i < n; i++)
			actor_start(&a[i], who, i + round / 6, parts[i], d);
		for (unsigned int i = 0; i < n; i++)
			actor_end(&a[i]);
	}
}

TASK_TEST_F(chan_close, destroy_at_once_tasks, .workers = variant->workers,
	    .allocator = COUNTED_MEMORY(&memory))
{
	destroy_at_once(self, WHO_TASK, (unsigned int)SCALED(3000, 300));
}

TASK_TEST_F(chan_close, destroy_at_once_threads, .workers = variant->workers,
	    .allocator = COUNTED_MEMORY(&memory))
{
	destroy_at_once(self, WHO_THREAD, (unsigned int)SCALED(240, 60));
}

TASK_TEST_F(chan_close, destroy_at_once_mixed, .workers = variant->workers,
	    .allocator = COUNTED_MEMORY(&memory),
	    .max_blocking = ACTORS_ON_POOL)
{
	destroy_at_once(self, WHO_MIXED, (unsigned int)SCALED(240, 60));
}

/* What is left in it is thrown away. */
TASK_TEST_F(chan_close, destroy_a_full_one, .workers = variant->workers)
{
	for (size_t k = 1; k < ARRAY_N(kinds); k++) {
		int n = kinds[k].capacity ? (int)kinds[k].capacity : 5000;

		for (int closed = 0; closed < 2; closed++) {
			make(self, kinds[k].capacity, kinds[k].kind);
			for (int i = 0; i < n; i++)
				ASSERT_OK(oa_chan_trysend(self->ch, &i));
			if (closed)
				ASSERT_OK(oa_chan_close(self->ch));
			ASSERT_OK(oa_chan_destroy(self->ch));
		}
	}
}

/* One made in a runtime outlives it, if its memory does. */
static void *makes(void *arg)
{
	data *d = arg;
	int x = 5;

	make(d, 2, OA_CHAN_BOUNDED);
	ASSERT_OK(oa_chan_send(d->ch, &x));
	return NULL;
}

TEST_F(chan_close, it_outlives_its_runtime)
{
	int x = 0;

	ASSERT_OK(oa_run(makes, self, .workers = variant->workers));
	ASSERT_OK(oa_chan_recv(self->ch, &x));
	EXPECT_EQ(5, x);
	EXPECT_ERR(oa_chan_recv_until(self->ch, &x, oa_after(OA_MSEC)),
		   -ETIMEDOUT);
	ASSERT_OK(oa_chan_destroy(self->ch));
}

HARNESS_MAIN
