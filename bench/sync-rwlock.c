// SPDX-License-Identifier: MIT
/*
 * sync/rwlock: one task takes and gives back a lock that nobody else wants,
 * for reading and for writing; then -t tasks on two workers (-w) read what it
 * guards, and write it in one of -m turns. Nanoseconds a pair. What it guards
 * is two counters that must be equal: the work inside is next to nothing, so
 * the last figure is about queueing, not about readers side by side.
 *
 * raw: pthread_rwlock, with threads on the same CPUs.
 */
#include <pthread.h>

#include "crew.h"

enum { READ, WRITE, MIXED };

static const struct metric metrics[] = {
	[READ] = { "read alone", "ns", M_RATE },
	[WRITE] = { "write alone", "ns", M_RATE },
	[MIXED] = { "mixed", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 't', "tasks", "8", "tasks of the mixed part", 1, 10000 },
	{ 'm', "mix", "16", "one of so many turns writes", 1, 1000000 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

struct shared {
	struct run *r;
	uint64_t each, mix;
	uint64_t torn;		/* readers that saw half of a write */
	struct oa_rwlock l;
	pthread_rwlock_t pl;
	uint64_t a, b;
};

static unsigned int prepare(struct run *r, struct shared *s)
{
	unsigned int n = (unsigned int)bench_opt(r, 0);

	s->r = r;
	s->each = r->iters / (n ? n : 1) + 1;
	s->mix = (uint64_t)bench_opt(r, 1);
	return n;
}

static int finish(struct shared *s, unsigned int n, uint64_t ns)
{
	uint64_t writes = s->mix ? (s->each + s->mix - 1) / s->mix : 0;

	if (s->torn)
		return bench_fail(s->r, "a reader saw half of a write");
	if (s->a != n * writes || s->b != s->a)
		return bench_fail(s->r, "the count is wrong");
	bench_set(s->r, MIXED, (double)ns / (double)(n * s->each));
	return 0;
}

static void look(struct shared *s)
{
	if (s->a != s->b)
		__atomic_fetch_add(&s->torn, 1, __ATOMIC_RELAXED);
}

static void change(struct shared *s)
{
	s->a++;
	__asm__ volatile("" ::: "memory");
	s->b++;
}

static int reads_oa(void *arg, uint64_t n)
{
	struct shared *s = arg;
	int err = 0;

	for (uint64_t i = 0; i < n; i++) {
		err |= oa_rwlock_rdlock(&s->l);
		look(s);
		err |= oa_rwlock_unlock(&s->l);
	}
	return err ? bench_fail(s->r, "a lock fails") : 0;
}

static int writes_oa(void *arg, uint64_t n)
{
	struct shared *s = arg;
	int err = 0;

	for (uint64_t i = 0; i < n; i++) {
		err |= oa_rwlock_wrlock(&s->l);
		change(s);
		err |= oa_rwlock_unlock(&s->l);
	}
	return err ? bench_fail(s->r, "a lock fails") : 0;
}

static void *alone(void *arg)
{
	struct shared *s = arg;

	if (!bench_loop(s->r, READ, 1, reads_oa, s))
		bench_loop(s->r, WRITE, 1, writes_oa, s);
	return NULL;
}

static void mixed_oa(void *arg, unsigned int nr)
{
	struct shared *s = arg;

	(void)nr;
	for (uint64_t i = 0; i < s->each; i++)
		if ((s->mix && i % s->mix == 0 ? writes_oa
					       : reads_oa)(s, 1))
			return;
}

static int rwlock_oa(struct run *r)
{
	struct shared s = { .l = OA_RWLOCK_INIT };
	unsigned int n = prepare(r, &s);
	uint64_t ns;

	if (bench_oa_run(r, 1, alone, &s))
		return -1;
	s.a = s.b = 0;
	if (crew_oa(r, n, mixed_oa, &s, &ns))
		return -1;
	return finish(&s, n, ns);
}

static int reads_raw(void *arg, uint64_t n)
{
	struct shared *s = arg;
	int err = 0;

	for (uint64_t i = 0; i < n; i++) {
		err |= pthread_rwlock_rdlock(&s->pl);
		look(s);
		err |= pthread_rwlock_unlock(&s->pl);
	}
	return err ? bench_fail(s->r, "a lock fails") : 0;
}

static int writes_raw(void *arg, uint64_t n)
{
	struct shared *s = arg;
	int err = 0;

	for (uint64_t i = 0; i < n; i++) {
		err |= pthread_rwlock_wrlock(&s->pl);
		change(s);
		err |= pthread_rwlock_unlock(&s->pl);
	}
	return err ? bench_fail(s->r, "a lock fails") : 0;
}

static void mixed_raw(void *arg, unsigned int nr)
{
	struct shared *s = arg;

	(void)nr;
	for (uint64_t i = 0; i < s->each; i++)
		if ((s->mix && i % s->mix == 0 ? writes_raw
					       : reads_raw)(s, 1))
			return;
}

static int rwlock_raw(struct run *r)
{
	struct shared s = { .pl = PTHREAD_RWLOCK_INITIALIZER };
	unsigned int n = prepare(r, &s);
	uint64_t ns;

	bench_pin(r, 0, 1);
	if (bench_loop(r, READ, 1, reads_raw, &s) ||
	    bench_loop(r, WRITE, 1, writes_raw, &s))
		return -1;
	s.a = s.b = 0;
	if (crew_raw(r, n, mixed_raw, &s, &ns))
		return -1;
	return finish(&s, n, ns);
}

const struct bench bench_sync_rwlock = {
	.collection = "sync",
	.name = "rwlock",
	.summary = "readers and writers, alone and mixed",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", rwlock_oa }, { "raw:pthread", rwlock_raw } },
	.workers = 2,
};
