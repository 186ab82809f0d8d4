// SPDX-License-Identifier: MIT
/* The consumer of a channel: one element at a time, until close or stop. */
#include "actors.h"

FIXTURE(chan_consume) {
	struct oa_chan *ch;
	unsigned int n, inside, got, other;
	uint64_t sum;
	int go, last, err;
};
VARIANTS_WORKERS(chan_consume);

typedef struct chan_consume_fixture_data data;

FIXTURE_SETUP(chan_consume)
{
}

FIXTURE_TEARDOWN(chan_consume)
{
}

static const struct {
	enum oa_chan_kind kind;
	size_t capacity;
} kinds[] = {
	{ OA_CHAN_BOUNDED, 0 }, { OA_CHAN_BOUNDED, 3 },
	{ OA_CHAN_UNBOUNDED, 0 }, { OA_CHAN_SLIDING, 8 },
	{ OA_CHAN_DROPPING, 8 },
};

static void make(data *d, size_t capacity, enum oa_chan_kind kind)
{
	d->n = d->inside = d->got = d->other = 0;
	d->sum = 0;
	d->go = d->last = 0;
	ASSERT_OK(oa_chan_create(&d->ch, sizeof(int), capacity, kind));
}

/* Only the first task is left: the consumer has ended, and we see its work. */
static void until_alone(data *d)
{
	task_wait_until(count_tasks(NULL) == 1);
	SEEN(d->n);
}

static void adds(void *elem, void *arg)
{
	data *d = arg;
	int x = *(int *)elem;

	ASSERT_EQ(1u, COUNT(d->inside));
	/* Its own copy: ours to write to. */
	*(int *)elem = -1;
	ASSERT_GT(x, d->last);
	d->last = x;
	if (x % 3 == 1)
		oa_yield();
	d->sum += (uint64_t)x;
	__atomic_sub_fetch(&d->inside, 1, __ATOMIC_ACQ_REL);
	COUNT(d->n);
}

static unsigned int send_n(data *d, int n)
{
	unsigned int dropped = 0;

	for (int i = 1; i <= n; i++) {
		int x = i, err = oa_chan_send(d->ch, &x);

		ASSERT_GE(err, 0);
		dropped += (unsigned int)err;
		/* It has been copied. */
		x = 0;
	}
	return dropped;
}

TASK_TEST_F(chan_consume, until_close, .workers = variant->workers)
{
	enum { M = 200 };

	for (size_t k = 0; k < ARRAY_N(kinds); k++) {
		unsigned int dropped;

		make(self, kinds[k].capacity, kinds[k].kind);
		ASSERT_OK(oa_chan_consume(self->ch, adds, self));
		dropped = send_n(self, M);
		ASSERT_OK(oa_chan_close(self->ch));
		until_alone(self);
		EXPECT_EQ((unsigned int)M, self->n + dropped);
		if (!dropped)
			EXPECT_EQ((uint64_t)M * (M + 1) / 2, self->sum);
		EXPECT_EQ((size_t)0, oa_chan_len(self->ch));
		ASSERT_OK(oa_chan_destroy(self->ch));
	}
}

/* What was in it before is consumed as well. */
TASK_TEST_F(chan_consume, what_is_there_already, .workers = variant->workers)
{
	make(self, 0, OA_CHAN_UNBOUNDED);
	send_n(self, 50);
	ASSERT_OK(oa_chan_consume(self->ch, adds, self));
	task_wait_until(SEEN(self->n) == 50);
	EXPECT_EQ(50u * 51 / 2, self->sum);
	ASSERT_OK(oa_chan_close(self->ch));
	until_alone(self);
	ASSERT_OK(oa_chan_destroy(self->ch));
}

static void *consumes(void *arg)
{
	data *d = arg;

	return as_result(oa_chan_consume(d->ch, adds, d));
}

