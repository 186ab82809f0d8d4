// SPDX-License-Identifier: MIT
/*
 * Joins of the first of many and of all, beside joins of one, on the same
 * tasks, against ends, cancels and time. Each task is joined by exactly one.
 */
#include <string.h>

#include "selftests/sim/crowd.h"

#define TARGETS	5

static struct target {
	oa_task_t task;
	uint32_t ran, dropped, joined;
} targets[TARGETS];
static uint32_t nr_targets;

static void drop(void *arg)
{
	((struct target *)arg)->dropped++;
}

static void *target(void *arg)
{
	struct target *t = arg;

	t->ran++;
	for (uint32_t n = sim_below(4); n; n--) {
		switch (sim_below(3)) {
		case 0:
			oa_yield();
			break;
		case 1:
			oa_sleep(sim_below(4000));
			break;
		default:
			sim_spin(sim_below(100));
			break;
		}
	}
	return t;
}

static void spawn_targets(void)
{
	memset(targets, 0, sizeof(targets));
	for (uint32_t i = 0; i < nr_targets; i++) {
		struct target *t = &targets[i];
		bool block = sim_one_in(8);

		t->task = oa_spawn(target, t, .on_drop = drop, .block = block,
				   .pinned = !block && sim_one_in(5),
				   .delay = sim_one_in(5) ? sim_below(4000) : 0);
		CHECK_EQ(oa_task_error(t->task), 0);
	}
}

static void joined(struct target *t, void *result)
{
	t->joined++;
	CHECK_EQ(t->joined, 1);
	CHECK_EQ(t->ran + t->dropped, 1);
	if (t->ran)
		CHECK(result == t);
	else
		CHECK_EQ(oa_err_code(result), -ECANCELED);
}

/* Some that have not been joined yet, as far as one can see. */
struct some {
	struct target *t[TARGETS];
	oa_task_t task[TARGETS];
	void *result[TARGETS];
	uint32_t n;
};

static bool choose(struct some *s)
{
	uint32_t first = sim_below(nr_targets);
	bool twice = sim_one_in(4);

	s->n = 0;
	for (uint32_t k = 0; k < nr_targets; k++) {
		struct target *t = &targets[(first + k / (1u + twice)) %
					    nr_targets];

		if (t->joined || sim_one_in(5))
			continue;
		s->t[s->n] = t;
		s->task[s->n] = t->task;
		s->result[s->n++] = NULL;
	}
	return s->n;
}

/* Another was faster, or is about to be. */
static bool others(int err)
{
	return err == -ESRCH || err == -EINVAL;
}

static bool own(int err)
{
	return err == -EAGAIN || err == -ETIMEDOUT || err == -ECANCELED;
}

static void first_of(struct actor *a)
{
	enum form f = actor_form(a);
	struct some s;
	size_t which = TARGETS;
	void *result = NULL;
	int err;

	if (!choose(&s) || f == FORM_TRY)
		return;
	err = ACTOR_WAIT_AS(a, f, oa_join_any(s.task, s.n, &which, &result), 0,
			    oa_join_any_until(s.task, s.n, &which, &result,
					      deadline));
	CHECK(!err || others(err) || own(err));
	if (!err) {
		CHECK(which < s.n);
		joined(s.t[which], result);
		return;
	}
	CHECK(!result);
	CHECK(own(err) ? which == s.n : which < s.n);
}

static void took(struct some *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->result[i])
			joined(s->t[i], s->result[i]);
}

static void all_of(struct actor *a)
{
	enum form f = actor_form(a);
	struct some s;
	int err;

	if (!choose(&s) || f == FORM_TRY)
		return;
	err = ACTOR_WAIT_AS(a, f, oa_join_all(s.task, s.n, s.result), 0,
			    oa_join_all_until(s.task, s.n, s.result, deadline));
	CHECK(!err || others(err) || own(err));
	for (uint32_t i = 0; !err && i < s.n; i++)
		CHECK(s.result[i]);
	took(&s);
}

static void select_of(struct actor *a)
{
	struct some any, all;
	struct oa_join_set sets[2];
	struct oa_case c[3] = {
		OA_CASE_JOIN_ANY(&sets[0]), OA_CASE_JOIN_ALL(&sets[1]),
		OA_CASE_AT(oa_after(sim_below(8000))),
	};
	int i;

	if (!choose(&any) || !choose(&all))
		return;
	sets[0] = (struct oa_join_set)OA_JOIN_SET_INIT(any.task, any.n, NULL);
	sets[1] = (struct oa_join_set)OA_JOIN_SET_INIT(all.task, all.n,
						       all.result);
	c[sim_below(3)].kind = OA_CASE_KIND_NONE;
	i = ACTOR_WAIT(a, oa_select(c, 3), oa_tryselect(c, 3),
		       oa_select_until(c, 3, deadline));
	CHECK(i >= 0 || own(i));
	if (i == 0 || i == 1)
		CHECK(!c[i].res || others(c[i].res));
	if (i == 0 && !c[0].res)
		joined(any.t[sets[0].which], sets[0].result);
	for (uint32_t k = 0; k < all.n; k++)
		CHECK(!all.result[k] || i == 1);
	took(&all);
}

