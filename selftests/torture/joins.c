// SPDX-License-Identifier: MIT
/*
 * Several tasks joined at once, and jobs: each result is that of the one that
 * it is said to be of, and each part of a computation is done once.
 */
#include "torture.h"

#define MANY	6u
#define RANGE	400u

struct crew {
	oa_task_t t[MANY];
	struct record *rec[MANY];
	uint32_t n;
};

static void crew_start(struct actor *a, struct crew *c)
{
	for (uint32_t n = 1 + actor_random(a, MANY); n; n--) {
		struct record *rec = record_new(a);
		oa_task_t t;

		if (!rec)
			return;
		t = start_record(a, task_body, rec);
		if (!t.id)
			continue;
		c->t[c->n] = t;
		c->rec[c->n++] = rec;
	}
}

static void crew_remove(struct crew *c, uint32_t i)
{
	c->n--;
	c->t[i] = c->t[c->n];
	c->rec[i] = c->rec[c->n];
}

static void check_result(const struct record *rec, void *result)
{
	CHECK_RESULT(oa_err_code(result), oa_is_err(result) ||
		     (result == rec && SEEN(rec->state) == REC_ENDED));
}

static void check_error(int err)
{
	CHECK_RESULT(err, err == -ECANCELED || err == -ETIMEDOUT ||
		     (err == -ENOMEM && round_now.faults));
}

static void join_each(struct crew *c, oa_time_t until)
{
	while (c->n) {
		size_t i = MANY;
		void *result = NULL;
		int err = oa_join_any_until(c->t, c->n, &i, &result, until);

		if (err) {
			check_error(err);
			CHECK(i == c->n);
			return;
		}
		CHECK(i < c->n);
		check_result(c->rec[i], result);
		crew_remove(c, (uint32_t)i);
	}
}

static void join_them_all(struct crew *c, oa_time_t until)
{
	void *results[MANY] = { NULL };
	int err = oa_join_all_until(c->t, c->n, results, until);

	if (err)
		check_error(err);
	/* In their order: whoever has no result has not been joined. */
	for (uint32_t i = c->n; i--;) {
		CHECK(err || results[i]);
		if (!results[i])
			continue;
		check_result(c->rec[i], results[i]);
		CHECK(!i || results[i - 1]);
		crew_remove(c, i);
	}
}

void act_join_many(struct actor *a)
{
	struct crew c = { .n = 0 };
	oa_time_t until = OA_FOREVER;

	crew_start(a, &c);
	if (actor_random(a, 2))
		until = oa_after(actor_random(a, 500) * OA_USEC);
	if (actor_random(a, 2))
		join_each(&c, until);
	else
		join_them_all(&c, until);
	while (c.n)
		CHECK(!oa_detach(c.t[--c.n]));
}

/* Jobs. */

struct sum {
	uint32_t from, to;
	uint64_t seed;
};

static uint64_t of_range(uint32_t from, uint32_t to)
{
	return (uint64_t)(to - from) * (from + to - 1) / 2;
}

/* Adds up a range of numbers, in two halves, in turn in two halves. */
static void *add_up(void *arg)
{
	struct sum *s = arg, lower, upper;
	struct actor a = { .rnd = s->seed | 1 };
	uint32_t half = s->from + (s->to - s->from) / 2;
	struct oa_job job;
	uint64_t sum;

	if (!actor_random(&a, 8))
		oa_yield();
	if (s->to - s->from < 4)
		return (void *)(uintptr_t)of_range(s->from, s->to);
	lower = (struct sum){ s->from, half, s->seed * 5 + 1 };
	upper = (struct sum){ half, s->to, s->seed * 7 + 1 };
	ADD(round_now.jobs, 1);
	CHECK(!oa_job_fork(&job, add_up, &lower));
	sum = (uint64_t)(uintptr_t)add_up(&upper);
	return (void *)(uintptr_t)(sum + (uintptr_t)oa_job_join(&job));
}

void act_job(struct actor *a)
{
	struct sum s = { 1, 2 + actor_random(a, 64), a->rnd };
	oa_task_t me = oa_self();

	/* A job is a task only if somebody takes it: half of all rounds count. */
	if (!round_now.has_jobs)
		return;
	CHECK((uint64_t)(uintptr_t)add_up(&s) == of_range(s.from, s.to));
	CHECK(oa_task_eq(me, oa_self()));
}

struct range {
	uint32_t done[RANGE];
	uint64_t seed;
};

static void do_piece(size_t begin, size_t end, void *arg)
{
	struct range *r = arg;
	struct actor a = { .rnd = (r->seed ^ begin << 9) | 1 };

	CHECK(begin < end && end <= RANGE);
	if (!actor_random(&a, 8))
		oa_yield();
	while (begin < end)
		ADD(r->done[begin++], 1);
}

void act_parallel(struct actor *a)
{
	struct range r = { .seed = a->rnd };
	uint32_t begin = actor_random(a, RANGE), grain = actor_random(a, 30);
	struct oa_deadline d;
	int err = 0;

	if (!round_now.has_jobs)
		return;
	/* There are no more parts than pieces. */
	ADD(round_now.jobs, RANGE);
	OA_WITHIN(&d, actor_random(a, 500) * OA_USEC)
		err = oa_parallel_for(begin, RANGE, grain, do_piece, &r);
	CHECK_RESULT(err, !err || err == -ETIMEDOUT ||
		     (err == -ECANCELED && oa_cancelled() == 1));
	for (uint32_t i = 0; i < RANGE; i++)
		CHECK(i < begin ? !r.done[i] :
		      err ? r.done[i] <= 1 : r.done[i] == 1);
}
