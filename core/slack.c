// SPDX-License-Identifier: MIT
/*
 * A wait that ends for a timer costs microseconds, a timer that is due tens of
 * nanoseconds, or a few misses of the cache. So where timers are dense, those
 * that come within ->ns of each other are taken together: none is looked at
 * until that long after the last were. Whatever else ends a wait ends it as
 * ever, and a timer that comes after a longer pause has its own time.
 *
 * Dense: on the average of SPAN times ->ns, there are MANY in each. One task
 * that sleeps for a few microseconds again and again looks like that, but then
 * it is alone in its groups: they are given up for a while, each time for
 * longer, and it is on time but for one part in a thousand.
 */
#include "core/slack.h"

#include "core/compiler.h"
#include "core/timer.h"

#define SPAN	16
#define MANY	2u
#define PAUSE_FIRST	(64 * SPAN)	/* times ->ns */
#define PAUSE_LAST	(1024 * SPAN)

void slack_init(struct slack *s, oa_time_t ns)
{
	*s = (struct slack){ .ns = ns };
}

/* The span is over: how is the next to be? */
static void span_ends(struct slack *s, oa_time_t now, oa_time_t took)
{
	bool many = s->fired / MANY >= (uint64_t)(took / s->ns);

	if (s->dense && many) {
		s->pause = 0;
	} else if (s->dense && took < 2 * SPAN * s->ns) {
		s->pause = min_of(max_of(2 * s->pause, PAUSE_FIRST * s->ns),
				  PAUSE_LAST * s->ns);
		s->resume = now + s->pause;
	}
	s->dense = many && now >= s->resume;
	s->since = now;
	s->fired = 0;
}

void slack_fired(struct slack *s, oa_time_t now, unsigned int n, bool more)
{
	oa_time_t took = now - s->since;

	s->fired += n;
	if (took >= SPAN * s->ns)
		span_ends(s, now, took);
	/* Of its grain of time a wheel lets those be that are due just now. */
	s->at = s->dense && !more ? now + s->ns - (1 << WHEEL_GRAIN_BITS) : 0;
}
