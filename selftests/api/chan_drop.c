// SPDX-License-Identifier: MIT
/* Channels that drop: what is left in them, and what was said of the rest. */
#include "actors.h"

#define CAP	4

FIXTURE(chan_drop) {
	struct oa_chan *ch;
	unsigned int got, dropped;
};
VARIANTS_WORKERS(chan_drop);

typedef struct chan_drop_fixture_data data;

FIXTURE_SETUP(chan_drop)
{
}

FIXTURE_TEARDOWN(chan_drop)
{
}

static void make(data *d, size_t capacity, enum oa_chan_kind kind)
{
	ASSERT_OK(oa_chan_create(&d->ch, sizeof(int), capacity, kind));
}

static int send_by(unsigned int verb, struct oa_chan *ch, int x)
{
	switch (verb % 4) {
	case 0: return oa_chan_send(ch, &x);
	case 1: return oa_chan_trysend(ch, &x);
	case 2: return oa_chan_send_until(ch, &x, OA_FOREVER);
	default: return oa_chan_send_until(ch, &x, 1);
	}
}

static int recv_now(data *d)
{
	int x = -1, err = oa_chan_tryrecv(d->ch, &x);

	return err ? err : x;
}

TASK_TEST_F(chan_drop, sliding_keeps_the_newest, .workers = variant->workers)
{
	make(self, CAP, OA_CHAN_SLIDING);
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(i < CAP ? 0 : 1,
			  send_by((unsigned int)i, self->ch, i));
	EXPECT_EQ((size_t)CAP, oa_chan_len(self->ch));
	EXPECT_EQ(6u, CHAN(self->ch, dropped));
	for (int i = 6; i < 10; i++)
		EXPECT_EQ(i, recv_now(self));
	EXPECT_ERR(recv_now(self), -EAGAIN);
	ASSERT_OK(oa_chan_destroy(self->ch));
}

TASK_TEST_F(chan_drop, dropping_keeps_the_oldest, .workers = variant->workers)
{
	make(self, CAP, OA_CHAN_DROPPING);
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(i < CAP ? 0 : 1,
			  send_by((unsigned int)i, self->ch, i));
	EXPECT_EQ((size_t)CAP, oa_chan_len(self->ch));
	EXPECT_EQ(6u, CHAN(self->ch, dropped));
	for (int i = 0; i < CAP; i++)
		EXPECT_EQ(i, recv_now(self));
	EXPECT_ERR(recv_now(self), -EAGAIN);
	ASSERT_OK(oa_chan_destroy(self->ch));
}

/* Against a list kept by hand. */

struct model {
	int x[16];
	size_t len, cap;
	bool sliding;
};

static int model_send(struct model *m, int x)
{
	if (m->len < m->cap) {
		m->x[m->len++] = x;
		return 0;
	}
	if (m->sliding) {
		memmove(m->x, m->x + 1, (m->len - 1) * sizeof(int));
		m->x[m->len - 1] = x;
	}
	return 1;
}

static int model_recv(struct model *m)
{
	int x = m->x[0];

	if (!m->len)
		return -EAGAIN;
	memmove(m->x, m->x + 1, --m->len * sizeof(int));
	return x;
}

static void like_the_model(data *d, struct model *m, struct random *r)
{
	unsigned int n = (unsigned int)SCALED(3000, 500);

	for (unsigned int i = 0; i < n; i++) {
		if (draw(r, 5) < 3) {
			ASSERT_EQ(model_send(m, (int)i),
				  send_by(i, d->ch, (int)i));
		} else {
			ASSERT_EQ(model_recv(m), recv_now(d));
		}
		ASSERT_EQ(m->len, oa_chan_len(d->ch));
	}
	ASSERT_OK(oa_chan_close(d->ch));
	while (m->len)
		ASSERT_EQ(model_recv(m), recv_now(d));
	ASSERT_ERR(recv_now(d), -EPIPE);
}

