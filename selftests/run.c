// SPDX-License-Identifier: MIT
/* The runner of test programs: which, in what order, how often. */
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT		300	/* seconds for a program */

struct options opt = {
	.logs = "log", .built = "", .sources = "selftests",
	.loops = 1,
};

/* One `key=value` or `program.key=value`. */
static void apply_setting(struct program *p, char *line)
{
	const char *base = strrchr(p->name, '/');
	char *value = strchr(line, '=');
	char *dot;

	base = base ? base + 1 : p->name;
	*value++ = '\0';
	dot = strrchr(line, '.');
	if (dot) {
		*dot = '\0';
		if (strcmp(line, base))
			return;
		line = dot + 1;
	}
	if (!strcmp(line, "timeout"))
		p->timeout = atoi(value);
	else if (!strcmp(line, "serial"))
		p->serial = atoi(value);
	else if (!strcmp(line, "early"))
		p->early = atoi(value);
	else if (!strcmp(line, "skip_san"))
		snprintf(p->skip_san, sizeof(p->skip_san), "%s", value);
	else
		fprintf(stderr, "run: %s: unknown setting %s\n", p->name, line);
}

static void read_settings(struct program *p)
{
	const char *slash = strrchr(p->name, '/');
	char path[4096], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%.*s/settings", opt.sources,
		 slash ? (int)(slash - p->name) : 0, p->name);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "#\n")] = '\0';
		if (strchr(line, '='))
			apply_setting(p, line);
	}
	if (f)
		fclose(f);
}

/* Is `word`, of `len` bytes, in a list of words? */
static bool listed(const char *list, const char *word, size_t len)
{
	size_t n;

	for (; *list; list += n) {
		list += strspn(list, " ,");
		n = strcspn(list, " ,");
		if (n == len && !memcmp(list, word, n))
			return true;
	}
	return false;
}

static bool wanted(const struct program *p)
{
	return !opt.areas || !*opt.areas ||
	       listed(opt.areas, p->name, strcspn(p->name, "/")) ||
	       listed(opt.areas, p->name, strlen(p->name));
}

static void name_program(struct program *p, const char *path)
{
	size_t n = strlen(opt.built);

	p->path = path;
	p->name = path;
	if (n && !strncmp(path, opt.built, n))
		p->name += n + strspn(path + n, "/");
	p->timeout = TIMEOUT;
	read_settings(p);
}

/* So that none is left over to run alone, but those that want to. */
static int turn_of(const struct program *p)
{
	return p->serial ? 2 : p->early ? 0 : 1;
}

static void run_all(const struct program *programs, int n)
{
	for (int turn = 0; turn <= 2; turn++) {
		for (int i = 0; i < n; i++) {
			const struct program *p = &programs[i];

			if (turn_of(p) != turn || !wanted(p))
				continue;
			if (opt.san && listed(p->skip_san, opt.san,
					      strlen(opt.san)))
				report_skipped_program(p,
					"not for this sanitizer");
			else
				run_program(p);
		}
	}
	drain_to(0);
}

static void print_environment(void)
{
	extern char **environ;

	for (char **e = environ; *e; e++)
		if (!strncmp(*e, "OA_", 3))
			printf("# with %s\n", *e);
	if (opt.san)
		printf("# with SAN=%s\n", opt.san);
}

static int usage(int code)
{
	fputs("usage: run [options] program...\n"
	      "  -j n     so many at once (one more than there are CPUs: some\n"
	      "           wait for time to pass)\n"
	      "  -n n     the whole list n times, until one fails\n"
	      "  -t text  only the tests whose name contains the text\n"
	      "  -a list  only these areas (core) or programs (core/task)\n"
	      "  -b dir   what the paths of programs begin with\n"
	      "  -s dir   where the areas' settings files are\n"
	      "  -l dir   logs\n"
	      "  -S san   the sanitizer that is in the programs\n"
	      "  -x cmd   put before each program: valgrind, qemu-aarch64\n"
	      "A settings file has lines timeout=SECONDS, serial=1, early=1,\n"
	      "skip_san=LIST, also for one program: program.timeout=SECONDS.\n",
	      code ? stderr : stdout);
	return code;
}

static const char *unless_empty(const char *s)
{
	return *s ? s : NULL;
}

/* Some wait for time to pass: one more than there are processors. */
static int default_jobs(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN) + 1;

	return n < 2 ? 2 : n > JOBS_MAX ? JOBS_MAX : (int)n;
}

static bool parse(int argc, char **argv)
{
	const char *scale = getenv("OA_TEST_TIMEOUT_SCALE");
	int c;

	opt.jobs = default_jobs();
	while ((c = getopt(argc, argv, "j:n:t:a:b:s:l:S:x:")) != -1) {
		switch (c) {
		case 'j': opt.jobs = atoi(optarg); break;
		case 'n': opt.loops = atoi(optarg); break;
		case 't': opt.filter = unless_empty(optarg); break;
		case 'a': opt.areas = optarg; break;
		case 'b': opt.built = optarg; break;
		case 's': opt.sources = optarg; break;
		case 'l': opt.logs = optarg; break;
		case 'S': opt.san = unless_empty(optarg); break;
		case 'x': opt.wrapper = unless_empty(optarg); break;
		default: return false;
		}
	}
	opt.scale = scale ? strtod(scale, NULL) : 1;
	if (opt.scale <= 0)
		opt.scale = 1;
	if (opt.san || opt.wrapper)
		opt.scale *= 5;
	if (opt.wrapper)	/* for programs that start themselves again */
		setenv("OA_RUN_UNDER", opt.wrapper, 1);
	return opt.jobs >= 1 && opt.jobs <= JOBS_MAX && opt.loops >= 1;
}

int main(int argc, char **argv)
{
	struct program *programs;
	int n;

	if (!parse(argc, argv))
		return usage(2);
	n = argc - optind;
	programs = calloc((size_t)n + 1, sizeof(*programs));
	if (!programs)
		die("memory");
	for (int i = 0; i < n; i++)
		name_program(&programs[i], argv[optind + i]);
	prepare_signals();
	for (int i = 1; i <= opt.loops && !report_totals().failed; i++) {
		if (opt.loops > 1)
			printf("# loop %d of %d\n", i, opt.loops);
		run_all(programs, n);
	}
	free(programs);
	if (report_totals().failed)
		print_environment();
	report_summary(opt.filter);
	/* That nothing ran is no success. */
	return report_totals().failed || !report_totals().passed;
}
