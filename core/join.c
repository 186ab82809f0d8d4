// SPDX-License-Identifier: MIT
/*
 * Ends and joins.
 *
 * A task with a handle ends by setting ENDED in its life word; its result and
 * its slot stay until a joiner has taken them. A joiner first claims the right
 * to join (JCLAIM, one only), writes ->joiner, and says so (JSET). The ender
 * copies ->joiner before its swap: afterwards the slot may be gone. A joiner
 * that gives up takes JSET and JCLAIM back; if ENDED came first, the join has
 * succeeded. Joins that were given up are counted in the word, or an ender that
 * has copied one joiner would not notice that the next has come.
 *
 * An ender that finds a joiner wakes him first; if that succeeds nothing is
 * published, for the slot is the joiner's then: wake_joiner().
 *
 * A join of a task that has not started claims it (QUEUED) and runs it at
 * once, on a stack of its own, since the joiner must stay cancellable; the end
 * comes straight back. Its queue entry, if it is not the very next, is left
 * behind as one too many (LIFE_INQ, core/pick.c), until it is the newest of
 * its queue or its turn has come.
 */
#include <errno.h>

#include "core/bug.h"
#include "core/conds.h"
#include "core/deadline.h"
#include "core/fork.h"
#include "core/future.h"
#include "core/idle.h"
#include "core/job.h"
#include "core/join.h"
#include "core/members.h"
#include "core/park.h"
#include "core/prepared.h"
#include "core/sched.h"
#include "core/spawn.h"
#include "core/thread.h"
#include "core/watch.h"

/* Ended and taken: the slot goes, now or with its queue entry. */
static void reap(struct worker *w, struct task *t)
{
	uint64_t life = atomic_load_acq(&t->life); /* [life] */

	if (life & LIFE_INQ && w) {
		sched_take_back(w);
		life = atomic_load_acq(&t->life); /* [life] */
	}
	while (life & LIFE_INQ) {
		/* [life] */
		if (atomic_cas(&t->life, &life, life | LIFE_GONE))
			return;
	}
	task_free(w, t);
}

/*
 * Publishes the end of a task with a handle. @joiner: who waits for it, with
 * his epoch; NULL: nobody yet, or it has freed itself.
 */
static struct task *publish_end(struct worker *w, struct task *t,
				uint64_t *epoch)
{
	uint64_t life = atomic_load_acq(&t->life); /* [life] */
	struct task *joiner;

	do {
		joiner = NULL;
		if (life & LIFE_JSET) {
			joiner = READ_ONCE(t->joiner);
			*epoch = READ_ONCE(t->joiner_epoch);
		}
		/* [life] the result before the end; pairs in take_result() */
	} while (!atomic_cas(&t->life, &life,
			     (life & ~(uint64_t)LIFE_QUEUED) | LIFE_ENDED));
	if (life & LIFE_DETACHED)
		reap(w, t);
	return joiner;
}

void task_tell(struct task *t, void *result)
{
	if (t->flags & TASK_FUTURE)
		future_ended(t->ext->future, result);
	if (t->flags & TASK_MEMBER)
		members_leave(t, result);
}

/* What ends with a mutex is told of; what it inherited ends with it. */
static __cold_path void ends_odd(struct worker *w, struct task *t,
				 void *result)
{
	/* Before those who wait for its end go on. */
	if (t->flags & TASK_CONDS)
		conds_release(t);
	if (t->flags & TASK_TOLD)
		task_tell(t, result);
	if (t->locks)
		watch_held(w, t, t->locks);
	t->locks = 0;
	WRITE_ONCE(t->prio, 0);
}

/*
 * The joiner is the ender's, and of the same runtime: where does it go on?
 * NULL: not here at once.
 */
static struct task *go_on(struct worker *w, struct task *joiner, bool thread)
{
	if (unlikely(thread)) {
		thread_unpark(joiner);
		return NULL;
	}
	/* Straight back to it, if it may run here. */
	if (w->rt->debug_migrate ||
	    (joiner->flags & TASK_PINNED && joiner->pin != w->index)) {
		sched_ready(joiner);
		return NULL;
	}
	return joiner;
}

