// SPDX-License-Identifier: MIT
/*
 * mem/started: -n tasks started with a delay of an hour, none of them begun;
 * resident memory and page tables that each adds, in bytes. Then a shutdown
 * drops them all (checked). What a task costs that only waits for its time.
 * With -o 1 each has an .on_drop, called by then: what options add.
 *
 * raw: 192 bytes by malloc, written.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const struct metric metrics[] = {
	{ "a task", "bytes", 0 },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'n', "count", "1000000", "tasks", 1, 100000000 },
	{ 'o', "on-drop", "0", "1: each is told when it is dropped", 0, 1 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

struct starting {
	struct run *r;
	uint64_t n;
	bool tell;
	uint64_t told;
};

static void *never(void *arg)
{
	struct starting *s = arg;

	bench_fail(s->r, "a delayed task ran");
	return NULL;
}

static void on_drop(void *arg)
{
	struct starting *s = arg;

	__atomic_fetch_add(&s->told, 1, __ATOMIC_RELAXED);
}

static void *start_all(void *arg)
{
	struct starting *s = arg;
	uint64_t before = bench_memory();

	for (uint64_t i = 0; i < s->n; i++) {
		int ret = oa_go(never, s, .delay = 3600 * OA_SEC,
				.on_drop = s->tell ? on_drop : NULL);

		if (ret) {
			bench_fail(s->r, "oa_go: %s", oa_strerror(ret));
			break;
		}
	}
	bench_set(s->r, 0, (double)(bench_memory() - before) / (double)s->n);
	oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL);
	return NULL;
}

static int started_oa(struct run *r)
{
	struct starting s = { .r = r, .n = (uint64_t)bench_opt(r, 0),
			      .tell = bench_opt(r, 1) };
	struct oa_ended ended = { 0 };

	if (!s.n)
		return bench_fail(r, "no tasks");
	if (bench_oa_run_ended(r, bench_workers(r), start_all, &s, &ended))
		return -1;
	if (ended.dropped != s.n || s.told != (s.tell ? s.n : 0) ||
	    ended.ran != 1)
		return bench_fail(r, "%llu dropped, %llu told, of %llu",
				  (unsigned long long)ended.dropped,
				  (unsigned long long)s.told,
				  (unsigned long long)s.n);
	return 0;
}

static int started_raw(struct run *r)
{
	uint64_t n = (uint64_t)bench_opt(r, 0), before = bench_memory();

	for (uint64_t i = 0; i < n; i++) {
		char *volatile p = malloc(192);

		if (!p)
			return bench_fail(r, "out of memory");
		memset(p, 1, 192);
	}
	bench_set(r, 0, (double)(bench_memory() - before) / (double)n);
	return 0;
}

const struct bench bench_mem_started = {
	.collection = "mem",
	.name = "started",
	.summary = "memory of a task that waits for its time",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", started_oa }, { "raw", started_raw } },
	.workers = 1,
	.repeats = 3,
	.fixed = true,
	.no_warmup = true,
};
