// SPDX-License-Identifier: MIT
/*
 * sched/fib: the Fibonacci numbers by definition; each call starts a task for
 * one half, calls the other itself and joins; nanoseconds a task. It measures
 * spawn and join where the joiner is some calls deep and the newest task is
 * the one that is joined.
 *
 * raw: the same with plain calls in place of tasks: the work itself.
 */
#include "bench.h"

static const struct metric metrics[] = {
	{ "a task", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'n', "number", "18", "which Fibonacci number", 2, 40 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

static void *fib_task(void *arg)
{
	uintptr_t n = (uintptr_t)arg, a;
	void *b = NULL;
	oa_task_t t;

	if (n < 2)
		return arg;
	t = oa_spawn(fib_task, (void *)(n - 1));
	a = (uintptr_t)fib_task((void *)(n - 2));
	/* a lost task shows in the number */
	if (oa_join(t, &b))
		return NULL;
	return (void *)(a + (uintptr_t)b);
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
	if (c.number < 2 || c.number > 40)
		return bench_fail(r, "a number from 2 to 40");
	c.want = fib_plain(c.number);
	return bench_loop(r, 0, fib_plain(c.number + 1) - 1, compute, &c);
}

static void *first(void *arg)
{
	measure(arg, fib_task);
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

const struct bench bench_sched_fib = {
	.collection = "sched",
	.name = "fib",
	.summary = "start a task for one half, call the other, join",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", fib_oa }, { "raw", fib_raw } },
	.workers = 1,
	.min_iters = 2,
};
