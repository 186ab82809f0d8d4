// SPDX-License-Identifier: MIT
/*
 * Barriers: as many go on as have come, one of each round leads, and who gives
 * up takes his arrival back.
 */
#include "selftests/sim/crowd.h"

struct round_of {
	struct oa_barrier barrier;
	uint32_t goal;
	uint32_t started, failed, passed, leaders;
	uint32_t refs;
};

static struct round_of *rounds;
static uint32_t each;

static struct round_of *rounds_make(uint32_t goal, uint32_t refs)
{
	struct round_of *r = crowd_alloc(sizeof(*r));

	r->goal = goal;
	r->refs = refs;
	CHECK_EQ(oa_barrier_init(&r->barrier, goal), 0);
	return r;
}

static int came(struct round_of *r, int res)
{
	if (res < 0) {
		CHECK(res == -ETIMEDOUT || res == -ECANCELED);
		r->failed++;
		return res;
	}
	CHECK(res == 0 || res == 1);
	r->passed++;
	r->leaders += (uint32_t)res;
	/* Rounds there can have been. */
	CHECK(r->passed <= (r->started - r->failed) / r->goal * r->goal);
	CHECK(r->leaders <= (r->started - r->failed) / r->goal);
	return res;
}

static void check_end(struct round_of *r)
{
	struct oa_sync_info info = OA_SYNC_INFO_INIT;

	CHECK_EQ(r->passed % r->goal, 0);
	CHECK_EQ(r->leaders, r->passed / r->goal);
	CHECK_EQ(oa_barrier_info(&r->barrier, &info), 0);
	CHECK_EQ(info.waiters, 0);
	CHECK_EQ(info.value, 0);
	CHECK_EQ(info.limit, r->goal);
	CHECK_EQ(info.uses, r->leaders);
}

/* All come as often: none may be a round ahead of the others. */

static uint32_t at_round[CROWD_MAX];

static void keeps_step(struct actor *a)
{
	struct round_of *r = rounds;

	for (uint32_t n = 0; n < each; n++) {
		actor_pause(a);
		at_round[a->id] = n + 1;
		r->started++;
		CHECK(came(r, oa_barrier_wait(&r->barrier)) >= 0);
		for (uint32_t i = 0; i < r->goal; i++)
			CHECK(at_round[i] > n && at_round[i] <= n + 2);
	}
	/* Others may be on their way out of it. */
	if (--r->refs == 0) {
		check_end(r);
		CHECK_EQ(r->leaders, each);
		CHECK_EQ(oa_barrier_destroy(&r->barrier), 0);
		crowd_free(r, sizeof(*r));
	}
}

SCENARIO(all_keep_step_at_a_barrier, 1500)
{
	uint32_t n = 1 + sim_below(6);

	for (uint32_t i = 0; i < CROWD_MAX; i++)
		at_round[i] = 0;
	each = 1 + sim_below(5);
	rounds = rounds_make(n, n);
	CROWD_RUN(.n = n, .fn = keeps_step);
}

/* All give up sooner or later. */
static int come_for_a_while(struct round_of *r, struct actor *a)
{
	oa_time_t until = oa_after(sim_below(sim_one_in(3) ? 50000 : 3000));
	struct oa_deadline d;
	int res;

	r->started++;
	if (a->kind == ACTOR_THREAD || sim_one_in(2)) {
		res = oa_barrier_wait_until(&r->barrier, until);
	} else {
		CHECK_EQ(oa_deadline_enter(&d, until), 0);
		res = oa_barrier_wait(&r->barrier);
		CHECK(oa_deadline_leave(&d) >= 0);
	}
	actor_check(a, FORM_UNTIL, until, res);
	return came(r, res);
}

static void comes_and_gives_up(struct actor *a)
{
	for (uint32_t n = 1 + sim_below(6); n; n--)
		if (come_for_a_while(rounds, a) < 0 || sim_one_in(2))
			actor_pause(a);
}

SCENARIO(who_gives_up_takes_his_arrival_back, 2000)
{
	rounds = rounds_make(2 + sim_below(3), 0);
	CROWD_RUN(.n = 2 + sim_below(6), .fn = comes_and_gives_up,
		  .cancels = sim_one_in(2));
	check_end(rounds);
	CHECK_EQ(oa_barrier_destroy(&rounds->barrier), 0);
	crowd_free(rounds, sizeof(*rounds));
}

/* Who is left over waits until he is cancelled. */

static void *waits_for_ever(void *arg)
{
	int res;

	if (sim_one_in(2))
		sim_spin(sim_below(100));
	rounds->started++;
	res = came(rounds, oa_barrier_wait(&rounds->barrier));
	CHECK(res >= 0 || (res == -ECANCELED && oa_cancelled() == 1));
	return arg;
}

static void *cancels_the_rest(void *arg)
{
	oa_task_t *t = arg;

	/* No matter whether they have come yet. */
	sim_spin(sim_below(2000));
	for (uint32_t i = 0; i < each; i++)
		oa_cancel(t[i]);
	return NULL;
}

static void *starts_too_few(void *arg)
{
	oa_task_t t[CROWD_MAX], c;

	for (uint32_t i = 0; i < each; i++)
		t[i] = oa_spawn(waits_for_ever, NULL);
	c = oa_spawn(cancels_the_rest, t);
	for (uint32_t i = 0; i < each; i++)
		CHECK_EQ(oa_join(t[i], NULL), 0);
	CHECK_EQ(oa_join(c, NULL), 0);
	check_end(rounds);
	return arg;
}

SCENARIO(a_cancel_takes_an_arrival_back, 1200)
{
	each = 1 + sim_below(CROWD_MAX);
	rounds = rounds_make(2 + sim_below(3), 0);
	SCENARIO_RUN(starts_too_few, NULL, .workers = scenario_workers());
	CHECK_EQ(oa_barrier_destroy(&rounds->barrier), 0);
	crowd_free(rounds, sizeof(*rounds));
}

HARNESS_MAIN
