// SPDX-License-Identifier: MIT
/*
 * chan/pingpong: two tasks on one worker (-w) hand a number to and fro through
 * two channels without a buffer; nanoseconds a round trip, which is two
 * elements and two times a task waits and is woken. With -p 1 and two workers
 * each task stays on its own, and the wake of a worker is what is measured.
 *
 * raw: the number left in a variable and a switch to the other stack, where
 * one worker is enough; threads on the same CPUs with a futex, and with a
 * mutex and conditions.
 */
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crew.h"
#include "raw-queue.h"

static const struct metric metrics[] = {
	{ "round trip", "ns", M_RATE },
	{ "kicks a trip", "", M_INFO },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'p', "pinned", "0", "1: a worker for each of the two", 0, 1 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

struct side {
	uint32_t word __attribute__((aligned(128)));
	uint64_t v;
};

struct pair {
	struct run *r;
	struct oa_chan *ch[2];
	uint64_t sum, want;
	struct raw_lock l[2];
	struct raw_queue q[2];
	struct side side[2];
	bool over;
};

static int checked(struct pair *p, uint64_t n)
{
	p->want += n;
	return p->sum == p->want ? 0
				 : bench_fail(p->r, "the number is wrong");
}

static void *echo_oa(void *arg)
{
	struct pair *p = arg;
	uint64_t v;

	while (!oa_chan_recv(p->ch[0], &v)) {
		v++;
		if (oa_chan_send(p->ch[1], &v))
			bench_fail(p->r, "a send fails");
	}
	return NULL;
}

static int trips_oa(void *arg, uint64_t n)
{
	struct pair *p = arg;
	int err = 0;

	for (uint64_t i = 0; i < n && !err; i++) {
		err |= oa_chan_send(p->ch[0], &p->sum);
		err |= oa_chan_recv(p->ch[1], &p->sum);
	}
	if (err)
		return bench_fail(p->r, "channel: %s", oa_strerror(err));
	return checked(p, n);
}

static double kicks(void)
{
	struct oa_stats st = { .size = sizeof(st) };

	return oa_stats(oa_runtime_self(), &st) ? 0 : (double)st.kicks;
}

static void *driver(void *arg)
{
	struct pair *p = arg;
	double before = kicks();

	bench_loop(p->r, 0, 1, trips_oa, p);
	bench_set(p->r, 1, (kicks() - before) / (double)p->want);
	if (oa_chan_close(p->ch[0]))
		bench_fail(p->r, "oa_chan_close fails");
	return NULL;
}

static void *first(void *arg)
{
	struct pair *p = arg;
	bool pinned = bench_opt(p->r, 0);
	oa_task_t t[2];

	for (int i = 0; i < 2; i++) {
		int ret = oa_chan_create(&p->ch[i], sizeof(uint64_t), 0,
					 OA_CHAN_BOUNDED);

		if (ret) {
			bench_fail(p->r, "oa_chan_create: %s",
				   oa_strerror(ret));
			return NULL;
		}
	}
	t[1] = oa_spawn(echo_oa, p, .worker = pinned ? OA_WORKER(1) : 0);
	t[0] = oa_spawn(driver, p, .worker = pinned ? OA_WORKER(0) : 0);
	if (oa_join(t[0], NULL) || oa_join(t[1], NULL))
		bench_fail(p->r, "a task is lost");
	if (oa_chan_destroy(p->ch[0]) || oa_chan_destroy(p->ch[1]))
		bench_fail(p->r, "oa_chan_destroy fails");
	return NULL;
}

static int pingpong_oa(struct run *r)
{
	struct pair p = { .r = r };

	if (bench_opt(r, 0) && bench_workers(r) < 2)
		return bench_fail(r, "-p wants two workers (-w 2)");
	return bench_oa_run(r, bench_workers(r), first, &p);
}

/* raw:switch */

#define RAW_STACK 16384

static void *raw_main, *raw_child;

static void echo_switch(void *arg)
{
	struct pair *p = arg;

	for (;;) {
		p->side[1].v = p->side[0].v + 1;
		raw_switch(&raw_child, raw_main);
	}
}

static int trips_switch(void *arg, uint64_t n)
{
	struct pair *p = arg;

	for (uint64_t i = 0; i < n; i++) {
		p->side[0].v = p->sum;
		raw_switch(&raw_main, raw_child);
		p->sum = p->side[1].v;
	}
	return checked(p, n);
}

static int pingpong_switch(struct run *r)
{
	struct pair p = { .r = r };
	void *stack = raw_stack_new(RAW_STACK);

	if (bench_opt(r, 0))
		return bench_skip(r, "one thread");
	if (!raw_switch_here())
		return bench_skip(r, "no raw switch for this CPU");
	if (!stack)
		return bench_fail(r, "out of memory");
	bench_pin(r, 0, 1);
	raw_child = raw_prepare(stack, RAW_STACK, echo_switch, &p);
	return bench_loop(r, 0, 1, trips_switch, &p);
}

/* raw:futex: the word says whose the number is. */

static void futex_give(struct side *s)
{
	__atomic_store_n(&s->word, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &s->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void futex_await(struct side *s)
{
	while (!__atomic_load_n(&s->word, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &s->word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL,
			0);
	__atomic_store_n(&s->word, 0, __ATOMIC_RELAXED);
}

static int trips_futex(void *arg, uint64_t n)
{
	struct pair *p = arg;

	for (uint64_t i = 0; i < n; i++) {
		p->side[0].v = p->sum;
		futex_give(&p->side[0]);
		futex_await(&p->side[1]);
		p->sum = p->side[1].v;
	}
	return checked(p, n);
}

static void place(struct pair *p, unsigned int nr)
{
	if (bench_opt(p->r, 0))
		bench_pin(p->r, nr, 1);
}

static void side_futex(void *arg, unsigned int nr)
{
	struct pair *p = arg;

	place(p, nr);
	if (nr == 0) {
		bench_loop(p->r, 0, 1, trips_futex, p);
		p->over = true;
		futex_give(&p->side[0]);
		return;
	}
	for (;;) {
		futex_await(&p->side[0]);
		if (p->over)
			return;
		p->side[1].v = p->side[0].v + 1;
		futex_give(&p->side[1]);
	}
}

static int trips_cond(void *arg, uint64_t n)
{
	struct pair *p = arg;

	for (uint64_t i = 0; i < n; i++) {
		raw_queue_put(&p->q[0], p->sum);
		raw_queue_get(&p->q[1], 1, &p->sum);
	}
	return checked(p, n);
}

static void side_cond(void *arg, unsigned int nr)
{
	struct pair *p = arg;
	uint64_t v;

	place(p, nr);
	if (nr == 0) {
		bench_loop(p->r, 0, 1, trips_cond, p);
		raw_queue_close(&p->q[0]);
		return;
	}
	while (raw_queue_get(&p->q[0], 1, &v) >= 0)
		raw_queue_put(&p->q[1], v + 1);
}

static int pingpong_futex(struct run *r)
{
	struct pair p = { .r = r };

	return crew_raw(r, 2, side_futex, &p, NULL);
}

static int pingpong_cond(struct run *r)
{
	struct pair p = { .r = r, .l = { RAW_LOCK_INIT, RAW_LOCK_INIT } };

	for (int i = 0; i < 2; i++)
		if (raw_queue_init(r, &p.q[i], &p.l[i], 0))
			return -1;
	return crew_raw(r, 2, side_cond, &p, NULL);
}

const struct bench bench_chan_pingpong = {
	.collection = "chan",
	.name = "pingpong",
	.summary = "a number to and fro, without a buffer",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", pingpong_oa }, { "raw:switch", pingpong_switch },
		  { "raw:futex", pingpong_futex },
		  { "raw:cond", pingpong_cond } },
	.workers = 1,
};
