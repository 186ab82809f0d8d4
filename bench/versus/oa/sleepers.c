// SPDX-License-Identifier: MIT
/*
 * sleepers: a million tasks, each told as it is started to sleep for up to a
 * second; CPU time of all of it, and how late each went on, counted from its
 * own call. Twice in one process: the second round finds warm stacks.
 */
#include <stdlib.h>

#include "versus/common/versus.h"
#include "versus/oa/ours.h"

static uint64_t count, done, *late;

static uint64_t length_us(uint64_t i)
{
	return (i * 2654435761u) % count * 1000000 / count;
}

static void *sleeper(void *arg)
{
	uint64_t i = (uintptr_t)arg, ns = length_us(i) * 1000;
	uint64_t begun = now_ns(), took;

	oa_sleep((oa_time_t)ns);
	took = now_ns() - begun;
	if (took < ns)
		wrong("%llu ns early", (unsigned long long)(ns - took));
	late[i] = took - ns;
	__atomic_fetch_add(&done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void *rounds(void *arg)
{
	for (unsigned int round = 0; round < 2; round++) {
		const char *const cpu_name[] = { "first_cpu", "second_cpu" };
		const char *const late_name[] = { "first", "second" };
		uint64_t cpu = cpu_ns();

		done = 0;
		for (uint64_t i = 0; i < count; i++) {
			ours_go(sleeper, (void *)(uintptr_t)i);
			if (i % 256 == 255)
				oa_yield();
		}
		while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) < count)
			oa_sleep(2 * OA_MSEC);
		report(cpu_name[round], (double)(cpu_ns() - cpu) / 1e6, "ms");
		report_latency(late_name[round], late, count);
	}
	return arg;
}

void ours_sleepers(void)
{
	count = (uint64_t)opt_number("count", 1000000);
	late = calloc(count, sizeof(*late));
	if (!late)
		wrong("out of memory");
	ours_run(rounds, NULL);
}
