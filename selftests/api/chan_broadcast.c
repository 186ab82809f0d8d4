// SPDX-License-Identifier: MIT
/* Broadcast: a subscriber gets each element or is told how many it missed. */
#include "actors.h"

#define CAP	4
#define SUBS	4

FIXTURE(chan_broadcast) {
	struct oa_chan *ch;
	struct oa_chan_sub sub[SUBS];
	unsigned int over;
};
VARIANTS_WORKERS(chan_broadcast);

typedef struct chan_broadcast_fixture_data data;

FIXTURE_SETUP(chan_broadcast)
{
}

FIXTURE_TEARDOWN(chan_broadcast)
{
}

static void make(data *d, size_t capacity, unsigned int subscribers)
{
	ASSERT_OK(oa_chan_create(&d->ch, sizeof(int), capacity,
				 OA_CHAN_BROADCAST));
	for (unsigned int i = 0; i < subscribers; i++)
		ASSERT_OK(oa_chan_subscribe(d->ch, &d->sub[i]));
	EXPECT_EQ(subscribers, CHAN(d->ch, subscribers));
}

static void destroy(data *d, unsigned int subscribers)
{
	for (unsigned int i = 0; i < subscribers; i++)
		EXPECT_OK(oa_chan_unsubscribe(&d->sub[i]));
	ASSERT_OK(oa_chan_destroy(d->ch));
	memset(d->sub, 0, sizeof(d->sub));
}

static void send_some(data *d, int from, int to)
{
	for (int i = from; i < to; i++)
		ASSERT_GE(oa_chan_send(d->ch, &i), 0);
}

static int recv_now(struct oa_chan_sub *s)
{
	int x = -1, err = oa_chan_tryrecv_from(s, &x);

	return err ? err : x;
}

static int recv_wait(struct oa_chan_sub *s)
{
	int x = -1, err = oa_chan_recv_from(s, &x);

	return err ? err : x;
}

static void *each_gets_each(void *arg)
{
	data *d = arg;

	make(d, CAP, SUBS);
	EXPECT_EQ((size_t)CAP, oa_chan_cap(d->ch));
	for (int round = 0; round < 10; round++) {
		send_some(d, round * CAP, (round + 1) * CAP);
		for (int k = 0; k < SUBS; k++) {
			for (int i = 0; i < CAP; i++)
				EXPECT_EQ(round * CAP + i,
					  k % 2 ? recv_wait(&d->sub[k]) :
						  recv_now(&d->sub[k]));
			EXPECT_ERR(recv_now(&d->sub[k]), -EAGAIN);
		}
	}
	destroy(d, SUBS);
	return NULL;
}

#define FROM_ACTORS(name) \
	TASK_TEST_F(chan_broadcast, name, .workers = variant->workers) \
	{ \
		for (unsigned int i = 0; i < WHO_MIXED; i++) { \
			struct actor a; \
			actor_start(&a, WHO_MIXED, i, name, self); \
			actor_end(&a); \
		} \
	} \
	struct harness_variant

FROM_ACTORS(each_gets_each);

static void *nobody_listens(void *arg)
{
	data *d = arg;

	make(d, CAP, 0);
	send_some(d, 0, 100);
	/* From here on: not what was before. */
	ASSERT_OK(oa_chan_subscribe(d->ch, &d->sub[0]));
	EXPECT_ERR(recv_now(&d->sub[0]), -EAGAIN);
	send_some(d, 100, 102);
	ASSERT_OK(oa_chan_subscribe(d->ch, &d->sub[1]));
	send_some(d, 102, 103);
	for (int i = 100; i < 103; i++)
		EXPECT_EQ(i, recv_now(&d->sub[0]));
	EXPECT_EQ(102, recv_now(&d->sub[1]));
	EXPECT_ERR(recv_now(&d->sub[1]), -EAGAIN);
	destroy(d, 2);
	return NULL;
}

FROM_ACTORS(nobody_listens);

/* Lagging. */

