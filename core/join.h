/* SPDX-License-Identifier: MIT */
/* Joins for a select, and for who may not give up. See core/join.c. */
#ifndef OA_CORE_JOIN_H
#define OA_CORE_JOIN_H

#include "core/task.h"

/* 0: it has ended and can be joined; -EAGAIN: not yet; or why it cannot. */
int join_peek(oa_task_t h);
/* Whoever calls. 0: joined; -EAGAIN: it has not ended yet; or an errno. */
int join_try(oa_task_t h, void **result);
/*
 * @self is told by the end of its wait @epoch. 0: so it will be, unless
 * join_delist() comes first; 1: it has ended, or cannot be joined.
 */
int join_enlist(oa_task_t h, struct task *self, uint64_t epoch);
void join_delist(oa_task_t h, struct task *self, uint64_t epoch);

/* Running task: neither cancel nor deadline ends it. */
int join_always(oa_task_t h, void **result);

#endif
