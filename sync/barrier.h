/* SPDX-License-Identifier: MIT */
/* The barrier, for what starts under it. See sync/barrier.c. */
#ifndef OA_SYNC_BARRIER_H
#define OA_SYNC_BARRIER_H

#include "sync/sync.h"

/* Initialised? */
bool barrier_usable(const struct oa_barrier *b);

/* 0: queued; 1: the round is complete by it. */
int barrier_enlist(struct oa_barrier *b, struct waiter *n);
/* Gives up. True: the round was complete before it could. */
bool barrier_give_up(struct oa_barrier *b, struct waiter *n);

#endif
