// SPDX-License-Identifier: MIT
/* Starting and ending runtimes. */
#include "core/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/coro.h"
#include "core/about.h"
#include "core/bug.h"
#include "core/coalesce.h"
#include "core/cpus.h"
#include "core/env.h"
#include "core/external.h"
#include "core/fork.h"
#include "core/idle.h"
#include "core/inject.h"
#include "core/mem.h"
#include "core/overflow.h"
#include "core/park.h"
#include "core/pool.h"
#include "core/prepared.h"
#include "core/rcu.h"
#include "core/spawn.h"
#include "core/uncaught.h"
#include "core/watch.h"

/* Sanitizers make frames two or three times as large. */
#if defined(OA_ASAN) || defined(OA_TSAN)
#define STACK_DEFAULT	(1024 * 1024)
#else
#define STACK_DEFAULT	(256 * 1024)
#endif

#define BLOCKING_MAX	4096u
/* As late as the kernel lets a thread's own sleeps be. */
#define TIMER_SLACK	(50 * OA_USEC)

CDS_LIST_HEAD(runtimes);
struct spin runtimes_lock;

void rt_tell(struct runtime *rt, const struct oa_runtime_event *ev)
{
	struct worker *w = worker_self();
	struct task *t = w ? w->current : NULL;

	if (!rt->cfg.on_event)
		return;
	if (t)
		WRITE_ONCE(w->current, NULL);
	rt->cfg.on_event(ev, rt->cfg.user);
	if (t)
		WRITE_ONCE(w->current, t);
}

void rt_event(struct runtime *rt, enum oa_runtime_event_kind kind, int worker,
	      int64_t value, const char *text)
{
	struct oa_runtime_event ev = {
		.kind = kind, .worker = worker, .value = value, .text = text,
	};

	rt_tell(rt, &ev);
}

static void tell_lack(void *arg, const char *line, bool lacks)
{
	if (lacks)
		rt_event(arg, OA_EVENT_KERNEL, -1, 0, line);
}

static void tell_started(struct runtime *rt)
{
	rt_event(rt, OA_EVENT_START, -1, rt->nr_workers, NULL);
	if (!rt->cfg.on_event)
		return;
	rt->poll->features(tell_lack, rt);
	env_complain(tell_lack, rt);
	if (watch_lacks(rt))
		tell_lack(rt, "watch: no, a thread could not be started", true);
}

static int read_config(struct oa_config *to, const struct oa_config *from)
{
	memset(to, 0, sizeof(*to));
	if (!from)
		return 0;
	if (!from->size || from->size > 4096)
		return -EINVAL;
	memcpy(to, from, min_of((size_t)from->size, sizeof(*to)));
	if (to->workers > (to->external ? 1 : WORKERS_MAX))
		return -EINVAL;
	if (to->external && to->pin)
		return -EINVAL;
	if (to->stack_size &&
	    (to->stack_size < STACK_MIN || to->stack_size > STACK_MAX))
		return -EINVAL;
	if (to->max_blocking > BLOCKING_MAX || to->blocking_idle < 0)
		return -EINVAL;
	if (to->timer_slack < 0 || to->timer_slack > OA_SEC)
		return -EINVAL;
	if (to->coalesce < 0 || to->coalesce > OA_SEC)
		return -EINVAL;
	if (!to->allocator.alloc != !to->allocator.free ||
	    !to->stacks.reserve != !to->stacks.release)
		return -EINVAL;
	return watch_check(to);
}

static const struct poll_ops *choose_backend(enum oa_backend which)
{
	static const char *const names[] = {
		[OA_BACKEND_URING] = "uring",
		[OA_BACKEND_EPOLL] = "epoll",
		[OA_BACKEND_SIM] = "sim",
	};

	if (which == OA_BACKEND_AUTO)
		return poll_default;
	if ((unsigned int)which >= ARRAY_SIZE(names) ||
	    strcmp(poll_default->name, names[which]))
		return NULL;
	return poll_default;
}

