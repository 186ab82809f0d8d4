// SPDX-License-Identifier: MIT
/* Priorities: the order on one worker, ageing, what a mutex's holder inherits. */
#include "actors.h"

#include <stdlib.h>

enum { LEVELS = OA_PRIO_MAX - OA_PRIO_MIN + 1, STEP = 8, BOUND = 39 * STEP };

FIXTURE(prio) {
	int order[400];
	unsigned int n, turns, at, stop;
	struct oa_event go;
	struct oa_mutex m, m2;
	oa_task_t holder;
};
VARIANTS_WORKERS(prio);

typedef struct prio_fixture_data data;

static data *now;

FIXTURE_SETUP(prio)
{
	now = self;
	/* Known before tasks ask for it side by side. */
	harness_seed();
}

FIXTURE_TEARDOWN(prio)
{
}

/* Order is promised on one worker alone. */
#define ORDER_TEST(name) TASK_TEST_F(prio, name, .workers = 1)
#define PRIO_TEST(name)	TASK_TEST_F(prio, name, .workers = variant->workers, \
				    .max_blocking = 1)

static void *notes(void *arg)
{
	now->order[COUNT(now->n) - 1] = (int)(intptr_t)arg;
	return NULL;
}

static void *gives_way_till_stop(void *arg)
{
	while (!SEEN(now->stop))
		ASSERT_OK(oa_yield());
	return arg;
}

static void expect_sorted(unsigned int n)
{
	ASSERT_EQ(n, SEEN(now->n));
	for (unsigned int i = 1; i < n; i++)
		EXPECT_LE(now->order[i - 1], now->order[i]);
}

static int prio_of(oa_task_t t);

/* Some order that is none. */
static int mixed(int i)
{
	return OA_PRIO_MIN + i * 7 % LEVELS;
}

ORDER_TEST(smaller_first)
{
	struct oa_scope s;

	OA_SCOPE(s)
		for (int i = 0; i < LEVELS; i++)
			ASSERT_OK(oa_go(notes, as_result(mixed(i)),
					.prio = mixed(i), .scope = &s));
	expect_sorted(LEVELS);
}

/* Long turns without it are nothing that the default class has to make up. */
static void turns_of_others(bool pinned)
{
	oa_task_t t = { 0 };

	TELL(now->stop, 0);
	if (pinned)
		t = oa_spawn(gives_way_till_stop, NULL, .pinned = true);
	for (int i = 0; i < 50 * STEP; i++)
		ASSERT_OK(oa_yield());
	TELL(now->n, 0);
	ASSERT_OK(oa_go(notes, as_result(0)));
	ASSERT_OK(oa_go(notes, as_result(-1), .prio = -1));
	task_wait_until(SEEN(now->n) == 2);
	EXPECT_EQ(-1, now->order[0]);
	TELL(now->stop, 1);
	if (pinned)
		ASSERT_OK(oa_join(t, NULL));
}

ORDER_TEST(after_many_turns_of_the_default_one)
{
	turns_of_others(false);
	turns_of_others(true);
}

ORDER_TEST(those_that_are_pinned_as_well)
{
	struct oa_scope s;

	OA_SCOPE(s)
		for (int i = 0; i < LEVELS; i++)
			ASSERT_OK(oa_go(notes, as_result(mixed(i)),
					.prio = mixed(i), .scope = &s,
					.pinned = mixed(i) && i % 2));
	expect_sorted(LEVELS);
}

static void *waits_and_notes(void *arg)
{
	ASSERT_OK(oa_event_wait(&now->go));
	return notes(arg);
}

ORDER_TEST(of_those_that_are_woken_together)
{
	struct oa_scope s;

	OA_SCOPE(s) {
		for (int i = 0; i < LEVELS; i++)
			ASSERT_OK(oa_go(waits_and_notes, as_result(mixed(i)),
					.prio = mixed(i), .scope = &s));
		task_wait_until(SYNC(event, &now->go, waiters) == LEVELS);
		ASSERT_OK(oa_event_set(&now->go));
	}
	expect_sorted(LEVELS);
}

