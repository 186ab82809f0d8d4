/* SPDX-License-Identifier: MIT */
/*
 * Scopes and tokens that a task belongs to, and scopes that it has opened. Core
 * knows when to ask; sync/ implements this. See sync/group.c, sync/scope.c.
 */
#ifndef OA_CORE_MEMBERS_H
#define OA_CORE_MEMBERS_H

#include "core/task.h"

extern struct slab_cache scope_cache;

static inline bool members_wanted(const struct oa_task_opts *o)
{
	return (uintptr_t)o->scope | (uintptr_t)o->token;
}

/* May a task be started in them? 0, or why not. */
int members_check(const struct oa_task_opts *o);

/*
 * @t, with its ->ext, is not alive yet: from then on it may be dropped at any
 * time, and leave them. Returns its scope's group.
 */
struct group *members_join(struct task *t, const struct oa_task_opts *o);
/*
 * It is alive: have they been cancelled, and may the canceller have come before
 * that? Then it is to be cancelled, once it is in a queue.
 */
bool members_late(const struct group *scope, const struct oa_task_opts *o);

/* It has ended with @result, or was dropped: they may go from here on. */
void members_leave(struct task *t, void *result);

/* Running task, at its end: cancels and waits for what it has left open. */
void scopes_end(struct task *t);

/*
 * @t, which was shut down at once, has some open: they are its runtime's then,
 * and given back when those who are in them have been seen to as well.
 */
void scopes_bury(struct task *t);
void scopes_forget(struct runtime *rt);

#endif
