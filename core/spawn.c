// SPDX-License-Identifier: MIT
/*
 * Starting tasks: a descriptor from the worker's magazine, filled and put at
 * the end of the worker's queue. A stack comes when it first runs.
 *
 * A task to be joined starts as the worker's next instead, so that a join soon
 * after finds it there and runs it at once; but when somebody idles it goes
 * where they can take it.
 */
#include "core/spawn.h"

#include <errno.h>
#include <string.h>

#include "core/conds.h"
#include "core/fork.h"
#include "core/idle.h"
#include "core/inject.h"
#include "core/job.h"
#include "core/mem.h"
#include "core/members.h"
#include "core/park.h"
#include "core/rcu.h"
#include "core/sched.h"
#include "core/thread.h"

/* Tasks that may still come alive: in batches, so that the count is cold. */
static uint64_t credit_batch(const struct runtime *rt)
{
	uint64_t n = rt->cfg.max_tasks / (8 * rt->nr_workers);

	return n < 1 ? 1 : min_of(n, (uint64_t)64);
}

/* Of what this worker has kept: another may call it in at any time. */
static bool credit_own(struct worker *w)
{
	uint64_t left = atomic_load(&w->credit); /* [credit] */

	do {
		if (!left)
			return false;
	} while (!atomic_cas(&w->credit, &left, left - 1)); /* [credit] */
	return true;
}

/* There is none left but what workers keep: all of that. */
static __cold_path bool credit_call_in(struct runtime *rt)
{
	uint64_t got = 0;

	for (uint32_t i = 0; i < rt->nr_workers; i++)
		/* [credit] */
		got += atomic_xchg(&rt->workers[i]->credit, (uint64_t)0);
	if (got)
		atomic_add(&rt->alive_credit, got); /* [credit] */
	return got;
}

/* @most of what is not handed out, or what is left of it. */
static uint64_t credit_get(struct runtime *rt, uint64_t most)
{
	uint64_t left = atomic_load(&rt->alive_credit), n; /* [credit] */

	do {
		n = min_of(left, most);
		if (!n)
			return 0;
	} while (!atomic_cas(&rt->alive_credit, &left, left - n)); /* [credit] */
	return n;
}

static bool credit_take(struct runtime *rt, struct worker *w)
{
	uint64_t n;

	if (likely(!rt->cfg.max_tasks))
		return true;
	if (w && credit_own(w))
		return true;
	n = credit_get(rt, w ? credit_batch(rt) : 1);
	if (!n && credit_call_in(rt))
		n = credit_get(rt, 1);
	if (w && n > 1)
		atomic_add(&w->credit, n - 1); /* [credit] */
	return n;
}

static void credit_give(struct runtime *rt, struct worker *w)
{
	uint64_t batch;

	if (likely(!rt->cfg.max_tasks))
		return;
	batch = credit_batch(rt);
	/* relaxed: how much it keeps is a guess */
	if (w && READ_ONCE(w->credit) + 1 < 2 * batch) {
		atomic_add(&w->credit, (uint64_t)1); /* [credit] */
		return;
	}
	atomic_add(&rt->alive_credit, (uint64_t)1); /* [credit] */
}

static int check_opts(const struct oa_task_opts *o)
{
	int err = 0;

	/* Or'ed: the sign is that of any. */
	if ((o->delay | o->at | o->timeout | o->worker) < 0)
		return -EINVAL;
	if (o->stack_size &&
	    (o->stack_size < STACK_MIN || o->stack_size > STACK_MAX))
		return -EINVAL;
	if (!PRIO_IS_GOOD(o->prio) ||
	    (unsigned int)o->hint > OA_HINT_INLINE)
		return -EINVAL;
	if (o->copy > (size_t)1 << 30)
		return -E2BIG;
	if (members_wanted(o))
		err = members_check(o);
	return !err && conds_wanted(o) ? conds_check(o) : err;
}

