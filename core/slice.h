/* SPDX-License-Identifier: MIT */
/* Time slices of a worker. See core/slice.c. */
#ifndef OA_CORE_SLICE_H
#define OA_CORE_SLICE_H

#include "core/runtime.h"

#define SLICE_NS	(100 * OA_USEC)

/* Owner, every so many turns: is the time slice used up? */
bool slice_over(struct worker *w);
/*
 * Owner, in the loop: it ends here, for now the kernel is entered. What that
 * takes is not the tasks' time; if it were, the dearer an enter the fewer turns
 * and the fewer requests would there be for each.
 */
void slice_end(struct worker *w);
/* Owner, in the loop: the same before what is not the kernel's; at @now. */
void slice_end_at(struct worker *w, oa_time_t now);
/* Owner, in the loop: a new slice begins. */
void slice_begin(struct worker *w, oa_time_t now);
/* The same without a look at the clock, after a wait. */
void slice_renew(struct worker *w);

#endif
