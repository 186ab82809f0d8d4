// SPDX-License-Identifier: MIT
/* Processors: affinity, control-group quota, pinning. */
#include "core/cpus.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/compiler.h"

static __thread cpu_set_t before_pin;

static unsigned int by_affinity(cpu_set_t *set)
{
	if (sched_getaffinity(0, sizeof(*set), set))
		return 1;
	return (unsigned int)CPU_COUNT(set);
}

#ifdef OA_SIM
unsigned int sim_cpus(void);

unsigned int cpus_usable(void)
{
	return sim_cpus();
}
#else
/* "quota period" or "max period" of one group; 0: no limit. */
static unsigned int quota_of(const char *dir)
{
	char path[512];
	unsigned long long quota, period;
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "%s/cpu.max", dir);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fscanf(f, "%llu %llu", &quota, &period);
	fclose(f);
	if (n != 2 || !period)
		return 0;
	return (unsigned int)max_of((quota + period - 1) / period, 1ull);
}

/* The unified hierarchy's group of this process, and all visible above it. */
static unsigned int by_quota(void)
{
	static const char root[] = "/sys/fs/cgroup";
	char line[384], dir[448], *slash;
	unsigned int best = 0, q;
	FILE *f = fopen("/proc/self/cgroup", "re");
	bool found = false;

	if (!f)
		return 0;
	while (!found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "0::", 3);
	fclose(f);
	if (!found)
		return 0;
	line[strcspn(line, "\n")] = '\0';
	snprintf(dir, sizeof(dir), "%s%s", root, line + 3);
	for (;;) {
		q = quota_of(dir);
		if (q && (!best || q < best))
			best = q;
		slash = strrchr(dir, '/');
		if (!slash || (size_t)(slash - dir) < sizeof(root) - 1)
			return best;
		*slash = '\0';
	}
}

unsigned int cpus_usable(void)
{
	cpu_set_t set;
	unsigned int n = by_affinity(&set), q = by_quota();

	return q && q < n ? q : n;
}
#endif

int cpus_nth(unsigned int n)
{
	cpu_set_t set;
	unsigned int count = by_affinity(&set);

	n %= max_of(count, 1u);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set) && !n--)
			return cpu;
	return -1;
}

void cpus_pin_self(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	sched_getaffinity(0, sizeof(before_pin), &before_pin);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

void cpus_unpin_self(int cpu)
{
	if (cpu >= 0)
		sched_setaffinity(0, sizeof(before_pin), &before_pin);
}
