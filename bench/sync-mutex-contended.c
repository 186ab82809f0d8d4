// SPDX-License-Identifier: MIT
/*
 * sync/mutex-contended: -t tasks on two workers (-w) lock one mutex, count and
 * unlock it, as fast as they can; nanoseconds a lock, of all together. How
 * often one had to wait is told: waiting for a lock is what costs, and a task
 * that finds it free goes on, with its worker, without the others. With -y n a
 * task yields inside one of n locks, so that the others do meet a held lock
 * even on one worker.
 *
 * raw: as many threads on the same CPUs and a pthread mutex.
 */
#include <pthread.h>
#include <sched.h>

#include "crew.h"

static const struct metric metrics[] = {
	{ "lock+unlock", "ns", M_RATE },
	{ "waits a lock", "", M_INFO },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 't', "tasks", "8", "tasks that want the lock", 1, 10000 },
	{ 'y', "yield", "0", "yield inside one of so many; 0: never", 0, 1000000000 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

struct contended {
	struct run *r;
	uint64_t each;
	uint64_t yield;
	/* what a lock guards lies beside it */
	struct {
		struct oa_mutex m;
		uint64_t x;
	} oa __attribute__((aligned(128)));
	struct {
		pthread_mutex_t m;
		uint64_t x;
	} raw __attribute__((aligned(128)));
};

static unsigned int prepare(struct run *r, struct contended *c)
{
	unsigned int n = (unsigned int)bench_opt(r, 0);

	c->r = r;
	c->each = r->iters / (n ? n : 1) + 1;
	c->yield = (uint64_t)bench_opt(r, 1);
	return n;
}

static int finish(struct contended *c, unsigned int n, uint64_t x, uint64_t ns)
{
	uint64_t all = n * c->each;

	if (x != all)
		return bench_fail(c->r, "the count is wrong");
	bench_set(c->r, 0, (double)ns / (double)all);
	return 0;
}

static void locker_oa(void *arg, unsigned int nr)
{
	struct contended *c = arg;
	int err = 0;

	(void)nr;
	for (uint64_t i = 0; i < c->each; i++) {
		err |= oa_mutex_lock(&c->oa.m);
		c->oa.x++;
		if (c->yield && i % c->yield == 0)
			oa_yield();
		err |= oa_mutex_unlock(&c->oa.m);
	}
	if (err)
		bench_fail(c->r, "a lock fails");
}

static int contended_oa(struct run *r)
{
	struct oa_sync_info info = OA_SYNC_INFO_INIT;
	struct contended c = { .oa = { .m = OA_MUTEX_INIT } };
	unsigned int n = prepare(r, &c);
	uint64_t ns;
	int ret;

	if (crew_oa(r, n, locker_oa, &c, &ns))
		return -1;
	ret = oa_mutex_info(&c.oa.m, &info);
	if (ret)
		return bench_fail(r, "oa_mutex_info: %s", oa_strerror(ret));
	bench_set(r, 1, (double)info.waits / (double)(n * c.each));
	return finish(&c, n, c.oa.x, ns);
}

static void locker_raw(void *arg, unsigned int nr)
{
	struct contended *c = arg;
	int err = 0;

	(void)nr;
	for (uint64_t i = 0; i < c->each; i++) {
		err |= pthread_mutex_lock(&c->raw.m);
		c->raw.x++;
		if (c->yield && i % c->yield == 0)
			sched_yield();
		err |= pthread_mutex_unlock(&c->raw.m);
	}
	if (err)
		bench_fail(c->r, "a lock fails");
}

static int contended_raw(struct run *r)
{
	struct contended c = { .raw = { .m = PTHREAD_MUTEX_INITIALIZER } };
	unsigned int n = prepare(r, &c);
	uint64_t ns;

	if (crew_raw(r, n, locker_raw, &c, &ns))
		return -1;
	return finish(&c, n, c.raw.x, ns);
}

const struct bench bench_sync_mutex_contended = {
	.collection = "sync",
	.name = "mutex-contended",
	.summary = "several tasks want one mutex",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", contended_oa }, { "raw:pthread", contended_raw } },
	.workers = 2,
};
