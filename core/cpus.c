// SPDX-License-Identifier: MIT
/* Processors: affinity, control-group quota, pinning. */
#include "core/cpus.h"

#include <limits.h>
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
/* How many numbers there are at the beginning of a file of a group. */
static int numbers_in(const char *dir, const char *name, long long v[2])
{
	char path[512];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fscanf(f, "%lld %lld", &v[0], &v[1]);
	fclose(f);
	return n;
}

/* Of one group; 0: no limit. Version 2 writes "max" for that, version 1 -1. */
static unsigned int quota_of(const char *dir)
{
	long long quota[2] = { 0 }, period[2] = { 0 };

	if (numbers_in(dir, "cpu.max", quota) == 2) {
		period[0] = quota[1];
	} else if (numbers_in(dir, "cpu.cfs_quota_us", quota) != 1 ||
		   numbers_in(dir, "cpu.cfs_period_us", period) != 1) {
		return 0;
	}
	if (quota[0] <= 0 || period[0] <= 0)
		return 0;
	return (unsigned int)min_of((quota[0] - 1) / period[0] + 1,
				    (long long)INT_MAX);
}

static unsigned int least(unsigned int a, unsigned int b)
{
	return a && (!b || a < b) ? a : b;
}

/* The group in @dir and all visible above it, up to that in @dir[@top]. */
static unsigned int quota_above(char *dir, size_t top)
{
	unsigned int best = quota_of(dir);
	char *slash;

	while ((slash = strrchr(dir, '/')) && slash >= dir + top) {
		*slash = '\0';
		best = least(best, quota_of(dir));
	}
	return best;
}

/* Is the one for CPUs in a list of controllers? Version 2 lists none. */
static bool has_cpu(char *list)
{
	char *one = list;

	if (!*list)
		return true;
	while ((one = strsep(&list, ",")))
		if (!strcmp(one, "cpu"))
			return true;
	return false;
}

/* @line is "id:controllers:path" of a group of this process. */
static unsigned int quota_of_line(const char *mounts, char *line)
{
	char dir[448], *list;
	bool v1;
	int n;

	line[strcspn(line, "\n")] = '\0';
	strsep(&line, ":");
	list = strsep(&line, ":");
	if (!line)
		return 0;
	v1 = *list;
	if (!has_cpu(list))
		return 0;
	n = snprintf(dir, sizeof(dir), "%s%s", mounts, v1 ? "/cpu" : "");
	snprintf(dir + n, sizeof(dir) - (size_t)n, "%s", line);
	return quota_above(dir, (size_t)n);
}

unsigned int cpus_by_quota(const char *mounts, const char *groups)
{
	unsigned int best = 0;
	FILE *f = fopen(groups, "re");
	char line[384];

	while (f && fgets(line, sizeof(line), f))
		best = least(best, quota_of_line(mounts, line));
	if (f)
		fclose(f);
	return best;
}

unsigned int cpus_usable(void)
{
	cpu_set_t set;
	unsigned int n = by_affinity(&set);

	return least(cpus_by_quota("/sys/fs/cgroup", "/proc/self/cgroup"), n);
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
