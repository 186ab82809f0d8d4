// SPDX-License-Identifier: MIT
/*
 * Many senders and many receivers: each element arrives once, nothing else
 * does, and what one has sent comes in its order.
 */
#include "actors.h"

#include <stdlib.h>

#define MOST	2000
#define SENDERS	6

FIXTURE(chan_many) {
	struct oa_chan *ch;
	enum oa_chan_kind kind;
	unsigned int each;
	unsigned char seen[SENDERS][MOST];
};
VARIANTS_WORKERS(chan_many);

typedef struct chan_many_fixture_data data;

FIXTURE_SETUP(chan_many)
{
	/* Drawn from by threads of all kinds: by then it is to be known. */
	harness_seed();
}

FIXTURE_TEARDOWN(chan_many)
{
}

struct elem {
	unsigned int from, seq;
	uint64_t check;
};

struct side {
	data *d;
	unsigned int me;
	bool hurried;		/* sends and receives by every verb */
	unsigned int n, dropped;
};

static uint64_t check_of(unsigned int from, unsigned int seq)
{
	return ((uint64_t)from << 32 | seq) * 0x9e3779b97f4a7c15;
}

/* Some other verb than to wait; 1: not sent. */
static int hurry_to_send(struct oa_chan *ch, struct elem *e, struct random *r)
{
	int err;

	if (draw(r, 2)) {
		err = oa_chan_trysend(ch, e);
		if (err != -EAGAIN)
			return err;
		give_way();
		return -EAGAIN;
	}
	err = oa_chan_send_until(ch, e, oa_after(draw(r, 20000)));
	return err == -ETIMEDOUT ? -EAGAIN : err;
}

static void *sends(void *arg)
{
	struct side *s = arg;
	struct random r = random_of(s->me);

	for (unsigned int i = 0; i < s->d->each; i++) {
		struct elem e = { s->me, i, check_of(s->me, i) };
		int err;

		do
			err = s->hurried && draw(&r, 3) ?
				hurry_to_send(s->d->ch, &e, &r) :
				oa_chan_send(s->d->ch, &e);
		while (err == -EAGAIN);
		memset(&e, 0xff, sizeof(e));
		ASSERT_GE(err, 0);
		ASSERT_LE(err, 1);
		s->dropped += (unsigned int)err;
		s->n++;
	}
	return NULL;
}

static int hurry_to_recv(struct oa_chan *ch, struct elem *e, struct random *r)
{
	int err;

	if (draw(r, 2)) {
		err = oa_chan_tryrecv(ch, e);
		if (err == -EAGAIN)
			give_way();
		return err;
	}
	err = oa_chan_recv_until(ch, e, oa_after(draw(r, 20000)));
	return err == -ETIMEDOUT ? -EAGAIN : err;
}

static void *receives(void *arg)
{
	struct side *s = arg;
	struct random r = random_of(100 + s->me);
	int last[SENDERS];
	struct elem e;
	int err;

	for (int i = 0; i < SENDERS; i++)
		last[i] = -1;
	for (;;) {
		err = s->hurried && draw(&r, 3) ?
			hurry_to_recv(s->d->ch, &e, &r) :
			oa_chan_recv(s->d->ch, &e);
		if (err == -EAGAIN)
			continue;
		if (err)
			break;
		ASSERT_LT(e.from, (unsigned int)SENDERS);
		ASSERT_LT(e.seq, s->d->each);
		ASSERT_EQ(check_of(e.from, e.seq), e.check);
		/* Each receiver sees a part of it, in order. */
		ASSERT_GT((int)e.seq, last[e.from]);
		last[e.from] = (int)e.seq;
		ASSERT_EQ(1, COUNT(s->d->seen[e.from][e.seq]));
		s->n++;
	}
	ASSERT_ERR(err, -EPIPE);
	return NULL;
}

struct shape {
	enum oa_chan_kind kind;
	size_t capacity;
	unsigned int senders, receivers;
	bool hurried;
};

static void pass(data *d, enum who who, const struct shape *sh)
{
	struct side s[SENDERS] = { { .d = d } }, r[SENDERS] = { { .d = d } };
	struct actor as[SENDERS], ar[SENDERS];
	unsigned int sent = 0, got = 0, dropped = 0;

	memset(d->seen, 0, sizeof(d->seen));
	ASSERT_OK(oa_chan_create(&d->ch, sizeof(struct elem), sh->capacity,
				 sh->kind));
	for (unsigned int i = 0; i < sh->receivers; i++) {
		r[i] = (struct side){ .d = d, .me = i, .hurried = sh->hurried };
		actor_start(&ar[i], who, i, receives, &r[i]);
	}
	for (unsigned int i = 0; i < sh->senders; i++) {
		s[i] = (struct side){ .d = d, .me = i, .hurried = sh->hurried };
		actor_start(&as[i], who, i + 1, sends, &s[i]);
	}
	for (unsigned int i = 0; i < sh->senders; i++) {
		actor_end(&as[i]);
		sent += s[i].n;
		dropped += s[i].dropped;
	}
	ASSERT_OK(oa_chan_close(d->ch));
	for (unsigned int i = 0; i < sh->receivers; i++) {
		actor_end(&ar[i]);
		got += r[i].n;
	}
	/* Every one has been received, or a send has said that it was not. */
	EXPECT_EQ(sh->senders * d->each, sent);
	EXPECT_EQ(sent, got + dropped);
	if (sh->kind != OA_CHAN_SLIDING && sh->kind != OA_CHAN_DROPPING)
		EXPECT_EQ(0u, dropped);
	EXPECT_EQ((uint64_t)sent, CHAN(d->ch, sent));
	EXPECT_EQ((uint64_t)got, CHAN(d->ch, received));
	EXPECT_EQ((uint64_t)dropped, CHAN(d->ch, dropped));
	EXPECT_EQ((size_t)0, oa_chan_len(d->ch));
	ASSERT_OK(oa_chan_destroy(d->ch));
}

