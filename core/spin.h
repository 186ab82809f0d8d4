/* SPDX-License-Identifier: MIT */
/*
 * A lock for a few instructions between threads. Never held over an allocation,
 * nor over a system call but the one of core/bias.c, once for a channel; over a
 * switch of stacks only by park_wait_locked().
 */
#ifndef OA_CORE_SPIN_H
#define OA_CORE_SPIN_H

#include "core/atomic.h"

struct spin {
	uint32_t held;
};

void spin_wait(struct spin *l);
/* Leaves the lines to others for so many pauses, each some nanoseconds. */
void spin_keep_off(uint32_t pauses);

/* A round of waiting for what takes a few instructions; @rounds begins at 0. */
void spin_pause(unsigned int *rounds);

static inline bool spin_trylock(struct spin *l)
{
	/* [spin] the acquire pairs with the release in spin_unlock() */
	return !atomic_load_rlx(&l->held) && !atomic_xchg_acq(&l->held, 1);
}

static inline void spin_lock(struct spin *l)
{
	/* [spin] pairs with spin_unlock() */
	if (unlikely(atomic_xchg_acq(&l->held, 1)))
		spin_wait(l);
}

static inline void spin_unlock(struct spin *l)
{
	/* [spin] what was done under the lock is seen by the next holder */
	atomic_store_rel(&l->held, 0);
}

#endif
