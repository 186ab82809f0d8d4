// SPDX-License-Identifier: MIT
/*
 * What operations cost in instructions, with the backend taken out
 * (instr_poll.c). Runs under callgrind, which dumps a count after each; prints
 * by how much to divide it. Without it, the operations are merely done. Those
 * that are named, or all.
 */
#include <gnu/libc-version.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "generated/config.h"
#ifdef CONFIG_VALGRIND
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_DUMP_STATS_AT(name)	(void)(name)
#endif

#include "instr_ops.h"

#ifdef __clang__
#define COMPILER "clang"
#else
#define COMPILER "gcc"
#endif

int instr_errors;
static uint64_t done;
static char **wanted;		/* names, ended by NULL */

static void *counts(void *arg)
{
	done++;
	return arg;
}

static void *yields(void *arg)
{
	for (unsigned int i = 0; i < TURNS; i++)
		oa_yield();
	return arg;
}

static void wait_for(uint64_t n)
{
	while (done < n)
		oa_yield();
}

/* Two tasks by turns. */
static void do_yield(void)
{
	oa_task_t t = oa_spawn(yields, NULL);

	yields(NULL);
	check(oa_join(t, NULL));
}

static void do_spawn(void)
{
	uint64_t from = done;

	for (unsigned int i = 0; i < TURNS; i += BATCH) {
		for (unsigned int k = 0; k < BATCH; k++)
			check(oa_go(counts, NULL));
		wait_for(from + i + BATCH);
	}
}

static void do_spawn_join(void)
{
	for (unsigned int i = 0; i < TURNS; i++)
		check(oa_join(oa_spawn(counts, NULL), NULL));
}

static void *gives_way(void *arg)
{
	oa_yield();
	return arg;
}

/* The joiner parks and is woken by the end. */
static void do_park_wake(void)
{
	for (unsigned int i = 0; i < TURNS; i++)
		check(oa_join(oa_spawn(gives_way, NULL), NULL));
}

/* The same with a deadline that does not come. */
static void do_arm_cancel(void)
{
	oa_time_t until = oa_now() + 3600 * OA_SEC;

	for (unsigned int i = 0; i < TURNS; i++)
		check(oa_join_until(oa_spawn(gives_way, NULL), NULL, until));
}

static void do_deadline(void)
{
	struct oa_deadline d;

	for (unsigned int i = 0; i < TURNS; i++) {
		check(oa_deadline_enter(&d, 3600 * OA_SEC));
		check(oa_deadline_leave(&d));
	}
}

static void do_sleep(void)
{
	for (unsigned int i = 0; i < TURNS; i++)
		check(oa_sleep(10 * OA_USEC));
}

static void do_post(void)
{
	struct oa_runtime *rt = oa_runtime_self();
	uint64_t from = done;

	for (unsigned int i = 0; i < TURNS; i += BATCH) {
		for (unsigned int k = 0; k < BATCH; k++)
			check(oa_post(rt, counts, &k, sizeof(k)));
		wait_for(from + i + BATCH);
	}
}

static void prep(struct io_uring_sqe *sqe, void *arg)
{
	(void)sqe;
	(void)arg;
}

static void *requests(void *arg)
{
	for (unsigned int i = 0; i < TURNS / 8; i++)
		check(oa_sqe(prep, NULL));
	return arg;
}

static void do_nop(void)
{
	oa_task_t t[8];

	for (int i = 0; i < 8; i++)
		t[i] = oa_spawn(requests, NULL);
	for (int i = 0; i < 8; i++)
		check(oa_join(t[i], NULL));
}

static const struct instr_op core_ops[] = {
	{ "yield", do_yield, 2 * TURNS },
	{ "spawn", do_spawn, TURNS },
	{ "spawn-join", do_spawn_join, TURNS },
	{ "park-wake", do_park_wake, TURNS },
	{ "arm-cancel", do_arm_cancel, TURNS },
	{ "deadline", do_deadline, TURNS },
	{ "sleep", do_sleep, TURNS },
	{ "post", do_post, TURNS },
	{ "nop", do_nop, TURNS },
	{ NULL, NULL, 0 },
};

static const struct instr_op *const all[] = {
	core_ops, instr_job_ops, instr_sync_ops, instr_chan_ops,
};

#define SETS (sizeof(all) / sizeof(all[0]))

#define for_each_op(op) \
	for (unsigned int i = 0; i < SETS; i++) \
		for (const struct instr_op *op = all[i]; op->name; op++) \
			if (is_wanted(op))

static bool is_wanted(const struct instr_op *op)
{
	for (char **w = wanted; *w; w++)
		if (!strcmp(*w, op->name))
			return true;
	return !*wanted;
}

static void *measure(void *arg)
{
	for_each_op(op)
		op->fn();
	CALLGRIND_START_INSTRUMENTATION;
	for_each_op(op) {
		CALLGRIND_ZERO_STATS;
		op->fn();
		CALLGRIND_DUMP_STATS_AT(op->name);
	}
	CALLGRIND_STOP_INSTRUMENTATION;
	return arg;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "-t")) {
		printf("%s %s, libc %s, %s\n", COMPILER, __VERSION__,
		       gnu_get_libc_version(), OPTIMIZED);
		return 0;
	}
	wanted = argv + 1;
	check(oa_run(measure, NULL, .workers = 1));
	for_each_op(op)
		printf("%s %u\n", op->name, op->n);
	if (instr_errors)
		fprintf(stderr, "%d errors\n", instr_errors);
	return instr_errors != 0;
}
