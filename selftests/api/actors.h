/* SPDX-License-Identifier: MIT */
/*
 * Shared by the tests of what tasks, tasks on the blocking pool and foreign
 * threads use alike: actors are any of the three.
 */
#ifndef OA_SELFTESTS_ACTORS_H
#define OA_SELFTESTS_ACTORS_H

#include "api_test.h"

enum who { WHO_TASK, WHO_THREAD, WHO_POOL, WHO_MIXED };

/* For configurations: so many of them may be on the pool at once. */
#define ACTORS_ON_POOL	16

struct actor {
	enum who who;
	oa_fn fn;
	void *arg, *result;
	oa_task_t t;
	pthread_t th;
	int over;
};

/* Begins fn(arg); of WHO_MIXED, @i says which. By a task. */
void actor_start(struct actor *a, enum who who, unsigned int i, oa_fn fn,
		 void *arg);
/* Waits for its end, as a task does; what fn returned. */
void *actor_end(struct actor *a);

/* Lets others run, whoever calls it. */
void give_way(void);
/* wait_until() for any actor. */
#define actor_wait_until(cond)	HARNESS_WAIT_UNTIL(cond, #cond, give_way())

/* The negative errno, or the small number, that its result is. */
int join_code(oa_task_t t);
#define as_result(n)	((void *)(intptr_t)(n))
void until_state(oa_task_t t, int state);

/* A look at an object. */
#define CHAN(ch, field) ({ \
	struct oa_chan_info _ci = OA_CHAN_INFO_INIT; \
	ASSERT_OK(oa_chan_info(ch, &_ci)); \
	_ci.field; })
#define SYNC(type, object, field) ({ \
	struct oa_sync_info _si = OA_SYNC_INFO_INIT; \
	ASSERT_OK(oa_##type##_info(object, &_si)); \
	_si.field; })

struct random {
	uint64_t at;
};

/* Of the test's seed; @i tells apart those who draw. */
struct random random_of(unsigned int i);
/* 0 to @n - 1. */
unsigned int draw(struct random *r, unsigned int n);

/* What is allocated by a runtime and not freed; spoils what is freed. */
struct counted_memory {
	int out;		/* pieces */
	int left;		/* one more than can be had; 0: any number */
	int refused;
};

#define COUNTED_MEMORY(m) { counted_alloc, counted_free, m }
void *counted_alloc(size_t size, size_t align, void *ctx);
void counted_free(void *p, size_t size, void *ctx);

#endif
