// SPDX-License-Identifier: MIT
/*
 * Scopes, tokens, shields and time limits. Whatever ends a task, and whenever:
 * inside a shield nothing is cancelled, and what is waited for has ended.
 */
#include "torture.h"

#define KIDS	6u
#define DEEP	3

static struct oa_sem never;		/* nobody posts it */

/* A wait that is over soon, whatever becomes of its task. */
static int wait_a_little(struct actor *a)
{
	oa_time_t until = oa_after(actor_random(a, 150) * OA_USEC);
	struct oa_deadline d;
	int err = 0;

	switch (actor_random(a, 4)) {
	case 0:
		err = oa_yield();
		break;
	case 1:
		err = oa_sleep_until(until);
		break;
	case 2:
		err = oa_sem_wait_until(&never, until);
		CHECK(err);
		break;
	default:
		CHECK(!oa_deadline_enter(&d, until));
		err = oa_sem_wait(&never);
		CHECK(err == -ECANCELED || err == -ETIMEDOUT);
		CHECK(!oa_deadline_leave(&d));
	}
	CHECK_RESULT(err, !err || err == -ECANCELED || err == -ETIMEDOUT);
	return err;
}

void act_shield(struct actor *a)
{
	uint32_t deep = 1 + actor_random(a, 3), n = actor_random(a, 4);
	int asked = oa_cancelled();

	for (uint32_t i = 0; i < deep; i++)
		CHECK(!oa_shield_enter());
	while (n--) {
		CHECK(wait_a_little(a) != -ECANCELED);
		if (!actor_random(a, 16))
			CHECK(!oa_cancel(oa_self()));
		CHECK(oa_cancelled() >= asked);
	}
	for (uint32_t i = 0; i < deep; i++) {
		CHECK(oa_yield() != -ECANCELED);
		CHECK(!oa_shield_leave());
	}
	/* What came meanwhile is not forgotten. */
	if (oa_cancelled())
		CHECK(oa_yield() == -ECANCELED);
	else
		CHECK(!asked);
}

static void *kid(void *arg)
{
	struct record *rec = arg;
	struct actor a = {
		.rec = rec,
		.rnd = (round_now.seed ^ (uintptr_t)rec << 7) * 2 + 1,
	};
	uint32_t n = actor_random(&a, 5);

	record_step(rec, REC_NEW, REC_RUNNING);
	while (n--) {
		if (!actor_random(&a, 4))
			act_shield(&a);
		else if (rec->fd < DEEP && !actor_random(&a, 8))
			act_scope(&a);
		else if (wait_a_little(&a) && actor_random(&a, 2))
			break;
	}
	record_step(rec, REC_RUNNING, REC_ENDED);
	return actor_random(&a, 8) ? rec : oa_err(-EIO);
}

static void *kid_for_ever(void *arg)
{
	int err;

	record_step(arg, REC_NEW, REC_RUNNING);
	err = oa_sleep(OA_FOREVER);
	CHECK_RESULT(err, err == -ECANCELED || err == -ETIMEDOUT);
	record_step(arg, REC_RUNNING, REC_ENDED);
	return oa_err(err);
}

/* What somebody has started and is about to see the end of. */
struct brood {
	struct record *rec[KIDS];
	oa_task_t t[KIDS];
	uint32_t n;
};

static void expect_ended(const struct brood *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		uint32_t state = SEEN(b->rec[i]->state);

		CHECK_RESULT(state, state == REC_ENDED || state == REC_DROPPED);
	}
}

static struct record *begin_kid(struct actor *a, struct oa_task_opts *o)
{
	struct record *rec = record_new(a);

	if (!rec)
		return NULL;
	rec->fd = a->rec ? a->rec->fd + 1 : 0;
	if (rec->fd < 0 || rec->fd > DEEP)
		rec->fd = DEEP;
	o->on_drop = task_dropped;
	if (!actor_random(a, 4))
		o->delay = actor_random(a, 200) * OA_USEC;
	o->prio = actor_prio(a);
	o->hint = (enum oa_hint)actor_random(a, 3);
	return rec;
}

