/* SPDX-License-Identifier: MIT */
/*
 * The end of a task as the value of a future. Core knows when; the future is
 * of sync/, which implements this. See sync/future.c.
 */
#ifndef OA_CORE_FUTURE_H
#define OA_CORE_FUTURE_H

struct oa_future;

/*
 * Once for each task that was started with one, at its end however it came.
 * Gives up the task's reference.
 */
void future_ended(struct oa_future *f, void *result);

#endif
