// SPDX-License-Identifier: MIT
/*
 * One wait over several requests: the first that is done ends it, the others
 * are asked to end and waited for, since the kernel has their memory until
 * then.
 */
#include "core/io_many.h"

enum wait_state many_first(struct worker *w, struct task *t, struct op *ops,
			   unsigned long n, oa_time_t until)
{
	uint64_t epoch;

	WRITE_ONCE(t->wait_on, ops);
	epoch = park_begin(t, WAIT_OP | WAIT_MAY_CANCEL, until);
	for (unsigned long i = 0; i < n; i++)
		if (ops[i].state == OP_IDLE)
			op_start(w, t, &ops[i], epoch);
	return park_wait(t);
}

static bool left_over(struct worker *w, struct op *ops, unsigned long n,
		      uint64_t epoch)
{
	bool any = false;

	for (unsigned long i = 0; i < n; i++) {
		if (ops[i].state != OP_STARTED)
			continue;
		ops[i].epoch = epoch;
		op_ask(w, &ops[i], OP_REASON_NONE);
		any = true;
	}
	return any;
}

void many_rest(struct worker *w, struct task *t, struct op *ops,
	       unsigned long n)
{
	uint64_t epoch;

	for (;;) {
		/* Each time: see core/prioq.c. */
		WRITE_ONCE(t->wait_on, ops);
		epoch = park_begin(t, WAIT_OP, OA_FOREVER);
		if (!left_over(w, ops, n, epoch)) {
			park_abandon(t, epoch);
			return;
		}
		park_wait(t);
	}
}
