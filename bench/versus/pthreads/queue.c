// SPDX-License-Identifier: MIT
/* Numbers from thread to thread: pingpong, queue, wake. */
#include <stdlib.h>

#include "versus/common/versus.h"
#include "versus/pthreads/threads.h"

void queue_init(struct queue *q, unsigned int cap)
{
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->items, NULL);
	pthread_cond_init(&q->space, NULL);
	q->cap = cap;
}

void queue_put(struct queue *q, uint64_t v)
{
	unsigned int room = q->cap ? q->cap : 1;
	uint64_t mine;

	pthread_mutex_lock(&q->lock);
	while (q->len == room)
		pthread_cond_wait(&q->space, &q->lock);
	q->ring[q->in] = v;
	q->in = (q->in + 1) % room;
	q->len++;
	mine = ++q->put;
	pthread_cond_signal(&q->items);
	while (!q->cap && q->got < mine)
		pthread_cond_wait(&q->space, &q->lock);
	pthread_mutex_unlock(&q->lock);
}

int queue_get(struct queue *q, uint64_t *v)
{
	unsigned int room = q->cap ? q->cap : 1;
	int ret;

	pthread_mutex_lock(&q->lock);
	while (!q->len && !q->closed)
		pthread_cond_wait(&q->items, &q->lock);
	ret = q->len != 0;
	if (ret) {
		*v = q->ring[q->out];
		q->out = (q->out + 1) % room;
		q->len--;
		q->got++;
		pthread_cond_signal(&q->space);
	}
	pthread_mutex_unlock(&q->lock);
	return ret;
}

void queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = 1;
	pthread_cond_broadcast(&q->items);
	pthread_mutex_unlock(&q->lock);
}

static struct queue there, back;
static uint64_t each, total, count;

static void *echoer(void *arg)
{
	uint64_t v;

	if (arg)
		pin_to(0);
	while (queue_get(&there, &v))
		queue_put(&back, v + 1);
	return NULL;
}

static void trip(uint64_t v)
{
	uint64_t got;

	queue_put(&there, v);
	if (!queue_get(&back, &got) || got != v + 1)
		wrong("a wrong number");
}

static pthread_t pair_start(unsigned int cap, void *pinned)
{
	queue_init(&there, cap);
	queue_init(&back, cap);
	return thread_start(echoer, pinned);
}

void threads_pingpong(void)
{
	uint64_t n = (uint64_t)opt_number("count", 100000), begun;
	pthread_t t = pair_start(0, NULL);

	begun = now_ns();
	for (uint64_t i = 0; i < n; i++)
		trip(i);
	report("trip", (double)(now_ns() - begun) / (double)n, "ns");
	queue_close(&there);
	thread_join(t);
}

void threads_wake(void)
{
	uint64_t n = (uint64_t)opt_number("count", 3000);
	uint64_t *ns = calloc(n, sizeof(*ns));
	pthread_t t;

	t = pair_start(1, &there);
	pin_to(1);
	for (uint64_t i = 0; ns && i < n; i++) {
		uint64_t begun;

		spin_ns(200000);
		begun = now_ns();
		trip(i);
		ns[i] = now_ns() - begun;
	}
	queue_close(&there);
	thread_join(t);
	report_latency("trip", ns, n);
	free(ns);
}

static void *producer(void *arg)
{
	for (uint64_t i = 0; i < each; i++)
		queue_put(&there, i);
	return arg;
}

static void *consumer(void *arg)
{
	uint64_t v, sum = 0, n = 0;

	for (; queue_get(&there, &v); n++)
		sum += v;
	__atomic_fetch_add(&total, sum, __ATOMIC_RELAXED);
	__atomic_fetch_add(&count, n, __ATOMIC_RELAXED);
	return arg;
}

#define SIDE_MAX 64

void threads_queue(void)
{
	unsigned long producers = (unsigned long)opt_number("producers", 1);
	unsigned long consumers = (unsigned long)opt_number("consumers", 1);
	pthread_t p[SIDE_MAX], c[SIDE_MAX];
	uint64_t begun;

	if (!producers || !consumers || producers > SIDE_MAX ||
	    consumers > SIDE_MAX)
		wrong("1 to %d of each", SIDE_MAX);
	each = (uint64_t)opt_number("count", 2000000) / producers;
	queue_init(&there, 128);
	begun = now_ns();
	for (unsigned long i = 0; i < consumers; i++)
		c[i] = thread_start(consumer, NULL);
	for (unsigned long i = 0; i < producers; i++)
		p[i] = thread_start(producer, NULL);
	for (unsigned long i = 0; i < producers; i++)
		thread_join(p[i]);
	queue_close(&there);
	for (unsigned long i = 0; i < consumers; i++)
		thread_join(c[i]);
	if (count != producers * each ||
	    total != producers * (each * (each - 1) / 2))
		wrong("elements are wrong");
	report("message", (double)(now_ns() - begun) / (double)count, "ns");
}
