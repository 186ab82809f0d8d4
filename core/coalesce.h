/* SPDX-License-Identifier: MIT */
/* Waits for several completions at once. See core/coalesce.c. */
#ifndef OA_CORE_COALESCE_H
#define OA_CORE_COALESCE_H

#include "core/op.h"
#include "core/worker.h"

#define COALESCE_NS	(100 * OA_USEC)	/* unless the program says otherwise */

/* Owner: @op belongs to an urgent task by now. */
static inline void coalesce_hurry(struct worker *w, struct op *op)
{
	w->urgent_ops += !op->urgent;
	op->urgent = true;
}

/* Owner: @op begins, it may be anew, and has come back. */
static inline void coalesce_begun(struct worker *w, struct op *op)
{
	op->since = (uint32_t)w->st.completions;
	op->urgent = false;
	if (unlikely(READ_ONCE(op->task->prio) < 0))
		coalesce_hurry(w, op);
}

static inline void coalesce_ended(struct worker *w, const struct op *op)
{
	w->apart += (uint32_t)w->st.completions - op->since;
	if (unlikely(op->urgent))
		w->urgent_ops--;
}

/* Owner, with ->state PARKED_RING: waits in its ring. */
void coalesce_wait(struct worker *w, oa_time_t deadline);

#endif
