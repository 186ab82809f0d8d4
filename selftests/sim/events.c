// SPDX-License-Identifier: MIT
/*
 * Events, wait groups and latches: nobody passes before there was reason to,
 * everybody does when there is; and the memory may go with whoever has waited,
 * while the one who woke him is still in his call.
 */
#include "selftests/sim/crowd.h"

/*
 * An event that stays set. When a reset has returned and no set was asked for
 * since it began, it is unset for certain.
 */
static struct oa_event event;
static uint32_t sets, setting, setters;
static bool unset;

static void set_event(void)
{
	sets++;
	setting++;
	unset = false;
	CHECK_EQ(oa_event_set(&event), 0);
	setting--;
}

static void reset_event(void)
{
	uint32_t seen = sets;
	bool alone = !setting;

	CHECK_EQ(oa_event_reset(&event), 0);
	unset = alone && sets == seen;
}

static void sets_and_resets(struct actor *a)
{
	for (uint32_t n = sim_below(8); n; n--) {
		actor_pause(a);
		if (sim_one_in(2))
			set_event();
		else
			reset_event();
	}
	/* Whoever is last leaves it set. */
	if (--setters == 0)
		set_event();
}

static void waits_for_event(struct actor *a)
{
	for (uint32_t n = 1 + sim_below(6); n; n--) {
		bool was_unset = unset;
		uint32_t seen = sets;
		int err = ACTOR_WAIT(a, oa_event_wait(&event),
				     oa_event_trywait(&event),
				     oa_event_wait_until(&event, deadline));

		if (!err)
			CHECK(!was_unset || sets != seen);
		else
			CHECK(err == -EAGAIN || err == -ETIMEDOUT ||
			      err == -ECANCELED);
		actor_pause(a);
	}
}

static void sets_or_waits(struct actor *a)
{
	if (a->id < 2)
		sets_and_resets(a);
	else
		waits_for_event(a);
}

SCENARIO(an_event_lets_all_pass, 1500)
{
	event = (struct oa_event)OA_EVENT_INIT;
	sets = setting = 0;
	unset = true;
	setters = 2;
	CROWD_RUN(.n = 3 + sim_below(5), .fn = sets_or_waits);
	CHECK_EQ(oa_event_trywait(&event), 0);
	CHECK_UNUSED(oa_event_info, &event, 1);
	CHECK_EQ(oa_event_destroy(&event), 0);
}

/* One that lets a single one pass makes a lock. */

static uint32_t inside, passes;

static void passes_alone(struct actor *a)
{
	for (uint32_t n = 1 + sim_below(6); n; n--) {
		int err = ACTOR_WAIT(a, oa_event_wait(&event),
				     oa_event_trywait(&event),
				     oa_event_wait_until(&event, deadline));

		if (err) {
			CHECK(err == -EAGAIN || err == -ETIMEDOUT ||
			      err == -ECANCELED);
			actor_pause(a);
			continue;
		}
		CHECK_EQ(inside++, 0);
		passes++;
		actor_pause(a);
		inside--;
		CHECK_EQ(oa_event_set(&event), 0);
		if (sim_one_in(3))
			actor_pause(a);
	}
}

SCENARIO(an_auto_event_lets_one_pass, 1500)
{
	event = (struct oa_event)OA_EVENT_AUTO_INIT;
	inside = passes = 0;
	CHECK_EQ(oa_event_set(&event), 0);
	CHECK_EQ(oa_event_set(&event), 0);
	CROWD_RUN(.n = 2 + sim_below(5), .fn = passes_alone,
		  .cancels = sim_one_in(2));
	CHECK_EQ(oa_event_trywait(&event), 0);
	CHECK_EQ(oa_event_trywait(&event), -EAGAIN);
	CHECK_UNUSED(oa_event_info, &event, 0);
}

/* Wait groups: work is added by who has some. */

static struct oa_waitgroup group;
static uint32_t work;

