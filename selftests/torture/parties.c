// SPDX-License-Identifier: MIT
/*
 * Guests that come to one place: a latch, an event, a wait group and a once,
 * all in the frame of the host, who leaves as soon as the last has done.
 */
#include "torture.h"

#define GUESTS	6u

struct party {
	struct oa_latch all_here;
	struct oa_event open;
	struct oa_waitgroup here;
	struct oa_once cake;
	uint32_t invited, came, opened, cakes;
};

static oa_time_t so_long(struct actor *a)
{
	return actor_random(a, 2) ? OA_FOREVER
				  : oa_after(actor_random(a, 300) * OA_USEC);
}

static void check_error(int err)
{
	CHECK_RESULT(err, err == -ETIMEDOUT ||
		     (err == -ECANCELED && oa_cancelled() == 1));
}

static void make_cake(void *arg)
{
	struct party *p = arg;

	oa_yield();
	ADD(p->cakes, 1);
}

static void eat(struct party *p)
{
	int err = oa_once_run(&p->cake, make_cake, p);

	if (err)
		check_error(err);
	else
		CHECK(SEEN(p->cakes) == 1);
}

static void wait_for_all(struct actor *a, struct party *p)
{
	int err;

	ADD(p->came, 1);
	if (!actor_random(a, 3)) {
		CHECK(!oa_latch_count_down(&p->all_here));
		return;
	}
	/* It has counted in any case. */
	err = oa_latch_arrive_wait_until(&p->all_here, so_long(a));
	if (err)
		check_error(err);
	else
		CHECK(SEEN(p->came) == p->invited);
}

static void wait_for_opening(struct actor *a, struct party *p)
{
	int err = oa_event_wait_until(&p->open, so_long(a));

	if (err)
		check_error(err);
	else
		CHECK(SEEN(p->opened));
}

static void *guest(void *arg)
{
	struct record *rec = arg;
	struct party *p = rec->with;
	struct actor a = {
		.rec = rec,
		.rnd = (round_now.seed ^ (uintptr_t)rec << 9) * 2 + 1,
	};

	record_step(rec, REC_NEW, REC_RUNNING);
	if (actor_random(&a, 2))
		wait_for_opening(&a, p);
	if (actor_random(&a, 2))
		eat(p);
	wait_for_all(&a, p);
	record_step(rec, REC_RUNNING, REC_ENDED);
	/* The host may be gone after this. */
	CHECK(!oa_waitgroup_done(&p->here));
	return rec;
}

static void stays_away(struct party *p)
{
	ADD(p->came, 1);
	CHECK(!oa_latch_count_down(&p->all_here));
	CHECK(!oa_waitgroup_done(&p->here));
}

static void guest_dropped(void *arg)
{
	struct record *rec = arg;

	task_dropped(rec);
	stays_away(rec->with);
}

static void invite(struct actor *a, struct party *p)
{
	struct record *rec = record_new(a);
	struct oa_task_opts o = OA_TASK_OPTS_INIT;
	int err;

	CHECK(!oa_waitgroup_add(&p->here, 1));
	if (!rec) {
		stays_away(p);
		return;
	}
	rec->with = p;
	o.on_drop = guest_dropped;
	o.prio = actor_prio(a);
	if (!actor_random(a, 4))
		o.delay = actor_random(a, 200) * OA_USEC;
	err = oa_go_with(guest, rec, &o);
	if (err) {
		record_refused(rec, err);
		stays_away(p);
		return;
	}
	record_went(a, rec);
}

void act_party(struct actor *a)
{
	struct party p = { .invited = 1 + actor_random(a, GUESTS) };

	CHECK(!oa_latch_init(&p.all_here, p.invited));
	for (uint32_t i = 0; i < p.invited; i++) {
		if (i == p.invited / 2) {
			TELL(p.opened, 1);
			CHECK(!oa_event_set(&p.open));
		}
		invite(a, &p);
	}
	CHECK(!oa_shield_enter());
	CHECK(!oa_waitgroup_wait(&p.here));
	CHECK(!oa_latch_wait(&p.all_here));
	CHECK(!oa_shield_leave());
	CHECK(p.came == p.invited && p.cakes <= 1);
	CHECK(!oa_waitgroup_destroy(&p.here));
	CHECK(!oa_latch_destroy(&p.all_here));
	CHECK(!oa_event_destroy(&p.open));
}
