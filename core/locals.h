/* SPDX-License-Identifier: MIT */
/* Task-local values, and what is done when a body has returned. */
#ifndef OA_CORE_LOCALS_H
#define OA_CORE_LOCALS_H

#include "core/task.h"

/*
 * The running task, whose flags have some of TASK_AT_END: destructors, then
 * what it started under is given back. It may suspend.
 */
void task_at_end(struct task *t);

extern struct spin keys_lock;

/* Its memory, when there is nothing left in it. */
void locals_free(struct task *t);

#endif
