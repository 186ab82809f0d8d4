/* SPDX-License-Identifier: MIT */
/* Receives that are put off while much is ready. See core/hold.c. */
#ifndef OA_CORE_HOLD_H
#define OA_CORE_HOLD_H

#include "core/op.h"
#include "core/worker.h"

#if defined(OA_SIM) && OA_SIM == 1
#define HOLD_FROM	2u
#define HOLD_WINDOW	16u
#define HOLD_OTHERS	2u
#define HOLD_PAUSE	16u
#else
#define HOLD_FROM	32u	/* tasks that are ready */
#define HOLD_WINDOW	128u	/* turns after which it is looked what they were */
#define HOLD_OTHERS	64u	/* of which one may be no receiver's */
#define HOLD_PAUSE	1024u	/* turns; then it is tried again */
#endif

static inline uint64_t hold_ready(const struct worker *w)
{
	return ring_len(&w->ring) + spill_len(&w->spill) + w->local.n;
}

/* Owner. Is @op, of a task that is about to wait, to be put off? */
static inline bool hold_wants(struct worker *w, const struct op *op)
{
	if (op->pace != OP_PATIENT)
		return false;
	w->receives++;
	return unlikely(w->held || hold_ready(w) >= HOLD_FROM) &&
	       !w->hold_pause && READ_ONCE(op->task->prio) >= 0;
}

/* Owner. It is not handed on now. */
void hold_add(struct worker *w, struct op *op);
/* Owner. @op, which is held, is handed on out of turn. */
void hold_end(struct worker *w, struct op *op);
/* Owner. A turn was long, by the clock. */
void hold_long(struct worker *w);
/* Owner, shut down at once: none is held any more. */
void hold_drop(struct worker *w);

void hold_look_now(struct worker *w);

/* Owner, at each look outside: those whose turn has come are handed on. */
static inline void hold_look(struct worker *w)
{
	if (unlikely(w->held || w->turn - w->hold_seen >= HOLD_WINDOW))
		hold_look_now(w);
}

#endif
