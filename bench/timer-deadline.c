// SPDX-License-Identifier: MIT
/*
 * timer/deadline: oa_deadline_enter() and oa_deadline_leave(), a pair, when
 * nothing expires; and OA_WITHIN(), which reads the clock.
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

const struct bench bench_timer_deadline = {
	.collection = "timer",
	.name = "deadline",
	.summary = "a deadline around nothing, entered and left",
	.metrics = metrics,
	.impl = { { "oa", deadline_oa } },
	.workers = 1,
	.repeats = 9,
	.fixed = true,
};
