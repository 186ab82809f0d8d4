// SPDX-License-Identifier: MIT
/*
 * Time slices: for how many turns tasks run before the ring, the timers and
 * the shared queues are looked at again. The turns are counted, and the clock
 * is read at the end of a slice: how long a turn took on average says how many
 * the next one has.
 */
#include "core/slice.h"

#include "core/hold.h"

bool slice_over(struct worker *w)
{
	w->now = w->rt->poll->now();
	/* The clock is not looked at for slices that end before this. */
	if (!w->slice_start)
		w->slice_start = w->now;
	if (w->now - w->slice_start < SLICE_NS)
		return false;
	w->budget = 0;
	return true;
}

static void set_budget(struct worker *w)
{
	w->slice_turns = (int32_t)(SLICE_NS / (w->avg_turn + 1));
	w->slice_turns = min_of(max_of(w->slice_turns, 1), 4096);
	w->budget = w->slice_turns;
}

void slice_renew(struct worker *w)
{
	w->slice_start = 0;
	set_budget(w);
}

static void measure(struct worker *w, oa_time_t now)
{
	int32_t turns = w->slice_turns - max_of(w->budget, 0);
	int64_t avg;

	if (turns <= 0 || !w->slice_start)
		return;
	if (unlikely(now - w->slice_start > 2 * SLICE_NS))
		hold_long(w);
	STAT_INC(w, budget_outs);
	avg = (now - w->slice_start) / turns;
	avg = min_of(avg, (int64_t)SLICE_NS);
	w->avg_turn = (uint32_t)((3 * (int64_t)w->avg_turn + avg) / 4);
}

void slice_end_at(struct worker *w, oa_time_t now)
{
	measure(w, now);
	w->slice_start = 0;
}

void slice_end(struct worker *w)
{
	/* The clock is not looked at when nobody had a turn. */
	if (w->slice_start && w->budget < w->slice_turns)
		measure(w, w->rt->poll->now());
	w->slice_start = 0;
}

void slice_begin(struct worker *w, oa_time_t now)
{
	measure(w, now);
	w->slice_start = now;
	set_budget(w);
}
