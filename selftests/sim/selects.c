// SPDX-License-Identifier: MIT
/*
 * Selects against everything that can end them: one case is served and the
 * others lose nothing, two that match find each other, nobody waits for ever.
 */
#include "selftests/sim/traffic.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#define LINES	3
#define CASES	6

static struct traffic lines[LINES];
static uint32_t nr_lines;
static size_t capacity;

/* An object of the program's own: units that are put in and taken out. */

struct box {
	struct oa_waitable w;
	struct oa_spinlock lock;
	struct oa_waiter *first;
	uint32_t units;
};

static struct box box;
enum { BOX_TRIED = 3, BOX_WOKEN = 4 };

static int box_take(struct oa_waitable *w, void *data)
{
	struct box *b = (struct box *)w;
	int res = -EAGAIN;

	CHECK(data == &box.units);
	CHECK_EQ(oa_spinlock_lock(&b->lock), 0);
	if (b->units) {
		b->units--;
		res = BOX_TRIED;
	}
	CHECK_EQ(oa_spinlock_unlock(&b->lock), 0);
	return res;
}

static int box_enlist(struct oa_waitable *w, struct oa_waiter *n)
{
	struct box *b = (struct box *)w;
	bool there;

	CHECK(n->data == &box.units);
	CHECK_EQ(oa_spinlock_lock(&b->lock), 0);
	there = b->units;
	n->prev = NULL;
	if (!there) {
		n->next = b->first;
		n->prev = n;		/* it is in the list */
		b->first = n;
	}
	CHECK_EQ(oa_spinlock_unlock(&b->lock), 0);
	return there;
}

static void box_remove(struct box *b, struct oa_waiter *n)
{
	struct oa_waiter **p = &b->first;

	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
	n->prev = NULL;
}

static void box_delist(struct oa_waitable *w, struct oa_waiter *n)
{
	struct box *b = (struct box *)w;

	CHECK_EQ(oa_spinlock_lock(&b->lock), 0);
	if (n->prev)
		box_remove(b, n);
	CHECK_EQ(oa_spinlock_unlock(&b->lock), 0);
}

static const struct oa_waitable_ops box_ops = {
	.take = box_take, .enlist = box_enlist, .delist = box_delist,
};

static void box_put(struct box *b)
{
	struct oa_waiter *n;

	CHECK_EQ(oa_spinlock_lock(&b->lock), 0);
	b->units++;
	while (b->units && (n = b->first)) {
		box_remove(b, n);
		if (oa_waiter_wake(n, BOX_WOKEN))
			b->units--;
	}
	CHECK_EQ(oa_spinlock_unlock(&b->lock), 0);
}

/* One select of some cases, and what came of it. */

struct choice {
	struct oa_case c[CASES];
	struct parcel parcel[CASES];
	struct traffic *line[CASES];
	oa_task_t task[CASES];
	void *result[CASES];
	uint32_t n;
	uint32_t who;			/* of a subscription */
	uint64_t from;
};

static struct oa_sem sem;
static struct oa_event event;
static uint32_t permits_given, permits_taken, sets, passes, units_given,
	units_taken;

/* What one publishes and the others subscribe to. */
static struct oa_chan *news;
static struct oa_chan_sub subs[CROWD_MAX];
static uint32_t issues, seen[CROWD_MAX], missed[CROWD_MAX];

static void *ends_soon(void *arg)
{
	sim_spin(sim_below(100));
	if (sim_one_in(2))
		oa_yield();
	return arg;
}

static void add_line(struct choice *ch, bool send)
{
	uint32_t i = ch->n;
	struct traffic *t = &lines[sim_below(nr_lines)];

	if (send && !traffic_parcel(t, &ch->parcel[i]))
		return;
	ch->line[i] = t;
	if (send)
		ch->c[i] = (struct oa_case)OA_CASE_SEND(t->ch, &ch->parcel[i]);
	else
		ch->c[i] = (struct oa_case)OA_CASE_RECV(t->ch, &ch->parcel[i]);
	ch->n++;
}

static void add_join(struct choice *ch, struct actor *a)
{
	uint32_t i = ch->n;

	if (a->kind != ACTOR_TASK)
		return;
	ch->task[i] = oa_spawn(ends_soon, ch);
	CHECK_EQ(oa_task_error(ch->task[i]), 0);
	ch->result[i] = NULL;
	ch->c[ch->n++] = (struct oa_case)OA_CASE_JOIN(ch->task[i],
						      &ch->result[i]);
}