/* An older program's smaller struct is completed by zeroes in @room. */
static __cold_path const struct oa_task_opts *
complete(const struct oa_task_opts *from, struct oa_task_opts *room)
{
	if (!from->size || from->size > 4096)
		return NULL;
	memset(room, 0, sizeof(*room));
	memcpy(room, from, min_of((size_t)from->size, sizeof(*room)));
	return room;
}

static int read_opts(const struct oa_task_opts **o, struct oa_task_opts *room)
{
	if (unlikely((*o)->size != sizeof(**o)))
		*o = complete(*o, room);
	return *o ? check_opts(*o) : -EINVAL;
}

static inline void set_prio(struct task *t, int prio)
{
	t->ext->prio = (int8_t)prio;
	WRITE_ONCE(t->prio, (int8_t)prio);
	task_set(t, TASK_URGED);
	if (!READ_ONCE(task_prios))
		WRITE_ONCE(task_prios, 1);
}

/* The argument is a copy of @len bytes of itself. False: no memory. */
static inline bool copy_arg(struct task *t, const struct runtime *rt,
			    size_t len)
{
	struct task_ext *x = t->ext;
	void *to = x->inl;

	if (unlikely(len > sizeof(x->inl))) {
		x->copy = to = mem_alloc(rt_alloc(rt), len, 16);
		x->copy_size = len;
		if (!to)
			return false;
	}
	memcpy(to, t->arg, len);
	t->arg = to;
	return true;
}

/* What a post may ask for, a part of what a start may. */
static int fill_post(struct worker *w, struct task *t, struct runtime *rt,
		     const struct task_args *a)
{
	const struct oa_post_opts *p = a->post;
	struct task_ext *x;

	if (!a->copy && !p->name && !p->on_drop && !p->prio)
		return 0;
	if (!task_need_ext(w, t))
		return -ENOMEM;
	x = t->ext;
	if (unlikely(p->name))
		strncpy(x->name, p->name, sizeof(x->name) - 1);
	x->on_drop = p->on_drop;
	if (unlikely(p->prio))
		set_prio(t, p->prio);
	return !a->copy || copy_arg(t, rt, a->copy) ? 0 : -ENOMEM;
}

static int fill_ext(struct worker *w, struct task *t, struct runtime *rt,
		    const struct oa_task_opts *o)
{
	struct task_ext *x;
	int err = 0;

	if (!task_need_ext(w, t))
		return -ENOMEM;
	x = t->ext;
	if (o->name)
		strncpy(x->name, o->name, sizeof(x->name) - 1);
	x->on_drop = o->on_drop;
	if (o->prio)
		set_prio(t, o->prio);
	WRITE_ONCE(x->stack_size, o->stack_size);
	if (o->copy && !copy_arg(t, rt, o->copy))
		return -ENOMEM;
	if (!conds_wanted(o))
		return 0;
	x->start = conds_new(t, o, &err);
	if (!err)
		task_set(t, TASK_CONDS);
	return err;
}

static int apply_opts(struct worker *w, struct task *t, struct runtime *rt,
		      const struct oa_task_opts *o)
{
	size_t own = o->stack_size;
	int err;

	if (own) {
		own = (own + 32 * 1024 - 1) & ~(size_t)4095;
		if (own != rt->stacks.size)
			task_set(t, TASK_OWN_STACK);
	}
	if (o->fpctl)
		task_set(t, TASK_FPCTL);
	if (o->worker || o->pinned) {
		if (o->worker > (int)rt->nr_workers)
			return -EINVAL;
		task_set(t, TASK_PINNED);
		if (o->worker)
			t->pin = (uint16_t)(o->worker - 1);
		else if (w && w->rt == rt)
			t->pin = (uint16_t)w->index;
		else
			t->pin = (uint16_t)(t->slot % rt->nr_workers);
	}
	if (!o->copy && !o->name && !o->on_drop && !o->fpctl &&
	    !(t->flags & TASK_OWN_STACK) && !conds_wanted(o) &&
	    !members_wanted(o) && !o->timeout && !o->prio)
		return 0;
	err = fill_ext(w, t, rt, o);
	if (!err && t->flags & TASK_OWN_STACK)
		WRITE_ONCE(t->ext->stack_size, own);
	return err;
}

