// SPDX-License-Identifier: MIT
/*
 * Futures: a value that is set once, and a gate that opens with it and stays
 * open. Who sets it writes the value under the lock of the word and takes out
 * all who wait; the store that gives the lock up shows the value, and is the
 * last that he does to the future. So to get a value that is there is a load,
 * and who has got it may free the future.
 *
 *   SET     the value is there
 *   LAZY    nobody has asked for it: who clears the bit, by a swap while
 *           neither LOCK nor SET is there, starts the producer, once
 *   ENDED   the producer will not be heard of any more
 *
 * Those with a producer are made here and counted. ->oa__refs holds the users
 * in its lower half and, while there is a producer, PRODUCER. The producer's
 * part is given up at its end by future_ended(), whether it ran or was dropped.
 * The users' last put cancels it, by the handle, which was read before and is
 * of no harm when the task is gone; whoever brings the count to 0 frees it.
 * ->oa__task is written by the user who has started the producer, so the last
 * put comes after it.
 */
#include "sync/future.h"

#include <string.h>

#include <oa/task.h>

#include "core/fork.h"
#include "core/future.h"
#include "core/mem.h"
#include "core/runtime.h"
#include "core/spawn.h"
#include "core/thread.h"
#include "sync/gate.h"

#define FUTURE_LAZY	SYNC_BIT
#define FUTURE_SET	SYNC_ONE
#define FUTURE_ENDED	(SYNC_ONE << 1)

#define PRODUCER	((uint64_t)1 << 32)

/* One that is counted. A lazy one has a struct lazy behind it. */
struct made {
	struct oa_future f;
	struct oa_allocator alloc;	/* I */
	_Alignas(16) size_t size;	/* I */
};

/* What is to be started, ->oa__start. */
struct lazy {
	struct runtime *rt;
	oa_fn fn;
	void *arg;
	const void *site;
	struct oa_task_opts opts;
	char name[OA_TASK_NAME_MAX];
	oa_fn then[OA_THEN_MAX + 1];
	_Alignas(16) char copy[];
};

static inline struct sync *sync_of(struct oa_future *f)
{
	return (struct sync *)f;
}

/* Neither null nor an error that oa_async() has returned. */
static inline bool usable(const struct oa_future *f)
{
	return (uintptr_t)f - 1 < (uintptr_t)-OA_ERR_MAX - 1;
}

static __cold_path int unusable(const struct oa_future *f)
{
	return f ? oa_err_code(f) : -EINVAL;
}

/* ---- the value */

static bool is_set(const struct sync *s, uint64_t w)
{
	(void)s;
	return w & FUTURE_SET;
}

static uint64_t stays(const struct sync *s, uint64_t w)
{
	(void)s;
	return w;
}

static const struct gate future_gate = { "future", is_set, stays };

static int publish(struct oa_future *f, void *value, uint64_t bits)
{
	struct sync *s = sync_of(f);
	uint64_t w = sync_lock(s);
	struct waiter *n;
	struct wakes wk;

	if (w & FUTURE_SET) {
		sync_unlock(s, w | bits);
		return -EALREADY;
	}
	wakes_init(&wk);
	f->oa__value = value;
	while ((n = sync_pop(s))) {
		/* A select takes the lock, and reads it then. */
		if (n->mode != WAITER_SELECT)
			*(void **)n->data = value;
		waiter_claim(n, &wk);
	}
	sync_unlock(s, sync_mark(s, w | bits));
	wakes_run(&wk);
	return 0;
}

static inline int tell(void *v, void **value)
{
	if (value)
		*value = v;
	return oa_err_code(v);
}

/* It is set, which the caller has seen in the word. */
static inline int give(const struct oa_future *f, void **value)
{
	return tell(f->oa__value, value);
}

int oa_future_set(struct oa_future *f, void *value)
{
	return usable(f) ? publish(f, value, FUTURE_SET) : unusable(f);
}

/* ---- producers */

static void release(struct oa_future *f)
{
	struct made *m = container_of(f, struct made, f);
	struct oa_allocator a = m->alloc;
	struct lazy *l = f->oa__start;

	if (l && sync_glance(f) & FUTURE_LAZY && l->opts.on_drop)
		l->opts.on_drop(l->arg);
	mem_free(&a, m, m->size);
}

static void give_up(struct oa_future *f, uint64_t part)
{
	/* [future-ref] what its users did, before it goes */
	if (atomic_sub(&f->oa__refs, part) == part)
		release(f);
}

void future_ended(struct oa_future *f, void *result)
{
	publish(f, result, FUTURE_SET | FUTURE_ENDED);
	give_up(f, PRODUCER);
}

