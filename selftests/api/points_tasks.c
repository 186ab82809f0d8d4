// SPDX-License-Identifier: MIT
/* Points: time, tasks, the blocking pool, words, runtimes. */
#include "points.h"

#include <limits.h>

#define TARGETS	3

static struct {
	oa_task_t t[TARGETS];
	struct oa_event go;
	int ran, running;
	uint32_t word[2];
	struct oa_runtime *rt;
} at;

static void *make_nothing(const struct point *p HARNESS_UNUSED,
			  unsigned int n HARNESS_UNUSED)
{
	memset(&at, 0, sizeof(at));
	return &at;
}

static void unmake_nothing(void *o HARNESS_UNUSED, bool opened HARNESS_UNUSED)
{
}

/* Time. */

static long call_yield(void *o HARNESS_UNUSED)
{
	return oa_yield();
}

static long call_yield_point(void *o HARNESS_UNUSED)
{
	int err = 0;

	/* It looks when the slice is spent. */
	for (long i = 0; !err && i < 1000000; i++)
		err = oa_yield_point();
	return err;
}

static long call_sleep(void *o HARNESS_UNUSED)
{
	return oa_sleep(OA_FOREVER);
}

static long call_sleep_until(void *o HARNESS_UNUSED)
{
	return oa_sleep_until(oa_after(1000 * OA_SEC));
}

static long call_sleep_past(void *o HARNESS_UNUSED)
{
	return oa_sleep_until(1);
}

/* Tasks. */

static void *target(void *o HARNESS_UNUSED)
{
	ASSERT_OK(oa_event_wait(&at.go));
	COUNT(at.ran);
	return &at;
}

static void *make_targets(const struct point *p, unsigned int n)
{
	make_nothing(p, n);
	for (int i = 0; i < TARGETS; i++)
		at.t[i] = oa_spawn(target, NULL);
	return &at;
}

static long call_join(void *o HARNESS_UNUSED)
{
	void *result = at.t;
	int err = oa_join(at.t[0], &result);

	EXPECT_EQ(err ? (void *)at.t : (void *)&at, result);
	return err;
}

static long call_join_until(void *o HARNESS_UNUSED)
{
	void *result = at.t;
	int err = oa_join_until(at.t[0], &result, OA_FOREVER);

	EXPECT_EQ(err ? (void *)at.t : (void *)&at, result);
	return err;
}

static long call_join_any(void *o HARNESS_UNUSED)
{
	void *result = at.t;
	size_t which = TARGETS;
	int err = oa_join_any(at.t, TARGETS, &which, &result);

	EXPECT_EQ(err ? (void *)at.t : (void *)&at, result);
	return err;
}

static long call_join_any_until(void *o HARNESS_UNUSED)
{
	void *result = at.t;
	size_t which = TARGETS;
	int err = oa_join_any_until(at.t, TARGETS, &which, &result, OA_FOREVER);

	EXPECT_EQ(err ? (void *)at.t : (void *)&at, result);
	return err;
}

/* Those that have been joined have their results, the others what was there. */
static long call_join_all(void *o HARNESS_UNUSED)
{
	void *results[TARGETS] = { at.t, at.t, at.t };
	int err = oa_join_all(at.t, TARGETS, results);

	for (int i = 0; i < TARGETS; i++)
		EXPECT_TRUE(results[i] == &at || (err && results[i] == at.t));
	return err;
}

static long call_join_all_until(void *o HARNESS_UNUSED)
{
	return oa_join_all_until(at.t, TARGETS, NULL, OA_FOREVER);
}

static void tell_targets(void *o HARNESS_UNUSED)
{
	ASSERT_OK(oa_event_set(&at.go));
}

static long first_left(void *o HARNESS_UNUSED)
{
	int err = oa_join(at.t[0], NULL);

	ASSERT_TRUE(!err || err == -ESRCH);
	return !err;
}

/* Each has been joined, or can be. */
static void unmake_targets(void *o, bool opened)
{
	if (!opened)
		tell_targets(o);
	for (int i = 0; i < TARGETS; i++) {
		int err = oa_join(at.t[i], NULL);

		ASSERT_TRUE(!err || err == -ESRCH);
	}
	EXPECT_EQ(TARGETS, at.ran);
}

/* The pool, of one place, which is taken. */

static void *occupant(void *arg)
{
	TELL(at.running, 1);
	return target(arg);
}

static void *make_pool(const struct point *p, unsigned int n)
{
	make_nothing(p, n);
	at.t[0] = oa_spawn(occupant, NULL, .block = true);
	task_wait_until(SEEN(at.running));
	return &at;
}

static void *blocks(void *o HARNESS_UNUSED)
{
	COUNT(at.ran);
	return NULL;
}

static long call_block(void *o HARNESS_UNUSED)
{
	return oa_err_code(oa_block(blocks, NULL));
}

