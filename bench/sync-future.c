// SPDX-License-Identifier: MIT
/*
 * sync/future: one task sets a new future and gets the value, nanoseconds a
 * pair; gets the value of one that is set; and gets what a task makes of
 * nothing (oa_async, get, put). Nobody waits but in the last.
 *
 * raw: a flag and a value: an exchange to claim it, a store that shows it, and
 * a load. There is nothing like the last.
 */
#include "bench.h"

enum { PAIR, GET, ASYNC };

static const struct metric metrics[] = {
	[PAIR] = { "set+get", "ns", M_RATE },
	[GET] = { "get", "ns", M_RATE },
	[ASYNC] = { "async+get", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

struct value {
	struct run *r;
	struct oa_future f;
	uint64_t flag;
	void *v;
};

static int pairs_oa(void *arg, uint64_t n)
{
	struct value *x = arg;
	uint64_t wrong = 0;

	for (uint64_t i = 0; i < n; i++) {
		void *v = NULL;

		x->f = (struct oa_future)OA_FUTURE_INIT;
		wrong |= (uint64_t)oa_future_set(&x->f, (void *)(i & 0xffff));
		wrong |= (uint64_t)oa_future_get(&x->f, &v);
		wrong |= (uint64_t)(uintptr_t)v ^ (i & 0xffff);
	}
	return wrong ? bench_fail(x->r, "a value is wrong") : 0;
}

static int gets_oa(void *arg, uint64_t n)
{
	struct value *x = arg;
	uint64_t wrong = 0;

	for (uint64_t i = 0; i < n; i++) {
		void *v = NULL;

		wrong |= (uint64_t)oa_future_get(&x->f, &v);
		wrong |= (uint64_t)((uintptr_t)v ^ (uintptr_t)x->v);
	}
	return wrong ? bench_fail(x->r, "a value is wrong") : 0;
}

static void *echo(void *arg)
{
	return arg;
}

static int asyncs_oa(void *arg, uint64_t n)
{
	struct value *x = arg;
	uint64_t wrong = 0;

	for (uint64_t i = 0; i < n; i++) {
		struct oa_future *f = oa_async(echo, x);
		void *v = NULL;

		wrong |= (uint64_t)oa_future_get(f, &v);
		wrong |= v != x;
		oa_future_put(f);
	}
	return wrong ? bench_fail(x->r, "a value is wrong") : 0;
}

static void *alone(void *arg)
{
	struct value *x = arg;

	if (bench_loop(x->r, PAIR, 1, pairs_oa, x))
		return NULL;
	x->f = (struct oa_future)OA_FUTURE_INIT;
	x->v = x;
	if (oa_future_set(&x->f, x->v))
		bench_fail(x->r, "a future is not to be set");
	else if (!bench_loop(x->r, GET, 1, gets_oa, x))
		bench_loop(x->r, ASYNC, 1, asyncs_oa, x);
	return NULL;
}

static int future_oa(struct run *r)
{
	struct value x = { .r = r };

	return bench_oa_run(r, 1, alone, &x);
}

static int pairs_raw(void *arg, uint64_t n)
{
	struct value *x = arg;
	uint64_t wrong = 0;

	for (uint64_t i = 0; i < n; i++) {
		x->flag = 0;
		wrong |= __atomic_exchange_n(&x->flag, 1, __ATOMIC_ACQUIRE);
		x->v = (void *)(i & 0xffff);
		__atomic_store_n(&x->flag, 2, __ATOMIC_RELEASE);
		wrong |= __atomic_load_n(&x->flag, __ATOMIC_ACQUIRE) != 2;
		wrong |= (uint64_t)(uintptr_t)x->v ^ (i & 0xffff);
	}
	return wrong ? bench_fail(x->r, "a value is wrong") : 0;
}

static int gets_raw(void *arg, uint64_t n)
{
	struct value *x = arg;
	uint64_t wrong = 0;

	x->v = x;
	for (uint64_t i = 0; i < n; i++) {
		wrong |= __atomic_load_n(&x->flag, __ATOMIC_ACQUIRE) != 2;
		wrong |= __atomic_load_n(&x->v, __ATOMIC_RELAXED) != x;
	}
	return wrong ? bench_fail(x->r, "a value is wrong") : 0;
}

static int future_raw(struct run *r)
{
	struct value x = { .r = r };

	bench_pin(r, 0, 1);
	if (bench_loop(r, PAIR, 1, pairs_raw, &x))
		return -1;
	return bench_loop(r, GET, 1, gets_raw, &x);
}

const struct bench bench_sync_future = {
	.collection = "sync",
	.name = "future",
	.summary = "a future set and got, got, and made by a task",
	.metrics = metrics,
	.impl = { { "oa", future_oa }, { "raw:atomic", future_raw } },
	.workers = 1,
};
