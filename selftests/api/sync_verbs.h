/* SPDX-License-Identifier: MIT */
/* Every call of sync.h that may wait, as one table. */
#ifndef OA_SELFTESTS_SYNC_VERBS_H
#define OA_SELFTESTS_SYNC_VERBS_H

#include "sync_test.h"

/* An object of any kind, shut until it is opened. */
struct door {
	union {
		struct oa_mutex mutex;
		struct oa_rwlock rwlock;
		struct oa_cond cond;
		struct oa_sem sem;
		struct oa_event event;
		struct oa_waitgroup waitgroup;
		struct oa_latch latch;
		struct oa_barrier barrier;
		struct oa_once once;
		struct oa_backpressure backpressure;
		struct oa_future future;
	};
	struct oa_mutex lock;		/* of the cond */
	struct oa_event go;		/* ends the run of the once */
	oa_task_t runner;
	int running;
};

/*
 * shut, ajar and open are the test's own task's. Who has passed calls leave,
 * which lets the next one in where they pass one by one.
 */
struct verb {
	const char *name;
	const char *waits;		/* in oa_tasks() */
	/* From now on who comes waits: @come in all, @stay to the end. */
	void (*shut)(struct door *d, unsigned int come, unsigned int stay);
	/* So that @n pass without waiting. */
	void (*ajar)(struct door *d, unsigned int n);
	/* Lets those in who wait, or one of them. */
	void (*open)(struct door *d);
	int (*wait)(struct door *d);
	int (*timed_wait)(struct door *d, oa_time_t deadline);
	int (*trywait)(struct door *d);
	void (*leave)(struct door *d);
	int (*info)(const struct door *d, struct oa_sync_info *info);
	int (*destroy)(struct door *d);
	bool stubborn;		/* the plain form knows no cancel, no deadline */
	bool fifo;
	bool one_by_one;	/* to be opened once for each */
	bool counts;		/* what comes moves it */
};

extern const struct verb verbs[];
extern const unsigned int nr_verbs;

#define for_each_verb(v) \
	for (const struct verb *v = verbs; v < verbs + nr_verbs; v++)

/* An assertion that names the verb when it fails. */
#define BY(v, check) ({ \
	bool _held = check; \
	if (!_held) \
		TEST_LOG("so did %s", (v)->name); \
	_held; })

unsigned int door_waiters(const struct verb *v, const struct door *d);

#endif
