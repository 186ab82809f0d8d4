// SPDX-License-Identifier: MIT
/*
 * job/skynet: a tree of jobs, ten children each down to a million leaves (-n),
 * every one joining its children in the order in which it forked them and
 * handing up the sum of the leaves' numbers; milliseconds for the tree. With
 * -w it measures how the tree spreads over workers.
 *
 * raw: the same tree by calls through a pointer.
 */
#include <stdlib.h>

#include "bench.h"

#define CHILDREN 10

static const struct metric metrics[] = {
	{ "second tree", "ms", 0 },
	{ "first tree", "ms", 0 },
	{ "a job", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'n', "leaves", "1000000", "a power of ten", 1, 100000000 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

struct node {
	uint64_t first, leaves;
};

static void child_of(struct node *child, const struct node *me, unsigned int i)
{
	child->leaves = me->leaves / CHILDREN;
	child->first = me->first + i * child->leaves;
}

static void *skynet(void *arg)
{
	struct node *me = arg, child[CHILDREN];
	struct oa_job job[CHILDREN];
	uint64_t sum = 0;

	if (me->leaves == 1)
		return (void *)(uintptr_t)me->first;
	for (unsigned int i = 0; i < CHILDREN; i++) {
		child_of(&child[i], me, i);
		oa_job_fork(&job[i], skynet, &child[i]);
	}
	for (unsigned int i = 0; i < CHILDREN; i++)
		sum += (uintptr_t)oa_job_join(&job[i]);
	return (void *)(uintptr_t)sum;
}

static void *(*volatile raw_fn)(void *);

static void *raw_skynet(void *arg)
{
	struct node *me = arg, child[CHILDREN];
	uint64_t sum = 0;

	if (me->leaves == 1)
		return (void *)(uintptr_t)me->first;
	for (unsigned int i = 0; i < CHILDREN; i++) {
		child_of(&child[i], me, i);
		sum += (uintptr_t)raw_fn(&child[i]);
	}
	return (void *)(uintptr_t)sum;
}

static uint64_t jobs_of(uint64_t leaves)
{
	uint64_t n = 0;

	for (; leaves; leaves /= CHILDREN)
		n += leaves;
	return n;
}

static int tree(struct run *r, void *(*fn)(void *), unsigned int metric)
{
	uint64_t n = (uint64_t)bench_opt(r, 0), ns;
	struct node root = { .first = 0, .leaves = n };
	uint64_t sum;

	bench_begin(r);
	sum = (uintptr_t)fn(&root);
	ns = bench_end(r);
	if (sum != n * (n - 1) / 2)
		return bench_fail(r, "the sum is %llu",
				  (unsigned long long)sum);
	bench_set(r, metric, (double)ns / 1e6);
	if (metric == 0)
		bench_set(r, 2, (double)ns / (double)jobs_of(n));
	return 0;
}

static bool power_of_ten(uint64_t n)
{
	while (n >= 10 && n % 10 == 0)
		n /= 10;
	return n == 1;
}

static void *trees(void *arg)
{
	struct run *r = arg;

	if (!tree(r, skynet, 1))
		tree(r, skynet, 0);
	return NULL;
}

static int skynet_oa(struct run *r)
{
	if (!power_of_ten((uint64_t)bench_opt(r, 0)))
		return bench_fail(r, "the leaves are no power of ten");
	return bench_oa_run(r, bench_workers(r), trees, r);
}

static int skynet_raw(struct run *r)
{
	if (!power_of_ten((uint64_t)bench_opt(r, 0)))
		return bench_fail(r, "the leaves are no power of ten");
	bench_pin(r, 0, 1);
	raw_fn = raw_skynet;
	return tree(r, raw_skynet, 1) || tree(r, raw_skynet, 0) ? -1 : 0;
}

const struct bench bench_job_skynet = {
	.collection = "job",
	.name = "skynet",
	.summary = "a tree of 1,111,111 jobs, each joining its ten children",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", skynet_oa }, { "raw", skynet_raw } },
	.workers = 1,
	.fixed = true,
};
