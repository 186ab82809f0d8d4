// SPDX-License-Identifier: MIT
/*
 * Futures: one value, the same for all, whoever sets it and whatever ends the
 * waits; a producer starts once, ends once, and goes with the last who has it.
 */
#include <string.h>

#include "selftests/sim/crowd.h"

#define FUTURES	3

/* An error that is the value is a success of the call: *v was null before. */
#define GOT(call)	({ int _e = (call); *v ? 0 : _e; })

/* Any way to get it. *v is as before if it was the call that failed. */
static int get_as(struct actor *a, enum form f, struct oa_future *fut, void **v)
{
	struct oa_case c[2] = { OA_CASE_FUTURE(fut, v), OA_CASE_NONE };
	int i;

	if (sim_one_in(2))
		return ACTOR_WAIT_AS(a, f, GOT(oa_future_get(fut, v)),
				     GOT(oa_future_tryget(fut, v)),
				     GOT(oa_future_get_until(fut, v,
							     deadline)));
	if (sim_one_in(2))
		c[1] = (struct oa_case)OA_CASE_AT(OA_FOREVER);
	i = ACTOR_WAIT_AS(a, f, oa_select(c, 2), oa_tryselect(c, 2),
			  oa_select_until(c, 2, deadline));
	CHECK(i <= 0);
	CHECK(i || c[0].res == oa_err_code(*v));
	return i;
}

static int get_any_way(struct actor *a, struct oa_future *fut, void **v)
{
	return get_as(a, actor_form(a), fut, v);
}

/* ---- values that whoever comes first sets */

static struct oa_future plain[FUTURES];
static void *value[FUTURES];
static char marks[CROWD_MAX];

/* Once somebody has seen it, it is that for ever. */
static void agree(uint32_t i, void *v)
{
	CHECK((char *)v >= marks && (char *)v < marks + CROWD_MAX);
	if (!value[i])
		value[i] = v;
	CHECK(value[i] == v);
}

static void set_one(struct actor *a, uint32_t i)
{
	bool known = value[i];
	int err = oa_future_set(&plain[i], &marks[a->id]);

	if (!err) {
		CHECK(!known);
		agree(i, &marks[a->id]);
	} else {
		CHECK_EQ(err, -EALREADY);
	}
}

static void get_one(struct actor *a, uint32_t i)
{
	bool known = value[i];
	void *v = NULL;
	int err = get_any_way(a, &plain[i], &v);

	if (!err) {
		agree(i, v);
		return;
	}
	CHECK(!v);
	/* What is known to be there is had. */
	if (known)
		CHECK(err != -EAGAIN);
}

static void sets_and_gets(struct actor *a)
{
	for (uint32_t n = 2 + sim_below(8); n; n--) {
		uint32_t i = sim_below(FUTURES);

		if (a->id == 0 || sim_one_in(6))
			set_one(a, i);
		else
			get_one(a, i);
		if (sim_one_in(3))
			actor_pause(a);
	}
	for (uint32_t i = 0; a->id == 0 && i < FUTURES; i++)
		set_one(a, i);
}

static void end_plain(void)
{
	for (uint32_t i = 0; i < FUTURES; i++) {
		void *v = NULL;

		CHECK_EQ(oa_future_tryget(&plain[i], &v), 0);
		agree(i, v);
		CHECK_UNUSED(oa_future_info, &plain[i], 1);
		CHECK_EQ(oa_future_destroy(&plain[i]), 0);
	}
}

SCENARIO(all_see_one_value, 2500)
{
	memset(plain, 0, sizeof(plain));
	memset(value, 0, sizeof(value));
	CROWD_RUN(.n = 2 + sim_below(6), .fn = sets_and_gets,
		  .cancels = sim_one_in(2), .spared = 1, .end = end_plain);
}

/* ---- who has the value may free what it was in */

static struct oa_future *asked;
static uint32_t questions;

static void asks(struct actor *a)
{
	while (questions) {
		struct oa_future *f = crowd_alloc(sizeof(*f));
		void *v = NULL;
		int err;

		asked = f;
		do {
			err = get_any_way(a, f, &v);
			if (err == -EAGAIN)
				actor_pause(a);
		} while (err == -EAGAIN || err == -ETIMEDOUT);
		CHECK_EQ(err, 0);
		CHECK(v == f);
		crowd_free(f, sizeof(*f));
		questions--;
	}
}

static void answers(struct actor *a)
{
	while (questions) {
		struct oa_future *f = asked;

		asked = NULL;
		if (f)
			CHECK_EQ(oa_future_set(f, f), 0);
		else if (a->kind == ACTOR_TASK)
			oa_sleep(200);
		else
			sim_pause(200);
	}
}

static void asks_or_answers(struct actor *a)
{
	if (a->id == 0)
		asks(a);
	else
		answers(a);
}

SCENARIO(it_may_go_with_who_has_the_value, 2000)
{
	asked = NULL;
	questions = 1 + sim_below(6);
	CROWD_RUN(.n = 2 + sim_below(2), .fn = asks_or_answers);
}

/* ---- values that tasks make */

static struct product {
	struct oa_future *f;
	bool lazy, wanted, has[CROWD_MAX];
	uint32_t refs, ran, ended, dropped;
	void *value;			/* that was seen */
} products[FUTURES];
static uint32_t nr_actors;

