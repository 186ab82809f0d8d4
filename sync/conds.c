// SPDX-License-Identifier: MIT
/*
 * Starting under conditions. A task that has not started is a descriptor and
 * this record. When its turn in the run queue comes, the worker's loop goes
 * through what it starts under, in a fixed order; where it has to wait, the
 * record's waiter goes into the queue of the object, and the descriptor is in
 * no run queue until the wait is over. Then it comes by a queue again, and the
 * loop goes on where it was. So a wait costs no stack, and nothing of it runs
 * on the waker's side.
 *
 *   state of the descriptor      who may touch the record
 *   in a run queue               the worker that takes it out
 *   waiting: PARKED              under the object's lock whoever serves it;
 *                                the waiter is taken out before the claim
 *   started                      the task, at its end
 *
 * Once the waiter is queued and the lock given up, the task may be served, run
 * and end elsewhere: the one who queued it touches nothing of it any more,
 * except by what carries its generation (park_unstarted()).
 *
 * A cancel ends the wait like any other; the loop then finds that it was not
 * served, takes the waiter out and drops the task, and what it held is given
 * back in reverse order.
 */
#include "core/conds.h"
#include "core/pool.h"
#include "core/rcu.h"
#include "core/runtime.h"
#include "core/slab.h"
#include "core/spawn.h"
#include "sync/barrier.h"
#include "sync/gate.h"
#include "sync/mutex.h"

/* In the order in which they are gone through. */
enum stage {
	STAGE_LATCH,
	STAGE_BARRIER,
	STAGE_BACKPRESSURE,
	STAGE_SEM,
	STAGE_PLACE,		/* on the blocking pool */
	STAGE_MUTEX,
	STAGE_DONE,
};

struct start {
	struct waiter wait;
	void *on[STAGE_DONE];		/* I; NULL: not wanted */
	struct task *task;		/* I */
	oa_fn fn;			/* I */
	oa_fn then[OA_THEN_MAX + 1];	/* I; ended by NULL */
	uint32_t held;			/* a bit for each stage */
	uint8_t stage;
	bool waiting;			/* ... for that stage */
};

#define CHUNK_SHIFT	8

static struct slab_chunk *start_dir[MAX_TASKS >> CHUNK_SHIFT];

static void start_init(void *obj, uint32_t number)
{
	(void)obj;
	(void)number;
}

/* Type-stable: a walker may look at it. */
struct slab_cache start_cache = {
	.obj_size = (sizeof(struct start) + 63) & ~63u,
	.chunk_shift = CHUNK_SHIFT,
	.max_chunks = MAX_TASKS >> CHUNK_SHIFT,
	.dir = start_dir,
	.chunks = CDS_LIST_HEAD_INIT(start_cache.chunks),
	.init = start_init,
};

int conds_check(const struct oa_task_opts *o)
{
	size_t n = 0;

	if (o->latch && !latch_usable(o->latch))
		return -EINVAL;
	if (o->barrier && !barrier_usable(o->barrier))
		return -EINVAL;
	if (o->backpressure && !backpressure_usable(o->backpressure))
		return -EINVAL;
	if (o->block && (o->pinned || o->worker || o->stack_size))
		return -EINVAL;
	while (o->then && o->then[n])
		if (++n > OA_THEN_MAX)
			return -E2BIG;
	return 0;
}

/* One after the other, each given what the one before has made. */
static void *run_chain(void *arg)
{
	struct start *s = task_self()->ext->start;
	void *result = s->fn(arg);

	for (unsigned int i = 0; s->then[i]; i++) {
		oa_yield_point();
		result = s->then[i](result);
	}
	return result;
}

static void fill(struct start *s, struct task *t, const struct oa_task_opts *o)
{
	unsigned int n = 0;

	s->task = t;
	s->on[STAGE_LATCH] = o->latch;
	s->on[STAGE_BARRIER] = o->barrier;
	s->on[STAGE_BACKPRESSURE] = o->backpressure;
	s->on[STAGE_SEM] = o->sem;
	s->on[STAGE_PLACE] = o->block ? t->rt->pool : NULL;
	s->on[STAGE_MUTEX] = o->mutex;
	s->held = 0;
	s->stage = STAGE_LATCH;
	s->waiting = false;
	WRITE_ONCE(s->fn, t->fn);
	for (; o->then && o->then[n]; n++)
		s->then[n] = o->then[n];
	s->then[n] = NULL;
	if (n)
		WRITE_ONCE(t->fn, run_chain);
}

struct start *conds_new(struct task *t, const struct oa_task_opts *o, int *err)
{
	struct start *s;
	int ret = 0;

	*err = -ENOMEM;
	s = slab_alloc_one(&start_cache);
	if (!s)
		return NULL;
	fill(s, t, o);
	*err = 0;
	if (!o->backpressure || o->latch || o->barrier || o->delay || o->at)
		return s;
	/* Nothing comes before it: a lossy one refuses the start itself. */
	ret = oa_backpressure_tryenter(o->backpressure);
	if (!ret)
		s->held |= 1u << STAGE_BACKPRESSURE;
	if (!ret || ret == -EAGAIN)
		return s;
	*err = ret;
	slab_free_one(&start_cache, s);
	return NULL;
}

