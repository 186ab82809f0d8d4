/* SPDX-License-Identifier: MIT */
/* Shared by the calls of input and output. */
#ifndef OA_CORE_IO_H
#define OA_CORE_IO_H

#include <poll.h>

#include "core/op.h"
#include "core/runtime.h"
#include "core/worker.h"

static inline uint64_t io_addr(const volatile void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* Runs an operation whose only bound is what stands around the caller. */
static inline int io_run(struct op *op)
{
	return op_run(op, OA_FOREVER);
}

/*
 * A system call that does not wait. The simulator has descriptors of its own.
 */
#if defined(OA_SIM) && OA_SIM == 1
long sim_syscall(long nr, ...);
#define io_syscall(...)	sim_syscall(__VA_ARGS__)
bool sim_readable(int fd);
#define io_readable(fd)	sim_readable(fd)
#else
#define io_syscall(...)	syscall(__VA_ARGS__)

static inline bool io_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}
#endif

/*
 * Before a call that tries without waiting: 0, or why it must not be made.
 * *w: the caller's worker, good until the next suspension; NULL: it is on the
 * blocking pool.
 */
int io_try_begin(int fd, struct worker **w);
/* The same before a call that never waits, so is no cancellation point. */
int io_plain_begin(int fd, struct worker **w);
/*
 * For calls of several steps: what is done after a suspension is for the same
 * opening of the number, or is refused with -EBADF. @point: a cancel, or a
 * deadline that has passed, comes before that.
 */
int io_first_step(int fd, uint32_t *gen);
int io_next_step(int fd, uint32_t gen, bool point);

/*
 * After io_try_begin(). Is it worth a try? A call that need not wait is made at
 * once, unless system calls are so dear here (rt->by_request, from the backend)
 * that a request is cheaper, of which many go to the kernel in one.
 */
static inline bool io_tries(const struct worker *w)
{
	return !w || likely(!w->rt->by_request);
}

static inline void io_inlined(struct worker *w)
{
	if (likely(w != NULL))
		STAT_INC(w, inlined);
}

#endif
