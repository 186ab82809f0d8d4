// SPDX-License-Identifier: MIT
/*
 * Two runtimes whose tasks have to do with each other in every way there is, of
 * which one is shut down at once. The other goes on, and comes to its end.
 */
#include <errno.h>
#include <string.h>

#include "selftests/sim/scenario.h"

#define LIVING	6
#define PLACES	4

static struct oa_runtime *dying, *living;
static struct oa_mutex mutex;
static struct oa_sem sem;
static struct oa_event event;
static struct oa_future plain;
static oa_task_t handles[PLACES];
static struct oa_token token;
static uint32_t finished;

static struct oa_runtime *any_runtime(void)
{
	return sim_one_in(2) ? dying : living;
}

static void *short_one(void *arg)
{
	if (sim_one_in(2))
		oa_sleep(1 + sim_below(3000));
	return arg;
}

static void *long_one(void *arg)
{
	oa_sleep(1 + sim_below(sim_one_in(4) ? 1000000 : 20000));
	return arg;
}

static void joins_one(void)
{
	oa_task_t t = oa_spawn(sim_one_in(2) ? short_one : long_one, NULL,
			       .runtime = any_runtime(),
			       .timeout = sim_one_in(4) ? 2000 : 0,
			       .prio = sim_one_in(4) ? -3 : 0,
			       .token = sim_one_in(3) ? &token : NULL);

	if (oa_task_error(t))
		return;
	if (sim_one_in(3))
		oa_cancel(t);
	if (sim_one_in(3))
		handles[sim_below(PLACES)] = t;
	if (sim_one_in(2)) {
		oa_join(t, NULL);
		return;
	}
	while (oa_join_until(t, NULL, oa_after(1 + sim_below(8000))) ==
	       -ETIMEDOUT)
		if (sim_one_in(4))
			return;
}

static void joins_any(void)
{
	oa_task_t t[3];
	size_t which = 9;
	int err;

	for (int i = 0; i < 3; i++)
		t[i] = sim_one_in(4) ? handles[sim_below(PLACES)]
				     : oa_spawn(long_one, NULL,
						.runtime = any_runtime());
	err = oa_join_any_until(t, 3, &which, NULL, sim_one_in(2)
				? OA_FOREVER : oa_after(sim_below(9000)));
	if (!err)
		CHECK(which < 3);
	for (int i = 0; i < 3; i++)
		oa_cancel(t[i]);
	if (sim_one_in(2))
		oa_join_all(t, 3, NULL);
}

static void in_scope(void)
{
	struct oa_scope s;

	OA_SCOPE(s) {
		for (uint32_t n = 1 + sim_below(3); n; n--)
			if (oa_go(sim_one_in(3) ? long_one : short_one, NULL,
				  .scope = &s, .runtime = any_runtime(),
				  .sem = sim_one_in(3) ? &sem : NULL))
				break;
	}
}

static void with_futures(void)
{
	struct oa_future *f;

	switch (sim_below(4)) {
	case 0:
		f = oa_async(long_one, NULL, .runtime = any_runtime());
		break;
	case 1:
		f = oa_async(short_one, NULL, .runtime = any_runtime(),
			     .sem = &sem);
		break;
	default:
		f = oa_async(short_one, NULL, .runtime = any_runtime());
	}
	if (sim_one_in(2))
		oa_future_get(f, NULL);
	else
		oa_future_get_until(f, NULL, oa_after(sim_below(5000)));
	oa_future_put(f);
}

static void locks(void)
{
	/* Who is abandoned would hold it for ever. */
	int err = oa_mutex_lock_until(&mutex, oa_after(sim_below(3000)));

	if (err)
		return;
	oa_mutex_unlock(&mutex);
}

static void waits(void)
{
	struct oa_case c[] = {
		OA_CASE_EVENT(&event),
		OA_CASE_FUTURE(&plain, NULL),
		OA_CASE_JOIN(handles[sim_below(PLACES)], NULL),
	};

	switch (sim_below(3)) {
	case 0:
		oa_select_until(c, 3, oa_after(sim_below(4000)));
		break;
	case 1:
		if (!oa_sem_wait_until(&sem, oa_after(sim_below(2000))))
			oa_sem_post(&sem);
		break;
	default:
		oa_future_get_until(&plain, NULL, oa_after(sim_below(3000)));
	}
}

