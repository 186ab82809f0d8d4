/* SPDX-License-Identifier: MIT */
/* How much of a slab is in use. */
#ifndef OA_SELFTESTS_SLAB_USED_H
#define OA_SELFTESTS_SLAB_USED_H

#include <sched.h>

#include "core/slab.h"

/* Objects that nobody has given back; those in magazines among them. */
static inline uint32_t slab_used(struct slab_cache *c)
{
	struct slab_batch *b;
	uint32_t used;

	while (!spin_trylock(&c->lock))
		sched_yield();
	used = c->fresh - (c->partial ? c->partial->n : 0);
	for (b = c->depot; b; b = b->next)
		used -= b->n;
	spin_unlock(&c->lock);
	return used;
}

#endif