TASK_TEST_F(chan_consume, refused, .workers = variant->workers)
{
	struct actor a;
	int x = 1;

	make(self, 4, OA_CHAN_BROADCAST);
	EXPECT_ERR(oa_chan_consume(self->ch, adds, self), -EINVAL);
	ASSERT_OK(oa_chan_destroy(self->ch));
	make(self, 4, OA_CHAN_BOUNDED);
	EXPECT_ERR(oa_chan_consume(NULL, adds, self), -EINVAL);
	EXPECT_ERR(oa_chan_consume(self->ch, NULL, self), -EINVAL);
	actor_start(&a, WHO_THREAD, 0, consumes, self);
	EXPECT_EQ(oa_err(-EPERM), actor_end(&a));
	/* None of these is its consumer. */
	ASSERT_OK(oa_chan_send(self->ch, &x));
	ASSERT_OK(oa_chan_consume(self->ch, adds, self));
	EXPECT_ERR(oa_chan_consume(self->ch, adds, self), -EBUSY);
	EXPECT_ERR(join_code(oa_spawn(consumes, self)), -EBUSY);
	task_wait_until(SEEN(self->n) == 1);
	ASSERT_OK(oa_chan_stop(self->ch));
	until_alone(self);
	ASSERT_OK(oa_chan_destroy(self->ch));
}

/* Other receivers take their share. */

static void *receives_until_closed(void *arg)
{
	data *d = arg;
	int x;

	while (!oa_chan_recv(d->ch, &x)) {
		COUNT(d->other);
		__atomic_add_fetch(&d->got, (unsigned int)x, __ATOMIC_RELAXED);
	}
	return NULL;
}

TASK_TEST_F(chan_consume, beside_other_receivers, .workers = variant->workers,
	    .max_blocking = ACTORS_ON_POOL)
{
	enum { M = 300 };

	for (size_t k = 0; k < 3; k++) {
		struct actor a[3];

		make(self, kinds[k].capacity, kinds[k].kind);
		ASSERT_OK(oa_chan_consume(self->ch, adds, self));
		for (unsigned int i = 0; i < 3; i++)
			actor_start(&a[i], WHO_MIXED, i, receives_until_closed,
				    self);
		send_n(self, M);
		ASSERT_OK(oa_chan_close(self->ch));
		for (int i = 0; i < 3; i++)
			actor_end(&a[i]);
		until_alone(self);
		EXPECT_EQ((unsigned int)M, self->n + self->other);
		EXPECT_EQ((uint64_t)M * (M + 1) / 2, self->sum + self->got);
		ASSERT_OK(oa_chan_destroy(self->ch));
	}
}

/* Senders of every kind. */

static void *sends_ones(void *arg)
{
	data *d = arg;
	int x = 1;

	for (int i = 0; i < 100; i++)
		ASSERT_OK(oa_chan_send(d->ch, &x));
	return NULL;
}

static void counts(void *elem, void *arg)
{
	data *d = arg;

	ASSERT_EQ(1u, COUNT(d->inside));
	d->sum += *(unsigned int *)elem;
	__atomic_sub_fetch(&d->inside, 1, __ATOMIC_ACQ_REL);
	COUNT(d->n);
}

TASK_TEST_F(chan_consume, many_to_one, .workers = variant->workers,
	    .max_blocking = ACTORS_ON_POOL)
{
	for (size_t k = 0; k < 3; k++) {
		struct actor a[6];

		make(self, kinds[k].capacity, kinds[k].kind);
		ASSERT_OK(oa_chan_consume(self->ch, counts, self));
		for (unsigned int i = 0; i < 6; i++)
			actor_start(&a[i], WHO_MIXED, i, sends_ones, self);
		for (int i = 0; i < 6; i++)
			actor_end(&a[i]);
		ASSERT_OK(oa_chan_close(self->ch));
		until_alone(self);
		EXPECT_EQ(600u, self->n);
		EXPECT_EQ(600u, self->sum);
		ASSERT_OK(oa_chan_destroy(self->ch));
	}
}

/* Stopping. */

static void waits_for_go(void *elem, void *arg)
{
	data *d = arg;

	(void)elem;
	COUNT(d->inside);
	task_wait_until(SEEN(d->go));
	COUNT(d->n);
}

TASK_TEST_F(chan_consume, stop_throws_away_the_rest,
	    .workers = variant->workers)
{
	int x = 1;

	make(self, 0, OA_CHAN_UNBOUNDED);
	ASSERT_OK(oa_chan_consume(self->ch, waits_for_go, self));
	for (int i = 0; i < 10; i++)
		ASSERT_OK(oa_chan_send(self->ch, &x));
	task_wait_until(SEEN(self->inside) == 1);
	ASSERT_OK(oa_chan_stop(self->ch));
	EXPECT_EQ((size_t)0, oa_chan_len(self->ch));
	EXPECT_EQ(9u, CHAN(self->ch, dropped));
	EXPECT_EQ(1u, CHAN(self->ch, closed));
	EXPECT_ERR(oa_chan_send(self->ch, &x), -EPIPE);
	EXPECT_ERR(oa_chan_recv(self->ch, &x), -EPIPE);
	EXPECT_OK(oa_chan_stop(self->ch));
	EXPECT_OK(oa_chan_close(self->ch));
	EXPECT_EQ(0u, SEEN(self->n));
	/* The one that it is at is finished. */
	TELL(self->go, 1);
	until_alone(self);
	EXPECT_EQ(1u, SEEN(self->n));
	EXPECT_EQ(1u, SEEN(self->inside));
	ASSERT_OK(oa_chan_destroy(self->ch));
}

