/* SPDX-License-Identifier: MIT */
/* One wait over several requests. See core/io_many.c. */
#ifndef OA_CORE_IO_MANY_H
#define OA_CORE_IO_MANY_H

#include "core/op.h"
#include "core/park.h"

/*
 * Keeps the running task on its worker, so that the requests that lost are
 * asked to end, and waited for, by the thread that they belong to. Undone by
 * the value it returns.
 */
static inline uint32_t many_hold(struct worker *w, struct task *t)
{
	uint32_t was = t->flags & TASK_PINNED;

	if (!was)
		t->pin = (uint16_t)w->index;
	task_set(t, TASK_PINNED);
	return was;
}

static inline void many_release(struct task *t, uint32_t was)
{
	WRITE_ONCE(t->flags, (t->flags & ~(uint32_t)TASK_PINNED) | was);
}

/*
 * Running task, held. Starts all of @ops, siblings from the first to the last,
 * that are OP_IDLE, and waits until one is done, or until @until.
 */
enum wait_state many_first(struct worker *w, struct task *t, struct op *ops,
			   unsigned long n, oa_time_t until);
/* Then: asks those that are still on their way to end, and waits for that. */
void many_rest(struct worker *w, struct task *t, struct op *ops,
	       unsigned long n);

#endif
