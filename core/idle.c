// SPDX-License-Identifier: MIT
/*
 * Going idle, and waking the idle.
 *
 * A stack switch costs nanoseconds, waking a sleeping CPU microseconds. So
 * there are two different calls, never mixed:
 *
 *   need_help(rt)  stealable work was published. One worker at a time searches
 *                  (the token ->searcher); while one does, nobody is woken.
 *                  Who finds work gives the token up and wakes the next before
 *                  running it, so parallelism unfolds as long as it pays.
 *   kick(w)        only w can do it (its tasks, its requests, shutdown): must
 *                  be made if w is parked.
 *
 * Parking, with one word per worker:
 *
 *   owner                                publisher
 *   state = PARKED_x        (exchange)   publish
 *   idle bit set                         full fence
 *   look at everything again             need_help: read mask, token
 *   sleep                                kick: read state
 *   state = RUNNING         (exchange)   CAS PARKED_x -> NOTIFIED, winner wakes
 *
 * Both sides write, then read what the other wrote [park-kick]: one of them
 * sees the other. There is no "wake-up on its way" bit; a wake-up that comes
 * late is harmless. The last searcher gives the token up and then looks at all
 * queues once more [help]: a publisher that saw the token relied on him. So
 * does a publisher that has it and found nobody to wake.
 *
 * Two sleeps: futex_waitv on the own word and the runtime's broadcast word
 * when the ring holds nothing, otherwise the ring's wait. Both end at the next
 * timer.
 *
 * A worker that parks while a peer runs bounds its sleep, and looks whether
 * that peer sits on tasks without getting anywhere (core/lane.c).
 *
 * Only the first rt->active workers take part in what anybody may do. The
 * others, on standby (core/standby.c), park without being in the mask, look at
 * their own queues alone, and give what others may run to the injection queue.
 * One that was called and is on standby by then gives the token up and calls
 * on. When the number grows those it comes to are kicked [standby]: the number
 * is written before their state is read, as what is published is.
 *
 * A worker that is driven from outside (core/external.c) counts as parked in
 * its ring between two calls: a kick makes its descriptor readable.
 *
 * Models: selftests/models/kick.pml, runover.pml.
 */
#include "core/idle.h"

#include "arch/arch.h"
#include "core/coalesce.h"
#include "core/prepared.h"
#include "core/sched.h"
#include "core/steal.h"
#include "core/watch.h"

#define TOKEN_STALE_NS	(100 * OA_USEC)
#define CAP_FIRST	(10 * OA_MSEC)
#define CAP_LAST	(160 * OA_MSEC)
#define WATCH_NS	(20 * OA_USEC)
#define WATCH_GOOD	8u
#define WATCH_MAX	32u

/* One watcher in the process: more would only burn processors. */
static uint32_t watcher;
SIM_STATE(watcher);

void idle_forked(void)
{
	watcher = 0;
}

static bool notify(struct worker *w, enum worker_state as)
{
	uint32_t how = atomic_load(&w->state); /* [park-kick] */

	while (how == WORKER_PARKED_FUTEX || how == WORKER_PARKED_RING) {
		/* [park-kick] only the winner owes the wake-up */
		if (!atomic_cas(&w->state, &how, (uint32_t)as))
			continue;
		w->rt->poll->kick(w, (enum worker_state)how);
		return true;
	}
	return false;
}

static void count_kick(void)
{
	struct worker *me = worker_self();

	if (me)
		STAT_INC(me, kicks);
}

void idle_kick(struct worker *w)
{
	smp_mb(); /* [park-kick] what was published before the state */
	if (notify(w, WORKER_NOTIFIED))
		count_kick();
}

void idle_kick_all(struct runtime *rt)
{
	for (uint32_t i = 0; i < rt->nr_workers; i++)
		idle_kick(rt->workers[i]);
}

static uint64_t mask_word(const struct runtime *rt, uint32_t i)
{
	return atomic_load(&rt->idle[i]); /* [park-kick] [help] */
}

/* One of those in the mask, if one of them is parked. */
static bool notify_any(struct runtime *rt, enum worker_state as)
{
	for (uint32_t i = 0; i < MASK_WORDS; i++)
		for (uint64_t mask = mask_word(rt, i); mask; mask &= mask - 1)
			if (notify(rt->workers[i * 64 + (uint32_t)
					       __builtin_ctzll(mask)], as))
				return true;
	return false;
}

void idle_kick_any(struct runtime *rt)
{
	smp_mb(); /* [park-kick] what was published before mask and states */
	/* relaxed: ordered by the fence */
	if (atomic_load_rlx(&rt->nr_helpers))
		notify_any(rt, WORKER_NOTIFIED);
	/* Or all are on their way: each looks at all queues before he parks. */
}

