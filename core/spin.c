// SPDX-License-Identifier: MIT
/* The contended side of the spin lock. */
#include "core/spin.h"

#include "arch/arch.h"
#include "core/poll.h"

/*
 * Who holds it may have lost the processor: after a while give ours away
 * rather than burn it.
 */
void spin_pause(unsigned int *rounds)
{
	if (++*rounds % 64)
		arch_cpu_relax();
	else
		poll_thread_yield();
}

void spin_wait(struct spin *l)
{
	unsigned int rounds = 0;

	do {
		/* relaxed: the exchange below acquires */
		while (atomic_load_rlx(&l->held))
			spin_pause(&rounds);
	} while (atomic_xchg_acq(&l->held, 1)); /* [spin] */
}

void spin_keep_off(uint32_t pauses)
{
	while (pauses--)
		arch_cpu_relax();
}