/* When it is to start; 0: at once. */
static oa_time_t start_time(const struct runtime *rt,
			    const struct oa_task_opts *o)
{
	oa_time_t now;

	if (!o->delay && !o->at)
		return 0;
	now = rt->poll->now();
	if (o->delay > OA_FOREVER - now)
		return OA_FOREVER;
	return max_of(o->delay ? now + o->delay : 0, o->at);
}

/* From @at on it may take so long; and if it has not started by then? */
static void set_limit(struct task *t, oa_time_t at, oa_time_t timeout)
{
	struct oa_deadline *d = &t->ext->limit;

	if (!at)
		at = t->rt->poll->now();
	at = timeout > OA_FOREVER - at ? OA_FOREVER : at + timeout;
	*d = (struct oa_deadline){ .at = at, .effective = at, .entered = 1 };
	t->within = d;
	task_set(t, TASK_LIMIT);
}

int task_unwanted(const struct task *t)
{
	/* A part of one that runs, which waits for it. */
	if (t->fn == job_run)
		return 0;
	/* relaxed: who asks later comes too late for this */
	if (READ_ONCE(t->life) & LIFE_CANCEL || rt_drops_task(t->rt, t))
		return -ECANCELED;
	if (t->flags & TASK_LIMIT &&
	    t->rt->poll->now() >= t->ext->limit.at)
		return -ETIMEDOUT;
	return 0;
}

/* A task of another runtime's or no worker: counted while it is not over. */
int spawn_count(struct runtime *rt)
{
	uint64_t n = atomic_load(&rt->foreign_spawned); /* [over] */

	do {
		if (n & RT_CLOSED)
			return -ESHUTDOWN;
	} while (!atomic_cas(&rt->foreign_spawned, &n, n + 1)); /* [over] */
	return 0;
}

/* It may run at once, and the runtime end with it. */
static void put_post(struct runtime *rt, struct task *t, int prio, bool front)
{
	rcu_read_lock();
	post_queue_push(&rt->post_queue, t, prio, front);
	idle_need_help(rt);
	rcu_read_unlock();
}

static void put_in_queue(struct worker *w, struct task *t, enum oa_hint hint)
{
	struct runtime *rt = t->rt;

	if (!w || w->rt != rt) {
		/* It may run at once, and the runtime end with it. */
		rcu_read_lock();
		if (t->flags & TASK_PINNED) {
			inbox_push(rt->workers[t->pin], t);
			idle_kick(rt->workers[t->pin]);
		} else {
			inject_push(&rt->inject, t);
			idle_need_help(rt);
		}
		rcu_read_unlock();
		return;
	}
	if (hint == OA_HINT_NEXT)
		sched_ready(t);
	else if (hint == OA_HINT_INLINE)
		sched_run_first(w, t);
	else
		sched_ready_back(w, t);
}

static int refuse(const struct runtime *rt, bool internal)
{
	if (READ_ONCE(rt->stopping) && !internal)
		return -ESHUTDOWN;
	return READ_ONCE(rt->over) ? -ESHUTDOWN : 0;
}