static void *yields_and_notes(void *arg)
{
	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_yield());
	return notes(arg);
}

ORDER_TEST(of_those_that_give_way)
{
	struct oa_scope s;

	/* An urgent one that yields is the next again. */
	OA_SCOPE(s)
		for (int i = 0; i < LEVELS; i++)
			ASSERT_OK(oa_go(yields_and_notes, as_result(mixed(i)),
					.prio = mixed(i), .scope = &s));
	expect_sorted(LEVELS);
}

ORDER_TEST(among_equals_who_came_first)
{
	struct oa_scope s;

	OA_SCOPE(s)
		for (int i = 0; i < 50; i++)
			ASSERT_OK(oa_go(notes, as_result(i), .prio = 5,
					.scope = &s));
	expect_sorted(50);
}

/* Nobody starves. */

static void *keeps_coming(void *arg)
{
	while (!SEEN(now->stop)) {
		COUNT(now->turns);
		ASSERT_OK(oa_yield());
	}
	return arg;
}

static void *tells_when(void *arg)
{
	now->at = SEEN(now->turns);
	TELL(now->stop, 1);
	return arg;
}

/* How many turns of tasks of @urgent pass one of @patient. */
static unsigned int passed_by(int urgent, int patient, int crowd)
{
	struct oa_scope s;
	unsigned int before = 0;

	now->turns = now->stop = 0;
	OA_SCOPE(s) {
		for (int i = 0; i < crowd; i++)
			ASSERT_OK(oa_go(keeps_coming, NULL, .prio = urgent,
					.scope = &s));
		/* We are one of the crowd until they are going. */
		while (SEEN(now->turns) < 100)
			ASSERT_OK(oa_sleep(1));
		before = SEEN(now->turns);
		ASSERT_OK(oa_go(tells_when, NULL, .prio = patient,
				.scope = &s));
	}
	return now->at - before;
}

static void ages(int crowd)
{
	static const int pairs[][2] = {
		{ -20, 19 }, { -20, 0 }, { 0, 19 }, { -5, 5 }, { 0, 1 },
		{ -1, 0 }, { 18, 19 }, { -20, -19 },
	};

	for (unsigned int i = 0; i < ARRAY_N(pairs); i++) {
		int by = pairs[i][1] - pairs[i][0];
		unsigned int n = passed_by(pairs[i][0], pairs[i][1], crowd);

		/* Those that stand before it when it comes, and the levels. */
		if (!EXPECT_LE(n, (unsigned int)(by * STEP + 2 * crowd + 8)))
			TEST_LOG("%d passing %d", pairs[i][0], pairs[i][1]);
	}
}

ORDER_TEST(nobody_starves_beside_one)
{
	ages(1);
}

ORDER_TEST(nobody_starves_beside_some)
{
	ages(4);
}

static void *starts_itself_anew(void *arg)
{
	COUNT(now->turns);
	if (!SEEN(now->stop))
		ASSERT_OK(oa_go(starts_itself_anew, arg, .prio = OA_PRIO_MIN));
	return NULL;
}

/* The urgent ones are new each time. */
ORDER_TEST(nobody_starves_beside_new_ones)
{
	unsigned int before = 0;

	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_go(starts_itself_anew, NULL, .prio = OA_PRIO_MIN));
	while (SEEN(self->turns) < 100)
		ASSERT_OK(oa_sleep(1));
	before = SEEN(self->turns);
	ASSERT_OK(join_code(oa_spawn(tells_when, NULL, .prio = OA_PRIO_MAX)));
	EXPECT_LE(self->at - before, (unsigned int)BOUND + 20);
}

/* With several workers all of them run. */
PRIO_TEST(all_run)
{
	struct oa_scope s;

	OA_SCOPE(s)
		for (int i = 0; i < 8 * LEVELS; i++)
			ASSERT_OK(oa_go(i % 3 ? notes : yields_and_notes,
					as_result(1), .prio = mixed(i),
					.scope = &s, .pinned = i % 11 == 0,
					.delay = i % 13 ? 0 : OA_USEC));
	EXPECT_EQ(8u * LEVELS, self->n);
}

