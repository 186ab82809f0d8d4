// SPDX-License-Identifier: MIT
/*
 * sync/latch: -n tasks wait on one latch (seen from its count of waiters), one
 * call counts it down: milliseconds until the last of them has gone on. It
 * measures waking many from one queue and switching to as many cold stacks.
 *
 * raw: as many stacks, each switched to once and left, in the order of their
 * making: the cold stacks and nothing else.
 */
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

static const struct metric metrics[] = {
	{ "released", "ms", 0 },
	{ "a task", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'n', "count", "1000000", "tasks that wait", 1, 10000000 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

struct held {
	struct run *r;
	uint64_t n;
	uint64_t gone;
	uint64_t wrong;
	uint64_t ns;
	struct oa_latch gate;
	struct oa_event over;
};

static struct held *all;

static int result(struct held *h)
{
	if (h->wrong || h->gone != h->n)
		return bench_fail(h->r, "%llu went on, %llu of them too early",
				  (unsigned long long)h->gone,
				  (unsigned long long)h->wrong);
	bench_set(h->r, 0, (double)h->ns / 1e6);
	bench_set(h->r, 1, (double)h->ns / (double)h->n);
	return 0;
}

static void *waiter(void *arg)
{
	if (oa_latch_wait(&all->gate) || oa_latch_trywait(&all->gate))
		__atomic_fetch_add(&all->wrong, 1, __ATOMIC_RELAXED);
	if (__atomic_add_fetch(&all->gone, 1, __ATOMIC_RELAXED) == all->n)
		oa_event_set(&all->over);
	return arg;
}

static uint64_t waiting(struct held *h)
{
	struct oa_sync_info info = OA_SYNC_INFO_INIT;

	return oa_latch_info(&h->gate, &info) ? 0 : info.waiters;
}

static void *first(void *arg)
{
	struct held *h = arg;

	for (uint64_t i = 0; i < h->n; i++) {
		int ret = oa_go(waiter, NULL);

		if (ret) {
			bench_fail(h->r, "oa_go: %s", oa_strerror(ret));
			_exit(1);	/* the others would wait for ever */
		}
		if (i % 256 == 255)
			oa_yield();
	}
	while (waiting(h) < h->n)
		oa_sleep(OA_MSEC);
	bench_begin(h->r);
	if (oa_latch_count_down(&h->gate) || oa_event_wait(&h->over))
		bench_fail(h->r, "the latch does not open");
	h->ns = bench_end(h->r);
	return NULL;
}

static int latch_oa(struct run *r)
{
	struct held h = { .r = r, .n = bench_count(r, 0),
			  .gate = OA_LATCH_INIT(1), .over = OA_EVENT_INIT };

	all = &h;
	if (!h.n)
		return bench_fail(r, "no tasks");
	if (bench_oa_run(r, bench_workers(r), first, &h))
		return -1;
	return result(&h);
}

#define RAW_STACK 16384

static void *raw_main;

static void raw_waiter(void *arg)
{
	void **sp = arg;

	all->gone++;
	raw_switch(sp, raw_main);
}

static int latch_raw(struct run *r)
{
	struct held h = { .r = r, .n = bench_count(r, 0) };
	char *stacks;
	void **sp;

	if (!raw_switch_here())
		return bench_skip(r, "no raw switch for this CPU");
	all = &h;
	bench_pin(r, 0, 1);
	sp = calloc(h.n + 1, sizeof(*sp));
	stacks = raw_stack_new((size_t)h.n * RAW_STACK + RAW_STACK);
	if (!sp || !stacks)
		return bench_fail(r, "out of memory");
	for (uint64_t i = 0; i < h.n; i++)
		sp[i] = raw_prepare(stacks + i * RAW_STACK,
				    RAW_STACK - (i % 16 + 1) * 64, raw_waiter,
				    &sp[i]);
	bench_begin(r);
	for (uint64_t i = 0; i < h.n; i++)
		raw_switch(&raw_main, sp[i]);
	h.ns = bench_end(r);
	return result(&h);
}

const struct bench bench_sync_latch = {
	.collection = "sync",
	.name = "latch",
	.summary = "a million tasks wait, and are let go at once",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", latch_oa }, { "raw:switch", latch_raw } },
	.workers = 2,
	.repeats = 5,
	.fixed = true,
	.no_warmup = true,
};
