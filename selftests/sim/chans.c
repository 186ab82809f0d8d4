// SPDX-License-Identifier: MIT
/*
 * Channels of each kind, used by all at once: what was seen of one is what a
 * queue could have done, nothing is lost or doubled, nobody waits for ever.
 */
#include "selftests/sim/traffic.h"

#include <string.h>

static struct traffic traffic;
static enum oa_chan_kind kind;
static size_t capacity;
static bool closes;

static void open_channel(void)
{
	traffic_open(&traffic, kind, capacity);
}

static void end_channel(void)
{
	traffic_end(&traffic);
}

/* As many are sent as are received: nothing but that ends the waits. */

static uint32_t rounds, senders;

static void until_it_succeeds(struct actor *a,
			      int (*call)(struct traffic *, struct actor *))
{
	int err;

	do {
		err = call(&traffic, a);
		CHECK(!err || err == -EAGAIN || err == -ETIMEDOUT);
		if (err)
			actor_pause(a);
	} while (err == -EAGAIN || err == -ETIMEDOUT);
}

static void sends_or_receives(struct actor *a)
{
	for (uint32_t n = 0; n < rounds; n++) {
		until_it_succeeds(a, a->id < senders ? traffic_send
						     : traffic_recv);
		if (sim_one_in(3))
			actor_pause(a);
	}
}

SCENARIO(what_is_sent_is_received, 2500)
{
	kind = sim_one_in(4) ? OA_CHAN_UNBOUNDED : OA_CHAN_BOUNDED;
	capacity = sim_below(4);
	senders = 1 + sim_below(3);
	rounds = 1 + sim_below(6);
	CROWD_RUN(.n = senders * 2, .fn = sends_or_receives,
		  .begin = open_channel, .end = end_channel);
	CHECK_EQ(traffic.nr_sent, senders * rounds);
}

/* Anything, until it is closed. */

static void uses_until_closed(struct actor *a)
{
	bool sends = sim_one_in(2);
	int err = 0;

	if (a->id == 0) {
		sim_spin(sim_below(3000));
		actor_pause(a);
		traffic_close(&traffic);
		if (sim_one_in(4))
			traffic_close(&traffic);
		return;
	}
	for (uint32_t n = 4 + sim_below(12); n; n--) {
		if (sim_one_in(4))
			sends = !sends;
		err = sends ? traffic_send(&traffic, a)
			    : traffic_recv(&traffic, a);
		if (err == -EPIPE && sim_one_in(2))
			break;
		if (err || sim_one_in(3))
			actor_pause(a);
	}
}

SCENARIO(a_close_ends_all_waits, 2500)
{
	kind = sim_one_in(4) ? OA_CHAN_UNBOUNDED : OA_CHAN_BOUNDED;
	capacity = sim_below(4);
	CROWD_RUN(.n = 2 + sim_below(6), .fn = uses_until_closed,
		  .cancels = sim_one_in(2), .spared = 1,
		  .begin = open_channel, .end = end_channel);
}

/* Those that make room by dropping something. */

static void sends_more_than_fits(struct actor *a)
{
	if (a->id < senders) {
		for (uint32_t n = 1 + sim_below(12); n; n--) {
			/* It never waits, and never says that it is full. */
			int err = traffic_send(&traffic, a);

			CHECK(!err || err == -EPIPE ||
			      err == -ETIMEDOUT || err == -ECANCELED);
			if (sim_one_in(3))
				actor_pause(a);
		}
		if (--rounds == 0)
			traffic_close(&traffic);
		return;
	}
	while (traffic_recv(&traffic, a) != -EPIPE && !actor_cancelled(a))
		actor_pause(a);
}

SCENARIO(what_is_dropped_is_told, 1500)
{
	kind = sim_one_in(2) ? OA_CHAN_SLIDING : OA_CHAN_DROPPING;
	capacity = 1 + sim_below(4);
	rounds = senders = 1 + sim_below(3);
	CROWD_RUN(.n = senders + 1 + sim_below(3), .fn = sends_more_than_fits,
		  .begin = open_channel, .end = end_channel);
}

/* Subscribers. */

