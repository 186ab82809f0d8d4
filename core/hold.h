/* SPDX-License-Identifier: MIT */
/* Receives that are put off while much is ready. See core/hold.c. */
#ifndef OA_CORE_HOLD_H
#define OA_CORE_HOLD_H

#include "core/op.h"
#include "core/worker.h"

/* So many tasks are ready: enough for any other worker to take some, too. */
#if defined(OA_SIM) && OA_SIM == 1
#define HOLD_FROM	2u
#else
#define HOLD_FROM	32u
#endif

static inline uint64_t hold_ready(const struct worker *w)
{
	return ring_len(&w->ring) + spill_len(&w->spill) + w->local.n;
}

/* Owner. Is @op, of a task that is about to wait, to be put off? */
static inline bool hold_wants(const struct worker *w, const struct op *op)
{
	return op->pace == OP_PATIENT &&
	       unlikely(w->held || hold_ready(w) >= HOLD_FROM) &&
	       READ_ONCE(op->task->prio) <= 0;
}

/* Owner. It is not handed on now. */
void hold_add(struct worker *w, struct op *op);
/* Owner, at each look outside: those whose turn has come are handed on. */
void hold_release(struct worker *w);
/* Owner. @op, which is held, is handed on out of turn. */
void hold_end(struct worker *w, struct op *op);

#endif