static void start_in(struct actor *a, struct brood *b, struct oa_scope *s)
{
	struct oa_task_opts o = OA_TASK_OPTS_INIT;
	struct record *rec = begin_kid(a, &o);
	int err;

	if (!rec)
		return;
	o.scope = s;
	if (!actor_random(a, 4))
		o.timeout = (1 + actor_random(a, 200)) * OA_USEC;
	err = oa_go_with(kid, rec, &o);
	if (err) {
		record_refused(rec, err);
		return;
	}
	b->rec[b->n++] = rec;
	record_went(a, rec);
}

static void in_scope(struct actor *a, struct brood *b)
{
	uint32_t n = 1 + actor_random(a, KIDS - 1);
	bool keeps = actor_random(a, 2);
	struct oa_scope s;

	OA_SCOPE(s, .keep_going = keeps) {
		while (n--) {
			start_in(a, b, &s);
			if (!actor_random(a, 4))
				wait_a_little(a);
		}
		if (!actor_random(a, 6))
			CHECK(!oa_scope_cancel(&s));
		if (!actor_random(a, 6))
			return;
	}
	/* Of those that run for ever none would have come to an end. */
	CHECK_RESULT(oa_scope_error(&s), oa_scope_error(&s) <= 0);
}

void act_scope(struct actor *a)
{
	struct brood b = { .n = 0 };
	struct oa_deadline d;

	if (actor_random(a, 2)) {
		in_scope(a, &b);
	} else {
		CHECK(!oa_deadline_enter(&d, oa_after(actor_random(a, 300) *
						      OA_USEC)));
		in_scope(a, &b);
		CHECK(!oa_deadline_leave(&d));
	}
	expect_ended(&b);
}

static void spawn_one(struct actor *a, struct brood *b, oa_fn fn,
		      struct oa_token *token, oa_time_t timeout)
{
	struct oa_task_opts o = OA_TASK_OPTS_INIT;
	struct record *rec = begin_kid(a, &o);
	oa_task_t t;

	if (!rec)
		return;
	o.token = token;
	o.timeout = timeout;
	t = oa_spawn_with(fn, rec, &o);
	if (oa_task_error(t)) {
		record_refused(rec, oa_task_error(t));
		return;
	}
	b->rec[b->n] = rec;
	b->t[b->n++] = t;
	record_started(a, rec, t);
}

/* Cancelled or not. */
static void join_brood(const struct brood *b)
{
	CHECK(!oa_shield_enter());
	for (uint32_t i = 0; i < b->n; i++)
		CHECK(!oa_join(b->t[i], NULL));
	CHECK(!oa_shield_leave());
	expect_ended(b);
}

void act_token(struct actor *a)
{
	struct oa_token token = OA_TOKEN_INIT;
	struct brood b = { .n = 0 };
	uint32_t n = 1 + actor_random(a, KIDS - 1);

	while (n--) {
		spawn_one(a, &b, actor_random(a, 2) ? kid : kid_for_ever,
			  &token, 0);
		/* By one of those it has let live so far, or not yet. */
		if (!actor_random(a, 8))
			CHECK(!oa_token_cancel(&token));
	}
	if (actor_random(a, 2))
		wait_a_little(a);
	CHECK(!oa_token_cancel(&token));
	join_brood(&b);
	CHECK(!oa_token_destroy(&token));
}

void act_timeout(struct actor *a)
{
	struct brood b = { .n = 0 };
	uint32_t n = 1 + actor_random(a, 3);

	while (n--)
		spawn_one(a, &b, actor_random(a, 3) ? kid_for_ever : kid, NULL,
			  (1 + actor_random(a, 300)) * OA_USEC);
	join_brood(&b);
}

void lives_close(void)
{
	CHECK(!oa_sem_destroy(&never));
	CHECK(!oa_sem_value(&never));
}