static void *is_stolen(void *arg)
{
	(void)arg;
	for (int i = 0; i < 50; i++)
		ASSERT_OK(oa_yield());
	COUNT(now->n);
	return NULL;
}

static void *computes(void *arg)
{
	for (oa_time_t until = oa_after(2 * OA_MSEC); oa_now() < until;)
		;
	return is_stolen(arg);
}

/* What one worker has in its queue of the urgent goes to those who idle. */
PRIO_TEST(others_help)
{
	struct oa_scope s;

	OA_SCOPE(s)
		for (int i = 0; i < 40; i++)
			ASSERT_OK(oa_go(i % 8 ? is_stolen : computes, NULL,
					.prio = mixed(i), .scope = &s));
	EXPECT_EQ(40u, self->n);
}

static void *looks_at_itself(void *arg)
{
	EXPECT_EQ((int)(intptr_t)arg, prio_of(oa_self()));
	return NULL;
}

struct find { oa_task_t t; int prio; };

static int find(const struct oa_task_info *i, void *arg)
{
	struct find *f = arg;

	if (!oa_task_eq(i->task, f->t))
		return 0;
	f->prio = i->prio;
	return 1;
}

static int prio_of(oa_task_t t)
{
	struct find f = { t, 99 };

	ASSERT_GE(oa_tasks(NULL, find, &f), 0);
	return f.prio;
}

static void *starts_another(void *arg)
{
	EXPECT_EQ(-7, prio_of(oa_self()));
	return oa_err(join_code(oa_spawn(looks_at_itself, arg)));
}

PRIO_TEST(is_shown_and_not_inherited)
{
	EXPECT_OK(join_code(oa_spawn(looks_at_itself, as_result(0))));
	EXPECT_OK(join_code(oa_spawn(looks_at_itself, as_result(-20),
				     .prio = -20)));
	EXPECT_OK(join_code(oa_spawn(looks_at_itself, as_result(19),
				     .prio = 19)));
	EXPECT_OK(join_code(oa_spawn(starts_another, as_result(0),
				     .prio = -7)));
	/* The slot's next knows nothing of it. */
	for (int i = 0; i < 20; i++)
		EXPECT_OK(join_code(oa_spawn(looks_at_itself, as_result(0))));
}

PRIO_TEST(with_other_options)
{
	struct oa_sem sem = OA_SEM_INIT(1);
	oa_task_t t;

	EXPECT_OK(join_code(oa_spawn(looks_at_itself, as_result(3), .prio = 3,
				     .sem = &sem, .mutex = &self->m)));
	EXPECT_OK(join_code(oa_spawn(looks_at_itself, as_result(-3),
				     .prio = -3, .delay = OA_USEC)));
	EXPECT_OK(join_code(oa_spawn(notes, as_result(0), .prio = -3,
				     .block = true)));
	t = oa_spawn(waits_and_notes, NULL, .prio = -20,
		     .timeout = 1000 * OA_SEC);
	until_state(t, OA_TASK_PARKED);
	ASSERT_OK(oa_event_set(&self->go));
	EXPECT_OK(join_code(t));
}

PRIO_TEST(out_of_range)
{
	static const int bad[] = { -21, 20, INT32_MIN, INT32_MAX, 256, -256 };

	for (unsigned int i = 0; i < ARRAY_N(bad); i++)
		EXPECT_ERR(oa_go(notes, NULL, .prio = bad[i]), -EINVAL);
	EXPECT_EQ(0u, self->n);
}

/* Mutexes. */

static void *locks_and_notes(void *arg)
{
	ASSERT_OK(oa_mutex_lock(&now->m));
	notes(arg);
	ASSERT_OK(oa_mutex_unlock(&now->m));
	return NULL;
}

