// SPDX-License-Identifier: MIT
/*
 * Scopes: tasks that do not outlive the block they were started in. Their state
 * lies in a record of the library's, not in the caller's struct: a task may
 * return from the function whose frame has that, and its children and the wait
 * at its end must find the record all the same.
 *
 *   record               who may touch it
 *   members, error       under the lock, any child, any starter
 *   queue                under the lock; the one waiter is the opener
 *   up, owner            the opener alone
 *
 * A child leaves when it has ended or was dropped. The last to leave ends the
 * opener's wait under the lock, and giving that up is the last thing it does to
 * the record: the opener takes the lock once more before he frees it. A child
 * that brings an error cancels the others before it leaves, while the record
 * cannot go.
 *
 * The opener's wait ignores his own cancel; what it does is cancel the scope,
 * as does a deadline around it, and wait on.
 */
#include <oa/scope.h>

#include "core/compiler.h"
#include "core/members.h"
#include "core/runtime.h"
#include "core/slab.h"
#include "core/waitgraph.h"
#include "sync/group.h"

#define SCOPE_KEEP_GOING	1u	/* ->oa__flags */

struct scope {
	struct group group;		/* its queue: the opener, if he waits */
	struct scope *up;		/* T of the opener */
	struct oa_scope *public;	/* T; may be gone when he ends */
	struct task *owner;		/* I while open */
	int error;			/* L:group */
	bool keep_going;		/* I while open */
};

#define CHUNK_SHIFT	8

static struct slab_chunk *scope_dir[MAX_TASKS >> CHUNK_SHIFT];

static void scope_init(void *obj, uint32_t number)
{
	(void)obj;
	(void)number;
}

/* Type-stable: a walker may look at it. */
struct slab_cache scope_cache = {
	.obj_size = (sizeof(struct scope) + 63) & ~63u,
	.chunk_shift = CHUNK_SHIFT,
	.max_chunks = MAX_TASKS >> CHUNK_SHIFT,
	.dir = scope_dir,
	.chunks = CDS_LIST_HEAD_INIT(scope_cache.chunks),
	.init = scope_init,
};

/* ---- opening and closing, by the opener */

/* A stand-in: nobody sees to its end. */
static bool is_thread(const struct task *t)
{
	return !t->rt;
}

/* What a task has open hangs on it, so that its end finds it. */
static bool push(struct task *t, struct scope *sc)
{
	sc->up = NULL;
	if (is_thread(t))
		return true;
	if (!task_need_ext(worker_self(), t))
		return false;
	sc->up = t->flags & TASK_SCOPES ? t->ext->scopes : NULL;
	t->ext->scopes = sc;
	task_set(t, TASK_SCOPES);
	return true;
}

static void pop(struct task *t, struct scope *sc)
{
	struct scope **p;

	if (is_thread(t))
		return;
	for (p = &t->ext->scopes; *p != sc; p = &(*p)->up)
		;
	*p = sc->up;
	if (!t->ext->scopes)
		WRITE_ONCE(t->flags, t->flags & ~(uint32_t)TASK_SCOPES);
}

static int open_record(struct oa_scope *s, struct task *t)
{
	struct scope *sc = slab_alloc_one(&scope_cache);

	if (!sc)
		return -ENOMEM;
	sc->group = (struct group){ 0 };
	sc->public = s;
	sc->owner = t;
	sc->error = 0;
	sc->keep_going = s->oa__flags & SCOPE_KEEP_GOING;
	if (!push(t, sc)) {
		slab_free_one(&scope_cache, sc);
		return -ENOMEM;
	}
	s->oa__error = 0;
	/* relaxed: children are given it by their start */
	WRITE_ONCE(s->oa__record, sc);
	return 0;
}

int oa_scope_open_with(struct oa_scope *s, const struct oa_scope_opts *opts)
{
	struct task *t;
	int err;

	if (!s || (opts && (!opts->size || opts->size > sizeof(*opts))))
		return -EINVAL;
	*s = (struct oa_scope){ 0 };
	if (opts && opts->keep_going)
		s->oa__flags = SCOPE_KEEP_GOING;
	err = sync_self(&t);
	if (!err) {
		s->oa__owner = task_handle(t).id;
		err = open_record(s, t);
	}
	s->oa__error = err;
	return err;
}

int (oa_scope_open)(struct oa_scope *s)
{
	return oa_scope_open_with(s, NULL);
}

/* ---- children */

/*
 * The record that a start goes into. One that was waited for is opened again
 * by its opener's next start.
 */
