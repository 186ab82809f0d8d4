/* SPDX-License-Identifier: MIT */
/*
 * oa-pipeline: checksums and counts of files, by stages that are joined by
 * channels. pipeline.h shows the way of a file; here it is set up and ended.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../cli.h"
#include "pipeline.h"

static const char usage[] =
	"usage: oa-pipeline [options] FILE|DIRECTORY...\n"
	"For each file: checksum as of cksum(1), bytes, lines, words, name.\n"
	"  -r, --readers N    4, files that are read at once\n"
	"  -j, --jobs N       4, tasks of each stage that computes\n"
	"  -b, --blocks N     64, of 64 KiB, all that is in memory at once\n"
	"  -w, --workers N    threads; as many as there are CPUs\n"
	"  -p, --progress     tell how far it is\n"
	"  -s, --stats        tell at the end what was done\n"
	"  -h, --help\n";

static const struct option longopts[] = {
	{ "readers", required_argument, NULL, 'r' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "blocks", required_argument, NULL, 'b' },
	{ "workers", required_argument, NULL, 'w' },
	{ "progress", no_argument, NULL, 'p' },
	{ "stats", no_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void parse_options(struct options *opt, int argc, char **argv)
{
	int o;

	while ((o = getopt_long(argc, argv, "r:j:b:w:psh", longopts,
				NULL)) != -1) {
		switch (o) {
		case 'r':
			opt->readers = cli_number("readers", optarg, 1, 1000);
			break;
		case 'j':
			opt->jobs = cli_number("jobs", optarg, 1, 1000);
			break;
		case 'b':
			opt->blocks = cli_number("blocks", optarg, 1, 65536);
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
		cli_die("which files? --help tells the options");
}

static void *zalloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		cli_die("no memory");
	return p;
}

static struct oa_chan *channel(size_t capacity)
{
	struct oa_chan *ch;
	int err = oa_chan_create(&ch, sizeof(void *), capacity,
				 OA_CHAN_BOUNDED);

	if (err)
		cli_die("channel: %s", oa_strerror(err));
	return ch;
}

static void create(struct pipeline *p)
{
	const struct options *opt = &p->opt;

	p->files = channel(QUEUE);
	p->results = channel(QUEUE);
	p->pool = channel(opt->blocks);
	p->blocks = zalloc(opt->blocks, sizeof(*p->blocks));
	p->readers = zalloc(opt->readers, sizeof(*p->readers));
	p->lanes = zalloc(opt->jobs, sizeof(*p->lanes));
	for (unsigned int i = 0; i < opt->jobs; i++) {
		p->lanes[i].pipeline = p;
		p->lanes[i].to_count = channel(QUEUE);
		p->lanes[i].to_sum = channel(QUEUE);
	}
	for (unsigned int i = 0; i < opt->blocks; i++) {
		p->blocks[i] = zalloc(1, sizeof(*p->blocks[i]));
		if (oa_chan_trysend(p->pool, &p->blocks[i]))
			cli_die("no memory");
	}
}

static void destroy(struct pipeline *p)
{
	const struct options *opt = &p->opt;

	oa_chan_destroy(p->files);
	oa_chan_destroy(p->results);
	oa_chan_destroy(p->pool);
	for (unsigned int i = 0; i < opt->jobs; i++) {
		oa_chan_destroy(p->lanes[i].to_count);
		oa_chan_destroy(p->lanes[i].to_sum);
	}
	for (unsigned int i = 0; i < opt->blocks; i++)
		free(p->blocks[i]);
	free(p->blocks);
	free(p->readers);
	free(p->lanes);
	close(p->signals);
}

static oa_task_t start(oa_fn fn, void *arg, const char *name)
{
	oa_task_t t = oa_spawn(fn, arg, .name = name);

	if (oa_task_error(t))
		cli_die("task: %s", oa_strerror(oa_task_error(t)));
	return t;
}

static void watch(oa_fn fn, struct pipeline *p, const char *name)
{
	int err = oa_go(fn, p, .name = name);

	if (err)
		cli_die("task: %s", oa_strerror(err));
}

/* A signal stops what brings in more; the rest goes on to its end. */
static void *signal_task(void *pipeline)
{
	struct pipeline *p = pipeline;
	struct oa_case cases[] = {
		OA_CASE_FD(p->signals, POLLIN),
		OA_CASE_EVENT(&p->over),
	};

	if (oa_select(cases, 2) != 0)
		return NULL;
	p->signal = cli_signal_take(p->signals);
	oa_cancel(p->walker);
	for (unsigned int i = 0; i < p->opt.readers; i++)
		oa_cancel(p->readers[i]);
	return NULL;
}

