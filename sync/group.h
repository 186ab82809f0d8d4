/* SPDX-License-Identifier: MIT */
/* Tasks that can be cancelled together. See sync/group.c. */
#ifndef OA_SYNC_GROUP_H
#define OA_SYNC_GROUP_H

#include "sync/sync.h"

/* Laid out as struct oa_token. */
struct __attribute__((may_alias)) group {
	struct sync sync;
	struct task *members;		/* L:sync; a ring by ->ext->member[] */
};

/* In the word: no more starts; what is in it has been cancelled. */
#define GROUP_CANCELLED	SYNC_BIT
#define GROUP_ONE	SYNC_ONE	/* the value counts members */

static inline uint64_t group_count(uint64_t w)
{
	return w >> SYNC_SHIFT;
}

/* Under the lock, whose word is @w; the word afterwards. */
uint64_t group_add(struct group *g, uint64_t w, struct task *t,
		   unsigned int which);
uint64_t group_del(struct group *g, uint64_t w, struct task *t,
		   unsigned int which);

/*
 * Cancels all of it. @g stays while it has members that have not left, and the
 * caller is one of them or has it otherwise.
 */
void group_cancel(struct group *g, unsigned int which);

#endif
