// SPDX-License-Identifier: MIT
/* Many threads that wait, and are ended. See raw-crowd.h. */
#include "raw-crowd.h"

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#define STACK	(64u << 10)

static struct {
	pthread_t t[RAW_CROWD_MAX];
	uint64_t n, ready, ended;
	sem_t last;		/* posted by it */
	pthread_mutex_t m;
	pthread_cond_t go;
	bool over;		/* under m */
} all = {
	.m = PTHREAD_MUTEX_INITIALIZER,
	.go = PTHREAD_COND_INITIALIZER,
};

static void join_all(void)
{
	for (uint64_t i = 0; i < all.n; i++)
		pthread_join(all.t[i], NULL);
}

/* As many of @n as there may be: all.n. */
static void start(uint64_t n, void *(*fn)(void *))
{
	pthread_attr_t attr;

	all.n = all.ready = all.ended = 0;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	while (all.n < n && !pthread_create(&all.t[all.n], &attr, fn, NULL))
		all.n++;
	pthread_attr_destroy(&attr);
	while (__atomic_load_n(&all.ready, __ATOMIC_RELAXED) < all.n)
		usleep(1000);
}

static void ends(void *arg)
{
	(void)arg;
	if (__atomic_add_fetch(&all.ended, 1, __ATOMIC_RELAXED) == all.n)
		sem_post(&all.last);
}

static void *sleeps(void *arg)
{
	pthread_cleanup_push(ends, NULL);
	__atomic_fetch_add(&all.ready, 1, __ATOMIC_RELAXED);
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	return arg;
}

/* Every second one, from @arg on. */
static void *cancels(void *arg)
{
	for (uint64_t i = (uintptr_t)arg; i < all.n; i += 2)
		pthread_cancel(all.t[i]);
	return NULL;
}

/* 0, or what went wrong. */
static int cancel_all(struct run *r, uint64_t n, uint64_t *ns)
{
	pthread_t other;
	bool alone;

	start(n, sleeps);
	bench_begin(r);
	alone = pthread_create(&other, NULL, cancels, (void *)1);
	cancels(NULL);
	if (alone)
		cancels((void *)1);
	while (all.n && sem_wait(&all.last))
		;
	*ns = bench_end(r);
	if (!alone)
		pthread_join(other, NULL);
	join_all();
	return alone || all.n < n ? bench_skip(r, "too few threads") : 0;
}

int raw_crowd_cancel(struct run *r, unsigned int metric, uint64_t n)
{
	uint64_t ns;
	int ret;

	n = n < RAW_CROWD_MAX ? n : RAW_CROWD_MAX;
	bench_pin(r, 0, bench_workers(r));
	sem_init(&all.last, 0, 0);
	/* The first cancel of a process loads the unwinder. */
	ret = cancel_all(r, 1, &ns);
	if (!ret)
		ret = cancel_all(r, n, &ns);
	if (!ret)
		bench_set(r, metric, (double)ns / (double)n);
	return ret;
}

static void *waits(void *arg)
{
	pthread_mutex_lock(&all.m);
	__atomic_fetch_add(&all.ready, 1, __ATOMIC_RELAXED);
	while (!all.over)
		pthread_cond_wait(&all.go, &all.m);
	pthread_mutex_unlock(&all.m);
	return arg;
}

int raw_crowd_dismiss(struct run *r, unsigned int metric, uint64_t n)
{
	uint64_t ns;

	n = n < RAW_CROWD_MAX ? n : RAW_CROWD_MAX;
	bench_pin(r, 0, bench_workers(r));
	start(n, waits);
	bench_begin(r);
	pthread_mutex_lock(&all.m);
	all.over = true;
	pthread_cond_broadcast(&all.go);
	pthread_mutex_unlock(&all.m);
	join_all();
	ns = bench_end(r);
	if (all.n < n)
		return bench_skip(r, "too few threads");
	bench_set(r, metric, (double)ns / (double)n);
	return 0;
}
