// SPDX-License-Identifier: MIT
/*
 * timer/arm-cancel: what a deadline adds to a wait that ends before it. The
 * wait is a join of a task that gives way once and ends; it is made without a
 * deadline, with an absolute one of its own (oa_join_until), and inside
 * oa_deadline_enter() and oa_deadline_leave(), by turns of 256; the figures
 * are the medians, over all turns, of the differences between one turn and
 * the next, and of the waits themselves. With -m so many other timers (tasks
 * whose start is an hour away) are alive. It does not measure timers that
 * expire.
 *
 * raw: a timerfd armed and disarmed; a timeout request and its removal. A
 * thread that waits with a deadline in the wait itself (futex) pays neither.
 */
#include <liburing.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bench.h"

#define TURN 256

static const struct metric metrics[] = {
	{ "join_until", "ns", 0 },
	{ "enter+leave", "ns", 0 },
	{ "plain wait", "ns", M_INFO },
	{ "wait until", "ns", M_INFO },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'm', "live", "0,1000000", "timers alive meanwhile", 0, 100000000 },
	{ 'k', "kind", "0", "1 plain, 2 until, 3 enter: that wait alone", 0, 3 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

enum kind { PLAIN, UNTIL, ENTER, KINDS };

struct arming {
	struct run *r;
	oa_time_t base;
	double *wait[KINDS];	/* ns of one, turn by turn */
	uint64_t turns;
	uint64_t sum;
};

static void *brief(void *arg)
{
	oa_yield();
	return (void *)((uintptr_t)arg + 1);
}

static int wait_once(struct arming *a, enum kind kind, oa_time_t deadline)
{
	oa_task_t t = oa_spawn(brief, (void *)a->sum);
	void *result = NULL;
	struct oa_deadline d;
	int ret;

	if (kind == UNTIL) {
		ret = oa_join_until(t, &result, deadline);
	} else if (kind == ENTER) {
		oa_deadline_enter(&d, deadline);
		ret = oa_join(t, &result);
		oa_deadline_leave(&d);
	} else {
		ret = oa_join(t, &result);
	}
	if (ret)
		return bench_fail(a->r, "join: %s", oa_strerror(ret));
	if ((uintptr_t)result != a->sum + 1)
		return bench_fail(a->r, "a result is wrong");
	a->sum++;
	return 0;
}

static int turn(struct arming *a, enum kind kind, uint64_t nr)
{
	bench_begin(a->r);
	for (unsigned int i = 0; i < TURN; i++)
		if (wait_once(a, kind, a->base + i * OA_MSEC))
			return -1;
	a->wait[kind][nr] = (double)bench_end(a->r) / TURN;
	return 0;
}

static double median(const struct arming *a, const double *v)
{
	return summarize(v, (unsigned int)a->turns).median;
}

/* Differences within a turn: who preempts us spoils some, not the median. */
static void results(struct arming *a)
{
	double *v[KINDS] = { a->wait[PLAIN], a->wait[UNTIL], a->wait[ENTER] };

	if (v[PLAIN])
		bench_set(a->r, 2, median(a, v[PLAIN]));
	if (v[UNTIL])
		bench_set(a->r, 3, median(a, v[UNTIL]));
	for (unsigned int k = UNTIL; v[PLAIN] && k < KINDS; k++) {
		for (uint64_t i = 0; v[k] && i < a->turns; i++)
			v[k][i] -= v[PLAIN][i];
		if (v[k])
			bench_set(a->r, k - UNTIL, median(a, v[k]));
	}
}

static void *nothing(void *arg)
{
	return arg;
}

static int others(struct run *r, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		int ret = oa_go(nothing, NULL,
				.delay = OA_SEC * 3600 + (oa_time_t)i * OA_USEC);

		if (ret)
			return bench_fail(r, "oa_go: %s", oa_strerror(ret));
	}
	return 0;
}

static int turns(struct arming *a)
{
	unsigned int only = (unsigned int)bench_opt(a->r, 1);

	a->turns = a->r->iters / TURN + 1;
	for (unsigned int k = 0; k < KINDS; k++) {
		if (only && only != k + 1)
			continue;
		a->wait[k] = calloc(a->turns, sizeof(*a->wait[k]));
		if (!a->wait[k])
			return bench_fail(a->r, "out of memory");
	}
	for (uint64_t i = 0; i < a->turns; i++)
		for (unsigned int k = 0; k < KINDS; k++)
			if (a->wait[k] && turn(a, k, i))
				return -1;
	return 0;
}

static void *arm(void *arg)
{
	struct arming a = { .r = arg, .base = oa_after(OA_SEC * 60) };

	if (!others(a.r, (uint64_t)bench_opt(a.r, 0)) && !turns(&a))
		results(&a);
	for (unsigned int k = 0; k < KINDS; k++)
		free(a.wait[k]);
	oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL);
	return NULL;
}

static int arm_oa(struct run *r)
{
	uint64_t live = (uint64_t)bench_opt(r, 0);
	struct oa_ended ended = { 0 };

	if (bench_opt(r, 1) > KINDS)
		return bench_fail(r, "no such kind of wait");
	if (bench_oa_run_ended(r, bench_workers(r), arm, r, &ended))
		return -1;
	if (ended.dropped != live)
		return bench_fail(r, "%llu of the live timers were dropped",
				  (unsigned long long)ended.dropped);
	return 0;
}

struct raw_timer {
	struct run *r;
	int fd;
	struct io_uring ring;
};

static int timerfd_loop(void *arg, uint64_t n)
{
	struct itimerspec on = { .it_value = { .tv_sec = 60 } };
	struct itimerspec off = { .it_value = { .tv_sec = 0 } };
	struct raw_timer *t = arg;

	while (n--)
		if (timerfd_settime(t->fd, 0, &on, NULL) ||
		    timerfd_settime(t->fd, 0, &off, NULL))
			return bench_fail(t->r, "timerfd_settime");
	return 0;
}

static int arm_timerfd(struct run *r)
{
	struct raw_timer t = { .r = r };

	t.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (t.fd < 0)
		return bench_fail(r, "no timerfd");
	bench_pin(r, 0, 1);
	return bench_loop(r, 0, 1, timerfd_loop, &t);
}

static int ring_loop(void *arg, uint64_t n)
{
	struct __kernel_timespec ts = { .tv_sec = 60 };
	struct raw_timer *t = arg;
	struct io_uring_cqe *cqe[2];

	while (n--) {
		io_uring_prep_timeout(io_uring_get_sqe(&t->ring), &ts, 0, 0);
		io_uring_prep_timeout_remove(io_uring_get_sqe(&t->ring), 0, 0);
		if (io_uring_submit_and_wait(&t->ring, 2) != 2 ||
		    io_uring_peek_batch_cqe(&t->ring, cqe, 2) != 2)
			return bench_fail(t->r, "a timeout was not removed");
		io_uring_cq_advance(&t->ring, 2);
	}
	return 0;
}

static int arm_ring(struct run *r)
{
	struct raw_timer t = { .r = r };
	int ret = raw_ring(r, &t.ring, 64);

	if (ret)
		return ret;
	bench_pin(r, 0, 1);
	return bench_loop(r, 0, 1, ring_loop, &t);
}

const struct bench bench_timer_arm_cancel = {
	.collection = "timer",
	.name = "arm-cancel",
	.summary = "what a deadline adds to a wait that ends before it",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", arm_oa }, { "raw:timerfd", arm_timerfd },
		  { "raw:timeout", arm_ring } },
	.workers = 1,
};
