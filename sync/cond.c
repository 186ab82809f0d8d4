// SPDX-License-Identifier: MIT
/*
 * Condition variable: a queue. Who waits is in it before the mutex is given
 * up, so a signal by whoever has the mutex next finds him.
 */
#include "sync/mutex.h"

int oa_cond_wait_until(struct oa_cond *c, struct oa_mutex *m,
		       oa_time_t deadline)
{
	struct sync *s = (struct sync *)c;
	enum wait_state how;
	struct waiter n;
	struct task *t;
	int err = c && m ? sync_self(&t) : -EINVAL;
	uint64_t w;

	if (!err)
		err = mutex_check_held(m, t);
	if (!err)
		err = park_check(t);
	if (unlikely(err))
		return err;
	waiter_enter(&n, t, "cond", c, deadline);
	w = sync_lock(s);
	waiter_open(&n);
	sync_append(s, &n);
	WRITE_ONCE(s->waits, s->waits + 1);
	n.held = HELD_NOT;
	sync_unlock(s, w | SYNC_WAITERS);
	mutex_unlock_by(m, t);
	how = park_wait(t);
	if (likely(how == WAIT_WOKEN)) {
		waiter_let_go(&n);
	} else {
		sync_withdraw(s, &n);
		if (how == WAIT_TIMEDOUT)
			deadline_mark(t, deadline);
	}
	oa_mutex_lock(m);
	return park_errno(how);
}

int oa_cond_wait(struct oa_cond *c, struct oa_mutex *m)
{
	return oa_cond_wait_until(c, m, OA_FOREVER);
}

static int wake(struct oa_cond *c, bool all)
{
	struct sync *s = (struct sync *)c;
	struct waiter *n;
	struct wakes wk;
	uint64_t w;

	if (!c)
		return -EINVAL;
	if (!(sync_read(s) & SYNC_WAITERS))
		return 0;
	wakes_init(&wk);
	w = sync_lock(s);
	while ((n = sync_pop(s)))
		if (waiter_claim(n, &wk) && !all)
			break;
	sync_unlock(s, sync_mark(s, w));
	wakes_run(&wk);
	return 0;
}

int oa_cond_signal(struct oa_cond *c)
{
	return wake(c, false);
}

int oa_cond_broadcast(struct oa_cond *c)
{
	return wake(c, true);
}

int oa_cond_destroy(struct oa_cond *c)
{
	return sync_destroy((struct sync *)c);
}

int oa_cond_info(const struct oa_cond *c, struct oa_sync_info *info)
{
	struct oa_sync_info is = { .size = 0 };

	return c ? sync_info(c, info, &is) : -EINVAL;
}
