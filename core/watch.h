/* SPDX-License-Identifier: MIT */
/* Watching over tasks: stalls, deadlocks, dumps by a signal. See core/watch.c. */
#ifndef OA_CORE_WATCH_H
#define OA_CORE_WATCH_H

#include "core/runtime.h"

#define WATCH_DEFAULT	(40 * OA_MSEC)

#ifdef OA_SIM
/* All threads are one there, or their instructions are counted. */
static inline int watch_check(const struct oa_config *c)
{
	(void)c;
	return 0;
}

static inline int watch_add(struct runtime *rt)
{
	(void)rt;
	return 0;
}

static inline bool watch_lacks(const struct runtime *rt)
{
	(void)rt;
	return false;
}

static inline void watch_del(struct runtime *rt)
{
	(void)rt;
}

static inline void watch_worker(struct worker *w)
{
	(void)w;
}

static inline void watch_unparked(struct runtime *rt)
{
	(void)rt;
}

static inline void watch_held(struct worker *w, struct task *t, unsigned int n)
{
	(void)w;
	(void)t;
	(void)n;
}

static inline void watch_fork_prepare(void)
{
}

static inline void watch_fork_parent(void)
{
}

static inline void watch_fork_child(void)
{
}
#else
/* What is wrong with the fields of @c that are about this, or 0. */
int watch_check(const struct oa_config *c);

/* Before the workers of @rt begin, and after they have ended. */
int watch_add(struct runtime *rt);
void watch_del(struct runtime *rt);
/* It is not watched, for want of a thread. */
bool watch_lacks(const struct runtime *rt);

/* On the thread of @w, before it runs anything. */
void watch_worker(struct worker *w);

void watch_wake(struct runtime *rt);

/* Owner, after its state has become RUNNING. */
static inline void watch_unparked(struct runtime *rt)
{
	/* [watch-idle] the state before the look; pairs with fall_asleep() */
	if (unlikely(atomic_load(&rt->watch_asleep)))
		watch_wake(rt);
}

/* The end of @t, which holds @n mutexes. @w NULL: on the blocking pool. */
void watch_held(struct worker *w, struct task *t, unsigned int n);

void watch_fork_prepare(void);
void watch_fork_parent(void);
void watch_fork_child(void);
#endif

#endif