TASK_TEST_F(chan_drop, as_a_list_would, .workers = variant->workers)
{
	static const size_t caps[] = { 1, 2, 3, 7, 16 };

	for (unsigned int i = 0; i < 2 * ARRAY_N(caps); i++) {
		struct model m = { .cap = caps[i / 2], .sliding = i % 2 };
		struct random r = random_of(i);

		make(self, m.cap,
		     m.sliding ? OA_CHAN_SLIDING : OA_CHAN_DROPPING);
		like_the_model(self, &m, &r);
		ASSERT_OK(oa_chan_destroy(self->ch));
	}
}

/* Nothing is dropped while somebody waits for it. */

static void *receives(void *arg)
{
	int x = -1, err = oa_chan_recv(((data *)arg)->ch, &x);

	return as_result(err ? err : x);
}

static void a_waiting_receiver_gets_it(data *d, enum oa_chan_kind kind)
{
	struct actor a[WHO_MIXED];

	make(d, 1, kind);
	for (unsigned int i = 0; i < WHO_MIXED; i++) {
		actor_start(&a[i], WHO_MIXED, i, receives, d);
		task_wait_until(CHAN(d->ch, receivers) == i + 1);
	}
	for (int i = 0; i < WHO_MIXED; i++)
		EXPECT_EQ(0, oa_chan_send(d->ch, &i));
	for (int i = 0; i < WHO_MIXED; i++) {
		actor_end(&a[i]);
		EXPECT_EQ((void *)(intptr_t)i, a[i].result);
	}
	EXPECT_EQ((size_t)0, oa_chan_len(d->ch));
	EXPECT_EQ(0u, CHAN(d->ch, dropped));
	ASSERT_OK(oa_chan_destroy(d->ch));
}

TASK_TEST_F(chan_drop, a_waiting_receiver_gets_it, .workers = variant->workers)
{
	a_waiting_receiver_gets_it(self, OA_CHAN_SLIDING);
	a_waiting_receiver_gets_it(self, OA_CHAN_DROPPING);
}

/* One sends, faster than the other takes. */

static void *takes_slowly(void *arg)
{
	data *d = arg;
	int last = 0, x;

	while (!oa_chan_recv(d->ch, &x)) {
		ASSERT_GT(x, last);
		last = x;
		d->got++;
		for (int i = x % 4; i; i--)
			give_way();
	}
	return as_result(last);
}

static void outruns(data *d, enum who who, enum oa_chan_kind kind)
{
	int n = (int)SCALED(2000, 200);

	for (unsigned int i = 0; i < WHO_MIXED; i++) {
		struct actor a;
		int last;

		d->got = d->dropped = 0;
		make(d, CAP, kind);
		actor_start(&a, who, i, takes_slowly, d);
		for (int x = 1; x <= n; x++) {
			int err = oa_chan_send(d->ch, &x);

			ASSERT_TRUE(err == 0 || err == 1);
			d->dropped += (unsigned int)err;
			if (!(x % 8))
				ASSERT_OK(oa_yield());
		}
		ASSERT_OK(oa_chan_close(d->ch));
		last = (int)(intptr_t)actor_end(&a);
		EXPECT_EQ((unsigned int)n, d->got + d->dropped);
		/* Of a sliding one the last always arrives. */
		if (kind == OA_CHAN_SLIDING)
			EXPECT_EQ(n, last);
		ASSERT_OK(oa_chan_destroy(d->ch));
	}
}

TASK_TEST_F(chan_drop, a_slow_receiver, .workers = variant->workers)
{
	outruns(self, WHO_TASK, OA_CHAN_SLIDING);
	outruns(self, WHO_TASK, OA_CHAN_DROPPING);
}

TASK_TEST_F(chan_drop, a_slow_receiver_of_any_kind,
	    .workers = variant->workers)
{
	outruns(self, WHO_MIXED, OA_CHAN_SLIDING);
	outruns(self, WHO_MIXED, OA_CHAN_DROPPING);
}

HARNESS_MAIN