static void add_other(struct choice *ch, struct actor *a)
{
	uint32_t i = ch->n;

	switch (sim_below(7)) {
	case 0:
		ch->c[i] = (struct oa_case)OA_CASE_AT(
			oa_after(sim_below(20000)));
		break;
	case 1:
		ch->c[i] = (struct oa_case)OA_CASE_SEM(&sem);
		break;
	case 2:
		ch->c[i] = (struct oa_case)OA_CASE_EVENT(&event);
		break;
	case 3:
		ch->c[i] = (struct oa_case)OA_CASE_WAITABLE(&box.w, &box.units);
		break;
	case 4:
		ch->c[i] = (struct oa_case)OA_CASE_NONE;
		break;
	case 5:
		ch->c[i] = (struct oa_case)OA_CASE_RECV_FROM(&subs[a->id],
							     &ch->parcel[i]);
		ch->who = a->id;
		break;
	default:
		add_join(ch, a);
		return;
	}
	ch->n++;
}

/* The loser of a send has sent nothing, and that of a join may join later. */
static void lost(struct choice *ch, uint32_t i, int why, bool looked)
{
	struct traffic *t = ch->line[i];
	void *result;

	switch (ch->c[i].kind) {
	case OA_CASE_KIND_SEND:
		traffic_sent(t, &ch->parcel[i], why, looked);
		break;
	case OA_CASE_KIND_RECV:
		if (looked)
			traffic_received(t, &ch->parcel[i], ch->from, why,
					 true);
		break;
	case OA_CASE_KIND_JOIN:
		/* A cancelled task may not wait for it. */
		if (oa_join(ch->task[i], &result)) {
			CHECK_EQ(oa_cancelled(), 1);
			CHECK_EQ(oa_detach(ch->task[i]), 0);
		} else {
			CHECK(result == ch);
		}
		break;
	default:
		break;
	}
}

/* One after the other, but for those that it is told of. */
static void read_news(uint32_t who, const struct parcel *p, int res)
{
	switch (res) {
	case 0:
		CHECK(p->id < issues);
		CHECK_EQ(p->id, seen[who] + missed[who]);
		seen[who]++;
		break;
	case -EOVERFLOW:
		missed[who] += (uint32_t)oa_chan_lost(&subs[who]);
		CHECK(seen[who] + missed[who] < issues);
		break;
	default:
		CHECK_EQ(res, -EPIPE);
		CHECK_EQ(seen[who] + missed[who], issues);
		break;
	}
}

static void won(struct choice *ch, uint32_t i)
{
	struct oa_case *c = &ch->c[i];

	switch (c->kind) {
	case OA_CASE_KIND_SEND:
		traffic_sent(ch->line[i], &ch->parcel[i], c->res, true);
		break;
	case OA_CASE_KIND_RECV:
		traffic_received(ch->line[i], &ch->parcel[i], ch->from, c->res,
				 true);
		break;
	case OA_CASE_KIND_RECV_FROM:
		read_news(ch->who, &ch->parcel[i], c->res);
		break;
	case OA_CASE_KIND_JOIN:
		CHECK_EQ(c->res, 0);
		CHECK(ch->result[i] == ch);
		CHECK_EQ(oa_join(ch->task[i], NULL), -ESRCH);
		break;
	case OA_CASE_KIND_AT:
		CHECK_EQ(c->res, 0);
		CHECK(c->u.at <= sim_now());
		break;
	case OA_CASE_KIND_SEM:
		CHECK_EQ(c->res, 0);
		CHECK(++permits_taken <= permits_given);
		break;
	case OA_CASE_KIND_EVENT:
		CHECK_EQ(c->res, 0);
		CHECK(++passes <= sets);
		break;
	case OA_CASE_KIND_WAITABLE:
		CHECK(c->res == BOX_TRIED || c->res == BOX_WOKEN);
		CHECK(++units_taken <= units_given);
		break;
	default:
		sim_fail("case %u of kind %d cannot be the first", i, c->kind);
	}
}