PRIO_TEST(a_mutex_lets_the_most_urgent_in_first)
{
	struct oa_scope s;

	ASSERT_OK(oa_mutex_lock(&self->m));
	OA_SCOPE(s) {
		for (unsigned int i = 0; i < LEVELS; i++) {
			ASSERT_OK(oa_go(locks_and_notes,
					as_result(mixed((int)i)),
					.prio = mixed((int)i), .scope = &s));
			task_wait_until(SYNC(mutex, &self->m, waiters) == i + 1);
		}
		ASSERT_OK(oa_mutex_unlock(&self->m));
	}
	/* Woken ones may be overtaken while they are on their way. */
	if (variant->workers == 1)
		expect_sorted(LEVELS);
	ASSERT_EQ((unsigned int)LEVELS, self->n);
}

PRIO_TEST(a_mutex_among_equals_who_came_first)
{
	struct oa_scope s;

	ASSERT_OK(oa_mutex_lock(&self->m));
	OA_SCOPE(s) {
		for (unsigned int i = 0; i < 20; i++) {
			ASSERT_OK(oa_go(locks_and_notes, as_result(i),
					.prio = -4, .scope = &s));
			task_wait_until(SYNC(mutex, &self->m, waiters) == i + 1);
		}
		ASSERT_OK(oa_mutex_unlock(&self->m));
	}
	if (variant->workers == 1)
		expect_sorted(20);
}

static void *holds(void *arg)
{
	ASSERT_OK(oa_mutex_lock(&now->m));
	TELL(now->at, 1);
	while (!SEEN(now->stop))
		ASSERT_OK(oa_yield());
	EXPECT_EQ((int)(intptr_t)arg, prio_of(oa_self()));
	ASSERT_OK(oa_mutex_unlock(&now->m));
	EXPECT_EQ(10, prio_of(oa_self()));
	return NULL;
}

PRIO_TEST(a_holder_inherits)
{
	oa_task_t h = oa_spawn(holds, as_result(-15), .prio = 10);
	oa_task_t t[3];

	task_wait_until(SEEN(self->at));
	EXPECT_EQ(10, prio_of(h));
	t[0] = oa_spawn(locks_and_notes, NULL, .prio = 15);
	until_state(t[0], OA_TASK_PARKED);
	EXPECT_EQ(10, prio_of(h));
	t[1] = oa_spawn(locks_and_notes, NULL, .prio = -5);
	until_state(t[1], OA_TASK_PARKED);
	EXPECT_EQ(-5, prio_of(h));
	t[2] = oa_spawn(locks_and_notes, NULL, .prio = -15);
	until_state(t[2], OA_TASK_PARKED);
	EXPECT_EQ(-15, prio_of(h));
	TELL(self->stop, 1);
	EXPECT_OK(join_code(h));
	for (int i = 0; i < 3; i++)
		EXPECT_OK(join_code(t[i]));
	EXPECT_EQ(3u, self->n);
}

/* As long as it holds any. */
static void *holds_two(void *arg)
{
	ASSERT_OK(oa_mutex_lock(&now->m));
	ASSERT_OK(oa_mutex_lock(&now->m2));
	TELL(now->at, 1);
	while (!SEEN(now->stop))
		ASSERT_OK(oa_yield());
	EXPECT_EQ(-15, prio_of(oa_self()));
	ASSERT_OK(oa_mutex_unlock(&now->m));
	EXPECT_EQ(-15, prio_of(oa_self()));
	ASSERT_OK(oa_mutex_unlock(&now->m2));
	EXPECT_EQ(10, prio_of(oa_self()));
	return arg;
}

PRIO_TEST(as_long_as_it_holds_one)
{
	oa_task_t h = oa_spawn(holds_two, NULL, .prio = 10), t;

	task_wait_until(SEEN(self->at));
	t = oa_spawn(locks_and_notes, NULL, .prio = -15);
	until_state(t, OA_TASK_PARKED);
	TELL(self->stop, 1);
	EXPECT_OK(join_code(h));
	EXPECT_OK(join_code(t));
}

/* A waiter that is lent to while it waits: by way of a mutex that it holds. */

static void *holds_the_other(void *arg)
{
	ASSERT_OK(oa_mutex_lock(&now->m2));
	ASSERT_OK(oa_mutex_lock(&now->m));
	COUNT(now->n);
	ASSERT_OK(oa_mutex_unlock(&now->m));
	ASSERT_OK(oa_mutex_unlock(&now->m2));
	return arg;
}

