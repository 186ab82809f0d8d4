// SPDX-License-Identifier: MIT
/*
 * Cyclic barrier. The word counts who has arrived in this round. Who gives up
 * takes his arrival back, unless the round was complete before he had the
 * lock: then he has passed, and his cancel or deadline is met by his next wait.
 */
#include "sync/barrier.h"

bool barrier_usable(const struct oa_barrier *b)
{
	return b && sync_glance(b) & SYNC_INIT && b->oa__goal;
}

int oa_barrier_init(struct oa_barrier *b, uint32_t goal)
{
	if (!b || !goal)
		return -EINVAL;
	*b = (struct oa_barrier)OA_BARRIER_INIT(goal);
	return 0;
}

/* Under the lock, which is given up. */
static void complete(struct oa_barrier *b)
{
	struct sync *s = (struct sync *)b;
	struct waiter *n;
	struct wakes wk;

	wakes_init(&wk);
	WRITE_ONCE(b->oa__rounds, b->oa__rounds + 1);
	while ((n = sync_pop(s))) {
		n->fired = true;
		waiter_claim(n, &wk);
	}
	sync_unlock(s, SYNC_INIT);
	wakes_run(&wk);
}

/* The lock is held and given up if that completes the round: true. */
static bool arrive(struct oa_barrier *b, struct waiter *n, uint64_t *w)
{
	if ((*w >> SYNC_SHIFT) + 1 == b->oa__goal) {
		complete(b);
		return true;
	}
	*w += SYNC_ONE;
	waiter_open(n);
	sync_append((struct sync *)b, n);
	return false;
}

int barrier_enlist(struct oa_barrier *b, struct waiter *n)
{
	struct sync *s = (struct sync *)b;
	uint64_t w;

	if (!barrier_usable(b))
		return -EINVAL;
	w = sync_lock(s);
	if (arrive(b, n, &w))
		return 1;
	WRITE_ONCE(s->waits, s->waits + 1);
	sync_unlock(s, w | SYNC_WAITERS);
	return 0;
}

bool barrier_give_up(struct oa_barrier *b, struct waiter *n)
{
	struct sync *s = (struct sync *)b;
	uint64_t w = sync_lock(s);
	bool passed = n->fired;

	if (n->queued) {
		sync_remove(s, n);
		w -= SYNC_ONE;
	}
	sync_unlock(s, sync_mark(s, w));
	return passed;
}

int oa_barrier_wait_until(struct oa_barrier *b, oa_time_t deadline)
{
	struct sync *s = (struct sync *)b;
	struct waiter n;
	struct task *t;
	int err = barrier_usable(b) ? sync_begin(&t) : -EINVAL;
	uint64_t w;

	if (err)
		return err;
	waiter_enter(&n, t, "barrier", b, deadline);
	w = sync_lock(s);
	if (arrive(b, &n, &w))
		return 1;
	/* A deadline is marked when it is sure that it ended this. */
	err = sync_sleep(s, w, &n, INT64_MIN);
	if (unlikely(err) && barrier_give_up(b, &n))
		return 0;
	if (unlikely(err == -ETIMEDOUT))
		deadline_mark(t, deadline);
	return err;
}

int oa_barrier_wait(struct oa_barrier *b)
{
	return oa_barrier_wait_until(b, OA_FOREVER);
}

int oa_barrier_destroy(struct oa_barrier *b)
{
	return barrier_usable(b) ? sync_destroy((struct sync *)b) : -EINVAL;
}

int oa_barrier_info(const struct oa_barrier *b, struct oa_sync_info *info)
{
	struct oa_sync_info is = { .size = 0 };

	if (!barrier_usable(b))
		return -EINVAL;
	is.value = sync_glance(b) >> SYNC_SHIFT;
	is.limit = b->oa__goal;
	is.uses = READ_ONCE(b->oa__rounds);
	return sync_info(b, info, &is);
}
