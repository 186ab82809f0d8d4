// SPDX-License-Identifier: MIT
/*
 * Tasks that wait are woken from another runtime while theirs is shut down at
 * once, and their slots are used again at once.
 */
#include "selftests/sim/scenario.h"

#define WAITERS	30
#define LATER	40

static struct oa_runtime *dying, *living;
static struct oa_sem sem;
static struct oa_event event;
static uint32_t inside;
static bool over, ready, waking;

static void *waits(void *arg)
{
	int err;

	CHECK_EQ(oa_shield_enter(), 0);
	for (;;) {
		err = sim_one_in(8) ? oa_sem_wait(&sem) : oa_event_wait(&event);
		if (err)
			return arg;
		/* In time for what else is to be done. */
		oa_sleep(1 + sim_below(3000));
	}
}

static void *starts_waiters(void *arg)
{
	for (int i = 0; i < WAITERS; i++)
		CHECK_EQ(oa_go(waits, NULL), 0);
	oa_sleep(1 + sim_below(3000));
	ready = true;
	oa_sleep(OA_FOREVER);
	return arg;
}

static void ends_it(void *arg)
{
	(void)arg;
	while (!waking)
		oa_now();
	sim_spin(sim_below(60));
	CHECK_EQ(oa_shutdown(dying, OA_SHUTDOWN_NOW), 0);
}

static void wakes_outside(void *arg)
{
	(void)arg;
	while (!ready)
		oa_now();
	waking = true;
	while (!over) {
		oa_sem_post(&sem);
		oa_event_set(&event);
		oa_event_reset(&event);
		sim_spin(sim_below(300));
	}
}

static void *wakes(void *arg)
{
	while (!over) {
		oa_sem_post(&sem);
		oa_event_set(&event);
		oa_event_reset(&event);
		oa_sleep(1 + sim_below(3000));
	}
	return arg;
}

/* Runs on one context at a time, and as often as it is woken. */
static void *comes_later(void *arg)
{
	volatile uint32_t mine = 0;

	for (int i = 0; i < 3; i++) {
		CHECK_EQ(mine++, 0);
		sim_spin(3);
		CHECK_EQ(--mine, 0);
		if (sim_one_in(2))
			CHECK_EQ(oa_yield(), 0);
		else
			CHECK_EQ(oa_sleep(1 + sim_below(300)), 0);
	}
	inside++;
	return arg;
}

SCENARIO(who_is_woken_has_gone, 3000)
{
	struct sim_ctx *waker;
	oa_task_t t[LATER];
	void *result;

	dying = living = NULL;
	over = ready = waking = false;
	inside = 0;
	sem = (struct oa_sem)OA_SEM_INIT(0);
	event = (struct oa_event)OA_EVENT_INIT;
	CHECK_EQ(oa_start(&living, wakes, NULL, SIM_CONFIG,
			  .workers = 1 + sim_below(2)), 0);
	waker = sim_thread("waker", wakes_outside, NULL);
	CHECK_EQ(oa_start(&dying, starts_waiters, NULL, SIM_CONFIG,
			  .workers = 1 + sim_below(2)), 0);
	sim_join(sim_thread("ender", ends_it, NULL));
	CHECK_EQ(oa_runtime_wait(dying, NULL), 0);
	for (int i = 0; i < LATER; i++) {
		t[i] = oa_spawn(comes_later, &t[i], .runtime = living);
		CHECK_EQ(oa_task_error(t[i]), 0);
	}
	for (int i = 0; i < LATER; i++) {
		CHECK_EQ(oa_join(t[i], &result), 0);
		CHECK(result == &t[i]);
	}
	over = true;
	sim_join(waker);
	CHECK_EQ(oa_runtime_wait(living, NULL), 0);
	CHECK_EQ(inside, LATER);
	CHECK_EQ(oa_runtime_free(dying), 0);
	CHECK_EQ(oa_runtime_free(living), 0);
}

HARNESS_MAIN
