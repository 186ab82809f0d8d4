/* SPDX-License-Identifier: MIT */
/* Queues that other threads push to: injection and a worker's inbox. */
#ifndef OA_CORE_INJECT_H
#define OA_CORE_INJECT_H

#include "core/runq.h"

struct inject;
struct post_queue;
struct worker;

void inject_init(struct inject *q);
/* Any thread. */
void inject_push(struct inject *q, struct task *t);
/* Worker: up to @max, oldest first; the rest stays. */
uint32_t inject_take(struct inject *q, struct task **out, uint32_t max);

void post_queue_init(struct post_queue *q);
/* Any thread. @front: before those of the same priority. */
void post_queue_push(struct post_queue *q, struct task *t, int prio,
		     bool front);
/* Worker: up to @max, in the order in which they are to start. */
uint32_t post_queue_take(struct post_queue *q, struct task **out,
			 uint32_t max);

/*
 * Any thread. The inbox is for what only @w may do: tasks that it must run,
 * and tasks whose request it must cancel. True: it was empty, the caller owes
 * a kick.
 */
bool inbox_push(struct worker *w, struct task *t);
/* Owner. All, oldest first, linked by ->next. */
struct task *inbox_drain(struct worker *w);

#endif