static int record_for(struct oa_scope *s, struct scope **sc)
{
	struct task *t;

	*sc = READ_ONCE(s->oa__record);
	if (*sc)
		/* Its opener may have ended, and the record be another's. */
		return READ_ONCE((*sc)->public) == s ? 0 : -EINVAL;
	t = park_self();
	if (!t || s->oa__owner != task_handle(t).id)
		return s->oa__owner && s->oa__error ? s->oa__error : -EINVAL;
	if (open_record(s, t))
		return -ENOMEM;
	*sc = s->oa__record;
	return 0;
}

int members_check(const struct oa_task_opts *o)
{
	struct scope *sc;
	int err;

	if (o->token && oa_token_cancelled(o->token))
		return -ECANCELED;
	if (!o->scope)
		return 0;
	err = record_for(o->scope, &sc);
	if (err)
		return err;
	return sync_read(&sc->group.sync) & GROUP_CANCELLED ? -ECANCELED : 0;
}

static void join_group(struct group *g, struct task *t, unsigned int which)
{
	uint64_t w;

	t->ext->member[which].of = g;
	if (!g)
		return;
	w = sync_lock(&g->sync);
	sync_unlock(&g->sync, group_add(g, w, t, which));
}

struct group *members_join(struct task *t, const struct oa_task_opts *o)
{
	struct scope *sc = o->scope ? READ_ONCE(o->scope->oa__record) : NULL;
	struct group *g = sc ? &sc->group : NULL;

	join_group(g, t, MEMBER_SCOPE);
	join_group((struct group *)o->token, t, MEMBER_TOKEN);
	task_set(t, TASK_MEMBER);
	return g;
}

bool members_late(const struct group *scope, const struct oa_task_opts *o)
{
	/* [members] alive before the look; pairs in group_cancel() */
	smp_mb();
	return (scope && sync_glance(scope) & GROUP_CANCELLED) ||
	       (o->token && sync_glance(o->token) & GROUP_CANCELLED);
}

static void leave_token(struct task *t, struct group *g)
{
	uint64_t w = sync_lock(&g->sync);

	sync_unlock(&g->sync, group_del(g, w, t, MEMBER_TOKEN));
}

/* Under the lock. True: the others are to be cancelled. */
static bool note_error(struct scope *sc, int err)
{
	if (sc->error)
		return false;
	WRITE_ONCE(sc->error, err);
	return !sc->keep_going;
}

static void fail(struct scope *sc, int err)
{
	uint64_t w = sync_lock(&sc->group.sync);
	bool cancels = note_error(sc, err);

	sync_unlock(&sc->group.sync, w);
	if (cancels)
		group_cancel(&sc->group, MEMBER_SCOPE);
}

static void leave_scope(struct task *t, struct scope *sc, void *result)
{
	struct sync *s = &sc->group.sync;
	struct waiter *n;
	struct wakes wk;
	uint64_t w;

	if (oa_is_err(result))
		fail(sc, oa_err_code(result));
	wakes_init(&wk);
	w = group_del(&sc->group, sync_lock(s), t, MEMBER_SCOPE);
	if (!group_count(w) && (n = sync_pop(s)))
		waiter_claim(n, &wk);
	sync_unlock(s, sync_mark(s, w));
	wakes_run(&wk);
}

void members_leave(struct task *t, void *result)
{
	struct membership *m = t->ext->member;

	WRITE_ONCE(t->flags, t->flags & ~(uint32_t)TASK_MEMBER);
	if (m[MEMBER_TOKEN].of)
		leave_token(t, m[MEMBER_TOKEN].of);
	if (m[MEMBER_SCOPE].of)
		leave_scope(t, container_of(m[MEMBER_SCOPE].of, struct scope,
					    group), result);
}

/* ---- waiting, by the opener */

/* Asleep until none is left, or until @n is cut short; why. */
static int wait_none_left(struct scope *sc, struct waiter *n, bool *left)
{
	struct sync *s = &sc->group.sync;
	uint64_t w = sync_lock(s);
	int err;

	*left = group_count(w);
	if (!*left) {
		sync_unlock(s, w);
		return 0;
	}
	waiter_open(n);
	sync_append(s, n);
	err = sync_sleep(s, w, n, OA_FOREVER);
	if (unlikely(err))
		sync_withdraw(s, n);
	return err;
}