/*
 * Who waits in a join may be woken before the end is published: then he can't
 * give up any more, nobody else may join, and he asks for nothing but the
 * result; the slot is his. @life says that the joiner is set; that joiner and
 * epoch belong together is seen by its being the same afterwards, since it
 * counts those who gave up. False: he gave up, the end is to be published.
 */
static bool wake_joiner(struct worker *w, struct task *t, uint64_t life,
			struct task **next)
{
	struct task *joiner = atomic_load_acq(&t->joiner); /* [joiner] */
	uint64_t epoch = atomic_load_acq(&t->joiner_epoch); /* [joiner] */
	bool thread = READ_ONCE(joiner->flags) & TASK_THREAD;

	*next = NULL;
	/* relaxed: not before the two above */
	if ((READ_ONCE(t->life) ^ life) & ~(uint64_t)LIFE_ASKED)
		return false;
	switch (park_claim(joiner, epoch, WAIT_WOKEN)) {
	case CLAIM_PARKED:
		*next = go_on(w, joiner, thread);
		return true;
	case CLAIM_EARLY:
		return true;
	case CLAIM_LOST:
		break;
	}
	return false;
}

struct task *task_end(struct worker *w, struct task *t, void *result)
{
	uint64_t life = atomic_load_acq(&t->life); /* [life] */
	struct task *joiner;
	uint64_t epoch = 0;
	bool thread;

	/* [over] after all that it started; pairs with quiescent() */
	atomic_store_rel(&w->ended, w->ended + 1);
	STAT_INC(w, ended);
	if (unlikely(life & LIFE_ASKED))
		w->cancelled++;
	if (unlikely(t->flags & TASK_POSTED || w->rt->cfg.max_tasks))
		task_release(w, t);
	if (unlikely(t->locks | (uint8_t)READ_ONCE(t->prio) |
		     (t->flags & TASK_TOLD)))
		ends_odd(w, t, result);
	if (!(life & LIFE_HANDLE)) {
		task_free(w, t);
		return NULL;
	}
	t->arg = result;
	if (unlikely(t->flags & (TASK_TIMED | TASK_EXTRA)))
		task_strip(w, t);
	if ((life & (LIFE_JSET | LIFE_JSELECT)) == LIFE_JSET &&
	    wake_joiner(w, t, life, &joiner))
		return joiner;
	joiner = publish_end(w, t, &epoch);
	if (!joiner)
		return NULL;
	if (unlikely(READ_ONCE(joiner->rt) != w->rt)) {
		park_wake(joiner, epoch, WAIT_WOKEN);
		return NULL;
	}
	/* A thread may be on its way already when the claim has been made. */
	thread = READ_ONCE(joiner->flags) & TASK_THREAD;
	if (park_claim(joiner, epoch, WAIT_WOKEN) != CLAIM_PARKED)
		return NULL;
	return go_on(w, joiner, thread);
}

/* All workers idle, and this was the last: one of them is to find out. */
static void wake_if_over(struct runtime *rt)
{
	/* [over] the count of ends before the look; see check_over() */
	if (atomic_load(&rt->nr_idle) == rt->nr_workers)
		idle_kick(rt->workers[0]);
}

void task_drop_outside(struct task *t, int err)
{
	void (*on_drop)(void *) = t->ext->on_drop;
	struct runtime *rt = t->rt;

	if (on_drop)
		on_drop(t->arg);
	atomic_add(&rt->outside_dropped, (uint64_t)1); /* [over] */
	rt_event(rt, OA_EVENT_DROP, -1, err, task_name(t));
	task_end_outside(t, oa_err(err));
}

