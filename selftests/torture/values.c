// SPDX-License-Identifier: MIT
/*
 * Futures: those that somebody sets, of which one set counts and every get has
 * the same, and those that a task makes, started now or at the first get.
 */
#include "torture.h"

#include <string.h>

#define PLACES	2000u		/* of the first kind; one after the other */
#define SHARED	16u		/* of the second that pass from hand to hand */

struct place {
	struct oa_future f;
	uint64_t got, set;
};

static struct place places[PLACES];
static uint32_t nr_set;
static uint64_t nr_values;
static struct oa_future *shared[SHARED];

void values_open(void)
{
	memset(places, 0, sizeof(places));
	nr_set = 0;
	nr_values = 0;
}

static void check_error(int err)
{
	CHECK_RESULT(err, err == -EAGAIN || err == -ETIMEDOUT ||
		     (err == -ECANCELED && oa_cancelled() == 1) ||
		     (err == -ENOMEM && round_now.faults));
}

static int get(struct actor *a, struct oa_future *f, void **value)
{
	oa_time_t soon = oa_after(actor_random(a, 300) * OA_USEC);

	return actor_random(a, 3) ? oa_future_get_until(f, value, soon)
				  : oa_future_tryget(f, value);
}

static void place_set(struct place *p)
{
	uint64_t value = ADD(nr_values, 1);
	int err = oa_future_set(&p->f, (void *)(uintptr_t)value);

	CHECK_RESULT(err, !err || err == -EALREADY);
	if (err)
		return;
	/* Only one has set it. */
	CHECK(!__atomic_exchange_n(&p->set, value, __ATOMIC_ACQ_REL));
	ADD(nr_set, 1);
}

static void place_get(struct actor *a, struct place *p)
{
	void *value = NULL;
	uint64_t was = 0;
	int err = get(a, &p->f, &value);

	if (err) {
		check_error(err);
		return;
	}
	/* The first to have it says what all others are to have. */
	if (!__atomic_compare_exchange_n(&p->got, &was,
					 (uint64_t)(uintptr_t)value, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		CHECK(was == (uint64_t)(uintptr_t)value);
}

void act_future(struct actor *a)
{
	uint32_t at = SEEN(nr_set);

	if (!actor_random(a, 4) && at)
		at = actor_random(a, at);
	if (at >= PLACES)
		return;
	if (actor_random(a, 3))
		place_get(a, &places[at]);
	else
		place_set(&places[at]);
}

/* Of a task. */

static void *makes(void *arg)
{
	struct record *rec = arg;

	record_step(rec, REC_NEW, REC_RUNNING);
	task_light(rec, 1);
	record_step(rec, REC_RUNNING, REC_ENDED);
	return rec;
}

/* It may never have been a task of the runtime. */
static void lazy_dropped(void *arg)
{
	task_dropped(arg);
	ADD(round_now.unasked, 1);
}

static struct oa_future *make(struct actor *a, struct record *rec)
{
	int prio = actor_prio(a);

	return actor_random(a, 2) ?
		oa_async(makes, rec, .on_drop = task_dropped, .prio = prio) :
		oa_lazy(makes, rec, .on_drop = lazy_dropped, .prio = prio);
}

/* The value is the record of the task that has made it. */
static void made_get(struct actor *a, struct oa_future *f)
{
	struct record *rec;
	void *value = NULL;
	int err = get(a, f, &value);

	if (!value) {
		/* As a start fails, that of a lazy one. */
		CHECK(err);
		check_error(err);
		return;
	}
	CHECK_RESULT(err, err == oa_err_code(value));
	if (err) {
		CHECK_RESULT(err, err == -ECANCELED || err == -ESHUTDOWN ||
			     err == -EAGAIN ||
			     (err == -ENOMEM && round_now.faults));
		return;
	}
	rec = value;
	CHECK(rec >= round_now.records && rec < round_now.records + RECORDS);
	CHECK(SEEN(rec->state) == REC_ENDED);
}

static struct oa_future *swap_shared(struct actor *a, struct oa_future *f)
{
	return __atomic_exchange_n(&shared[actor_random(a, SHARED)], f,
				   __ATOMIC_ACQ_REL);
}

void act_async(struct actor *a)
{
	struct record *rec = record_new(a);
	struct oa_future *f, *other;
	uint32_t n = actor_random(a, 3);

	if (!rec)
		return;
	f = make(a, rec);
	if (oa_is_err(f)) {
		record_refused(rec, oa_err_code(f));
		return;
	}
	record_went(a, rec);
	/* One reference is for somebody else. */
	if (actor_random(a, 2)) {
		other = swap_shared(a, oa_future_ref(f));
		if (other)
			made_get(a, other);
		oa_future_put(other);
	}
	while (n--)
		made_get(a, f);
	oa_future_put(f);
}

/* The runtime is over; futures outlive it. */
void values_end(void)
{
	for (uint32_t i = 0; i < SHARED; i++) {
		oa_future_put(shared[i]);
		shared[i] = NULL;
	}
}

void values_close(void)
{
	void *value;

	for (uint32_t i = 0; i < PLACES; i++) {
		struct place *p = &places[i];

		CHECK(!p->got || p->got == p->set);
		CHECK(oa_future_tryget(&p->f, &value) ==
		      (p->set ? 0 : -EAGAIN));
		CHECK(!p->set || (uint64_t)(uintptr_t)value == p->set);
		CHECK(!oa_future_destroy(&p->f));
	}
}