/* As many as there are processors to use, unless OA_WORKERS says otherwise. */
static unsigned int workers_wanted(unsigned int cpus)
{
	unsigned int n = env_workers();

	return n ? n : min_of(max_of(cpus, 1u), (unsigned int)WORKERS_MAX);
}

static void fill_config(struct runtime *rt)
{
	struct oa_config *c = &rt->cfg;
	unsigned int cpus = cpus_usable();

	if (!c->workers)
		c->workers = c->external ? 1 : workers_wanted(cpus);
	if (!c->max_blocking)
		c->max_blocking = max_of(c->workers / 2, 1u);
	c->min_blocking = min_of(c->min_blocking, c->max_blocking);
	if (!c->max_posts)
		c->max_posts = 65536;
	if (!c->timer_slack)
		c->timer_slack = TIMER_SLACK;
	if (!c->coalesce)
		c->coalesce = COALESCE_NS;
	if (!c->stack_size)
		c->stack_size = STACK_DEFAULT;
	/* With room beside the guard. */
	c->stack_size = max_of(c->stack_size, (size_t)STACK_MIN + STACK_GUARD);
	c->stack_size = (c->stack_size + 16383) & ~(size_t)16383;
	snprintf(rt->name, sizeof(rt->name), "%s", c->name ? c->name : "oa");
	c->name = rt->name;
	rt->nr_workers = c->workers;
	rt->active = c->workers;
	rt->now_at = OA_FOREVER;
	rt->alive_credit = c->max_tasks;
	rt->watch_off = cpus < 2 || c->workers > cpus;
	rt->park_ring = env_lists("OA_PARK", "ring");
	rt->debug_migrate = env_lists("OA_DEBUG", "migrate") && c->workers > 1;
	rt->debug_standby = env_lists("OA_DEBUG", "standby") && c->workers > 1;
}

static void free_workers(struct runtime *rt)
{
	for (uint32_t i = 0; rt->workers && i < rt->nr_workers; i++) {
		/* Others may have looked into it when its thread had gone. */
		if (rt->workers[i])
			spill_fini(&rt->workers[i]->spill, rt_alloc(rt));
		mem_free_sparse(rt_alloc(rt), rt->workers[i],
				sizeof(struct worker));
	}
	mem_free(rt_alloc(rt), rt->workers,
		 rt->nr_workers * sizeof(*rt->workers));
}

static int make_workers(struct runtime *rt)
{
	struct worker *w;

	rt->workers = mem_alloc(rt_alloc(rt),
				rt->nr_workers * sizeof(*rt->workers), 64);
	if (!rt->workers)
		return -ENOMEM;
	for (uint32_t i = 0; i < rt->nr_workers; i++) {
		/* Nearly all of it is slots of the wheel. */
		w = mem_alloc_sparse(rt_alloc(rt), sizeof(*w), OA_LINE_PAIR);
		if (!w)
			return -ENOMEM;
		w->rt = rt;
		w->index = i;
		w->alone = rt->nr_workers == 1;
		w->turn_mask = TURN_MASK;
		w->cpu = rt->cfg.pin ? cpus_nth(i) : -1;
		rt->workers[i] = w;
	}
	return 0;
}

static void free_buried(struct stack *s, const struct oa_stack_allocator *a)
{
	struct stack *next;

	for (; s; s = next) {
		next = s->next;
		stack_free_own(a, s);
	}
}

void rt_destroy(struct runtime *rt)
{
	struct oa_allocator a = rt->cfg.allocator;

	pool_free(rt->pool);
	free_workers(rt);
	free_buried(rt->buried[0], NULL);
	free_buried(rt->buried[1], rt->stacks.alloc);
	if (rt->keep_stacks)
		stack_pool_keep(&rt->stacks);
	else
		stack_pool_fini(&rt->stacks);
	mem_free(&a, rt, sizeof(*rt));
}

/* What it has is known once the backend has begun. */
static void fit_to_kernel(struct runtime *rt)
{
	WRITE_ONCE(park_asymmetric, rt->poll->membarrier());
	/* From here on 0 is never. */
	if (rt->cfg.coalesce < OA_USEC || !rt->poll->waits_for_few())
		rt->cfg.coalesce = 0;
}

