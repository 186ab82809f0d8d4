// SPDX-License-Identifier: MIT
/*
 * timer/million: -n tasks sleep, each with a deadline of its own, spread over
 * one second. With -o 0 all of them are asleep before the first deadline comes
 * (checked): CPU time for each expiry, which includes resuming the task and
 * its end, and how late the tasks go on. With -o 1 each task is told at once,
 * as it is started, to sleep for up to a second: then starting them, with
 * their stacks, competes with the deadlines, and the whole is what counts.
 *
 * raw: one thread, a binary heap of as many deadlines, a sleep until the next;
 * the expiry of each is counted and its lateness taken. No tasks to resume.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define WORKERS_MAX 64

static const struct metric metrics[] = {
	{ "late p99", "ns", M_HIST },
	{ "late p50", "ns", 0 },
	{ "CPU a timer", "ns", 0 },
	{ "wall", "ms", 0 },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'n', "count", "1000000", "tasks that sleep", 1, 100000000 },
	{ 'o', "at-once", "0,1", "1: asleep as they are started", 0, 1 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

struct sleeping {
	struct run *r;
	uint64_t n;
	bool at_once;
	uint64_t base;		/* first deadline, once it is known */
	uint64_t asleep;	/* tasks that are about to sleep */
	uint64_t done;
	uint64_t early;
	struct hist *hist;	/* of each worker, written by it alone */
};

static struct sleeping *all;

/* Deadlines in no order, each nanosecond of the second once at most. */
static uint64_t offset(uint64_t i)
{
	return (i * 2654435761u) % all->n * (NSEC / all->n);
}

