// SPDX-License-Identifier: MIT
/*
 * Choosing what runs next.
 *
 * Queue entries of a task with a handle: a join may take it out of turn, and
 * then its entry is stale. LIFE_INQ says that one entry too many exists; who
 * pops an entry of a task that has started and has it set clears it and goes
 * on. The slot is not freed before. Entries of other tasks are never stale.
 */
#include "core/pick.h"

#include "core/foresee.h"
#include "core/idle.h"
#include "core/inject.h"
#include "core/sched.h"
#include "core/spawn.h"

#define HUNT_MAX	1024u	/* of those that have spilled over */
#define TAKE_BACK	16u	/* entries at once */

/*
 * Entries of one task are alike, so what is left may be the one that was made
 * before it was pinned (oa_poll() does that), and have been stolen since.
 */
bool pick_here(struct worker *w, struct task *t)
{
	if (likely(!(t->flags & TASK_PINNED) || t->pin == w->index))
		return true;
	sched_ready_pinned(w, t);
	return false;
}

bool pick_accepts(struct worker *w, struct task *t)
{
	uint64_t life = atomic_load_acq(&t->life); /* [life] */
	uint64_t to;

	do {
		if (!(life & LIFE_INQ))
			return !(t->flags & TASK_PINNED) || pick_here(w, t);
		to = life & ~(uint64_t)(LIFE_INQ | LIFE_QUEUED);
		/* [life] */
	} while (!atomic_cas(&t->life, &life, to));
	if (life & LIFE_QUEUED)
		return true;
	STAT_INC(w, stale);
	if (life & LIFE_GONE)
		task_free(w, t);
	return false;
}

/* Of one that was taken out of turn, and is or was run. A guess. */
static inline bool left_over(const struct task *t)
{
	/* relaxed: asked again when the entry is ours */
	return (READ_ONCE(t->life) &
		(LIFE_INQ | LIFE_QUEUED | LIFE_DELAYED)) == LIFE_INQ;
}

/* How many of the entries just before @end are such? */
static uint32_t count_left_over(struct task *const *slot, uint32_t end,
				uint32_t max)
{
	uint32_t n = 0;

	while (n < max && left_over(READ_ONCE(slot[end - 1 - n])))
		n++;
	return n;
}

static uint32_t take_back_ring(struct worker *w, struct task **got)
{
	const struct ring *r = &w->ring;
	uint32_t end = (r->tail - 1) % RING_SIZE + 1;
	/* Not across the end of the array: that is for the next time. */
	uint32_t n = count_left_over(r->slot, end,
				     min_of(min_of(ring_len(r), TAKE_BACK),
					    end));

	return n ? ring_take_back(&w->ring, got, n, w->alone) : 0;
}

static uint32_t take_back_spill(struct worker *w, struct task **got)
{
	struct spill_batch *b = w->spill.last;
	uint32_t n = count_left_over(b->t, b->tail, min_of(b->tail, TAKE_BACK));

	return n ? spill_take_back(&w->spill, got, n) : 0;
}

void sched_take_back(struct worker *w)
{
	struct task *got[TAKE_BACK];
	uint32_t n;

	do {
		n = unlikely(w->spilling) ? take_back_spill(w, got)
					  : take_back_ring(w, got);
		for (uint32_t i = 0; i < n; i++)
			if (pick_accepts(w, got[i]))
				sched_ready_stealable(w, got[i]);
	} while (n);
}

bool pick_accepts_slow(struct worker *w, struct task *t)
{
	if (READ_ONCE(t->life) & LIFE_DELAYED && task_delay_came(w, t))
		return false;
	return pick_accepts(w, t);
}

/*
 * What is about to run may have been away for long: its descriptor and its
 * stack are each a miss of the cache and of the page tables' (0.3 us together
 * where a million sleep). So those of a batch are fetched side by side: the
 * descriptors one batch ahead, the stacks when the batch is taken.
 */
