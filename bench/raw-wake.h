/* SPDX-License-Identifier: MIT */
/* The raw side of sched/wake, and what both sides do alike. */
#ifndef OA_BENCH_RAW_WAKE_H
#define OA_BENCH_RAW_WAKE_H

#include "bench.h"

enum {
	WAKE_TRIP, WAKE_IDLE, WAKE_P50, WAKE_P99, WAKE_KICKS, WAKE_IDLE_KICKS,
	WAKE_PARKED,
};

/* Stays awake for so long that the other side has gone to sleep. */
void wake_idle(const struct run *r);
/* Takes the histogram for the idle trips, and empties it. */
void wake_idle_trips(struct run *r);
void wake_percentiles(struct run *r);

int wake_futex(struct run *r);
int wake_msg_ring(struct run *r);

#endif