static void *lag(void *arg)
{
	data *d = arg;

	make(d, CAP, 2);
	EXPECT_EQ(0u, oa_chan_lost(&d->sub[0]));
	/* As much as fits is no lag. */
	send_some(d, 0, CAP);
	for (int i = 0; i < CAP; i++)
		EXPECT_EQ(i, recv_now(&d->sub[0]));
	/* The second has missed the first four by now. */
	send_some(d, CAP, 2 * CAP);
	EXPECT_ERR(recv_now(&d->sub[1]), -EOVERFLOW);
	EXPECT_EQ((uint64_t)CAP, oa_chan_lost(&d->sub[1]));
	EXPECT_EQ(0u, oa_chan_lost(&d->sub[0]));
	for (int i = CAP; i < 2 * CAP; i++) {
		EXPECT_EQ(i, recv_now(&d->sub[0]));
		EXPECT_EQ(i, recv_wait(&d->sub[1]));
	}
	EXPECT_ERR(recv_now(&d->sub[1]), -EAGAIN);
	/* Told once each time, by whatever verb, with that time's number. */
	for (int n = 1; n < 8; n++) {
		int from = 100 * n, to = from + CAP + n, x;

		send_some(d, from, to);
		switch (n % 3) {
		case 0:
			EXPECT_ERR(recv_now(&d->sub[1]), -EOVERFLOW);
			break;
		case 1:
			EXPECT_ERR(recv_wait(&d->sub[1]), -EOVERFLOW);
			break;
		default:
			EXPECT_ERR(oa_chan_recv_from_until(&d->sub[1], &x, 1),
				   -EOVERFLOW);
		}
		EXPECT_EQ((uint64_t)n, oa_chan_lost(&d->sub[1]));
		for (int i = from + n; i < to; i++)
			EXPECT_EQ(i, recv_now(&d->sub[1]));
		EXPECT_ERR(recv_now(&d->sub[1]), -EAGAIN);
	}
	destroy(d, 2);
	return NULL;
}

FROM_ACTORS(lag);

/* It is overtaken again between being told and going on. */
static void *lag_upon_lag(void *arg)
{
	data *d = arg;

	make(d, CAP, 1);
	send_some(d, 0, 10);
	EXPECT_ERR(recv_now(&d->sub[0]), -EOVERFLOW);
	EXPECT_EQ(6u, oa_chan_lost(&d->sub[0]));
	send_some(d, 10, 13);
	EXPECT_ERR(recv_now(&d->sub[0]), -EOVERFLOW);
	EXPECT_EQ(3u, oa_chan_lost(&d->sub[0]));
	for (int i = 9; i < 13; i++)
		EXPECT_EQ(i, recv_now(&d->sub[0]));
	destroy(d, 1);
	return NULL;
}

FROM_ACTORS(lag_upon_lag);

static void *close_and_drain(void *arg)
{
	data *d = arg;

	make(d, CAP, 3);
	send_some(d, 0, 2);
	EXPECT_EQ(0, recv_now(&d->sub[0]));
	EXPECT_EQ(1, recv_now(&d->sub[0]));
	EXPECT_EQ(0, recv_now(&d->sub[1]));
	send_some(d, 2, 5);
	ASSERT_OK(oa_chan_close(d->ch));
	for (int i = 2; i < 5; i++)
		EXPECT_EQ(i, recv_wait(&d->sub[0]));
	EXPECT_ERR(recv_wait(&d->sub[0]), -EPIPE);
	EXPECT_ERR(recv_now(&d->sub[0]), -EPIPE);
	for (int i = 1; i < 5; i++)
		EXPECT_EQ(i, recv_wait(&d->sub[1]));
	EXPECT_ERR(recv_wait(&d->sub[1]), -EPIPE);
	/* One that lags is told so first. */
	EXPECT_ERR(recv_wait(&d->sub[2]), -EOVERFLOW);
	EXPECT_EQ(1u, oa_chan_lost(&d->sub[2]));
	for (int i = 1; i < 5; i++)
		EXPECT_EQ(i, recv_wait(&d->sub[2]));
	EXPECT_ERR(recv_wait(&d->sub[2]), -EPIPE);
	destroy(d, 3);
	return NULL;
}

FROM_ACTORS(close_and_drain);

static void *unsubscribed(void *arg)
{
	data *d = arg;
	struct oa_chan_sub *s = &d->sub[0];

	for (int leave = 0; leave < 3; leave++) {
		make(d, CAP, 3);
		EXPECT_ERR(oa_chan_destroy(d->ch), -EBUSY);
		send_some(d, 0, 2);
		ASSERT_OK(oa_chan_unsubscribe(&s[leave]));
		EXPECT_EQ(2u, CHAN(d->ch, subscribers));
		EXPECT_ERR(recv_now(&s[leave]), -EINVAL);
		EXPECT_ERR(recv_wait(&s[leave]), -EINVAL);
		EXPECT_ERR(oa_chan_unsubscribe(&s[leave]), -EINVAL);
		EXPECT_ERR(oa_chan_destroy(d->ch), -EBUSY);
		/* The others have theirs. */
		for (int k = 0; k < 3; k++)
			for (int i = 0; i < 2 && k != leave; i++)
				EXPECT_EQ(i, recv_now(&s[k]));
		/* And again, from here on. */
		ASSERT_OK(oa_chan_subscribe(d->ch, &s[leave]));
		EXPECT_ERR(recv_now(&s[leave]), -EAGAIN);
		send_some(d, 2, 3);
		for (int k = 0; k < 3; k++)
			EXPECT_EQ(2, recv_now(&s[k]));
		destroy(d, 3);
	}
	return NULL;
}

