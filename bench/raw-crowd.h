/* SPDX-License-Identifier: MIT */
/* The raw sides of sched/cancel and sched/shutdown: threads, far fewer. */
#ifndef OA_BENCH_RAW_CROWD_H
#define OA_BENCH_RAW_CROWD_H

#include "bench.h"

/* A thread costs so much more that none of these takes a million. */
#define RAW_CROWD_MAX	1000u

/*
 * Each sets @metric to the nanoseconds for one of @n threads: that sleep and
 * are cancelled by two others, until the last has ended; that wait on a
 * condition variable and are told to end, until all are joined.
 */
int raw_crowd_cancel(struct run *r, unsigned int metric, uint64_t n);
int raw_crowd_dismiss(struct run *r, unsigned int metric, uint64_t n);

#endif