static void *holds_next(void *arg)
{
	ASSERT_OK(oa_mutex_lock(&now->m));
	TELL(now->turns, 1);
	while (SEEN(now->stop) < 2)
		ASSERT_OK(oa_yield());
	ASSERT_OK(oa_mutex_unlock(&now->m));
	return arg;
}

static void *wants_the_other(void *arg)
{
	ASSERT_OK(oa_mutex_lock(&now->m2));
	ASSERT_OK(oa_mutex_unlock(&now->m2));
	return arg;
}

PRIO_TEST(a_holder_inherits_from_those_that_wait_already)
{
	oa_task_t h = oa_spawn(holds, as_result(-12), .prio = 10), w, l, u;

	task_wait_until(SEEN(self->at));
	/* Before the patient one in the queue, and perhaps behind it later. */
	w = oa_spawn(holds_next, NULL);
	until_state(w, OA_TASK_PARKED);
	l = oa_spawn(holds_the_other, NULL, .prio = 10);
	until_state(l, OA_TASK_PARKED);
	u = oa_spawn(wants_the_other, NULL, .prio = -12);
	until_state(u, OA_TASK_PARKED);
	EXPECT_EQ(-12, prio_of(l));
	EXPECT_EQ(-12, prio_of(h));
	TELL(self->stop, 1);
	/* It is the more urgent by now, so it passes the other. */
	EXPECT_OK(join_code(h));
	EXPECT_OK(join_code(l));
	EXPECT_OK(join_code(u));
	EXPECT_EQ(1u, SEEN(self->n));
	task_wait_until(SEEN(self->turns));
	TELL(self->stop, 2);
	EXPECT_OK(join_code(w));
}

/* One that passes by while the mutex is on its way to another. */

static void *takes_it_again(void *arg)
{
	ASSERT_OK(oa_mutex_lock(&now->m));
	TELL(now->at, 1);
	while (!SEEN(now->stop))
		ASSERT_OK(oa_yield());
	EXPECT_EQ(-12, prio_of(oa_self()));
	ASSERT_OK(oa_mutex_unlock(&now->m));
	EXPECT_EQ(10, prio_of(oa_self()));
	if (!oa_mutex_trylock(&now->m)) {
		/* There is one more that waits. */
		if (SYNC(mutex, &now->m, waiters))
			EXPECT_EQ(-12, prio_of(oa_self()));
		ASSERT_OK(oa_mutex_unlock(&now->m));
	}
	return arg;
}

PRIO_TEST(a_passer_by_inherits)
{
	oa_task_t h = oa_spawn(takes_it_again, NULL, .prio = 10), t[2];

	task_wait_until(SEEN(self->at));
	for (int i = 0; i < 2; i++) {
		t[i] = oa_spawn(locks_and_notes, NULL, .prio = -12);
		until_state(t[i], OA_TASK_PARKED);
	}
	TELL(self->stop, 1);
	EXPECT_OK(join_code(h));
	for (int i = 0; i < 2; i++)
		EXPECT_OK(join_code(t[i]));
	EXPECT_EQ(2u, self->n);
}

/*
 * Who was overtaken so often that nobody passes it any more stands before the
 * urgent one, who can only lend. The test's own task is the first holder.
 */

enum { PASSES = 64, IN_VAIN = 4 };

static uint32_t waiting(void)
{
	return SYNC(mutex, &now->m, waiters);
}

static oa_task_t patient_one(void)
{
	oa_task_t t = oa_spawn(locks_and_notes, NULL, .prio = 19);

	until_state(t, OA_TASK_PARKED);
	return t;
}

/* It is woken, finds the mutex taken again, and stands in the queue again. */
static void woken_in_vain(uint32_t others)
{
	ASSERT_OK(oa_mutex_unlock(&now->m));
	ASSERT_OK(oa_mutex_trylock(&now->m));
	task_wait_until(waiting() == others + 1);
}

