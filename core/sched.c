// SPDX-License-Identifier: MIT
/*
 * Choosing what runs next, and getting there.
 *
 * A task that suspends switches straight to the next one; a task that ends
 * hands its stack on to the next one that has not started, which begins as a
 * call. The worker's loop (core/worker.c) runs only when there is nothing to
 * run, when the time slice is used up, and for what needs more stack or user
 * code: a stack to be made, a task to be dropped.
 *
 * Who left is dealt with on the other side: ->prev and ->commit say what to do
 * with him once his stack is no longer in use (sched_finish). That is leaf
 * code of small stack, since it runs on the next task's.
 *
 * Queue entries of a task with a handle: a join may take it out of turn, and
 * then its entry is stale. LIFE_INQ says that one entry too many exists; who
 * pops an entry of a task that has started and has it set clears it and goes
 * on. The slot is not freed before. Entries of other tasks are never stale.
 *
 * The switch passes the worker along: nothing of the old one may be used by
 * who comes back, since it may be on another thread.
 */
#include "core/sched.h"

#include <errno.h>
#include <stddef.h>

#include "core/bug.h"
#include "core/end.h"
#include "core/fork.h"
#include "core/grown.h"
#include "core/idle.h"
#include "core/inject.h"
#include "core/locals.h"
#include "core/park.h"
#include "core/pool.h"
#include "core/rcu.h"
#include "core/spawn.h"
#include "core/switch.h"

#define HUNT_MAX	1024u	/* of those that have spilled over */
#define TAKE_BACK	16u	/* entries at once */
#define ALONE_SLICES	8u	/* then it is the others' turn */

static void task_entry(void *payload);

/* Everybody idle would rather have it in the ring than in this lane. */
static inline bool shares(const struct runtime *rt)
{
	/* relaxed: a hint; who goes idle looks at all queues itself */
	return rt->nr_workers > 1 && READ_ONCE(rt->nr_idle);
}

static bool accept_handle(struct worker *w, struct task *t);

static __noinline void ring_overflow(struct worker *w, struct task *t)
{
	STAT_INC(w, overflows);
	w->spilling = true;
	if (likely(spill_push(&w->spill, rt_alloc(w->rt), t)))
		return;
	/* What goes by a linked queue must not be taken out of turn. */
	if (accept_handle(w, t))
		inject_push(&w->rt->inject, t);
}

/* Behind everything else that is ready. */
static inline void ring_add(struct worker *w, struct task *t)
{
	if (unlikely(w->spilling) || unlikely(!ring_push(&w->ring, t)))
		ring_overflow(w, t);
}

void sched_queue(struct worker *w, struct task *t)
{
	if (unlikely(READ_ONCE(t->prio)))
		prioq_push(w, t);
	else
		ring_add(w, t);
}

/*
 * From another runtime's worker or a foreign thread: once @t is in a queue it
 * may run and end, and its runtime with it. That is freed a grace period later.
 */

/* Here, and it goes by no ordinary queue. */
void sched_queue_odd(struct worker *w, struct task *t)
{
	if (READ_ONCE(t->prio)) {
		prioq_push(w, t);
		return;
	}
	list_push(&w->local, t);
	w->special = true;
}

/* Where only one worker may run it. */
void sched_ready_pinned(struct worker *w, struct task *t)
{
	struct runtime *rt;
	struct worker *to;

	if (w && w->rt == t->rt && w->index == t->pin) {
		sched_queue_odd(w, t);
		return;
	}
	rcu_read_lock();
	/* NULL: as in ready_foreign() */
	rt = READ_ONCE(t->rt);
	if (likely(rt)) {
		to = rt->workers[t->pin];
		inbox_push(to, t);
		idle_kick(to);
	}
	rcu_read_unlock();
}

/* Something was published: somebody who idles may take it. */
static inline void offer(struct worker *w)
{
	smp_mb(); /* [help] the push before the look at the mask */
	if (shares(w->rt))
		idle_need_help(w->rt);
}

