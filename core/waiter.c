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
	uint32_t n = wk->threads & ~WAKES_FLAGS;

	if (n == WAKES_THREADS) {
		thread_unpark(t);
		return;
	}
	wk->thread[n] = t;
	wk->threads++;
}

void wakes_add_held(struct wakes *wk, struct waiter *n)
{
	n->next = wk->threads & WAKES_HOLDING ? wk->held : NULL;
	wk->held = n;
	wk->threads |= WAKES_HOLDING;
}

static void let_go(struct waiter *n)
{
	struct waiter *next;

	for (; n; n = next) {
		next = n->next;
		/* [held] the unlock before it; then it may be gone */
		atomic_store_rel(&n->held, (uint8_t)HELD_NOT);
	}
}

void wakes_run_all(struct wakes *wk)
{
	struct task *t = wk->first, *next;

	if (wk->threads & WAKES_HOLDING)
		let_go(wk->held);
	for (uint32_t i = 0; i < (wk->threads & ~WAKES_FLAGS); i++)
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
