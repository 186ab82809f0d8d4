// SPDX-License-Identifier: MIT
/*
 * Tasks that wait for the end of another runtime. They hang on it by a node in
 * their frame; the last of its workers takes the nodes one by one and keeps
 * what it needs of each, since a waiter that gives up meanwhile takes its node
 * along.
 */
#include "core/waiters.h"

#include <errno.h>

#include "core/deadline.h"
#include "core/park.h"
#include "core/waiter.h"

struct rt_waiter {
	struct rt_waiter *next;		/* L:rt->waiters_lock */
	struct task *task;		/* I */
	uint64_t epoch;			/* T */
	struct waiter seen;		/* T; for dumps alone */
};

/* False: there is something to be looked at. */
static bool enlist(struct runtime *rt, struct rt_waiter *n, uint32_t seen,
		   oa_time_t until)
{
	bool in;

	spin_lock(&rt->waiters_lock);
	in = atomic_load(&rt->finished) == seen; /* [gone] */
	if (in) {
		n->epoch = park_begin(n->task, WAIT_MAY_CANCEL | WAIT_SYNC,
				      until);
		n->seen.epoch = n->epoch;
		n->next = rt->waiters;
		rt->waiters = n;
	}
	spin_unlock(&rt->waiters_lock);
	return in;
}

static void leave(struct runtime *rt, struct rt_waiter *n)
{
	struct rt_waiter **p = &rt->waiters;

	spin_lock(&rt->waiters_lock);
	while (*p && *p != n)
		p = &(*p)->next;
	if (*p)
		*p = n->next;
	spin_unlock(&rt->waiters_lock);
}

int waiters_wait(struct runtime *rt, struct task *t, uint32_t seen,
		 oa_time_t deadline)
{
	struct rt_waiter n = {
		.task = t, .seen = { .task = t, .what = "runtime", .on = rt },
	};
	enum wait_state how;
	int err = park_check(t);

	if (err)
		return err;
	WRITE_ONCE(t->wait_on, &n.seen);
	if (!enlist(rt, &n, seen, deadline_min(t, deadline)))
		return 0;
	how = park_wait(t);
	if (how == WAIT_WOKEN)
		return 0;
	leave(rt, &n);
	if (how == WAIT_TIMEDOUT)
		deadline_mark(t, deadline);
	return park_errno(how);
}

void waiters_wake(struct runtime *rt)
{
	struct rt_waiter *n, copy;

	for (;;) {
		spin_lock(&rt->waiters_lock);
		n = rt->waiters;
		if (n) {
			copy = *n;
			rt->waiters = n->next;
		}
		spin_unlock(&rt->waiters_lock);
		if (!n)
			return;
		park_wake(copy.task, copy.epoch, WAIT_WOKEN);
	}
}
