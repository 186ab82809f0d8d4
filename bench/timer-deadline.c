// SPDX-License-Identifier: MIT
/*
 * timer/deadline: oa_deadline_enter() and oa_deadline_leave(), a pair, when
 * nothing expires; and OA_WITHIN(), which reads the clock.
 *
 * raw: the deadline goes into a binary heap of one's own and out again, which
 * is empty but for it; and the same with a look at the clock before.
 */
#include "bench.h"

static const struct metric metrics[] = {
	{ "enter-leave", "ns", M_RATE },
	{ "within", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

#define TURNS 1000000u

static double a_turn(struct run *r)
{
	return (double)bench_end(r) / TURNS;
}

static void *pairs(void *arg)
{
	struct run *r = arg;
	struct oa_deadline d;
	oa_time_t far = oa_after(3600 * OA_SEC);
	unsigned int bad = 0;

	bench_begin(r);
	for (unsigned int i = 0; i < TURNS; i++) {
		bad += oa_deadline_enter(&d, far) != 0;
		bad += oa_deadline_leave(&d) != 0;
	}
	bench_set(r, 0, a_turn(r));
	bench_begin(r);
	for (unsigned int i = 0; i < TURNS; i++)
		OA_WITHIN(&d, OA_SEC)
			bad += oa_deadline_fired(&d) != 0;
	bench_set(r, 1, a_turn(r));
	if (bad)
		bench_fail(r, "%u calls failed", bad);
	return NULL;
}

static int deadline_oa(struct run *r)
{
	return bench_oa_run(r, 1, pairs, r);
}

#define HEAP_MAX 64u

struct heap {
	unsigned int n;
	uint64_t at[HEAP_MAX];
};

static __attribute__((noinline)) bool heap_add(struct heap *h, uint64_t at)
{
	unsigned int i = h->n;

	if (i == HEAP_MAX)
		return false;
	for (h->n++; i && h->at[(i - 1) / 2] > at; i = (i - 1) / 2)
		h->at[i] = h->at[(i - 1) / 2];
	h->at[i] = at;
	return true;
}

static __attribute__((noinline)) uint64_t heap_take(struct heap *h)
{
	uint64_t first = h->at[0], last = h->at[--h->n];
	unsigned int i = 0, k;

	while ((k = 2 * i + 1) < h->n) {
		if (k + 1 < h->n && h->at[k + 1] < h->at[k])
			k++;
		if (h->at[k] >= last)
			break;
		h->at[i] = h->at[k];
		i = k;
	}
	h->at[i] = last;
	return first;
}

static int deadline_heap(struct run *r)
{
	static struct heap h;
	uint64_t far = bench_now() + 3600 * NSEC, at;
	unsigned int bad = 0;

	bench_pin(r, 0, 1);
	bench_begin(r);
	for (unsigned int i = 0; i < TURNS; i++) {
		bad += !heap_add(&h, far);
		bad += heap_take(&h) != far;
	}
	bench_set(r, 0, a_turn(r));
	bench_begin(r);
	for (unsigned int i = 0; i < TURNS; i++) {
		at = bench_now() + NSEC;
		bad += !heap_add(&h, at);
		bad += heap_take(&h) != at;
	}
	bench_set(r, 1, a_turn(r));
	return bad ? bench_fail(r, "%u calls failed", bad) : 0;
}

const struct bench bench_timer_deadline = {
	.collection = "timer",
	.name = "deadline",
	.summary = "a deadline around nothing, entered and left",
	.metrics = metrics,
	.impl = { { "oa", deadline_oa }, { "raw:heap", deadline_heap } },
	.workers = 1,
	.repeats = 9,
	.fixed = true,
};
