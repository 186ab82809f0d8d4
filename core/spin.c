// SPDX-License-Identifier: MIT
/* The contended side of the spin lock. */
#include "core/spin.h"

#include "arch/arch.h"
#include "core/poll.h"

void spin_wait(struct spin *l)
{
	unsigned int tries = 0;

	do {
		/*
		 * The holder may have lost its processor: after a while give
		 * ours away rather than burn it.
		 */
		/* relaxed: the exchange below acquires */
		while (atomic_load_rlx(&l->held)) {
			if (++tries % 64)
				arch_cpu_relax();
			else
				poll_thread_yield();
		}
	} while (atomic_xchg_acq(&l->held, 1)); /* [spin] */
}
