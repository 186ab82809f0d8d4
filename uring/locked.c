// SPDX-License-Identifier: MIT
/*
 * Locked memory. From Linux 6.14 on a ring counts against RLIMIT_MEMLOCK, in
 * one account for all processes of a user that has no CAP_IPC_LOCK; and what a
 * closed ring took is given back after a grace period or two. Who starts one
 * runtime after the other has to wait for that now and then.
 */
#include "uring/locked.h"

#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#include "core/compiler.h"

/* Doubled each time: a second in all. */
#define TRIES	10u
#define FIRST_NS	1000000L
#define LEAST		8192u	/* no ring takes less */

static bool may_lock(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return !syscall(SYS_capget, &head, data) &&
	       data[0].effective & 1u << CAP_IPC_LOCK;
}

size_t locked_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_MEMLOCK, &l) || l.rlim_cur == RLIM_INFINITY ||
	    may_lock())
		return SIZE_MAX;
	return min_of((size_t)l.rlim_cur, SIZE_MAX - 1);
}

bool locked_wait(unsigned int *tries)
{
	struct timespec ts = { .tv_nsec = FIRST_NS << *tries };
	size_t limit = locked_limit();

	if (++*tries > TRIES || limit == SIZE_MAX || limit < LEAST)
		return false;
	nanosleep(&ts, NULL);
	return true;
}