/* The holder's: as many go before the last that waits as may. */
static void overtaken(void)
{
	uint32_t before = waiting();
	oa_task_t t[PASSES];

	for (int i = 0; i < PASSES; i++) {
		t[i] = oa_spawn(locks_and_notes, NULL);
		until_state(t[i], OA_TASK_PARKED);
	}
	EXPECT_EQ(before + PASSES, waiting());
	/* Who was ahead of that goes behind those. */
	if (before > 1)
		woken_in_vain(before + PASSES - 1);
	ASSERT_OK(oa_mutex_unlock(&now->m));
	for (int i = 0; i < PASSES; i++)
		EXPECT_OK(join_code(t[i]));
	ASSERT_OK(oa_mutex_lock(&now->m));
	task_wait_until(waiting() == before);
}

static oa_task_t urgent_one(void)
{
	oa_task_t t = oa_spawn(locks_and_notes, NULL, .prio = -12);

	until_state(t, OA_TASK_PARKED);
	return t;
}

ORDER_TEST(what_is_handed_over_is_lent_to)
{
	oa_task_t x, u;

	ASSERT_OK(oa_mutex_lock(&self->m));
	x = patient_one();
	overtaken();
	for (int i = 1; i < IN_VAIN; i++)
		woken_in_vain(0);
	u = urgent_one();
	EXPECT_EQ(19, prio_of(x));
	ASSERT_OK(oa_mutex_unlock(&self->m));
	EXPECT_EQ(-12, prio_of(x));
	EXPECT_ERR(oa_mutex_trylock(&self->m), -EAGAIN);
	EXPECT_OK(join_code(x));
	EXPECT_OK(join_code(u));
}

ORDER_TEST(not_by_the_first_alone)
{
	oa_task_t x[2], u;

	ASSERT_OK(oa_mutex_lock(&self->m));
	x[0] = patient_one();
	overtaken();
	x[1] = patient_one();
	overtaken();
	u = urgent_one();
	ASSERT_OK(oa_mutex_unlock(&self->m));
	EXPECT_EQ(0, prio_of(oa_self()));
	ASSERT_OK(oa_mutex_trylock(&self->m));
	EXPECT_EQ(-12, prio_of(oa_self()));
	ASSERT_OK(oa_mutex_unlock(&self->m));
	EXPECT_OK(join_code(u));
	for (int i = 0; i < 2; i++)
		EXPECT_OK(join_code(x[i]));
}

static void *starts_with_it(void *arg)
{
	EXPECT_EQ(-12, prio_of(oa_self()));
	TELL(now->stop, 1);
	return arg;
}

/* Both wait here; one of them is on its way when the other task takes it. */
static void *lets_it_start(void *arg)
{
	oa_task_t u[2], t;

	ASSERT_OK(oa_mutex_lock(&now->m));
	for (int i = 0; i < 2; i++) {
		u[i] = oa_spawn(locks_and_notes, NULL, .prio = -12,
				.worker = OA_WORKER(0));
		until_state(u[i], OA_TASK_PARKED);
	}
	ASSERT_OK(oa_mutex_unlock(&now->m));
	t = oa_spawn(starts_with_it, NULL, .prio = 10, .mutex = &now->m,
		     .worker = OA_WORKER(1));
	wait_until(SEEN(now->stop));
	EXPECT_OK(join_code(t));
	for (int i = 0; i < 2; i++)
		EXPECT_OK(join_code(u[i]));
	return arg;
}

TASK_TEST_F(prio, who_starts_with_it_is_lent_to, .workers = 2)
{
	EXPECT_OK(join_code(oa_spawn(lets_it_start, NULL,
				     .worker = OA_WORKER(0))));
	EXPECT_EQ(2u, self->n);
}

/*
 * The classic: a patient one holds what an urgent one wants, and a crowd in
 * between would run for long.
 */

static void *crowds(void *arg)
{
	while (!SEEN(now->stop)) {
		COUNT(now->turns);
		ASSERT_OK(oa_yield());
	}
	return arg;
}

static void *works_under_lock(void *arg)
{
	ASSERT_OK(oa_mutex_lock(&now->m));
	TELL(now->at, 1);
	ASSERT_OK(oa_event_wait(&now->go));
	for (int i = 0; i < 100; i++)
		ASSERT_OK(oa_yield());
	ASSERT_OK(oa_mutex_unlock(&now->m));
	return arg;
}

