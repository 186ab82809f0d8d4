// SPDX-License-Identifier: MIT
/*
 * Operations: one request each, from start to last completion.
 *
 * The op lives in the frame of the task that waits for it, and the task stays
 * suspended until the last completion, cancelled or not: so the kernel never
 * writes to memory that went on to something else. A request belongs to the
 * worker it was started on: only that thread starts, asks and completes it.
 * What was achieved is delivered: a request that was asked to end and
 * succeeded all the same is a success.
 *
 * From elsewhere a task is nudged (op_abort): it goes on the list of the
 * worker where it waits, at most once at a time, and that worker looks at what
 * is to be done, whatever it was sent for. The mark is cleared before the
 * look [abort]: who finds it set can rely on the look that comes. A task that
 * went on to a request elsewhere meanwhile is sent after.
 *
 * Model: selftests/models/iocancel.pml.
 */
#include "core/op.h"

#include <errno.h>
#include <sys/stat.h>

#include "core/bug.h"
#include "core/coalesce.h"
#include "core/deadline.h"
#include "core/fd.h"
#include "core/hold.h"
#include "core/idle.h"
#include "core/io.h"
#include "core/park.h"
#include "core/rcu.h"
#include "core/runtime.h"
#include "core/sched.h"
#include "core/spawn.h"

static inline int claim_fds(struct worker *w, struct op *op)
{
	int err;

	if (op->fd < 0 && !op->second)
		return 0;
	err = fd_start(w, op, &op->link, op->fd);
	if (!err && op->second) {
		err = fd_start(w, op, op->second, op->second->fd);
		if (err)
			fd_done(op);
	}
	return err;
}

int op_claim_fds(struct worker *w, struct op *op)
{
	return claim_fds(w, op);
}

static inline void start(struct worker *w, struct task *t, struct op *op,
			 uint64_t epoch)
{
	op->task = t;
	op->epoch = epoch;
	STAT_INC(w, requests);
	coalesce_begun(w, op);
	if (unlikely(hold_wants(w, op))) {
		hold_add(w, op);
		return;
	}
	op->state = OP_STARTED;
	w->rt->poll->op_start(w, op);
}

void op_start(struct worker *w, struct task *t, struct op *op, uint64_t epoch)
{
	start(w, t, op, epoch);
}

int op_result(struct task *t, struct op *op, oa_time_t own)
{
	if (likely(op->res >= 0) || op->reason == OP_REASON_NONE ||
	    op->reason >= OP_REASON_DROPPED)
		return op->res;
	if (op->res != -ECANCELED && op->res != -EINTR)
		return op->res;
	switch (op->reason) {
	case OP_REASON_CLOSE:
		return -EBADF;
	case OP_REASON_TIMEOUT:
		deadline_mark(t, own);
		return -ETIMEDOUT;
	default:
		return -ECANCELED;
	}
}

/*
 * What waits needs a thread of the kernel's. If a signal comes whenever that is
 * to be made (the watch sends some), the request ends as if it had been
 * cancelled: from 6.10 and its stable siblings on, after the third time. It had
 * not begun, so it may begin anew.
 */
static bool was_dropped(const struct op *op)
{
	return op->res == -ECANCELED && op->code != OP_RAW &&
	       (op->reason == OP_REASON_NONE ||
		op->reason >= OP_REASON_DROPPED);
}

/*
 * Others may mean it: a timerfd tells so that the clock was set, once. Of an
 * anonymous inode no type is told.
 */
static bool may_begin_anew(const struct op *op)
{
	struct stat st;

	return op->fd < 0 ||
	       (!fstat(op->fd, &st) &&
		(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) ||
		 S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)));
}

static __cold_path int run_again(struct op *op, oa_time_t deadline)
{
	struct worker *w = worker_self();
	uint32_t gen = op->link.gen;
	int err;

	if (!may_begin_anew(op))
		return op->res;
	/* None can be made, it seems. */
	if (op->reason == OP_REASON_DROPPED_LAST)
		return -EAGAIN;
	op->reason = op->reason ? op->reason + 1 : OP_REASON_DROPPED;
	op->state = OP_IDLE;
	op->asked = false;
	op->closer = NULL;
	sched_give_way(w, w->current);
	err = io_next_step(op->fd, gen, true);
	if (!err && op->second && !fd_is(op->second->fd, op->second->gen))
		err = -EBADF;
	return err ? err : op_run(op, deadline);
}

static __cold_path int run_outside(struct op *op)
{
	struct task *t = task_self();
	int err = t ? park_check(t) : -EPERM;

	/* No completion says more than the call does. */
	op->cflags = 0;
	return err ? err : op_plain(op);
}

