// SPDX-License-Identifier: MIT
/*
 * A worker's loop: what lies between running tasks. It sees to the ring, the
 * timers, the inbox and the injection queue, starts what needs its help to
 * start, and goes idle.
 */
#include "core/worker.h"

#include <errno.h>
#include <limits.h>

#include "core/bias.h"
#include "core/bug.h"
#include "core/bury.h"
#include "core/conds.h"
#include "core/fd.h"
#include "core/hold.h"
#include "core/idle.h"
#include "core/inject.h"
#include "core/mem.h"
#include "core/op.h"
#include "core/park.h"
#include "core/prepared.h"
#include "core/rcu.h"
#include "core/runtime.h"
#include "core/sched.h"
#include "core/slice.h"
#include "core/spawn.h"

#define WORKER_IDS 16384u
#define POSTS_TAKEN 16u
#define EXPIRE_FEW 32u

#if !defined(OA_SIM) || OA_SIM != 1
__thread struct worker *worker_tls __attribute__((used));
#endif

/* R:worker_ids_lock. Numbers are used again, so a reader checks what it finds. */
static struct worker *worker_ids[WORKER_IDS];
static uint32_t worker_ids_top;
SIM_STATE(worker_ids_top);
struct spin worker_ids_lock;

/* Hidden, though its number may still stand in timers. */
#define HIDDEN ((struct worker *)1)

struct worker *worker_by_id(uint32_t id)
{
	struct worker *w = NULL;

	if (id < WORKER_IDS)
		/* [ids] pairs with the release in id_take() */
		w = atomic_load_acq(&worker_ids[id]);
	return w == HIDDEN ? NULL : w;
}

uint32_t worker_max_id(void)
{
	return atomic_load_acq(&worker_ids_top); /* [ids] */
}

static int id_take(struct worker *w)
{
	uint32_t id;

	spin_lock(&worker_ids_lock);
	for (id = 0; id < WORKER_IDS && worker_ids[id]; id++)
		;
	if (id < WORKER_IDS) {
		w->id = id;
		if (id > worker_ids_top)
			atomic_store_rel(&worker_ids_top, id); /* [ids] */
		atomic_store_rel(&worker_ids[id], w); /* [ids] */
	}
	spin_unlock(&worker_ids_lock);
	return id < WORKER_IDS ? 0 : -EAGAIN;
}

static int caches_init(struct worker *w)
{
	const struct oa_allocator *a = rt_alloc(w->rt);

	w->fds = mem_alloc_sparse(a, FD_BUCKETS * sizeof(*w->fds), 64);
	if (!w->fds)
		return -ENOMEM;
	if (!slab_mag_init(&task_cache, &w->tasks))
		goto err_fds;
	if (!slab_mag_init(&ext_cache, &w->exts))
		goto err_tasks;
	if (!spill_init(&w->spill, a))
		goto err_exts;
	return 0;
err_exts:
	slab_mag_flush(&ext_cache, &w->exts);
err_tasks:
	slab_mag_flush(&task_cache, &w->tasks);
err_fds:
	mem_free_sparse(a, w->fds, FD_BUCKETS * sizeof(*w->fds));
	return -ENOMEM;
}

static void caches_fini(struct worker *w)
{
	slab_mag_flush(&ext_cache, &w->exts);
	slab_mag_flush(&task_cache, &w->tasks);
	mem_free_sparse(rt_alloc(w->rt), w->fds, FD_BUCKETS * sizeof(*w->fds));
}

int worker_init(struct worker *w)
{
	struct runtime *rt = w->rt;
	int err;

	lane_init(&w->lane);
	list_init(&w->local);
	list_init(&w->sick);
	w->held_last = &w->held;
	wheel_init(&w->wheel, rt->poll->now());
	slack_init(&w->slack, rt->cfg.timer_slack);
	w->rng = (uint32_t)rt->poll->random() | 1;
	w->avg_turn = 1000;
	w->cap = 10 * OA_MSEC;
	w->until = OA_FOREVER;
	w->helps = true;
	w->bias = bias_number();
	err = caches_init(w);
	if (err)
		return err;
	err = id_take(w);
	if (err)
		caches_fini(w);
	return err;
}

/* Nobody finds it by number any more; it may be freed a grace period later. */
void worker_hide(struct worker *w)
{
	spin_lock(&worker_ids_lock);
	if (worker_ids[w->id] == w) {
		atomic_store_rel(&worker_ids[w->id], HIDDEN); /* [ids] */
		w->hidden = true;
	}
	spin_unlock(&worker_ids_lock);
}

void worker_give_id(struct worker *w)
{
	spin_lock(&worker_ids_lock);
	if (w->hidden)
		atomic_store_rel(&worker_ids[w->id], (struct worker *)NULL); /* [ids] */
	w->hidden = false;
	spin_unlock(&worker_ids_lock);
}