/* PRODUCER is in the count. */
static int start(struct oa_future *f, struct runtime *rt,
		 const struct task_args *a)
{
	oa_task_t h;
	int err = rt->generation == fork_generation() ? task_start(rt, a, &h)
						      : -EPERM;

	if (!err)
		WRITE_ONCE(f->oa__task.id, h.id);
	return err;
}

static void start_lazy(struct oa_future *f)
{
	struct lazy *l = f->oa__start;
	struct task_args a = {
		.fn = l->fn, .arg = l->arg, .opts = &l->opts, .site = l->site,
		.future = f,
	};
	int err;

	atomic_add(&f->oa__refs, PRODUCER); /* [future-ref] */
	err = start(f, l->rt, &a);
	if (!err)
		return;
	if (l->opts.on_drop)
		l->opts.on_drop(l->arg);
	future_ended(f, oa_err(err));
}

/* Somebody wants the value of a lazy one: the first starts its producer. */
static __cold_path uint64_t want(struct oa_future *f)
{
	uint64_t w;

	do {
		w = sync_read(sync_of(f));
		if ((w & (FUTURE_LAZY | FUTURE_SET)) != FUTURE_LAZY)
			return w;
		/* [sync] */
	} while (!atomic_cas(&f->oa__word, &w, w & ~FUTURE_LAZY));
	start_lazy(f);
	return sync_read(sync_of(f));
}

/* The word, by who wants the value. */
static inline uint64_t look(struct oa_future *f)
{
	uint64_t w = sync_read(sync_of(f));

	if (unlikely((w & (FUTURE_LAZY | FUTURE_SET)) == FUTURE_LAZY))
		return want(f);
	return w;
}

/* ---- getting */

/* The value comes with the wake-up: who is woken does not look at it again. */
static __noinline int get_slow(struct oa_future *f, struct task *t,
			       void **value, oa_time_t deadline)
{
	struct sync *s = sync_of(f);
	void *v = NULL;
	struct waiter n;
	uint64_t w;
	int err;

	waiter_enter(&n, t, future_gate.what, s, deadline);
	n.data = &v;
	w = sync_lock(s);
	if (w & FUTURE_SET) {
		v = f->oa__value;
		sync_unlock(s, w);
		return tell(v, value);
	}
	waiter_open(&n);
	sync_append(s, &n);
	err = sync_sleep(s, w, &n, deadline);
	if (unlikely(err)) {
		sync_withdraw(s, &n);
		return err;
	}
	return tell(v, value);
}

static inline __attribute__((always_inline)) int
get(struct oa_future *f, void **value, oa_time_t deadline)
{
	struct task *t;
	int err;

	if (unlikely(!usable(f)))
		return unusable(f);
	err = sync_begin(&t);
	if (unlikely(err))
		return err;
	if (unlikely(!(look(f) & FUTURE_SET)))
		return arch_return_int(get_slow(f, t, value, deadline));
	return give(f, value);
}

int oa_future_get(struct oa_future *f, void **value)
{
	return get(f, value, OA_FOREVER);
}

int oa_future_get_until(struct oa_future *f, void **value, oa_time_t deadline)
{
	return get(f, value, deadline);
}

int oa_future_tryget(struct oa_future *f, void **value)
{
	if (unlikely(!usable(f)))
		return unusable(f);
	return look(f) & FUTURE_SET ? give(f, value) : -EAGAIN;
}

bool future_take(struct oa_future *f, void **value, int *res)
{
	if (unlikely(!usable(f))) {
		*res = unusable(f);
		return true;
	}
	if (!(look(f) & FUTURE_SET))
		return false;
	*res = give(f, value);
	return true;
}

int future_enlist(struct oa_future *f, struct waiter *n)
{
	return usable(f) ? gate_enlist(&future_gate, sync_of(f), n, false) : 1;
}

void future_delist(struct oa_future *f, struct waiter *n)
{
	sync_withdraw(sync_of(f), n);
	if (n->fired)
		n->res = give(f, n->data);
}

/* ---- making */

/* In full, whichever version of the struct the program knows. */
static int read_opts(struct oa_task_opts *to, const struct oa_task_opts *from)
{
	size_t n = 0;

	*to = (struct oa_task_opts)OA_TASK_OPTS_INIT;
	if (!from)
		return 0;
	if (!from->size || from->size > 4096)
		return -EINVAL;
	memcpy(to, from, min_of((size_t)from->size, sizeof(*to)));
	to->size = sizeof(*to);
	if (to->copy > (size_t)1 << 30)
		return -E2BIG;
	while (to->then && to->then[n])
		if (++n > OA_THEN_MAX)
			return -E2BIG;
	return 0;
}

/* Where it is to run. */
static int find_runtime(const struct oa_task_opts *o, struct runtime **rt)
{
	struct task *self = task_self();

	*rt = (struct runtime *)o->runtime;
	if (!*rt)
		*rt = self ? self->rt : thread_runtime();
	if (!*rt || (*rt)->generation != fork_generation())
		return -EPERM;
	return 0;
}

