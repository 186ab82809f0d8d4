/* SPDX-License-Identifier: MIT */
/* Tasks that wait for the end of another runtime. See core/waiters.c. */
#ifndef OA_CORE_WAITERS_H
#define OA_CORE_WAITERS_H

#include "core/runtime.h"

/*
 * The running task, of another runtime: while ->finished of @rt is @seen. 0 or
 * -errno.
 */
int waiters_wait(struct runtime *rt, struct task *t, uint32_t seen,
		 oa_time_t deadline);
/* Any thread, after ->finished of @rt was changed. */
void waiters_wake(struct runtime *rt);

#endif
