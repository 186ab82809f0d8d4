// SPDX-License-Identifier: MIT
/*
 * A look at everybody's queues: half of what another worker has ready, what
 * one that is stuck in a task holds back, or a job that nobody has begun.
 */
#include "core/steal.h"

#include "arch/arch.h"
#include "core/inject.h"
#include "core/jobs.h"
#include "core/sched.h"

/* They are ready here; for whom there is no room, anywhere. */
static uint32_t take_home(struct worker *w, struct task **got, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!ring_push(&w->ring, got[i]))
			inject_push(&w->rt->inject, got[i]);
	if (n) {
		STAT_INC(w, steals);
		STAT_ADD(w, stolen, n);
	}
	return n;
}

static uint32_t steal_urgent(struct worker *w, struct worker *from)
{
	struct task *t = prioq_steal(&from->prioq);

	if (!t)
		return 0;
	sched_queue(w, t);
	STAT_INC(w, steals);
	STAT_ADD(w, stolen, 1);
	return 1;
}

static uint32_t steal_from(struct worker *w, struct worker *from)
{
	struct task *got[RING_SIZE / 2];
	uint32_t n = ring_len(&from->ring);

	if (unlikely(READ_ONCE(from->prioq.free)) && steal_urgent(w, from))
		return 1;
	n = ring_take(&from->ring, got, min_of((n + 1) / 2, RING_SIZE / 2));
	if (!n)
		n = spill_take(&from->spill, got,
			       (uint32_t)min_of(spill_len(&from->spill) / 2 + 1,
						(uint64_t)RING_SIZE / 2));
	return take_home(w, got, n);
}

/* From a peer that has not moved for a while, what it holds back. */
static uint32_t rescue_from(struct worker *w, struct worker *from)
{
	struct task *got[LANE_SIZE];
	uint64_t tick = READ_ONCE(from->st.switches);

	if (lane_empty(&from->lane) ||
	    READ_ONCE(from->state) != WORKER_RUNNING)
		return 0;
	for (int i = 0; i < 256; i++)
		arch_cpu_relax();
	if (READ_ONCE(from->st.switches) != tick)
		return 0;
	return take_home(w, got, lane_rescue(&from->lane, got));
}

/* One job, which is ready as a task afterwards. */
static uint32_t search_jobs(struct worker *w)
{
	struct runtime *rt = w->rt;
	uint32_t from = worker_random(w) % rt->nr_workers;
	struct worker *peer;
	struct task *t;

	for (uint32_t i = 0; i < rt->nr_workers; i++) {
		peer = rt->workers[(from + i) % rt->nr_workers];
		t = peer == w ? NULL : jobs_steal(w, peer);
		if (!t)
			continue;
		sched_queue(w, t);
		return 1;
	}
	return 0;
}

uint32_t steal_search(struct worker *w, bool rescue)
{
	struct runtime *rt = w->rt;
	uint32_t from = worker_random(w) % rt->nr_workers, n;
	struct worker *peer;

	STAT_INC(w, searches);
	for (uint32_t i = 0; i < rt->nr_workers; i++) {
		peer = rt->workers[(from + i) % rt->nr_workers];
		if (peer == w)
			continue;
		n = steal_from(w, peer);
		if (!n && rescue)
			n = rescue_from(w, peer);
		if (n)
			return n;
	}
	return search_jobs(w);
}
