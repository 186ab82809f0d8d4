// SPDX-License-Identifier: MIT
/*
 * job/fib: the Fibonacci numbers by definition; each call forks a job for one
 * half, calls the other itself and joins; nanoseconds a call, leaves included,
 * as others count. It measures what it costs to offer work that is hardly ever
 * taken, and with -w how it spreads.
 *
 * raw: the same with plain calls in place of jobs: the work itself.
 */
#include "bench.h"

static const struct metric metrics[] = {
	{ "a call", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'n', "number", "30", "which Fibonacci number", 2, 45 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

static void *fib_job(void *arg)
{
	uintptr_t n = (uintptr_t)arg, a;
	struct oa_job job;

	if (n < 2)
		return arg;
	oa_job_fork(&job, fib_job, (void *)(n - 1));
	a = (uintptr_t)fib_job((void *)(n - 2));
	return (void *)(a + (uintptr_t)oa_job_join(&job));
}

static void *(*volatile raw_fn)(void *);

static void *fib_call(void *arg)
{
	uintptr_t n = (uintptr_t)arg, a;

	if (n < 2)
		return arg;
	a = (uintptr_t)raw_fn((void *)(n - 2));
	return (void *)(a + (uintptr_t)raw_fn((void *)(n - 1)));
}

static uint64_t fib_plain(uint64_t n)
{
	uint64_t a = 0, b = 1;

	while (n--) {
		uint64_t c = a + b;

		a = b;
		b = c;
	}
	return a;
}

struct computing {
	struct run *r;
	void *(*fn)(void *);
	uintptr_t number, want;
};

static int compute(void *arg, uint64_t n)
{
	struct computing *c = arg;

	while (n--)
		if ((uintptr_t)c->fn((void *)c->number) != c->want)
			return bench_fail(c->r, "a wrong number");
	return 0;
}

static int measure(struct run *r, void *(*fn)(void *))
{
	struct computing c = { .r = r, .fn = fn };

	c.number = (uintptr_t)bench_opt(r, 0);
	c.want = fib_plain(c.number);
	return bench_loop(r, 0, 2 * fib_plain(c.number + 1) - 1, compute, &c);
}

static void *first(void *arg)
{
	measure(arg, fib_job);
	return NULL;
}

static int fib_oa(struct run *r)
{
	return bench_oa_run(r, bench_workers(r), first, r);
}

static int fib_raw(struct run *r)
{
	bench_pin(r, 0, 1);
	raw_fn = fib_call;
	return measure(r, fib_call);
}

const struct bench bench_job_fib = {
	.collection = "job",
	.name = "fib",
	.summary = "fork a job for one half, call the other, join",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", fib_oa }, { "raw", fib_raw } },
	.workers = 1,
	.min_iters = 2,
};
