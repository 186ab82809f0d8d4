/* SPDX-License-Identifier: MIT */
/*
 * What an echo server does before it answers: a request that begins with 'w'
 * wants as many microseconds of computing as its second byte says.
 */
#ifndef OA_BENCH_VERSUS_WORK_H
#define OA_BENCH_VERSUS_WORK_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define WORK_MARK 'w'

static inline uint64_t work_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void work_for(const char *request, size_t n)
{
	uint64_t begun;

	if (n < 2 || request[0] != WORK_MARK)
		return;
	begun = work_clock();
	while (work_clock() - begun < (unsigned char)request[1] * 1000u)
		;
}

#endif
