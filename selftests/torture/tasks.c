// SPDX-License-Identifier: MIT
/* What tasks do to one another: start, join, detach, cancel, wait. */
#include "torture.h"

#include <string.h>

uint32_t actor_random(struct actor *a, uint32_t below)
{
	a->rnd ^= a->rnd << 13;
	a->rnd ^= a->rnd >> 7;
	a->rnd ^= a->rnd << 17;
	return (uint32_t)((a->rnd >> 16) % below);
}

/* Most have none. */
int actor_prio(struct actor *a)
{
	return actor_random(a, 3) ? 0
				  : (int)actor_random(a, 40) + OA_PRIO_MIN;
}

struct record *record_new(struct actor *a)
{
	struct round *r = &round_now;
	uint32_t i;

	if (SEEN(r->stop) ||
	    SEEN(r->nr_records) - SEEN(r->over) >= r->max_live)
		return NULL;
	i = ADD(r->nr_records, 1) - 1;
	if (i < RECORDS) {
		r->records[i].doomed = r->cancels && !actor_random(a, 3);
		return &r->records[i];
	}
	__atomic_sub_fetch(&r->nr_records, 1, __ATOMIC_ACQ_REL);
	return NULL;
}

static void cancel(oa_task_t t)
{
	int err = oa_cancel(t);

	CHECK_RESULT(err, !err || err == -ESRCH);
}

void record_started(struct actor *a, struct record *rec, oa_task_t t)
{
	if (!rec->doomed)
		return;
	if (actor_random(a, 2))
		oa_yield();
	cancel(t);
	TELL(rec->asked, 1);
}

/* In the place of a handle: the task is to cancel itself. */
#define BY_ITSELF	UINT64_MAX

void record_went(struct actor *a, struct record *rec)
{
	uint64_t id;

	if (!rec->doomed)
		return;
	if (actor_random(a, 2))
		oa_yield();
	id = __atomic_exchange_n(&rec->self, BY_ITSELF, __ATOMIC_ACQ_REL);
	if (id)
		cancel((oa_task_t){ id });
	TELL(rec->asked, 1);
}

static void record_runs(struct record *rec)
{
	oa_task_t t = oa_self();

	if (__atomic_exchange_n(&rec->self, t.id, __ATOMIC_ACQ_REL) ==
	    BY_ITSELF)
		CHECK(!oa_cancel(t));
}