static int rt_make(struct runtime **out, const struct oa_config *cfg, bool run)
{
	const struct poll_ops *poll;
	struct oa_config c;
	struct runtime *rt;
	int err = read_config(&c, cfg);

	if (err)
		return err;
	if (c.external && (run || worker_self() || task_self()))
		return run ? -EINVAL : -EPERM;
	poll = choose_backend(c.backend);
	if (!poll || (c.external && !poll->outside_fd))
		return -ENOSYS;
	rt = mem_alloc(&c.allocator, sizeof(*rt), OA_LINE_PAIR);
	if (!rt)
		return -ENOMEM;
	rt->poll = poll;
	rt->cfg = c;
	fill_config(rt);
	inject_init(&rt->inject);
	post_queue_init(&rt->post_queue);
	stack_pool_init(&rt->stacks, rt->cfg.stack_size, &rt->cfg.stacks);
	rt->generation = fork_generation();
	err = make_workers(rt);
	if (!err) {
		rt->pool = pool_new(rt);
		err = rt->pool ? 0 : -ENOMEM;
	}
	if (!err)
		err = poll->runtime_init(rt);
	if (!err) {
		err = watch_add(rt);
		if (err)
			poll->runtime_fini(rt);
	}
	if (!err)
		fit_to_kernel(rt);
	if (err) {
		pool_free(rt->pool);
		free_workers(rt);
		mem_free(&c.allocator, rt, sizeof(*rt));
		return err;
	}
	*out = rt;
	return 0;
}

/* A slot of the first task, joinable by nobody. */
static int start_first(struct runtime *rt, oa_fn fn, void *arg,
		       const void *site)
{
	struct task_args a = { .fn = fn, .arg = arg, .site = site };

	return task_start(rt, &a, &rt->first);
}

/* A coroutine that runs inside a task moves with the task. */
static struct oa_coro **coro_slot(void)
{
	struct task *t = task_self();

	if (!t)
		return NULL;
	task_set(t, TASK_EXTRA);
	return &t->coro;
}

static void publish(struct runtime *rt)
{
	coro_set_slot(coro_slot);
	coro_set_turns(deadline_coro_enter, deadline_coro_leave);
	uncaught_install();
	spin_lock(&runtimes_lock);
	rcu_tsan_release(0); /* for those who find it without a lock */
	cds_list_add_rcu(&rt->node, &runtimes);
	spin_unlock(&runtimes_lock);
}

/* Tells who starts the runtime how this worker's start went. */
static void worker_came(struct runtime *rt, int err)
{
	int none = 0;

	if (err)
		atomic_cas(&rt->start_error, &none, err); /* [came] */
	/* [came] */
	if (atomic_add(&rt->started, 1) + 1 == rt->nr_workers)
		rt->poll->thread_wake(&rt->started);
}

static void wait_all_came(struct runtime *rt)
{
	uint32_t n;

	/* [came] pairs with worker_came() */
	while ((n = atomic_load(&rt->started)) != rt->nr_workers &&
	       n < rt->nr_workers)
		rt->poll->thread_wait(&rt->started, n, OA_FOREVER);
}

/* On the worker's thread, from its beginning to its end. */
static void worker_main(struct worker *w)
{
	struct runtime *rt = w->rt;
	int err = worker_init(w);
	struct arch_fpctl fpctl;
	struct cxx_state cxx;
	bool made = !err;

	/* oa_run() may be called where an exception is being handled, */
	w->cxx = cxx_lay_aside(&cxx);
	/* and under a rounding mode, say; all workers are to be alike. */
	arch_fpctl_save(&fpctl);
	arch_fpctl_reset();
	if (!err) {
		worker_set_self(w);
		overflow_thread();
		watch_worker(w);
		err = rt->poll->worker_init(w);
	}
	worker_came(rt, err);
	wait_all_came(rt);
	if (!atomic_load(&rt->start_error)) { /* [came] */
		rt_event(rt, OA_EVENT_WORKER_START, (int)w->index, 0, NULL);
		worker_loop(w);
		rt_event(rt, OA_EVENT_WORKER_STOP, (int)w->index, 0, NULL);
	}
	if (made) {
		worker_hide(w);
		if (!err)
			rt->poll->worker_fini(w);
		worker_fini(w);
		worker_set_self(NULL);
	}
	overflow_thread_gone();
	arch_fpctl_set(&fpctl);
	cxx_take_up(&cxx);
	atomic_store(&w->state, (uint32_t)WORKER_DEAD); /* [park-kick] */
}

