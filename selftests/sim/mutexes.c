// SPDX-License-Identifier: MIT
/*
 * Mutexes, condition variables and once: one holder at a time, nobody waits
 * for ever, and the memory may go with the last who used it.
 */
#include "selftests/sim/crowd.h"

#include <string.h>

static struct oa_mutex mutex;
static bool recursive;
static uint32_t holder;		/* id + 1 */
static uint32_t counter, locked;

static void enter(const struct actor *a)
{
	CHECK_EQ(holder, 0);
	holder = a->id + 1;
	locked++;
}

static void leave(const struct actor *a)
{
	CHECK_EQ(holder, a->id + 1);
	holder = 0;
	CHECK_EQ(oa_mutex_unlock(&mutex), 0);
}

/* By who holds it. */
static void lock_again(const struct actor *a)
{
	int want = recursive ? 0 : -EDEADLK, err;

	switch (sim_below(3)) {
	case 0:
		err = oa_mutex_lock(&mutex);
		break;
	case 1:
		err = oa_mutex_trylock(&mutex);
		break;
	default:
		err = oa_mutex_lock_until(&mutex, OA_FOREVER);
		if (err == -ECANCELED && actor_cancelled(a))
			return;
		break;
	}
	CHECK_EQ(err, want);
	if (!recursive)
		return;
	actor_pause(a);
	CHECK_EQ(holder, a->id + 1);
	CHECK_EQ(oa_mutex_unlock(&mutex), 0);
}

static void holds(const struct actor *a)
{
	uint32_t seen = counter;

	actor_pause(a);
	if (sim_one_in(4))
		lock_again(a);
	actor_pause(a);
	CHECK_EQ(holder, a->id + 1);
	CHECK_EQ(counter, seen);
	counter = seen + 1;
}

static int lock(struct actor *a)
{
	return ACTOR_LOCK(a, oa_mutex_lock(&mutex), oa_mutex_trylock(&mutex),
			  oa_mutex_lock_until(&mutex, deadline));
}

static void locks(struct actor *a)
{
	for (uint32_t n = 1 + sim_below(8); n; n--) {
		if (lock(a)) {
			if (sim_one_in(3))
				CHECK_EQ(oa_mutex_unlock(&mutex), -EPERM);
			actor_pause(a);
			continue;
		}
		enter(a);
		holds(a);
		leave(a);
		if (sim_one_in(2))
			actor_pause(a);
	}
}

SCENARIO(a_mutex_has_one_holder, 2000)
{
	struct oa_sync_info info = OA_SYNC_INFO_INIT;

	recursive = sim_one_in(3);
	mutex = recursive ? (struct oa_mutex)OA_MUTEX_RECURSIVE
			  : (struct oa_mutex)OA_MUTEX_INIT;
	holder = counter = locked = 0;
	CROWD_RUN(.n = 2 + sim_below(5), .fn = locks, .cancels = sim_one_in(2));
	CHECK_EQ(counter, locked);
	CHECK_EQ(oa_mutex_info(&mutex, &info), 0);
	CHECK_EQ(info.value, 0);
	CHECK_EQ(info.waiters, 0);
	if (!recursive)
		CHECK_EQ(info.uses, locked);
	CHECK_EQ(oa_mutex_destroy(&mutex), 0);
}

/*
 * Short turns and many: it becomes one worker's again and again in seeds where
 * nobody else comes, and is shared at any moment of those in which he works.
 */
static void takes_turns(struct actor *a)
{
	for (uint32_t n = 6 + sim_below(10); n; n--) {
		CHECK_EQ(oa_mutex_lock(&mutex), 0);
		enter(a);
		counter++;
		leave(a);
		if (sim_one_in(8))
			actor_pause(a);
	}
}

SCENARIO(a_mutex_of_one_worker_is_shared_at_any_moment, 1000)
{
	mutex = (struct oa_mutex)OA_MUTEX_INIT;
	holder = counter = locked = 0;
	CROWD_RUN(.n = 2 + sim_below(3), .fn = takes_turns);
	CHECK_EQ(counter, locked);
	CHECK_EQ(oa_mutex_destroy(&mutex), 0);
}

/* Some lock it all the time, until each of the others has had it. */

static uint32_t hogs, modest;

static void hog(struct actor *a)
{
	while (modest) {
		CHECK_EQ(oa_mutex_lock(&mutex), 0);
		enter(a);
		if (sim_one_in(3))
			sim_spin(sim_below(30));
		leave(a);
		/* Others of this worker cannot do anything before. */
		if (a->kind == ACTOR_TASK && sim_one_in(2))
			oa_yield();
	}
}