int op_run(struct op *op, oa_time_t deadline)
{
	struct worker *w = worker_self();
	struct task *t = w ? w->current : NULL;
	uint64_t epoch;
	int err;

	if (unlikely(!t))
		return run_outside(op);
	err = park_check(t);
	if (unlikely(err))
		return err;
	while (unlikely(err = claim_fds(w, op))) {
		if (err != -EAGAIN)
			return err;
		sched_give_way(w, t);
		w = worker_self();
	}
	WRITE_ONCE(t->wait_on, op);
	epoch = park_begin_on(w, t, WAIT_OP | WAIT_MAY_CANCEL,
			      deadline_min(t, deadline));
	start(w, t, op, epoch);
	sched_park(w, t);
	/* However it ended, it is over: relaxed, see park_end() */
	WRITE_ONCE(t->wait, epoch);
	if (likely(op->res >= 0))
		return op->res;
	if (unlikely(was_dropped(op)))
		return run_again(op, deadline);
	return op_result(t, op, deadline);
}

/* One request less that @c waits for, if it is one. */
static void closer_done(struct closer *c)
{
	if (c && !--c->left)
		park_wake(c->task, c->epoch, WAIT_WOKEN);
}

/* What few requests have: two descriptors, or somebody who closes one. */
static __noinline void done_rare(struct worker *w, struct op *op)
{
	struct closer *c = op->closer, *also = c ? op->also : NULL;
	struct task *t = op->task;

	fd_done(op);
	/* From here on the op may be gone. */
	if (park_op_done(t, op->epoch))
		sched_ready_here(w, t);
	closer_done(c);
	closer_done(also);
}

void op_done(struct worker *w, struct op *op, int32_t res, uint32_t cflags)
{
	struct task *t = op->task;

	OA_BUG_ON(op->state != OP_STARTED);
	STAT_INC(w, completions);
	coalesce_ended(w, op);
	op->res = res;
	op->cflags = cflags;
	op->state = OP_DONE;
	if (unlikely(op->closer || op->second)) {
		done_rare(w, op);
		return;
	}
	fd_unlink(&op->link);
	/* From here on the op may be gone. */
	if (!park_op_done(t, op->epoch))
		return;
	/* Its stack has been away for a while; it runs soon. */
	__builtin_prefetch(t->ctx.sp, 1);
	sched_ready_here(w, t);
}

void op_watch(struct op *op, struct op *on)
{
	op->sibling = on;
	op->state = OP_WATCHES;
}

void op_unwatch(struct op *op)
{
	struct closer *c = op->closer, *also = c ? op->also : NULL;

	op->state = OP_DONE;
	fd_done(op);
	closer_done(c);
	closer_done(also);
}

void op_ask(struct worker *w, struct op *op, enum op_reason why)
{
	if (op->state == OP_WATCHES)
		op = op->sibling;
	if (op->state == OP_HELD)
		hold_end(w, op);
	if (op->state != OP_STARTED || op->asked)
		return;
	op->asked = true;
	op->reason = (uint8_t)why;
	STAT_INC(w, cancels);
	w->rt->poll->op_cancel(w, op);
}

void op_abort(struct task *t)
{
	struct runtime *rt;
	struct worker *to;
	struct task *top;
	uint32_t home;

again:
	if (atomic_xchg(&t->abort_msg, 1)) /* [abort] */
		return;
	rcu_read_lock();
	rt = READ_ONCE(t->rt);
	if (unlikely(!rt)) {
		/*
		 * It has ended. The next user of the slot may have relied on
		 * the mark meanwhile; then he is seen after it is cleared.
		 */
		atomic_xchg(&t->abort_msg, 0); /* [abort] */
		rcu_read_unlock();
		if (READ_ONCE(t->rt))
			goto again;
		return;
	}
	/* Of another runtime's, if the slot is just going from one to another. */
	home = READ_ONCE(t->home);
	to = rt->workers[home < rt->nr_workers ? home : 0];
	top = atomic_load_rlx(&to->aborts); /* relaxed: swapped below */
	do {
		t->abort_next = top;
	} while (!atomic_cas(&to->aborts, &top, t)); /* [inbox] */
	if (to == worker_self())
		to->budget = 0;
	else
		idle_kick(to);
	rcu_read_unlock();
}

/* Its runtime is shut down at once: neither shield nor close holds that up. */
static bool ends_now(const struct task *t)
{
	const struct runtime *rt = READ_ONCE(t->rt);

	return rt && READ_ONCE(rt->stopping) == RT_NOW;
}

