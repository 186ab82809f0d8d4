/* SPDX-License-Identifier: MIT */
/*
 * The commonest end of all: of a plain task whose joiner waits, suspended, for
 * nothing else. Anything unusual is left to task_end(). Included by
 * core/sched.c alone.
 */
#ifndef OA_CORE_END_H
#define OA_CORE_END_H

#include "core/park.h"
#include "core/runtime.h"

#define LIFE_JOINED \
	(LIFE_ALIVE | LIFE_HANDLE | LIFE_JCLAIM | LIFE_JSET)

/*
 * The joiner, who is to go on here; NULL: nothing was done that task_end() does
 * not do again. See wake_joiner() in core/join.c, of which this is a part. The
 * end is counted after the claim: the joiner, alive, runs on this worker alone.
 */
static inline struct task *task_end_plain(struct worker *w, struct task *t,
					  void *result)
{
	uint64_t life = atomic_load_acq(&t->life); /* [life] */
	struct task *joiner;
	uint64_t epoch, word;

	if ((life & (MAX_TASKS - 1) & ~(uint64_t)LIFE_INQ) != LIFE_JOINED ||
	    t->flags != TASK_STARTED || t->locks || READ_ONCE(t->prio) ||
	    w->rt->cfg.max_tasks || w->rt->debug_migrate)
		return NULL;
	joiner = atomic_load_acq(&t->joiner); /* [joiner] */
	epoch = atomic_load_acq(&t->joiner_epoch); /* [joiner] */
	if (READ_ONCE(joiner->flags) & (TASK_THREAD | TASK_PINNED))
		return NULL;
	/* relaxed: not before the two above */
	if (READ_ONCE(t->life) != life)
		return NULL;
	t->arg = result;
	word = READ_ONCE(joiner->wait); /* relaxed: swapped below */
	if ((word & ~(uint64_t)0xff) != epoch ||
	    wait_state_of(word) != WAIT_PARKED)
		return NULL;
	/* [park] publishes the result; see park_end() */
	if (!atomic_cas(&joiner->wait, &word, word + WAIT_WOKEN - WAIT_PARKED))
		return NULL;
	/* [over] after all that it started; pairs with quiescent() */
	atomic_store_rel(&w->ended, w->ended + 1);
	STAT_INC(w, ended);
	return joiner;
}

#endif
