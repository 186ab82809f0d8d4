// SPDX-License-Identifier: MIT
/*
 * oa-bench: the options, the table of benches, and which of them to run.
 * A list of values for an option of a bench runs it once for each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static int usage(FILE *to)
{
	fputs("usage: oa-bench [-f default|simple|json] [-r repeats] "
	      "[-C cpus] [-w workers]\n"
	      "                [--impl=oa|raw|both] [--versus] [--time=ms] "
	      "[--iterations=n]\n"
	      "                [--whole] [--unpinned] [--limit=s]\n"
	      "                <collection>|all <bench>|all [options]\n"
	      "       oa-bench --list\n", to);
	return to == stdout ? 0 : 2;
}

static void list_opts(const struct bench_opt *o)
{
	for (; o && o->name; o++)
		printf("      -%c, --%-12s %s (%s)\n", o->letter, o->name,
		       o->help, o->def);
}

static int list(void)
{
	for (unsigned int i = 0; bench_table[i]; i++) {
		const struct bench *b = bench_table[i];

		printf("%-6s %-16s %s [", b->collection, b->name, b->summary);
		for (unsigned int k = 0; k < IMPL_MAX && b->impl[k].fn; k++)
			printf("%s%s", k ? " " : "", b->impl[k].name);
		printf("]\n");
		list_opts(b->opts);
	}
	return 0;
}

/* Are these numbers, with commas between them, within its bounds? */
static bool right_values(const struct bench_opt *o, const char *s)
{
	char one[24];
	unsigned long v;
	size_t n;

	for (;; s += n + 1) {
		n = strcspn(s, ",");
		if (n >= sizeof(one) || *s < '0' || *s > '9')
			return false;
		memcpy(one, s, n);
		one[n] = '\0';
		if (option_number(one, o->min, o->max, &v))
			return false;
		if (!s[n])
			return true;
	}
}

static int own_option(const struct bench *b, const char **opt,
		      const char *name, const char *value)
{
	const struct bench_opt *o = b->opts;

	for (unsigned int k = 0; o && o[k].name; k++) {
		if ((name[1] || name[0] != o[k].letter) &&
		    strcmp(name, o[k].name))
			continue;
		if (o[k].max && !right_values(&o[k], value))
			return option_bad(o[k].name, value);
		opt[k] = value;
		return 0;
	}
	return -1;
}

static int options(const struct bench *b, int argc, char **argv, int at,
		   const char **opt)
{
	for (unsigned int k = 0; b->opts && b->opts[k].name; k++)
		opt[k] = b->opts[k].def;
	while (at < argc) {
		const char *value;
		char name[32];
		int took = option_split(argv, at, name, sizeof(name), &value);
		int ret = took && value ? own_option(b, opt, name, value) : -1;

		if (ret < 0)
			return option_bad("option", argv[at]);
		if (ret)
			return ret;
		at += took;
	}
	return 0;
}

/* Runs b once for each combination of the values in lists. */
static int each(const struct bench *b, const char **opt)
{
	for (unsigned int k = 0; b->opts && b->opts[k].name; k++) {
		const char *all = opt[k], *p = all;
		int ret = 0;

		if (!b->opts[k].max || !strchr(all, ','))
			continue;
		while (*p && !ret) {
			size_t n = strcspn(p, ",");
			char *one = strndup(p, n);

			opt[k] = one;
			ret = one ? each(b, opt) : 1;
			free(one);
			p += n + (p[n] == ',');
		}
		opt[k] = all;
		return ret;
	}
	return run_bench(b, &settings, opt, option_impls,
			 option_versus) ? 1 : 0;
}

static int run_matching(const char *collection, const char *name, int argc,
			char **argv, int at)
{
	bool every = !strcmp(collection, "all");
	bool all = every || !name || !strcmp(name, "all");
	int worst = 0, found = 0;

	if (every && name && strcmp(name, "all"))
		return option_bad("bench", name);
	for (unsigned int i = 0; bench_table[i]; i++) {
		const struct bench *b = bench_table[i];
		const char *opt[OPT_MAX] = { NULL };
		int ret;

		if ((!every && strcmp(collection, b->collection)) ||
		    (!all && strcmp(name, b->name)))
			continue;
		found = 1;
		if (all && at < argc)
			return option_bad("option", argv[at]);
		ret = options(b, argc, argv, at, opt);
		if (!ret)
			ret = each(b, opt);
		if (ret == 2)
			return ret;
		if (ret > worst)
			worst = ret;
	}
	return found ? worst : option_bad("bench", name ? name : collection);
}

int main(int argc, char **argv)
{
	const char *name = NULL, *collection;
	int at = 1, ret;

	option_own_cpus();
	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list();
	if (argc == 2 && !strcmp(argv[1], "--help"))
		return usage(stdout);
	ret = option_settings(argc, argv, &at);
	if (ret)
		return ret;
	if (at >= argc)
		return usage(stderr);
	collection = argv[at++];
	if (at < argc && argv[at][0] != '-')
		name = argv[at++];
	if (!name && strcmp(collection, "all"))
		return usage(stderr);
	return run_matching(collection, name, argc, argv, at);
}
