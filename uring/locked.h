/* SPDX-License-Identifier: MIT */
/* What rings are charged for. See uring/locked.c. */
#ifndef OA_URING_LOCKED_H
#define OA_URING_LOCKED_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that the rings of this user may take; SIZE_MAX: any. */
size_t locked_limit(void);
/*
 * No memory for a ring: has the calling thread waited, and should it try again?
 * *tries is 0 at first.
 */
bool locked_wait(unsigned int *tries);

#endif