void record_step(struct record *rec, uint32_t from, uint32_t to)
{
	uint32_t was = from;

	__atomic_compare_exchange_n(&rec->state, &was, to, false,
				    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	CHECK_RESULT(was, was == from);
	if (to != REC_RUNNING)
		ADD(round_now.over, 1);
	else if (rec->doomed)
		record_runs(rec);
}

void record_refused(struct record *rec, int err)
{
	/* Of a scope or a token that has been cancelled. */
	CHECK_RESULT(err, err == -ESHUTDOWN || err == -EAGAIN ||
		     err == -ECANCELED ||
		     (err == -ENOMEM && round_now.faults));
	record_step(rec, REC_NEW, REC_REFUSED);
	ADD(round_now.refused, 1);
}

void task_dropped(void *arg)
{
	record_step(arg, REC_NEW, REC_DROPPED);
}

static oa_task_t start_with(struct actor *a, oa_fn fn, struct record *rec)
{
	struct oa_task_opts o = OA_TASK_OPTS_INIT;

	o.on_drop = task_dropped;
	if (!actor_random(a, 3))
		o.delay = actor_random(a, 1000) * OA_USEC;
	if (!actor_random(a, 3))
		o.name = "tortured";
	if (!actor_random(a, 4))
		o.worker = OA_WORKER((int)actor_random(a, round_now.workers));
	else if (!actor_random(a, 4))
		o.pinned = true;
	if (!actor_random(a, 16))
		o.stack_size = 64u << 10;
	o.prio = actor_prio(a);
	if (!actor_random(a, 4))
		o.hint = (enum oa_hint)actor_random(a, 3);
	o.runtime = oa_runtime_self();
	return oa_spawn_with(fn, rec, &o);
}

oa_task_t start_record(struct actor *a, oa_fn fn, struct record *rec)
{
	oa_task_t t;

	if (actor_random(a, 2))
		t = start_with(a, fn, rec);
	else
		t = oa_spawn(fn, rec);
	if (!oa_task_error(t)) {
		record_started(a, rec, t);
		return t;
	}
	record_refused(rec, oa_task_error(t));
	return (oa_task_t){ 0 };
}

oa_task_t start_task(struct actor *a, oa_fn fn, int fd)
{
	struct record *rec = record_new(a);

	if (!rec)
		return (oa_task_t){ 0 };
	rec->fd = fd;
	return start_record(a, fn, rec);
}

static bool is_task(oa_task_t t)
{
	return t.id != 0;
}

/* By its only owner, who gives it up with it. */
static void join_until(oa_task_t t, oa_time_t until)
{
	void *result = NULL;
	int err = oa_join_until(t, &result, until);

	if (!err) {
		struct record *rec = result;

		CHECK_RESULT(oa_err_code(result), oa_is_err(result) ||
			     (rec >= round_now.records &&
			      SEEN(rec->state) == REC_ENDED));
		return;
	}
	CHECK_RESULT(err, err == -ECANCELED || err == -ETIMEDOUT ||
		     (err == -EDEADLK && oa_task_eq(t, oa_self())) ||
		     (err == -ENOMEM && round_now.faults));
	err = oa_detach(t);
	CHECK_RESULT(err, !err);
}

void task_join(struct actor *a, oa_task_t t)
{
	oa_time_t until = OA_FOREVER;

	if (actor_random(a, 2))
		until = oa_after(actor_random(a, 300) * OA_USEC);
	join_until(t, until);
}

static uint64_t *any_handle(struct actor *a)
{
	return &round_now.handles[actor_random(a, HANDLES)];
}

static oa_task_t swap_handle(struct actor *a, oa_task_t t)
{
	t.id = __atomic_exchange_n(any_handle(a), t.id, __ATOMIC_ACQ_REL);
	return t;
}

void handle_cancel_any(struct actor *a)
{
	oa_task_t t = { SEEN(*any_handle(a)) };

	if (is_task(t))
		cancel(t);
}

static void act_yield(struct actor *a)
{
	uint32_t n = actor_random(a, 8);

	while (n--)
		oa_yield();
}

static void act_sleep(struct actor *a)
{
	oa_time_t until = oa_after(actor_random(a, 300) * OA_USEC);
	int err = oa_sleep_until(until);

	CHECK_RESULT(err, !err || err == -ECANCELED);
	CHECK(err || oa_now() >= until);
}

static void act_nested_deadlines(struct actor *a)
{
	struct oa_deadline outer, inner;
	oa_time_t late = oa_after(100 * OA_SEC);
	int err;

	CHECK(!oa_deadline_enter(&outer,
				 oa_after(actor_random(a, 200) * OA_USEC)));
	OA_WITHIN(&inner, actor_random(a, 400) * OA_USEC) {
		err = oa_sleep_until(late);
		CHECK_RESULT(err, err == -ETIMEDOUT || err == -ECANCELED);
		CHECK(err == -ECANCELED || oa_deadline_fired(&outer) ||
		      oa_deadline_fired(&inner));
	}
	CHECK(oa_deadline_leave(&outer) >= 0);
}

static void act_join(struct actor *a)
{
	oa_task_t t = start_task(a, task_body, -1);

	if (is_task(t))
		task_join(a, t);
}

static void act_detach(struct actor *a)
{
	oa_task_t t = start_task(a, task_body, -1);

	if (!is_task(t))
		return;
	if (actor_random(a, 2))
		act_yield(a);
	CHECK(!oa_detach(t));
}

static void act_go(struct actor *a)
{
	struct record *rec = record_new(a);
	int err;

	if (!rec)
		return;
	err = actor_random(a, 2) ? oa_go(task_body, rec)
				 : oa_go(task_body, rec,
					 .on_drop = task_dropped);
	if (err)
		record_refused(rec, err);
	else
		record_went(a, rec);
}

static void act_exchange(struct actor *a)
{
	oa_task_t t = start_task(a, task_body, -1);

	t = swap_handle(a, t);
	/* It may be about to join us, directly or not: not for ever. */
	if (is_task(t))
		join_until(t, oa_after(actor_random(a, 300) * OA_USEC));
}

static void act_post(struct actor *a)
{
	struct record *rec = record_new(a);
	int err;

	if (!rec)
		return;
	err = oa_post_with(oa_runtime_self(), task_posted, &rec, sizeof(rec),
			   .prio = actor_prio(a),
			   .front = !actor_random(a, 4));
	if (err)
		record_refused(rec, err);
	else
		record_went(a, rec);
}

static void *sleeps_for_ever(void *arg)
{
	int err;

	record_step(arg, REC_NEW, REC_RUNNING);
	err = oa_sleep(OA_FOREVER);
	CHECK_RESULT(err, err == -ECANCELED);
	record_step(arg, REC_RUNNING, REC_ENDED);
	return arg;
}

static void act_cancel_sleeper(struct actor *a)
{
	oa_task_t t = start_task(a, sleeps_for_ever, -1);

	if (!is_task(t))
		return;
	act_yield(a);
	/* A shutdown may have ended it. */
	cancel(t);
	task_join(a, t);
}

static const action_fn actions[] = {
	act_yield, act_sleep, act_nested_deadlines, act_join, act_join,
	act_detach, act_go, act_exchange, act_exchange, act_post,
	act_cancel_sleeper, handle_cancel_any, act_pass_token, act_pass_token,
	act_splice_token, act_poll, act_close_race, act_connect, act_accept,
	act_open,
	act_chan_send, act_chan_send, act_chan_recv, act_chan_recv, act_select,
	act_select, act_chan_close, act_lock, act_lock, act_sem, act_barrier,
	act_credit, act_start_under, act_block,
	act_shield, act_scope, act_scope, act_token, act_timeout,
	act_future, act_async, act_async, act_join_many, act_job, act_parallel,
	act_party, act_party, act_event, act_once, act_futex, act_tell,
	act_hear,
};

static const action_fn light[] = {
	act_yield, act_chan_send, act_chan_recv, act_select, act_chan_close,
	act_lock, act_sem, act_barrier, act_credit, act_shield, act_future,
	act_event, act_once, act_futex, act_tell, act_hear,
};

void task_light(struct record *rec, uint32_t n)
{
	struct actor a = {
		.rec = rec,
		.rnd = (round_now.seed ^ (uintptr_t)rec << 8) * 2 + 1,
	};

	while (n-- && !SEEN(round_now.stop))
		light[actor_random(&a, ARRAY_N(light))](&a);
}

static __attribute__((noinline)) void *leave(struct actor *a, int deep)
{
	char frame[200];
	void *rec = a->rec;

	memset(frame, deep, sizeof(frame));
	__asm__ volatile("" : : "r"(frame) : "memory");
	if (deep)
		return leave(a, deep - 1);
	if (actor_random(a, 2))
		oa_exit(rec);
	return rec;
}

/* Does things; whatever happens to its stack meanwhile shows in `mine`. */
void *task_body(void *arg)
{
	struct record *rec = arg;
	uint64_t number = (uint64_t)(rec - round_now.records);
	struct actor a = {
		.rec = rec, .rnd = (round_now.seed ^ number << 20) * 2 + 1,
	};
	volatile uint64_t mine[16];
	uint32_t n = 1 + actor_random(&a, 4);

	record_step(rec, REC_NEW, REC_RUNNING);
	for (uint32_t i = 0; i < ARRAY_N(mine); i++)
		mine[i] = number + i;
	while (n-- && !SEEN(round_now.stop)) {
		actions[actor_random(&a, ARRAY_N(actions))](&a);
		for (uint32_t i = 0; i < ARRAY_N(mine); i++)
			CHECK(mine[i] == number + i);
	}
	record_step(rec, REC_RUNNING, REC_ENDED);
	return leave(&a, (int)actor_random(&a, 5));
}

void *task_posted(void *arg)
{
	return task_body(*(struct record **)arg);
}
