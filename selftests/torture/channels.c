// SPDX-License-Identifier: MIT
/*
 * Channels that anybody sends to, receives from, selects and closes. All that
 * is done to them is recorded; at the end of the round the record has to be
 * one that a queue can have.
 */
#include "torture.h"

#include <stdlib.h>
#include <string.h>

#include "selftests/history.h"

#define LINES	6u
#define ELEMS	6000u		/* of each; then it has had enough */
#define FAILS	1500u		/* that are kept */
#define CASES	4u

struct line {
	struct oa_chan *ch;
	enum oa_chan_kind kind;
	struct history h;
	uint32_t nr_elems, nr_fails;
	uint32_t closing;
	uint32_t sent, received, dropped;
};

/* What is sent: says which one it is, and that it came whole. */
struct elem {
	struct line *line;
	uint32_t id, check;
};

static struct line lines[LINES];
static uint64_t stamps;

uint64_t stamp(void)
{
	return ADD(stamps, 1);
}

static bool lossy(const struct line *l)
{
	return l->kind == OA_CHAN_SLIDING || l->kind == OA_CHAN_DROPPING;
}

static void line_open(struct line *l, struct actor *a)
{
	static const enum oa_chan_kind kinds[] = {
		OA_CHAN_BOUNDED, OA_CHAN_BOUNDED, OA_CHAN_BOUNDED,
		OA_CHAN_UNBOUNDED, OA_CHAN_SLIDING, OA_CHAN_DROPPING,
	};
	static const size_t room[] = { 0, 1, 2, 30 };
	size_t capacity = room[actor_random(a, ARRAY_N(room))];
	int err;

	memset(l, 0, sizeof(*l));
	l->kind = kinds[actor_random(a, ARRAY_N(kinds))];
	if (lossy(l) && !capacity)
		capacity = 3;
	l->h = (struct history){
		.elems = calloc(ELEMS, sizeof(struct history_elem)),
		.fails = calloc(FAILS, sizeof(struct history_fail)),
		.capacity = l->kind == OA_CHAN_UNBOUNDED ? HISTORY_UNBOUNDED
							 : capacity,
		.lossy = lossy(l),
	};
	CHECK(l->h.elems && l->h.fails);
	err = oa_chan_create(&l->ch, sizeof(struct elem), capacity, l->kind);
	CHECK_RESULT(err, !err || (err == -ENOMEM && round_now.faults));
	if (err)
		l->ch = NULL;
}

void lines_open(void)
{
	struct actor a = { .rnd = round_now.seed * 2654435761u | 1 };

	TELL(stamps, 0);
	for (uint32_t i = 0; i < LINES; i++)
		line_open(&lines[i], &a);
}

static struct line *any_line(struct actor *a)
{
	return &lines[actor_random(a, LINES)];
}

/* False: it has had enough. */
static bool elem_new(struct line *l, struct elem *e)
{
	uint32_t id;

	if (!l->ch || SEEN(l->nr_elems) >= ELEMS)
		return false;
	id = ADD(l->nr_elems, 1) - 1;
	if (id >= ELEMS)
		return false;
	*e = (struct elem){ l, id, id * 2654435761u };
	l->h.elems[id].send_from = stamp();
	return true;
}

static void failed(struct line *l, enum history_fail_kind kind, uint64_t from)
{
	uint32_t i;

	if (SEEN(l->nr_fails) >= FAILS)
		return;
	i = ADD(l->nr_fails, 1) - 1;
	if (i < FAILS)
		l->h.fails[i] = (struct history_fail){ kind, from, stamp() };
}

/* @looked: an error says something about the channel. */
static void check_error(int err)
{
	CHECK_RESULT(err, err == -EAGAIN || err == -ETIMEDOUT ||
		     (err == -ECANCELED && oa_cancelled() == 1) ||
		     (err == -ENOMEM && round_now.faults));
}

static void elem_sent(struct elem *e, int res, bool looked)
{
	struct line *l = e->line;
	struct history_elem *r = &l->h.elems[e->id];

	r->send_to = stamp();
	e->check = ~e->check;
	if (res >= 0) {
		CHECK_RESULT(res, res == 0 || (res == 1 && lossy(l)));
		r->sent = true;
		ADD(l->sent, 1);
		ADD(l->dropped, (uint32_t)res);
	} else if (res == -EPIPE) {
		failed(l, HISTORY_REFUSED, r->send_from);
	} else {
		check_error(res);
		if (looked && (res == -EAGAIN || res == -ETIMEDOUT))
			failed(l, HISTORY_FULL, r->send_from);
	}
}

static void elem_received(struct line *l, const struct elem *e, uint64_t from,
			  int res, bool looked)
{
	struct history_elem *r;

	if (!res) {
		CHECK(e->line == l && e->id < ELEMS);
		CHECK(e->check == e->id * 2654435761u);
		r = &l->h.elems[e->id];
		CHECK(!__atomic_exchange_n(&r->recv_from, from,
					   __ATOMIC_ACQ_REL));
		r->recv_to = stamp();
		ADD(l->received, 1);
	} else if (res == -EPIPE) {
		failed(l, HISTORY_DRAINED, from);
	} else {
		check_error(res);
		if (looked && (res == -EAGAIN || res == -ETIMEDOUT))
			failed(l, HISTORY_EMPTY, from);
	}
}

