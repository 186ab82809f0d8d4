// SPDX-License-Identifier: MIT
/*
 * sync/mutex: one task locks a mutex that nobody else wants, counts, and
 * unlocks it; nanoseconds a pair. It measures the fast way of both calls and
 * of knowing who the owner is; nobody waits.
 *
 * raw: two bare atomic exchanges in line, which is what a lock without an owner
 * and without waiters needs; and a pthread mutex, in a process that has another
 * thread (alone, glibc would leave out the atomic operations).
 */
#include <pthread.h>
#include <unistd.h>

#include "bench.h"

static const struct metric metrics[] = {
	{ "lock+unlock", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

struct counting {
	struct run *r;
	struct oa_mutex m;
	uint64_t x;
	uint64_t want;
	uint32_t word;
	pthread_mutex_t pm;
};

static int counted(struct counting *c, uint64_t n)
{
	c->want += n;
	return c->x == c->want ? 0 : bench_fail(c->r, "the count is wrong");
}

static int loop_oa(void *arg, uint64_t n)
{
	struct counting *c = arg;
	int err = 0;

	for (uint64_t i = 0; i < n; i++) {
		err |= oa_mutex_lock(&c->m);
		c->x++;
		err |= oa_mutex_unlock(&c->m);
	}
	return err ? bench_fail(c->r, "a lock fails") : counted(c, n);
}

static void *locker(void *arg)
{
	struct counting *c = arg;

	bench_loop(c->r, 0, 1, loop_oa, c);
	return NULL;
}

static int mutex_oa(struct run *r)
{
	struct counting c = { .r = r, .m = OA_MUTEX_INIT };

	return bench_oa_run(r, bench_workers(r), locker, &c);
}

static int loop_xchg(void *arg, uint64_t n)
{
	struct counting *c = arg;
	uint32_t err = 0;

	for (uint64_t i = 0; i < n; i++) {
		err |= __atomic_exchange_n(&c->word, 1, __ATOMIC_ACQUIRE);
		c->x++;
		err |= !__atomic_exchange_n(&c->word, 0, __ATOMIC_RELEASE);
	}
	return err ? bench_fail(c->r, "a lock fails") : counted(c, n);
}

static int mutex_xchg(struct run *r)
{
	struct counting c = { .r = r };

	bench_pin(r, 0, 1);
	return bench_loop(r, 0, 1, loop_xchg, &c);
}

static int loop_pthread(void *arg, uint64_t n)
{
	struct counting *c = arg;
	int err = 0;

	for (uint64_t i = 0; i < n; i++) {
		err |= pthread_mutex_lock(&c->pm);
		c->x++;
		err |= pthread_mutex_unlock(&c->pm);
	}
	return err ? bench_fail(c->r, "a lock fails") : counted(c, n);
}

static void *other(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static int mutex_pthread(struct run *r)
{
	struct counting c = { .r = r, .pm = PTHREAD_MUTEX_INITIALIZER };
	pthread_t t;

	bench_pin(r, 0, 1);
	if (pthread_create(&t, NULL, other, NULL))
		return bench_fail(r, "no thread");
	return bench_loop(r, 0, 1, loop_pthread, &c);
}

const struct bench bench_sync_mutex = {
	.collection = "sync",
	.name = "mutex",
	.summary = "a mutex that nobody else wants",
	.metrics = metrics,
	.impl = { { "oa", mutex_oa }, { "raw:xchg", mutex_xchg },
		  { "raw:pthread", mutex_pthread } },
	.workers = 1,
};
