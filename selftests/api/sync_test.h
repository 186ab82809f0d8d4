/* SPDX-License-Identifier: MIT */
/*
 * Shared by the tests of what tasks wait for: the same body run by tasks, by
 * foreign threads, or by both and tasks of the blocking pool.
 */
#ifndef OA_SELFTESTS_SYNC_TEST_H
#define OA_SELFTESTS_SYNC_TEST_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "api_test.h"

/* So many at once may be on the pool. */
#define POOL	8

enum by {
	BY_TASKS,
	BY_THREADS,
	BY_POOL,
	BY_ALL,			/* in turn */
};

struct actor {
	oa_fn fn;
	void *arg;
	void *result;
	oa_task_t task;		/* all-zero: a thread */
	pthread_t thread;
	int ended;
};

static inline void *actor_thread(void *arg)
{
	struct actor *a = arg;

	a->result = a->fn(a->arg);
	TELL(a->ended, 1);
	return NULL;
}

static inline enum by actor_kind(enum by by, unsigned int i)
{
	return by == BY_ALL ? (enum by)(i % 3) : by;
}

/* From a task; @i: which of many it is. */
static inline void actor_start(struct actor *a, enum by by, unsigned int i,
			       oa_fn fn, void *arg)
{
	*a = (struct actor){ .fn = fn, .arg = arg };
	switch (actor_kind(by, i)) {
	case BY_TASKS:
		a->task = oa_spawn(fn, arg);
		ASSERT_OK(oa_task_error(a->task));
		break;
	case BY_POOL:
		a->task = oa_spawn(fn, arg, .block = true);
		ASSERT_OK(oa_task_error(a->task));
		break;
	default:
		thread_start(&a->thread, actor_thread, a);
	}
}

/* From a task, which must not join a thread that may wait for it. */
static inline void *actor_end(struct actor *a)
{
	if (a->task.id) {
		ASSERT_OK(oa_join(a->task, &a->result));
	} else {
		task_wait_until(SEEN(a->ended));
		thread_end(a->thread);
	}
	return a->result;
}

static inline int actor_code(struct actor *a)
{
	return oa_err_code(actor_end(a));
}

/* The error that @fn returns when another than the caller runs it. */
static inline int code_by(enum by by, oa_fn fn, void *arg)
{
	struct actor a;

	actor_start(&a, by, 0, fn, arg);
	return actor_code(&a);
}

/* Lets others run, whoever the caller is. */
static inline void give_way(void)
{
	if (oa_yield() == -EPERM)
		sched_yield();
}

#define until(cond)	HARNESS_WAIT_UNTIL(cond, #cond, give_way())

/* SCALED(), which tells of it once, however often it is asked. */
#define SCALED_ONCE(n, less) ({ \
	static long _n; \
	if (!SEEN(_n)) \
		TELL(_n, SCALED(n, less)); \
	(unsigned int)SEEN(_n); })

/* A number below @n, from a state that is its owner's. */
static inline uint32_t draw(uint64_t *state, uint32_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)((*state * 0x2545f4914f6cdd1dull) >> 33) % n;
}

static inline uint64_t draw_seed(unsigned int i)
{
	return (harness_seed() + i) * 0x9e3779b97f4a7c15ull | 1;
}

/*
 * A test in the three ways; its body is the first task of a runtime and sees
 * `by` besides self and variant.
 */
#define SYNC_TEST(f, name) \
	static void f##_##name##_by(HARNESS_ARGS(f), enum by by); \
	TASK_TEST_F(f, name##_by_tasks, .workers = variant->workers) \
	{ \
		f##_##name##_by(self, variant, BY_TASKS); \
	} \
	TASK_TEST_F(f, name##_by_threads, .workers = variant->workers) \
	{ \
		f##_##name##_by(self, variant, BY_THREADS); \
	} \
	TASK_TEST_F(f, name##_by_all, .workers = variant->workers, \
		    .max_blocking = POOL) \
	{ \
		f##_##name##_by(self, variant, BY_ALL); \
	} \
	static void f##_##name##_by(HARNESS_ARGS(f), enum by by)

/* What a query tells of an object of @type: INFO(mutex, &m).waiters. */
#define INFO(type, o) ({ \
	struct oa_sync_info _i = OA_SYNC_INFO_INIT; \
	ASSERT_OK(oa_##type##_info(o, &_i)); \
	_i; })

/* That a call fails so and leaves the object as it was. */
#define EXPECT_REFUSED(o, call, err) ({ \
	__typeof__(*(o)) _was = *(o); \
	EXPECT_ERR(call, err); \
	EXPECT_MEMEQ(&_was, o, sizeof(_was)); })

/* The same of a query, whatever the object. */
#define EXPECT_INFO_CHECKS(type, o) ({ \
	struct oa_sync_info _i = OA_SYNC_INFO_INIT; \
	EXPECT_ERR(oa_##type##_info(NULL, &_i), -EINVAL); \
	EXPECT_ERR(oa_##type##_info(o, NULL), -EINVAL); \
	_i.size = 0; \
	EXPECT_ERR(oa_##type##_info(o, &_i), -EINVAL); \
	_i.size = sizeof(_i) + 8; \
	EXPECT_ERR(oa_##type##_info(o, &_i), -E2BIG); \
	_i.size = 8; \
	_i.value = 0x5a5a; \
	EXPECT_OK(oa_##type##_info(o, &_i)); \
	EXPECT_EQ(0x5a5aul, _i.value); })

static inline void until_parked(oa_task_t t)
{
	task_wait_until(task_state(NULL, t) == OA_TASK_PARKED);
}

/* One of the @n threads of a test without a runtime. */
static inline void threads_run(oa_fn fn, void *arg, unsigned int n)
{
	pthread_t th[16];

	ASSERT_LE(n, ARRAY_N(th));
	for (unsigned int i = 0; i < n; i++)
		thread_start(&th[i], fn, arg);
	for (unsigned int i = 0; i < n; i++)
		thread_end(th[i]);
}

#endif
