/* SPDX-License-Identifier: MIT */
/* The tasks of a runtime that was shut down at once. See core/bury.c. */
#ifndef OA_CORE_BURY_H
#define OA_CORE_BURY_H

#include "core/runtime.h"

/*
 * Nobody runs tasks of @rt any more, but for workers that did not come, if
 * @left_behind. What has not started is dropped; who waits for the end of one
 * from outside is told.
 */
void bury_all(struct runtime *rt, bool left_behind);
/*
 * What tasks that run no more have still to do to descriptors, done for them:
 * again when a worker that had been left behind has ended.
 */
void bury_closers(struct runtime *rt);
/* ... and the tasks themselves, which nobody has touched while it might come. */
void bury_late(struct runtime *rt);
/*
 * Worker, which shows what is to begin in ->taken or ->current. True: the
 * runtime has ended without us, it must not.
 */
bool bury_is_over(struct worker *w);
/* In its loop, then: sees to the end of ->taken. */
void bury_taken(struct worker *w);

#endif
