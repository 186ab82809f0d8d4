/* SPDX-License-Identifier: MIT */
/* Foreign threads in calls of ours. See core/thread.c. */
#ifndef OA_CORE_THREAD_H
#define OA_CORE_THREAD_H

#include "core/task.h"

/* The stand-in of this thread, made at its first use; NULL: no memory. */
struct task *thread_self(void);
/* A thread of the blocking pool runs @t from now on, or NULL. */
void thread_lend(struct task *t);
void thread_park(struct task *t);
void thread_unpark(struct task *t);

#endif
