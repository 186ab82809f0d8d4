// SPDX-License-Identifier: MIT
/*
 * sync/barrier: -t tasks on two workers (-w) meet again and again; nanoseconds
 * an arrival. Whoever comes last wakes the others, so that all but one of the
 * arrivals are a wait and a wake; there is no work between the rounds.
 *
 * raw: pthread_barrier, with as many threads on the same CPUs.
 */
#include <pthread.h>

#include "crew.h"

static const struct metric metrics[] = {
	{ "an arrival", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 't', "tasks", "8", "tasks that meet", 1, 10000 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

struct meeting {
	struct run *r;
	unsigned int n;
	uint64_t rounds;
	uint64_t arrived;
	uint64_t leaders;
	struct oa_barrier b;
	pthread_barrier_t pb;
};

/* Everybody must have arrived so often when anybody goes on. */
static int passed(struct meeting *m, uint64_t round)
{
	uint64_t n = __atomic_load_n(&m->arrived, __ATOMIC_RELAXED);

	return n < m->n * (round + 1);
}

static void meet_oa(void *arg, unsigned int nr)
{
	struct meeting *m = arg;
	uint64_t led = 0;
	int bad = 0;

	(void)nr;
	for (uint64_t i = 0; i < m->rounds && !bad; i++) {
		int ret;

		__atomic_fetch_add(&m->arrived, 1, __ATOMIC_RELAXED);
		ret = oa_barrier_wait(&m->b);
		led += ret == 1;
		bad = ret < 0 || passed(m, i);
	}
	if (bad)
		bench_fail(m->r, "one went on too early");
	__atomic_fetch_add(&m->leaders, led, __ATOMIC_RELAXED);
}

static void meet_raw(void *arg, unsigned int nr)
{
	struct meeting *m = arg;
	uint64_t led = 0;
	int bad = 0;

	(void)nr;
	for (uint64_t i = 0; i < m->rounds && !bad; i++) {
		__atomic_fetch_add(&m->arrived, 1, __ATOMIC_RELAXED);
		led += pthread_barrier_wait(&m->pb) ==
		       PTHREAD_BARRIER_SERIAL_THREAD;
		bad = passed(m, i);
	}
	if (bad)
		bench_fail(m->r, "one went on too early");
	__atomic_fetch_add(&m->leaders, led, __ATOMIC_RELAXED);
}

static int prepare(struct run *r, struct meeting *m)
{
	m->r = r;
	m->n = (unsigned int)bench_opt(r, 0);
	if (!m->n)
		return bench_fail(r, "no tasks");
	m->rounds = r->iters / m->n + 1;
	return 0;
}

static int finish(struct meeting *m, uint64_t ns)
{
	if (m->leaders != m->rounds)
		return bench_fail(m->r, "%llu leaders of %llu rounds",
				  (unsigned long long)m->leaders,
				  (unsigned long long)m->rounds);
	bench_set(m->r, 0, (double)ns / (double)(m->rounds * m->n));
	return 0;
}

static int barrier_oa(struct run *r)
{
	struct meeting m = { .r = r };
	uint64_t ns;

	if (prepare(r, &m))
		return -1;
	if (oa_barrier_init(&m.b, m.n))
		return bench_fail(r, "oa_barrier_init fails");
	if (crew_oa(r, m.n, meet_oa, &m, &ns))
		return -1;
	return finish(&m, ns);
}

static int barrier_raw(struct run *r)
{
	struct meeting m = { .r = r };
	uint64_t ns;

	if (prepare(r, &m))
		return -1;
	pthread_barrier_init(&m.pb, NULL, m.n);
	if (crew_raw(r, m.n, meet_raw, &m, &ns))
		return -1;
	return finish(&m, ns);
}

const struct bench bench_sync_barrier = {
	.collection = "sync",
	.name = "barrier",
	.summary = "tasks that meet again and again",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", barrier_oa }, { "raw:pthread", barrier_raw } },
	.workers = 2,
};
