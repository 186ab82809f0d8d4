// SPDX-License-Identifier: MIT
/*
 * Are there processors for all workers? The watch looks at every tick, and
 * says how many of them take part; core/standby.c decides.
 */
#ifndef OA_SIM
#include <stdio.h>
#include <unistd.h>

#include "core/idle.h"
#include "core/procfile.h"
#include "core/watch_priv.h"

#define ASKED_AT_ONCE	4u		/* workers; each costs some us */
#define WAITED_SHARE	16		/* one part of the time in so many */
#define ASKED_LATE	(200 * OA_MSEC)	/* nothing follows from that time */

/* How long has the thread waited for a processor since the last time? */
static void ask(struct sight *s, oa_time_t now, oa_time_t *waited,
		oa_time_t *span)
{
	oa_time_t gap = now - s->waited_at, is;

	if (!atomic_load_acq(&s->tid)) /* [watch-tid] */
		return;
	is = trace_thread_delay(s->tid);
	if (s->waited_at && gap < ASKED_LATE) {
		*waited += is - s->waited;
		*span += gap;
	}
	s->waited = is;
	s->waited_at = now;
}

static bool contended(void *of)
{
	struct watched *d = of;
	uint32_t n = min_of(d->rt->nr_workers, ASKED_AT_ONCE);
	oa_time_t now = poll_default->now(), waited = 0, span = 0;

	while (n--)
		ask(&d->w[d->asked++ % d->rt->nr_workers], now, &waited, &span);
	return span && waited >= span / WAITED_SHARE;
}

/* Of the machine. Those that we may use are no more idle than all are. */
static oa_time_t unused(void *of)
{
	long long idle, iowait;
	char buf[256];

	(void)of;
	if (!procfile_read("/proc/stat", buf, sizeof(buf)) ||
	    sscanf(buf, "cpu %*u %*u %*u %lld %lld", &idle, &iowait) != 2)
		return -1;
	return (idle + iowait) * (OA_SEC / sysconf(_SC_CLK_TCK));
}

static const struct standby_ops ops = { contended, unused };

/* A task has been running since the last look, and others wait behind it. */
static bool held(struct watched *d)
{
	struct runtime *rt = d->rt;

	for (uint32_t i = 0; i < min_of(READ_ONCE(rt->active), rt->nr_workers);
	     i++) {
		struct worker *w = rt->workers[i];

		if (d->w[i].task && !sight_moved(w, &d->w[i]) &&
		    (!lane_empty(&w->lane) || ring_len(&w->ring) ||
		     spill_len(&w->spill) || jobs_len(&w->jobs) ||
		     READ_ONCE(rt->inject.n)))
			return true;
	}
	return false;
}

static uint64_t turns(const struct runtime *rt)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < rt->nr_workers; i++)
		n += READ_ONCE(rt->workers[i]->st.switches) -
		     READ_ONCE(rt->workers[i]->st.yields);
	return n;
}

oa_time_t contention_look(struct watched *d, oa_time_t now)
{
	struct runtime *rt = d->rt;
	struct standby *s = &d->standby;
	oa_time_t next = OA_FOREVER;
	bool stuck;

	if (rt->nr_workers == 1)
		return next;
	stuck = READ_ONCE(rt->active) < rt->nr_workers && held(d);
	if (!rt->debug_standby)
		next = standby_look(s, now, turns(rt), stuck, &ops, d);
	else
		s->active = stuck ? rt->nr_workers : READ_ONCE(rt->active);
	if (s->active != READ_ONCE(rt->active))
		idle_set_active(rt, s->active);
	return next;
}
#endif