static struct oa_future *make(const struct runtime *rt, size_t more)
{
	struct made *m = mem_alloc(rt_alloc(rt), sizeof(*m) + more, 16);

	if (!m)
		return NULL;
	m->alloc = *rt_alloc(rt);
	m->size = sizeof(*m) + more;
	m->f.oa__refs = 1;
	return &m->f;
}

static struct oa_future *async(oa_fn fn, void *arg,
			       const struct oa_task_opts *opts,
			       const void *site)
{
	struct task_args a = { .fn = fn, .arg = arg, .opts = opts,
			       .site = site };
	struct oa_task_opts o;
	struct runtime *rt;
	int err = read_opts(&o, opts);

	if (!err)
		err = find_runtime(&o, &rt);
	if (err)
		return oa_err(err);
	a.future = make(rt, 0);
	if (!a.future)
		return oa_err(-ENOMEM);
	a.future->oa__refs += PRODUCER;
	err = start(a.future, rt, &a);
	if (!err)
		return a.future;
	release(a.future);
	return oa_err(err);
}

static void fill_lazy(struct lazy *l, const struct oa_task_opts *o)
{
	l->opts = *o;
	if (o->name) {
		strncpy(l->name, o->name, sizeof(l->name) - 1);
		l->opts.name = l->name;
	}
	if (o->then) {
		for (unsigned int n = 0; o->then[n]; n++)
			l->then[n] = o->then[n];
		l->opts.then = l->then;
	}
	if (o->copy) {
		memcpy(l->copy, l->arg, o->copy);
		l->arg = l->copy;
	}
}

static struct oa_future *lazy(oa_fn fn, void *arg,
			      const struct oa_task_opts *opts,
			      const void *site)
{
	struct oa_task_opts o;
	struct oa_future *f;
	struct runtime *rt;
	struct lazy *l;
	int err = fn ? read_opts(&o, opts) : -EINVAL;

	if (!err && o.copy && !arg)
		err = -EINVAL;
	if (!err)
		err = find_runtime(&o, &rt);
	if (err)
		return oa_err(err);
	f = make(rt, sizeof(*l) + o.copy);
	if (!f)
		return oa_err(-ENOMEM);
	l = (struct lazy *)(container_of(f, struct made, f) + 1);
	l->rt = rt;
	l->fn = fn;
	l->arg = arg;
	l->site = site;
	fill_lazy(l, &o);
	f->oa__start = l;
	f->oa__word = FUTURE_LAZY;
	return f;
}

struct oa_future *(oa_async)(oa_fn fn, void *arg)
{
	return async(fn, arg, NULL, __builtin_return_address(0));
}

struct oa_future *oa_async_with(oa_fn fn, void *arg,
				const struct oa_task_opts *opts)
{
	return async(fn, arg, opts, __builtin_return_address(0));
}

struct oa_future *(oa_lazy)(oa_fn fn, void *arg)
{
	return lazy(fn, arg, NULL, __builtin_return_address(0));
}

struct oa_future *oa_lazy_with(oa_fn fn, void *arg,
			       const struct oa_task_opts *opts)
{
	return lazy(fn, arg, opts, __builtin_return_address(0));
}

/* ---- counting */

/* An embedded one counts nothing. */
static inline bool counted(const struct oa_future *f)
{
	return usable(f) && READ_ONCE(f->oa__refs);
}

struct oa_future *oa_future_ref(struct oa_future *f)
{
	if (counted(f))
		atomic_add(&f->oa__refs, (uint64_t)1); /* [future-ref] */
	return f;
}

void oa_future_put(struct oa_future *f)
{
	oa_task_t producer;
	uint64_t w, refs;

	if (!counted(f))
		return;
	/* If this is the last put, nobody has anything to do to these. */
	producer.id = READ_ONCE(f->oa__task.id);
	w = sync_read(sync_of(f));
	refs = atomic_sub(&f->oa__refs, (uint64_t)1); /* [future-ref] */
	if (refs == 1)
		release(f);
	else if (refs == PRODUCER + 1 && !(w & FUTURE_ENDED))
		oa_cancel(producer);
}

int oa_future_destroy(struct oa_future *f)
{
	if (!usable(f))
		return unusable(f);
	return counted(f) ? -EINVAL : sync_destroy(sync_of(f));
}

int oa_future_info(const struct oa_future *f, struct oa_sync_info *info)
{
	struct oa_sync_info is = { .limit = 1 };
	uint64_t w;

	if (!usable(f))
		return unusable(f);
	w = sync_glance(f);
	is.value = !!(w & FUTURE_SET);
	if (!(w & FUTURE_ENDED))
		is.owner.id = READ_ONCE(f->oa__task.id);
	return sync_info(f, info, &is);
}