/* All have ended afterwards. @err: why they are to be cancelled, or 0. */
static int wait_all(struct scope *sc, struct task *t, int err)
{
	struct waiter n;
	bool given = false, left = true;

	while (left) {
		if (err && !given) {
			if (!group_count(sync_read(&sc->group.sync)))
				break;
			given = true;
			fail(sc, err);
			group_cancel(&sc->group, MEMBER_SCOPE);
		}
		waiter_init(&n, t, "scope", sc,
			    given ? 0 : WAIT_MAY_CANCEL,
			    given ? OA_FOREVER : deadline_min(t, OA_FOREVER));
		err = wait_none_left(sc, &n, &left);
	}
	return sc->error;
}

static void close_record(struct scope *sc, struct task *t)
{
	pop(t, sc);
	slab_free_one(&scope_cache, sc);
}

static int may_wait(const struct oa_scope *s, struct task **t)
{
	const struct scope *sc;
	int err = s ? sync_self(t) : -EINVAL;

	if (err)
		return err;
	if (s->oa__owner == task_handle(*t).id)
		return 0;
	sc = READ_ONCE(s->oa__record);
	if (!sc)
		return s->oa__owner ? -EPERM : -EINVAL;
	if ((*t)->flags & TASK_MEMBER &&
	    (*t)->ext->member[MEMBER_SCOPE].of == &sc->group)
		return -EDEADLK;
	return -EPERM;
}

int oa_scope_wait(struct oa_scope *s)
{
	struct scope *sc;
	struct task *t;
	int err = may_wait(s, &t);

	if (err)
		return err;
	sc = s->oa__record;
	if (!sc)
		return s->oa__error;
	/* A copy of it? */
	if (sc->public != s)
		return -EINVAL;
	err = wait_all(sc, t, park_check(t));
	WRITE_ONCE(s->oa__record, NULL);
	s->oa__error = err;
	close_record(sc, t);
	return err;
}

int oa_scope_cancel(struct oa_scope *s)
{
	struct scope *sc = s ? READ_ONCE(s->oa__record) : NULL;

	if (!sc)
		return -EINVAL;
	group_cancel(&sc->group, MEMBER_SCOPE);
	return 0;
}

int oa_scope_error(const struct oa_scope *s)
{
	const struct scope *sc = s ? READ_ONCE(s->oa__record) : NULL;

	if (!s)
		return -EINVAL;
	return sc ? READ_ONCE(sc->error) : s->oa__error;
}

int oa_scope_info(const struct oa_scope *s, struct oa_sync_info *info)
{
	static const struct sync closed;
	const struct scope *sc = s ? READ_ONCE(s->oa__record) : NULL;
	struct oa_sync_info is = { .limit = UINT32_MAX };

	if (!s)
		return -EINVAL;
	if (!sc)
		return sync_info(&closed, info, &is);
	is.value = group_count(sync_glance(&sc->group));
	is.owner = sync_owner(sc->owner);
	return sync_info(&sc->group, info, &is);
}

/* Records stay what they are; who asks checks what it is told. */
__glance const void *scope_opener(const void *scope)
{
	return READ_ONCE(((const struct scope *)scope)->owner);
}

struct oa_scope *oa_scope_begin(struct oa_scope *s,
				const struct oa_scope_opts *opts)
{
	/* What went wrong is told by each start in it, and by the wait. */
	oa_scope_open_with(s, opts);
	return s;
}

void oa_scope_end(struct oa_scope **s)
{
	/* Its error stays there to be asked for. */
	oa_scope_wait(*s);
}

static void leave_behind(struct runtime *rt, struct scope *sc)
{
	spin_lock(&rt->closers_lock);
	sc->up = rt->scopes_left;
	rt->scopes_left = sc;
	spin_unlock(&rt->closers_lock);
}

void scopes_bury(struct task *t)
{
	struct scope *sc;

	while (t->flags & TASK_SCOPES) {
		sc = t->ext->scopes;
		pop(t, sc);
		leave_behind(t->rt, sc);
	}
}

void scopes_forget(struct runtime *rt)
{
	struct scope *sc, *left;

	spin_lock(&rt->closers_lock);
	left = rt->scopes_left;
	rt->scopes_left = NULL;
	spin_unlock(&rt->closers_lock);
	while ((sc = left)) {
		left = sc->up;
		/* Somebody on the pool is in it, or of another runtime. */
		if (group_count(sync_read(&sc->group.sync)))
			leave_behind(rt, sc);
		else
			slab_free_one(&scope_cache, sc);
	}
}

void scopes_end(struct task *t)
{
	struct scope *sc;

	while (t->flags & TASK_SCOPES) {
		sc = t->ext->scopes;
		wait_all(sc, t, -ECANCELED);
		close_record(sc, t);
	}
}
