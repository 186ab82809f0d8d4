/* SPDX-License-Identifier: MIT */
/* Waits of tasks on shared words. See core/io_futex.c. */
#ifndef OA_CORE_IO_FUTEX_H
#define OA_CORE_IO_FUTEX_H

#include "core/poll.h"
#include "core/task.h"

#define FUTEX_FEW 4u	/* words that are kept on the stack */

/* What has come of the words of one wait. */
struct futex_sum {
	const struct poll_words *by;
	int index;		/* of one that was woken, or -1 */
	int err;		/* else what spoke against it, or 0 */
};

/* The wait on @f, the word number @i, gave @res. */
void futex_sum_add(struct futex_sum *s, const struct oa_futex_word *f,
		   unsigned int i, int res);

/* Running task. As oa_futex_waitv(3), where the kernel takes no requests. */
int futex_by_threads(struct task *t, const struct oa_futex_word *words,
		     unsigned int n, oa_time_t deadline);

/*
 * @t never goes on, and its worker has ended: nor do the threads that wait for
 * it, if it has any. Its wait is one with WAIT_SYNC.
 */
void futex_threads_end(struct task *t);

#endif