static __cold_path void ready_foreign(struct task *t)
{
	struct runtime *rt;

	rcu_read_lock();
	/* NULL: its runtime was shut down at once, and has given it up. */
	rt = READ_ONCE(t->rt);
	if (likely(rt)) {
		inject_push(&rt->inject, t);
		idle_need_help(rt);
	}
	rcu_read_unlock();
}

/* Does it go by another queue than most? */
static inline bool odd(const struct task *t)
{
	return (t->flags & TASK_PINNED) | (uint8_t)READ_ONCE(t->prio);
}

/*
 * What was inherited, and is no longer needed, goes: it may have come when the
 * lock had just been given up.
 */
static __cold_path void ready_urgent(struct worker *w, struct task *t)
{
	if (!t->locks && READ_ONCE(t->prio) != task_own_prio(t))
		WRITE_ONCE(t->prio, task_own_prio(t));
	if (!w || w->rt != t->rt || t->rt->debug_migrate) {
		ready_foreign(t);
		return;
	}
	STAT_INC(w, wakes);
	sched_queue(w, t);
	offer(w);
}

static __cold_path void ready_odd(struct worker *w, struct task *t)
{
	if (t->flags & TASK_PINNED)
		sched_ready_pinned(w, t);
	else
		ready_urgent(w, t);
}

/* Becomes the worker's next; who was that goes behind the others. */
static inline void put_next(struct worker *w, struct task *t)
{
	struct task *old = w->lane.has_next ? lane_pop(&w->lane) : NULL;

	lane_push_front(&w->lane, t);
	if (!old)
		return;
	ring_add(w, old);
	if (shares(w->rt))
		idle_need_help(w->rt);
}

void sched_ready(struct task *t)
{
	struct worker *w = worker_self();

	if (unlikely(odd(t))) {
		ready_odd(w, t);
		return;
	}
	if (unlikely(!w || w->rt != t->rt || t->rt->debug_migrate)) {
		ready_foreign(t);
		return;
	}
	STAT_INC(w, wakes);
	if (w->lane.next_runs >= 3) {
		ring_add(w, t);
		if (shares(w->rt))
			idle_need_help(w->rt);
		return;
	}
	put_next(w, t);
}

/*
 * @t has run another at once, which it started: it goes on as if that had been
 * a call. What keeps the others from starving is the end of the slice.
 */
static void ready_again(struct worker *w, struct task *t)
{
	if (unlikely(odd(t)))
		sched_ready(t);
	else
		put_next(w, t);
}

void sched_slice_ended(struct worker *w)
{
	/* The batch comes first, and nobody else takes that. */
	uint32_t batch = lane_len(&w->lane) - w->lane.has_next;
	uint32_t served = batch ? batch
				: (uint32_t)READ_ONCE(w->ring.head) +
					  (uint32_t)READ_ONCE(w->spill.out);
	struct task *t;

	w->slice_ended = false;
	if (served != w->served) {
		w->served = served;
		w->alone_slices = 0;
		return;
	}
	if (++w->alone_slices < ALONE_SLICES)
		return;
	w->alone_slices = 0;
	t = w->lane.has_next ? lane_pop(&w->lane) : NULL;
	if (t)
		ring_add(w, t);
	t = w->queued;
	w->queued = NULL;
	if (t)
		sched_ready_back(w, t);
}

void sched_ready_spawned(struct worker *w, struct task *t)
{
	struct task *old;

	if (unlikely(shares(w->rt) || w->rt->debug_migrate)) {
		sched_ready_back(w, t);
		return;
	}
	old = w->lane.has_next ? lane_pop(&w->lane) : NULL;
	lane_push_front(&w->lane, t);
	if (!old)
		return;
	ring_add(w, old);
	if (w->rt->nr_workers > 1) {
		smp_mb(); /* [help] the push before the look at the mask */
		if (shares(w->rt))
			idle_need_help(w->rt);
	}
}

void sched_ready_stealable(struct worker *w, struct task *t)
{
	ring_add(w, t);
	if (!w->alone)
		offer(w);
}

void sched_ready_back(struct worker *w, struct task *t)
{
	if (unlikely(odd(t)))
		ready_odd(w, t);
	else
		sched_ready_stealable(w, t);
}

