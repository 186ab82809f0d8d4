/* SPDX-License-Identifier: MIT */
/* What the running kernel can do. See uring/probe.c. */
#ifndef OA_URING_PROBE_H
#define OA_URING_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/poll.h"

enum cap {
	CAP_RING,		/* io_uring at all, with what 6.1 has */
	CAP_REGISTERED_RING,	/* ring descriptor by index */
	CAP_MIN_WAIT,		/* waits for several for a time, 6.12 */
	CAP_ABS_TIMER,		/* absolute timeouts, 6.12 */
	CAP_CLOCK,		/* clock of the wait, 6.12 */
	CAP_NO_IOWAIT,		/* waits that are not iowait, 6.15 */
	CAP_SEND_MSG_RING,	/* MSG_RING without a ring, 6.13 */
	CAP_FUTEX2,		/* futex_wake(2), futex_wait(2), 6.7 */
	CAP_WAITV,		/* futex_waitv(2), 5.16 */
	CAP_ACCEPT_POLL,	/* accepts that wait before they try, 6.10 */
	CAP_RING_FUTEX,		/* FUTEX_WAIT by request, 6.7 */
	CAP_MEMBARRIER,
	CAP_INLINE,		/* system calls are cheap, see probe_calls() */
	CAPS
};

/* Until there is a ring; 0 or why io_uring can't be used. */
int probe_kernel(void);
bool probe_has(enum cap c);
/* The features, a line each. */
void probe_tell(poll_tell *tell, void *arg);
/* Is it one that OA_DISABLE may name? */
bool probe_names(const char *word, size_t len);

#endif
