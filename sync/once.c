// SPDX-License-Identifier: MIT
/* Once: the first to come runs it, the others wait until it has been run. */
#include "sync/sync.h"

enum { ONCE_NEW, ONCE_RUNS, ONCE_DONE };

static inline unsigned int state_of(uint64_t w)
{
	return (unsigned int)(w >> SYNC_SHIFT);
}

static inline uint64_t to_state(uint64_t w, unsigned int state)
{
	return (w & SYNC_BITS) | (uint64_t)state << SYNC_SHIFT;
}

static void done(struct oa_once *o)
{
	struct sync *s = (struct sync *)o;
	uint64_t w = sync_lock(s);
	struct waiter *n;
	struct wakes wk;

	wakes_init(&wk);
	WRITE_ONCE(o->oa__owner, NULL);
	while ((n = sync_pop(s)))
		waiter_claim(n, &wk);
	sync_unlock(s, sync_mark(s, to_state(w, ONCE_DONE)));
	wakes_run(&wk);
}

static __noinline int run_slow(struct oa_once *o, void (*fn)(void *), void *arg)
{
	struct sync *s = (struct sync *)o;
	struct waiter n;
	struct task *t;
	int err = sync_begin(&t);
	uint64_t w;

	if (err)
		return err;
	w = sync_lock(s);
	switch (state_of(w)) {
	case ONCE_NEW:
		WRITE_ONCE(o->oa__owner, (void *)t);
		sync_unlock(s, to_state(w, ONCE_RUNS));
		fn(arg);
		done(o);
		return 0;
	case ONCE_RUNS:
		break;
	default:
		sync_unlock(s, w);
		return 0;
	}
	if (o->oa__owner == t) {
		sync_unlock(s, w);
		return -EDEADLK;
	}
	waiter_enter(&n, t, "once", o, OA_FOREVER);
	n.flags |= WAIT_OWNED;
	waiter_open(&n);
	sync_append(s, &n);
	err = sync_sleep(s, w, &n, OA_FOREVER);
	if (unlikely(err))
		sync_withdraw(s, &n);
	return err;
}

int oa_once_run(struct oa_once *o, void (*fn)(void *arg), void *arg)
{
	if (unlikely(!o || !fn))
		return -EINVAL;
	if (likely(state_of(sync_read((struct sync *)o)) == ONCE_DONE))
		return 0;
	return run_slow(o, fn, arg);
}

int oa_once_info(const struct oa_once *o, struct oa_sync_info *info)
{
	struct oa_sync_info is = { .limit = 1 };

	if (!o)
		return -EINVAL;
	is.value = state_of(sync_glance(o)) == ONCE_DONE;
	is.uses = is.value;
	return sync_info(o, info, &is);
}