/*
 * Entries of one task are alike, so what is left may be the one that was made
 * before it was pinned (oa_poll() does that), and have been stolen since.
 */
static __cold_path bool here(struct worker *w, struct task *t)
{
	if (likely(!(t->flags & TASK_PINNED) || t->pin == w->index))
		return true;
	sched_ready_pinned(w, t);
	return false;
}

/*
 * A popped entry: may @t be run by it? Clears what says so. An entry too many
 * is dropped here, and the slot freed if it only waited for that.
 */
static bool accept_handle(struct worker *w, struct task *t)
{
	uint64_t life = atomic_load_acq(&t->life); /* [life] */
	uint64_t to;

	do {
		if (!(life & LIFE_INQ))
			return !(t->flags & TASK_PINNED) || here(w, t);
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

/* How many of the newest entries, @last and those before it, are such? */
static uint32_t count_left_over(struct task *const *last, uint32_t max)
{
	uint32_t n = 0;

	while (n < max && left_over(READ_ONCE(*(last - n))))
		n++;
	return n;
}

static uint32_t take_back_ring(struct worker *w, struct task **got)
{
	const struct ring *r = &w->ring;
	uint32_t last = (r->tail - 1) % RING_SIZE;
	/* Not across the end of the array: that is for the next time. */
	uint32_t n = count_left_over(&r->slot[last],
				     min_of(min_of(ring_len(r), TAKE_BACK),
					    last + 1));

	return n ? ring_take_back(&w->ring, got, n, w->alone) : 0;
}

static uint32_t take_back_spill(struct worker *w, struct task **got)
{
	struct spill_batch *b = w->spill.last;
	uint32_t n = count_left_over(&b->t[b->tail] - 1,
				     min_of(b->tail, TAKE_BACK));

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
			if (accept_handle(w, got[i]))
				sched_ready_stealable(w, got[i]);
	} while (n);
}

static __cold_path bool accept_slow(struct worker *w, struct task *t)
{
	if (READ_ONCE(t->life) & LIFE_DELAYED && task_delay_came(w, t))
		return false;
	return accept_handle(w, t);
}

static inline bool accept(struct worker *w, struct task *t)
{
	/*
	 * [life] acquire: this entry may be the elder of two, and who dropped
	 * the other saw what its waker did.
	 */
	if (unlikely(atomic_load_acq(&t->life) & (LIFE_INQ | LIFE_DELAYED)))
		return accept_slow(w, t);
	return likely(!(t->flags & TASK_PINNED)) || here(w, t);
}

/*
 * What is about to run may have been away for long: its descriptor and its
 * stack are each a miss of the cache and of the page tables' (0.3 us together
 * where a million sleep). So those of a batch are fetched side by side: the
 * descriptors one batch ahead, the stacks when the batch is taken.
 */
static __glance void foresee(struct worker *w, struct task **t)
{
	uint32_t head = (uint32_t)READ_ONCE(w->ring.head);
	const char *sp, *later;

	for (uint32_t i = 0; i < RING_BATCH; i++) {
		sp = READ_ONCE(t[i]->ctx.sp);
		__builtin_prefetch(sp, 1);
		__builtin_prefetch(sp + 64, 1);
		__builtin_prefetch(sp + 128, 1);
	}
	/* Slots beyond the tail may hold anything, or nothing. */
	for (uint32_t i = 0; i < RING_BATCH; i++) {
		later = (const char *)w->ring.slot[(head + i) % RING_SIZE];
		if (later)
			__builtin_prefetch(later + offsetof(struct task, ctx),
					   1);
	}
}

/* Is it the turn of one that goes by another queue? */
static __noinline struct task *pick_special(struct worker *w)
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
static __noinline struct task *pick_more(struct worker *w)
{
	struct lane *l = &w->lane;
	uint32_t n, max;

	lane_refill_begin(l);
	max = shares(w->rt) ? 1 : RING_BATCH;
	n = ring_take(&w->ring, &l->slot[LANE_BASE], max);
	if (!n && w->spilling) {
		n = spill_take(&w->spill, &l->slot[LANE_BASE], max);
		w->spilling = n;
	}
	if (unlikely(!n))
		return w->special ? pick_last(w) : NULL;
	/* What may be yielded to soon may have been away for long. */
	__builtin_prefetch(l->slot[LANE_BASE + n - 1], 1);
	if (n == RING_BATCH &&
	    READ_ONCE(l->slot[LANE_BASE]->flags) & TASK_STARTED)
		foresee(w, &l->slot[LANE_BASE]);
	return lane_refill_end(l, n);
}

static inline struct task *pick(struct worker *w)
{
	struct task *t;

	w->turn++;
	if (unlikely(w->special)) {
		t = pick_special(w);
		if (t)
			return t;
	}
	t = lane_pop(&w->lane);
	if (likely(t != NULL))
		return t;
	if (w->alone && (t = ring_take_alone(&w->ring)) != NULL)
		return t;
	return pick_more(w);
}

/* Takes the entry of @t if it is the very next. */
bool sched_take_next(struct worker *w, struct task *t)
{
	struct lane *l = &w->lane;

	if (!l->has_next || lane_empty(l) || l->slot[l->head] != t)
		return false;
	return lane_pop(l) == t;
}

__always_inline_oa struct task *next(struct worker *w)
{
	struct task *t = pick(w);

	while (t && unlikely(!accept(w, t)))
		t = pick(w);
	return t;
}

struct task *sched_next(struct worker *w)
{
	return next(w);
}

/* An entry of the default queues: is its task an urgent one by now? */
static bool sort_out(struct worker *w, struct task *t)
{
	if (likely(!READ_ONCE(t->prio)))
		return false;
	/* An entry that is left of a claim must not go into a linked queue. */
	if (accept_handle(w, t))
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

/* Has this turn to go by way of the loop? */
static inline bool out_of_turn(struct worker *w)
{
	if (unlikely(--w->budget <= 0))
		return true;
	if (unlikely(!(w->turn & READ_ONCE(w->turn_mask))))
		/* Now and then; or nothing of it is to run ever again. */
		return !READ_ONCE(w->turn_mask) || idle_slice_over(w);
	return false;
}

/* What sched_finish() does when the task gave way, the commonest of all. */
static inline void finish(struct worker *w)
{
	struct task *t = w->prev;

	if (w->commit != COMMIT_YIELD || unlikely(odd(t)) || !w->alone) {
		sched_finish(w);
		return;
	}
	w->commit = COMMIT_NONE;
	ring_add(w, t);
}

/* Can @t be entered from a task's stack, without help from the loop? */
static inline bool plain(const struct worker *w, const struct task *t)
{
	if (likely(t->flags & TASK_STARTED))
		return true;
	return !(t->flags & TASK_BY_LOOP) && w->stacks.list &&
	       !(READ_ONCE(t->life) & LIFE_CANCEL) &&
	       likely(!READ_ONCE(w->rt->stopping));
}

static inline void set_stack(struct task *t, struct stack *s)
{
	WRITE_ONCE(t->stack, s);
	task_set(t, TASK_STARTED | (uint32_t)s->marks << TASK_STACK_SHIFT);
}

static inline void give_stack(struct task *t, struct stack *s)
{
	set_stack(t, s);
	if (switch_stack_begin(s))
		arch_ctx_init(&t->ctx, s->top, task_entry);
	else
		t->ctx = s->rest;
}

/* The next task that can be switched to at once, or NULL: to the loop. */
__always_inline_oa struct task *next_plain(struct worker *w)
{
	struct task *t;

	if (unlikely(out_of_turn(w)))
		return NULL;
	t = next(w);
	if (unlikely(!t))
		return NULL;
	if (unlikely(!plain(w, t))) {
		w->queued = t;
		return NULL;
	}
	if (!(t->flags & TASK_STARTED))
		give_stack(t, stack_get(&w->stacks));
	return t;
}

static inline void enter(struct worker *w, struct task *t)
{
	WRITE_ONCE(w->current, t);
	STAT_INC(w, switches);
}

static __noinline void finish_end(struct worker *w)
{
	switch_stack_free(w->dead);
	stack_put(&w->rt->stacks, &w->stacks, w->dead);
}

static __noinline void finish_rarer(struct worker *w, struct task *t,
				    enum commit c)
{
	switch (c) {
	case COMMIT_NONE:
	case COMMIT_PARK:
	case COMMIT_JOIN:
	case COMMIT_END:
		break;
	case COMMIT_LOCKED:
		park_commit_locked(w, t);
		break;
	case COMMIT_YIELD:
		sched_ready_back(w, t);
		break;
	case COMMIT_NEXT:
		ready_again(w, t);
		break;
	case COMMIT_END_OWN:
		switch_stack_free(w->dead);
		stack_free_own(w->rt->stacks.alloc, w->dead);
		break;
	}
}

/* Nothing but jumps: it needs no frame. */
void sched_finish(struct worker *w)
{
	struct task *t = w->prev;
	enum commit c = w->commit;

	w->commit = COMMIT_NONE;
	if (likely(c == COMMIT_PARK)) {
		park_commit(w, t);
	} else if (c == COMMIT_END) {
		finish_end(w);
	} else if (c == COMMIT_JOIN) {
		park_commit_join(w, t);
	} else {
		finish_rarer(w, t, c);
	}
}

/* Leaves @cur for @t, or for the loop when @t is NULL. */
__always_inline_oa void leave_for(struct worker *w, struct task *cur,
			     enum commit how, struct task *t)
{
	w->prev = cur;
	w->commit = how;
	if (likely(t)) {
		enter(w, t);
		w = switch_task(cur, t, w);
	} else {
		WRITE_ONCE(w->current, NULL);
		w = switch_to_loop(cur, w);
	}
	finish(w);
}

void sched_park(struct worker *w, struct task *cur)
{
	leave_for(w, cur, COMMIT_PARK, next_plain(w));
}

void sched_park_locked(struct worker *w, struct task *cur)
{
	leave_for(w, cur, COMMIT_LOCKED, next_plain(w));
}

void *sched_park_into(struct worker *w, struct task *cur, struct task *t,
		      enum commit how)
{
	bool over = out_of_turn(w);

	if (unlikely(over) || !plain(w, t)) {
		OA_BUG_ON(w->queued);
		w->queued = t;
		w->slice_ended = over;
		leave_for(w, cur, how, NULL);
		return arch_return(NULL);
	}
	if (!(t->flags & TASK_STARTED))
		give_stack(t, stack_get(&w->stacks));
	leave_for(w, cur, how, t);
	/* Where the switch came from is not where this was called from. */
	return arch_return(NULL);
}

void sched_abandon(struct task *t)
{
	struct worker *w = worker_self();

	if (!w)
		pool_exit(t, oa_err(-ECANCELED));
	leave_for(w, t, COMMIT_NONE, NULL);
	OA_BUG("a task that was abandoned goes on");
}

void sched_run_first(struct worker *w, struct task *t)
{
	struct task *cur = w->current;

	/* Elsewhere it is as well to be the next. */
	if (!cur || w->rt->debug_migrate ||
	    (t->flags & TASK_PINNED && t->pin != w->index))
		sched_ready(t);
	else
		sched_park_into(w, cur, t, COMMIT_NEXT);
}

static inline void give_way(struct worker *w, struct task *cur)
{
	struct task *t = next_plain(w);

	STAT_INC(w, yields);
	/* relaxed: what comes to the shared queue later is met in the loop */
	if (unlikely(!t) && w->budget > 0 && !w->queued &&
	    !READ_ONCE(w->rt->inject.n) && !READ_ONCE(w->rt->post_queue.n) &&
	    !READ_ONCE(w->rt->prepared))
		return;
	leave_for(w, cur, COMMIT_YIELD, t);
}

void sched_give_way(struct worker *w, struct task *cur)
{
	give_way(w, cur);
}

/* On the blocking pool it is for the kernel to say who is next. */
static __cold_path int yield_outside(void)
{
	struct task *t = task_self();
	int err = t ? park_check(t) : -EPERM;

	if (!err)
		poll_thread_yield();
	return err;
}

int oa_yield(void)
{
	struct worker *w = worker_self();
	struct task *t;
	int err;

	if (unlikely(!w || !w->current))
		return yield_outside();
	t = w->current;
	err = park_check(t);
	if (unlikely(err))
		return err;
	give_way(w, t);
	return 0;
}

/*
 * The end of @cur, on its own stack. Returns the next task if that has not
 * started and may have this stack; otherwise does not return.
 */
static struct task *ended(struct worker *w, struct task *cur, void *result)
{
	struct stack *s = cur->stack;
	bool own = cur->flags & TASK_OWN_STACK;
	struct cxx_state lost;	/* what oa_exit() left unhandled */
	struct task *t;

	/* To be out of turn twice does no harm. */
	if (READ_ONCE(cur->life) & LIFE_JSET && likely(!out_of_turn(w)) &&
	    (t = task_end_plain(w, cur, result)) != NULL) {
		w->dead = s;
		w->commit = COMMIT_END;
		enter(w, t);
		goto away;
	}
	switch_leaving(w, cur, &lost);
	t = task_end(w, cur, result);
	if (unlikely(out_of_turn(w))) {
		w->queued = t;
		w->slice_ended = true;
		t = NULL;
	} else if (!t) {
		t = next(w);
		if (t && !own && !(t->flags & (TASK_STARTED | TASK_BY_LOOP)) &&
		    !(READ_ONCE(t->life) & LIFE_CANCEL) &&
		    !READ_ONCE(w->rt->stopping)) {
			set_stack(t, s);
			STAT_INC(w, handons);
			enter(w, t);
			return t;
		}
		if (t && !plain(w, t)) {
			w->queued = t;
			t = NULL;
		} else if (t && !(t->flags & TASK_STARTED)) {
			give_stack(t, stack_get(&w->stacks));
		}
	}
	w->dead = s;
	w->commit = own ? COMMIT_END_OWN : COMMIT_END;
	if (t)
		enter(w, t);
	else
		WRITE_ONCE(w->current, NULL);
away:
#ifdef OA_TSAN
	w = switch_rest(w, t, s);
	sched_finish(w);
	return w->current;
#else
	switch_away(w, t);
#endif
}

/* One task after another, as long as each begins as a call. */
static void run_tasks(struct worker *w)
{
	struct task *t = w->current;
	void *result;

	do {
		switch_begin(t);
		result = t->fn(t->arg);
		if (unlikely(t->flags & TASK_AT_END))
			task_at_end(t);
		w = worker_self();
		if (unlikely(!w))
			fork_child_ends();
		t = ended(w, t, result);
	} while (t);
	OA_BUG("a task returned to nobody");
}

/* The bottom of every task's stack. */
static void task_entry(void *payload)
{
	struct worker *w = payload;

	switch_arrived(w);
	sched_finish(w);
	run_tasks(w);
}

/* The same, for a stack whose frames were given up by oa_exit(). */
static void task_entry_again(void *payload)
{
	run_tasks(payload);
}

/* On the stack that it began on. */
static __noreturn_fn void exit_here(struct worker *w, struct task *cur,
				    void *result)
{
	struct task *t = ended(w, cur, result);

	/*
	 * Its frames are gone with it: begin anew at the top. The thread
	 * sanitizer's stacks may have rested, and be on another worker.
	 */
	switch_restart(t->stack, task_entry_again, worker_self());
}

static void exit_on_its_stack(struct task *t, void *result)
{
	exit_here(worker_self(), t, result);
}

void sched_exit(struct worker *w, struct task *cur, void *result)
{
	/* What it left open may lie on stacks that it has grown. */
	if (unlikely(cur->flags & TASK_AT_END)) {
		task_at_end(cur);
		w = worker_self();
	}
	if (unlikely(cur->flags & TASK_GROWN || cur->coro))
		grown_leave(cur, exit_on_its_stack, result);
	exit_here(w, cur, result);
}

void sched_run(struct worker *w, struct task *t)
{
	if (!(t->flags & TASK_STARTED))
		give_stack(t, t->flags & TASK_OWN_STACK ? t->stack
						       : stack_get(&w->stacks));
	w->commit = COMMIT_NONE;
	enter(w, t);
	switch_from_loop(w, t);
	sched_finish(w);
}