void task_end_outside(struct task *t, void *result)
{
	uint64_t life = atomic_load_acq(&t->life); /* [life] */
	struct runtime *rt = t->rt;
	struct task *joiner = NULL;
	uint64_t epoch = 0;

	if (life & LIFE_ASKED && t->flags & TASK_STARTED)
		atomic_add(&rt->outside_cancelled, (uint64_t)1); /* [over] */
	task_release(NULL, t);
	ends_odd(NULL, t, result);
	if (life & LIFE_HANDLE) {
		t->arg = result;
		task_strip(NULL, t);
		joiner = publish_end(NULL, t, &epoch);
	} else {
		task_free(NULL, t);
	}
	if (joiner)
		park_wake(joiner, epoch, WAIT_WOKEN);
	/*
	 * [over] last of all, so that who is woken by it counts as alive; the
	 * runtime stays until this thread has been joined.
	 */
	atomic_add(&rt->outside_ended, (uint64_t)1);
	wake_if_over(rt);
}

void task_drop(struct worker *w, struct task *t, int err)
{
	uint64_t life = READ_ONCE(t->life); /* relaxed: HANDLE is constant */
	void (*on_drop)(void *) = t->ext ? t->ext->on_drop : NULL;
	struct task *joiner;
	uint64_t epoch = 0;

	if (on_drop)
		on_drop(t->arg);
	if (unlikely(t->fn == prepared_run))
		prepared_dropped(t->arg);
	if (unlikely(t->fn == job_run))
		job_dropped(t->arg);
	atomic_store_rel(&w->ended, w->ended + 1); /* [over] */
	STAT_INC(w, dropped);
	rt_event(w->rt, OA_EVENT_DROP, (int)w->index, err, task_name(t));
	task_release(w, t);
	ends_odd(w, t, oa_err(err));
	if (!(life & LIFE_HANDLE)) {
		task_free(w, t);
		return;
	}
	t->arg = oa_err(err);
	task_strip(w, t);
	joiner = publish_end(w, t, &epoch);
	if (joiner)
		park_wake(joiner, epoch, WAIT_WOKEN);
}

void task_bury(struct task *t, bool frees)
{
	uint64_t life = atomic_load_acq(&t->life); /* [life] */
	struct runtime *rt = t->rt;
	struct task *joiner;
	uint64_t epoch = 0;

	if (!(life & LIFE_HANDLE)) {
		if (frees)
			task_free(NULL, t);
		return;
	}
	t->arg = oa_err(-ECANCELED);
	if (frees) {
		/* Its entries are gone with the queues. */
		atomic_and(&t->life, ~(uint64_t)(LIFE_INQ | LIFE_QUEUED)); /* [life] */
		task_strip(NULL, t);
	}
	joiner = publish_end(NULL, t, &epoch);
	if (joiner && READ_ONCE(joiner->rt) != rt)
		park_wake(joiner, epoch, WAIT_WOKEN);
}

/* The joiner has the right to it, and it has ended. */
static int take_result(struct task *t, void **result)
{
	if (result)
		*result = t->arg;
	reap(worker_self(), t);
	return 0;
}

/* May @self run @t itself, at once? */
static bool runs_here(struct worker *w, const struct task *self,
		      const struct task *t, uint64_t life)
{
	return life & LIFE_QUEUED && !(life & (LIFE_DELAYED | LIFE_CANCEL)) &&
	       !(self->flags & TASK_THREAD) && READ_ONCE(t->rt) == w->rt &&
	       !(READ_ONCE(t->flags) &
		 (TASK_PINNED | TASK_BY_LOOP)) && !READ_ONCE(t->prio) &&
	       !READ_ONCE(w->rt->stopping) && !w->rt->debug_migrate;
}

static void set_joiner(struct task *t, struct task *self, oa_time_t until)
{
	WRITE_ONCE(self->wait_on, t);
	/* [joiner] after the claim in the life word; pairs in wake_joiner() */
	atomic_store_rel(&t->joiner, self);
	atomic_store_rel(&t->joiner_epoch,
			 park_begin(self, WAIT_MAY_CANCEL, until));
}

