// SPDX-License-Identifier: MIT
/*
 * Waking a parked worker: the futex that it sleeps on, or a message to the
 * ring that it waits in. The message goes without a ring of our own
 * (REGISTER_SEND_MSG_RING) where the kernel has that; else, and whenever it
 * fails, by the eventfd whose poll is always in flight while a worker waits in
 * its ring. Who waits for several completions is sent as many messages, for
 * the kernel knows of no other way to end such a wait. The caller has won the
 * right, and so owes the wake-up: it may not get lost on the way.
 *
 * A worker that dies meanwhile: its descriptors are closed a grace period
 * after nobody finds it any more, so a late doorbell rings in nobody's file.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/bug.h"
#include "core/fault.h"
#include "core/runtime.h"
#include "uring/os.h"
#include "uring/ring.h"

static bool by_message(const struct uring *r, unsigned int times)
{
	struct io_uring_sqe sqe;
	int err = 0;

	if (!probe_has(CAP_SEND_MSG_RING) || fault_hit(FAULT_MSG))
		return false;
	memset(&sqe, 0, sizeof(sqe));
	sqe.opcode = IORING_OP_MSG_RING;
	sqe.fd = r->fd;
	sqe.off = TAG_KICK;
	sqe.user_data = TAG_KICK;
	while (times-- && !err)
		err = (int)syscall(SYS_io_uring_register, -1,
				   OA_REGISTER_SEND_MSG_RING, &sqe, 1);
	return !err;
}

static void by_event(const struct uring *r)
{
	uint64_t one = 1;

	/* EAGAIN: the counter is full, so it is readable already. */
	while (syscall(SYS_write, r->event_fd, &one, sizeof(one)) < 0 &&
	       errno == EINTR)
		;
}

static void kick_ring(const struct worker *w)
{
	const struct uring *r = ring_of(w);

	smp_mb(); /* [few] the state was changed before; see coalesce_wait() */
	if (!by_message(r, max_of(READ_ONCE(w->few), 1u)))
		by_event(r);
}

void kick_worker(struct worker *w, enum worker_state how)
{
	int was = errno; /* signal handlers come here too */

	if (how == WORKER_PARKED_FUTEX)
		os_wake(&w->state);
	else
		kick_ring(w);
	errno = was;
}
