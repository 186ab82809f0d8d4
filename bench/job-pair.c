// SPDX-License-Identifier: MIT
/*
 * job/pair: one task forks a job and joins it, again and again; nanoseconds a
 * pair, with the call of the job.
 *
 * raw: the call alone.
 */
#include "bench.h"

static const struct metric metrics[] = {
	{ "fork+join", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

static void *counts(void *arg)
{
	++*(uint64_t *)arg;
	return arg;
}

static int pairs_oa(void *arg, uint64_t n)
{
	struct run *r = arg;
	uint64_t done = 0;
	struct oa_job job;

	for (uint64_t i = 0; i < n; i++)
		if (oa_job_fork(&job, counts, &done) ||
		    oa_job_join(&job) != &done)
			return bench_fail(r, "a job is not what it was");
	return done == n ? 0 : bench_fail(r, "a job did not run");
}

static void *(*volatile raw_fn)(void *) = counts;

static int pairs_raw(void *arg, uint64_t n)
{
	uint64_t done = 0;

	for (uint64_t i = 0; i < n; i++)
		raw_fn(&done);
	return done == n ? 0 : bench_fail(arg, "a call did not happen");
}

static void *first(void *arg)
{
	bench_loop(arg, 0, 1, pairs_oa, arg);
	return NULL;
}

static int pair_oa(struct run *r)
{
	return bench_oa_run(r, bench_workers(r), first, r);
}

static int pair_raw(struct run *r)
{
	bench_pin(r, 0, 1);
	return bench_loop(r, 0, 1, pairs_raw, r);
}

const struct bench bench_job_pair = {
	.collection = "job",
	.name = "pair",
	.summary = "fork a job and join it, one after the other",
	.metrics = metrics,
	.impl = { { "oa", pair_oa }, { "raw", pair_raw } },
	.workers = 1,
};
