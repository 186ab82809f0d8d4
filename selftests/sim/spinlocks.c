// SPDX-License-Identifier: MIT
/* Spinlocks: one holder at a time, who may be a thread or a task. */
#include "selftests/sim/crowd.h"

static struct oa_spinlock lock;
static uint32_t holder;		/* id + 1 */
static uint32_t counter, locked;

static bool takes(void)
{
	int err;

	if (sim_one_in(3)) {
		err = oa_spinlock_trylock(&lock);
		CHECK(err == 0 || err == -EAGAIN);
		return !err;
	}
	CHECK_EQ(oa_spinlock_lock(&lock), 0);
	return true;
}

/* Nothing in it may suspend. */
static void holds(const struct actor *a)
{
	uint32_t seen = counter;

	CHECK_EQ(holder, 0);
	holder = a->id + 1;
	locked++;
	sim_spin(sim_below(60));
	if (sim_one_in(4))
		CHECK_EQ(oa_spinlock_lock(&lock), -EDEADLK);
	if (sim_one_in(4))
		CHECK_EQ(oa_spinlock_trylock(&lock), -EDEADLK);
	sim_spin(sim_below(60));
	CHECK_EQ(holder, a->id + 1);
	CHECK_EQ(counter, seen);
	counter = seen + 1;
	holder = 0;
	CHECK_EQ(oa_spinlock_unlock(&lock), 0);
}

static void locks(struct actor *a)
{
	for (uint32_t n = 1 + sim_below(8); n; n--) {
		if (takes())
			holds(a);
		else if (sim_one_in(3))
			CHECK_EQ(oa_spinlock_unlock(&lock), -EPERM);
		if (sim_one_in(2))
			actor_pause(a);
	}
}

SCENARIO(a_spinlock_has_one_holder, 3000)
{
	lock = (struct oa_spinlock)OA_SPINLOCK_INIT;
	holder = counter = locked = 0;
	CROWD_RUN(.n = 2 + sim_below(5), .fn = locks, .cancels = sim_one_in(2));
	CHECK_EQ(counter, locked);
	CHECK_EQ(oa_spinlock_trylock(&lock), 0);
	CHECK_EQ(oa_spinlock_unlock(&lock), 0);
}

HARNESS_MAIN
