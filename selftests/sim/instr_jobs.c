// SPDX-License-Identifier: MIT
/* Jobs: what forking costs when nobody steals. */
#include "instr_ops.h"

#define FIB	15
#define CALLS	1973u		/* of fib(FIB), leaves included */

static void *itself(void *arg)
{
	return arg;
}

/* It is taken back by who has forked it. */
static void do_job(void)
{
	struct oa_job job;

	for (unsigned int i = 0; i < TURNS; i++) {
		check(oa_job_fork(&job, itself, &job));
		check(oa_job_join(&job) != &job);
	}
}

static void *fib(void *arg)
{
	intptr_t n = (intptr_t)arg, rest;
	struct oa_job job;

	if (n < 2)
		return arg;
	check(oa_job_fork(&job, fib, (void *)(n - 1)));
	rest = (intptr_t)fib((void *)(n - 2));
	return (void *)((intptr_t)oa_job_join(&job) + rest);
}

/* A call, half of which are jobs. */
static void do_fib(void)
{
	check(fib((void *)FIB) != (void *)610);
}

static void add_up(size_t begin, size_t end, void *arg)
{
	uint64_t *sum = arg;

	*sum += end - begin;
}

/* A piece of a loop. */
static void do_for(void)
{
	uint64_t sum = 0;

	check(oa_parallel_for(0, TURNS, 1, add_up, &sum));
	check(sum != TURNS);
}

const struct instr_op instr_job_ops[] = {
	{ "job", do_job, TURNS },
	{ "job-fib", do_fib, CALLS },
	{ "job-for", do_for, TURNS },
	{ NULL, NULL, 0 },
};