/* The index, or a negative errno; a case's own error is in its .res. */
static int choose_as(struct choice *ch, struct actor *a, enum form f)
{
	int i;

	ch->from = traffic_stamp();
	i = ACTOR_WAIT_AS(a, f, oa_select(ch->c, ch->n),
			  oa_tryselect(ch->c, ch->n),
			  oa_select_until(ch->c, ch->n, deadline));
	CHECK(i < (int)ch->n);
	CHECK(i >= 0 || i == -EAGAIN || i == -ETIMEDOUT || i == -ECANCELED);
	for (uint32_t k = 0; k < ch->n; k++) {
		if ((int)k == i)
			won(ch, k);
		else
			lost(ch, k, i < 0 ? i : -EAGAIN,
			     i == -EAGAIN ||
			     (i == -ETIMEDOUT && f == FORM_UNTIL));
	}
	return i;
}

static bool closed_now(const struct choice *ch, int i)
{
	return i >= 0 && ch->c[i].res == -EPIPE;
}

static void publish(void)
{
	struct parcel p = { .id = issues };

	/* Nobody may have it before it counts. */
	issues++;
	CHECK_EQ(oa_chan_send(news, &p), 0);
}

static void gives_and_closes(struct actor *a)
{
	for (uint32_t n = sim_below(16); n; n--) {
		switch (sim_below(5)) {
		case 0:
			permits_given++;
			CHECK_EQ(oa_sem_post(&sem), 0);
			break;
		case 1:
			sets++;
			CHECK_EQ(oa_event_set(&event), 0);
			break;
		case 2:
			units_given++;
			box_put(&box);
			break;
		case 3:
			publish();
			break;
		default:
			actor_pause(a);
			break;
		}
	}
	for (uint32_t i = 0; i < nr_lines; i++) {
		actor_pause(a);
		traffic_close(&lines[i]);
	}
	CHECK_EQ(oa_chan_close(news), 0);
}

static void selects(struct actor *a)
{
	struct choice ch;
	uint32_t others;
	int i;

	ch.n = 0;
	for (uint32_t n = 1 + sim_below(3); n; n--)
		add_line(&ch, sim_one_in(2));
	others = sim_below(CASES - ch.n + 1);
	while (others--)
		add_other(&ch, a);
	if (!ch.n)
		return;
	/* The ends of its channels end it in any case. */
	i = choose_as(&ch, a, ch.c[0].kind == OA_CASE_KIND_NONE ? FORM_TRY
							       : actor_form(a));
	if (i < 0 || closed_now(&ch, i))
		actor_pause(a);
}

static void selects_and_others(struct actor *a)
{
	if (a->id == 0) {
		gives_and_closes(a);
		return;
	}
	for (uint32_t n = 2 + sim_below(8); n; n--) {
		struct traffic *t = &lines[sim_below(nr_lines)];

		switch (sim_below(6)) {
		case 0:
			traffic_send(t, a);
			break;
		case 1:
			traffic_recv(t, a);
			break;
		default:
			selects(a);
			break;
		}
		if (sim_one_in(3))
			actor_pause(a);
	}
}

static void open_lines(void)
{
	for (uint32_t i = 0; i < nr_lines; i++)
		traffic_open(&lines[i], sim_one_in(6) ? OA_CHAN_UNBOUNDED
						      : OA_CHAN_BOUNDED,
			     sim_below((uint32_t)capacity + 1));
	sem = (struct oa_sem)OA_SEM_INIT(0);
	event = (struct oa_event)OA_EVENT_AUTO_INIT;
	box = (struct box){ .w.ops = &box_ops };
	permits_given = permits_taken = sets = passes = 0;
	units_given = units_taken = issues = 0;
	CHECK_EQ(oa_chan_create(&news, sizeof(struct parcel),
				1 + sim_below(4), OA_CHAN_BROADCAST), 0);
	for (uint32_t i = 0; i < CROWD_MAX; i++) {
		seen[i] = missed[i] = 0;
		CHECK_EQ(oa_chan_subscribe(news, &subs[i]), 0);
	}
}

static void end_lines(void)
{
	for (uint32_t i = 0; i < nr_lines; i++)
		traffic_end(&lines[i]);
	CHECK_UNUSED(oa_sem_info, &sem, permits_given - permits_taken);
	CHECK_EQ(units_given, units_taken + box.units);
	CHECK(!box.first);
	CHECK_EQ(oa_chan_destroy(news), -EBUSY);
	for (uint32_t i = 0; i < CROWD_MAX; i++)
		CHECK_EQ(oa_chan_unsubscribe(&subs[i]), 0);
	CHECK_EQ(oa_chan_destroy(news), 0);
	CHECK_EQ(oa_event_destroy(&event), 0);
	CHECK_EQ(oa_sem_destroy(&sem), 0);
}

