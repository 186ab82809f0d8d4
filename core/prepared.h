/* SPDX-License-Identifier: MIT */
/* oa_post_prepared(): posts with the caller's storage. See core/prepared.c. */
#ifndef OA_CORE_PREPARED_H
#define OA_CORE_PREPARED_H

#include "core/runtime.h"

/* Owner, that is about to sleep. Is there anything for prepared_take()? */
static inline bool prepared_any(const struct worker *w)
{
	/* relaxed: ordered by who looks again before it sleeps */
	return unlikely(READ_ONCE(w->rt->prepared)) && !w->shy;
}

/* Owner. A task for each node; what finds none waits for a while. */
void prepared_take(struct worker *w);

/* The body of those tasks, whose argument is the node ... */
void *prepared_run(void *node);
/* ... and what is done instead when it is dropped. */
void prepared_dropped(struct oa_post_node *node);

/*
 * The end of a runtime: lets none in any more, and waits for those who are
 * about to kick its workers; what is left is dropped. Later, when nobody finds
 * it: waits for those who look at it.
 */
void prepared_close(struct runtime *rt);
void prepared_wait(void);

/* The child of fork(): nobody is posting here. */
void prepared_forked(void);

#endif