/* Why the present wait of @t should end, if it should. */
static enum op_reason reason_of(const struct task *t, uint64_t word,
				oa_time_t now)
{
	/* [abort] after the mark was cleared */
	if (word & WAIT_MAY_CANCEL && atomic_load(&t->life) & LIFE_CANCEL)
		return OP_REASON_CANCEL;
	if (word & WAIT_OP && ends_now(t))
		return OP_REASON_CANCEL;
	if (word & WAIT_TIMED && READ_ONCE(t->deadline) <= now)
		return OP_REASON_TIMEOUT;
	return OP_REASON_NONE;
}

/*
 * Another runtime had the slot's timer, and has taken it out of its wheel when
 * it saw that it is ours: what has not started may have relied on it.
 */
static void look_delayed(struct worker *w, struct task *t)
{
	uint64_t life = atomic_load(&t->life); /* [delayed] */

	/* On its way by a queue it is filed by who meets it. */
	if (!(life & LIFE_DELAYED) || life & LIFE_INQ)
		return;
	if (READ_ONCE(t->rt) == w->rt)
		task_delay_over(w, t, life, w->now);
	else
		op_abort(t);
}

/* It may have been lent a priority since. */
static void look_urgent(struct worker *w, struct task *t)
{
	struct op *op, *next;

	if (READ_ONCE(t->prio) >= 0)
		return;
	for (op = t->wait_on; op; op = next) {
		next = op->sibling;
		if (op->state == OP_HELD || op->state == OP_STARTED)
			coalesce_hurry(w, op);
		if (op->state == OP_HELD)
			hold_end(w, op);
	}
}

static void look(struct worker *w, struct task *t)
{
	uint64_t word = atomic_load(&t->wait); /* [abort] */
	bool mine = READ_ONCE(t->home) == w->index && READ_ONCE(t->rt) == w->rt;
	enum wait_state how = (enum wait_state)(word & WAIT_STATE);
	enum op_reason why;
	struct op *op, *next;

	if (how != WAIT_PARKED && how != WAIT_PARKING) {
		look_delayed(w, t);
		return;
	}
	why = reason_of(t, word, w->now);
	if (!mine) {
		if (why != OP_REASON_NONE)
			op_abort(t);
	} else if (why == OP_REASON_NONE) {
		if (word & WAIT_TIMED)
			park_arm(w, t, READ_ONCE(t->deadline));
		if (word & WAIT_OP)
			look_urgent(w, t);
	} else if (word & WAIT_OP) {
		for (op = t->wait_on; op; op = next) {
			/* It may end at once, and its task run elsewhere. */
			next = op->sibling;
			op_ask(w, op, why);
		}
	} else {
		park_wake(t, word & ~(uint64_t)0xff,
			  why == OP_REASON_CANCEL ? WAIT_CANCELLED
						  : WAIT_TIMEDOUT);
	}
}

void op_abort_all(struct worker *w)
{
	/* [slab-dir] */
	uint32_t chunks = atomic_load_acq(&task_cache.nr_chunks);
	struct task *t;

	op_aborts(w);
	for (uint32_t i = 0; i < chunks * slab_chunk_objs(&task_cache); i++) {
		t = slab_at(&task_cache, i);
		if (READ_ONCE(t->rt) == w->rt && READ_ONCE(t->home) == w->index &&
		    READ_ONCE(t->wait) & WAIT_OP)
			look(w, t);
	}
}

void op_aborts_left(struct worker *w)
{
	struct task *t, *next;

	/* [inbox] pairs with the swap in op_abort() */
	for (t = atomic_xchg_acq(&w->aborts, (struct task *)NULL); t;
	     t = next) {
		next = t->abort_next;
		atomic_xchg(&t->abort_msg, 0); /* [abort] */
		/* The slot may be another's by now, who relied on the mark. */
		if (READ_ONCE(t->rt) != w->rt)
			op_abort(t);
	}
}

bool op_aborts(struct worker *w)
{
	struct task *t, *next;

	/* relaxed: looked at again before sleeping */
	if (likely(!READ_ONCE(w->aborts)))
		return false;
	/* [inbox] pairs with the swap in op_abort() */
	for (t = atomic_xchg_acq(&w->aborts, (struct task *)NULL); t;
	     t = next) {
		next = t->abort_next;
		atomic_store(&t->abort_msg, 0); /* [abort] before the look */
		/* Not earlier: who found the mark has seen a deadline pass. */
		w->now = w->rt->poll->now();
		look(w, t);
	}
	return true;
}