/* Takes the token, for itself or for whom it wakes; 0: somebody has it. */
static uint64_t token_take(struct runtime *rt)
{
	uint64_t has = atomic_load(&rt->searcher), now; /* [help] */

	now = (uint64_t)rt->poll->now() | 1;
	/* A holder that was woken and has not come by now holds up nobody. */
	if (has && now - has < (uint64_t)TOKEN_STALE_NS)
		return 0;
	return atomic_cas(&rt->searcher, &has, now) ? now : 0; /* [help] */
}

static void token_give(struct runtime *rt, uint64_t token)
{
	atomic_cas(&rt->searcher, &token, (uint64_t)0); /* [help] */
}

static bool any_parked(const struct runtime *rt)
{
	for (uint32_t i = 0; i < MASK_WORDS; i++)
		for (uint64_t mask = mask_word(rt, i); mask; mask &= mask - 1) {
			const struct worker *w = rt->workers[
				i * 64 + (uint32_t)__builtin_ctzll(mask)];
			/* [park-kick] */
			uint32_t how = atomic_load(&w->state);

			if (how == WORKER_PARKED_FUTEX ||
			    how == WORKER_PARKED_RING)
				return true;
		}
	return false;
}

/* A task that anybody may take? */
static bool any_queue(const struct runtime *rt)
{
	if (READ_ONCE(rt->inject.n) || READ_ONCE(rt->post_queue.n))
		return true;
	for (uint32_t i = 0; i < rt->nr_workers; i++)
		if (ring_len(&rt->workers[i]->ring) ||
		    spill_len(&rt->workers[i]->spill) ||
		    READ_ONCE(rt->workers[i]->prioq.free) ||
		    jobs_len(&rt->workers[i]->jobs))
			return true;
	return false;
}

/*
 * With the token in hand no worker that can be woken was found: all were on
 * their way, and look at all queues before they park. But one may have done so
 * and parked, and then somebody published and relied on who has the token.
 */
static __cold_path bool still_needed(struct runtime *rt)
{
	smp_mb(); /* [help] the token before the look */
	return (any_queue(rt) || READ_ONCE(rt->prepared)) && any_parked(rt);
}

void idle_need_help(struct runtime *rt)
{
	struct worker *me = worker_self();
	uint64_t token;

	smp_mb(); /* [help] the push before the mask and the token */
	/* relaxed: ordered by the fence */
	if (!atomic_load_rlx(&rt->nr_helpers) ||
	    (me && me->rt == rt && me->token))
		return;
	do {
		token = token_take(rt);
		if (!token)
			return;
		if (notify_any(rt, WORKER_NOTIFIED_SEARCH)) {
			count_kick();
			return;
		}
		token_give(rt, token);
	} while (still_needed(rt));
}

static inline void mask_set(struct worker *w)
{
	atomic_add(&w->rt->nr_idle, 1); /* [park-kick] */
	if (unlikely(!w->helps))
		return;
	atomic_add(&w->rt->nr_helpers, 1); /* [park-kick] */
	/* [park-kick] */
	atomic_or(&w->rt->idle[w->index / 64], 1ull << (w->index % 64));
}

static inline void mask_clear(struct worker *w)
{
	if (likely(w->helps)) {
		/* [park-kick] */
		atomic_and(&w->rt->idle[w->index / 64],
			   ~(1ull << (w->index % 64)));
		atomic_sub(&w->rt->nr_helpers, 1); /* [park-kick] */
	}
	atomic_sub(&w->rt->nr_idle, 1); /* [park-kick] */
}

/* Anything that anybody may do? Posts that it has no memory for left out. */
static bool any_for(struct worker *w)
{
	return prepared_any(w) || any_queue(w->rt);
}

static bool own_queue(struct worker *w)
{
	return ring_len(&w->ring) || spill_len(&w->spill);
}

/* Something that this worker should see to before it sleeps? */
static bool look_again(struct worker *w)
{
	return w->local.n || READ_ONCE(w->prioq.n) || !lane_empty(&w->lane) ||
	       READ_ONCE(w->inbox) || READ_ONCE(w->aborts) || READ_ONCE(w->closes) ||
	       (likely(w->helps) ? any_for(w) : own_queue(w)) ||
	       READ_ONCE(w->rt->over) ||
	       READ_ONCE(w->rt->stopping) == RT_NOW || w->rt->poll->ready(w);
}

