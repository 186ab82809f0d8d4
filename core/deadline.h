/* SPDX-License-Identifier: MIT */
/* What a wait has to keep of the deadlines around it. */
#ifndef OA_CORE_DEADLINE_H
#define OA_CORE_DEADLINE_H

#include <oa/deadline.h>

#include "core/task.h"

/* -ETIMEDOUT, the level marked, when the innermost has passed. */
int deadline_check(struct task *t);

/*
 * Around a turn of a coroutine: what is entered in it is laid aside in @inner
 * when it gives way, and stands inside of whatever its next resumer has then.
 */
void deadline_coro_enter(void **inner, void **base);
void deadline_coro_leave(void **inner, void **base);

/* The earlier of @deadline and what stands around the caller. */
static inline oa_time_t deadline_min(const struct task *t, oa_time_t deadline)
{
	if (unlikely(t->within != NULL) && t->within->effective < deadline)
		return t->within->effective;
	return deadline;
}

/* A wait until deadline_min(t, @own) timed out: was it a level's, and whose? */
void deadline_mark(struct task *t, oa_time_t own);

#endif
