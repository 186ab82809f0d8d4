// SPDX-License-Identifier: MIT
/*
 * timer/sleep: one task on one worker sleeps until a deadline -d microseconds
 * away, again and again; how late it goes on. Nothing else runs, so this is
 * the wait of an idle worker: the machine's timer interrupt and way out of
 * idle are most of it. It does not measure many timers (timer/million).
 *
 * raw: clock_nanosleep() to an absolute time (the thread's timer slack, 50 us
 * by default, is in it) and a ring that waits with a timeout.
 */
#include <errno.h>
#include <liburing.h>
#include <time.h>

#include "bench.h"

static const struct metric metrics[] = {
	{ "late p50", "ns", M_HIST },
	{ "late p99", "ns", 0 },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'd', "usec", "100,1000,10000", "how long each sleep is", 1, 10000000 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

static uint64_t length(const struct run *r)
{
	return (uint64_t)bench_opt(r, 0) * 1000;
}

/* Never early: a sleep that ends before its deadline is wrong. */
static int woke(struct run *r, uint64_t deadline)
{
	uint64_t now = bench_now();

	if (now < deadline)
		return bench_fail(r, "%llu ns early",
				  (unsigned long long)(deadline - now));
	hist_add(&r->out->hist, now - deadline);
	return 0;
}

static void results(struct run *r)
{
	bench_set(r, 0, (double)hist_percentile(&r->out->hist, .5));
	bench_set(r, 1, (double)hist_percentile(&r->out->hist, .99));
}

static void *sleeper(void *arg)
{
	struct run *r = arg;

	bench_begin(r);
	for (uint64_t i = 0; i < r->iters; i++) {
		uint64_t deadline = bench_now() + length(r);
		int ret = oa_sleep_until((oa_time_t)deadline);

		if (ret) {
			bench_fail(r, "oa_sleep_until: %s", oa_strerror(ret));
			return NULL;
		}
		if (woke(r, deadline))
			return NULL;
	}
	bench_end(r);
	results(r);
	return NULL;
}

static int sleep_oa(struct run *r)
{
	return bench_oa_run(r, bench_workers(r), sleeper, r);
}

static int sleep_nanosleep(struct run *r)
{
	bench_pin(r, 0, 1);
	bench_begin(r);
	for (uint64_t i = 0; i < r->iters; i++) {
		uint64_t deadline = bench_now() + length(r);
		struct timespec ts = { .tv_sec = (time_t)(deadline / NSEC),
				       .tv_nsec = (long)(deadline % NSEC) };

		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts,
				       NULL) == EINTR)
			;
		if (woke(r, deadline))
			return -1;
	}
	bench_end(r);
	results(r);
	return 0;
}

static int sleep_ring(struct run *r)
{
	struct io_uring ring;
	int ret = raw_ring(r, &ring, 8);

	if (ret)
		return ret;
	bench_pin(r, 0, 1);
	bench_begin(r);
	for (uint64_t i = 0; i < r->iters; i++) {
		uint64_t ns = length(r), deadline = bench_now() + ns;
		struct __kernel_timespec ts = {
			.tv_sec = (long long)(ns / NSEC),
			.tv_nsec = (long long)(ns % NSEC),
		};
		struct io_uring_cqe *cqe;

		if (io_uring_wait_cqe_timeout(&ring, &cqe, &ts) != -ETIME)
			return bench_fail(r, "no timeout");
		if (woke(r, deadline))
			return -1;
	}
	bench_end(r);
	results(r);
	io_uring_queue_exit(&ring);
	return 0;
}

const struct bench bench_timer_sleep = {
	.collection = "timer",
	.name = "sleep",
	.summary = "how late a single sleeper goes on",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", sleep_oa }, { "raw:nanosleep", sleep_nanosleep },
		  { "raw:ring", sleep_ring } },
	.workers = 1,
	.min_iters = 100,
};
