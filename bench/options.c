// SPDX-License-Identifier: MIT
/* The options that hold for every bench, and how options are written. */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

struct settings settings = {
	.sample_ns = NSEC / 5,
	.limit_s = 120,
};
const char *option_impls = "oa";
bool option_versus;

int option_bad(const char *what, const char *value)
{
	fprintf(stderr, "oa-bench: bad %s '%s'\n", what, value);
	return 2;
}

int option_number(const char *s, unsigned long min, unsigned long max,
		  unsigned long *v)
{
	char *end;

	errno = 0;
	*v = strtoul(s, &end, 0);
	if (errno || end == s || *end || *s == '-' || *v < min || *v > max)
		return -1;
	return 0;
}

/* "0,2-3" */
static int cpus(const char *s)
{
	settings.ncpu = 0;
	while (*s) {
		unsigned long a, b;
		char *end;

		a = b = strtoul(s, &end, 10);
		if (end == s)
			return -1;
		if (*end == '-') {
			s = end + 1;
			b = strtoul(s, &end, 10);
			if (end == s)
				return -1;
		}
		if (b >= CPU_SETSIZE || a > b || (*end && *end != ','))
			return -1;
		for (; a <= b && settings.ncpu < CPU_MAX; a++)
			settings.cpu[settings.ncpu++] = (unsigned int)a;
		s = *end ? end + 1 : end;
	}
	return settings.ncpu ? 0 : -1;
}

void option_own_cpus(void)
{
	cpu_set_t mine;

	if (sched_getaffinity(0, sizeof(mine), &mine))
		CPU_ZERO(&mine);
	for (unsigned int i = 0; i < CPU_SETSIZE && settings.ncpu < CPU_MAX; i++)
		if (CPU_ISSET(i, &mine))
			settings.cpu[settings.ncpu++] = i;
	if (!settings.ncpu)
		settings.ncpu = 1;
}

/* Only CPUs that this process may use: else a pin would silently fail. */
static int usable_cpus(void)
{
	cpu_set_t mine;

	if (sched_getaffinity(0, sizeof(mine), &mine))
		return 0;
	for (unsigned int i = 0; i < settings.ncpu; i++)
		if (!CPU_ISSET(settings.cpu[i], &mine))
			return -1;
	return 0;
}

static int format_named(const char *s)
{
	static const char *const name[] = { "default", "simple", "json" };

	for (unsigned int i = 0; i < ARRAY_LEN(name); i++) {
		if (!strcmp(s, name[i])) {
			out_format((enum format)i);
			return 0;
		}
	}
	return -1;
}

static int impl_named(const char *s)
{
	if (!strcmp(s, "oa") || !strcmp(s, "raw") || !strcmp(s, "both")) {
		option_impls = s;
		option_versus = !strcmp(s, "both");
		return 0;
	}
	for (unsigned int i = 0; bench_table[i]; i++) {
		for (unsigned int k = 1; k < IMPL_MAX; k++) {
			const char *name = bench_table[i]->impl[k].name;

			if (name && !strcmp(s, name)) {
				option_impls = s;
				return 0;
			}
		}
	}
	return -1;
}

/* 0, or -1 when name is no option of all benches, or 2 for a bad value. */
static int common(const char *name, const char *v)
{
	unsigned long n = 0;
	int ret = 0;

	if (!strcmp(name, "f") || !strcmp(name, "format")) {
		ret = format_named(v);
	} else if (!strcmp(name, "r") || !strcmp(name, "repeat")) {
		ret = option_number(v, 1, REPEAT_MAX, &n);
		settings.repeats = (unsigned int)n;
	} else if (!strcmp(name, "C") || !strcmp(name, "cpus")) {
		ret = cpus(v) || usable_cpus() ? -1 : 0;
	} else if (!strcmp(name, "w") || !strcmp(name, "workers")) {
		ret = option_number(v, 1, 1024, &n);
		settings.workers = (unsigned int)n;
	} else if (!strcmp(name, "impl")) {
		ret = impl_named(v);
	} else if (!strcmp(name, "time")) {
		ret = option_number(v, 1, 60000, &n);
		settings.sample_ns = n * 1000000;
	} else if (!strcmp(name, "iterations")) {
		ret = option_number(v, 1, ULONG_MAX, &n);
		settings.iterations = n;
	} else if (!strcmp(name, "limit")) {
		ret = option_number(v, 1, 86400, &n);
		settings.limit_s = (unsigned int)n;
	} else {
		return -1;
	}
	return ret ? option_bad(name, v) : 0;
}

/*
 * Splits argv[i] into name and value ("-n 5", "-n5", "--name=5", "--name 5").
 * Returns how many arguments it took, 0 when it is none.
 */
int option_split(char **argv, int i, char *name, size_t size, const char **value)
{
	const char *a = argv[i], *eq;

	if (a[0] != '-' || !a[1])
		return 0;
	if (a[1] != '-') {
		snprintf(name, size, "%c", a[1]);
		*value = a[2] ? a + 2 : argv[i + 1];
		return a[2] ? 1 : 2;
	}
	eq = strchr(a, '=');
	snprintf(name, size, "%.*s",
		 eq ? (int)(eq - a - 2) : (int)strlen(a + 2), a + 2);
	*value = eq ? eq + 1 : argv[i + 1];
	return eq ? 1 : 2;
}

/* Those that are set by being there. */
static bool a_switch(const char *s)
{
	if (!strcmp(s, "--versus")) {
		option_versus = true;
		option_impls = "both";
	} else if (!strcmp(s, "--whole")) {
		settings.whole = true;
	} else if (!strcmp(s, "--unpinned")) {
		settings.unpinned = true;
	} else {
		return false;
	}
	return true;
}

/* The options that stand before the collection: 0 or an exit code. */
int option_settings(int argc, char **argv, int *at)
{
	while (*at < argc) {
		const char *value;
		char name[32];
		int took, ret;

		if (a_switch(argv[*at])) {
			++*at;
			continue;
		}
		took = option_split(argv, *at, name, sizeof(name), &value);
		if (!took)
			return 0;
		ret = value ? common(name, value) : -1;
		if (ret < 0)
			return option_bad("option", argv[*at]);
		if (ret)
			return ret;
		*at += took;
	}
	return 0;
}
