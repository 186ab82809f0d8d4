/* SPDX-License-Identifier: MIT */
/* Shared by the tests of the calls. */
#ifndef OA_SELFTESTS_API_TEST_H
#define OA_SELFTESTS_API_TEST_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include <oa.h>

#include "selftests/task_test.h"

/*
 * What is shown of a runtime that the main thread is no worker of, when a test
 * gets stuck.
 */
extern struct oa_runtime *dump_runtime;

/* The matrix with each stand-in for a feature of the kernel besides. */
#define VARIANTS_STAND_INS(f) \
	VARIANTS_WORKERS(f); \
	STAND_IN(f, no_registered_ring, "OA_DISABLE=registered-ring") \
	STAND_IN(f, no_abs_timer, "OA_DISABLE=abs-timer") \
	STAND_IN(f, no_clock, "OA_DISABLE=clock,abs-timer") \
	STAND_IN(f, no_iowait_flag, "OA_DISABLE=no-iowait") \
	STAND_IN(f, no_min_wait, "OA_DISABLE=min-wait") \
	STAND_IN(f, no_send_msg_ring, "OA_DISABLE=send-msg-ring") \
	STAND_IN(f, no_futex, "OA_DISABLE=futex2,futex-waitv") \
	STAND_IN(f, no_inline, "OA_IO=ring") \
	STAND_IN(f, inline_calls, "OA_IO=inline") \
	STAND_IN(f, no_membarrier, "OA_DISABLE=membarrier") \
	STAND_IN(f, like_6_1, "OA_DISABLE=registered-ring,abs-timer,clock," \
		 "min-wait,no-iowait,send-msg-ring,futex2,futex-waitv," \
		 "membarrier,ring-futex,accept-poll") \
	struct harness_variant
#define STAND_IN(f, name, ...) \
	FIXTURE_VARIANT_ADD(f, name, ##__VA_ARGS__) { .workers = 2 };

/* Are calls that need not wait made at once here? */
static inline bool calls_inline(void)
{
	char text[8192];

	oa_features(text, sizeof(text));
	return strstr(text, "\ninline: yes");
}

/* Starts a foreign thread; fails the test if that is not possible. */
#define thread_start(th, fn, arg) \
	ASSERT_EQ(0, pthread_create(th, NULL, fn, arg))
#define thread_end(th) ASSERT_EQ(0, pthread_join(th, NULL))

#define ARRAY_N(a)	(sizeof(a) / sizeof((a)[0]))

/* Words that tasks and threads of a test share. */
#define SEEN(x)		__atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define TELL(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELEASE)
#define COUNT(x)	__atomic_add_fetch(&(x), 1, __ATOMIC_ACQ_REL)

/* The state of a task; 0: it is gone. Any thread with @rt, tasks with NULL. */
int task_state(struct oa_runtime *rt, oa_task_t t);
/* The number of tasks of @rt that are alive or not joined. */
unsigned int count_tasks(struct oa_runtime *rt);
/* ... and of those that are in @state. */
unsigned int count_in_state(struct oa_runtime *rt, int state);

/*
 * A shutdown at once leaves behind who does not come within 200 ms, and keeps
 * what he may use: on a machine where a thread may get no processor for as
 * long, a test that expects all to come asks afterwards. One runtime at a time.
 */
#define NOTES_LEFT	.on_event = note_left
void note_left(const struct oa_runtime_event *ev, void *user);
void skip_if_any_left(void);

/* One counter of a runtime, all workers together. */
#define STAT(rt, field) ({ \
	struct oa_stats _st = OA_STATS_INIT; \
	ASSERT_OK(oa_stats(rt, &_st)); \
	_st.field; })

#endif