static void *sleeper(void *arg)
{
	uint64_t i = (uintptr_t)arg, deadline, now;

	deadline = (all->at_once ? bench_now() : all->base) + offset(i);
	__atomic_fetch_add(&all->asleep, 1, __ATOMIC_RELAXED);
	oa_sleep_until((oa_time_t)deadline);
	now = bench_now();
	if (now < deadline)
		__atomic_fetch_add(&all->early, 1, __ATOMIC_RELAXED);
	else
		hist_add(&all->hist[oa_worker_id()], now - deadline);
	__atomic_fetch_add(&all->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static int start(uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		int ret = oa_go(sleeper, (void *)(uintptr_t)i);

		if (ret)
			return bench_fail(all->r, "oa_go: %s",
					  oa_strerror(ret));
		if (i % 256 == 255)
			oa_yield();
	}
	return 0;
}

/* What the first touch of a page costs here: most of a sleeper's start. */
static uint64_t touch_ns(void)
{
	const size_t page = 4096, n = 4096;
	char *p = raw_stack_new(n * page);
	uint64_t t = bench_now();

	for (size_t i = 0; p && i < n; i++)
		((volatile char *)p)[i * page] = 1;
	t = (bench_now() - t) / n;
	if (p)
		munmap(p, n * page);
	return t;
}

/*
 * How much of a lead n tasks need is not known beforehand: an ample time for
 * each, and a check that it was enough.
 */
static int asleep_first(struct sleeping *s)
{
	uint64_t lead = s->n * (5 * touch_ns() + 3000) + NSEC / 2;

	s->base = bench_now() + lead;
	if (start(0, s->n))
		return -1;
	while (__atomic_load_n(&s->asleep, __ATOMIC_RELAXED) < s->n)
		oa_sleep(OA_MSEC);
	/* the last to announce itself is asleep after a few turns more */
	oa_sleep(10 * OA_MSEC);
	if (bench_now() > s->base)
		return bench_fail(s->r, "not all were asleep in %llu ms",
				  (unsigned long long)(lead / 1000000));
	oa_sleep_until((oa_time_t)s->base - 5 * OA_MSEC);
	return 0;
}

static void *first(void *arg)
{
	struct sleeping *s = arg;
	uint64_t cpu, wall;

	if (!s->at_once && asleep_first(s))
		_exit(1);	/* a million sleepers would keep us */
	cpu = bench_cpu_ns();
	wall = bench_now();
	bench_begin(s->r);
	if (s->at_once && start(0, s->n))
		_exit(1);
	while (__atomic_load_n(&s->done, __ATOMIC_ACQUIRE) < s->n)
		oa_sleep(2 * OA_MSEC);
	bench_end(s->r);
	cpu = bench_cpu_ns() - cpu;
	wall = bench_now() - wall;
	bench_set(s->r, 2, (double)cpu / (double)s->n);
	bench_set(s->r, 3, (double)wall / 1e6);
	return NULL;
}

static int results(struct run *r, uint64_t n)
{
	struct hist *h = &r->out->hist;

	if (h->count != n)
		return bench_fail(r, "%llu sleepers of %llu were in time",
				  (unsigned long long)h->count,
				  (unsigned long long)n);
	bench_set(r, 0, (double)hist_percentile(h, .99));
	bench_set(r, 1, (double)hist_percentile(h, .5));
	return 0;
}

static void prepare(struct run *r, struct sleeping *s)
{
	s->r = r;
	s->n = (uint64_t)bench_opt(r, 0);
	s->at_once = bench_opt(r, 1);
	all = s;
}

static int million_oa(struct run *r)
{
	unsigned int workers = bench_workers(r);
	struct sleeping s = { 0 };

	prepare(r, &s);
	if (!s.n || workers > WORKERS_MAX)
		return bench_fail(r, "bad number of tasks or workers");
	s.hist = calloc(workers, sizeof(*s.hist));
	if (!s.hist)
		return bench_fail(r, "out of memory");
	if (bench_oa_run(r, workers, first, &s))
		return -1;
	for (unsigned int i = 0; i < workers; i++)
		hist_merge(&r->out->hist, &s.hist[i]);
	return results(r, s.n);
}

static void sift_down(uint64_t *heap, uint64_t n, uint64_t i)
{
	for (;;) {
		uint64_t k = 2 * i + 1, v = heap[i];

		if (k + 1 < n && heap[k + 1] < heap[k])
			k++;
		if (k >= n || heap[k] >= v)
			return;
		heap[i] = heap[k];
		heap[k] = v;
		i = k;
	}
}

static void sleep_to(uint64_t at)
{
	struct timespec ts = { .tv_sec = (time_t)(at / NSEC),
			       .tv_nsec = (long)(at % NSEC) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static void expire_all(struct run *r, uint64_t *heap, uint64_t n)
{
	while (n) {
		uint64_t now = bench_now();

		if (now < heap[0]) {
			sleep_to(heap[0]);
			continue;
		}
		hist_add(&r->out->hist, now - heap[0]);
		heap[0] = heap[--n];
		sift_down(heap, n, 0);
	}
}

static int million_raw(struct run *r)
{
	struct sleeping s = { 0 };
	uint64_t *heap, cpu;

	prepare(r, &s);
	heap = calloc(s.n + 1, sizeof(*heap));
	if (!heap || !s.n)
		return bench_fail(r, "out of memory");
	bench_pin(r, 0, 1);
	prctl(PR_SET_TIMERSLACK, 1);
	s.base = bench_now() + NSEC / 2;
	for (uint64_t i = 0; i < s.n; i++)
		heap[i] = s.base + offset(i);
	for (uint64_t i = s.n / 2; i-- > 0;)
		sift_down(heap, s.n, i);
	sleep_to(s.base - 5000000);
	cpu = bench_cpu_ns();
	bench_begin(r);
	expire_all(r, heap, s.n);
	bench_set(r, 3, (double)bench_end(r) / 1e6);
	bench_set(r, 2, (double)(bench_cpu_ns() - cpu) / (double)s.n);
	return results(r, s.n);
}

const struct bench bench_timer_million = {
	.collection = "timer",
	.name = "million",
	.summary = "a million sleepers wake within one second",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", million_oa }, { "raw:heap", million_raw } },
	.workers = 2,
	.repeats = 5,
	.fixed = true,
	.no_warmup = true,
};
