/* SPDX-License-Identifier: MIT */
/*
 * An object that one worker has used alone for long is biased to it: this
 * worker then works on it without atomic instructions, until somebody else
 * comes. See core/bias.c.
 */
#ifndef OA_CORE_BIAS_H
#define OA_CORE_BIAS_H

#include "arch/arch.h"
#include "core/worker.h"

/*
 * Whoever comes first after a bias has been earned pays 1 to 15 us for a
 * membarrier(2), once in the life of the object: BIAS_USES * BIAS_LOOKS uses
 * have to be worth that. Every so many uses it is looked who has it, and it is
 * earned when that was the same worker so many times in a row.
 */
#if defined(OA_SIM) && OA_SIM == 1
#define BIAS_USES	2u
#define BIAS_LOOKS	2u
#else
#define BIAS_USES	256u
#define BIAS_LOOKS	15u
#endif

/* A word that tells whose it is: a worker's number, or one of these. */
#define BIAS_NOBODY	0u
#define BIAS_NEVER	UINT32_MAX	/* ... any more */

#define BIAS_NUMBERLESS	0x80000000u	/* what no word ever tells */

/*
 * The looks, in the other word, so that they are no worker's number: a bit that
 * no number has, the low bits of that seen last, and how often in a row.
 */
#define BIAS_LOOKED	0x80000000u
#define BIAS_LOOKS_SHIFT 4
#define BIAS_LOOKS_MASK	((1u << BIAS_LOOKS_SHIFT) - 1)

_Static_assert(BIAS_LOOKS <= BIAS_LOOKS_MASK, "counted in these bits");

static inline uint32_t bias_looks_of(uint32_t me)
{
	return BIAS_LOOKED | me << BIAS_LOOKS_SHIFT;
}

/*
 * Before a look at a word that lies in one line with what is swapped next: as
 * one to be read the line would have to come twice from who contends for it.
 */
static inline void bias_fetch(const void *line)
{
	arch_fetch_to_write(line);
}

/*
 * Is it ours, @me being the worker's ->bias? Then @inside is held until
 * bias_leave(). While it is nobody's, @inside counts the looks, see core/bias.c.
 */
static inline bool bias_enter(const uint32_t *who, uint32_t *inside,
			      uint32_t me)
{
	/* relaxed: what only this thread sets to @me */
	if (READ_ONCE(*who) != me)
		return false;
	WRITE_ONCE(*inside, me);
	barrier(); /* [bias] a full one by bias_end()'s membarrier */
	if (likely(READ_ONCE(*who) == me))
		return true;
	atomic_store_rel(inside, 0); /* [bias] nothing was done */
	return false;
}

static inline void bias_leave(uint32_t *inside)
{
	atomic_store_rel(inside, 0); /* [bias] what was done inside */
}

/*
 * By who has the object otherwise, once in BIAS_USES uses: is it biased to his
 * worker from now on? Then @who says so already.
 */
bool bias_earned(uint32_t *who, uint32_t *inside);

/*
 * By worker or thread @w, which has the object otherwise, where it waits or
 * leaves no count of its own: what others have earned so far is lost.
 */
static inline void bias_seen(const uint32_t *who, uint32_t *inside,
			     const struct worker *w)
{
	uint32_t looks;

	/* relaxed: both are changed by who has the object */
	if (READ_ONCE(*who) != BIAS_NOBODY)
		return;
	looks = READ_ONCE(*inside);
	if (looks &&
	    (!w || (looks & ~BIAS_LOOKS_MASK) != bias_looks_of(w->bias)))
		WRITE_ONCE(*inside, 0);
}

/*
 * Ends it for ever, by a thread that it does not belong to: afterwards the one
 * whose it was works on the object no differently from others. @one_store: what
 * is done inside is a single store, so that the child of a fork() may find it
 * before or after that, but in no third state.
 */
void bias_end(uint32_t *who, uint32_t *inside, bool one_store);

/* The child of fork(): of all who have a number none is left. */
void bias_forked(void);

/* By the worker whose it is, outside: it may earn it again. False: not his. */
bool bias_give_up(uint32_t *who);

/* A number that no other worker of this process ever had, if there are any. */
uint32_t bias_number(void);

#endif
