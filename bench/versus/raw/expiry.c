// SPDX-License-Identifier: MIT
/*
 * expiry: a million deadlines spread over one second, in a binary heap that
 * one thread sleeps on. There are no tasks to resume.
 */
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "versus/common/versus.h"
#include "versus/raw/raw.h"

static void sift_down(uint64_t *heap, uint64_t n, uint64_t i)
{
	for (;;) {
		uint64_t k = 2 * i + 1, v = heap[i];

		if (k + 1 < n && heap[k + 1] < heap[k])
			k++;
		if (k >= n || heap[k] >= v)
			return;
		heap[i] = heap[k];
		heap[k] = v;
		i = k;
	}
}

static void sleep_to(uint64_t at)
{
	struct timespec ts = { .tv_sec = (time_t)(at / NSEC),
			       .tv_nsec = (long)(at % NSEC) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static void expire_all(uint64_t *heap, uint64_t n, uint64_t *late)
{
	while (n) {
		uint64_t now = now_ns();

		if (now < heap[0]) {
			sleep_to(heap[0]);
			continue;
		}
		*late++ = now - heap[0];
		heap[0] = heap[--n];
		sift_down(heap, n, 0);
	}
}

void raw_expiry(void)
{
	uint64_t n = (uint64_t)opt_number("count", 1000000), base, cpu;
	uint64_t x = 88172645463325252ull;
	uint64_t *heap = calloc(n, sizeof(*heap));
	uint64_t *late = calloc(n, sizeof(*late));

	if (!heap || !late)
		wrong("out of memory");
	prctl(PR_SET_TIMERSLACK, 1);
	base = now_ns() + NSEC / 2;
	for (uint64_t i = 0; i < n; i++)
		heap[i] = base + next_random(&x) % NSEC;
	for (uint64_t i = n / 2; i-- > 0;)
		sift_down(heap, n, i);
	sleep_to(base - NSEC / 200);
	cpu = cpu_ns();
	expire_all(heap, n, late);
	report("cpu", (double)(cpu_ns() - cpu) / (double)n, "ns");
	report_latency("late", late, n);
}
