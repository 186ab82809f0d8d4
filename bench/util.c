// SPDX-License-Identifier: MIT
/* What the implementations of a bench share: clocks, results, placement. */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

static uint64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NSEC + (uint64_t)t.tv_nsec;
}

uint64_t bench_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* CPU time of all threads of this process. */
uint64_t bench_cpu_ns(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/*
 * With --iterations no clock is read: an instruction count must not depend on
 * whether the kernel answers from user space.
 */
void bench_begin(struct run *r)
{
	r->begun = r->lap_begun = r->set->iterations ? 0 : bench_now();
}

/* The time since bench_begin(), also added to what the sample took. */
uint64_t bench_end(struct run *r)
{
	uint64_t ns = r->set->iterations ? 0 : bench_now() - r->begun;

	r->out->elapsed += ns;
	return ns;
}

void bench_add_time(struct run *r, uint64_t ns)
{
	r->out->elapsed += ns;
}

/*
 * A sample of work that goes on evenly is cut into laps, and its figure is the
 * median over them: a lap is long against what the runtime does now and then,
 * and short against the slices of others on the same CPU, which spoil some
 * laps but not the median.
 */
#define LAPS 256

/* How many of n iterations a lap has. */
uint64_t bench_lap_size(const struct run *r, uint64_t n)
{
	return r->set->iterations || r->set->whole ? n : n / LAPS + 1;
}

/* A lap is over, in which so many operations were done. */
void bench_lap(struct run *r, uint64_t ops)
{
	uint64_t now;

	if (r->set->iterations || !ops)
		return;
	now = bench_now();
	if (!r->lap)
		r->lap = calloc(LAPS + 1, sizeof(*r->lap));
	if (r->lap && r->laps <= LAPS)
		r->lap[r->laps++] = (double)(now - r->lap_begun) / (double)ops;
	r->lap_begun = now;
}

void bench_per_op_laps(struct run *r, unsigned int metric)
{
	if (r->laps)
		bench_set(r, metric, summarize(r->lap, r->laps).median);
	free(r->lap);
	r->lap = NULL;
	r->laps = 0;
}

/*
 * Laps of r->iters operations that several tasks do: each tells every one by
 * bench_step(). With more than one worker there is no such order, and the
 * figure is that of the whole sample.
 */
void bench_steps(struct run *r, unsigned int workers)
{
	r->step = 0;
	r->steps = workers == 1 && !r->set->iterations
			   ? bench_lap_size(r, r->iters) : 0;
}

void bench_step_lap(struct run *r)
{
	bench_lap(r, r->steps);
	r->step = 0;
}

void bench_steps_end(struct run *r, unsigned int metric, uint64_t ops)
{
	if (r->steps)
		bench_per_op_laps(r, metric);
	else
		bench_per_op(r, metric, ops);
	r->steps = 0;
}

/*
 * Runs fn(arg, n) untimed for the warm-up, then timed, lap by lap; each of the
 * iterations is so many operations. fn returns 0, or what ends it all.
 */
int bench_loop(struct run *r, unsigned int metric, uint64_t ops,
	       int (*fn)(void *arg, uint64_t n), void *arg)
{
	uint64_t lap = bench_lap_size(r, r->iters), left = r->iters;
	int ret = bench_warmup(r) ? fn(arg, bench_warmup(r)) : 0;

	if (ret)
		return ret;
	bench_begin(r);
	for (; left; left -= lap) {
		lap = lap < left ? lap : left;
		ret = fn(arg, lap);
		if (ret)
			return ret;
		bench_lap(r, lap * ops);
	}
	bench_end(r);
	bench_per_op_laps(r, metric);
	return 0;
}

void bench_set(struct run *r, unsigned int metric, double value)
{
	r->out->value[metric] = value;
}

/* Nanoseconds of the timed part for each of ops operations. */
void bench_per_op(struct run *r, unsigned int metric, uint64_t ops)
{
	bench_set(r, metric, (double)r->out->elapsed / (double)ops);
}

__attribute__((format(printf, 2, 0)))
static void tell(struct run *r, const char *fmt, va_list ap)
{
	if (!r->out->error[0])
		vsnprintf(r->out->error, sizeof(r->out->error), fmt, ap);
}

int bench_fail(struct run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(r, fmt, ap);
	va_end(ap);
	return -1;
}

int bench_skip(struct run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(r, fmt, ap);
	va_end(ap);
	return BENCH_SKIP;
}

/* The options were checked to be numbers when they were read. */
long bench_opt(const struct run *r, unsigned int i)
{
	return strtol(r->opt[i], NULL, 0);
}

/* For benches whose size is an option: --iterations stands above it. */
uint64_t bench_count(const struct run *r, unsigned int i)
{
	return r->set->iterations ? r->set->iterations
				  : (uint64_t)bench_opt(r, i);
}

/* Untimed rounds before the timed ones; none where instructions count. */
uint64_t bench_warmup(const struct run *r)
{
	return r->set->iterations ? 0 : r->iters / 16 + 1;
}

unsigned int bench_workers(const struct run *r)
{
	if (r->set->workers)
		return r->set->workers;
	return r->bench->workers ? r->bench->workers : r->set->ncpu;
}

/* The calling thread, and those it starts, on n of the CPUs we may use. */
void bench_pin(const struct run *r, unsigned int first, unsigned int n)
{
	const struct settings *s = r->set;
	cpu_set_t set;

	if (s->unpinned)
		return;
	CPU_ZERO(&set);
	for (unsigned int i = 0; i < n; i++)
		CPU_SET(s->cpu[(first + i) % s->ncpu], &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Resident memory and the page tables below it, in bytes. */
uint64_t bench_memory(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long kib, sum = 0;
	char line[256];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %llu kB", &kib) == 1 ||
		    sscanf(line, "VmPTE: %llu kB", &kib) == 1)
			sum += kib;
	fclose(f);
	return sum * 1024;
}

uint64_t bench_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}