static const struct shape shapes[] = {
	{ OA_CHAN_BOUNDED, 0, 1, 1, false },
	{ OA_CHAN_BOUNDED, 0, 4, 4, false },
	{ OA_CHAN_BOUNDED, 0, 4, 3, true },
	{ OA_CHAN_BOUNDED, 1, 1, 1, false },
	{ OA_CHAN_BOUNDED, 1, 5, 3, true },
	{ OA_CHAN_BOUNDED, 8, 6, 1, false },
	{ OA_CHAN_BOUNDED, 8, 1, 6, false },
	{ OA_CHAN_BOUNDED, 128, 1, 1, false },
	{ OA_CHAN_BOUNDED, 128, 6, 6, true },
	{ OA_CHAN_UNBOUNDED, 0, 1, 1, false },
	{ OA_CHAN_UNBOUNDED, 0, 6, 2, false },
	{ OA_CHAN_UNBOUNDED, 0, 4, 4, true },
	{ OA_CHAN_SLIDING, 1, 4, 2, false },
	{ OA_CHAN_SLIDING, 16, 4, 4, true },
	{ OA_CHAN_DROPPING, 1, 4, 2, false },
	{ OA_CHAN_DROPPING, 16, 4, 4, true },
};

static void pass_all(data *d, enum who who, unsigned int each)
{
	d->each = each;
	for (size_t i = 0; i < ARRAY_N(shapes); i++)
		pass(d, who, &shapes[i]);
}

TASK_TEST_F(chan_many, tasks, .workers = variant->workers)
{
	pass_all(self, WHO_TASK, (unsigned int)SCALED(1000, 100));
}

TASK_TEST_F(chan_many, foreign_threads, .workers = variant->workers)
{
	pass_all(self, WHO_THREAD, (unsigned int)SCALED(150, 30));
}

TASK_TEST_F(chan_many, tasks_on_the_pool, .workers = variant->workers,
	    .max_blocking = ACTORS_ON_POOL)
{
	pass_all(self, WHO_POOL, (unsigned int)SCALED(150, 30));
}

TASK_TEST_F(chan_many, mixed, .workers = variant->workers,
	    .max_blocking = ACTORS_ON_POOL)
{
	pass_all(self, WHO_MIXED, (unsigned int)SCALED(200, 30));
}

/* Between runtimes. */

struct across {
	struct oa_chan *there, *back;
	unsigned int n;
};

static void *echoes(void *arg)
{
	struct across *a = arg;
	unsigned int x;

	while (!oa_chan_recv(a->there, &x)) {
		x++;
		ASSERT_OK(oa_chan_send(a->back, &x));
	}
	ASSERT_OK(oa_chan_close(a->back));
	return NULL;
}

static void plays(struct across *a)
{
	unsigned int x;

	for (unsigned int i = 0; i < a->n; i++) {
		ASSERT_OK(oa_chan_send(a->there, &i));
		ASSERT_OK(oa_chan_recv(a->back, &x));
		ASSERT_EQ(i + 1, x);
	}
	ASSERT_OK(oa_chan_close(a->there));
	ASSERT_ERR(oa_chan_recv(a->back, &x), -EPIPE);
}

TASK_TEST_F(chan_many, between_runtimes, .workers = variant->workers)
{
	for (size_t cap = 0; cap < 2; cap++) {
		struct across a = { .n = (unsigned int)SCALED(1000, 100) };
		struct oa_runtime *rt;

		ASSERT_OK(oa_chan_create(&a.there, sizeof(int), cap,
					 OA_CHAN_BOUNDED));
		ASSERT_OK(oa_chan_create(&a.back, sizeof(int), cap,
					 OA_CHAN_BOUNDED));
		ASSERT_OK(oa_start(&rt, echoes, &a, .workers = 2));
		plays(&a);
		ASSERT_OK(oa_runtime_wait(rt, NULL));
		ASSERT_OK(oa_runtime_free(rt));
		ASSERT_OK(oa_chan_destroy(a.there));
		ASSERT_OK(oa_chan_destroy(a.back));
	}
}

/* Thousands wait at once, and are served in turn. */

static void *takes_one(void *arg)
{
	data *d = arg;
	int x = -1;

	ASSERT_OK(oa_chan_recv(d->ch, &x));
	return as_result(x);
}

TASK_TEST_F(chan_many, thousands_wait_in_turn, .workers = variant->workers)
{
	static oa_task_t t[3000];
	int n = (int)SCALED(3000, 500), first = -1;

	ASSERT_OK(oa_chan_create(&self->ch, sizeof(int), 0, OA_CHAN_BOUNDED));
	for (int i = 0; i < n; i++)
		t[i] = oa_spawn(takes_one, self);
	task_wait_until(CHAN(self->ch, receivers) == (unsigned int)n);
	for (int i = 0; i < n; i++)
		ASSERT_OK(oa_chan_trysend(self->ch, &i));
	EXPECT_ERR(oa_chan_trysend(self->ch, &first), -EAGAIN);
	memset(self->seen, 0, sizeof(self->seen));
	for (int i = 0; i < n; i++) {
		int x = join_code(t[i]);

		ASSERT_TRUE(x >= 0 && x < n);
		ASSERT_EQ(1, ++self->seen[x / MOST][x % MOST]);
	}
	ASSERT_OK(oa_chan_destroy(self->ch));
}

HARNESS_MAIN
