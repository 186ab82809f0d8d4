/* SPDX-License-Identifier: MIT */
/*
 * oa-dups: files of equal content. Computing is spread over the workers by
 * jobs, which may wait for what they read; dups.h has the steps.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../cli.h"
#include "dups.h"

static const char usage[] =
	"usage: oa-dups [options] DIRECTORY|FILE...\n"
	"Groups of files of equal content, with an empty line between them.\n"
	"  -m, --min SIZE     1, smaller files do not count\n"
	"  -w, --workers N    threads; as many as there are CPUs\n"
	"  -p, --progress     tell how far it is\n"
	"  -s, --stats        tell at the end what was done\n"
	"  -h, --help\n";

static const struct option longopts[] = {
	{ "min", required_argument, NULL, 'm' },
	{ "workers", required_argument, NULL, 'w' },
	{ "progress", no_argument, NULL, 'p' },
	{ "stats", no_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void parse_options(struct options *opt, int argc, char **argv)
{
	int o;

	while ((o = getopt_long(argc, argv, "m:w:psh", longopts, NULL)) != -1) {
		switch (o) {
		case 'm':
			opt->min = cli_number("min", optarg, 0, UINT32_MAX);
			break;
		case 'w':
			opt->workers = cli_number("workers", optarg, 1, 256);
			break;
		case 'p':
			opt->progress = true;
			break;
		case 's':
			opt->stats = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			exit(2);
		}
	}
	opt->args = argv + optind;
	if (!*opt->args)
		cli_die("which directories? --help tells the options");
}

static void *find_task(void *dups)
{
	struct dups *d = dups;
	int err = walk(d);

	if (!err) {
		keep_candidates(d);
		err = hash_all(d);
	}
	if (!err)
		err = print_groups(d);
	return oa_err(err);
}

/* The loops end early then, and so do the reads that they wait for. */
static void *signal_task(void *dups)
{
	struct dups *d = dups;
	struct oa_case cases[] = {
		OA_CASE_FD(d->signals, POLLIN),
		OA_CASE_EVENT(&d->over),
	};

	if (oa_select(cases, 2) == 0) {
		d->signal = cli_signal_take(d->signals);
		oa_cancel(d->finder);
	}
	return NULL;
}

static void *first(void *dups)
{
	struct dups *d = dups;
	void *result;
	int err;

	d->finder = oa_spawn(find_task, d, .name = "find");
	err = oa_go(signal_task, d, .name = "signals");
	if (!err && d->opt.progress)
		err = oa_go(progress_task, d, .name = "progress");
	if (err)
		oa_cancel(d->finder);
	d->err = oa_join(d->finder, &result);
	if (!d->err)
		d->err = oa_err_code(result);
	if (err)
		d->err = err;
	oa_event_set(&d->over);
	return NULL;
}

static void print_stats(struct dups *d, oa_time_t took)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	fprintf(stderr, "%llu files, %llu bytes read, %lu groups, ",
		atomic_load(&d->found), atomic_load(&d->read), d->groups);
	fprintf(stderr, "%lu bytes to spare, %llu failed; %.3f s, %ld KiB\n",
		d->spare, atomic_load(&d->failed), (double)took / OA_SEC,
		use.ru_maxrss);
}

int main(int argc, char **argv)
{
	struct dups d = { .opt.min = 1 };
	oa_time_t began = oa_now();
	int err;

	parse_options(&d.opt, argc, argv);
	oa_sem_init(&d.open, OPEN);
	oa_sem_init(&d.buffers, BUFFERS);
	d.signals = cli_signals();
	err = oa_run(first, &d, .workers = d.opt.workers);
	if (!err && !d.signal)
		err = d.err;
	if (err)
		cli_warn("cannot go on: %s", oa_strerror(err));
	if (d.opt.stats)
		print_stats(&d, oa_now() - began);
	files_free(&d.files);
	close(d.signals);
	if (d.signal)
		return 128 + d.signal;
	return err || atomic_load(&d.failed) ? 1 : 0;
}
