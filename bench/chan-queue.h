/* SPDX-License-Identifier: MIT */
/* What chan/spsc and chan/mpmc do alike: elements through one channel. */
#ifndef OA_BENCH_CHAN_QUEUE_H
#define OA_BENCH_CHAN_QUEUE_H

#include "bench.h"

struct crowd {
	unsigned int senders, receivers, cap;
	bool pinned;			/* each to a worker, in turn */
};

extern const struct metric chan_queue_metrics[];

/* r->iters elements, all sent and all received, from many to many. */
int chan_queue_oa(struct run *r, struct crowd c);
int chan_queue_cond(struct run *r, struct crowd c);

#endif
