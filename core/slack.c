// SPDX-License-Identifier: MIT
/*
 * A wait that ends for a timer costs microseconds, a timer that is due tens of
 * nanoseconds, or a few misses of the cache. So where timers are dense, those
 * that come within ->ns of each other are taken together: none is looked at
 * until that long after the last were. Whatever else ends a wait ends it as
 * ever, and a timer that comes after a longer pause has its own time.
 *
 * Dense: on the average of SPAN times ->ns, a group has MANY. Few tasks that
 * sleep for a short time again and again are not, and are on time.
 */
#include "core/slack.h"

#include "core/compiler.h"

#define SPAN	16
#define MANY	2u

void slack_init(struct slack *s, oa_time_t ns)
{
	*s = (struct slack){ .ns = ns };
}

void slack_fired(struct slack *s, oa_time_t now, unsigned int n, bool more)
{
	oa_time_t took = now - s->since;

	s->fired += n;
	if (took >= SPAN * s->ns) {
		s->dense = s->fired / MANY >= (uint64_t)(took / s->ns);
		s->since = now;
		s->fired = 0;
	}
	s->at = s->dense && !more ? now + s->ns : 0;
}