FROM_ACTORS(unsubscribed);

/* Waiting. */

struct listener {
	data *d;
	struct oa_chan_sub *sub;
	oa_time_t until;
};

static void *waits_for_one(void *arg)
{
	struct listener *l = arg;
	int x = -1, err;

	err = l->until ? oa_chan_recv_from_until(l->sub, &x, l->until) :
			 oa_chan_recv_from(l->sub, &x);
	return as_result(err ? err : x);
}

static void start_listeners(data *d, struct actor *a, struct listener *l,
			    enum who who, oa_time_t timeout)
{
	for (unsigned int i = 0; i < SUBS; i++) {
		l[i] = (struct listener){ d, &d->sub[i],
				timeout ? oa_after(timeout) : 0 };
		actor_start(&a[i], who, i, waits_for_one, &l[i]);
	}
}

static void one_send_wakes_all(data *d, enum who who)
{
	struct listener l[SUBS];
	struct actor a[SUBS];

	make(d, CAP, SUBS);
	for (int round = 0; round < 10; round++) {
		start_listeners(d, a, l, who, 0);
		task_wait_until(CHAN(d->ch, receivers) == SUBS);
		if (!round)
			EXPECT_ERR(oa_chan_destroy(d->ch), -EBUSY);
		send_some(d, round, round + 1);
		for (int i = 0; i < SUBS; i++) {
			actor_end(&a[i]);
			EXPECT_EQ((void *)(intptr_t)round, a[i].result);
		}
	}
	start_listeners(d, a, l, who, 0);
	task_wait_until(CHAN(d->ch, receivers) == SUBS);
	ASSERT_OK(oa_chan_close(d->ch));
	for (int i = 0; i < SUBS; i++)
		EXPECT_EQ(oa_err(-EPIPE), actor_end(&a[i]));
	destroy(d, SUBS);
}

TASK_TEST_F(chan_broadcast, one_send_wakes_all, .workers = variant->workers)
{
	one_send_wakes_all(self, WHO_TASK);
}

TASK_TEST_F(chan_broadcast, one_send_wakes_all_threads,
	    .workers = variant->workers)
{
	one_send_wakes_all(self, WHO_THREAD);
}

TASK_TEST_F(chan_broadcast, one_send_wakes_all_of_any_kind,
	    .workers = variant->workers, .max_blocking = ACTORS_ON_POOL)
{
	one_send_wakes_all(self, WHO_MIXED);
}

TASK_TEST_F(chan_broadcast, who_gives_up_misses_nothing,
	    .workers = variant->workers, .max_blocking = ACTORS_ON_POOL)
{
	struct listener l[SUBS];
	struct actor a[SUBS];

	make(self, CAP, SUBS);
	start_listeners(self, a, l, WHO_MIXED, OA_MSEC);
	for (int i = 0; i < SUBS; i++)
		EXPECT_EQ(oa_err(-ETIMEDOUT), actor_end(&a[i]));
	for (enum who who = WHO_TASK; who <= WHO_POOL; who += WHO_POOL) {
		start_listeners(self, a, l, who, 0);
		task_wait_until(CHAN(self->ch, receivers) == SUBS);
		for (int i = 0; i < SUBS; i += 2)
			ASSERT_OK(oa_cancel(a[i].t));
		for (int i = 0; i < SUBS; i += 2)
			EXPECT_EQ(oa_err(-ECANCELED), actor_end(&a[i]));
		send_some(self, 5, 6);
		for (int i = 0; i < SUBS; i++)
			EXPECT_EQ(5, i % 2 ? (int)(intptr_t)actor_end(&a[i]) :
					     recv_now(&self->sub[i]));
	}
	destroy(self, SUBS);
}

/* In full swing: what it got and what it was told to have lost is all. */

struct swing {
	data *d;
	struct oa_chan_sub *sub;
	unsigned int me, each, got, laggard;
	uint64_t lost;
};

