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

static int cancel(struct task *t, oa_task_t h, bool swept)
{
	uint64_t life = atomic_load_acq(&t->life), to; /* [life] */

	do {
		if (!life_is(life, h) || life & (LIFE_ENDED | LIFE_GONE))
			return -ESRCH;
		if (fork_stranded(READ_ONCE(t->rt)))
			return -EPERM;
		if (life & LIFE_ASKED)
			return 0;
		to = life | (life & LIFE_SHIELD ? LIFE_LATER : LIFE_CANCEL);
		/* [park-cancel] the flag, then the wait word */
	} while (!atomic_cas(&t->life, &life, to));
	if (life & LIFE_SHIELD)
		return 0;
	if (life & LIFE_DELAYED)
		task_delay_skip(t, life);
	else
		/* Who starts it swaps the life word, too, and sees the flag. */
		park_cancel(t, h, swept || life & LIFE_QUEUED);
	return 0;
}

int task_cancel(oa_task_t h, bool swept)
{
	struct task *t = task_find(h);
	int err = oa_task_error(h);

	if (err || !t)
		return err ? err : -ESRCH;
	/* From outside, its runtime may end by this: not before we are done. */
	rcu_read_lock();
	err = cancel(t, h, swept);
	rcu_read_unlock();
	return err;
}

int oa_cancel(oa_task_t h)
{
	return task_cancel(h, false);
}

int oa_cancelled(void)
{
	struct task *t = task_self();

	if (!t)
		return -EPERM;
	/* relaxed: a flag that only ever gets set */
	if (likely(!(READ_ONCE(t->life) & LIFE_ASKED)))
		return 0;
	/* It does not go on if its runtime ends at once. */
	park_refuse(t);
	return 1;
}

/*
 * While a shield is up the life word has no CANCEL, so nobody who looks for it
 * has to know of shields: what was asked before, or is asked meanwhile, is kept
 * as LATER. Who has set CANCEL before, and now ends the wait that he found,
 * looks at the word in between; see park_cancel().
 */
int oa_shield_enter(void)
{
	struct task *t = task_self();
	uint64_t life, to;

	if (!t)
		return -EPERM;
	if ((t->flags & TASK_SHIELDS) == TASK_SHIELDS)
		return -EOVERFLOW;
	WRITE_ONCE(t->flags, t->flags + TASK_SHIELD);
	if (t->flags & TASK_SHIELDS & ~TASK_SHIELD)
		return 0;
	life = READ_ONCE(t->life); /* relaxed: swapped below */
	do {
		to = (life & ~(uint64_t)LIFE_CANCEL) | LIFE_SHIELD;
		if (life & LIFE_CANCEL)
			to |= LIFE_LATER;
		/* [park-cancel] before the next wait is opened */
	} while (!atomic_cas(&t->life, &life, to));
	return 0;
}

int oa_shield_leave(void)
{
	struct task *t = task_self();
	uint64_t life, to;

	if (!t)
		return -EPERM;
	if (!(t->flags & TASK_SHIELDS))
		return -EINVAL;
	WRITE_ONCE(t->flags, t->flags - TASK_SHIELD);
	if (t->flags & TASK_SHIELDS)
		return 0;
	life = READ_ONCE(t->life); /* relaxed: swapped below */
	do {
		to = life & ~(uint64_t)(LIFE_SHIELD | LIFE_LATER);
		if (life & LIFE_LATER)
			to |= LIFE_CANCEL;
		/* [park-cancel] */
	} while (!atomic_cas(&t->life, &life, to));
	return 0;
}
