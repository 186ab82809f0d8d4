// SPDX-License-Identifier: MIT
/*
 * Shields, scopes, tokens, time limits and priorities, while tasks are
 * cancelled at any moment by tasks and threads.
 */
#include <errno.h>
#include <string.h>

#include "selftests/sim/scenario.h"

#define TASKS	10

static oa_task_t tasks[TASKS];
static uint32_t nr, told, alive, dropped, begun;
static struct oa_sem sem, places;
static struct oa_mutex mutex;

static void pause_a_little(void)
{
	if (sim_one_in(3))
		oa_yield();
	else if (sim_one_in(2))
		sim_spin(1 + sim_below(20));
}

/* Some wait that ends by itself; what it returned. */
static int wait_a_little(void)
{
	struct sim_nop nop = { .delay = 1 + sim_below(3000), .res = 0 };
	int err;

	switch (sim_below(4)) {
	case 0:
		return oa_sleep(1 + sim_below(3000));
	case 1:
		return oa_sqe(sim_prep_nop, &nop);
	case 2:
		err = oa_sem_wait(&sem);
		if (!err)
			CHECK_EQ(oa_sem_post(&sem), 0);
		return err;
	default:
		CHECK_EQ(oa_mutex_lock(&mutex), 0);
		err = oa_yield();
		CHECK_EQ(oa_mutex_unlock(&mutex), 0);
		return err;
	}
}

static void cancels_all(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < nr; i++) {
		while (told <= i)
			oa_now();
		pause_a_little();
		oa_cancel(tasks[i]);
	}
}

static void *cancels(void *arg)
{
	for (uint32_t i = 0; i < nr; i++) {
		while (told <= i)
			oa_sleep(100);
		pause_a_little();
		oa_cancel(tasks[i]);
	}
	return arg;
}

static void begin(void)
{
	nr = 1 + sim_below(TASKS);
	told = alive = dropped = begun = 0;
	memset(tasks, 0, sizeof(tasks));
	sem = (struct oa_sem)OA_SEM_INIT(2);
	places = (struct oa_sem)OA_SEM_INIT(2);
	mutex = (struct oa_mutex)OA_MUTEX_INIT;
}

static void send_canceller(void)
{
	if (sim_one_in(2))
		sim_thread("canceller", cancels_all, NULL);
	else
		CHECK_EQ(oa_go(cancels, NULL), 0);
}

/* ---- shields */

static void *is_shielded(void *arg)
{
	bool before, after;
	int err;

	(void)arg;
	for (int round = 0; round < 3; round++) {
		pause_a_little();
		CHECK_EQ(oa_shield_enter(), 0);
		before = oa_cancelled();
		for (uint32_t i = sim_below(3); i; i--) {
			CHECK_EQ(wait_a_little(), 0);
			if (!sim_one_in(3))
				continue;
			CHECK_EQ(oa_shield_enter(), 0);
			CHECK_EQ(wait_a_little(), 0);
			CHECK_EQ(oa_shield_leave(), 0);
		}
		after = oa_cancelled();
		CHECK(after || !before);
		CHECK_EQ(oa_shield_leave(), 0);
		err = oa_yield();
		CHECK(!after || err == -ECANCELED);
		err = wait_a_little();
		CHECK(err == 0 || err == -ECANCELED);
	}
	CHECK_EQ(oa_shield_leave(), -EINVAL);
	do {
		err = oa_sleep(1000000000);
	} while (!err);
	CHECK_EQ(err, -ECANCELED);
	return NULL;
}

static void *starts_shielded(void *arg)
{
	send_canceller();
	for (; told < nr; told++) {
		tasks[told] = oa_spawn(is_shielded, NULL);
		CHECK_EQ(oa_task_error(tasks[told]), 0);
	}
	for (uint32_t i = 0; i < nr; i++)
		CHECK_EQ(oa_join(tasks[i], NULL), 0);
	return arg;
}

SCENARIO(a_shield_holds_a_cancel_back, 10000)
{
	begin();
	SCENARIO_RUN(starts_shielded, NULL, .workers = scenario_workers());
}

/* ---- scopes */

