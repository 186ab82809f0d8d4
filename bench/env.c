// SPDX-License-Identifier: MIT
/* The machine and the library that the figures are of. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench.h"

#ifndef OA_BENCH_GIT
#define OA_BENCH_GIT ""		/* the build may define it: git describe */
#endif

/* First line of a file, or what stands in for it. */
static void first_line(char *buf, size_t n, const char *path, const char *none)
{
	FILE *f = fopen(path, "re");

	snprintf(buf, n, "%s", none);
	if (!f)
		return;
	if (fgets(buf, (int)n, f))
		buf[strcspn(buf, "\n")] = '\0';
	fclose(f);
}

static void cpu_name(char *buf, size_t n)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256], *p;

	snprintf(buf, n, "unknown");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "model name", 10) || !(p = strchr(line, ':')))
			continue;
		p[strcspn(p, "\n")] = '\0';
		snprintf(buf, n, "%s", p + 2);
		break;
	}
	fclose(f);
}

static void cpu_list(char *buf, size_t n, const struct settings *set)
{
	size_t at = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < set->ncpu && at < n; i++)
		at += (size_t)snprintf(buf + at, n - at, "%s%u", i ? "," : "",
				       set->cpu[i]);
}

/*
 * What the library tells, a line "name: yes|no, how" each, in one line: the
 * names of what is there, and in full what is not and what stands in for it.
 */
static void features(char *buf, size_t n)
{
	char *all = malloc(ENV_FEATURES), *save = NULL, *line;
	size_t at = 0;

	buf[0] = '\0';
	if (!all || !oa_features(all, ENV_FEATURES)) {
		free(all);
		return;
	}
	all[ENV_FEATURES - 1] = '\0';
	for (line = strtok_r(all, "\n", &save); line && at < n;
	     line = strtok_r(NULL, "\n", &save)) {
		char *colon = strchr(line, ':');

		/* What a system call takes says more than that there are some. */
		if (colon && !strncmp(colon, ": yes", 5) &&
		    strncmp(line, "system-call:", 12))
			*colon = '\0';
		at += (size_t)snprintf(buf + at, n - at, "%s%s", at ? "; " : "",
				       line);
	}
	free(all);
}

void env_read(struct environment *e, const struct settings *set, bool ours)
{
	struct utsname u;

	memset(e, 0, sizeof(*e));
	snprintf(e->version, sizeof(e->version), "%s%s%s%s",
		 ours ? oa_version() : OA_VERSION,
		 OA_BENCH_GIT[0] ? " (" : "", OA_BENCH_GIT,
		 OA_BENCH_GIT[0] ? ")" : "");
	if (!uname(&u))
		snprintf(e->kernel, sizeof(e->kernel), "%s %s %s", u.sysname,
			 u.release, u.machine);
	cpu_name(e->cpu, sizeof(e->cpu));
	cpu_list(e->cpus, sizeof(e->cpus), set);
	first_line(e->governor, sizeof(e->governor),
		   "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
		   "unknown");
	e->online = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef __clang__
	snprintf(e->compiler, sizeof(e->compiler), "clang %s", __clang_version__);
#else
	snprintf(e->compiler, sizeof(e->compiler), "gcc %s", __VERSION__);
#endif
	if (ours)
		features(e->features, sizeof(e->features));
}