static void *is_urgent(void *arg)
{
	ASSERT_OK(oa_mutex_lock(&now->m));
	TELL(now->stop, 1);
	ASSERT_OK(oa_mutex_unlock(&now->m));
	return arg;
}

ORDER_TEST(a_crowd_in_between_does_not_hold_it_up)
{
	oa_task_t h = oa_spawn(works_under_lock, NULL, .prio = 19), u, c[3];
	unsigned int before = 0;

	task_wait_until(SEEN(self->at));
	u = oa_spawn(is_urgent, NULL, .prio = -20);
	until_state(u, OA_TASK_PARKED);
	for (int i = 0; i < 3; i++)
		c[i] = oa_spawn(crowds, NULL, .prio = -10);
	while (SEEN(self->turns) < 100)
		ASSERT_OK(oa_sleep(1));
	before = SEEN(self->turns);
	ASSERT_OK(oa_event_set(&self->go));
	EXPECT_OK(join_code(u));
	/* 100 turns of the holder; at its own priority it would be 100 * 230. */
	EXPECT_LT(SEEN(self->turns) - before, 1000u);
	EXPECT_OK(join_code(h));
	for (int i = 0; i < 3; i++)
		EXPECT_OK(join_code(c[i]));
}

/* A waiter that gives up leaves the queue in order. */
static void *waits_until(void *arg)
{
	EXPECT_ERR(oa_mutex_lock_until(&now->m, oa_after(OA_MSEC)),
		   -ETIMEDOUT);
	return arg;
}

PRIO_TEST(an_urgent_one_gives_up)
{
	oa_task_t t[3];

	ASSERT_OK(oa_mutex_lock(&self->m));
	t[0] = oa_spawn(locks_and_notes, as_result(2), .prio = 2);
	until_state(t[0], OA_TASK_PARKED);
	t[1] = oa_spawn(locks_and_notes, as_result(1), .prio = 1);
	until_state(t[1], OA_TASK_PARKED);
	t[2] = oa_spawn(waits_until, NULL, .prio = -20);
	EXPECT_OK(join_code(t[2]));
	ASSERT_OK(oa_mutex_unlock(&self->m));
	for (int i = 0; i < 2; i++)
		EXPECT_OK(join_code(t[i]));
	EXPECT_EQ(2u, self->n);
	if (variant->workers == 1)
		expect_sorted(2);
	EXPECT_OK(oa_mutex_destroy(&self->m));
}

/* Many, at random: nothing is lost, and nobody is left with what it borrowed. */

static void *locks_at_random(void *arg)
{
	struct random r = random_of((unsigned int)(intptr_t)arg);
	int own = prio_of(oa_self());

	for (int i = 0; i < 40; i++) {
		struct oa_mutex *m = draw(&r, 2) ? &now->m : &now->m2;

		if (draw(&r, 8) == 0) {
			if (oa_mutex_lock_until(m, oa_after(draw(&r, 50) *
							    OA_USEC)))
				continue;
		} else {
			ASSERT_OK(oa_mutex_lock(m));
		}
		if (draw(&r, 2))
			ASSERT_OK(oa_yield());
		now->order[m == &now->m]++;
		ASSERT_OK(oa_mutex_unlock(m));
		COUNT(now->n);
	}
	/* What came when the lock had just been given up goes with a wait. */
	ASSERT_OK(oa_sleep(1));
	EXPECT_EQ(own, prio_of(oa_self()));
	return NULL;
}

PRIO_TEST(locks_at_random)
{
	struct oa_scope s;

	OA_SCOPE(s)
		for (int i = 0; i < 60; i++)
			ASSERT_OK(oa_go(locks_at_random, as_result(i),
					.prio = mixed(i), .scope = &s));
	EXPECT_EQ((int)self->n, self->order[0] + self->order[1]);
	EXPECT_OK(oa_mutex_destroy(&self->m));
	EXPECT_OK(oa_mutex_destroy(&self->m2));
}

HARNESS_MAIN