static int fill(struct worker *w, struct task *t, struct runtime *rt,
		const struct task_args *a, const struct oa_task_opts *o)
{
	oa_time_t at;
	int err;

	if (o && o->copy && !a->arg)
		return -EINVAL;
	WRITE_ONCE(t->fn, a->fn);
	t->arg = a->arg;
	WRITE_ONCE(t->flags, (a->post ? TASK_POSTED : 0) |
		   (a->internal ? TASK_INTERNAL : 0) |
		   (a->part ? TASK_PART : 0));
	WRITE_ONCE(t->site, a->site);
	WRITE_ONCE(t->rt, rt);
	WRITE_ONCE(t->deadline, OA_FOREVER);
	if (a->future) {
		if (!task_need_ext(w, t))
			return -ENOMEM;
		t->ext->future = a->future;
		task_set(t, TASK_FUTURE);
	}
	if (a->post)
		return fill_post(w, t, rt, a);
	if (!o)
		return 0;
	err = apply_opts(w, t, rt, o);
	if (err)
		return err;
	at = start_time(rt, o);
	if (at) {
		WRITE_ONCE(t->deadline, at);
		task_set(t, TASK_TIMED);
	}
	if (o->timeout)
		set_limit(t, at, o->timeout);
	return 0;
}

int task_start(struct runtime *rt, const struct task_args *a, oa_task_t *h)
{
	struct worker *w = worker_self(), *mine = NULL;
	uint64_t life = LIFE_ALIVE | a->life, gen;
	const struct oa_task_opts *o = a->opts;
	enum oa_hint hint = OA_HINT_BACK;
	struct oa_task_opts room;
	struct task *t;
	oa_task_t me;
	struct group *scope = NULL;
	bool member, late, foreign;
	int err;

	if (!a->fn)
		return -EINVAL;
	err = o ? read_opts(&o, &room) : 0;
	if (!err)
		err = refuse(rt, a->internal);
	if (err)
		return err;
	if (w && w->rt == rt)
		mine = w;
	if (!a->internal && !credit_take(rt, mine))
		return -EAGAIN;
	t = task_alloc(w);
	err = t ? fill(w, t, rt, a, o) : -ENOMEM;
	/*
	 * From the count to the queue, who shuts down at once waits for us, and
	 * then finds it. See core/bury.c.
	 */
	foreign = !err && !mine && !a->counted;
	if (foreign) {
		rcu_read_lock();
		err = spawn_count(rt);
	}
	if (err) {
		if (foreign)
			rcu_read_unlock();
		if (t)
			task_free(w, t);
		if (!a->internal)
			credit_give(rt, mine);
		return err;
	}
	if (t->flags & TASK_TIMED)
		life |= LIFE_DELAYED;
	/*
	 * What goes by a linked queue is not to be taken out of turn: the entry
	 * left behind would hang on ->next, which the task needs by then.
	 */
	if (o)
		hint = o->hint;
	if (life & LIFE_HANDLE && mine && hint != OA_HINT_INLINE)
		life |= LIFE_QUEUED | (life & LIFE_DELAYED ? 0 : LIFE_INQ);
	if (life & LIFE_DELAYED && !mine)
		life |= LIFE_INQ;
	gen = READ_ONCE(t->life);
	me = task_handle(t);
	if (h)
		*h = me;
	member = o && members_wanted(o);
	if (unlikely(member))
		scope = members_join(t, o);
	/* [life] for walkers; others get it by the queue */
	atomic_store_rel(&t->life, gen | life);
	late = unlikely(member) && members_late(scope, o);
	if (mine && !a->counted) {
		WRITE_ONCE(w->spawned, w->spawned + 1);
		STAT_INC(w, spawned);
	}
	/* Once it is in a queue, the runtime may end with it. */
	if (a->post)
		atomic_add(&rt->posts_in, (uint64_t)1); /* [credit] counter */
	/* What the word says now is too late: a shutdown may have met it. */
	if (mine && life & LIFE_DELAYED)
		task_delay_file(w, t, gen | life);
	/* By a task, and like most: as if it had started it. */
	else if (a->post && !(mine && !a->post->prio && !a->post->front))
		put_post(rt, t, a->post->prio, a->post->front);
	else
		put_in_queue(w, t, hint);
	if (unlikely(late))
		oa_cancel(me);
	if (foreign)
		rcu_read_unlock();
	return 0;
}

