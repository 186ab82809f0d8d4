// SPDX-License-Identifier: MIT
/*
 * A mutex alone and wanted by eight threads. The C library skips the atomic
 * instructions while a process has one thread only, so another one sleeps.
 */
#include <semaphore.h>

#include "versus/common/versus.h"
#include "versus/pthreads/threads.h"

static struct {
	_Alignas(128) pthread_mutex_t m;
	uint64_t x;
} guarded = { .m = PTHREAD_MUTEX_INITIALIZER };

static uint64_t each;
static sem_t over;

static void *locker(void *arg)
{
	for (uint64_t i = 0; i < each; i++) {
		pthread_mutex_lock(&guarded.m);
		guarded.x++;
		pthread_mutex_unlock(&guarded.m);
	}
	return arg;
}

static void *sleeper(void *arg)
{
	sem_wait(&over);
	return arg;
}

void threads_mutex(void)
{
	pthread_t t;
	uint64_t begun;

	each = (uint64_t)opt_number("count", 20000000);
	sem_init(&over, 0, 0);
	t = thread_start(sleeper, NULL);
	begun = now_ns();
	locker(NULL);
	report("pair", (double)(now_ns() - begun) / (double)each, "ns");
	sem_post(&over);
	thread_join(t);
	if (guarded.x != each)
		wrong("miscounted");
}

void threads_mutex_contended(void)
{
	unsigned long n = (unsigned long)opt_number("tasks", 8);
	uint64_t begun;

	each = (uint64_t)opt_number("count", 8000000) / n;
	begun = now_ns();
	threads_all(n, locker);
	if (guarded.x != n * each)
		wrong("miscounted");
	report("pair", (double)(now_ns() - begun) / (double)guarded.x, "ns");
}