static void *does_all(void *arg)
{
	bool dies = arg;
	uint32_t rounds = 2 + sim_below(5);

	while (rounds-- || dies) {
		switch (sim_below(7)) {
		case 0:
			joins_one();
			break;
		case 1:
			joins_any();
			break;
		case 2:
			in_scope();
			break;
		case 3:
			/* What it refers to it would never put. */
			if (!dies)
				with_futures();
			break;
		case 4:
			locks();
			break;
		case 5:
			if (!dies)
				oa_runtime_wait_until(dying, NULL,
					oa_after(sim_below(6000)));
			break;
		default:
			waits();
		}
		if (oa_cancelled() == 1)
			break;
	}
	finished += !dies;
	return NULL;
}

static void *first(void *arg)
{
	bool dies = arg;


	while (!dying || !living)
		oa_sleep(500);
	for (int i = 0; i < LIVING; i++)
		oa_go(does_all, arg);
	if (!dies)
		return NULL;
	oa_sleep(1 + sim_below(sim_one_in(2) ? 1000000 : 20000));
	oa_shutdown(NULL, OA_SHUTDOWN_NOW);
	oa_sleep(1000);
	sim_fail("goes on");
}

SCENARIO(one_ends_at_once_the_other_goes_on, 5000)
{
	struct oa_ended e;

	dying = living = NULL;
	finished = 0;
	mutex = (struct oa_mutex)OA_MUTEX_INIT;
	sem = (struct oa_sem)OA_SEM_INIT(100);
	event = (struct oa_event)OA_EVENT_INIT;
	plain = (struct oa_future)OA_FUTURE_INIT;
	token = (struct oa_token)OA_TOKEN_INIT;
	memset(handles, 0, sizeof(handles));
	sim_env.longest = 0;
	CHECK_EQ(oa_start(&dying, first, &dying, SIM_CONFIG,
			  .workers = scenario_workers()), 0);
	CHECK_EQ(oa_start(&living, first, NULL, SIM_CONFIG,
			  .workers = scenario_workers()), 0);
	CHECK_EQ(oa_runtime_wait(dying, &e), 0);
	CHECK_EQ(oa_runtime_wait(living, NULL), 0);
	CHECK_EQ(finished, LIVING);
	CHECK_EQ(oa_runtime_free(dying), 0);
	CHECK_EQ(oa_runtime_free(living), 0);
}

/* A worker has used descriptors, and ends while others close these. */

#define PIPES	4

static int fds[PIPES][2];
static bool used;

static void *uses(void *arg)
{
	char c = 'x';

	for (int i = 0; i < PIPES; i++) {
		CHECK_EQ(oa_write(fds[i][1], &c, 1), 1);
		CHECK_EQ(oa_read(fds[i][0], &c, 1), 1);
	}
	used = true;
	if (sim_one_in(2))
		oa_sleep(1 + sim_below(1000));
	return arg;
}

static void *closes(void *arg)
{
	while (!used)
		oa_sleep(1 + sim_below(1000));
	for (int i = 0; i < PIPES; i++) {
		CHECK_EQ(oa_close(fds[i][0]), 0);
		CHECK_EQ(oa_close(fds[i][1]), 0);
	}
	return arg;
}

SCENARIO(a_close_meets_the_end_of_a_worker, 5000)
{
	dying = living = NULL;
	used = false;
	for (int i = 0; i < PIPES; i++)
		CHECK_EQ(sim_pipe(fds[i], 8), 0);
	CHECK_EQ(oa_start(&living, closes, NULL, SIM_CONFIG,
			  .workers = scenario_workers()), 0);
	CHECK_EQ(oa_start(&dying, uses, NULL, SIM_CONFIG,
			  .workers = scenario_workers()), 0);
	CHECK_EQ(oa_runtime_wait(dying, NULL), 0);
	CHECK_EQ(oa_runtime_wait(living, NULL), 0);
	CHECK_EQ(oa_runtime_free(dying), 0);
	CHECK_EQ(oa_runtime_free(living), 0);
	if (sim_open_fds())
		sim_fail("%u descriptors are left", sim_open_fds());
}

HARNESS_MAIN
