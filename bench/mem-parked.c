// SPDX-License-Identifier: MIT
/*
 * mem/parked: -n tasks, each suspended one call deep in its body (a sleep of
 * hours); resident memory and page tables that each of them adds, in bytes.
 * All that the process holds for them is in it: descriptors, stacks, timers,
 * queues. It is a figure of memory, not of time.
 *
 * raw: one page touched in each of as many stretches of 256 KiB of reserved
 * address space: a stack and its page table, and nothing else.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

static const struct metric metrics[] = {
	{ "a task", "bytes", 0 },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'n', "count", "1000000", "tasks", 1, 100000000 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

#define RAW_STACK (256 * 1024)

struct parking {
	struct run *r;
	uint64_t n;
	uint64_t parked;
	uint64_t wrong;
};

static struct parking *all;

static __attribute__((noinline)) int one_call_deep(void)
{
	int ret = oa_sleep(OA_SEC * 3600 * 24);

	__asm__ volatile("" ::: "memory");	/* no tail call */
	return ret;
}

static void *parker(void *arg)
{
	__atomic_fetch_add(&all->parked, 1, __ATOMIC_RELAXED);
	if (one_call_deep() != -ECANCELED)
		__atomic_fetch_add(&all->wrong, 1, __ATOMIC_RELAXED);
	return arg;
}

static bool all_parked(void)
{
	struct oa_stats st = { .size = sizeof(st) };

	if (__atomic_load_n(&all->parked, __ATOMIC_RELAXED) < all->n)
		return false;
	return oa_stats(oa_runtime_self(), &st) || st.parks >= all->n;
}

static void *park_all(void *arg)
{
	struct parking *p = arg;
	uint64_t before = bench_memory();

	for (uint64_t i = 0; i < p->n; i++) {
		int ret = oa_go(parker, NULL);

		if (ret) {
			bench_fail(p->r, "oa_go: %s", oa_strerror(ret));
			break;
		}
		if (i % 256 == 255)
			oa_yield();
	}
	while (!p->r->out->error[0] && !all_parked())
		oa_yield();
	bench_set(p->r, 0, (double)(bench_memory() - before) / (double)p->n);
	oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL);
	return NULL;
}

static int parked_oa(struct run *r)
{
	struct parking p = { .r = r, .n = (uint64_t)bench_opt(r, 0) };
	struct oa_ended ended = { 0 };

	all = &p;
	if (!p.n)
		return bench_fail(r, "no tasks");
	if (bench_oa_run_ended(r, bench_workers(r), park_all, &p, &ended))
		return -1;
	if (ended.ran != p.n + 1 || p.wrong)
		return bench_fail(r, "%llu tasks ran, %llu were not cancelled",
				  (unsigned long long)ended.ran,
				  (unsigned long long)p.wrong);
	return 0;
}

static int parked_raw(struct run *r)
{
	uint64_t n = (uint64_t)bench_opt(r, 0), before = bench_memory();
	size_t size = n * RAW_STACK;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return bench_skip(r, "mmap: %s", strerror(errno));
	madvise(p, size, MADV_NOHUGEPAGE);
	for (uint64_t i = 0; i < n; i++)
		p[(i + 1) * RAW_STACK - 64] = 1;
	bench_set(r, 0, (double)(bench_memory() - before) / (double)n);
	return 0;
}

const struct bench bench_mem_parked = {
	.collection = "mem",
	.name = "parked",
	.summary = "memory of a task suspended one call deep",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", parked_oa }, { "raw", parked_raw } },
	.workers = 1,
	.repeats = 3,
	.fixed = true,
	.no_warmup = true,
};