#define ISSUES	48

struct subscriber {
	struct oa_chan_sub sub;
	uint32_t got[ISSUES], nr;
	uint64_t lost;
	uint64_t since;			/* stamp after the subscription */
	bool all;			/* there before anything was sent */
};

static struct oa_chan *news;
static struct subscriber subscribers[CROWD_MAX];
static uint32_t nr_issues, nr_planned, publishers;
static uint64_t issued[ISSUES];		/* stamp before the send */

static void subscribe(struct subscriber *s)
{
	CHECK_EQ(oa_chan_subscribe(news, &s->sub), 0);
	s->since = traffic_stamp();
}

static void begin_news(void)
{
	CHECK_EQ(oa_chan_create(&news, sizeof(struct parcel), capacity,
				OA_CHAN_BROADCAST), 0);
	memset(subscribers, 0, sizeof(subscribers));
	for (uint32_t i = 0; i < CROWD_MAX; i++) {
		subscribers[i].all = i >= publishers && !sim_one_in(4);
		if (subscribers[i].all)
			subscribe(&subscribers[i]);
	}
}

static void publishes(struct actor *a)
{
	while (nr_issues < nr_planned) {
		struct parcel p = { .id = nr_issues, .check = ~nr_issues };

		issued[nr_issues++] = traffic_stamp();
		CHECK_EQ(oa_chan_send(news, &p), 0);
		if (sim_one_in(2))
			actor_pause(a);
	}
	if (--rounds == 0 && closes)
		CHECK_EQ(oa_chan_close(news), 0);
}

static int read_news(struct subscriber *s, struct actor *a)
{
	struct parcel p;
	int err = ACTOR_WAIT(a, oa_chan_recv_from(&s->sub, &p),
			     oa_chan_tryrecv_from(&s->sub, &p),
			     oa_chan_recv_from_until(&s->sub, &p, deadline));

	if (err == -EOVERFLOW) {
		uint64_t lost = oa_chan_lost(&s->sub);

		CHECK(lost > 0);
		s->lost += lost;
		CHECK(s->lost <= nr_issues);
	} else if (!err) {
		CHECK(p.id < nr_issues && p.check == ~p.id);
		for (uint32_t i = 0; i < s->nr; i++)
			CHECK(s->got[i] != p.id);
		CHECK(s->nr < ISSUES);
		s->got[s->nr++] = p.id;
	} else if (err == -EPIPE) {
		CHECK(closes && rounds == 0);
	} else {
		CHECK(err == -EAGAIN || err == -ETIMEDOUT ||
		      err == -ECANCELED);
	}
	return err;
}

static bool has_all(const struct subscriber *s)
{
	return s->all && s->nr + s->lost == nr_planned;
}

static void reads(struct actor *a)
{
	struct subscriber *s = &subscribers[a->id];
	int err;

	if (!s->all) {
		actor_pause(a);
		subscribe(s);
	}
	do {
		/* Who came late does not know how much there is to come. */
		if (!closes && (has_all(s) || !s->all))
			break;
		err = read_news(s, a);
		if (err || sim_one_in(3))
			actor_pause(a);
	} while (err != -EPIPE && !actor_cancelled(a));
	CHECK_EQ(oa_chan_unsubscribe(&s->sub), 0);
	if (s->all && closes && !actor_cancelled(a))
		CHECK(has_all(s));
}

static void publishes_or_reads(struct actor *a)
{
	if (a->id < publishers)
		publishes(a);
	else
		reads(a);
}

static int place(const struct subscriber *s, uint32_t id)
{
	for (uint32_t i = 0; i < s->nr; i++)
		if (s->got[i] == id)
			return (int)i;
	return -1;
}

/* What both have seen, both have seen in the same order. */
static void compare(const struct subscriber *a, const struct subscriber *b)
{
	int last = -1, at;

	for (uint32_t i = 0; i < a->nr; i++) {
		at = place(b, a->got[i]);
		if (at < 0)
			continue;
		CHECK(at > last);
		last = at;
	}
}

