// SPDX-License-Identifier: MIT
/*
 * sched/yield: two tasks (-t) on one worker give way to each other in turn;
 * nanoseconds a switch. It measures the run queue's push and take, the switch
 * and what the scheduler looks at in between; not a wake of another CPU, and
 * with two tasks hardly a cache miss (-t 10000 shows those).
 *
 * raw: as many stacks, each switching to the next by raw-switch.c: the switch
 * alone, with no queue and nothing that could stop a task from going on.
 */
#include <stdlib.h>

#include "bench.h"

struct yielding {
	struct run *r;
	unsigned int tasks;
	unsigned int workers;
	uint64_t each;
	uint64_t warmup;
	uint64_t lap;
	unsigned int ended;
	uint64_t *done;		/* of each task, written by it alone */
};

struct yielder {
	struct yielding *y;
	unsigned int nr;
};

static const struct metric metrics[] = {
	{ "switch", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 't', "tasks", "2", "tasks that yield in turn", 1, 1000000 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

/* On one worker nobody may get ahead of the others by more than a turn. */
static void check_turns(struct yielding *y)
{
	for (unsigned int i = 0; y->workers == 1 && i < y->tasks; i++)
		if (y->done[i] + 2 < y->each)
			bench_fail(y->r, "task %u is at %llu of %llu: no turns",
				   i, (unsigned long long)y->done[i],
				   (unsigned long long)y->each);
}

/* The first task tells the laps of all. */
static uint64_t next_lap(struct yielding *y, unsigned int nr)
{
	if (nr == 0)
		bench_lap(y->r, y->lap * y->tasks);
	return y->lap;
}

static void *yielder(void *arg)
{
	struct yielder *me = arg;
	struct yielding *y = me->y;
	uint64_t *done = &y->done[me->nr], lap = y->lap;
	unsigned int ended;

	for (uint64_t i = 0; i < y->warmup; i++)
		oa_yield();
	if (me->nr == 0)
		bench_begin(y->r);
	for (uint64_t i = 0; i < y->each; i++) {
		__atomic_store_n(done, i, __ATOMIC_RELAXED);
		oa_yield();
		if (--lap == 0)
			lap = next_lap(y, me->nr);
	}
	*done = y->each;
	ended = __atomic_add_fetch(&y->ended, 1, __ATOMIC_RELAXED);
	if (ended == 1)
		check_turns(y);
	if (ended == y->tasks)
		bench_end(y->r);
	return NULL;
}

static void *yield_all(void *arg)
{
	struct yielding *y = arg;
	struct yielder *task = calloc(y->tasks, sizeof(*task));
	oa_task_t *t = calloc(y->tasks, sizeof(*t));

	for (unsigned int i = 0; task && t && i < y->tasks; i++) {
		task[i] = (struct yielder){ .y = y, .nr = i };
		t[i] = oa_spawn(yielder, &task[i]);
	}
	for (unsigned int i = 0; task && t && i < y->tasks; i++)
		if (oa_join(t[i], NULL))
			bench_fail(y->r, "join failed");
	free(task);
	free(t);
	return NULL;
}

static int prepare(struct run *r, struct yielding *y)
{
	y->r = r;
	y->tasks = (unsigned int)bench_opt(r, 0);
	if (y->tasks < 1 || y->tasks > 1000000)
		return bench_fail(r, "bad number of tasks");
	y->each = r->iters / y->tasks + 1;
	y->warmup = bench_warmup(r) / y->tasks;
	y->lap = bench_lap_size(r, y->each);
	y->done = calloc(y->tasks, sizeof(*y->done));
	return y->done ? 0 : bench_fail(r, "out of memory");
}

static int finish(struct run *r, const struct yielding *y)
{
	for (unsigned int i = 0; i < y->tasks; i++)
		if (y->done[i] != y->each)
			return bench_fail(r, "task %u did not end", i);
	if (y->workers == 1)
		bench_per_op_laps(r, 0);
	else
		bench_per_op(r, 0, y->each * y->tasks);
	return 0;
}

static int yield_oa(struct run *r)
{
	struct yielding y = { .workers = bench_workers(r) };

	if (prepare(r, &y) || bench_oa_run(r, y.workers, yield_all, &y))
		return -1;
	return finish(r, &y);
}

#define RAW_STACK 16384

static struct yielding *raw;
static void **raw_sp, *raw_back;

static void raw_yielder(void *arg)
{
	unsigned int me = (unsigned int)(uintptr_t)arg;
	unsigned int next = (me + 1) % raw->tasks;
	uint64_t lap = raw->lap;

	for (uint64_t i = 0; i < raw->warmup; i++)
		raw_switch(&raw_sp[me], raw_sp[next]);
	if (me == 0)
		bench_begin(raw->r);
	for (uint64_t i = 0; i < raw->each; i++) {
		raw_switch(&raw_sp[me], raw_sp[next]);
		if (--lap == 0)
			lap = next_lap(raw, me);
	}
	raw->done[me] = raw->each;
	if (next == 0) {
		bench_end(raw->r);
		raw_switch(&raw_sp[me], raw_back);
	}
	raw_switch(&raw_sp[me], raw_sp[next]);
}

static int yield_raw(struct run *r)
{
	struct yielding y = { .workers = 1 };
	char *stacks;

	if (!raw_switch_here())
		return bench_skip(r, "no raw switch for this CPU");
	if (prepare(r, &y))
		return -1;
	bench_pin(r, 0, 1);
	raw = &y;
	raw_sp = calloc(y.tasks, sizeof(*raw_sp));
	stacks = raw_stack_new((size_t)y.tasks * RAW_STACK);
	if (!raw_sp || !stacks)
		return bench_fail(r, "out of memory");
	for (unsigned int i = 0; i < y.tasks; i++)
		raw_sp[i] = raw_prepare(stacks + (size_t)i * RAW_STACK,
					RAW_STACK - (i % 16 + 1) * 64,
					raw_yielder, (void *)(uintptr_t)i);
	raw_switch(&raw_back, raw_sp[0]);
	return finish(r, &y);
}

const struct bench bench_sched_yield = {
	.collection = "sched",
	.name = "yield",
	.summary = "tasks on one worker give way to each other in turn",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", yield_oa }, { "raw", yield_raw } },
	.workers = 1,
};