static void nothing_ran(void *o HARNESS_UNUSED)
{
	EXPECT_EQ(0, SEEN(at.ran));
}

static void unmake_pool(void *o, bool opened)
{
	if (!opened)
		tell_targets(o);
	ASSERT_OK(oa_join(at.t[0], NULL));
}

/* Words. */

static long call_futex(void *o HARNESS_UNUSED)
{
	return oa_futex_wait(&at.word[0], 0);
}

static long call_futex_until(void *o HARNESS_UNUSED)
{
	return oa_futex_wait_until(&at.word[0], 0, oa_after(1000 * OA_SEC));
}

static long call_waitv(void *o HARNESS_UNUSED)
{
	struct oa_futex_word v[2] = {
		{ .word = &at.word[0] }, { .word = &at.word[1] },
	};

	return oa_futex_waitv(v, 2, OA_FOREVER);
}

static void wake_word(void *o HARNESS_UNUSED)
{
	__atomic_store_n(&at.word[0], 1, __ATOMIC_SEQ_CST);
	ASSERT_GE(oa_futex_wake(&at.word[0], INT_MAX), 0);
}

static void no_word_waits(void *o HARNESS_UNUSED)
{
	EXPECT_EQ(0, oa_futex_wake(&at.word[0], INT_MAX));
	EXPECT_EQ(0, oa_futex_wake(&at.word[1], INT_MAX));
}

/* Another runtime. */

static void *waits_for_the_end(void *arg)
{
	oa_sleep(OA_FOREVER);
	return arg;
}

static void *make_runtime(const struct point *p, unsigned int n)
{
	make_nothing(p, n);
	ASSERT_OK(oa_start(&at.rt, waits_for_the_end, NULL, .workers = 1));
	return &at;
}

static long call_runtime(void *o HARNESS_UNUSED)
{
	return oa_runtime_wait(at.rt, NULL);
}

static long call_runtime_until(void *o HARNESS_UNUSED)
{
	return oa_runtime_wait_until(at.rt, NULL, OA_FOREVER);
}

static void end_runtime(void *o HARNESS_UNUSED)
{
	ASSERT_OK(oa_shutdown(at.rt, OA_SHUTDOWN_GRACEFUL));
}

static void unmake_runtime(void *o, bool opened)
{
	if (!opened)
		end_runtime(o);
	ASSERT_OK(oa_runtime_wait(at.rt, NULL));
	ASSERT_OK(oa_runtime_free(at.rt));
}

#define NOTHING	.make = make_nothing, .unmake = unmake_nothing
#define TASKS	.make = make_targets, .open = tell_targets, \
		.unmake = unmake_targets, .intact = nothing_ran
#define POOL	.make = make_pool, .open = tell_targets, .unmake = unmake_pool
#define WORDS	.make = make_nothing, .unmake = unmake_nothing, \
		.open = wake_word, .intact = no_word_waits
#define RUNTIME	.make = make_runtime, .open = end_runtime, \
		.unmake = unmake_runtime

static const struct point table[] = {
	{ "yield", POINT_BRIEF, .call = call_yield, NOTHING },
	{ "yield_point", POINT_BRIEF, .call = call_yield_point, NOTHING },
	{ "sleep_until the past", POINT_BRIEF, .call = call_sleep_past,
	  NOTHING },
	{ "sleep", POINT_SHORT | POINT_ON_POOL, .call = call_sleep, NOTHING },
	{ "sleep_until", POINT_SHORT | POINT_ON_POOL, .call = call_sleep_until,
	  NOTHING },
	{ "join", POINT_ON_POOL, .call = call_join, TASKS,
	  .left = first_left },
	{ "join_until", POINT_ON_POOL, .call = call_join_until, TASKS,
	  .left = first_left },
	{ "join_any", POINT_ON_POOL, .call = call_join_any, TASKS },
	{ "join_any_until", POINT_ON_POOL, .call = call_join_any_until, TASKS },
	{ "join_all", POINT_ON_POOL, .call = call_join_all, TASKS },
	{ "join_all_until", POINT_ON_POOL, .call = call_join_all_until, TASKS },
	{ "block", 0, .call = call_block, POOL, .intact = nothing_ran },
	{ "futex_wait", 0, .call = call_futex, WORDS },
	{ "futex_wait_until", 0, .call = call_futex_until, WORDS },
	{ "futex_waitv", 0, .call = call_waitv, WORDS },
	{ "runtime_wait", POINT_ON_POOL, .call = call_runtime, RUNTIME },
	{ "runtime_wait_until", POINT_ON_POOL, .call = call_runtime_until,
	  RUNTIME },
};

unsigned int points_of_tasks(struct point *to)
{
	memcpy(to, table, sizeof(table));
	return ARRAY_N(table);
}
