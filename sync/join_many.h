/* SPDX-License-Identifier: MIT */
/* Ends of many tasks as cases of a select. See sync/join_many.c. */
#ifndef OA_SYNC_JOIN_MANY_H
#define OA_SYNC_JOIN_MANY_H

#include <errno.h>
#include <stdbool.h>

#include <oa/select.h>

#include "core/join.h"

/* False: it has not ended yet. Else it was joined, or cannot be: *res. */
static inline bool join_take(oa_task_t h, void **result, int *res)
{
	*res = oa_task_error(h);
	if (*res)
		return true;
	*res = join_try(h, result);
	return *res != -EAGAIN;
}

/* @from: where to begin, any number. */
bool join_any_take(struct oa_join_set *set, uint32_t from, int *res);
/* As join_enlist(), join_delist(). */
int join_any_enlist(struct oa_join_set *set, struct task *self, uint64_t epoch);
void join_any_delist(struct oa_join_set *set, struct task *self,
		     uint64_t epoch);

bool join_all_take(struct oa_join_set *set, int *res);
int join_all_enlist(struct oa_join_set *set, struct task *self, uint64_t epoch);
void join_all_delist(struct oa_join_set *set, struct task *self,
		     uint64_t epoch);

/* A select of this case alone, which dumps tell of as @what. */
int select_one(struct oa_case *c, const char *what, oa_time_t deadline);

#endif
