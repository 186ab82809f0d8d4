// SPDX-License-Identifier: MIT
/*
 * Readers and writers. The word counts readers; a bit says that a writer has
 * it, who is in ->oa__owner. One queue for both, in order: who comes while
 * somebody waits waits as well, so that readers that keep coming do not keep
 * a writer out; when a writer leaves, all readers at the head go in together,
 * so that writers that keep coming do not keep readers out.
 */
#include "sync/sync.h"

#define HAS_WRITER	SYNC_BIT

enum { READER, WRITER };

static struct task *writer_of(const struct oa_rwlock *l)
{
	return READ_ONCE(*(struct task *const *)&l->oa__owner);
}

static void set_writer(struct oa_rwlock *l, struct task *t)
{
	WRITE_ONCE(l->oa__owner, (void *)t);
}

static inline bool may_enter(uint64_t w, uint32_t kind)
{
	if (kind == READER)
		return !(w & HAS_WRITER);
	return !(w & HAS_WRITER) && !(w >> SYNC_SHIFT);
}

static inline uint64_t entered(uint64_t w, uint32_t kind)
{
	return kind == READER ? w + SYNC_ONE : w | HAS_WRITER;
}

/* Under the lock: those who may go in, from the head of the queue. */
static uint64_t let_in(struct oa_rwlock *l, uint64_t w, struct wakes *wk)
{
	struct sync *s = (struct sync *)l;
	struct waiter *n;
	uint32_t kind;

	while ((n = s->queue) && may_enter(w, n->kind)) {
		sync_remove(s, n);
		kind = n->kind;
		if (kind == WRITER)
			set_writer(l, n->task);
		if (waiter_claim(n, wk))
			w = entered(w, kind);
		else if (kind == WRITER)
			set_writer(l, NULL);
	}
	return w;
}

static int try_enter(struct oa_rwlock *l, struct task *t, uint32_t kind)
{
	struct sync *s = (struct sync *)l;
	uint64_t w = sync_read(s);

	while (may_enter(w, kind) && !(w & SYNC_WAITERS)) {
		/* [sync] pairs with who left it */
		if (atomic_cas(&s->word, &w, entered(w, kind))) {
			if (kind == WRITER)
				set_writer(l, t);
			return 0;
		}
		if (w & SYNC_LOCK)
			w = sync_read(s);
	}
	return w & HAS_WRITER && writer_of(l) == t ? -EDEADLK : -EAGAIN;
}

/* Gave up: those behind him may go in now. */
static void give_up(struct oa_rwlock *l, struct waiter *n)
{
	struct sync *s = (struct sync *)l;
	struct wakes wk;
	uint64_t w = sync_lock(s);

	wakes_init(&wk);
	if (n->queued) {
		sync_remove(s, n);
		w = let_in(l, w, &wk);
	}
	sync_unlock(s, sync_mark(s, w));
	wakes_run(&wk);
}

static int enter_slow(struct oa_rwlock *l, struct waiter *n, oa_time_t own)
{
	struct sync *s = (struct sync *)l;
	uint64_t w = sync_lock(s);
	int err;

	if (may_enter(w, n->kind) && !s->queue) {
		if (n->kind == WRITER)
			set_writer(l, n->task);
		sync_unlock(s, entered(w, n->kind));
		return 0;
	}
	waiter_open(n);
	sync_append(s, n);
	err = sync_sleep(s, w, n, own);
	if (unlikely(err))
		give_up(l, n);
	return err;
}

static int enter(struct oa_rwlock *l, uint32_t kind)
{
	struct waiter n;
	struct task *t;
	int err = l ? sync_self(&t) : -EINVAL;

	if (unlikely(err))
		return err;
	err = try_enter(l, t, kind);
	if (likely(err != -EAGAIN))
		return err;
	waiter_init(&n, t, "rwlock", l, WAIT_OWNED, OA_FOREVER);
	n.kind = kind;
	return enter_slow(l, &n, OA_FOREVER);
}