/* What says that somebody joins, and how often that was given up. */
#define LIFE_JOINING \
	((uint64_t)(LIFE_JSET | LIFE_JCLAIM | LIFE_JSELECT | LIFE_TRIES))

/* After a wait that was not woken. 0: the join succeeded all the same. */
static int withdraw(struct task *t, enum wait_state how)
{
	uint64_t life = atomic_load_acq(&t->life), to; /* [life] */

	do {
		if (life & LIFE_ENDED)
			return 0;
		to = life & ~LIFE_JOINING;
		to |= (life + LIFE_TRY) & LIFE_TRIES;
	} while (!atomic_cas(&t->life, &life, to)); /* [life] */
	return park_errno(how);
}

static __noinline int join_ended(struct task *self, struct task *t,
				 enum wait_state how, void **result,
				 oa_time_t deadline)
{
	int err = how == WAIT_WOKEN ? 0 : withdraw(t, how);

	if (!err)
		return take_result(t, result);
	if (err == -ETIMEDOUT)
		deadline_mark(self, deadline);
	return err;
}

/* JCLAIM is the caller's, and ->joiner set: waits for the end. */
static int join_published(struct task *self, struct task *t, void **result,
			  oa_time_t deadline)
{
	uint64_t life, set = LIFE_JSET;

	if (READ_ONCE(self->rt) != READ_ONCE(t->rt))
		set |= LIFE_JSELECT;
	life = atomic_load_acq(&t->life); /* [life] */
	do {
		if (life & LIFE_ENDED) {
			park_abandon(self, t->joiner_epoch);
			return take_result(t, result);
		}
		/* [life] ->joiner before JSET; pairs in publish_end() */
	} while (!atomic_cas(&t->life, &life, life | set));
	return join_ended(self, t, park_wait(self), result, deadline);
}

static int join_wait(struct task *self, struct task *t, void **result,
		     oa_time_t deadline)
{
	set_joiner(t, self, deadline_min(self, deadline));
	return join_published(self, t, result, deadline);
}

static int join_state(uint64_t life, oa_task_t h)
{
	if (!life_is(life, h) || life & LIFE_GONE)
		return -ESRCH;
	if (!(life & LIFE_HANDLE) || life & (LIFE_DETACHED | LIFE_JCLAIM))
		return -EINVAL;
	return 0;
}

/* Claims the right to join, and with it the task when it may run here. */
static int join_claim(struct task *self, struct task *t, oa_task_t h,
		      bool *runs, bool *ended)
{
	struct worker *w = worker_self();
	bool entry = false;
	uint64_t life = atomic_load_acq(&t->life), to; /* [life] */
	int err;

	do {
		err = join_state(life, h);
		if (err)
			break;
		to = life | LIFE_JCLAIM;
		*ended = life & LIFE_ENDED;
		*runs = !*ended && runs_here(w, self, t, life);
		if (*runs) {
			entry = entry || sched_take_next(w, t);
			to = (to | LIFE_JSET) & ~(uint64_t)LIFE_QUEUED;
			if (entry)
				to &= ~(uint64_t)LIFE_INQ;
		}
	} while (!atomic_cas(&t->life, &life, to)); /* [life] */
	if (entry && (err || !*runs))
		sched_ready_spawned(w, t);
	return err;
}

static __noinline int join(oa_task_t h, void **result, oa_time_t deadline)
{
	struct task *t = task_find(h), *self;
	bool runs = false, ended = false;
	int err = oa_task_error(h);

	if (err)
		return err;
	self = park_self();
	if (!t)
		return -ESRCH;
	if (!self)
		return worker_self() ? -EPERM : -ENOMEM;
	if (t == self)
		return life_is(READ_ONCE(t->life), h) ? -EDEADLK : -ESRCH;
	err = join_state(READ_ONCE(t->life), h);
	if (!err && fork_stranded(READ_ONCE(t->rt)))
		err = -EPERM;
	if (!err)
		err = park_check(self);
	if (!err)
		err = join_claim(self, t, h, &runs, &ended);
	if (err)
		return err;
	if (ended)
		return take_result(t, result);
	if (!runs)
		return join_wait(self, t, result, deadline);
	/* Nobody else looks at ->joiner before it has run. */
	set_joiner(t, self, deadline_min(self, deadline));
	STAT_INC(worker_self(), claims);
	sched_park_into(worker_self(), self, t, COMMIT_PARK);
	return join_ended(self, t, park_end(self), result, deadline);
}