TASK_TEST_F(chan_consume, destroy_right_after_the_stop,
	    .workers = variant->workers)
{
	int x = 1;

	make(self, 0, OA_CHAN_UNBOUNDED);
	ASSERT_OK(oa_chan_consume(self->ch, waits_for_go, self));
	for (int i = 0; i < 10; i++)
		ASSERT_OK(oa_chan_send(self->ch, &x));
	task_wait_until(SEEN(self->inside) == 1);
	ASSERT_OK(oa_chan_stop(self->ch));
	ASSERT_OK(oa_chan_destroy(self->ch));
	TELL(self->go, 1);
	until_alone(self);
	EXPECT_EQ(1u, SEEN(self->n));
}

static struct counted_memory memory;

static void *stops(void *arg)
{
	data *d = arg;

	ASSERT_OK(oa_chan_stop(d->ch));
	ASSERT_OK(oa_chan_destroy(d->ch));
	return NULL;
}

/* At any moment, from anywhere. Freed memory is spoiled. */
TASK_TEST_F(chan_consume, stop_and_destroy_at_any_moment,
	    .workers = variant->workers, .allocator = COUNTED_MEMORY(&memory))
{
	for (unsigned int i = 0; i < (unsigned int)SCALED(300, 60); i++) {
		size_t k = i % ARRAY_N(kinds);
		struct actor a;

		make(self, kinds[k].capacity, kinds[k].kind);
		ASSERT_OK(oa_chan_consume(self->ch, counts, self));
		for (int x = 1; x < (int)(i % 7); x++)
			ASSERT_GE(oa_chan_send(self->ch, &x), 0);
		actor_start(&a, WHO_MIXED, i / 5, stops, self);
		actor_end(&a);
		/* What comes next has the same arg. */
		until_alone(self);
	}
}

/* Who waits to send is told. */

static void *sends_one(void *arg)
{
	int x = 1;

	return as_result(oa_chan_send(((data *)arg)->ch, &x));
}

TASK_TEST_F(chan_consume, stop_with_senders_waiting,
	    .workers = variant->workers, .max_blocking = ACTORS_ON_POOL)
{
	struct actor a[6];
	int x = 1;

	make(self, 1, OA_CHAN_BOUNDED);
	ASSERT_OK(oa_chan_consume(self->ch, waits_for_go, self));
	ASSERT_OK(oa_chan_send(self->ch, &x));
	task_wait_until(SEEN(self->inside) == 1);
	ASSERT_OK(oa_chan_send(self->ch, &x));
	for (unsigned int i = 0; i < 6; i++)
		actor_start(&a[i], WHO_MIXED, i, sends_one, self);
	task_wait_until(CHAN(self->ch, senders) == 6);
	ASSERT_OK(oa_chan_stop(self->ch));
	for (int i = 0; i < 6; i++)
		EXPECT_EQ(oa_err(-EPIPE), actor_end(&a[i]));
	EXPECT_EQ(2u, CHAN(self->ch, sent));
	EXPECT_EQ(1u, CHAN(self->ch, dropped));
	TELL(self->go, 1);
	until_alone(self);
	ASSERT_OK(oa_chan_destroy(self->ch));
}

TASK_TEST_F(chan_consume, stop_without_a_consumer, .workers = variant->workers)
{
	for (size_t k = 1; k < ARRAY_N(kinds); k++) {
		int x = 1;

		make(self, kinds[k].capacity, kinds[k].kind);
		for (int i = 0; i < 3; i++)
			ASSERT_OK(oa_chan_send(self->ch, &x));
		ASSERT_OK(oa_chan_stop(self->ch));
		EXPECT_EQ((size_t)0, oa_chan_len(self->ch));
		EXPECT_EQ(3u, CHAN(self->ch, dropped));
		EXPECT_ERR(oa_chan_tryrecv(self->ch, &x), -EPIPE);
		EXPECT_ERR(oa_chan_trysend(self->ch, &x), -EPIPE);
		ASSERT_OK(oa_chan_destroy(self->ch));
	}
}

