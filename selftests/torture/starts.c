// SPDX-License-Identifier: MIT
/*
 * Tasks that start under conditions, on the blocking pool or not, alone or as
 * a chain. What they do inside is nothing that could wait for one of them.
 */
#include "torture.h"

#include <string.h>

#define PERMITS	2u
#define MOST	4u

enum { WITH_SEM = 1, WITH_PRESSURE = 2, WITH_MUTEX = 4, ON_POOL = 8,
       CHAINED = 16, ALL_KINDS = 32 };

static struct {
	struct oa_sem sem;
	struct oa_backpressure pressure;
	struct oa_mutex mutex;
	uint32_t in_sem, in_pressure, in_mutex, in_pool;
} under;

void starts_open(void)
{
	memset(&under, 0, sizeof(under));
	CHECK(!oa_sem_init(&under.sem, PERMITS));
	CHECK(!oa_backpressure_init(&under.pressure, MOST,
				    OA_BACKPRESSURE_LOSSLESS));
}

void starts_close(void)
{
	CHECK(!(under.in_sem | under.in_pressure | under.in_mutex |
		under.in_pool));
	CHECK(oa_sem_value(&under.sem) == PERMITS);
	CHECK(!oa_sem_destroy(&under.sem));
	CHECK(oa_backpressure_leave(&under.pressure) == -EPERM);
	CHECK(!oa_backpressure_destroy(&under.pressure));
	CHECK(!oa_mutex_destroy(&under.mutex));
}

static void count(const struct record *rec, uint32_t by)
{
	if (rec->fd & WITH_SEM)
		CHECK(ADD(under.in_sem, by) <= PERMITS);
	if (rec->fd & WITH_PRESSURE)
		CHECK(ADD(under.in_pressure, by) <= MOST);
	if (rec->fd & WITH_MUTEX)
		CHECK(ADD(under.in_mutex, by) <= 1);
	if (rec->fd & ON_POOL)
		CHECK(ADD(under.in_pool, by) <= round_now.max_blocking);
}

static void *last_link(void *arg)
{
	struct record *rec = arg;

	task_light(rec, 1);
	count(rec, (uint32_t)-1);
	record_step(rec, REC_RUNNING, REC_ENDED);
	return rec;
}

static void *first_link(void *arg)
{
	struct record *rec = arg;

	record_step(rec, REC_NEW, REC_RUNNING);
	count(rec, 1);
	task_light(rec, 2);
	return rec->fd & CHAINED ? rec : last_link(rec);
}

void act_start_under(struct actor *a)
{
	static const oa_fn then[] = { last_link, NULL };
	struct oa_task_opts o = OA_TASK_OPTS_INIT;
	struct record *rec = record_new(a);
	oa_task_t t;

	if (!rec)
		return;
	rec->fd = (int)actor_random(a, ALL_KINDS);
	/* A task may be faster than the start of its runtime is told. */
	o.runtime = oa_runtime_self() ?: round_now.rt;
	o.on_drop = task_dropped;
	o.sem = rec->fd & WITH_SEM ? &under.sem : NULL;
	o.backpressure = rec->fd & WITH_PRESSURE ? &under.pressure : NULL;
	o.mutex = rec->fd & WITH_MUTEX ? &under.mutex : NULL;
	o.block = rec->fd & ON_POOL;
	o.then = rec->fd & CHAINED ? then : NULL;
	if (!actor_random(a, 4))
		o.delay = actor_random(a, 300) * OA_USEC;
	o.prio = actor_prio(a);
	t = oa_spawn_with(first_link, rec, &o);
	if (oa_task_error(t)) {
		record_refused(rec, oa_task_error(t));
		return;
	}
	record_started(a, rec, t);
	if (actor_random(a, 3))
		CHECK(!oa_detach(t));
	else
		task_join(a, t);
}

enum { NOBODY, THE_CALL, THE_CALLER };

struct call {
	struct record *rec;
	oa_task_t caller;
	uint32_t cancelled;
};

static void cancel_in(struct call *c)
{
	if (c->cancelled == NOBODY)
		return;
	CHECK(!oa_cancel(c->cancelled == THE_CALL ? oa_self() : c->caller));
	/* The caller hands it on from where it waits. */
	while (oa_cancelled() != 1)
		oa_yield();
	CHECK(oa_sleep(OA_FOREVER) == -ECANCELED);
}

static void *called(void *arg)
{
	struct call *c = arg;

	CHECK(ADD(under.in_pool, 1) <= round_now.max_blocking);
	cancel_in(c);
	task_light(c->rec, 1);
	ADD(under.in_pool, (uint32_t)-1);
	ADD(round_now.calls, 1);
	return c->rec;
}

void act_block(struct actor *a)
{
	struct call c = { .rec = a->rec, .caller = oa_self() };
	void *result;
	int err;

	if (round_now.cancels && !actor_random(a, 3))
		c.cancelled = THE_CALL + actor_random(a, 2);
	result = oa_block(called, &c);
	if (result == a->rec)
		return;
	/* A shutdown may come before the cancel that it brings. */
	err = oa_err_code(result);
	CHECK_RESULT(err, err == -ECANCELED || err == -ESHUTDOWN ||
		     err == -EAGAIN || (err == -ENOMEM && round_now.faults));
	ADD(round_now.calls_failed, 1);
}