/* Waits for the readers, and frees what an interrupted one leaves behind. */
static void join_readers(struct pipeline *p, struct file **unfinished)
{
	struct file *f;
	void *result;

	for (unsigned int i = 0; i < p->opt.readers; i++) {
		unfinished[i] = NULL;
		if (!oa_join(p->readers[i], &result) && !oa_is_err(result))
			unfinished[i] = result;
	}
	while (!oa_chan_recv(p->files, &f))
		free(f);
}

/* A stage has ended when the one before has, and what it left is worked off. */
static void join_stages(struct pipeline *p)
{
	struct file **unfinished = zalloc(p->opt.readers, sizeof(*unfinished));

	oa_join(p->walker, NULL);
	oa_chan_close(p->files);
	join_readers(p, unfinished);
	for (unsigned int i = 0; i < p->opt.jobs; i++)
		oa_chan_close(p->lanes[i].to_count);
	for (unsigned int i = 0; i < p->opt.jobs; i++) {
		oa_join(p->lanes[i].count, NULL);
		oa_chan_close(p->lanes[i].to_sum);
	}
	for (unsigned int i = 0; i < p->opt.jobs; i++)
		oa_join(p->lanes[i].sum, NULL);
	oa_chan_close(p->results);
	oa_join(p->printer, NULL);
	for (unsigned int i = 0; i < p->opt.readers; i++)
		free(unfinished[i]);
	free(unfinished);
}

static void *first(void *pipeline)
{
	struct pipeline *p = pipeline;

	create(p);
	p->printer = start(print_task, p, "print");
	for (unsigned int i = 0; i < p->opt.jobs; i++) {
		p->lanes[i].sum = start(sum_task, &p->lanes[i], "sum");
		p->lanes[i].count = start(count_task, &p->lanes[i], "count");
	}
	for (unsigned int i = 0; i < p->opt.readers; i++)
		p->readers[i] = start(read_task, p, "read");
	p->walker = start(walk_task, p, "walk");
	watch(signal_task, p, "signals");
	if (p->opt.progress)
		watch(progress_task, p, "progress");
	join_stages(p);
	oa_event_set(&p->over);
	return NULL;
}

static void print_stats(struct pipeline *p, oa_time_t took)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	fprintf(stderr, "%lu files, %lu bytes, %lu failed; %.3f s, %ld KiB\n",
		atomic_load(&p->done), atomic_load(&p->bytes),
		atomic_load(&p->failed), (double)took / OA_SEC, use.ru_maxrss);
}

int main(int argc, char **argv)
{
	struct pipeline p = {
		.opt = { .readers = 4, .jobs = 4, .blocks = 64 },
	};
	oa_time_t began = oa_now();
	int err;

	parse_options(&p.opt, argc, argv);
	p.signals = cli_signals();
	crc_init();
	err = oa_run(first, &p, .workers = p.opt.workers);
	if (err) {
		cli_warn("cannot run: %s", oa_strerror(err));
		return 1;
	}
	if (p.opt.stats)
		print_stats(&p, oa_now() - began);
	destroy(&p);
	if (p.signal)
		return 128 + p.signal;
	return atomic_load(&p.failed) ? 1 : 0;
}