/* From within. */

static void sends_more(void *elem, void *arg)
{
	data *d = arg;
	int x = *(int *)elem - 1;

	if (x >= 0)
		ASSERT_OK(oa_chan_send(d->ch, &x));
	else
		ASSERT_OK(oa_chan_close(d->ch));
	COUNT(d->n);
}

TASK_TEST_F(chan_consume, it_sends_to_itself, .workers = variant->workers)
{
	int x = 100;

	make(self, 0, OA_CHAN_UNBOUNDED);
	ASSERT_OK(oa_chan_consume(self->ch, sends_more, self));
	ASSERT_OK(oa_chan_send(self->ch, &x));
	until_alone(self);
	EXPECT_EQ(101u, self->n);
	ASSERT_OK(oa_chan_destroy(self->ch));
}

static void stops_itself(void *elem, void *arg)
{
	data *d = arg;

	ASSERT_EQ(7, *(int *)elem);
	ASSERT_OK(oa_chan_stop(d->ch));
	ASSERT_OK(oa_chan_destroy(d->ch));
	/* The element is its copy, for as long as it is here. */
	ASSERT_EQ(7, *(int *)elem);
	ASSERT_OK(oa_yield());
	ASSERT_EQ(7, *(int *)elem);
	COUNT(d->n);
}

TASK_TEST_F(chan_consume, it_stops_itself, .workers = variant->workers,
	    .allocator = COUNTED_MEMORY(&memory))
{
	int x = 7;

	for (int i = 0; i < 30; i++) {
		make(self, 0, OA_CHAN_UNBOUNDED);
		for (int k = 0; k < 5; k++)
			ASSERT_OK(oa_chan_send(self->ch, &x));
		ASSERT_OK(oa_chan_consume(self->ch, stops_itself, self));
		until_alone(self);
		EXPECT_EQ(1u, self->n);
	}
}

static void large(void *elem, void *arg)
{
	data *d = arg;
	unsigned char *p = elem;

	ASSERT_EQ(0ul, (uintptr_t)p % 16);
	for (int i = 0; i < 10000; i++)
		ASSERT_EQ((unsigned char)(i * 7), p[i]);
	COUNT(d->n);
}

TASK_TEST_F(chan_consume, large_elements, .workers = variant->workers)
{
	static unsigned char p[10000];

	for (int i = 0; i < 10000; i++)
		p[i] = (unsigned char)(i * 7);
	for (size_t k = 0; k < ARRAY_N(kinds); k++) {
		self->n = 0;
		ASSERT_OK(oa_chan_create(&self->ch, sizeof(p),
					 kinds[k].capacity, kinds[k].kind));
		ASSERT_OK(oa_chan_consume(self->ch, large, self));
		for (int i = 0; i < 5; i++)
			ASSERT_OK(oa_chan_send(self->ch, p));
		ASSERT_OK(oa_chan_close(self->ch));
		until_alone(self);
		EXPECT_EQ(5u, self->n);
		ASSERT_OK(oa_chan_destroy(self->ch));
	}
}

/* The end of its runtime. */

static void *consumed_at_the_end(void *arg)
{
	data *d = arg;

	make(d, 2, OA_CHAN_BOUNDED);
	ASSERT_OK(oa_chan_consume(d->ch, counts, d));
	for (int x = 1; x <= 5; x++)
		ASSERT_OK(oa_chan_send(d->ch, &x));
	task_wait_until(SEEN(d->n) == 5);
	if (d->err)
		ASSERT_OK(oa_chan_close(d->ch));
	ASSERT_OK(oa_shutdown(NULL, d->err ? OA_SHUTDOWN_DRAIN :
					     OA_SHUTDOWN_GRACEFUL));
	return NULL;
}

TEST_F(chan_consume, a_shutdown)
{
	for (self->err = 0; self->err < 2; self->err++) {
		ASSERT_OK(oa_run(consumed_at_the_end, self,
				 .workers = variant->workers));
		EXPECT_EQ(15u, self->sum);
		ASSERT_OK(oa_chan_destroy(self->ch));
	}
}

HARNESS_MAIN
