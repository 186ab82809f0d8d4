// SPDX-License-Identifier: MIT
/* Channels in use: what each call did and between which moments. */
#include "selftests/sim/traffic.h"

#include <string.h>

static uint64_t stamps;

uint64_t traffic_stamp(void)
{
	return ++stamps;
}

static bool lossy(const struct traffic *t)
{
	return t->kind == OA_CHAN_SLIDING || t->kind == OA_CHAN_DROPPING;
}

void traffic_open(struct traffic *t, enum oa_chan_kind kind, size_t capacity)
{
	memset(t, 0, sizeof(*t));
	t->kind = kind;
	t->history = (struct history){
		.elems = t->elems, .fails = t->fails, .lossy = lossy(t),
		.capacity = kind == OA_CHAN_UNBOUNDED ? HISTORY_UNBOUNDED
						      : capacity,
	};
	CHECK_EQ(oa_chan_create(&t->ch, sizeof(struct parcel), capacity, kind),
		 0);
}

static uint32_t check_of(uint32_t id)
{
	return id * 2654435761u + 1;
}

bool traffic_parcel(struct traffic *t, struct parcel *p)
{
	size_t id = t->history.nr_elems;

	if (id == TRAFFIC_MAX)
		return false;
	t->history.nr_elems++;
	*p = (struct parcel){ (uint32_t)id, check_of((uint32_t)id), id };
	t->elems[id].send_from = traffic_stamp();
	return true;
}

static void failed(struct traffic *t, enum history_fail_kind kind,
		   uint64_t from)
{
	size_t n = t->history.nr_fails;

	if (n == TRAFFIC_MAX)
		return;
	t->fails[n] = (struct history_fail){ kind, from, traffic_stamp() };
	t->history.nr_fails++;
}

void traffic_sent(struct traffic *t, struct parcel *p, int res, bool looked)
{
	struct history_elem *e = &t->elems[p->id];

	e->send_to = traffic_stamp();
	/* It has been copied by now, or will not be. */
	memset(p, 0x5a, sizeof(*p));
	switch (res) {
	case 1:
		CHECK(lossy(t));
		t->nr_dropped++;
		/* fallthrough */
	case 0:
		e->sent = true;
		t->nr_sent++;
		break;
	case -EPIPE:
		failed(t, HISTORY_REFUSED, e->send_from);
		break;
	default:
		CHECK(res == -EAGAIN || res == -ETIMEDOUT || res == -ECANCELED);
		CHECK(res == -ECANCELED || !looked ||
		      t->kind == OA_CHAN_BOUNDED);
		if (looked && res != -ECANCELED)
			failed(t, HISTORY_FULL, e->send_from);
		break;
	}
}

void traffic_received(struct traffic *t, const struct parcel *p, uint64_t from,
		      int res, bool looked)
{
	struct history_elem *e;

	switch (res) {
	case 0:
		CHECK(p->id < t->history.nr_elems);
		e = &t->elems[p->id];
		CHECK_EQ(p->check, check_of(p->id));
		CHECK_EQ(p->again, p->id);
		CHECK_EQ(e->recv_from, 0);
		e->recv_from = from;
		e->recv_to = traffic_stamp();
		t->nr_received++;
		break;
	case -EPIPE:
		failed(t, HISTORY_DRAINED, from);
		break;
	default:
		CHECK(res == -EAGAIN || res == -ETIMEDOUT || res == -ECANCELED);
		if (looked && res != -ECANCELED)
			failed(t, HISTORY_EMPTY, from);
		break;
	}
}

int traffic_send(struct traffic *t, struct actor *a)
{
	enum form f = actor_form(a);
	struct parcel p;
	int res;

	if (!traffic_parcel(t, &p))
		return -ENOBUFS;
	res = ACTOR_WAIT_AS(a, f, oa_chan_send(t->ch, &p),
			    oa_chan_trysend(t->ch, &p),
			    oa_chan_send_until(t->ch, &p, deadline));
	traffic_sent(t, &p, res, f != FORM_WITHIN);
	return res < 0 ? res : 0;
}

int traffic_recv(struct traffic *t, struct actor *a)
{
	enum form f = actor_form(a);
	uint64_t from = traffic_stamp();
	struct parcel p;
	int res;

	res = ACTOR_WAIT_AS(a, f, oa_chan_recv(t->ch, &p),
			    oa_chan_tryrecv(t->ch, &p),
			    oa_chan_recv_until(t->ch, &p, deadline));
	traffic_received(t, &p, from, res, f != FORM_WITHIN);
	return res;
}

void traffic_close(struct traffic *t)
{
	if (!t->history.close_from)
		t->history.close_from = traffic_stamp();
	CHECK_EQ(oa_chan_close(t->ch), 0);
	if (!t->history.close_to)
		t->history.close_to = traffic_stamp();
}

static void drain(struct traffic *t)
{
	struct parcel p;
	uint64_t from;
	int res;

	do {
		from = traffic_stamp();
		res = oa_chan_tryrecv(t->ch, &p);
		traffic_received(t, &p, from, res, true);
	} while (!res);
	CHECK_EQ(res, t->history.close_to ? -EPIPE : -EAGAIN);
}

void traffic_end(struct traffic *t)
{
	struct oa_chan_info info = OA_CHAN_INFO_INIT;
	const char *why;

	CHECK_EQ(oa_chan_len(t->ch),
		 t->nr_sent - t->nr_received - t->nr_dropped);
	drain(t);
	CHECK_EQ(oa_chan_info(t->ch, &info), 0);
	CHECK_EQ(info.len, 0);
	CHECK_EQ(info.senders, 0);
	CHECK_EQ(info.receivers, 0);
	CHECK_EQ(info.closed, t->history.close_to != 0);
	CHECK_EQ(info.sent, t->nr_sent);
	CHECK_EQ(info.received, t->nr_received);
	CHECK_EQ(info.dropped, t->nr_dropped);
	CHECK_EQ(t->nr_sent, t->nr_received + t->nr_dropped);
	CHECK_EQ(oa_chan_destroy(t->ch), 0);
	t->ch = NULL;
	why = history_check(&t->history);
	if (why)
		sim_fail("%s", why);
}
