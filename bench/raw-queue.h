/* SPDX-License-Identifier: MIT */
/*
 * The queue that a C programmer would write with a mutex and two condition
 * variables; of capacity 0, put() waits until its element has been taken.
 */
#ifndef OA_BENCH_RAW_QUEUE_H
#define OA_BENCH_RAW_QUEUE_H

#include <pthread.h>

#include "bench.h"

/* Queues that are waited for together share these. */
struct raw_lock {
	pthread_mutex_t lock;
	pthread_cond_t items;
};

struct raw_queue {
	struct raw_lock *l;
	pthread_cond_t space;
	uint64_t *ring;
	unsigned int cap, room;
	unsigned int in, out, len;
	uint64_t put, got;
	bool closed;
};

#define RAW_LOCK_INIT { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER }

int raw_queue_init(struct run *r, struct raw_queue *q, struct raw_lock *l,
		   unsigned int cap);
void raw_queue_put(struct raw_queue *q, uint64_t v);
/* The index of the queue that gave *v; -1 when all are closed and empty. */
int raw_queue_get(struct raw_queue *q, unsigned int n, uint64_t *v);
void raw_queue_close(struct raw_queue *q);

#endif