SCENARIO(one_case_is_served_and_no_other, 3000)
{
	nr_lines = 1 + sim_below(LINES);
	capacity = 2;
	CROWD_RUN(.n = 2 + sim_below(6), .fn = selects_and_others,
		  .cancels = sim_one_in(2), .spared = 1,
		  .begin = open_lines, .end = end_lines);
}

/*
 * Senders that select, receivers that select, on the same channels, as many of
 * the ones as of the others: nothing but a partner ends a wait.
 */

static uint32_t rounds, senders;

static void select_until_served(struct actor *a, bool send)
{
	struct choice ch;
	int i;

	do {
		ch.n = 0;
		for (uint32_t k = 0; k < nr_lines; k++) {
			ch.line[k] = &lines[k];
			if (send) {
				CHECK(traffic_parcel(&lines[k], &ch.parcel[k]));
				ch.c[k] = (struct oa_case)OA_CASE_SEND(
					lines[k].ch, &ch.parcel[k]);
			} else {
				ch.c[k] = (struct oa_case)OA_CASE_RECV(
					lines[k].ch, &ch.parcel[k]);
			}
			ch.n++;
		}
		i = choose_as(&ch, a, actor_form(a));
		if (i < 0)
			actor_pause(a);
	} while (i < 0);
	CHECK_EQ(ch.c[i].res, 0);
}

static void sends_or_receives(struct actor *a)
{
	for (uint32_t n = 0; n < rounds; n++) {
		select_until_served(a, a->id < senders);
		if (sim_one_in(3))
			actor_pause(a);
	}
}

SCENARIO(selects_that_match_find_each_other, 3000)
{
	nr_lines = 2 + sim_below(LINES - 1);
	capacity = sim_below(3);
	senders = 1 + sim_below(3);
	rounds = 1 + sim_below(5);
	CROWD_RUN(.n = senders * 2, .fn = sends_or_receives,
		  .begin = open_lines, .end = end_lines);
}

/* All of them both send and receive everywhere; who is left over is told. */

static uint32_t active;

static void meets(struct actor *a)
{
	struct choice ch;
	int i;

	for (uint32_t n = rounds; n; n--) {
		ch.n = 0;
		for (uint32_t k = 0; k < nr_lines * 2; k++) {
			struct traffic *t = &lines[k / 2];

			ch.line[k] = t;
			if (k % 2 == 0) {
				CHECK(traffic_parcel(t, &ch.parcel[k]));
				ch.c[k] = (struct oa_case)OA_CASE_SEND(
					t->ch, &ch.parcel[k]);
			} else {
				ch.c[k] = (struct oa_case)OA_CASE_RECV(
					t->ch, &ch.parcel[k]);
			}
			ch.n++;
		}
		i = choose_as(&ch, a, FORM_PLAIN);
		CHECK(i >= 0 || i == -ECANCELED);
		if (i < 0 || closed_now(&ch, i))
			break;
	}
	if (--active > 1)
		return;
	for (uint32_t k = 0; k < nr_lines; k++)
		traffic_close(&lines[k]);
}

SCENARIO(nobody_meets_himself, 2000)
{
	uint32_t n = 2 + sim_below(5);

	nr_lines = 1 + sim_below(2);
	capacity = 0;
	rounds = 1 + sim_below(4);
	active = n;
	CROWD_RUN(.n = n, .fn = meets, .begin = open_lines, .end = end_lines);
}

/* What a select has waited on may go as soon as it returns. */

struct gift {
	struct oa_event event;
	struct oa_sem sem;
};

static struct gift *offered;
static uint32_t nr_gifts;

