/* SPDX-License-Identifier: MIT */
/* The same body run by several tasks, or by several threads, at once. */
#ifndef OA_BENCH_CREW_H
#define OA_BENCH_CREW_H

#include "bench.h"

/* nr: 0, 1, ... */
typedef void (*crew_fn)(void *arg, unsigned int nr);

/*
 * Both run fn n times at once on the CPUs of bench_workers(), from the start
 * of the first to the end of the last, and put the time in *ns (0 with
 * --iterations), or do not look at the clock if ns is NULL, where a body does.
 * Bodies tell of errors by bench_fail().
 */
int crew_oa(struct run *r, unsigned int n, crew_fn fn, void *arg, uint64_t *ns);
/* The tasks stay on workers of their own, in turn. */
int crew_oa_apart(struct run *r, unsigned int n, crew_fn fn, void *arg,
		  uint64_t *ns);
int crew_raw(struct run *r, unsigned int n, crew_fn fn, void *arg,
	     uint64_t *ns);

#endif
