// SPDX-License-Identifier: MIT
/*
 * The slower side of gates. Whoever opens one lets in those who wait, in their
 * order, as long as it is open: a permit is handed over, not thrown among
 * them, so nobody can starve. While it is open nobody waits.
 */
#include "sync/gate.h"

int gate_enlist(const struct gate *g, struct sync *s, struct waiter *n,
		bool pass)
{
	uint64_t w = sync_lock(s);

	if (g->open(s, w)) {
		sync_unlock(s, pass ? g->pass(s, w) : w);
		return 1;
	}
	waiter_open(n);
	sync_append(s, n);
	WRITE_ONCE(s->waits, s->waits + 1);
	sync_unlock(s, w | SYNC_WAITERS);
	return 0;
}

int gate_wait_slow(const struct gate *g, struct sync *s, struct task *t,
		   oa_time_t deadline)
{
	struct waiter n;
	uint64_t w;
	int err;

	waiter_enter(&n, t, g->what, s, deadline);
	w = sync_lock(s);
	if (g->open(s, w)) {
		sync_unlock(s, g->pass(s, w));
		return 0;
	}
	waiter_open(&n);
	sync_append(s, &n);
	err = sync_sleep(s, w, &n, deadline);
	if (unlikely(err))
		sync_withdraw(s, &n);
	return err;
}

int gate_change_slow(const struct gate *g, struct sync *s, gate_step step,
		     int64_t arg)
{
	struct wakes wk;
	struct waiter *n;
	uint64_t w = sync_lock(s), to = w;
	int err = step(s, &to, arg);

	if (err < 0) {
		sync_unlock(s, w);
		return err;
	}
	wakes_init(&wk);
	while (g->open(s, to) && (n = sync_pop(s)))
		if (waiter_claim(n, &wk))
			to = g->pass(s, to);
	sync_unlock(s, sync_mark(s, to));
	wakes_run(&wk);
	return err;
}
