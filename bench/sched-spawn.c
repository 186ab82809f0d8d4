// SPDX-License-Identifier: MIT
/*
 * sched/spawn: a million tasks (-n) with an empty body that counts, all
 * started before the first runs as far as the scheduler lets them, then
 * waited for; nanoseconds a task. The first round of a process takes its
 * memory from the kernel, the second finds it: they are told apart. It
 * measures descriptors, the queue with its overflow, and starting a body on a
 * warm stack; not stacks (none of the tasks ever suspends).
 *
 * raw: a malloc'ed node of 192 bytes for each, appended to a list; then the
 * list is run through a function pointer and freed.
 */
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>

#include "bench.h"

static const struct metric metrics[] = {
	{ "second round", "ns/task", M_RATE },
	{ "first round", "ns/task", M_RATE },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'n', "count", "1000000", "tasks a round", 1, 100000000 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

struct spawning {
	struct run *r;
	uint64_t n;
	unsigned int workers;
};

static uint64_t counted;

static void *count_alone(void *arg)
{
	counted++;
	return arg;
}

static void *count_shared(void *arg)
{
	__atomic_fetch_add(&counted, 1, __ATOMIC_RELAXED);
	return arg;
}

static int round_oa(struct spawning *s, unsigned int metric)
{
	oa_fn fn = s->workers == 1 ? count_alone : count_shared;
	uint64_t ns;

	__atomic_store_n(&counted, 0, __ATOMIC_RELAXED);
	bench_begin(s->r);
	for (uint64_t i = 0; i < s->n; i++) {
		int ret = oa_go(fn, NULL);

		if (ret)
			return bench_fail(s->r, "oa_go: %s", oa_strerror(ret));
	}
	while (__atomic_load_n(&counted, __ATOMIC_RELAXED) < s->n)
		oa_yield();
	ns = bench_end(s->r);
	bench_set(s->r, metric, (double)ns / (double)s->n);
	return 0;
}

static void *rounds_oa(void *arg)
{
	struct spawning *s = arg;

	if (!round_oa(s, 1))
		round_oa(s, 0);
	return NULL;
}

static int spawn_oa(struct run *r)
{
	struct spawning s = { .r = r, .n = bench_count(r, 0),
			      .workers = bench_workers(r) };
	struct oa_ended ended = { 0 };

	if (bench_oa_run_ended(r, s.workers, rounds_oa, &s, &ended))
		return -1;
	if (counted != s.n || ended.ran != 2 * s.n + 1)
		return bench_fail(r, "%llu tasks ran of %llu",
				  (unsigned long long)ended.ran,
				  (unsigned long long)(2 * s.n + 1));
	return 0;
}

struct node {
	struct node *next;
	oa_fn fn;
	void *arg;
	char rest[192 - 3 * sizeof(void *)];
};

static int round_raw(struct run *r, uint64_t n, unsigned int metric)
{
	struct node *first = NULL, **last = &first;
	uint64_t ns;

	counted = 0;
	bench_begin(r);
	for (uint64_t i = 0; i < n; i++) {
		struct node *nd = malloc(sizeof(*nd));

		if (!nd)
			return bench_fail(r, "out of memory");
		nd->next = NULL;
		nd->fn = count_alone;
		nd->arg = NULL;
		*last = nd;
		last = &nd->next;
	}
	while (first) {
		struct node *nd = first;

		first = nd->next;
		nd->fn(nd->arg);
		free(nd);
	}
	ns = bench_end(r);
	bench_set(r, metric, (double)ns / (double)n);
	return counted == n ? 0 : bench_fail(r, "miscounted");
}

static int spawn_raw(struct run *r)
{
	uint64_t n = bench_count(r, 0);

	bench_pin(r, 0, 1);
	/* what the first round got stays for the second */
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	return round_raw(r, n, 1) || round_raw(r, n, 0) ? -1 : 0;
}

const struct bench bench_sched_spawn = {
	.collection = "sched",
	.name = "spawn",
	.summary = "a million tasks with an empty body, then wait for all",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", spawn_oa }, { "raw", spawn_raw } },
	.workers = 1,
	.fixed = true,
};
