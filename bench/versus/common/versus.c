// SPDX-License-Identifier: MIT
/* The command line, clocks and figures of the peers in C. */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "versus/common/versus.h"

static int opt_count;
static char **opt_all;

static const char *const known[] = {
	"workers", "count", "live", "producers", "consumers", "tasks", "path",
	"direct", "number", "port", "by", "at-once",
};

const char *opt_string(const char *name, const char *def)
{
	size_t n = strlen(name);

	for (int i = 0; i < opt_count; i++)
		if (!strncmp(opt_all[i] + 2, name, n) &&
		    opt_all[i][2 + n] == '=')
			return opt_all[i] + 2 + n + 1;
	return def;
}

long opt_number(const char *name, long def)
{
	const char *s = opt_string(name, NULL);
	char *end;
	long v;

	if (!s)
		return def;
	errno = 0;
	v = strtol(s, &end, 10);
	if (errno || end == s || *end || v < 0) {
		fprintf(stderr, "bad --%s=%s\n", name, s);
		exit(2);
	}
	return v;
}

static int known_option(const char *arg)
{
	const char *eq = strchr(arg, '=');

	if (strncmp(arg, "--", 2) || !eq)
		return 0;
	for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i]) == (size_t)(eq - arg - 2) &&
		    !strncmp(arg + 2, known[i], (size_t)(eq - arg - 2)))
			return 1;
	return 0;
}

static int usage(const struct workload *table)
{
	fprintf(stderr, "usage: PROGRAM WORKLOAD --workers=N [--param=...]\n"
			"workloads:");
	for (; table->name; table++)
		fprintf(stderr, " %s", table->name);
	fprintf(stderr, "\n");
	return 2;
}

int versus_main(int argc, char **argv, const struct workload *table)
{
	const struct workload *w = table;

	opt_count = argc - 2;
	opt_all = argv + 2;
	while (argc > 1 && w->name && strcmp(w->name, argv[1]))
		w++;
	if (argc < 2 || !w->name)
		return usage(table);
	for (int i = 2; i < argc; i++) {
		if (known_option(argv[i]))
			continue;
		fprintf(stderr, "bad option '%s'\n", argv[i]);
		return 2;
	}
	w->run();
	fflush(stdout);
	_Exit(0);	/* it takes along what was not freed */
}

void report(const char *name, double value, const char *unit)
{
	printf("%s\t%.6g\t%s\n", name, value, unit);
	fflush(stdout);
}

void wrong(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	_Exit(1);
}

static uint64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NSEC + (uint64_t)t.tv_nsec;
}

uint64_t now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t cpu_ns(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t resident_bytes(void)
{
	unsigned long long kib, sum = 0;
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %llu kB", &kib) == 1 ||
		    sscanf(line, "VmPTE: %llu kB", &kib) == 1)
			sum += kib;
	if (f)
		fclose(f);
	return sum * 1024;
}

void spin_ns(uint64_t ns)
{
	uint64_t t = now_ns();

	while (now_ns() - t < ns)
		;
}

void pin_to(unsigned int cpu)
{
	cpu_set_t mine, one;

	if (sched_getaffinity(0, sizeof(mine), &mine) || !CPU_ISSET(cpu, &mine))
		return;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

double percentile(uint64_t *v, uint64_t n, double p)
{
	qsort(v, n, sizeof(*v), by_value);
	return (double)v[(uint64_t)(p * (double)n)];
}

void report_latency(const char *name, uint64_t *v, uint64_t n)
{
	char buf[64];

	snprintf(buf, sizeof(buf), "%s_p50", name);
	report(buf, percentile(v, n, .5) / 1e3, "us");
	snprintf(buf, sizeof(buf), "%s_p99", name);
	report(buf, percentile(v, n, .99) / 1e3, "us");
}