static void hogs_or_waits(struct actor *a)
{
	if (a->id < hogs) {
		hog(a);
		return;
	}
	for (uint32_t n = 1 + sim_below(4); n; n--) {
		actor_pause(a);
		CHECK_EQ(oa_mutex_lock(&mutex), 0);
		enter(a);
		actor_pause(a);
		leave(a);
	}
	modest--;
}

SCENARIO(nobody_is_kept_out_by_those_who_come_back, 700)
{
	mutex = (struct oa_mutex)OA_MUTEX_INIT;
	holder = locked = 0;
	hogs = 1 + sim_below(3);
	modest = 1 + sim_below(2);
	CROWD_RUN(.n = hogs + modest, .fn = hogs_or_waits);
	CHECK_UNUSED(oa_mutex_info, &mutex, 0);
}

/*
 * An unlock at about the time at which some give up: one of those who do not
 * has to be woken by it, for nobody comes afterwards.
 */

static void *waits_for_ever(void *arg)
{
	CHECK_EQ(oa_mutex_lock(&mutex), 0);
	CHECK_EQ(oa_mutex_unlock(&mutex), 0);
	return arg;
}

static void *gives_up(void *arg)
{
	int err = oa_mutex_lock_until(&mutex, *(oa_time_t *)arg);

	if (!err)
		CHECK_EQ(oa_mutex_unlock(&mutex), 0);
	else
		CHECK_EQ(err, -ETIMEDOUT);
	return arg;
}

static void *unlocks_once(void *arg)
{
	uint32_t n = 2 + sim_below(4);
	oa_time_t at;
	oa_task_t t[6];

	for (int round = 0; round < 3; round++) {
		CHECK_EQ(oa_mutex_lock(&mutex), 0);
		at = oa_after(2000 + sim_below(8000));
		for (uint32_t i = 0; i < n; i++)
			t[i] = i && sim_one_in(2)
				? oa_spawn(waits_for_ever, NULL)
				: oa_spawn(gives_up, &at);
		oa_sleep_until(at - sim_below(1000));
		CHECK_EQ(oa_mutex_unlock(&mutex), 0);
		for (uint32_t i = 0; i < n; i++)
			CHECK_EQ(oa_join(t[i], NULL), 0);
	}
	return arg;
}

SCENARIO(an_unlock_wakes_one_who_stays, 800)
{
	mutex = (struct oa_mutex)OA_MUTEX_INIT;
	sim_env.longest = OA_SEC;
	SCENARIO_RUN(unlocks_once, NULL, .workers = scenario_workers());
	CHECK_UNUSED(oa_mutex_info, &mutex, 0);
}

/* Who is the last to lock it frees it, while others may still unlock it. */

struct shared {
	struct oa_mutex mutex;
	struct oa_cond cond;
	uint32_t refs;
	uint32_t ready;
};

static struct shared *shared;
static uint32_t frees;

static void lets_go(struct shared *s, const struct actor *a)
{
	bool last;

	CHECK_EQ(oa_mutex_lock(&s->mutex), 0);
	if (sim_one_in(3))
		actor_pause(a);
	last = --s->refs == 0;
	CHECK_EQ(oa_mutex_unlock(&s->mutex), 0);
	if (!last)
		return;
	CHECK_EQ(oa_cond_destroy(&s->cond), 0);
	CHECK_EQ(oa_mutex_destroy(&s->mutex), 0);
	crowd_free(s, sizeof(*s));
	frees++;
}

static void uses_and_gives_up(struct actor *a)
{
	struct shared *s = shared;

	for (uint32_t n = sim_below(3); n; n--) {
		int err = ACTOR_LOCK(a, oa_mutex_lock(&s->mutex),
				     oa_mutex_trylock(&s->mutex),
				     oa_mutex_lock_until(&s->mutex, deadline));

		if (err)
			continue;
		actor_pause(a);
		CHECK_EQ(oa_mutex_unlock(&s->mutex), 0);
	}
	lets_go(s, a);
}

static void make_shared(uint32_t refs)
{
	shared = crowd_alloc(sizeof(*shared));
	shared->refs = refs;
	frees = 0;
}

SCENARIO(a_mutex_goes_with_who_locks_it_last, 1500)
{
	uint32_t n = 2 + sim_below(4);

	make_shared(n);
	CROWD_RUN(.n = n, .fn = uses_and_gives_up);
	CHECK_EQ(frees, 1);
}

/*
 * A semaphore made of a mutex and a condition variable. A signal that went to
 * one who gave up would leave a credit that nobody comes for, while somebody
 * waits for it.
 */
