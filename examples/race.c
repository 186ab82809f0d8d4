/* SPDX-License-Identifier: MIT */
/* Attempts that are begun one after the other, until one succeeds. */
#include "race.h"

#include <errno.h>
#include <stdbool.h>

#include <oa.h>

/* A task to be joined for each attempt that has not ended. */
struct field {
	struct race *race;
	struct oa_scope scope;
	oa_task_t tasks[RACE_MAX];
	size_t attempts[RACE_MAX];
	size_t n;
};

struct start {
	struct race *race;
	size_t i;
};

static void *attempt_task(void *start)
{
	struct start *s = start;

	return oa_err(s->race->attempt(s->race, s->i));
}

static void begin(struct field *f)
{
	struct start s = { f->race, f->race->started++ };

	f->attempts[f->n] = s.i;
	/* One that does not start is an attempt that fails: the join tells. */
	f->tasks[f->n++] = oa_spawn(attempt_task, &s, .copy = sizeof(s),
				    .scope = &f->scope, .name = "attempt");
}

static bool may_begin(const struct field *f)
{
	const struct race *r = f->race;

	return r->started < r->n && (!r->abreast || f->n < r->abreast);
}

static void take_out(struct field *f, size_t which)
{
	f->n--;
	f->tasks[which] = f->tasks[f->n];
	f->attempts[which] = f->attempts[f->n];
}

/*
 * The first to end, which is out of the field then, and how it ended. -EAGAIN
 * when it is the next one's turn, which is not the caller's time running out.
 */
static int first_to_end(struct field *f, oa_time_t next, size_t *which,
			int *outcome)
{
	struct oa_deadline turn;
	void *result = NULL;
	size_t i = 0;
	int err;

	oa_deadline_enter(&turn, next);
	err = oa_join_any(f->tasks, f->n, &i, &result);
	oa_deadline_leave(&turn);
	if (err == -ETIMEDOUT && oa_deadline_fired(&turn))
		return -EAGAIN;
	if (err == -ETIMEDOUT || err == -ECANCELED)
		return err;
	*which = f->attempts[i];
	*outcome = err ? err : oa_err_code(result);
	take_out(f, i);
	return 0;
}

static int race_in(struct field *f)
{
	int outcome = -ENOENT;

	while (f->n || may_begin(f)) {
		oa_time_t next = OA_FOREVER;
		size_t which;
		int err;

		/* Its turn has come, or one has failed and left its place. */
		if (may_begin(f))
			begin(f);
		if (may_begin(f))
			next = oa_after(f->race->stagger);
		err = first_to_end(f, next, &which, &outcome);
		if (err == -EAGAIN) {
			f->race->overdue++;
			continue;
		}
		if (err)
			return err;
		if (!outcome)
			return (int)which;
	}
	return outcome;
}

int race_run(struct race *race)
{
	struct field f = { .race = race };
	int winner = -ENOMEM;

	race->started = 0;
	race->overdue = 0;
	OA_SCOPE(f.scope, .keep_going = true) {
		winner = race_in(&f);
		oa_scope_cancel(&f.scope);
	}
	for (size_t i = 0; i < f.n; i++)
		oa_detach(f.tasks[i]);
	return winner;
}