/* The running task's worker if it may start tasks without further ado. */
static inline struct worker *quick(void)
{
	struct worker *w = worker_self();

	if (unlikely(!w || !w->current || w->rt->cfg.max_tasks ||
		     READ_ONCE(w->rt->stopping)))
		return NULL;
	return w;
}

static inline struct task *quick_task(struct worker *w, oa_fn fn, void *arg,
				      uint64_t life, const void *site)
{
	struct task *t = slab_alloc(&task_cache, &w->tasks);

	if (unlikely(!t))
		return NULL;
	WRITE_ONCE(t->fn, fn);
	t->arg = arg;
	WRITE_ONCE(t->flags, 0);
	WRITE_ONCE(t->site, site);
	WRITE_ONCE(t->rt, w->rt);
	/* [life] for walkers; others get it by the queue */
	atomic_store_rel(&t->life, READ_ONCE(t->life) | life);
	WRITE_ONCE(w->spawned, w->spawned + 1);
	STAT_INC(w, spawned);
	return t;
}

static __cold_path int start_slow(oa_fn fn, void *arg, uint64_t life,
				  const struct oa_task_opts *opts,
				  const void *site, oa_task_t *h)
{
	struct task_args a = {
		.fn = fn, .arg = arg, .life = life, .opts = opts, .site = site,
	};
	struct runtime *rt = NULL;
	struct task *self = task_self();

	if (opts && opts->size >= offsetof(struct oa_task_opts, runtime) +
				  sizeof(opts->runtime))
		rt = (struct runtime *)opts->runtime;
	if (!rt)
		rt = self ? self->rt : thread_runtime();
	if (!rt)
		return -EPERM;
	if (unlikely(rt->generation != fork_generation()))
		return -EPERM;
	return task_start(rt, &a, h);
}

int (oa_go)(oa_fn fn, void *arg)
{
	const void *site = __builtin_return_address(0);
	struct worker *w = quick();
	struct task *t;

	if (unlikely(!w || !fn))
		return start_slow(fn, arg, 0, NULL, site, NULL);
	t = quick_task(w, fn, arg, LIFE_ALIVE, site);
	if (unlikely(!t))
		return -ENOMEM;
	sched_ready_back(w, t);
	return 0;
}

int oa_go_with(oa_fn fn, void *arg, const struct oa_task_opts *opts)
{
	return start_slow(fn, arg, 0, opts, __builtin_return_address(0), NULL);
}

oa_task_t (oa_spawn)(oa_fn fn, void *arg)
{
	const void *site = __builtin_return_address(0);
	struct worker *w = quick();
	struct task *t;
	oa_task_t h;
	int err;

	if (unlikely(!w || !fn)) {
		err = start_slow(fn, arg, LIFE_HANDLE, NULL, site, &h);
		return err ? (oa_task_t){ (uint64_t)-err } : h;
	}
	t = quick_task(w, fn, arg, LIFE_ALIVE | LIFE_HANDLE | LIFE_QUEUED |
		       LIFE_INQ, site);
	if (unlikely(!t))
		return (oa_task_t){ ENOMEM };
	h = task_handle(t);
	sched_ready_spawned(w, t);
	return h;
}

oa_task_t oa_spawn_with(oa_fn fn, void *arg, const struct oa_task_opts *opts)
{
	oa_task_t h;
	int err = start_slow(fn, arg, LIFE_HANDLE, opts,
			     __builtin_return_address(0), &h);

	return err ? (oa_task_t){ (uint64_t)-err } : h;
}

void task_release(struct worker *w, struct task *t)
{
	struct runtime *rt = t->rt;

	if (unlikely(t->flags & TASK_POSTED))
		atomic_sub(&rt->posts, (uint64_t)1); /* [credit] */
	if (unlikely(rt->cfg.max_tasks) && !(t->flags & TASK_INTERNAL))
		credit_give(rt, w);
}