/* What a task looks like that was just spawned to be joined. */
#define LIFE_FRESH	(LIFE_ALIVE | LIFE_HANDLE | LIFE_QUEUED | LIFE_INQ)

/*
 * The commonest join: of the task that this worker would run next, plain in
 * every respect, by a task that may wait. Everything that could be otherwise is
 * left to join(). False: nothing was done.
 */
__always_inline_oa bool join_next(oa_task_t h, void **result,
				  oa_time_t deadline, int *err)
{
	struct worker *w = worker_self();
	struct task *self = w ? w->current : NULL, *t;
	uint64_t gen = h.id & ~(uint64_t)(MAX_TASKS - 1);
	uint64_t life = gen | LIFE_FRESH;
	enum commit commit = COMMIT_PARK;
	oa_time_t until = deadline;
	enum wait_state how;

	if (!self || !w->lane.has_next || lane_empty(&w->lane))
		return false;
	t = w->lane.slot[w->lane.head];
	if (t->slot != (h.id & (MAX_TASKS - 1)) ||
	    READ_ONCE(t->life) != life || READ_ONCE(t->flags) ||
	    (unlikely(self->within != NULL) && deadline_check(self)) ||
	    READ_ONCE(self->life) & LIFE_CANCEL ||
	    READ_ONCE(w->rt->stopping) || lane_pop(&w->lane) != t)
		return false;
	/* [life] */
	if (!atomic_cas(&t->life, &life, gen | LIFE_ALIVE | LIFE_HANDLE |
			LIFE_JCLAIM | LIFE_JSET)) {
		sched_ready_spawned(w, t);
		return false;
	}
	if (unlikely(self->within != NULL))
		until = deadline_min(self, deadline);
	if (until == OA_FOREVER && likely(park_is_asymmetric())) {
		commit = COMMIT_JOIN;
		WRITE_ONCE(self->wait_on, t);
		WRITE_ONCE(t->joiner, self);
		WRITE_ONCE(t->joiner_epoch, park_begin_unseen(w, self));
	} else {
		set_joiner(t, self, until);
	}
	STAT_INC(w, claims);
	sched_park_into_new(w, self, t, commit);
	how = park_end(self);
	if (unlikely(how != WAIT_WOKEN)) {
		*err = join_ended(self, t, how, result, deadline);
		return true;
	}
	if (result)
		*result = t->arg;
	task_free(worker_self(), t);
	*err = 0;
	return true;
}

int oa_join(oa_task_t h, void **result)
{
	int err;

	if (likely(join_next(h, result, OA_FOREVER, &err)))
		return arch_return_int(err);
	return join(h, result, OA_FOREVER);
}

int oa_join_until(oa_task_t h, void **result, oa_time_t deadline)
{
	int err;

	if (likely(join_next(h, result, deadline, &err)))
		return arch_return_int(err);
	return join(h, result, deadline);
}

int join_always(oa_task_t h, void **result)
{
	struct task *t = task_find(h), *self = park_self();
	uint64_t life;

	if (!t || !self)
		return -ESRCH;
	life = atomic_load_acq(&t->life); /* [life] */
	do {
		int err = join_state(life, h);

		if (err)
			return err;
		/* [life] */
	} while (!atomic_cas(&t->life, &life, life | LIFE_JCLAIM));
	if (life & LIFE_ENDED)
		return take_result(t, result);
	WRITE_ONCE(self->wait_on, t);
	/* [joiner] after the claim in the life word; pairs in wake_joiner() */
	atomic_store_rel(&t->joiner, self);
	atomic_store_rel(&t->joiner_epoch, park_begin(self, 0, OA_FOREVER));
	return join_published(self, t, result, OA_FOREVER);
}