static void *lives_in_a_scope(void *arg);

static void drop_one(void *arg)
{
	(void)arg;
	dropped++;
}

/* How many were let in. */
static uint32_t fill_scope(struct oa_scope *s, uintptr_t depth, uint32_t n)
{
	uint32_t in = 0;
	int err;

	for (uint32_t i = 0; i < n; i++) {
		pause_a_little();
		if (sim_one_in(4))
			/* A leaf, which waits for nobody who wants a place. */
			err = oa_go(lives_in_a_scope, (void *)9ul,
				    .scope = s, .sem = &places,
				    .on_drop = drop_one);
		else
			err = oa_go(lives_in_a_scope, (void *)(depth + 1),
				    .scope = s, .on_drop = drop_one,
				    .timeout = sim_one_in(6)
						   ? 1 + sim_below(5000) : 0);
		CHECK(!err || err == -ECANCELED);
		in += !err;
	}
	return in;
}

static int in_scope(uintptr_t depth, uint32_t n)
{
	uint32_t in = 0, dropped_before = dropped;
	struct oa_sync_info is = OA_SYNC_INFO_INIT;
	struct oa_scope s;
	int err = 0;

	(void)dropped_before;
	OA_SCOPE(s) {
		in = fill_scope(&s, depth, n);
		if (sim_one_in(8))
			CHECK_EQ(oa_scope_cancel(&s), 0);
		if (sim_one_in(4))
			break;
		pause_a_little();
	}
	err = oa_scope_error(&s);
	CHECK_EQ(oa_scope_info(&s, &is), 0);
	CHECK_EQ(is.value, 0);
	CHECK(!err || err == -ECANCELED || err == -EIO || err == -ETIMEDOUT);
	(void)in;
	return err;
}

static void *lives_in_a_scope(void *arg)
{
	uintptr_t depth = (uintptr_t)arg;
	int err = 0;

	alive++;
	begun++;
	if (depth < 3 && sim_one_in(3))
		err = in_scope(depth, 1 + sim_below(3));
	else if (sim_one_in(8))
		err = -EIO;
	else
		err = wait_a_little();
	alive--;
	return err ? oa_err(err) : NULL;
}

static void *starts_scopes(void *arg)
{
	oa_task_t t = oa_spawn(lives_in_a_scope, NULL);

	(void)arg;
	CHECK_EQ(oa_task_error(t), 0);
	tasks[0] = t;
	nr = 1;
	if (sim_one_in(2))
		send_canceller();
	told = 1;
	for (int i = 0; i < 3; i++) {
		uint32_t outside = alive;

		in_scope(1, 1 + sim_below(4));
		/* Only the other tree may be there. */
		CHECK(alive <= outside + 20);
	}
	CHECK_EQ(oa_join(t, NULL), 0);
	CHECK_EQ(alive, 0);
	return NULL;
}

SCENARIO(no_child_outlives_its_scope, 10000)
{
	begin();
	SCENARIO_RUN(starts_scopes, NULL, .workers = scenario_workers());
}

/* ---- tokens */

static struct oa_token token;

static void *waits_under_a_token(void *arg)
{
	int err;

	(void)arg;
	begun++;
	do {
		err = sim_one_in(2) ? oa_sleep(1000000000) : wait_a_little();
	} while (!err);
	CHECK_EQ(err, -ECANCELED);
	return NULL;
}

static bool was_cancelled;

static void cancels_token(void *arg)
{
	(void)arg;
	sim_spin(sim_below(200));
	CHECK_EQ(oa_token_cancel(&token), 0);
	was_cancelled = true;
}

static void *starts_under_a_token(void *arg)
{
	uint32_t in = 0;
	int err;

	(void)arg;
	token = (struct oa_token)OA_TOKEN_INIT;
	was_cancelled = false;
	sim_thread("canceller", cancels_token, NULL);
	for (uint32_t i = 0; i < nr; i++) {
		pause_a_little();
		err = oa_go(waits_under_a_token, NULL, .token = &token,
			    .on_drop = drop_one,
			    .delay = sim_one_in(4) ? 1 + sim_below(9999) : 0);
		CHECK(err == 0 || err == -ECANCELED);
		CHECK(err == 0 || oa_token_cancelled(&token));
		in += !err;
	}
	/* As a new one it could be cancelled afterwards. */
	while (!was_cancelled || oa_token_destroy(&token))
		oa_sleep(500);
	CHECK_EQ(oa_token_cancelled(&token), 0);
	CHECK_EQ(begun + dropped, in);
	return NULL;
}

