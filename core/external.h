/* SPDX-License-Identifier: MIT */
/* Runtimes that a foreign event loop drives. See core/external.c. */
#ifndef OA_CORE_EXTERNAL_H
#define OA_CORE_EXTERNAL_H

#include "core/runtime.h"

/* The calling thread is to drive it. 0 or -errno. */
int external_begin(struct runtime *rt);
/* After ->finished: until that thread is done with it. */
void external_join(const struct runtime *rt);
/* Does the calling thread drive it? */
bool external_mine(const struct runtime *rt);

#endif
