// SPDX-License-Identifier: MIT
/*
 * sched/wake: what it takes to wake a worker that has nothing to do.
 *
 * Round trip: a task pinned to worker 0 starts one pinned to worker 1 and
 * joins it, again and again; each worker runs dry while the other works, and
 * parks unless it still watches for work. The number of kicks (system calls
 * that wake) a trip is told, since a trip without any was not a wake.
 * Idle trip: the same, but worker 0 computes for -i microseconds before each,
 * so that worker 1 has parked.
 * One way: a thread that the runtime does not own posts to a runtime of one
 * worker that has idled as long, until the body runs.
 * With -p 1 a read is pending on each worker, so that it parks in its ring.
 *
 * raw: the same two on bare threads, by a futex and by MSG_RING; compare with
 * the better one, in the same minutes: most of it is the machine's interrupt.
 */
#include <stdlib.h>
#include <unistd.h>

#include "raw-wake.h"

const struct metric wake_metrics[] = {
	[WAKE_TRIP] = { "round trip", "ns", M_RATE },
	[WAKE_IDLE] = { "idle trip p50", "ns", 0 },
	[WAKE_P50] = { "one way p50", "ns", M_HIST },
	[WAKE_P99] = { "one way p99", "ns", 0 },
	[WAKE_KICKS] = { "kicks a trip", "", M_INFO },
	[WAKE_IDLE_KICKS] = { "kicks idle trip", "", M_INFO },
	[WAKE_PARKED] = { "parked", "share", M_INFO },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'i', "idle-us", "200", "idle before each single wake", 0, 1000000 },
	{ 'n', "singles", "300", "how many of these, of each kind", 1, 1000000 },
	{ 'p', "pending", "0", "1: a read is pending on each worker", 0, 1 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

/* Pending reads: what makes a worker park in its ring. */
struct pending {
	int fd[2][2];
	oa_task_t task[2];
	unsigned int n;
};

static void *read_one(void *arg)
{
	char c;

	return (void *)(intptr_t)oa_read(*(int *)arg, &c, 1);
}

static void pending_start(struct run *r, struct pending *p, unsigned int n)
{
	p->n = bench_opt(r, 2) ? n : 0;
	for (unsigned int i = 0; i < p->n; i++) {
		if (pipe(p->fd[i]))
			abort();
		p->task[i] = oa_spawn(read_one, &p->fd[i][0],
				      .worker = OA_WORKER((int)i));
	}
}

static void pending_end(struct run *r, struct pending *p)
{
	for (unsigned int i = 0; i < p->n; i++) {
		if (write(p->fd[i][1], "x", 1) != 1 ||
		    oa_join(p->task[i], NULL))
			bench_fail(r, "the pending read is lost");
		close(p->fd[i][0]);
		close(p->fd[i][1]);
	}
}

static void *successor(void *arg)
{
	return (void *)((uintptr_t)arg + 1);
}

static int trips(void *arg, uint64_t n)
{
	struct run *r = arg;
	uintptr_t sum = 0;

	for (uint64_t i = 0; i < n; i++) {
		oa_task_t t = oa_spawn(successor, (void *)sum,
				       .worker = OA_WORKER(1));
		void *result = NULL;
		int ret = oa_join(t, &result);

		if (ret)
			return bench_fail(r, "oa_join: %s", oa_strerror(ret));
		sum = (uintptr_t)result;
	}
	return sum == n ? 0 : bench_fail(r, "results are wrong");
}

static double kicks(void)
{
	struct oa_stats st = { .size = sizeof(st) };

	return oa_stats(oa_runtime_self(), &st) ? 0 : (double)st.kicks;
}

/* Single trips to a worker that has parked; the histogram is borrowed. */
static int idle_trips(struct run *r)
{
	uint64_t n = (uint64_t)bench_opt(r, 1), begun;
	double before = kicks();

	for (uint64_t i = 0; i < n; i++) {
		wake_idle(r);
		begun = bench_now();
		if (trips(r, 1))
			return -1;
		hist_add(&r->out->hist, bench_now() - begun);
	}
	if (n) {
		wake_idle_trips(r);
		bench_set(r, WAKE_IDLE_KICKS, (kicks() - before) / (double)n);
	}
	return 0;
}

static void *round_trips(void *arg)
{
	struct run *r = arg;
	struct pending p;
	double before;

	pending_start(r, &p, 2);
	before = kicks();
	if (bench_loop(r, WAKE_TRIP, 1, trips, r))
		return NULL;
	bench_set(r, WAKE_KICKS, (kicks() - before) /
		  (double)(r->iters + bench_warmup(r)));
	idle_trips(r);
	pending_end(r, &p);
	return NULL;
}

/* The first task may run anywhere: the driver must not. */
static void *first(void *arg)
{
	oa_task_t t = oa_spawn(round_trips, arg, .worker = OA_WORKER(0));

	if (oa_join(t, NULL))
		bench_fail(arg, "the driver was lost");
	return NULL;
}

struct post {
	uint64_t sent;
	uint64_t *arrived;
};

static void *posted(void *arg)
{
	struct post *p = arg;

	__atomic_store_n(p->arrived, bench_now(), __ATOMIC_RELEASE);
	return NULL;
}

/* Keeps the runtime alive; the shutdown ends it. */
static void *idle(void *arg)
{
	struct pending p;

	pending_start(arg, &p, 1);
	oa_sleep_until(OA_FOREVER);
	return NULL;
}

static int post_one(struct run *r, struct oa_runtime *rt)
{
	uint64_t arrived = 0, limit;
	struct post p = { .arrived = &arrived };
	int ret;

	wake_idle(r);
	p.sent = bench_now();
	limit = p.sent + 5 * NSEC;
	ret = oa_post(rt, posted, &p, sizeof(p));
	if (ret)
		return bench_fail(r, "oa_post: %s", oa_strerror(ret));
	while (!__atomic_load_n(&arrived, __ATOMIC_ACQUIRE))
		if (bench_now() > limit) {
			bench_fail(r, "a post does not arrive");
			_exit(1);	/* it may yet write to our frame */
		}
	hist_add(&r->out->hist, arrived - p.sent);
	return 0;
}

static uint64_t waits(struct oa_runtime *rt)
{
	struct oa_stats st = { .size = sizeof(st) };

	return oa_stats(rt, &st) ? 0 : st.waits_ring + st.waits_futex;
}

static int posts(struct run *r, struct oa_runtime *rt)
{
	uint64_t n = (uint64_t)bench_opt(r, 1), before;

	bench_pin(r, 0, 1);
	for (unsigned int i = 0; i < 20; i++)
		if (post_one(r, rt))
			return -1;
	wake_idle(r);
	r->out->hist = (struct hist){ 0 };
	before = waits(rt);
	for (uint64_t i = 0; i < n; i++)
		if (post_one(r, rt))
			return -1;
	wake_idle(r);
	bench_set(r, WAKE_PARKED, (double)(waits(rt) - before) / (double)n);
	wake_percentiles(r);
	return 0;
}

static int one_way(struct run *r)
{
	struct oa_runtime *rt;
	int ret;

	if (!bench_opt(r, 1))
		return 0;
	bench_pin(r, 1, 1);
	ret = oa_start(&rt, idle, r, .workers = 1, .pin = true);
	if (ret)
		return bench_fail(r, "oa_start: %s", oa_strerror(ret));
	if (posts(r, rt))
		return -1;
	ret = oa_shutdown(rt, OA_SHUTDOWN_GRACEFUL);
	if (!ret)
		ret = oa_runtime_wait(rt, NULL);
	if (!ret)
		ret = oa_runtime_free(rt);
	return ret ? bench_fail(r, "ending: %s", oa_strerror(ret)) : 0;
}

static int wake_oa(struct run *r)
{
	if (bench_workers(r) < 2)
		return bench_fail(r, "two workers at least");
	if (bench_oa_run(r, bench_workers(r), first, r))
		return -1;
	return one_way(r);
}

const struct bench bench_sched_wake = {
	.collection = "sched",
	.name = "wake",
	.summary = "waking a worker that has nothing to do",
	.metrics = wake_metrics,
	.opts = opts,
	.impl = { { "oa", wake_oa }, { "raw:futex", wake_futex },
		  { "raw:msg_ring", wake_msg_ring } },
	.workers = 2,
	.repeats = 30,
};
