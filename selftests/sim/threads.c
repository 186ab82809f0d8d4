// SPDX-License-Identifier: MIT
/*
 * Threads that the runtime does not own: they post, start, join, cancel, look
 * and shut down while workers park, end and are waited for. What was accepted
 * ran or was dropped, what was refused did neither.
 */
#include <errno.h>
#include <string.h>

#include "selftests/sim/scenario.h"

#define THREADS	4
#define POSTS	12

static struct oa_runtime *rt;
static int accepted, refused, ran, dropped;
static bool keep;		/* the first task lives until it is false */
static bool graceful;
static int threads_left;

struct parcel {
	uint32_t number;
	uint32_t check;
};

static void drop(void *arg)
{
	(void)arg;
	dropped++;
}

static void *receives(void *arg)
{
	const struct parcel *p = arg;

	CHECK_EQ(p->check, p->number * 3 + 1);
	if (sim_one_in(3))
		oa_yield();
	if (sim_one_in(4))
		oa_sleep(sim_below(3000));
	/* The copy is this task's until it ends. */
	CHECK_EQ(p->check, p->number * 3 + 1);
	ran++;
	return NULL;
}

static void *started(void *arg)
{
	if (sim_one_in(2))
		oa_sleep(sim_below(3000));
	ran++;
	return arg;
}

static void count(int err)
{
	if (!err) {
		accepted++;
		return;
	}
	CHECK(err == -ESHUTDOWN || err == -EAGAIN);
	refused++;
}

static void post(void)
{
	uint32_t n = sim_below(1000);
	struct parcel p = { n, n * 3 + 1 };

	count(oa_post(rt, receives, &p, sizeof(p)));
}

static void start(void)
{
	oa_task_t t = oa_spawn(started, &accepted, .runtime = rt,
			       .on_drop = drop, .pinned = sim_one_in(3));
	void *result = NULL;
	int err = oa_task_error(t);

	count(err);
	if (err)
		return;
	if (sim_one_in(4))
		oa_cancel(t);
	do {
		err = sim_one_in(3)
			? oa_join(t, &result)
			: oa_join_until(t, &result, oa_after(sim_below(5000)));
	} while (err == -ETIMEDOUT);
	CHECK(err == 0 || err == -ESRCH);
	if (!err && result != &accepted)
		CHECK(oa_is_err(result));
}

static void later(void)
{
	oa_task_t t = oa_spawn(started, &accepted, .runtime = rt,
			       .on_drop = drop, .delay = 1 + sim_below(9000));
	int err = oa_task_error(t);

	count(err);
	if (err)
		return;
	if (sim_one_in(2))
		oa_cancel(t);
	err = oa_detach(t);
	CHECK(err == 0 || err == -ESRCH);
}

static int look(const struct oa_task_info *info, void *arg)
{
	(void)info;
	++*(int *)arg;
	return 0;
}

static void inspect(void)
{
	struct oa_stats st = OA_STATS_INIT;
	int n = 0;

	CHECK_EQ(oa_stats(rt, &st), 0);
	/* Those that threads started are counted nowhere but at their end. */
	CHECK(st.ended <= st.spawned + THREADS * POSTS + 1);
	CHECK_EQ(oa_tasks(rt, look, &n), 0);
}

static void foreign(void *arg)
{
	(void)arg;
	for (uint32_t n = sim_below(POSTS); n; n--) {
		switch (sim_below(8)) {
		case 0:
		case 1:
		case 2:
			post();
			break;
		case 3:
		case 4:
			start();
			break;
		case 5:
			later();
			break;
		case 6:
			inspect();
			break;
		default:
			sim_pause(sim_below(20000));
			break;
		}
	}
	if (--threads_left == 0)
		keep = false;
}

static void shuts_down(void *arg)
{
	(void)arg;
	sim_pause(sim_below(60000));
	CHECK_EQ(oa_shutdown(rt, graceful ? OA_SHUTDOWN_GRACEFUL
					  : OA_SHUTDOWN_DRAIN), 0);
	keep = false;
}

static void waits(void *arg)
{
	struct oa_ended e;
	int err;

	(void)arg;
	do {
		err = sim_one_in(2)
			? oa_runtime_wait(rt, &e)
			: oa_runtime_wait_until(rt, &e,
						oa_after(sim_below(90000)));
	} while (err == -ETIMEDOUT);
	CHECK_EQ(err, 0);
	CHECK_EQ(e.ran + e.dropped, accepted + 1);
}

/* Ends a little after the last thread, or is cancelled. */
static void *keeper(void *arg)
{
	while (keep && !oa_cancelled())
		oa_sleep(20000);
	return arg;
}

SCENARIO(what_threads_start_runs_or_is_refused, 3000)
{
	struct sim_ctx *c[THREADS + 3];
	uint32_t n = 1 + sim_below(THREADS), k = 0;
	struct oa_ended e;

	accepted = refused = ran = dropped = 0;
	graceful = sim_one_in(2);
	keep = !sim_one_in(4);
	threads_left = (int)n;
	CHECK_EQ(oa_start(&rt, keeper, NULL, SIM_CONFIG,
			  .workers = scenario_workers(),
			  .max_posts = sim_one_in(3) ? 3 : 0), 0);
	for (uint32_t i = 0; i < n; i++)
		c[k++] = sim_thread("foreign", foreign, NULL);
	if (sim_one_in(2))
		c[k++] = sim_thread("shutdown", shuts_down, NULL);
	for (uint32_t i = 0; i < 2; i++)
		if (sim_one_in(2))
			c[k++] = sim_thread("waiter", waits, NULL);
	CHECK_EQ(oa_runtime_wait(rt, &e), 0);
	while (k)
		sim_join(c[--k]);
	/* Posted tasks have no on_drop: those are what is missing. */
	CHECK(ran + dropped <= accepted);
	CHECK_EQ(e.ran + e.dropped, accepted + 1);
	CHECK(e.ran >= (uint64_t)ran && e.ran <= (uint64_t)ran + 1);
	CHECK_EQ(oa_runtime_free(rt), 0);
}

HARNESS_MAIN
