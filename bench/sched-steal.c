// SPDX-License-Identifier: MIT
/*
 * sched/steal: one task starts -k tasks that compute for about five
 * microseconds each (-u); milliseconds until all are done with every worker
 * taking part, and how many times faster that is than one worker alone. It
 * measures how fast work that appears in one place spreads; not balance among
 * producers.
 *
 * raw: as many threads, woken at once, that take the pieces off a shared
 * counter: as well spread as it can be.
 */
#include <pthread.h>
#include <stdlib.h>

#include "bench.h"

static const struct metric metrics[] = {
	{ "all done", "ms", 0 },
	{ "speed-up", "x", M_MORE },
	{ "stolen", "share", M_INFO },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'k', "tasks", "20000", "pieces of work", 1, 10000000 },
	{ 'u', "usec", "5", "how long each computes", 0, 1000000 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

struct work {
	struct run *r;
	uint64_t pieces, steps;
	uint64_t next;		/* raw: first piece that nobody took */
	uint64_t done;
	uint64_t ns;
	double stolen;
};

static uint64_t compute(uint64_t steps)
{
	uint64_t x = 88172645463325252ull;

	while (steps--)
		bench_random(&x);
	return x;
}

/* The shortest of some looks: others may be using the CPU as well. */
static uint64_t steps_for(uint64_t ns)
{
	const uint64_t steps = 200000;
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 15; i++) {
		volatile uint64_t sink;
		uint64_t t = bench_now();

		sink = compute(steps);
		(void)sink;
		t = bench_now() - t;
		if (t < best)
			best = t;
	}
	return ns * steps / (best ? best : 1);
}

static void *piece(void *arg)
{
	struct work *w = arg;

	/* never true, but the compiler cannot know */
	if (compute(w->steps) == 0)
		return NULL;
	__atomic_fetch_add(&w->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void *produce(void *arg)
{
	struct oa_stats st = { .size = sizeof(st) };
	struct work *w = arg;
	uint64_t begun = bench_now();

	w->done = 0;
	for (uint64_t i = 0; i < w->pieces; i++) {
		int ret = oa_go(piece, w);

		if (ret) {
			bench_fail(w->r, "oa_go: %s", oa_strerror(ret));
			return NULL;
		}
	}
	while (__atomic_load_n(&w->done, __ATOMIC_ACQUIRE) < w->pieces)
		oa_yield();
	w->ns = bench_now() - begun;
	if (!oa_stats(oa_runtime_self(), &st))
		w->stolen = (double)(st.stolen + st.injected) /
			    (double)w->pieces;
	return NULL;
}

static void result(struct work *w, uint64_t alone)
{
	bench_add_time(w->r, w->ns);
	bench_set(w->r, 0, (double)w->ns / 1e6);
	bench_set(w->r, 1, (double)alone / (double)w->ns);
}

static void prepare(struct run *r, struct work *w)
{
	w->r = r;
	w->pieces = (uint64_t)bench_opt(r, 0);
	bench_pin(r, 0, 1);
	w->steps = steps_for((uint64_t)bench_opt(r, 1) * 1000);
}

static int steal_oa(struct run *r)
{
	struct work w = { 0 };
	uint64_t alone;

	prepare(r, &w);
	if (bench_oa_run(r, 1, produce, &w))
		return -1;
	alone = w.ns;
	if (bench_oa_run(r, bench_workers(r), produce, &w))
		return -1;
	if (w.done != w.pieces)
		return bench_fail(r, "%llu pieces were done",
				  (unsigned long long)w.done);
	result(&w, alone);
	bench_set(r, 2, w.stolen);
	return 0;
}

struct crew {
	struct work *w;
	pthread_barrier_t start;
	unsigned int nr;	/* next thread's CPU */
};

static void *crew_member(void *arg)
{
	struct crew *c = arg;
	struct work *w = c->w;

	bench_pin(w->r, __atomic_fetch_add(&c->nr, 1, __ATOMIC_RELAXED), 1);
	pthread_barrier_wait(&c->start);
	while (__atomic_fetch_add(&w->next, 1, __ATOMIC_RELAXED) < w->pieces)
		piece(w);
	return NULL;
}

static int crew_run(struct work *w, unsigned int n)
{
	struct crew c = { .w = w };
	pthread_t *t = calloc(n, sizeof(*t));
	uint64_t begun;

	if (!t)
		return bench_fail(w->r, "out of memory");
	w->next = w->done = 0;
	pthread_barrier_init(&c.start, NULL, n + 1);
	for (unsigned int i = 0; i < n; i++)
		if (pthread_create(&t[i], NULL, crew_member, &c))
			return bench_fail(w->r, "no thread");
	begun = bench_now();
	pthread_barrier_wait(&c.start);
	for (unsigned int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	w->ns = bench_now() - begun;
	free(t);
	return w->done == w->pieces ? 0 : bench_fail(w->r, "pieces are lost");
}

static int steal_raw(struct run *r)
{
	struct work w = { 0 };
	uint64_t alone;

	prepare(r, &w);
	if (crew_run(&w, 1))
		return -1;
	alone = w.ns;
	if (crew_run(&w, bench_workers(r)))
		return -1;
	result(&w, alone);
	return 0;
}

const struct bench bench_sched_steal = {
	.collection = "sched",
	.name = "steal",
	.summary = "one producer, every worker: how fast work spreads",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", steal_oa }, { "raw", steal_raw } },
	.fixed = true,
};
