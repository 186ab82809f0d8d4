/* SPDX-License-Identifier: MIT */
/*
 * What is ready at a worker and not of the default priority. See core/prioq.c.
 */
#ifndef OA_CORE_PRIOQ_H
#define OA_CORE_PRIOQ_H

#include <oa/task.h>

#include "core/spin.h"

struct task;
struct worker;

#define PRIOS		((unsigned int)(OA_PRIO_MAX - OA_PRIO_MIN + 1))
#define PRIO_IS_GOOD(prio) \
	((prio) >= OA_PRIO_MIN && (prio) <= OA_PRIO_MAX)
#define PRIO_AGE	8u	/* turns in which what waits gains a level */

struct prioq {
	struct spin lock;
	uint32_t n;			/* 1: L:lock; others guess by it */
	uint32_t free;			/* 1: L:lock; of these, not pinned */
	uint64_t busy;			/* L:lock; a bit for each list */
	struct task *first[PRIOS];	/* L:lock; by ->next */
	struct task *last[PRIOS];	/* L:lock */
};

/* Owner. @t has no other entry that could be taken meanwhile. */
void prioq_push(struct worker *w, struct task *t);

/*
 * Owner. What is to run before what has the default priority; with @any, what
 * is most urgent of all. NULL: nothing.
 */
struct task *prioq_take(struct worker *w, bool any);

/* Any worker of the runtime: the most urgent that is not pinned, or NULL. */
struct task *prioq_steal(struct prioq *q);

#endif
