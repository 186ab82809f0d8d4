// SPDX-License-Identifier: MIT
/* Spin lock, for threads: who wants it waits awake. */
#include "sync/sync.h"

int oa_spinlock_trylock(struct oa_spinlock *l)
{
	struct task *t;
	int err = l ? sync_self(&t) : -EINVAL;
	uint64_t w = 0;

	if (err)
		return err;
	/* [spinlock] pairs with the unlock */
	if (atomic_cas(&l->oa__word, &w, (uint64_t)(uintptr_t)t))
		return 0;
	return w == (uint64_t)(uintptr_t)t ? -EDEADLK : -EAGAIN;
}

int oa_spinlock_lock(struct oa_spinlock *l)
{
	unsigned int rounds = 0;
	int err;

	while ((err = oa_spinlock_trylock(l)) == -EAGAIN)
		/* relaxed: swapped above */
		while (atomic_load_rlx(&l->oa__word))
			spin_pause(&rounds);
	return err;
}

int oa_spinlock_unlock(struct oa_spinlock *l)
{
	struct task *t;
	int err = l ? sync_self(&t) : -EINVAL;

	if (err)
		return err;
	/* relaxed: our own is ours */
	if (atomic_load_rlx(&l->oa__word) != (uint64_t)(uintptr_t)t)
		return -EPERM;
	/* [spinlock] what was done under it is seen by the next */
	atomic_store_rel(&l->oa__word, (uint64_t)0);
	return 0;
}
