// SPDX-License-Identifier: MIT
/*
 * A wait in the ring may be for several completions at once.
 *
 * Where a worker has a little less to do than it can, it falls asleep after
 * every few requests, and whoever sends it the next has to wake it: on both
 * sides that costs as much as a request. Devices moderate their interrupts for
 * the same reason. So where completions come densely, the wait is for some of
 * them, and for a time (oa_config.coalesce) after which one is enough.
 *
 * For how many? What one operation waits for is known by how many others
 * complete meanwhile: for a quarter of that. Peers who wait for an answer
 * before they send again so never wait for each other: with all of them
 * waited for, client and server would work by turns. Nobody is waited for
 * where that are fewer than COALESCE_LEAST.
 *
 * It is not done where it does not pay, which a wait shows that brings fewer,
 * nor where the worker is kicked, which then takes several messages; it is left
 * for a number of waits that doubles each time. Nor before the next timer, nor
 * while an urgent task waits for a completion.
 */
#include "core/coalesce.h"

#include "core/runtime.h"

#if defined(OA_SIM) && OA_SIM == 1
#define COALESCE_MOST	4u
#define COALESCE_LEAST	2u
#define COALESCE_SHARE	1u
#define WEIGHT		1u
#define PAUSE_FIRST	1u
#define PAUSE_LAST	4u
#else
#define COALESCE_MOST	8u	/* more gain no more */
#define COALESCE_LEAST	4u
#define COALESCE_SHARE	4u
#define WEIGHT		16u	/* of what is remembered to what is new */
#define PAUSE_FIRST	8u	/* waits */
#define PAUSE_LAST	4096u
#endif
#define APART_MOST	((uint64_t)1024) /* one that waited for long says no more */

/* How many others completed, on average, while one was waited for? */
static void note_crowd(struct worker *w)
{
	uint64_t n = w->st.completions - w->apart_seen;

	w->apart_seen = w->st.completions;
	if (n)
		w->crowd += (uint32_t)min_of(w->apart / n, APART_MOST) -
			    w->crowd / WEIGHT;
	w->apart = 0;
}

static bool may_last(struct worker *w, oa_time_t since, oa_time_t deadline)
{
	oa_time_t most = w->rt->cfg.coalesce;

	/* Waits that are rare cost little. */
	return w->now - since < 4 * most && deadline - w->now > most &&
	       !w->urgent_ops;
}

/* For how many completions is it to be? 1: for any. */
static unsigned int how_many(struct worker *w, oa_time_t deadline)
{
	uint64_t inflight = w->st.requests - w->st.completions;
	oa_time_t since = w->waited_at;
	uint32_t few;

	if (!w->rt->cfg.coalesce)
		return 1;
	w->waited_at = w->now;
	note_crowd(w);
	if (w->coalesce_pause) {
		w->coalesce_pause--;
		return 1;
	}
	few = min_of(w->crowd / WEIGHT / COALESCE_SHARE, COALESCE_MOST);
	if (few < COALESCE_LEAST || inflight < few ||
	    !may_last(w, since, deadline))
		return 1;
	return few;
}

/* Such a wait is over: did it pay? */
static void learn(struct worker *w, uint64_t came, bool kicked)
{
	uint32_t n = max_of(w->coalesce_level, PAUSE_FIRST);

	if (came >= COALESCE_LEAST && !kicked) {
		w->coalesce_level = n / 2;
		return;
	}
	w->coalesce_pause = n;
	w->coalesce_level = min_of(2 * n, PAUSE_LAST);
}

static bool is_kicked(const struct worker *w)
{
	/* relaxed: ordered by the fence, or but a hint */
	return READ_ONCE(w->state) != WORKER_PARKED_RING;
}

void coalesce_wait(struct worker *w, oa_time_t deadline)
{
	unsigned int few = how_many(w, deadline);
	uint64_t had = w->st.completions;

	if (likely(few == 1)) {
		w->rt->poll->wait(w, deadline, 1);
		return;
	}
	WRITE_ONCE(w->few, few);
	smp_mb(); /* [few] before the look; kick(): the state before ->few */
	if (is_kicked(w))
		few = 1;
	else
		STAT_INC(w, coalesced);
	w->rt->poll->wait(w, deadline, few);
	if (few > 1)
		learn(w, w->st.completions - had, is_kicked(w));
	WRITE_ONCE(w->few, 1);
}