static void end_news(void)
{
	for (uint32_t i = 0; i < CROWD_MAX; i++) {
		struct subscriber *s = &subscribers[i];

		/* Those whose actor never came, or began. */
		if (s->all && oa_chan_unsubscribe(&s->sub) == 0)
			CHECK_EQ(s->nr, 0);
		for (uint32_t k = 0; k < i; k++)
			compare(s, &subscribers[k]);
	}
	CHECK_EQ(oa_chan_destroy(news), 0);
}

SCENARIO(every_subscriber_gets_every_element, 1500)
{
	publishers = rounds = 1 + sim_below(2);
	closes = sim_one_in(2);
	capacity = 1 + sim_below(12);
	nr_issues = 0;
	nr_planned = 1 + sim_below(ISSUES - 1);
	CROWD_RUN(.n = publishers + 1 + sim_below(4), .fn = publishes_or_reads,
		  .begin = begin_news, .end = end_news);
}

/* A consumer has one at a time, and all there is unless it is stopped. */

static struct oa_chan *box;
static uint32_t consuming, consumed, sent, after_stop, last_of[CROWD_MAX];
static bool stopped;

static void consumes(void *elem, void *arg)
{
	struct parcel p;

	CHECK(arg == &consumed);
	CHECK_EQ(consuming++, 0);
	consumed++;
	after_stop += stopped;
	memcpy(&p, elem, sizeof(p));
	CHECK_EQ(p.check, p.id * 7 + 1);
	/* In the order of each sender. */
	CHECK(p.again > last_of[p.id]);
	last_of[p.id] = (uint32_t)p.again;
	if (sim_one_in(2))
		oa_sleep(sim_below(3000));
	CHECK_EQ(memcmp(&p, elem, sizeof(p)), 0);
	consuming--;
}

static void begin_box(void)
{
	CHECK_EQ(oa_chan_create(&box, sizeof(struct parcel), capacity, kind),
		 0);
	CHECK_EQ(oa_chan_consume(box, consumes, &consumed), 0);
	CHECK_EQ(oa_chan_consume(box, consumes, &consumed), -EBUSY);
}

static void puts_in(struct actor *a)
{
	for (uint32_t n = 1; n <= rounds; n++) {
		struct parcel p = { a->id, a->id * 7 + 1, n };
		int err = oa_chan_send(box, &p);

		memset(&p, 0, sizeof(p));
		if (err == -EPIPE) {
			CHECK(!closes);
			return;
		}
		CHECK_EQ(err, 0);
		sent++;
		if (sim_one_in(3))
			actor_pause(a);
		if (!closes && sim_one_in(8)) {
			CHECK_EQ(oa_chan_stop(box), 0);
			stopped = true;
		}
	}
}

static void end_box(void)
{
	if (closes)
		CHECK_EQ(oa_chan_close(box), 0);
	else
		CHECK_EQ(oa_chan_stop(box), 0);
	stopped = !closes;
	/* The consumer has what it needs for itself. */
	if (sim_one_in(2))
		oa_yield();
	if (!closes || sim_one_in(2)) {
		while (closes && consumed < sent)
			oa_sleep(300);
		CHECK_EQ(oa_chan_destroy(box), 0);
		box = NULL;
	}
}

static void destroy_box(void)
{
	if (box)
		CHECK_EQ(oa_chan_destroy(box), 0);
	if (closes)
		CHECK_EQ(consumed, sent);
	CHECK(consumed <= sent);
	CHECK_EQ(consuming, 0);
	/* It may have had one in its hands. */
	CHECK(after_stop <= 1);
}

SCENARIO(a_consumer_has_one_at_a_time, 1500)
{
	kind = sim_one_in(2) ? OA_CHAN_UNBOUNDED : OA_CHAN_BOUNDED;
	capacity = sim_below(4);
	closes = sim_one_in(2);
	rounds = 1 + sim_below(6);
	consuming = consumed = sent = after_stop = 0;
	stopped = false;
	memset(last_of, 0, sizeof(last_of));
	CROWD_RUN(.n = 1 + sim_below(4), .fn = puts_in, .begin = begin_box,
		  .end = end_box);
	destroy_box();
}

HARNESS_MAIN