static void gets_gifts(struct actor *a)
{
	while (nr_gifts) {
		struct gift *g = crowd_alloc(sizeof(*g));
		struct oa_case c[] = {
			OA_CASE_EVENT(&g->event), OA_CASE_SEM(&g->sem),
			OA_CASE_AT(OA_FOREVER),
		};
		int i;

		offered = g;
		do {
			i = ACTOR_WAIT(a, oa_select(c, 3), oa_tryselect(c, 3),
				       oa_select_until(c, 3, deadline));
			if (i == -EAGAIN)
				actor_pause(a);
		} while (i == -EAGAIN || i == -ETIMEDOUT);
		CHECK(i == 0 || i == 1);
		crowd_free(g, sizeof(*g));
		nr_gifts--;
	}
}

static void gives_gifts(struct actor *a)
{
	while (nr_gifts) {
		struct gift *g = offered;

		offered = NULL;
		if (!g) {
			if (a->kind == ACTOR_TASK)
				oa_sleep(200);
			else
				sim_pause(200);
		} else if (sim_one_in(2)) {
			CHECK_EQ(oa_event_set(&g->event), 0);
		} else {
			CHECK_EQ(oa_sem_post(&g->sem), 0);
		}
	}
}

static void gives_or_gets(struct actor *a)
{
	if (a->id == 0)
		gets_gifts(a);
	else
		gives_gifts(a);
}

SCENARIO(what_was_selected_may_go_at_once, 1500)
{
	offered = NULL;
	nr_gifts = 1 + sim_below(6);
	CROWD_RUN(.n = 2 + sim_below(2), .fn = gives_or_gets);
}

/* All are ready: each has its turn. */

static void *takes_turns(void *arg)
{
	struct oa_event ready = OA_EVENT_INIT;
	struct oa_case c[4] = {
		OA_CASE_NONE, OA_CASE_EVENT(&ready), OA_CASE_EVENT(&ready),
		OA_CASE_EVENT(&ready),
	};
	uint32_t turns[4] = { 0 };

	CHECK_EQ(oa_event_set(&ready), 0);
	for (int n = 0; n < 120; n++) {
		int i = sim_one_in(2) ? oa_select(c, 4) : oa_tryselect(c, 4);

		CHECK(i > 0 && i < 4);
		turns[i]++;
	}
	/* Less than one in 10^10 that a fair choice leaves one out so often. */
	for (int i = 1; i < 4; i++)
		CHECK(turns[i] > 8);
	return arg;
}

SCENARIO(those_that_are_ready_take_turns, 150)
{
	SCENARIO_RUN(takes_turns, NULL, .workers = scenario_workers());
}

/* Descriptors, beside a channel. */

static int fds[2];
static uint32_t written, read_back;

static void *writes(void *arg)
{
	for (uint32_t n = rounds; n; n--) {
		struct parcel p;

		if (sim_one_in(2))
			oa_sleep(sim_below(3000));
		if (sim_one_in(2)) {
			CHECK_EQ(oa_write(fds[1], "x", 1), 1);
			written++;
		} else {
			CHECK(traffic_parcel(&lines[0], &p));
			traffic_sent(&lines[0], &p,
				     oa_chan_send(lines[0].ch, &p), true);
		}
	}
	return arg;
}

static void *reads(void *arg)
{
	oa_task_t w;
	char c;

	open_lines();
	w = oa_spawn(writes, NULL);
	for (uint32_t n = rounds; n; n--) {
		struct parcel p;
		struct oa_case cases[] = {
			OA_CASE_FD(fds[0], POLLIN),
			OA_CASE_RECV(lines[0].ch, &p),
		};
		uint64_t from = traffic_stamp();
		int i = oa_select(cases, 2);

		CHECK(i == 0 || i == 1);
		if (i == 0) {
			CHECK_EQ(cases[0].res, POLLIN);
			CHECK_EQ(oa_read(fds[0], &c, 1), 1);
			read_back++;
		} else {
			traffic_received(&lines[0], &p, from, cases[1].res,
					 true);
		}
	}
	CHECK_EQ(oa_join(w, NULL), 0);
	CHECK_EQ(read_back, written);
	end_lines();
	CHECK_EQ(oa_close(fds[0]), 0);
	CHECK_EQ(oa_close(fds[1]), 0);
	return arg;
}

SCENARIO(a_descriptor_is_one_case, 800)
{
	nr_lines = 1;
	capacity = sim_below(3);
	rounds = 1 + sim_below(6);
	written = read_back = 0;
	CHECK_EQ(sim_pipe(fds, 8), 0);
	SCENARIO_RUN(reads, NULL, .workers = scenario_workers());
}

HARNESS_MAIN