SCENARIO(a_token_cancels_all, 10000)
{
	begin();
	SCENARIO_RUN(starts_under_a_token, NULL, .workers = scenario_workers());
}

/* ---- priorities */

static uint32_t inside;

static void *has_a_priority(void *arg)
{
	int err = 0;

	for (int i = 0; i < 3; i++) {
		if (sim_one_in(2))
			err = oa_mutex_lock(&mutex);
		else
			err = oa_mutex_lock_until(&mutex,
						  oa_after(sim_below(9999)));
		CHECK(!err || err == -ETIMEDOUT || err == -ECANCELED);
		if (err)
			continue;
		CHECK_EQ(inside++, 0);
		pause_a_little();
		if (sim_one_in(3))
			oa_sleep(1 + sim_below(2000));
		CHECK_EQ(--inside, 0);
		CHECK_EQ(oa_mutex_unlock(&mutex), 0);
		pause_a_little();
	}
	begun++;
	return arg;
}

static void *starts_priorities(void *arg)
{
	uint32_t in = 0;

	inside = 0;
	send_canceller();
	for (; told < nr; told++) {
		tasks[told] = oa_spawn(has_a_priority, NULL,
				       .prio = (int)sim_below(40) - 20,
				       .pinned = sim_one_in(4),
				       .hint = (enum oa_hint)sim_below(3));
		CHECK_EQ(oa_task_error(tasks[told]), 0);
		in++;
	}
	for (uint32_t i = 0; i < nr; i++)
		CHECK_EQ(oa_join(tasks[i], NULL), 0);
	CHECK(begun <= in);
	return arg;
}

SCENARIO(priorities_lose_nobody, 10000)
{
	begin();
	SCENARIO_RUN(starts_priorities, NULL, .workers = scenario_workers());
}

/* ---- at once */

static uint32_t started;

static void *goes_on(void *arg)
{
	begun++;
	alive++;
	for (;;) {
		struct sim_nop nop = { .delay = 1 + sim_below(3000) };

		if (sim_one_in(3))
			oa_shield_enter();
		if (sim_one_in(3))
			oa_sqe(sim_prep_nop, &nop);
		else if (wait_a_little() == -ECANCELED && sim_one_in(2))
			break;
		if (started < 30 && sim_one_in(3))
			started += !oa_go(goes_on, NULL, .on_drop = drop_one,
					  .delay = sim_below(2) * 5000);
	}
	alive--;
	return arg;
}

static void ends_at_once(void *arg)
{
	sim_spin(sim_below(300));
	CHECK_EQ(oa_shutdown(arg, OA_SHUTDOWN_NOW), 0);
}

static void *is_ended_at_once(void *arg)
{
	(void)arg;
	started = 1;
	if (sim_one_in(2)) {
		sim_thread("ender", ends_at_once, oa_runtime_self());
		return goes_on(NULL);
	}
	for (int i = 0; i < 4; i++)
		started += !oa_go(goes_on, NULL, .on_drop = drop_one);
	pause_a_little();
	CHECK_EQ(oa_shutdown(NULL, sim_one_in(2) ? OA_SHUTDOWN_NOW
						 : OA_SHUTDOWN_GRACEFUL), 0);
	CHECK_EQ(oa_shutdown(NULL, OA_SHUTDOWN_NOW), 0);
	return goes_on(NULL);
}

SCENARIO(an_end_at_once_counts_all, 5000)
{
	struct oa_ended e = { 0 };

	begin();
	SCENARIO_RUN(is_ended_at_once, NULL, .workers = scenario_workers(),
		     .ended = &e);
	CHECK_EQ(e.ran + e.dropped + e.abandoned, started);
	CHECK_EQ(e.dropped, dropped);
}

HARNESS_MAIN
