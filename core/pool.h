/* SPDX-License-Identifier: MIT */
/* The blocking pool: threads for tasks that may block. See core/pool.c. */
#ifndef OA_CORE_POOL_H
#define OA_CORE_POOL_H

#include "core/task.h"

struct pool;
struct sync;

/* With the runtime. NULL: no memory. */
struct pool *pool_new(struct runtime *rt);
/* After all tasks have ended: its threads end, and are waited for. */
bool pool_end(struct pool *p, oa_time_t until);
/* How many tasks are on its threads, a glance. */
uint32_t pool_running(struct pool *p);
void pool_free(struct pool *p);
/* Any thread: does one of its threads run a task? */
bool pool_busy(struct pool *p);

/* A semaphore of as many places as tasks may be on it at once. */
struct sync *pool_places(struct pool *p);

/*
 * Worker. @t, which has a place, runs on a thread of the pool. -EAGAIN: there
 * is none, and none could be made.
 */
int pool_run(struct runtime *rt, struct task *t);

/* The pool's thread: ends the task that it runs, from any depth. */
void pool_exit(struct task *t, void *result) __attribute__((noreturn));

#endif