static void one_of(struct actor *a)
{
	struct some s;
	void *result = NULL;
	int err;

	if (!choose(&s))
		return;
	err = oa_join_until(s.task[0], &result, oa_after(sim_below(3000)));
	CHECK(!err || others(err) || own(err));
	if (!err)
		joined(s.t[0], result);
	(void)a;
}

static void joins_many(struct actor *a)
{
	for (uint32_t n = 1 + sim_below(6); n; n--) {
		switch (sim_below(10)) {
		case 0:
			oa_cancel(targets[sim_below(nr_targets)].task);
			break;
		case 1:
			one_of(a);
			break;
		case 2:
		case 3:
		case 4:
			first_of(a);
			break;
		case 5:
		case 6:
			all_of(a);
			break;
		default:
			select_of(a);
			break;
		}
		if (sim_one_in(4))
			actor_pause(a);
	}
}

/* Nobody has the right to any of them any more. */
static void join_the_rest(void)
{
	struct some s;
	int err;

	s.n = 0;
	for (uint32_t i = 0; i < nr_targets; i++) {
		if (targets[i].joined)
			continue;
		s.t[s.n] = &targets[i];
		s.task[s.n] = targets[i].task;
		s.result[s.n++] = NULL;
	}
	err = oa_join_all(s.task, s.n, s.result);
	CHECK_EQ(err, 0);
	took(&s);
	for (uint32_t i = 0; i < nr_targets; i++) {
		CHECK_EQ(targets[i].joined, 1);
		CHECK_EQ(oa_join(targets[i].task, NULL), -ESRCH);
	}
}

SCENARIO(each_is_joined_by_one, 4000)
{
	nr_targets = 1 + sim_below(TARGETS);
	CROWD_RUN(.n = 1 + sim_below(5), .fn = joins_many,
		  .cancels = sim_one_in(3), .begin = spawn_targets,
		  .end = join_the_rest);
}

/* Alone with its tasks: nothing but their ends ends the waits. */

static struct oa_runtime *rt;

static void *ends(void *arg)
{
	sim_spin(sim_below(60));
	if (sim_one_in(3))
		oa_yield();
	return arg;
}

static void spawn_mine(oa_task_t *t, size_t n, char *mark)
{
	for (size_t i = 0; i < n; i++) {
		t[i] = oa_spawn(ends, &mark[i], .runtime = rt,
				.delay = sim_one_in(4) ? sim_below(2000) : 0);
		CHECK_EQ(oa_task_error(t[i]), 0);
	}
}

static void one_by_one(struct actor *a)
{
	char mark[TARGETS];
	void *want[TARGETS];
	oa_task_t t[TARGETS];

	spawn_mine(t, TARGETS, mark);
	for (size_t i = 0; i < TARGETS; i++)
		want[i] = &mark[i];
	for (size_t left = TARGETS; left;) {
		size_t which = 99;
		void *result = NULL;
		int err;

		err = sim_one_in(3) ?
			oa_join_any_until(t, left, &which, &result,
					  oa_after(sim_below(1000))) :
			oa_join_any(t, left, &which, &result);
		if (err) {
			CHECK_EQ(err, -ETIMEDOUT);
			continue;
		}
		CHECK(which < left && result == want[which]);
		left--;
		t[which] = t[left];
		want[which] = want[left];
		if (sim_one_in(3))
			actor_pause(a);
	}
}

static void all_together(struct actor *a)
{
	char mark[TARGETS];
	void *result[TARGETS] = { NULL };
	oa_task_t t[TARGETS];
	struct oa_join_set set = OA_JOIN_SET_INIT(t, TARGETS, result);
	struct oa_case c[2] = { OA_CASE_JOIN_ALL(&set), OA_CASE_NONE };

	spawn_mine(t, TARGETS, mark);
	while (sim_one_in(2)) {
		if (oa_select_until(c, 2, oa_after(sim_below(1000))) == 0)
			goto joined;
		for (size_t i = 0; i < TARGETS; i++)
			CHECK(!result[i]);
	}
	actor_pause(a);
	if (sim_one_in(2))
		CHECK_EQ(oa_join_all(t, TARGETS, result), 0);
	else
		CHECK_EQ(oa_select(c, 2), 0);
joined:
	for (size_t i = 0; i < TARGETS; i++) {
		CHECK(result[i] == &mark[i]);
		CHECK_EQ(oa_join(t[i], NULL), -ESRCH);
	}
}

static void waits_for_its_own(struct actor *a)
{
	for (uint32_t n = 1 + sim_below(3); n; n--) {
		if (sim_one_in(2))
			one_by_one(a);
		else
			all_together(a);
	}
}

static void note_runtime(void)
{
	rt = oa_runtime_self();
}

SCENARIO(every_end_is_told, 3000)
{
	CROWD_RUN(.n = 1 + sim_below(4), .fn = waits_for_its_own,
		  .begin = note_runtime);
}

HARNESS_MAIN
