/* SPDX-License-Identifier: MIT */
/* Futures as cases of a select. See sync/future.c. */
#ifndef OA_SYNC_FUTURE_H
#define OA_SYNC_FUTURE_H

#include <oa/future.h>

#include "sync/sync.h"

/* False: there is no value yet. Else it is in *value and, if an error, *res. */
bool future_take(struct oa_future *f, void **value, int *res);
/* 0: queued; 1: there is a value. */
int future_enlist(struct oa_future *f, struct waiter *n);
/* If @n was fired, it has got what future_take() gives. */
void future_delist(struct oa_future *f, struct waiter *n);

#endif
