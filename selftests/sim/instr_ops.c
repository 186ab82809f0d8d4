// SPDX-License-Identifier: MIT
/*
 * What the core's operations cost in instructions, with the backend taken out
 * (instr_poll.c). Runs under callgrind, which dumps a count after each; prints
 * by how much to divide it. Without it, the operations are merely done.
 */
#include <gnu/libc-version.h>
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

#include <oa.h>

#ifdef __clang__
#define COMPILER "clang"
#else
#define COMPILER "gcc"
#endif

#define TURNS	4000u
#define BATCH	100u

static uint64_t done;
static int errors;

static void check(int err)
{
	errors += err != 0;
}

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

/* It is taken back by who has forked it. */
static void do_job(void)
{
	struct oa_job job;

	for (unsigned int i = 0; i < TURNS; i++) {
		check(oa_job_fork(&job, counts, NULL));
		check(oa_job_join(&job) != NULL);
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

/* Nobody else wants it. */
static void do_mutex(void)
{
	static struct oa_mutex m = OA_MUTEX_INIT;

	for (unsigned int i = 0; i < TURNS; i++) {
		check(oa_mutex_lock(&m));
		check(oa_mutex_unlock(&m));
	}
}

static void do_sem(void)
{
	static struct oa_sem s = OA_SEM_INIT(0);

	for (unsigned int i = 0; i < TURNS; i++) {
		check(oa_sem_post(&s));
		check(oa_sem_wait(&s));
	}
}

static struct oa_chan *channel(size_t capacity)
{
	struct oa_chan *ch = NULL;

	check(oa_chan_create(&ch, sizeof(uint64_t), capacity, OA_CHAN_BOUNDED));
	return ch;
}

static void do_chan(void)
{
	struct oa_chan *ch = channel(128);
	uint64_t v = 0;

	for (unsigned int i = 0; i < TURNS; i++) {
		check(oa_chan_send(ch, &v));
		check(oa_chan_recv(ch, &v));
	}
	check(oa_chan_destroy(ch));
}

static void *echoes(void *arg)
{
	struct oa_chan **ch = arg;
	uint64_t v;

	while (!oa_chan_recv(ch[0], &v))
		check(oa_chan_send(ch[1], &v));
	return arg;
}

/* To and fro without a buffer: both wait at every element. */
static void do_pingpong(void)
{
	struct oa_chan *ch[2] = { channel(0), channel(0) };
	oa_task_t t = oa_spawn(echoes, ch);
	uint64_t v = 0;

	for (unsigned int i = 0; i < TURNS; i++) {
		check(oa_chan_send(ch[0], &v));
		check(oa_chan_recv(ch[1], &v));
	}
	check(oa_chan_close(ch[0]));
	check(oa_join(t, NULL));
	check(oa_chan_destroy(ch[0]));
	check(oa_chan_destroy(ch[1]));
}

static void receive_either(struct oa_chan **ch, unsigned int n)
{
	uint64_t v;
	struct oa_case cases[2] = { OA_CASE_RECV(ch[0], &v),
				    OA_CASE_RECV(ch[1], &v) };

	for (unsigned int i = 0; i < n; i++) {
		int k = oa_select(cases, 2);

		check(k < 0 || cases[k].res);
	}
}

/* One of two channels has something; both have been filled before. */
static void do_select(void)
{
	struct oa_chan *ch[2] = { channel(BATCH), channel(BATCH) };
	uint64_t v = 0;

	for (unsigned int i = 0; i < TURNS; i += 2 * BATCH) {
		for (unsigned int k = 0; k < 2 * BATCH; k++)
			check(oa_chan_send(ch[k & 1], &v));
		receive_either(ch, 2 * BATCH);
	}
	check(oa_chan_destroy(ch[0]));
	check(oa_chan_destroy(ch[1]));
}

static void *receives(void *arg)
{
	receive_either(arg, TURNS);
	return arg;
}

/* Neither has, until a send finds the select waiting. */
static void do_select_wait(void)
{
	struct oa_chan *ch[2] = { channel(0), channel(0) };
	oa_task_t t = oa_spawn(receives, ch);
	uint64_t v = 0;

	for (unsigned int i = 0; i < TURNS; i++)
		check(oa_chan_send(ch[i & 1], &v));
	check(oa_join(t, NULL));
	check(oa_chan_destroy(ch[0]));
	check(oa_chan_destroy(ch[1]));
}

static const struct {
	const char *name;
	void (*fn)(void);
	unsigned int n;
} ops[] = {
	{ "yield", do_yield, 2 * TURNS },
	{ "spawn", do_spawn, TURNS },
	{ "spawn-join", do_spawn_join, TURNS },
	{ "park-wake", do_park_wake, TURNS },
	{ "arm-cancel", do_arm_cancel, TURNS },
	{ "deadline", do_deadline, TURNS },
	{ "job", do_job, TURNS },
	{ "sleep", do_sleep, TURNS },
	{ "post", do_post, TURNS },
	{ "nop", do_nop, TURNS },
	{ "mutex", do_mutex, TURNS },
	{ "sem", do_sem, TURNS },
	{ "chan", do_chan, TURNS },
	{ "pingpong", do_pingpong, TURNS },
	{ "select", do_select, TURNS },
	{ "select-wait", do_select_wait, TURNS },
};

#define OPS (sizeof(ops) / sizeof(ops[0]))

static void *measure(void *arg)
{
	for (unsigned int i = 0; i < OPS; i++)
		ops[i].fn();
	CALLGRIND_START_INSTRUMENTATION;
	for (unsigned int i = 0; i < OPS; i++) {
		CALLGRIND_ZERO_STATS;
		ops[i].fn();
		CALLGRIND_DUMP_STATS_AT(ops[i].name);
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
	check(oa_run(measure, NULL, .workers = 1));
	for (unsigned int i = 0; i < OPS; i++)
		printf("%s %u\n", ops[i].name, ops[i].n);
	if (errors)
		fprintf(stderr, "%d errors\n", errors);
	return errors != 0;
}