static void never_made(void *arg)
{
	struct product *p = arg;

	p->dropped++;
	CHECK_EQ(p->dropped + p->ran, 1);
}

static void *makes(void *arg)
{
	struct product *p = arg;
	int err = 0;

	p->ran++;
	CHECK_EQ(p->dropped + p->ran, 1);
	CHECK(!p->lazy || p->wanted);
	for (uint32_t n = sim_below(4); n && !err; n--) {
		if (sim_one_in(2))
			err = oa_sleep(sim_below(4000));
		else
			err = oa_yield();
	}
	p->ended++;
	if (sim_one_in(4))
		oa_exit(err ? oa_err(err) : p);
	return err ? oa_err(err) : p;
}

/* Actors that wait for it there might leave it no place. */
static bool pool_is_free(void)
{
	for (uint32_t i = 0; i < nr_actors; i++)
		if (crowd_actor(i)->kind == ACTOR_POOL)
			return false;
	return true;
}

static void begin_products(void)
{
	for (uint32_t i = 0; i < FUTURES; i++) {
		struct product *p = &products[i];
		oa_time_t delay = sim_one_in(3) ? sim_below(4000) : 0;
		bool block = pool_is_free() && sim_one_in(4);

		memset(p, 0, sizeof(*p));
		p->lazy = sim_one_in(2);
		p->f = p->lazy ? oa_lazy(makes, p, .delay = delay,
					 .block = block, .on_drop = never_made)
			       : oa_async(makes, p, .delay = delay,
					  .block = block, .on_drop = never_made);
		CHECK(!oa_is_err(p->f));
		for (uint32_t k = 0; k < nr_actors; k++) {
			if (k)
				CHECK(oa_future_ref(p->f) == p->f);
			p->has[k] = true;
		}
		p->refs = nr_actors;
	}
}

static void put(struct product *p, uint32_t who)
{
	CHECK(p->has[who] && p->refs);
	p->has[who] = false;
	p->refs--;
	oa_future_put(p->f);
}

static void check_product(struct product *p, void *v)
{
	CHECK(v);
	if (!p->value)
		p->value = v;
	CHECK(p->value == v);
	if (v == p) {
		CHECK_EQ(p->ended, 1);
		return;
	}
	/* By the canceller of nobody in particular: see cancels_maker(). */
	CHECK(v == oa_err(-ECANCELED));
	CHECK_EQ(p->ended + p->dropped, 1);
}

static void get_product(struct actor *a, struct product *p)
{
	void *v = NULL;
	int err;

	p->wanted = true;
	err = get_any_way(a, p->f, &v);
	if (!err)
		check_product(p, v);
	else
		CHECK(err == -EAGAIN || err == -ETIMEDOUT || err == -ECANCELED);
}

static void cancels_maker(struct product *p)
{
	struct oa_sync_info i = OA_SYNC_INFO_INIT;

	CHECK_EQ(oa_future_info(p->f, &i), 0);
	if (i.owner.id)
		oa_cancel(i.owner);
}

static void uses_products(struct actor *a)
{
	for (uint32_t n = 1 + sim_below(8); n; n--) {
		struct product *p = &products[sim_below(FUTURES)];

		if (!p->has[a->id])
			continue;
		switch (sim_below(8)) {
		case 0:
			put(p, a->id);
			break;
		case 1:
			CHECK(oa_future_ref(p->f) == p->f);
			oa_future_put(p->f);
			break;
		case 2:
			if (sim_one_in(3))
				cancels_maker(p);
			break;
		default:
			get_product(a, p);
			break;
		}
		if (sim_one_in(3))
			actor_pause(a);
	}
	for (uint32_t i = 0; i < FUTURES; i++)
		if (products[i].has[a->id])
			put(&products[i], a->id);
}

/* Nobody has any: what has been started ends, and all of it once. */
static void end_products(void)
{
	for (uint32_t i = 0; i < FUTURES; i++) {
		struct product *p = &products[i];

		/* Of those that never began. */
		for (uint32_t k = 0; k < nr_actors; k++)
			if (p->has[k])
				put(p, k);
		while (p->ended + p->dropped == 0)
			oa_sleep(1000);
		CHECK_EQ(p->ended + p->dropped, 1);
		CHECK_EQ(p->ran, p->ended);
	}
}

SCENARIO(a_producer_starts_and_ends_once, 4000)
{
	nr_actors = 2 + sim_below(4);
	CROWD_RUN(.n = nr_actors, .fn = uses_products,
		  .cancels = sim_one_in(3), .begin = begin_products,
		  .end = end_products);
}

/* A wait that never ends shows in the simulator as such. */

static void gets_in_the_end(struct actor *a)
{
	for (uint32_t i = 0; i < FUTURES; i++) {
		struct product *p = &products[(i + a->id) % FUTURES];
		void *v = NULL;

		p->wanted = true;
		get_as(a, FORM_PLAIN, p->f, &v);
		check_product(p, v);
		put(p, a->id);
	}
}

SCENARIO(everybody_gets_it_in_the_end, 2500)
{
	nr_actors = 2 + sim_below(4);
	CROWD_RUN(.n = nr_actors, .fn = gets_in_the_end,
		  .begin = begin_products, .end = end_products);
}

HARNESS_MAIN