/* By walkers: records stay what they are, and may be another's by now. */
__glance oa_fn conds_fn(const struct start *s)
{
	return READ_ONCE(s->fn);
}

/* 1: passed; 0: queued; or an errno that it is dropped with. */
static int enter(struct start *s)
{
	struct waiter *n = &s->wait;
	void *on = s->on[s->stage];

	switch (s->stage) {
	case STAGE_LATCH:
		latch_arrive(on);
		return gate_enlist(&latch_gate, on, n, true);
	case STAGE_BARRIER:
		return barrier_enlist(on, n);
	case STAGE_BACKPRESSURE:
		return backpressure_enter(on, n);
	case STAGE_SEM:
		return gate_enlist(&sem_gate, on, n, true);
	case STAGE_PLACE:
		return gate_enlist(&sem_gate, pool_places(on), n, true);
	default:
		return mutex_enlist(on, n);
	}
}

static const char *const names[] = {
	"latch", "barrier", "backpressure", "sem", "a place to block",
	mutex_name,
};

/* It has waited: 0 if it was served, and holds what it waited for. */
static int served(struct start *s)
{
	enum wait_state how = park_end_unstarted(s->task);
	void *on = s->on[s->stage];

	s->waiting = false;
	if (how == WAIT_WOKEN)
		return 0;
	if (s->stage == STAGE_BARRIER)
		return barrier_give_up(on, &s->wait) ? 0 : park_errno(how);
	if (s->stage == STAGE_PLACE)
		on = pool_places(on);
	sync_withdraw(on, &s->wait);
	return park_errno(how);
}

void conds_give_up(struct task *t)
{
	struct start *s = t->ext->start;
	uint64_t word = atomic_load_acq(&t->wait); /* [park] */

	if (!s->waiting)
		return;
	if (wait_open(word))
		park_claim(t, word & ~(uint64_t)0xff, WAIT_CANCELLED);
	if (!served(s))
		s->held |= 1u << s->stage;
}

static void passed(struct start *s)
{
	s->held |= 1u << s->stage;
	s->stage++;
}

/* True: so it is. Nothing of the task may be touched then. */
static bool waits(struct worker *w, struct start *s, int *err)
{
	struct task *t = s->task;
	oa_time_t until = t->flags & TASK_LIMIT ? t->ext->limit.at : OA_FOREVER;
	oa_task_t h = task_handle(t);
	/* relaxed: nobody else opens a wait of it */
	uint64_t epoch = (READ_ONCE(t->wait) & ~(uint64_t)0xff) + WAIT_EPOCH;

	waiter_init(&s->wait, t, names[s->stage], s->on[s->stage], 0,
		    until);
	s->wait.mode = WAITER_START;
	s->waiting = true;
	*err = enter(s);
	if (!*err) {
		if (until != OA_FOREVER) {
			/* [timer-look] its wait before the look at the timer */
			smp_mb();
			park_arm(w, t, until);
		}
		park_unstarted(t, h, epoch);
		return true;
	}
	s->waiting = false;
	*err = min_of(*err, 0);
	return false;
}

int conds_advance(struct worker *w, struct task *t)
{
	struct start *s = t->ext->start;
	int err = 0;

	if (s->waiting) {
		err = served(s);
		if (!err)
			passed(s);
	}
	while (!err && s->stage < STAGE_DONE) {
		/* Who asks later is met by park_unstarted(). */
		err = task_unwanted(t);
		if (err)
			return err;
		if (!s->on[s->stage] || s->held & 1u << s->stage) {
			s->stage++;
			continue;
		}
		if (waits(w, s, &err))
			return 1;
		if (!err)
			passed(s);
	}
	/* Who asked while the last of them was on its way was met by nobody. */
	if (!err)
		err = task_unwanted(t);
	if (err || !s->on[STAGE_PLACE])
		return err;
	err = pool_run(w->rt, t);
	return err ? err : 1;
}

static void give_back(struct start *s, unsigned int stage)
{
	void *on = s->on[stage];

	switch (stage) {
	case STAGE_BACKPRESSURE:
		oa_backpressure_leave(on);
		break;
	case STAGE_SEM:
		oa_sem_post(on);
		break;
	case STAGE_PLACE:
		oa_sem_post((struct oa_sem *)pool_places(on));
		break;
	case STAGE_MUTEX:
		mutex_unlock_by(on, s->task);
		break;
	default:
		break;
	}
}

static void release(struct start *s)
{
	for (unsigned int i = STAGE_DONE; i-- > 0;) {
		if (!(s->held & 1u << i))
			continue;
		s->held &= ~(1u << i);
		give_back(s, i);
	}
}

void conds_release(struct task *t)
{
	/* On the pool: whom it lets in is in a queue when bury_all() looks. */
	rcu_read_lock();
	release(t->ext->start);
	rcu_read_unlock();
}

void conds_free(struct start *s)
{
	release(s);
	slab_free_one(&start_cache, s);
}
