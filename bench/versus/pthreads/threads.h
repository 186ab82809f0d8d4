/* SPDX-License-Identifier: MIT */
#ifndef OA_BENCH_VERSUS_THREADS_H
#define OA_BENCH_VERSUS_THREADS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

void threads_yield(void);
void threads_spawn(void);
void threads_spawn_join(void);
void threads_pingpong(void);
void threads_queue(void);
void threads_mutex(void);
void threads_mutex_contended(void);
void threads_memory(void);
void threads_wake(void);
void threads_file(void);
void threads_echo(void);

/* With as small a stack as there may be. */
pthread_t thread_start(void *(*fn)(void *), void *arg);
void thread_join(pthread_t t);
/* n threads, told their number; returns when all have ended. */
void threads_all(unsigned long n, void *(*fn)(void *));

/* A queue of up to 1024 numbers; of capacity 0, put waits until it is taken. */
#define QUEUE_MAX 1024

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t items, space;
	unsigned int cap, in, out, len;
	int closed;
	uint64_t put, got;
	uint64_t ring[QUEUE_MAX];
};

void queue_init(struct queue *q, unsigned int cap);
void queue_put(struct queue *q, uint64_t v);
int queue_get(struct queue *q, uint64_t *v);	/* 0: closed and empty */
void queue_close(struct queue *q);

#endif