void *worker_thread(void *arg)
{
	struct worker *w = arg;
	struct runtime *rt = w->rt;

	worker_main(w);
	rt_worker_gone(rt);
	return NULL;
}

static int start_thread(struct runtime *rt, uint32_t i)
{
	struct worker *w = rt->workers[i];
	char name[32];

	snprintf(name, sizeof(name), "%.10s/%u", rt->name, i);
	w->thread.fn = worker_thread;
	w->thread.arg = w;
	return rt->poll->thread_start(&w->thread, name, w->cpu);
}

/*
 * Threads for workers from @first on. When one cannot be made, the others are
 * told by counting it as come with its error.
 */
static int start_threads(struct runtime *rt, uint32_t first)
{
	uint32_t i;
	int err = 0;

	rt->running = rt->nr_workers;
	for (i = first; i < rt->nr_workers; i++) {
		if (!err)
			err = start_thread(rt, i);
		if (err) {
			rt->workers[i]->thread.fn = NULL;
			worker_came(rt, err);
			rt_worker_gone(rt);
		}
	}
	return err;
}

int oa_run_with(oa_fn fn, void *arg, const struct oa_config *cfg)
{
	const void *site = __builtin_return_address(0);
	struct oa_ended *ended = NULL;
	struct runtime *rt;
	int err;

	if (!fn)
		return -EINVAL;
	if (worker_self() || task_self())
		return -EBUSY;
	err = rt_make(&rt, cfg, true);
	if (err) {
		about_started(err);
		return err;
	}
	rt->by_run = true;
	fork_install();
	overflow_install();
	publish(rt);
	err = start_first(rt, fn, arg, site);
	if (err)
		rt->start_error = err;
	tell_started(rt);
	start_threads(rt, 1);
	cpus_pin_self(rt->workers[0]->cpu);
	worker_thread(rt->workers[0]);
	cpus_unpin_self(rt->workers[0]->cpu);
	rt_wait(rt, OA_FOREVER);
	err = rt->start_error ? rt->start_error : rt->first_error;
	about_started(err);
	rt_finish(rt);
	ended = rt->cfg.ended;
	if (ended)
		*ended = rt->ended;
	rt_free(rt);
	return err;
}

int (oa_run)(oa_fn fn, void *arg)
{
	return oa_run_with(fn, arg, NULL);
}

int oa_start_with(struct oa_runtime **out, oa_fn fn, void *arg,
		  const struct oa_config *cfg)
{
	const void *site = __builtin_return_address(0);
	struct runtime *rt;
	int err;

	if (!out || !fn)
		return -EINVAL;
	err = rt_make(&rt, cfg, false);
	if (err) {
		about_started(err);
		return err;
	}
	fork_install();
	overflow_install();
	publish(rt);
	err = start_first(rt, fn, arg, site);
	if (err)
		rt->start_error = err;
	tell_started(rt);
	if (rt->cfg.external) {
		err = rt->start_error ? rt->start_error : external_begin(rt);
	} else {
		start_threads(rt, 0);
		wait_all_came(rt);
		err = rt->start_error;
	}
	about_started(err);
	if (err) {
		rt_finish(rt);
		rt_free(rt);
		return err;
	}
	*out = (struct oa_runtime *)rt;
	return 0;
}

int (oa_start)(struct oa_runtime **out, oa_fn fn, void *arg)
{
	return oa_start_with(out, fn, arg, NULL);
}
