// SPDX-License-Identifier: MIT
/*
 * Starting threads: yield, spawn (10,000 alive at once, which is what a
 * machine allows by default), spawn-join, and the memory of one that waits;
 * what the kernel holds for it, some 10 KiB and more, is not in that figure.
 */
#include <limits.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "versus/common/versus.h"
#include "versus/pthreads/threads.h"

static uint64_t counted, each;

pthread_t thread_start(void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t t;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32768);
	ret = pthread_create(&t, &attr, fn, arg);
	if (ret)
		wrong("pthread_create: %s", strerror(ret));
	pthread_attr_destroy(&attr);
	return t;
}

void thread_join(pthread_t t)
{
	if (pthread_join(t, NULL))
		wrong("pthread_join");
}

void threads_all(unsigned long n, void *(*fn)(void *))
{
	pthread_t *t = calloc(n, sizeof(*t));

	if (!t)
		wrong("out of memory");
	for (unsigned long i = 0; i < n; i++)
		t[i] = thread_start(fn, (void *)(uintptr_t)i);
	for (unsigned long i = 0; i < n; i++)
		thread_join(t[i]);
	free(t);
}

static void *yielder(void *arg)
{
	for (uint64_t i = 0; i < each; i++)
		sched_yield();
	__atomic_fetch_add(&counted, each, __ATOMIC_RELAXED);
	return arg;
}

void threads_yield(void)
{
	uint64_t begun;

	each = (uint64_t)opt_number("count", 500000) / 2;
	begun = now_ns();
	threads_all(2, yielder);
	if (counted != 2 * each)
		wrong("miscounted");
	report("switch", (double)(now_ns() - begun) / (double)counted, "ns");
}

static void *count_one(void *arg)
{
	__atomic_fetch_add(&counted, 1, __ATOMIC_RELAXED);
	return arg;
}

void threads_spawn(void)
{
	unsigned long n = (unsigned long)opt_number("count", 10000);

	if (n > 10000)
		n = 10000;
	for (unsigned int round = 0; round < 2; round++) {
		uint64_t begun = now_ns();

		counted = 0;
		threads_all(n, count_one);
		if (counted != n)
			wrong("miscounted");
		report(round ? "second" : "first",
		       (double)(now_ns() - begun) / (double)n, "ns");
	}
}

void threads_spawn_join(void)
{
	uint64_t n = (uint64_t)opt_number("count", 20000), begun = now_ns();

	for (uint64_t i = 0; i < n; i++)
		thread_join(thread_start(count_one, NULL));
	if (counted != n)
		wrong("miscounted");
	report("task", (double)(now_ns() - begun) / (double)n, "ns");
}

static sem_t there, go;

static void *waiter(void *arg)
{
	sem_post(&there);
	sem_wait(&go);
	return arg;
}

void threads_memory(void)
{
	unsigned long n = (unsigned long)opt_number("count", 5000);
	pthread_t *t;
	uint64_t before;

	if (n > 5000)
		n = 5000;
	t = calloc(n, sizeof(*t));
	sem_init(&there, 0, 0);
	sem_init(&go, 0, 0);
	before = resident_bytes();
	for (unsigned long i = 0; t && i < n; i++)
		t[i] = thread_start(waiter, NULL);
	for (unsigned long i = 0; i < n; i++)
		sem_wait(&there);
	report("suspended", (double)(resident_bytes() - before) / (double)n,
	       "bytes");
	for (unsigned long i = 0; i < n; i++)
		sem_post(&go);
	for (unsigned long i = 0; t && i < n; i++)
		thread_join(t[i]);
	free(t);
}
