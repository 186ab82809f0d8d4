// SPDX-License-Identifier: MIT
/* Making ready what waited in the queue of an object. */
#include "core/waiter.h"

#include <oa/select.h>

#include "core/runtime.h"
#include "core/sched.h"
#include "core/thread.h"

_Static_assert(sizeof(struct waiter) <= sizeof(struct oa_waiter),
	       "a waiter fits into the public one");
_Static_assert(offsetof(struct waiter, data) == offsetof(struct oa_waiter, data),
	       "and begins like it");

/* One of many: behind what is ready, so that they run in their order. */
static void ready_in_order(struct task *t)
{
	struct worker *w = worker_self();

	if (w && w->rt == t->rt && !w->rt->debug_migrate)
		sched_ready_back(w, t);
	else
		sched_ready(t);
}

/* Beyond those that there is room for: one system call under a lock. */
void wakes_add_thread(struct wakes *wk, struct task *t)
{
	uint32_t n = wk->threads & ~WAKES_READING;

	if (n == WAKES_THREADS) {
		thread_unpark(t);
		return;
	}
	wk->thread[n] = t;
	wk->threads++;
}

void wakes_run_all(struct wakes *wk)
{
	struct task *t = wk->first, *next;

	for (uint32_t i = 0; i < (wk->threads & ~WAKES_READING); i++)
		thread_unpark(wk->thread[i]);
	if (wk->n == 1) {
		sched_ready(t);
	} else {
		for (uint32_t n = wk->n; n; n--, t = next) {
			next = t->next;
			ready_in_order(t);
		}
	}
	if (wk->threads & WAKES_READING)
		rcu_read_unlock();
}
