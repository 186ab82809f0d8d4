// SPDX-License-Identifier: MIT
/*
 * Joining many tasks. For the first of several to end, the right to join is
 * claimed of each, all with the same wait, and given back when that is over;
 * then whichever has ended is joined. It is one case of a select.
 *
 * For all of several, as a case: nothing may be taken before the last has
 * ended. The wait is for one of them at a time, the first in order that has
 * not ended, since the end of any other would wake for nothing; so only that
 * one is claimed. When none is left they are joined together. By itself,
 * oa_join_all() joins one after the other.
 */
#include "sync/join_many.h"

#include "sync/sync.h"

/* ---- the first of several */

bool join_any_take(struct oa_join_set *set, uint32_t from, int *res)
{
	size_t i = from % set->n;

	for (size_t k = 0; k < set->n; k++) {
		if (join_take(set->tasks[i], &set->result, res)) {
			set->which = i;
			return true;
		}
		i = i + 1 == set->n ? 0 : i + 1;
	}
	return false;
}

static void give_back(struct oa_join_set *set, size_t n, struct task *self,
		      uint64_t epoch)
{
	for (size_t i = 0; i < n; i++)
		join_delist(set->tasks[i], self, epoch);
}

int join_any_enlist(struct oa_join_set *set, struct task *self, uint64_t epoch)
{
	for (size_t i = 0; i < set->n; i++) {
		if (!join_enlist(set->tasks[i], self, epoch))
			continue;
		give_back(set, i, self, epoch);
		return 1;
	}
	return 0;
}

void join_any_delist(struct oa_join_set *set, struct task *self,
		     uint64_t epoch)
{
	give_back(set, set->n, self, epoch);
}

int oa_join_any_until(const oa_task_t *ts, size_t n, size_t *which,
		      void **result, oa_time_t deadline)
{
	struct oa_join_set set = OA_JOIN_SET_INIT(ts, n, NULL);
	struct oa_case c = OA_CASE_JOIN_ANY(&set);
	int ret = select_one(&c, "join of any", deadline);

	if (which)
		*which = ret ? n : set.which;
	if (ret)
		return ret;
	if (!c.res && result)
		*result = set.result;
	return c.res;
}

int oa_join_any(const oa_task_t *ts, size_t n, size_t *which, void **result)
{
	return oa_join_any_until(ts, n, which, result, OA_FOREVER);
}

/* ---- all of several */

/* The first that has not ended, or n. */
static size_t not_ended(const struct oa_join_set *set, size_t i)
{
	while (i < set->n && join_peek(set->tasks[i]) != -EAGAIN)
		i++;
	return i;
}

bool join_all_take(struct oa_join_set *set, int *res)
{
	int err;

	set->oa__at = not_ended(set, set->oa__at);
	if (set->oa__at < set->n)
		return false;
	*res = 0;
	for (size_t i = 0; i < set->n; i++) {
		/* Somebody else was about to join it, and gave up. */
		if (!join_take(set->tasks[i], set->results ? &set->results[i]
							   : NULL, &err))
			err = -EINVAL;
		if (!*res)
			*res = err;
	}
	return true;
}

int join_all_enlist(struct oa_join_set *set, struct task *self, uint64_t epoch)
{
	for (; set->oa__at < set->n; set->oa__at++)
		if (!join_enlist(set->tasks[set->oa__at], self, epoch))
			return 0;
	return 1;
}

void join_all_delist(struct oa_join_set *set, struct task *self,
		     uint64_t epoch)
{
	join_delist(set->tasks[set->oa__at], self, epoch);
}

int oa_join_all_until(const oa_task_t *ts, size_t n, void **results,
		      oa_time_t deadline)
{
	struct task *t;
	int err, first = 0;

	if (n && !ts)
		return -EINVAL;
	err = sync_begin(&t);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		err = oa_task_error(ts[i]);
		if (!err) {
			err = oa_join_until(ts[i], results ? &results[i] : NULL,
					    deadline);
			/* These are the caller's, not the handle's. */
			if (err == -ETIMEDOUT || err == -ECANCELED)
				return err;
		}
		if (!first)
			first = err;
	}
	return first;
}

int oa_join_all(const oa_task_t *ts, size_t n, void **results)
{
	return oa_join_all_until(ts, n, results, OA_FOREVER);
}
