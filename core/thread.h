/* SPDX-License-Identifier: MIT */
/* Foreign threads in calls of ours. See core/thread.c. */
#ifndef OA_CORE_THREAD_H
#define OA_CORE_THREAD_H

#include "core/task.h"

/* Of a thread that oa_thread_attach() has registered. */
struct thread_cache {
	struct slab_mag tasks;		/* T */
	struct slab_mag exts;		/* T */
	struct runtime *rt;		/* I; which it calls */
};

/* The calling thread's, or NULL. Not for workers, which have their own. */
struct thread_cache *thread_cache(void);
/* What it calls when it does not say which; or NULL. */
struct runtime *thread_runtime(void);

/* The stand-in of this thread, made at its first use; NULL: no memory. */
struct task *thread_self(void);
/* A number that no other thread of this process has or had; not 0. */
uint64_t thread_number(void);
/* A thread of the blocking pool runs @t from now on, or NULL. */
void thread_lend(struct task *t);
bool thread_lent(void);
void thread_park(struct task *t);
void thread_unpark(struct task *t);

#endif