static void send_once(struct actor *a)
{
	oa_time_t soon = oa_after(actor_random(a, 300) * OA_USEC);
	struct oa_deadline d;
	struct elem e;
	int res = -ETIMEDOUT;
	uint32_t how = actor_random(a, 3);

	if (!elem_new(any_line(a), &e))
		return;
	if (how == 0) {
		res = oa_chan_trysend(e.line->ch, &e);
	} else if (how == 1 || !oa_self().id) {
		res = oa_chan_send_until(e.line->ch, &e, soon);
	} else {
		CHECK(!oa_deadline_enter(&d, soon));
		res = oa_chan_send(e.line->ch, &e);
		CHECK(oa_deadline_leave(&d) >= 0);
	}
	elem_sent(&e, res, how < 2);
}

static void recv_once(struct actor *a)
{
	oa_time_t soon = oa_after(actor_random(a, 300) * OA_USEC);
	struct line *l = any_line(a);
	uint64_t from = stamp();
	struct oa_deadline d;
	struct elem e;
	uint32_t how = actor_random(a, 3);
	int res;

	if (!l->ch)
		return;
	if (how == 0) {
		res = oa_chan_tryrecv(l->ch, &e);
	} else if (how == 1 || !oa_self().id) {
		res = oa_chan_recv_until(l->ch, &e, soon);
	} else {
		CHECK(!oa_deadline_enter(&d, soon));
		res = oa_chan_recv(l->ch, &e);
		CHECK(oa_deadline_leave(&d) >= 0);
	}
	elem_received(l, &e, from, res, how < 2);
}

void act_chan_send(struct actor *a)
{
	for (uint32_t n = 1 + actor_random(a, 6); n; n--)
		send_once(a);
}

void act_chan_recv(struct actor *a)
{
	for (uint32_t n = 1 + actor_random(a, 6); n; n--)
		recv_once(a);
}

struct choice {
	struct oa_case c[CASES];
	struct elem e[CASES];
	struct line *line[CASES];
	uint32_t n;
};

static void choice_add(struct choice *ch, struct actor *a)
{
	struct line *l = any_line(a);
	uint32_t i = ch->n;

	if (actor_random(a, 2)) {
		if (!elem_new(l, &ch->e[i]))
			return;
		ch->c[i] = (struct oa_case)OA_CASE_SEND(l->ch, &ch->e[i]);
	} else {
		if (!l->ch)
			return;
		ch->c[i] = (struct oa_case)OA_CASE_RECV(l->ch, &ch->e[i]);
	}
	ch->line[i] = l;
	ch->n++;
}

void act_select(struct actor *a)
{
	struct choice ch = { .n = 0 };
	oa_time_t soon = oa_after(actor_random(a, 300) * OA_USEC);
	uint64_t from;
	int first, res;

	for (uint32_t n = 2 + actor_random(a, CASES - 2); n; n--)
		choice_add(&ch, a);
	if (!actor_random(a, 4))
		ch.c[ch.n++] = (struct oa_case)OA_CASE_AT(soon);
	from = stamp();
	first = actor_random(a, 3) ? oa_select_until(ch.c, ch.n, soon)
				   : oa_tryselect(ch.c, ch.n);
	if (first < 0)
		check_error(first);
	for (uint32_t i = 0; i < ch.n; i++) {
		/* The others were not ready when they were looked at. */
		res = (int)i == first ? ch.c[i].res :
		      first < 0 ? first : -ETIMEDOUT;
		if (ch.c[i].kind == OA_CASE_KIND_SEND)
			elem_sent(&ch.e[i], res, (int)i == first || first < 0);
		else if (ch.c[i].kind == OA_CASE_KIND_RECV)
			elem_received(ch.line[i], &ch.e[i], from, res,
				      (int)i == first || first < 0);
	}
}

/* Now and then; most of them last until the end. */
void act_chan_close(struct actor *a)
{
	struct line *l = any_line(a);

	if (!l->ch || actor_random(a, 400) ||
	    __atomic_exchange_n(&l->closing, 1, __ATOMIC_ACQ_REL))
		return;
	l->h.close_from = stamp();
	CHECK(!oa_chan_close(l->ch));
	l->h.close_to = stamp();
}

static void line_drain(struct line *l)
{
	struct elem e;
	uint64_t from;
	int res;

	do {
		from = stamp();
		res = oa_chan_tryrecv(l->ch, &e);
		elem_received(l, &e, from, res, true);
	} while (!res);
	CHECK_RESULT(res, res == (l->closing ? -EPIPE : -EAGAIN));
}

/* Nobody uses it any more. */
static void line_check(struct line *l)
{
	struct oa_chan_info info = OA_CHAN_INFO_INIT;
	const char *why;

	line_drain(l);
	CHECK(!oa_chan_info(l->ch, &info));
	CHECK(!info.len && !info.senders && !info.receivers);
	CHECK(info.sent == l->sent && info.received == l->received &&
	      info.dropped == l->dropped);
	CHECK(l->sent == l->received + l->dropped);
	l->h.nr_elems = l->nr_elems < ELEMS ? l->nr_elems : ELEMS;
	l->h.nr_fails = l->nr_fails < FAILS ? l->nr_fails : FAILS;
	why = history_check(&l->h);
	if (why)
		torture_fail(__FILE__, __LINE__, why, l - lines);
	CHECK(!oa_chan_destroy(l->ch));
}

void lines_close(void)
{
	for (uint32_t i = 0; i < LINES; i++) {
		struct line *l = &lines[i];

		if (l->ch)
			line_check(l);
		free(l->h.elems);
		free(l->h.fails);
	}
}
