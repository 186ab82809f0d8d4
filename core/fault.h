/* SPDX-License-Identifier: MIT */
/*
 * Faults by number, for tests: OA_FAULT=kind:n[,kind:n] makes the n-th event
 * of that kind fail (n+: and all after it, n-m: up to the m-th). Without it,
 * one load on paths that are about to enter the kernel anyway.
 */
#ifndef OA_CORE_FAULT_H
#define OA_CORE_FAULT_H

#include <stdbool.h>

enum fault_kind {
	FAULT_ALLOC,
	FAULT_MMAP,
	FAULT_SLAB,
	FAULT_STACK,
	FAULT_GUARD,		/* below a batch of stacks */
	FAULT_THREAD,
	FAULT_RING,		/* io_uring_setup */
	FAULT_EVENTFD,
	FAULT_EPOLL,		/* made: EMFILE; told of a descriptor: ENOMEM */
	FAULT_TIMERFD,
	FAULT_REGISTER,		/* io_uring_register, of a worker's ring */
	FAULT_SQE,		/* no room in the submission queue */
	FAULT_ENTER,		/* io_uring_enter: EBUSY */
	FAULT_MSG,		/* MSG_RING: ENOMEM */
	FAULT_CANCEL,		/* answered and without effect */
	FAULT_DROP,		/* a request ends by itself: ECANCELED */
	FAULT_KINDS
};

extern bool fault_any;
bool fault_count(enum fault_kind kind);
/* OA_FAULT is read before main(); tests change it and have it read again. */
void fault_read(void);

static inline bool fault_hit(enum fault_kind kind)
{
	/* relaxed: tests change it while workers run; no step of theirs */
	return __builtin_expect(__atomic_load_n(&fault_any, __ATOMIC_RELAXED),
				0) && fault_count(kind);
}

#endif