/* Watches for a little while, if that has paid lately. True: something came. */
static bool watch(struct worker *w)
{
	struct runtime *rt = w->rt;
	oa_time_t until;
	uint32_t none = 0;
	bool came = false;

	if (rt->watch_off)
		return false;
	/* Now and then for luck, so that a change is noticed. */
	if (w->watch_score < WATCH_GOOD && (worker_random(w) & 31))
		return false;
	if (!atomic_cas(&watcher, &none, 1)) /* [watch] one at a time */
		return false;
	if (rt->poll->unsent(w))
		rt->poll->reap(w);
	until = rt->poll->now() + WATCH_NS;
	do {
		for (int i = 0; i < 16 && !came; i++) {
			arch_cpu_relax();
			came = look_again(w);
		}
		w->now = rt->poll->now();
		came = came || worker_timers_at(w) <= w->now;
	} while (!came && w->now < until);
	atomic_store_rel(&watcher, 0); /* [watch] */
	if (came)
		w->watch_score = min_of(w->watch_score + 2, WATCH_MAX);
	else if (w->watch_score)
		w->watch_score--;
	return came;
}

/* All ended first, then all started: equal means that nothing is alive. */
static bool quiescent(struct runtime *rt)
{
	uint64_t ended = 0, spawned, foreign;
	uint32_t i;

	/* [over] those that ended on the blocking pool */
	ended = atomic_load(&rt->outside_ended);
	for (i = 0; i < rt->nr_workers; i++)
		/* [over] acquire: what that end saw started is counted below */
		ended += atomic_load_acq(&rt->workers[i]->ended);
	foreign = atomic_load(&rt->foreign_spawned); /* [over] */
	if (foreign & RT_CLOSED)
		return false;
	spawned = foreign;
	for (i = 0; i < rt->nr_workers; i++)
		spawned += atomic_load_acq(&rt->workers[i]->spawned); /* [over] */
	if (ended != spawned)
		return false;
	/* [over] a foreign start that comes now finds the door shut */
	return atomic_cas(&rt->foreign_spawned, &foreign, foreign | RT_CLOSED);
}

__always_inline_oa void check_over(struct worker *w)
{
	struct runtime *rt = w->rt;

	/* [over] all parked: the last one to come here sees it */
	if (atomic_load(&rt->nr_idle) != rt->nr_workers || !quiescent(rt))
		return;
	atomic_store(&rt->over, 1); /* [over] */
	idle_kick_all(rt);
}

/* When it has to do something by itself. */
__always_inline_oa oa_time_t next_look(struct worker *w)
{
	oa_time_t next = worker_timers_at(w);

	if (unlikely(w->shy))
		next = min_of(next, w->shy);
	if (unlikely(READ_ONCE(w->rt->stopping)))
		next = min_of(next, atomic_load(&w->rt->now_at)); /* [now] */
	return next;
}

static oa_time_t park_deadline(struct worker *w)
{
	oa_time_t next = min_of(next_look(w), w->until);

	/* relaxed: a hint */
	if (READ_ONCE(w->rt->nr_idle) == w->rt->nr_workers || !w->helps) {
		w->cap = CAP_FIRST;
		return next;
	}
	if (w->now + w->cap < next) {
		next = w->now + w->cap;
		w->cap = min_of(w->cap * 2, CAP_LAST);
	}
	return next;
}

static void note_wait(struct worker *w, oa_time_t since)
{
	uint64_t ns = (uint64_t)max_of(w->now - since, (oa_time_t)1);
	unsigned int b = 63u - (unsigned int)__builtin_clzll(ns);

	STAT_INC(w, wait_ns[min_of(b, OA_STATS_BUCKETS - 1u)]);
}

/* A kicker may have been here. */
__always_inline_oa void unpark(struct worker *w)
{
	/* [park-kick] */
	uint32_t how = atomic_xchg(&w->state, (uint32_t)WORKER_RUNNING);

	watch_unparked(w->rt);
	mask_clear(w);
	if (how == WORKER_NOTIFIED || how == WORKER_NOTIFIED_SEARCH)
		STAT_INC(w, kicked);
	if (how == WORKER_NOTIFIED_SEARCH)
		w->token = atomic_load(&w->rt->searcher); /* [help] */
}

/* [standby] after its state, as its queues: who changes that kicks it */
static inline bool standby_changed(const struct worker *w)
{
	return !w->alone && w->helps == idle_on_standby(w);
}