static void works(struct actor *a)
{
	uint32_t own = 1;

	for (uint32_t n = sim_below(6); n; n--) {
		actor_pause(a);
		if (sim_one_in(2)) {
			uint32_t k = 1 + sim_below(3);

			work += k;
			own += k;
			CHECK_EQ(oa_waitgroup_add(&group, (int)k), 0);
		} else if (own > 1) {
			work--;
			own--;
			CHECK_EQ(oa_waitgroup_done(&group), 0);
		}
	}
	work -= own;
	if (sim_one_in(2))
		CHECK_EQ(oa_waitgroup_add(&group, -(int)own), 0);
	else
		while (own--)
			CHECK_EQ(oa_waitgroup_done(&group), 0);
}

static void waits_for_work(struct actor *a)
{
	for (uint32_t n = 1 + sim_below(3); n; n--) {
		int err = ACTOR_WAIT(a, oa_waitgroup_wait(&group),
			oa_waitgroup_trywait(&group),
			oa_waitgroup_wait_until(&group, deadline));

		if (!err)
			CHECK_EQ(work, 0);
		else
			CHECK(err == -EAGAIN || err == -ETIMEDOUT ||
			      err == -ECANCELED);
		if (sim_one_in(2))
			actor_pause(a);
	}
}

static uint32_t workers;

static void works_or_waits(struct actor *a)
{
	if (a->id < workers)
		works(a);
	else
		waits_for_work(a);
}

static void begin_work(void)
{
	work = workers;
	CHECK_EQ(oa_waitgroup_add(&group, (int)workers), 0);
}

SCENARIO(a_wait_group_waits_for_all, 1500)
{
	group = (struct oa_waitgroup)OA_WAITGROUP_INIT;
	workers = 1 + sim_below(4);
	CROWD_RUN(.n = workers + 1 + sim_below(3), .fn = works_or_waits,
		  .begin = begin_work);
	CHECK_UNUSED(oa_waitgroup_info, &group, 0);
	CHECK_EQ(oa_waitgroup_done(&group), -EINVAL);
	CHECK_EQ(oa_waitgroup_destroy(&group), 0);
}

/* Latches. */

static struct oa_latch latch;
static uint32_t goal, arrivals;

static int arrive(struct actor *a)
{
	/* A wait that fails has counted all the same. */
	arrivals++;
	if (sim_one_in(2))
		return oa_latch_count_down(&latch) ?: -EAGAIN;
	return ACTOR_WAIT_AS(a, sim_one_in(2) ? FORM_PLAIN : FORM_UNTIL,
			     oa_latch_arrive_wait(&latch), -EINVAL,
			     oa_latch_arrive_wait_until(&latch, deadline));
}

static int wait_for_latch(struct actor *a)
{
	return ACTOR_WAIT(a, oa_latch_wait(&latch), oa_latch_trywait(&latch),
			  oa_latch_wait_until(&latch, deadline));
}

static void arrives_and_waits(struct actor *a)
{
	int err;

	actor_pause(a);
	/* Enough arrive even if all the others are cancelled. */
	if (a->id < goal)
		err = arrive(a);
	else
		err = wait_for_latch(a);
	for (uint32_t n = sim_below(3);; n--) {
		if (!err)
			CHECK(arrivals >= goal);
		else
			CHECK(err == -EAGAIN || err == -ETIMEDOUT ||
			      err == -ECANCELED);
		if (!n)
			break;
		actor_pause(a);
		err = wait_for_latch(a);
	}
}

SCENARIO(a_latch_opens_when_all_have_come, 1500)
{
	uint32_t more = sim_below(4);

	goal = 1 + sim_below(4);
	arrivals = 0;
	CHECK_EQ(oa_latch_init(&latch, goal), 0);
	CROWD_RUN(.n = goal + more, .fn = arrives_and_waits);
	CHECK_EQ(oa_latch_trywait(&latch), 0);
	CHECK_EQ(oa_latch_count_down(&latch), 0);
	CHECK_UNUSED(oa_latch_info, &latch, 0);
	CHECK_EQ(oa_latch_destroy(&latch), 0);
}

/*
 * Gifts: who waits frees what he waited on as soon as he is through. Who gives
 * may be in the middle of his call, and must not look at it any more.
 */

enum gift_kind {
	GIFT_SEM,
	GIFT_EVENT,
	GIFT_AUTO,
	GIFT_GROUP,
	GIFT_LATCH,
	GIFT_PAIR,		/* a group of two */
	GIFT_KINDS
};