void worker_fini(struct worker *w)
{
	struct timer *tm;

	fd_closes_end(w);
	op_aborts(w);
	/* Nobody waits any more, or nobody will ever be woken. */
	while ((tm = wheel_steal(&w->wheel)))
		if (READ_ONCE(w->rt->stopping) != RT_NOW)
			op_abort(container_of(tm, struct task, timer));
	op_aborts(w);
	worker_give_id(w);
	stack_mag_flush(&w->rt->stacks, &w->stacks);
	caches_fini(w);
}

void worker_cut_off(struct worker *w)
{
	worker_hide(w);
	/* Who knew it files nothing there any more. */
	synchronize_rcu();
	fd_closes_end(w);
	while (wheel_steal(&w->wheel))
		;
	op_aborts_left(w);
	worker_give_id(w);
}

/* Tasks that came to the inbox run here in the order they came. */
static void take_inbox(struct worker *w)
{
	struct task *t, *next;

	for (t = inbox_drain(w); t; t = next) {
		next = t->next;
		sched_queue_odd(w, t);
	}
}

/* Of @n that wait for whoever takes them: not more than there is room for. */
static uint32_t share_of(const struct worker *w, uint32_t n, uint32_t max)
{
	n = min_of(n / READ_ONCE(w->rt->active) + 1, max);
	return min_of(n, max_of(RING_SIZE - ring_len(&w->ring), RING_BATCH));
}

/* Behind what is here. */
static void queue_all(struct worker *w, struct task *const *got, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		__builtin_prefetch(got[i], 1);
		sched_queue(w, got[i]);
	}
	STAT_ADD(w, injected, n);
}

static __noinline void take_injected(struct worker *w, uint32_t n)
{
	struct task *got[RING_SIZE / 2];

	n = share_of(w, n, ARRAY_SIZE(got));
	queue_all(w, got, inject_take(&w->rt->inject, got, n));
}

/*
 * Fewer at a time, and while much is ready no more than a part of the turns:
 * what is urgent and comes later is to pass the rest.
 */
static uint32_t posts_wanted(const struct worker *w, uint32_t n)
{
	uint32_t ready = ring_len(&w->ring) + READ_ONCE(w->prioq.n) +
			 lane_len(&w->lane);
	uint32_t room = ready < POSTS_TAKEN ? POSTS_TAKEN - ready : 0;

	room = max_of(room, (w->turn - w->posts_at) / 2);
	return share_of(w, n, min_of(room, POSTS_TAKEN));
}

static __noinline void take_posts(struct worker *w, uint32_t n)
{
	struct task *got[POSTS_TAKEN];

	n = posts_wanted(w, n);
	if (!n)
		return;
	w->posts_at = w->turn;
	queue_all(w, got, post_queue_take(&w->rt->post_queue, got, n));
}

/* What anybody may do. */
__always_inline_oa void take_shared(struct worker *w)
{
	if (unlikely(READ_ONCE(w->rt->prepared)))
		prepared_take(w);
	if (unlikely(READ_ONCE(w->rt->inject.n)))
		take_injected(w, READ_ONCE(w->rt->inject.n));
	if (unlikely(READ_ONCE(w->rt->post_queue.n)))
		take_posts(w, READ_ONCE(w->rt->post_queue.n));
}

__always_inline_oa bool has_work(const struct worker *w)
{
	return w->queued || w->local.n || READ_ONCE(w->prioq.n) || !lane_empty(&w->lane) ||
	       ring_len(&w->ring) || spill_len(&w->spill);
}

/*
 * If there is nothing else to run, not too many at once: those wait better in
 * the wheel. What is fetched ahead for them is at hand when they run, and a
 * backlog of them does not make each one dearer. The time that it takes is no
 * turn's: slices would hold ever fewer of them.
 */
static void expire(struct worker *w)
{
	slice_end_at(w, w->now);
	if (park_expire(w, w->now, has_work(w) ? UINT_MAX : EXPIRE_FEW) &&
	    w->rt->poll->unsent(w))
		w->rt->poll->reap(w);
	w->now = w->rt->poll->now();
}

/* Everything but running tasks. */
__always_inline_oa void look_outside(struct worker *w)
{
	const struct poll_ops *poll = w->rt->poll;

	take_inbox(w);
	if (unlikely(w->hunted != READ_ONCE(w->rt->hunt))) {
		w->hunted = READ_ONCE(w->rt->hunt);
		sched_hunt(w);
	}
	op_aborts(w);
	fd_closes(w);
	hold_look(w);
	if (poll->ready(w) || (has_work(w) && poll->unsent(w))) {
		slice_end(w);
		poll->reap(w);
	}
	if (unlikely(idle_on_standby(w)))
		sched_give_away(w);
	else
		take_shared(w);
	if (!w->slice_turns && wheel_next(&w->wheel) == OA_FOREVER) {
		slice_renew(w);
		return;
	}
	w->now = poll->now();
	/* Before what never ran: those who wait have waited long enough. */
	if (worker_timers_at(w) <= w->now)
		expire(w);
	slice_begin(w, w->now);
}