static __glance void foresee_batch(struct worker *w, struct task **t)
{
	bool crowd = w->spilling;
	uint32_t head = (uint32_t)READ_ONCE(w->ring.head);
	const struct task *later;

	for (uint32_t i = 0; i < RING_BATCH; i++)
		if (crowd)
			foresee(t[i]);
		else
			foresee_first(t[i]);
	/* Slots beyond the tail may hold anything, or nothing. */
	for (uint32_t i = 0; i < RING_BATCH; i++) {
		later = w->ring.slot[(head + i) % RING_SIZE];
		if (later)
			foresee_task(later);
	}
}

struct task *pick_special(struct worker *w)
{
	struct task *t;

	if (READ_ONCE(w->prioq.n)) {
		t = prioq_take(w, false);
		if (t)
			return t;
		w->others_at = w->turn;
	}
	if (w->local.n && (w->turn & 7) == 0)
		return list_pop(&w->local);
	w->others_at = w->turn;
	/* relaxed: only the owner adds, and then sets this */
	w->special = w->local.n || READ_ONCE(w->prioq.n);
	return NULL;
}

/* There is nothing else. */
static __noinline struct task *pick_last(struct worker *w)
{
	struct task *t = list_pop(&w->local);

	return t || !READ_ONCE(w->prioq.n) ? t : prioq_take(w, true);
}

/* The lane is empty: the next round's batch, or what only we may run. */
struct task *pick_more(struct worker *w)
{
	struct lane *l = &w->lane;
	struct task *t;
	uint32_t n, max;

	lane_refill_begin(l);
	max = somebody_idles(w->rt) ? 1 : RING_BATCH;
	n = ring_take(&w->ring, &l->slot[LANE_BASE], max);
	if (!n && w->spilling) {
		n = spill_take(&w->spill, &l->slot[LANE_BASE], max);
		w->spilling = n;
	}
	if (unlikely(!n)) {
		t = w->special ? pick_last(w) : NULL;
		/* No turn, so none that takes from those who receive. */
		w->receives += !t;
		return t;
	}
	/* What may be yielded to soon may have been away for long. */
	__builtin_prefetch(l->slot[LANE_BASE + n - 1], 1);
	if (n == RING_BATCH &&
	    READ_ONCE(l->slot[LANE_BASE]->flags) & TASK_STARTED)
		foresee_batch(w, &l->slot[LANE_BASE]);
	return lane_refill_end(l, n);
}

/* Takes the entry of @t if it is the very next. */
bool sched_take_next(struct worker *w, struct task *t)
{
	struct lane *l = &w->lane;

	if (!l->has_next || lane_empty(l) || l->slot[l->head] != t)
		return false;
	return lane_pop(l) == t;
}

struct task *sched_next(struct worker *w)
{
	return pick_next(w);
}

/* An entry of the default queues: is its task an urgent one by now? */
static bool sort_out(struct worker *w, struct task *t)
{
	if (likely(!READ_ONCE(t->prio)))
		return false;
	/* An entry that is left of a claim must not go into a linked queue. */
	if (pick_accept(w, t))
		prioq_push(w, t);
	return true;
}

void sched_hunt(struct worker *w)
{
	uint64_t left = spill_len(&w->spill);
	uint32_t n = ring_len(&w->ring);
	struct task *t;

	/* Once round: what is not urgent keeps its order. */
	while (n-- && ring_take(&w->ring, &t, 1))
		if (!sort_out(w, t))
			ring_add(w, t);
	left = min_of(left, (uint64_t)HUNT_MAX);
	while (left-- && spill_take(&w->spill, &t, 1))
		if (!sort_out(w, t))
			ring_add(w, t);
	n = lane_len(&w->lane);
	while (n-- && (t = lane_pop(&w->lane)))
		if (!sort_out(w, t))
			ring_add(w, t);
}

void sched_give_away(struct worker *w)
{
	struct task *t;
	bool any = false;

	while ((t = lane_pop(&w->lane)) || ring_take(&w->ring, &t, 1) ||
	       spill_take(&w->spill, &t, 1)) {
		/* An entry that is left of a claim must not go into a linked queue. */
		if (!pick_accept(w, t))
			continue;
		inject_push(&w->rt->inject, t);
		any = true;
	}
	if (any)
		idle_need_help(w->rt);
}
