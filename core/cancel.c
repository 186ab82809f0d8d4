// SPDX-License-Identifier: MIT
/*
 * Asking a task to stop: a flag that stays, and a nudge for whatever it waits
 * in. The swap that sets the flag carries the generation, so another task in
 * the same slot is never met. See core/park.c [park-cancel].
 */
#include <errno.h>

#include "core/fork.h"
#include "core/park.h"
#include "core/rcu.h"
#include "core/spawn.h"

static int cancel(struct task *t, oa_task_t h)
{
	uint64_t life = atomic_load_acq(&t->life); /* [life] */

	do {
		if (!life_is(life, h) || life & (LIFE_ENDED | LIFE_GONE))
			return -ESRCH;
		if (fork_stranded(READ_ONCE(t->rt)))
			return -EPERM;
		if (life & LIFE_CANCEL)
			return 0;
		/* [park-cancel] the flag, then the wait word */
	} while (!atomic_cas(&t->life, &life, life | LIFE_CANCEL));
	if (life & LIFE_DELAYED)
		task_delay_skip(t, life);
	else
		park_cancel(t, h);
	return 0;
}

int oa_cancel(oa_task_t h)
{
	struct task *t = task_find(h);
	int err = oa_task_error(h);

	if (err || !t)
		return err ? err : -ESRCH;
	/* From outside, its runtime may end by this: not before we are done. */
	rcu_read_lock();
	err = cancel(t, h);
	rcu_read_unlock();
	return err;
}

int oa_cancelled(void)
{
	struct task *t = task_self();

	if (!t)
		return -EPERM;
	/* relaxed: a flag that only ever gets set */
	return !!(READ_ONCE(t->life) & LIFE_CANCEL);
}