static struct oa_cond cond;
static uint32_t credits, posted, taken, wanted, rounds;
static bool closing;

static int wait_for_credit(struct actor *a, bool patient)
{
	int err;

	holder = 0;
	err = ACTOR_WAIT_AS(a, patient ? FORM_PLAIN : FORM_UNTIL,
			    oa_cond_wait(&cond, &mutex), -EAGAIN,
			    oa_cond_wait_until(&cond, &mutex, deadline));
	CHECK_EQ(holder, 0);
	holder = a->id + 1;
	return err;
}

/* Whoever gives up does not look again. */
static void take_credit(struct actor *a, bool patient)
{
	int err = 0;

	CHECK_EQ(oa_mutex_lock(&mutex), 0);
	enter(a);
	while (!credits && !closing && !err)
		err = wait_for_credit(a, patient);
	CHECK(!err || (err == -ETIMEDOUT && !patient));
	if (!err && credits) {
		credits--;
		taken++;
		wanted -= patient;
	}
	leave(a);
}

static void tell(bool all, uint32_t n)
{
	if (all)
		CHECK_EQ(oa_cond_broadcast(&cond), 0);
	else
		while (n--)
			CHECK_EQ(oa_cond_signal(&cond), 0);
}

static void give_credits(struct actor *a, uint32_t n)
{
	bool all = sim_one_in(6), before = sim_one_in(2);

	CHECK_EQ(oa_mutex_lock(&mutex), 0);
	enter(a);
	credits += n;
	posted += n;
	if (before)
		tell(all, n);
	leave(a);
	if (!before)
		tell(all, n);
}

static void gives_what_is_wanted(struct actor *a)
{
	while (wanted) {
		give_credits(a, 1 + sim_below(2));
		while (credits && wanted)
			actor_pause(a);
	}
	CHECK_EQ(oa_mutex_lock(&mutex), 0);
	closing = true;
	CHECK_EQ(oa_cond_broadcast(&cond), 0);
	CHECK_EQ(oa_mutex_unlock(&mutex), 0);
}

static void gives_or_takes(struct actor *a)
{
	if (a->id == 0) {
		gives_what_is_wanted(a);
		return;
	}
	for (uint32_t n = rounds; n; n--) {
		if (sim_one_in(4))
			actor_pause(a);
		take_credit(a, a->id % 2);
	}
}

SCENARIO(a_signal_is_not_lost_to_who_gives_up, 1500)
{
	uint32_t takers = 1 + sim_below(6);

	mutex = (struct oa_mutex)OA_MUTEX_INIT;
	cond = (struct oa_cond)OA_COND_INIT;
	holder = locked = credits = posted = taken = 0;
	closing = false;
	rounds = 1 + sim_below(4);
	wanted = (takers + 1) / 2 * rounds;
	CROWD_RUN(.n = 1 + takers, .fn = gives_or_takes);
	CHECK_EQ(posted, taken + credits);
	CHECK_UNUSED(oa_mutex_info, &mutex, 0);
	CHECK_UNUSED(oa_cond_info, &cond, 0);
	CHECK_EQ(oa_cond_destroy(&cond), 0);
	CHECK_EQ(oa_mutex_destroy(&mutex), 0);
}

/* No signal, no wake-up: each is told of once. */

static uint32_t waiting, signals, woken;

static void waits_once(struct actor *a)
{
	int err;

	CHECK_EQ(oa_mutex_lock(&mutex), 0);
	enter(a);
	waiting++;
	holder = 0;
	err = ACTOR_WAIT_AS(a, sim_one_in(3) ? FORM_UNTIL : FORM_PLAIN,
			    oa_cond_wait(&cond, &mutex), -EAGAIN,
			    oa_cond_wait_until(&cond, &mutex, deadline));
	CHECK_EQ(holder, 0);
	holder = a->id + 1;
	waiting--;
	if (!err) {
		woken++;
		CHECK(woken <= signals);
	} else {
		CHECK(err == -ETIMEDOUT || err == -ECANCELED);
	}
	actor_pause(a);
	leave(a);
}

static void wakes_one_or_all(struct actor *a)
{
	bool over = false;

	while (!over) {
		actor_pause(a);
		CHECK_EQ(oa_mutex_lock(&mutex), 0);
		enter(a);
		/* Those who wait are also those on their way back. */
		if (sim_one_in(6)) {
			signals += waiting;
			CHECK_EQ(oa_cond_broadcast(&cond), 0);
		} else {
			signals += waiting > 0;
			CHECK_EQ(oa_cond_signal(&cond), 0);
		}
		over = crowd_left == 1;
		leave(a);
		/* The wait of the others may need this worker. */
		if (a->kind == ACTOR_TASK)
			oa_sleep(100);
	}
}