static int enter_until(struct oa_rwlock *l, uint32_t kind, oa_time_t deadline)
{
	struct waiter n;
	struct task *t;
	int err = l ? sync_begin(&t) : -EINVAL;

	if (unlikely(err))
		return err;
	err = try_enter(l, t, kind);
	if (err != -EAGAIN)
		return err;
	waiter_enter(&n, t, "rwlock", l, deadline);
	n.flags |= WAIT_OWNED;
	n.kind = kind;
	return enter_slow(l, &n, deadline);
}

static int enter_now(struct oa_rwlock *l, uint32_t kind)
{
	struct task *t;
	int err = l ? sync_self(&t) : -EINVAL;

	return err ? err : try_enter(l, t, kind);
}

int oa_rwlock_rdlock(struct oa_rwlock *l)
{
	return enter(l, READER);
}

int oa_rwlock_wrlock(struct oa_rwlock *l)
{
	return enter(l, WRITER);
}

int oa_rwlock_rdlock_until(struct oa_rwlock *l, oa_time_t deadline)
{
	return enter_until(l, READER, deadline);
}

int oa_rwlock_wrlock_until(struct oa_rwlock *l, oa_time_t deadline)
{
	return enter_until(l, WRITER, deadline);
}

int oa_rwlock_tryrdlock(struct oa_rwlock *l)
{
	return enter_now(l, READER);
}

int oa_rwlock_trywrlock(struct oa_rwlock *l)
{
	return enter_now(l, WRITER);
}

/* The word when the caller, who is in, has left. */
static inline uint64_t left(uint64_t w)
{
	return w & HAS_WRITER ? w & ~HAS_WRITER : w - SYNC_ONE;
}

static int leave_slow(struct oa_rwlock *l)
{
	struct sync *s = (struct sync *)l;
	uint64_t w = sync_lock(s);
	struct wakes wk;

	if (!(w & HAS_WRITER) && !(w >> SYNC_SHIFT)) {
		sync_unlock(s, w);
		return -EPERM;
	}
	wakes_init(&wk);
	w = let_in(l, left(w), &wk);
	sync_unlock(s, sync_mark(s, w));
	wakes_run(&wk);
	return 0;
}

int oa_rwlock_unlock(struct oa_rwlock *l)
{
	struct sync *s = (struct sync *)l;
	struct task *t;
	int err = l ? sync_self(&t) : -EINVAL;
	uint64_t w;

	if (unlikely(err))
		return err;
	w = sync_read(s);
	if (w & HAS_WRITER) {
		if (writer_of(l) != t)
			return -EPERM;
		set_writer(l, NULL);
	}
	for (;;) {
		if (!(w & HAS_WRITER) && !(w >> SYNC_SHIFT))
			return -EPERM;
		if (unlikely(w & SYNC_WAITERS))
			return leave_slow(l);
		/* [sync] what was done inside is seen by the next */
		if (atomic_cas(&s->word, &w, left(w)))
			return 0;
		if (w & SYNC_LOCK)
			w = sync_read(s);
	}
}

int oa_rwlock_destroy(struct oa_rwlock *l)
{
	uint64_t w;

	if (!l)
		return -EINVAL;
	w = sync_read((struct sync *)l);
	return w & (HAS_WRITER | SYNC_WAITERS) || w >> SYNC_SHIFT ? -EBUSY : 0;
}

int oa_rwlock_info(const struct oa_rwlock *l, struct oa_sync_info *info)
{
	struct oa_sync_info is = { .size = 0 };
	struct task *t;
	uint64_t w;

	if (!l)
		return -EINVAL;
	w = sync_glance(l);
	is.value = w & HAS_WRITER ? 1 : w >> SYNC_SHIFT;
	t = writer_of(l);
	is.owner = sync_owner(t);
	return sync_info(l, info, &is);
}