struct gift {
	enum gift_kind kind;
	uint32_t givers;		/* still to come */
	union {
		struct oa_sem sem;
		struct oa_event event;
		struct oa_waitgroup group;
		struct oa_latch latch;
	} u;
};

#define GIFTS	4

/* Given out by who waits, taken by who gives; one gift is there twice. */
static struct gift *offered[GIFTS * 2];
static uint32_t nr_offered, still_waiting, freed;

static void gift_make(struct gift *g)
{
	g->kind = (enum gift_kind)sim_below(GIFT_KINDS);
	g->givers = 1 + (g->kind == GIFT_PAIR);
	switch (g->kind) {
	case GIFT_SEM:
		CHECK_EQ(oa_sem_init(&g->u.sem, 0), 0);
		break;
	case GIFT_EVENT:
		g->u.event = (struct oa_event)OA_EVENT_INIT;
		break;
	case GIFT_AUTO:
		g->u.event = (struct oa_event)OA_EVENT_AUTO_INIT;
		break;
	case GIFT_LATCH:
		CHECK_EQ(oa_latch_init(&g->u.latch, 1), 0);
		break;
	default:
		CHECK_EQ(oa_waitgroup_add(&g->u.group, (int)g->givers), 0);
		break;
	}
}

static int gift_wait(struct actor *a, struct gift *g)
{
	switch (g->kind) {
	case GIFT_SEM:
		return ACTOR_WAIT(a, oa_sem_wait(&g->u.sem),
				  oa_sem_trywait(&g->u.sem),
				  oa_sem_wait_until(&g->u.sem, deadline));
	case GIFT_EVENT:
	case GIFT_AUTO:
		return ACTOR_WAIT(a, oa_event_wait(&g->u.event),
				  oa_event_trywait(&g->u.event),
				  oa_event_wait_until(&g->u.event, deadline));
	case GIFT_LATCH:
		return ACTOR_WAIT(a, oa_latch_wait(&g->u.latch),
				  oa_latch_trywait(&g->u.latch),
				  oa_latch_wait_until(&g->u.latch, deadline));
	default:
		return ACTOR_WAIT(a, oa_waitgroup_wait(&g->u.group),
			oa_waitgroup_trywait(&g->u.group),
			oa_waitgroup_wait_until(&g->u.group, deadline));
	}
}

static void gift_give(struct gift *g)
{
	switch (g->kind) {
	case GIFT_SEM:
		CHECK_EQ(oa_sem_post(&g->u.sem), 0);
		break;
	case GIFT_EVENT:
	case GIFT_AUTO:
		CHECK_EQ(oa_event_set(&g->u.event), 0);
		break;
	case GIFT_LATCH:
		CHECK_EQ(oa_latch_count_down(&g->u.latch), 0);
		break;
	default:
		CHECK_EQ(oa_waitgroup_done(&g->u.group), 0);
		break;
	}
}

static void gets_gifts(struct actor *a)
{
	for (uint32_t n = 1 + sim_below(GIFTS); n; n--) {
		struct gift *g = crowd_alloc(sizeof(*g));
		int err;

		gift_make(g);
		for (uint32_t i = 0; i < g->givers; i++)
			offered[nr_offered++] = g;
		do {
			err = gift_wait(a, g);
			if (err == -EAGAIN)
				actor_pause(a);
		} while (err == -EAGAIN || err == -ETIMEDOUT);
		CHECK_EQ(err, 0);
		crowd_free(g, sizeof(*g));
		freed++;
	}
	still_waiting--;
}

static void gives_gifts(struct actor *a)
{
	while (still_waiting) {
		if (nr_offered)
			gift_give(offered[--nr_offered]);
		else if (a->kind == ACTOR_TASK)
			oa_sleep(200);
		else
			sim_pause(200);
	}
}

static void gives_or_gets(struct actor *a)
{
	if (a->id < 2)
		gives_gifts(a);
	else
		gets_gifts(a);
}

SCENARIO(what_was_waited_for_may_go_at_once, 3000)
{
	uint32_t n = 1 + sim_below(3);

	nr_offered = freed = 0;
	still_waiting = n;
	CROWD_RUN(.n = 2 + n, .fn = gives_or_gets);
	CHECK_EQ(nr_offered, 0);
}

HARNESS_MAIN