static void waits_or_wakes(struct actor *a)
{
	if (a->id == 0) {
		wakes_one_or_all(a);
		return;
	}
	for (uint32_t n = 1 + sim_below(4); n; n--)
		waits_once(a);
}

SCENARIO(a_signal_wakes_one, 1200)
{
	mutex = (struct oa_mutex)OA_MUTEX_INIT;
	cond = (struct oa_cond)OA_COND_INIT;
	holder = locked = waiting = signals = woken = 0;
	CROWD_RUN(.n = 2 + sim_below(4), .fn = waits_or_wakes);
	CHECK_EQ(waiting, 0);
	CHECK_UNUSED(oa_mutex_info, &mutex, 0);
	CHECK_UNUSED(oa_cond_info, &cond, 0);
}

/* All wait for one word; the last to have heard it frees mutex and cond. */

static void hears_and_gives_up(struct actor *a)
{
	struct shared *s = shared;

	actor_pause(a);
	CHECK_EQ(oa_mutex_lock(&s->mutex), 0);
	if (a->id == 0) {
		s->ready = 1;
		CHECK_EQ(oa_cond_broadcast(&s->cond), 0);
	}
	while (!s->ready)
		CHECK_EQ(oa_cond_wait(&s->cond, &s->mutex), 0);
	CHECK_EQ(oa_mutex_unlock(&s->mutex), 0);
	lets_go(s, a);
}

SCENARIO(a_broadcast_reaches_all, 1000)
{
	uint32_t n = 2 + sim_below(5);

	make_shared(n);
	CROWD_RUN(.n = n, .fn = hears_and_gives_up);
	CHECK_EQ(frees, 1);
}

/* Once. */

struct first_time {
	struct oa_once once;
	uint32_t refs;
	uint32_t begun, done;
};

static struct first_time *first_time;

static void runs_first(void *arg)
{
	struct first_time *o = arg;

	CHECK_EQ(o->begun++, 0);
	if (sim_one_in(3))
		CHECK_EQ(oa_once_run(&o->once, runs_first, o), -EDEADLK);
	sim_spin(sim_below(100));
	if (oa_self().id && sim_one_in(2))
		oa_sleep(sim_below(3000));
	o->done++;
}

static void runs_once(struct actor *a)
{
	struct first_time *o = first_time;

	for (uint32_t n = 1 + sim_below(3); n; n--) {
		if (sim_one_in(2))
			actor_pause(a);
		CHECK_EQ(oa_once_run(&o->once, runs_first, o), 0);
		CHECK_EQ(o->done, 1);
	}
	if (--o->refs == 0) {
		crowd_free(o, sizeof(*o));
		frees++;
	}
}

SCENARIO(once_is_once, 1200)
{
	uint32_t n = 2 + sim_below(5);

	frees = 0;
	first_time = crowd_alloc(sizeof(*first_time));
	first_time->refs = n;
	CROWD_RUN(.n = n, .fn = runs_once);
	CHECK_EQ(frees, 1);
}

static struct oa_once once;
static uint32_t begun, done;

static void runs_cancelled(void *arg)
{
	(void)arg;
	CHECK_EQ(begun++, 0);
	sim_spin(sim_below(300));
	if (oa_self().id && sim_one_in(2))
		oa_sleep(sim_below(9000));
	done++;
}

static void runs_once_or_is_cancelled(struct actor *a)
{
	struct oa_deadline d;
	int err;

	actor_pause(a);
	if (a->kind != ACTOR_THREAD && sim_one_in(3)) {
		CHECK_EQ(oa_deadline_enter(&d, oa_after(sim_below(4000))), 0);
		err = oa_once_run(&once, runs_cancelled, NULL);
		CHECK(oa_deadline_leave(&d) >= 0);
	} else {
		err = oa_once_run(&once, runs_cancelled, NULL);
		CHECK(err != -ETIMEDOUT);
	}
	if (!err)
		CHECK_EQ(done, 1);
	else if (err != -ETIMEDOUT)
		CHECK(err == -ECANCELED && actor_cancelled(a));
}

SCENARIO(once_runs_on_when_who_waits_is_cancelled, 1000)
{
	once = (struct oa_once)OA_ONCE_INIT;
	begun = done = 0;
	CROWD_RUN(.n = 2 + sim_below(5), .fn = runs_once_or_is_cancelled,
		  .cancels = true);
	CHECK_EQ(begun, done);
}

HARNESS_MAIN