static bool refill_stacks(struct worker *w)
{
	bool ok = stack_refill(&w->rt->stacks, &w->stacks);

	STAT_ADD(w, stacks_new, w->stacks.fresh);
	w->stacks.fresh = 0;
	return ok;
}

static bool find_stack(struct worker *w, struct task *t)
{
	if (t->flags & TASK_OWN_STACK) {
		WRITE_ONCE(t->stack, stack_alloc_own(w->rt->stacks.alloc,
					   t->ext->stack_size));
		return t->stack;
	}
	return refill_stacks(w);
}

/* No stack to be had, and nothing that could give one back will run. */
static void give_up_sick(struct worker *w, struct task *t)
{
	struct runtime *rt = w->rt;

	if (oa_task_eq(task_handle(t), rt->first))
		rt->first_error = -ENOMEM;
	rt_event(rt, OA_EVENT_NO_MEMORY, (int)w->index, -ENOMEM, task_name(t));
	task_drop(w, t, -ENOMEM);
}

/* One of the usual size may come back; one of its own will not. */
static void no_stack(struct worker *w, struct task *t)
{
	if (t->flags & TASK_OWN_STACK)
		give_up_sick(w, t);
	else
		list_push(&w->sick, t);
}

/* Can it be started at once? If not, it has been seen to. */
static inline bool prepare(struct worker *w, struct task *t)
{
	int err;

	if (unlikely(!READ_ONCE(w->turn_mask)) && bury_is_over(w)) {
		bury_taken(w);
		return false;
	}
	err = t->flags & TASK_CONDS ? conds_advance(w, t) : task_unwanted(t);
	if (err > 0)
		return false;
	if (err) {
		task_drop(w, t, err);
		return false;
	}
	if (!find_stack(w, t)) {
		no_stack(w, t);
		return false;
	}
	return true;
}

static inline void run(struct worker *w, struct task *t)
{
	bool may = true;

	if (!(t->flags & TASK_STARTED)) {
		/* [left] until it is ->current, or not ours */
		WRITE_ONCE(w->taken, t);
		may = prepare(w, t);
	}
	if (may)
		sched_run(w, t);
	else
		WRITE_ONCE(w->taken, NULL);
	/* One came back that did not begin: it may be gone once it is told of. */
	if (unlikely(w->taken))
		bury_taken(w);
}

/* When a stack may have come back. */
static bool retry_sick(struct worker *w)
{
	if (likely(!w->sick.n) || !refill_stacks(w))
		return false;
	list_splice(&w->local, &w->sick);
	w->special = true;
	return true;
}

bool worker_has_more(struct worker *w)
{
	return has_work(w) || w->sick.n;
}

__always_inline_oa bool run_next(struct worker *w, struct task *t)
{
	if (!t)
		return false;
	/* What it was made ready by may be just that. */
	if (unlikely(READ_ONCE(w->rt->stopping) == RT_NOW))
		return true;
	idle_found(w);
	run(w, t);
	return true;
}

__always_inline_oa bool turn(struct worker *w)
{
	struct task *t;

	look_outside(w);
	retry_sick(w);
	if (unlikely(w->slice_ended))
		sched_slice_ended(w);
	t = w->queued;
	w->queued = NULL;
	if (!t)
		t = sched_next(w);
	if (!t && unlikely(w->sick.n)) {
		give_up_sick(w, list_pop(&w->sick));
		return true;
	}
	return run_next(w, t);
}

bool worker_turn(struct worker *w)
{
	return turn(w);
}

/*
 * It leaves tasks where they stand. What the kernel writes lies on their
 * stacks: not before it is through.
 */
void worker_finish_requests(struct worker *w)
{
	const struct poll_ops *poll = w->rt->poll;

	hold_drop(w);
	while (w->st.requests != w->st.completions) {
		op_abort_all(w);
		fd_ask_all(w);
		fd_closes(w);
		w->now = poll->now();
		poll->reap(w);
		if (w->st.requests != w->st.completions)
			poll->wait(w, w->now + OA_MSEC, 1);
	}
	OA_BUG_ON(w->urgent_ops);
}

void worker_loop(struct worker *w)
{
	while (likely(!READ_ONCE(w->rt->stopping)) || !rt_stops(w)) {
		if (turn(w))
			continue;
		if (READ_ONCE(w->rt->over))
			return;
		idle_wait(w);
		/* What came of it runs first, then the next look. */
		if (likely(!idle_on_standby(w)))
			run_next(w, sched_next(w));
	}
	worker_finish_requests(w);
}
