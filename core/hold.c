// SPDX-License-Identifier: MIT
/*
 * Receives are held while much is ready.
 *
 * Where a server has more to do than it can, the next message of a connection
 * is there by the time that its receive is handed on. It would be taken from
 * the socket at once, and its task would wait behind thousands of others: when
 * it runs, socket and stack have left the cache a second time; and since what
 * was read is not answered soon, the kernel acknowledges it by a packet of its
 * own. So the message waits in the socket instead, and the receive here. With
 * 10,000 connections a request costs 15 per cent less by that.
 *
 * From HOLD_FROM tasks that are ready on, receives are held, in their order.
 * At each look outside some are handed on: as many as there is room for below
 * HOLD_FROM, but at least one for two turns that were taken since. So those that
 * are ready become fewer until only HOLD_FROM are.
 *
 * Tasks that are ready all the time and do not receive would get the more turns
 * by that, for they are queued behind few. So nothing is held where more than
 * one turn in HOLD_OTHERS does not end in a receive, or where two in a thousand
 * take longer than a slice, unless the thread itself was made to wait: all are
 * handed on then, and for a time in proportion to what is ready it is not tried
 * again.
 *
 * An operation that is asked to end is handed on first: what has come is
 * received all the same, as if it had not been held. So is one whose task is
 * lent a priority: those of urgent tasks are not held.
 *
 * Owner only: the list hangs in the frames of tasks that wait on this worker.
 */
#include "core/hold.h"

#include <errno.h>
#include <sys/resource.h>

#include "core/fd.h"
#include "core/runtime.h"

#define LONG_WINDOWS	8	/* in which a long turn is remembered */

static void take_out(struct worker *w, struct op *op)
{
	*op->held_at = op->late;
	if (op->late)
		op->late->held_at = op->held_at;
	else
		w->held_last = op->held_at;
}

/*
 * Its number may be another file's by now, if it was closed by other means;
 * the kernel would not have known that it was meant for the one before.
 */
static void hand_on(struct worker *w, struct op *op)
{
	op->state = OP_STARTED;
	if (unlikely(op->link.pprev && !fd_is(op->fd, op->link.gen)))
		op_done(w, op, -EBADF, 0);
	else
		w->rt->poll->op_start(w, op);
}

void hold_add(struct worker *w, struct op *op)
{
	if (!w->held)
		w->held_turn = w->turn;
	op->state = OP_HELD;
	op->late = NULL;
	op->held_at = w->held_last;
	*w->held_last = op;
	w->held_last = &op->late;
	STAT_INC(w, held);
}

void hold_end(struct worker *w, struct op *op)
{
	take_out(w, op);
	hand_on(w, op);
}

void hold_drop(struct worker *w)
{
	struct op *op;

	while ((op = w->held)) {
		take_out(w, op);
		op->state = OP_STARTED;
		op->reason = OP_REASON_CANCEL;
		op_done(w, op, -ECANCELED, 0);
	}
}

static void pause_holding(struct worker *w)
{
	uint64_t n = HOLD_PAUSE + 4 * hold_ready(w);

	w->hold_pause = (uint32_t)min_of(n, (uint64_t)UINT32_MAX);
}

#if defined(OA_SIM) && OA_SIM == 1
static bool was_preempted(struct worker *w)
{
	(void)w;
	return true;
}
#else
/* Since it was asked last. */
static bool was_preempted(struct worker *w)
{
	struct rusage u;
	long was = w->preempted;

	if (getrusage(RUSAGE_THREAD, &u))
		return true;
	w->preempted = u.ru_nivcsw;
	return u.ru_nivcsw != was;
}
#endif

/* Now and then one is long for no reason of ours; two in a thousand are. */
void hold_long(struct worker *w)
{
	if (!w->held || was_preempted(w))
		return;
	w->hold_longs += LONG_WINDOWS;
	if (w->hold_longs >= 2 * LONG_WINDOWS) {
		w->hold_longs = 0;
		pause_holding(w);
	}
}

/* What were the turns since the last time? */
static void look_at_turns(struct worker *w)
{
	uint32_t turns = w->turn - w->hold_seen;
	uint32_t receives = w->receives - w->hold_receives;

	w->hold_pause -= min_of(w->hold_pause, turns);
	if (receives < turns - turns / HOLD_OTHERS)
		pause_holding(w);
	if (w->hold_longs)
		w->hold_longs--;
	w->hold_seen = w->turn;
	w->hold_receives = w->receives;
}

static uint64_t how_many(struct worker *w)
{
	uint64_t ready = hold_ready(w);
	uint64_t n = ready < HOLD_FROM ? HOLD_FROM - ready : 0;
	uint32_t turns = w->turn - w->held_turn;

	w->held_turn = w->turn;
	return w->hold_pause ? UINT64_MAX
			     : max_of(n, (uint64_t)(turns - turns / 2));
}

void hold_look_now(struct worker *w)
{
	struct op *op, *next;
	uint64_t n;

	if (w->turn - w->hold_seen >= HOLD_WINDOW)
		look_at_turns(w);
	if (!w->held)
		return;
	for (op = w->held, n = how_many(w); n && op; n--, op = next) {
		next = op->late;
		/* On another task's stack, which has been away for a while. */
		__builtin_prefetch(next);
		hand_on(w, op);
	}
	w->held = op;
	if (op)
		op->held_at = &w->held;
	else
		w->held_last = &w->held;
}
