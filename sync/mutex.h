/* SPDX-License-Identifier: MIT */
/* The mutex, for what starts under it or waits with it. See sync/mutex.c. */
#ifndef OA_SYNC_MUTEX_H
#define OA_SYNC_MUTEX_H

#include "sync/sync.h"

extern const char mutex_name[];		/* what a waiter says it waits for */

/* 0: queued; 1: it is @n->task's. */
int mutex_enlist(struct oa_mutex *m, struct waiter *n);
/* By or for @t, which holds it or gets -EPERM. */
int mutex_unlock_by(struct oa_mutex *m, struct task *t);
/* Held by @t, and once only? 0, -EPERM or -EINVAL. */
int mutex_check_held(const struct oa_mutex *m, const struct task *t);

#endif
