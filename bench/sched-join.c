// SPDX-License-Identifier: MIT
/*
 * sched/spawn-join: start a task and join it, one after the other; nanoseconds
 * a task. With one worker it measures a join that takes its unstarted target
 * out of turn, on a warm stack; with more, also that nobody is woken for
 * work that the joiner does itself.
 *
 * raw: malloc of a node, a switch to a warm stack, the body, the switch back,
 * free: what is left of a spawn and a join when there is nobody to share with.
 */
#include <stdlib.h>

#include "bench.h"

static const struct metric metrics[] = {
	{ "spawn+join", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

static void *successor(void *arg)
{
	return (void *)((uintptr_t)arg + 1);
}

static int loop_oa(void *arg, uint64_t n)
{
	struct run *r = arg;
	uintptr_t sum = 0;

	for (uint64_t i = 0; i < n; i++) {
		oa_task_t t = oa_spawn(successor, (void *)sum);
		void *result = NULL;
		int ret = oa_join(t, &result);

		if (ret)
			return bench_fail(r, "oa_join: %s", oa_strerror(ret));
		sum = (uintptr_t)result;
	}
	return sum == n ? 0 : bench_fail(r, "results are wrong");
}

static void *joiner(void *arg)
{
	bench_loop(arg, 0, 1, loop_oa, arg);
	return NULL;
}

static int join_oa(struct run *r)
{
	return bench_oa_run(r, bench_workers(r), joiner, r);
}

#define RAW_STACK 16384

struct raw_task {
	oa_fn fn;
	void *arg, *result;
	char rest[192 - 3 * sizeof(void *)];
};

static void *raw_main, *raw_child;
static struct raw_task *raw_now;

static void raw_loop(void *arg)
{
	(void)arg;
	for (;;) {
		raw_now->result = raw_now->fn(raw_now->arg);
		raw_switch(&raw_child, raw_main);
	}
}

static int loop_raw(void *arg, uint64_t n)
{
	struct run *r = arg;
	uintptr_t sum = 0;

	for (uint64_t i = 0; i < n; i++) {
		raw_now = malloc(sizeof(*raw_now));
		if (!raw_now)
			return bench_fail(r, "out of memory");
		raw_now->fn = successor;
		raw_now->arg = (void *)sum;
		raw_switch(&raw_main, raw_child);
		sum = (uintptr_t)raw_now->result;
		free(raw_now);
	}
	return sum == n ? 0 : bench_fail(r, "results are wrong");
}

static int join_raw(struct run *r)
{
	void *stack = raw_stack_new(RAW_STACK);

	if (!raw_switch_here())
		return bench_skip(r, "no raw switch for this CPU");
	if (!stack)
		return bench_fail(r, "out of memory");
	bench_pin(r, 0, 1);
	raw_child = raw_prepare(stack, RAW_STACK, raw_loop, NULL);
	return bench_loop(r, 0, 1, loop_raw, r);
}

const struct bench bench_sched_spawn_join = {
	.collection = "sched",
	.name = "spawn-join",
	.summary = "start a task and join it, one after the other",
	.metrics = metrics,
	.impl = { { "oa", join_oa }, { "raw", join_raw } },
	.workers = 1,
};
