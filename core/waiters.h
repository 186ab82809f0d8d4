/* SPDX-License-Identifier: MIT */
/* Tasks that wait for the end of another runtime. See core/waiters.c. */
#ifndef OA_CORE_WAITERS_H
#define OA_CORE_WAITERS_H

#include "core/runtime.h"

/* The running task, of another runtime: until @rt has ended. 0 or -errno. */
int waiters_wait(struct runtime *rt, struct task *t, oa_time_t deadline);
/* The last worker of @rt, after ->finished was set. */
void waiters_wake(struct runtime *rt);

#endif
