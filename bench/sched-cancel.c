// SPDX-License-Identifier: MIT
/*
 * sched/cancel: -n tasks sleep, two tasks cancel them all: milliseconds until
 * the last has ended, told by its cancel.
 * sched/shutdown: -n tasks are suspended, and the runtime is shut down
 * gracefully: milliseconds until it has ended.
 *
 * raw: threads, a thousand at most, so only what one of them costs compares.
 * They sleep and two others cancel them; they wait on a condition variable,
 * are told to end by a broadcast, and joined.
 *
 * oa: without the watch for tasks that hold their worker, as in all benches;
 * oa:watched: with it, as a program has it that says nothing.
 */
#include <errno.h>
#include <stdlib.h>

#include "raw-crowd.h"

static const struct metric cancel_metrics[] = {
	{ "cancelled", "ms", 0 },
	{ "a task", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

static const struct bench_opt cancel_opts[] = {
	{ 'n', "count", "1000000", "tasks that sleep", 1, 10000000 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

struct crowd {
	struct run *r;
	uint64_t n, asleep, cut, ended, ns;
	oa_task_t *t;
	struct oa_event over;
};

static struct crowd crowd, *all = &crowd;

static void *sleeps(void *arg)
{
	__atomic_fetch_add(&all->asleep, 1, __ATOMIC_RELAXED);
	if (oa_sleep(OA_FOREVER / 4) == -ECANCELED)
		__atomic_fetch_add(&all->cut, 1, __ATOMIC_RELAXED);
	if (__atomic_add_fetch(&all->ended, 1, __ATOMIC_RELAXED) == all->n)
		oa_event_set(&all->over);
	return arg;
}

/* Every second one, from @arg on. */
static void *cancels(void *arg)
{
	for (uint64_t i = (uintptr_t)arg; i < all->n; i += 2)
		oa_cancel(all->t[i]);
	return NULL;
}

static bool fill(struct crowd *c)
{
	for (uint64_t i = 0; i < c->n; i++) {
		c->t[i] = oa_spawn(sleeps, NULL);
		if (oa_task_error(c->t[i]))
			return false;
		if (i % 256 == 255)
			oa_yield();
	}
	while (__atomic_load_n(&c->asleep, __ATOMIC_RELAXED) < c->n)
		oa_sleep(OA_MSEC);
	return true;
}

static void *cancel_first(void *arg)
{
	struct crowd *c = arg;

	if (!fill(c)) {
		bench_fail(c->r, "no memory for %llu tasks",
			   (unsigned long long)c->n);
		oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL);
		return NULL;
	}
	bench_begin(c->r);
	oa_go(cancels, (void *)1);
	cancels(NULL);
	oa_event_wait(&c->over);
	c->ns = bench_end(c->r);
	for (uint64_t i = 0; i < c->n; i++)
		oa_join(c->t[i], NULL);
	return NULL;
}

static int crowd_begin(struct crowd *c, struct run *r)
{
	*c = (struct crowd){ .r = r, .n = bench_count(r, 0),
			     .over = OA_EVENT_INIT };
	c->t = c->n ? calloc(c->n, sizeof(*c->t)) : NULL;
	return c->t ? 0 : bench_fail(c->r, "no tasks, or out of memory");
}

static int cancel_all(struct run *r, oa_time_t watch)
{
	struct crowd *c = all;
	int ret = crowd_begin(c, r);

	if (!ret && bench_oa_run_watched(r, bench_workers(r), cancel_first, c,
					 watch))
		ret = -1;
	free(c->t);
	if (ret)
		return ret;
	if (c->cut != c->n)
		return bench_fail(r, "%llu of %llu were told of their cancel",
				  (unsigned long long)c->cut,
				  (unsigned long long)c->n);
	bench_set(r, 0, (double)c->ns / 1e6);
	bench_set(r, 1, (double)c->ns / (double)c->n);
	return 0;
}

static int cancel_oa(struct run *r)
{
	return cancel_all(r, OA_FOREVER);
}

static int cancel_watched(struct run *r)
{
	return cancel_all(r, 0);
}

static int cancel_threads(struct run *r)
{
	return raw_crowd_cancel(r, 1, bench_count(r, 0));
}

const struct bench bench_sched_cancel = {
	.collection = "sched",
	.name = "cancel",
	.summary = "a million tasks sleep, and are cancelled",
	.metrics = cancel_metrics,
	.opts = cancel_opts,
	.impl = { { "oa", cancel_oa }, { "oa:watched", cancel_watched },
		  { "raw:threads", cancel_threads } },
	.workers = 2,
	.repeats = 5,
	.fixed = true,
	.no_warmup = true,
};

static const struct metric shutdown_metrics[] = {
	{ "graceful", "ms", 0 },
	{ "a task", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

static const struct bench_opt shutdown_opts[] = {
	{ 'n', "count", "100000", "tasks that are suspended", 1, 10000000 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

static void *shutdown_first(void *arg)
{
	struct crowd *c = arg;

	if (!fill(c))
		bench_fail(c->r, "no memory for %llu tasks",
			   (unsigned long long)c->n);
	bench_begin(c->r);
	oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL);
	return NULL;
}

static int shut_all(struct run *r, oa_time_t watch)
{
	struct crowd *c = all;
	int ret = crowd_begin(c, r);
	struct oa_runtime *rt;

	if (ret)
		return ret;
	if (oa_start(&rt, shutdown_first, c, .workers = bench_workers(r),
		     .watch = watch))
		return bench_fail(r, "oa_start");
	oa_runtime_wait(rt, NULL);
	c->ns = bench_end(r);
	oa_runtime_free(rt);
	free(c->t);
	if (c->cut != c->n)
		return bench_fail(r, "%llu of %llu were cancelled",
				  (unsigned long long)c->cut,
				  (unsigned long long)c->n);
	bench_set(r, 0, (double)c->ns / 1e6);
	bench_set(r, 1, (double)c->ns / (double)c->n);
	return 0;
}

static int shutdown_oa(struct run *r)
{
	return shut_all(r, OA_FOREVER);
}

static int shutdown_watched(struct run *r)
{
	return shut_all(r, 0);
}

static int shutdown_threads(struct run *r)
{
	return raw_crowd_dismiss(r, 1, bench_count(r, 0));
}

const struct bench bench_sched_shutdown = {
	.collection = "sched",
	.name = "shutdown",
	.summary = "a hundred thousand suspended tasks, shut down gracefully",
	.metrics = shutdown_metrics,
	.opts = shutdown_opts,
	.impl = { { "oa", shutdown_oa }, { "oa:watched", shutdown_watched },
		  { "raw:threads", shutdown_threads } },
	.workers = 2,
	.repeats = 7,
	.fixed = true,
	.no_warmup = true,
};
