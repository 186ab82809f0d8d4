/* SPDX-License-Identifier: MIT */
/* Going idle, waking the idle. Protocol in core/idle.c. */
#ifndef OA_CORE_IDLE_H
#define OA_CORE_IDLE_H

#include "core/runtime.h"

/* Any thread. Wakes @w if it is parked: only it can do what was published. */
void idle_kick(struct worker *w);
/* Any thread. Somebody may take what was published: wake one if it helps. */
void idle_need_help(struct runtime *rt);
/*
 * Any thread, signal handlers too. Any worker will do for what was published,
 * and no searcher is relied on: wakes one, unless somebody is about to look.
 */
void idle_kick_any(struct runtime *rt);
/* In a child: nobody watches. */
void idle_forked(void);
/* Any thread: every worker looks up. */
void idle_kick_all(struct runtime *rt);

/*
 * Any thread: only the first @n workers take part in what anybody may do; the
 * others are on standby.
 */
void idle_set_active(struct runtime *rt, uint32_t n);

/* Any. */
static inline bool idle_on_standby(const struct worker *w)
{
	return !w->alone && w->index >= READ_ONCE(w->rt->active);
}

/* Owner: it has something to run. Gives up the token, wakes the next. */
void idle_found(struct worker *w);

/*
 * Owner, in the loop, with nothing to run: search, watch, park. Returns when
 * it is worth looking at the queues again.
 */
void idle_wait(struct worker *w);

/*
 * Owner, of a worker that is driven from outside, between two calls: it counts
 * as parked in its ring. True: there is more to be done.
 */
bool idle_go_outside(struct worker *w);
void idle_come_back(struct worker *w);

#endif
