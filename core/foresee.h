/* SPDX-License-Identifier: MIT */
/*
 * Fetching ahead what a task that has been away comes back through: the frames
 * between the switch and the code that waited, and the stack's head, which is
 * written if that was all the task had to do. A line that is left out costs a
 * miss of its own, 0.1 us where a million wait, since nothing else can be done
 * before it has come; fetched together they cost little more than one.
 */
#ifndef OA_CORE_FORESEE_H
#define OA_CORE_FORESEE_H

#include "core/task.h"

#define FORESEE_FRAMES	448	/* bytes, of a wait in the task's first call */

/* Its descriptor, all of it that a wake touches. */
static inline void foresee_task(const struct task *t)
{
	__builtin_prefetch(t, 1);
	__builtin_prefetch(&t->wait, 1);
}

/*
 * The descriptor had better be at hand. For nothing if @t is not parked any
 * more, and harmless: so by a __glance only, which they are part of.
 */
__always_inline_oa __unseen void foresee(const struct task *t)
{
	const char *sp = READ_ONCE(t->ctx.sp);

	for (int at = 0; at < FORESEE_FRAMES; at += OA_CACHELINE)
		__builtin_prefetch(sp + at, 1);
	__builtin_prefetch(READ_ONCE(t->stack), 1);
}

/*
 * Of a few hundred the second level of the cache has most: then the least, for
 * fetching what is at hand costs half a nanosecond a line.
 */
__always_inline_oa __unseen void foresee_first(const struct task *t)
{
	const char *sp = READ_ONCE(t->ctx.sp);

	__builtin_prefetch(sp, 1);
	__builtin_prefetch(sp + OA_CACHELINE, 1);
	__builtin_prefetch(sp + 2 * OA_CACHELINE, 1);
}

#endif