/* May @self join it, now? The life word, or a negative errno. */
static int join_look(oa_task_t h, const struct task *self, uint64_t *life)
{
	struct task *t = task_find(h);
	int err = oa_task_error(h);

	if (err || !t)
		return err ? err : -ESRCH;
	*life = atomic_load_acq(&t->life); /* [life] */
	if (t == self)
		return life_is(*life, h) ? -EDEADLK : -ESRCH;
	err = join_state(*life, h);
	if (!err && fork_stranded(READ_ONCE(t->rt)))
		err = -EPERM;
	return err;
}

int join_peek(oa_task_t h)
{
	uint64_t life;
	int err = join_look(h, park_self(), &life);

	return err || life & LIFE_ENDED ? err : -EAGAIN;
}

int join_try(oa_task_t h, void **result)
{
	struct task *t = task_find(h);
	uint64_t life;
	int err = join_look(h, park_self(), &life);

	while (!err) {
		if (!(life & LIFE_ENDED))
			return -EAGAIN;
		/* [life] */
		if (atomic_cas(&t->life, &life, life | LIFE_JCLAIM))
			return take_result(t, result);
		err = join_state(life, h);
	}
	return err;
}

int join_enlist(oa_task_t h, struct task *self, uint64_t epoch)
{
	struct task *t = task_find(h);
	uint64_t life;

	if (join_look(h, self, &life))
		return t && READ_ONCE(t->joiner) == self &&
		       READ_ONCE(t->joiner_epoch) == epoch ? 0 : 1;
	do {
		if (life & LIFE_ENDED || join_state(life, h))
			return 1;
		/* [life] the right to join */
	} while (!atomic_cas(&t->life, &life, life | LIFE_JCLAIM));
	/* [joiner] after the claim in the life word; pairs in wake_joiner() */
	atomic_store_rel(&t->joiner, self);
	atomic_store_rel(&t->joiner_epoch, epoch);
	life = atomic_load_acq(&t->life); /* [life] */
	do {
		if (life & LIFE_ENDED) {
			join_delist(h, self, epoch);
			return 1;
		}
		/* [life] ->joiner before JSET; pairs in publish_end() */
	} while (!atomic_cas(&t->life, &life, life | LIFE_JSET | LIFE_JSELECT));
	return 0;
}

/*
 * The right to join is ours until it is given back, so the slot stays what it
 * is; twice in one select, it was the first of the two that had it. The second
 * must not find itself there when somebody else has claimed it by then and has
 * not written ->joiner yet, so what tells of us goes first.
 */
void join_delist(oa_task_t h, struct task *self, uint64_t epoch)
{
	struct task *t = task_find(h);
	uint64_t life = atomic_load_acq(&t->life), to; /* [life] */

	if (!life_is(life, h) || !(life & LIFE_JCLAIM) ||
	    READ_ONCE(t->joiner) != self ||
	    READ_ONCE(t->joiner_epoch) != epoch)
		return;
	/* No wait has this; an ender that copies it wakes nobody. */
	WRITE_ONCE(t->joiner_epoch, 0);
	do {
		to = (life & ~LIFE_JOINING) | ((life + LIFE_TRY) & LIFE_TRIES);
	} while (!atomic_cas(&t->life, &life, to)); /* [life] */
}

int oa_detach(oa_task_t h)
{
	struct task *t = task_find(h);
	int err = oa_task_error(h);
	uint64_t life;

	if (err || !t)
		return err ? err : -ESRCH;
	life = atomic_load_acq(&t->life); /* [life] */
	do {
		err = join_state(life, h);
		if (!err && fork_stranded(READ_ONCE(t->rt)))
			err = -EPERM;
		if (err)
			return err;
		/* [life] */
	} while (!atomic_cas(&t->life, &life, life | LIFE_DETACHED));
	if (life & LIFE_ENDED)
		reap(worker_self(), t);
	return 0;
}
