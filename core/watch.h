/* SPDX-License-Identifier: MIT */
/* Watching over tasks. */
#ifndef OA_CORE_WATCH_H
#define OA_CORE_WATCH_H

#include "core/task.h"

/* @t ends, and holds @n mutexes. @w NULL: on a thread of the pool. */
static inline void watch_held(struct worker *w, struct task *t, unsigned int n)
{
	(void)w;
	(void)t;
	(void)n;
}

#endif