static void *says_all(void *arg)
{
	struct swing *s = arg;

	for (unsigned int i = 0; i < s->each; i++) {
		unsigned int x = s->me << 16 | i;

		ASSERT_GE(oa_chan_send(s->d->ch, &x), 0);
		/* A send never waits: let the others listen. */
		if (!(i % 4))
			give_way();
	}
	return NULL;
}

static void *hears_all(void *arg)
{
	struct swing *s = arg;
	int last[8] = { 0 };
	unsigned int x = 0;
	int err;

	for (;;) {
		err = oa_chan_recv_from(s->sub, &x);
		if (err == -EPIPE)
			break;
		if (err == -EOVERFLOW) {
			ASSERT_GT(oa_chan_lost(s->sub), 0u);
			s->lost += oa_chan_lost(s->sub);
			continue;
		}
		ASSERT_OK(err);
		ASSERT_LT(x >> 16, 8u);
		ASSERT_GE((int)(x & 0xffff), last[x >> 16]);
		last[x >> 16] = (int)(x & 0xffff) + 1;
		s->got++;
		for (unsigned int i = 0; i < s->laggard; i++)
			give_way();
	}
	return NULL;
}

static void in_full_swing(data *d, enum who who, unsigned int each)
{
	struct swing says[3], hears[SUBS];
	struct actor as[3], ah[SUBS];

	make(d, CAP, SUBS);
	for (unsigned int i = 0; i < SUBS; i++) {
		hears[i] = (struct swing){ .d = d, .sub = &d->sub[i],
					   .laggard = i };
		actor_start(&ah[i], who, i, hears_all, &hears[i]);
	}
	for (unsigned int i = 0; i < 3; i++) {
		says[i] = (struct swing){ .d = d, .me = i, .each = each };
		actor_start(&as[i], who, i, says_all, &says[i]);
	}
	for (int i = 0; i < 3; i++)
		actor_end(&as[i]);
	EXPECT_EQ((uint64_t)3 * each, CHAN(d->ch, sent));
	ASSERT_OK(oa_chan_close(d->ch));
	for (int i = 0; i < SUBS; i++) {
		actor_end(&ah[i]);
		EXPECT_EQ((uint64_t)3 * each, hears[i].got + hears[i].lost);
		EXPECT_GE(hears[i].got, (unsigned int)CAP);
	}
	destroy(d, SUBS);
}

TASK_TEST_F(chan_broadcast, in_full_swing, .workers = variant->workers)
{
	in_full_swing(self, WHO_TASK, (unsigned int)SCALED(2000, 200));
}

TASK_TEST_F(chan_broadcast, in_full_swing_of_threads,
	    .workers = variant->workers)
{
	in_full_swing(self, WHO_THREAD, (unsigned int)SCALED(500, 100));
}

TASK_TEST_F(chan_broadcast, in_full_swing_of_any_kind,
	    .workers = variant->workers, .max_blocking = ACTORS_ON_POOL)
{
	in_full_swing(self, WHO_MIXED, (unsigned int)SCALED(500, 100));
}

/* Subscribers come and go while it is sent. */

static void *comes_and_goes(void *arg)
{
	struct swing *s = arg;
	struct oa_chan_sub sub;
	int err, x, last;

	while (!SEEN(s->d->over)) {
		memset(&sub, 0, sizeof(sub));
		ASSERT_OK(oa_chan_subscribe(s->d->ch, &sub));
		last = -1;
		for (int i = 0; i < 3; i++) {
			err = oa_chan_recv_from_until(&sub, &x,
						      oa_after(OA_MSEC));
			if (err == -EPIPE)
				break;
			if (err) {
				ASSERT_TRUE(err == -ETIMEDOUT ||
					    err == -EOVERFLOW);
				continue;
			}
			ASSERT_GT(x, last);
			last = x;
		}
		ASSERT_OK(oa_chan_unsubscribe(&sub));
	}
	return NULL;
}

TASK_TEST_F(chan_broadcast, subscribers_come_and_go,
	    .workers = variant->workers, .max_blocking = ACTORS_ON_POOL)
{
	struct swing s[6];
	struct actor a[6];

	make(self, CAP, 0);
	for (unsigned int i = 0; i < 6; i++) {
		s[i] = (struct swing){ .d = self };
		actor_start(&a[i], WHO_MIXED, i, comes_and_goes, &s[i]);
	}
	for (int i = 0; i < (int)SCALED(3000, 300); i++) {
		send_some(self, i, i + 1);
		if (!(i % 4))
			ASSERT_OK(oa_yield());
	}
	TELL(self->over, 1);
	for (int i = 0; i < 6; i++)
		actor_end(&a[i]);
	destroy(self, 0);
}

HARNESS_MAIN
