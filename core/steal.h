/* SPDX-License-Identifier: MIT */
/* Work of others. See core/steal.c. */
#ifndef OA_CORE_STEAL_H
#define OA_CORE_STEAL_H

#include "core/worker.h"

/*
 * Owner: takes what others have to do; how many tasks came of it, which are
 * ready here. @rescue: also of those that have not moved for a while.
 */
uint32_t steal_search(struct worker *w, bool rescue);

#endif
