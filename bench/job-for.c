// SPDX-License-Identifier: MIT
/*
 * job/for: oa_parallel_for() over numbers in memory (-n), which are hashed in
 * place; nanoseconds an element, with a grain of -g. It measures what the
 * splitting costs, and with -w how the range spreads.
 *
 * raw: the same by one loop.
 */
#include <stdlib.h>

#include "bench.h"

static const struct metric metrics[] = {
	{ "an element", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'n', "elements", "1000000", "how many", 1, 100000000 },
	{ 'g', "grain", "1000", "elements a piece; 0: the library's choice",
	  0, 100000000 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

struct loop {
	struct run *r;
	uint32_t *x;
	size_t n, grain;
	uint64_t turns;
};

static void hash(size_t begin, size_t end, void *arg)
{
	uint32_t *x = arg;

	for (size_t i = begin; i < end; i++) {
		uint32_t v = x[i];

		v ^= v >> 16;
		v *= 0x7feb352d;
		v ^= v >> 15;
		v *= 0x846ca68b;
		x[i] = v ^ v >> 16;
	}
}

static int by_jobs(void *arg, uint64_t n)
{
	struct loop *l = arg;

	for (; n--; l->turns++)
		if (oa_parallel_for(0, l->n, l->grain, hash, l->x))
			return bench_fail(l->r, "the loop failed");
	return 0;
}

static int by_loop(void *arg, uint64_t n)
{
	struct loop *l = arg;

	for (; n--; l->turns++)
		hash(0, l->n, l->x);
	return 0;
}

/* Each element as often as there were turns. */
static int check(const struct loop *l)
{
	for (size_t k = 0; k < 3; k++) {
		size_t i = k * (l->n - 1) / 2;
		uint32_t v = (uint32_t)i;

		for (uint64_t t = 0; t < l->turns; t++)
			hash(0, 1, &v);
		if (v != l->x[i])
			return bench_fail(l->r, "element %zu is wrong", i);
	}
	return 0;
}

static int measure(struct run *r, int (*fn)(void *, uint64_t))
{
	struct loop l = { .r = r, .n = (size_t)bench_opt(r, 0),
			  .grain = (size_t)bench_opt(r, 1) };
	int err;

	l.x = malloc(l.n * sizeof(*l.x));
	if (!l.x)
		return bench_fail(r, "no memory");
	for (size_t i = 0; i < l.n; i++)
		l.x[i] = (uint32_t)i;
	err = bench_loop(r, 0, l.n, fn, &l);
	if (!err)
		err = check(&l);
	free(l.x);
	return err;
}

static void *first(void *arg)
{
	measure(arg, by_jobs);
	return NULL;
}

static int for_oa(struct run *r)
{
	return bench_oa_run(r, bench_workers(r), first, r);
}

static int for_raw(struct run *r)
{
	bench_pin(r, 0, 1);
	return measure(r, by_loop);
}

const struct bench bench_job_for = {
	.collection = "job",
	.name = "for",
	.summary = "go through a range of numbers, piece by piece",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", for_oa }, { "raw", for_raw } },
	.workers = 1,
	.min_iters = 2,
};
