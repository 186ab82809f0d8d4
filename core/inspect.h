/* SPDX-License-Identifier: MIT */
/* Telling what tasks do, without stopping any. See core/inspect.c. */
#ifndef OA_CORE_INSPECT_H
#define OA_CORE_INSPECT_H

#include <oa/inspect.h>

#include "core/runtime.h"

/*
 * Memory that its owner may change or give back meanwhile, such as a stack.
 * False: it is gone, or the system forbids the look.
 */
bool inspect_peek(void *to, const void *at, size_t n);

/* Under RCU. False: not a task of @rt. */
bool inspect_task(struct runtime *rt, struct task *t, struct oa_task_info *i,
		  char *name);

/* Calls fn() for each task of @rt until it returns something else than 0. */
int inspect_walk(struct runtime *rt,
		 int (*fn)(struct task *t, const struct oa_task_info *info,
			   void *arg), void *arg);

#endif
