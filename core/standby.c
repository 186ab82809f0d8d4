// SPDX-License-Identifier: MIT
/*
 * Standby: where workers and other threads want more processors than there
 * are, fewer workers may do more.
 *
 * Think of a server with two workers, and its client, on two processors. All
 * three have something to do all the time, so each gets two thirds of a
 * processor: the client, which is what the server waits for, is held back by
 * workers who share work that one of them could do in larger batches. Each
 * that is interrupted keeps its connections waiting for a slice of the
 * kernel's, milliseconds.
 *
 * Whether that is so cannot be known, so it is tried. Where tasks take turns
 * often, and workers wait for processors, half of them stand by for some looks.
 * If clearly more gets done (GAIN) it stays so, and half of the rest may be
 * tried; if not, they come back, and the next trial waits twice as long. That
 * as much gets done is not enough: where the load comes from elsewhere at a
 * rate of its own, it would be done by ever fewer workers, ever later. Now and
 * then all take part for some looks, to see whether fewer still do more; soon
 * after a trial whose outcome may have been chance.
 *
 * All take part at once when a quarter of a processor is left over, when turns
 * become rare, and when one who takes part is stuck in a task.
 *
 * A worker on standby does what only it can do: its own requests, timers and
 * pinned tasks. What these make ready and others may run it gives away, so
 * that connections move to who takes part, as each has its next request. It
 * searches nothing and is not called for help (core/idle.c).
 *
 * What gets done is counted in turns, those of tasks that only gave way left
 * out: for a loop of yields it would be what they cost.
 */
#include "core/standby.h"

#include "core/compiler.h"

#define LOOK_BUSY	(20 * OA_MSEC)	/* while turns are frequent */
#define LOOK_SOON	(10 * OA_MSEC)	/* when there is something to find out */
#define LOOK_HELD	(5 * OA_MSEC)	/* while some are on standby */
#define LOOK_LATE	(100 * OA_MSEC)	/* nothing is to be said of that time */
#define LOOK_MIN	OA_MSEC
#define RATE_HIGH	20000u		/* turns a second, to begin */
#define RATE_LOW	10000u		/* ... and to go on */
#define WINDOW		(60 * OA_MSEC)	/* what is compared */
#define GAIN		50u		/* one part more in so many is something */
#define GAIN_CLEAR	20u		/* ... and is no chance */
#define PAUSE_FIRST	(50 * OA_MSEC)
#define PAUSE_LAST	(30 * OA_SEC)
#define PROOF_SOON	(500 * OA_MSEC)
#define PROOF_FIRST	(4 * OA_SEC)
#define PROOF_LAST	(60 * OA_SEC)
#define UNUSED_EVERY	OA_SEC
#define UNUSED_SHARE	4u		/* one part of a processor in so many */
#define LONG_ENOUGH	(5 * OA_SEC)	/* it was right to have fewer */

void standby_init(struct standby *s, uint32_t workers)
{
	*s = (struct standby){
		.workers = workers, .active = workers, .pause = PAUSE_FIRST,
	};
}

static void count_anew(struct standby *s)
{
	s->hot = false;
	s->done = 0;
	s->took = 0;
}

/* True: it is enough to compare. */
static bool count(struct standby *s, uint64_t turns, oa_time_t took)
{
	s->done += turns;
	s->took += took;
	return s->took >= WINDOW;
}

static uint64_t rate(uint64_t turns, oa_time_t took)
{
	return turns * (uint64_t)OA_SEC / (uint64_t)took;
}

static void all_take_part(struct standby *s)
{
	s->active = s->workers;
	s->trial = false;
	s->unused_at = 0;
	count_anew(s);
}

/* The next trial is some time off, and the one after that twice as long. */
static void put_off(struct standby *s, oa_time_t now)
{
	s->next = now + s->pause;
	s->pause = min_of(2 * s->pause, PAUSE_LAST);
}

static void try_with(struct standby *s, uint32_t active)
{
	s->before = rate(s->done, s->took);
	s->from = s->active;
	s->active = active;
	s->trial = true;
	s->settling = true;
	count_anew(s);
}

static void fewer_stay(struct standby *s, oa_time_t now, bool clear)
{
	if (s->active > s->from) {
		s->proof_in = min_of(2 * s->proof_in, PROOF_LAST);
	} else {
		s->proof_in = clear ? PROOF_FIRST : PROOF_SOON;
		if (s->from == s->workers)
			s->since = now;
	}
	s->active = min_of(s->active, s->from);
	s->proof = now + s->proof_in;
}

static void more_stay(struct standby *s, oa_time_t now)
{
	s->active = max_of(s->active, s->from);
	put_off(s, now);
}

static void try_on(struct standby *s, oa_time_t now, uint64_t turns,
		   oa_time_t took)
{
	uint64_t fewer, more;

	if (s->settling) {
		s->settling = false;
		return;
	}
	if (!count(s, turns, took))
		return;
	fewer = more = rate(s->done, s->took);
	if (s->active < s->from)
		more = s->before;
	else
		fewer = s->before;
	if (fewer > more + more / GAIN)
		fewer_stay(s, now, fewer > more + more / GAIN_CLEAR);
	else
		more_stay(s, now);
	s->trial = false;
	count_anew(s);
}

/* Is there a processor for one more? */
static bool room_for_more(struct standby *s, oa_time_t now,
			  const struct standby_ops *ops, void *of)
{
	oa_time_t was = s->unused, gap = now - s->unused_at;
	bool known = s->unused_at;

	if (known && gap < UNUSED_EVERY)
		return false;
	s->unused = ops->unused(of);
	s->unused_at = now;
	return known && was >= 0 && s->unused - was >= gap / UNUSED_SHARE;
}

static void take_all_back(struct standby *s, oa_time_t now)
{
	if (now - s->since >= LONG_ENOUGH)
		s->pause = PAUSE_FIRST;
	all_take_part(s);
	put_off(s, now);
}

static void watch_for_it(struct standby *s, oa_time_t now, uint64_t turns,
			 oa_time_t took, const struct standby_ops *ops, void *of)
{
	if (s->active == 1 || now < s->next || !ops->contended(of)) {
		count_anew(s);
		return;
	}
	s->hot = true;
	if (count(s, turns, took))
		try_with(s, (s->active + 1) / 2);
}

static oa_time_t look_again_in(const struct standby *s)
{
	if (s->active < s->workers)
		return LOOK_HELD;
	if (s->hot || s->trial)
		return LOOK_SOON;
	return s->busy ? LOOK_BUSY : OA_FOREVER;
}

oa_time_t standby_look(struct standby *s, oa_time_t now, uint64_t turns,
		       bool held, const struct standby_ops *ops, void *of)
{
	uint64_t n = turns - s->turns, least;
	oa_time_t took = now - s->at;

	if (s->at && took < LOOK_MIN && !held)
		return look_again_in(s);
	least = s->active < s->workers ? RATE_LOW : RATE_HIGH;
	s->busy = s->at && !held && rate(n, took) >= least;
	s->turns = turns;
	if (!s->busy || took > LOOK_LATE)
		all_take_part(s);
	else if (s->trial)
		try_on(s, now, n, took);
	else if (s->active < s->workers && room_for_more(s, now, ops, of))
		take_all_back(s, now);
	else if (s->active == s->workers || now < s->proof)
		watch_for_it(s, now, n, took, ops, of);
	else if (count(s, n, took))
		try_with(s, s->workers);
	s->at = now;
	return look_again_in(s);
}