static void park(struct worker *w)
{
	struct runtime *rt = w->rt;
	uint32_t how = WORKER_PARKED_RING;
	oa_time_t since;

	if (!rt->park_ring && rt->poll->idle(w))
		how = WORKER_PARKED_FUTEX;
	atomic_xchg(&w->state, how); /* [park-kick] */
	mask_set(w);
	check_over(w);
	smp_mb(); /* [park-kick] the state and the mask before the look */
	if (!look_again(w) && !standby_changed(w)) {
		since = w->now = rt->poll->now();
		if (how == WORKER_PARKED_RING) {
			STAT_INC(w, waits_ring);
			coalesce_wait(w, park_deadline(w));
		} else {
			STAT_INC(w, waits_futex);
			rt->poll->park(w, park_deadline(w));
		}
		w->now = rt->poll->now();
		/* No time at all: what was handed on was done at once. */
		if (how == WORKER_PARKED_RING && w->now - since < 2 * OA_USEC)
			w->at_once = 8;
		note_wait(w, since);
	}
	unpark(w);
}

bool idle_go_outside(struct worker *w)
{
	const struct poll_ops *poll = w->rt->poll;
	uint32_t how = WORKER_PARKED_RING;
	oa_time_t next;
	bool more;

	if (poll->unsent(w))
		poll->reap(w);
	if (w->token) {
		token_give(w->rt, w->token);
		w->token = 0;
	}
	atomic_xchg(&w->state, how); /* [park-kick] */
	mask_set(w);
	check_over(w);
	poll->outside_clear(w);
	w->now = poll->now();
	smp_mb(); /* [park-kick] the state and the mask before the look */
	next = next_look(w);
	more = next <= w->now || w->held || worker_has_more(w) ||
	       look_again(w);
	/* [park-kick] it is as good as kicked */
	if (more)
		atomic_cas(&w->state, &how, (uint32_t)WORKER_NOTIFIED);
	poll->outside_set(w, more ? 0 : next);
	return more;
}

void idle_come_back(struct worker *w)
{
	unpark(w);
	w->now = w->rt->poll->now();
	w->slice_turns = 0;
}

void idle_found(struct worker *w)
{
	uint64_t token = w->token;

	w->cap = CAP_FIRST;
	if (unlikely(w->unoffered))
		sched_offer_rest(w);
	if (!token)
		return;
	w->token = 0;
	token_give(w->rt, token);
	smp_mb(); /* [help] the token before the last look */
	if (any_for(w))
		idle_need_help(w->rt);
}

/*
 * Hands on what was started before looking further, if others have to be
 * looked at, or if requests have lately been done as soon as they were handed
 * on; else that goes with the wait, in one call. True: something came of it.
 */
static bool hand_on(struct worker *w)
{
	const struct poll_ops *poll = w->rt->poll;

	if (!poll->unsent(w) || (w->alone && !w->at_once))
		return false;
	if (poll->reap(w) || look_again(w)) {
		w->at_once = 8;
		return true;
	}
	if (w->at_once)
		w->at_once--;
	return false;
}

/*
 * It has given away what others may run, and takes nothing of theirs. But it
 * may have been called when it was not on standby yet: then somebody else is.
 */
static __cold_path void stand_by(struct worker *w)
{
	if (w->token) {
		token_give(w->rt, w->token);
		w->token = 0;
	}
	smp_mb(); /* [help] the token before the look */
	if (any_for(w))
		idle_need_help(w->rt);
}

/* Before it parks: is there something to be done after all? */
__always_inline_oa bool found_by_search(struct worker *w)
{
	struct runtime *rt = w->rt;

	if (rt->nr_workers > 1) {
		if (!w->token)
			w->token = token_take(rt);
		if (w->token && steal_search(w, true))
			return true;
	}
	if (watch(w))
		return true;
	if (!w->token)
		return false;
	token_give(rt, w->token);
	w->token = 0;
	/* [help] a publisher may have relied on us: once more */
	return steal_search(w, false);
}

void idle_set_active(struct runtime *rt, uint32_t n)
{
	/* [standby] before the look at their states */
	uint32_t was = atomic_xchg(&rt->active, n);

	for (uint32_t i = was; i < n; i++)
		idle_kick(rt->workers[i]);
}

/* OA_DEBUG=standby: as often as not at the worst of times. */
static __cold_path void standby_shake(struct worker *w)
{
	if (!(worker_random(w) & 7))
		idle_set_active(w->rt,
				1 + worker_random(w) % w->rt->nr_workers);
}

void idle_wait(struct worker *w)
{
	struct runtime *rt = w->rt;

	w->slice_turns = 0;
	if (!w->alone) {
		if (unlikely(rt->debug_standby))
			standby_shake(w);
		w->helps = !idle_on_standby(w);
	}
	/* The wheel is being moved on, a part at a time, or receives are. */
	if (unlikely(worker_timers_at(w) <= w->now || w->held)) {
		if (rt->poll->unsent(w))
			rt->poll->reap(w);
		return;
	}
	if (hand_on(w))
		return;
	if (likely(w->helps)) {
		if (found_by_search(w))
			return;
	} else {
		stand_by(w);
	}
	park(w);
}
