/* SPDX-License-Identifier: MIT */
/*
 * oa-gather: asks many HTTP servers the same question at once, with a deadline
 * for all; what has not come by then is left out. A scope holds the requests
 * of a round together: none is under way when the next one begins.
 */
#include "gather.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cli.h"

/* Fewer say nothing about a 95th percentile. */
#define SEEN_MIN	20
#define HEDGE_FIRST	(50 * OA_MSEC)

/* Late enough to be rare, early enough to be of use. */
static oa_time_t hedge_after(const struct gather *g)
{
	oa_time_t after = HEDGE_FIRST;

	if (g->hedge)
		return g->hedge;
	if (g->latency.n >= SEEN_MIN)
		after = latency_percentile(&g->latency, g->percentile);
	return after < g->deadline / 2 ? after : g->deadline / 2;
}

static void prepare(struct gather *g)
{
	oa_time_t hedge = hedge_after(g);

	for (size_t i = 0; i < g->n; i++) {
		struct shard *sh = &g->shards[i];

		shard_forget(sh);
		sh->race.abreast = g->no_hedge ? 1 : 2;
		sh->race.stagger = hedge;
	}
}

/*
 * From the first replica of each, whoever has won: slow ones lose. Of one that
 * was cut short it is not known how long it would have taken; if that counted
 * as no longer than the hedge waits, the hedge would never wait longer.
 */
static void learn(struct gather *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct shard *sh = &g->shards[i];
		const struct answer *a = &sh->answers[0];

		if (sh->winner >= 0 && !a->err)
			latency_add(&g->latency, a->took);
		else if (sh->winner >= 0 && a->err == -ECANCELED)
			latency_add(&g->latency, 2 * a->took);
		g->incomplete |= sh->winner < 0;
	}
}

static void ask_all(struct gather *g)
{
	struct oa_deadline d;
	struct oa_scope s;
	int err;

	OA_WITHIN(&d, g->deadline) {
		/* Its end is when all have ended, or the deadline. */
		OA_SCOPE(s, .keep_going = true) {
			for (size_t i = 0; i < g->n; i++) {
				struct shard *sh = &g->shards[i];

				err = oa_go(shard_task, sh, .scope = &s,
					    .name = "shard");
				if (err)
					sh->winner = err;
			}
		}
	}
}

static void *first(void *gather)
{
	struct gather *g = gather;

	for (unsigned int i = 0; i < g->rounds; i++) {
		oa_time_t began = oa_now();

		prepare(g);
		ask_all(g);
		learn(g);
		report_round(g, oa_now() - began);
		if (i + 1 < g->rounds)
			oa_sleep_until(began + g->interval);
	}
	return NULL;
}

static const char usage[] =
	"usage: oa-gather [options] PATH SERVER[,SERVER...]...\n"
	"  SERVER is ADDRESS:PORT; those in one list are replicas of each other\n"
	"  -t, --timeout SECONDS      1, for all of them\n"
	"  -H, --hedge-after SECONDS  ask a second replica after so long\n"
	"  -p, --percentile N         95: after what so many answers took\n"
	"  -N, --no-hedge             ask another one only when one fails\n"
	"  -n, --rounds N             1, ask so many times\n"
	"  -i, --interval SECONDS     from one round to the next; no pause\n"
	"  -b, --bodies               print the answers\n"
	"  -w, --workers N            threads; as many as there are CPUs\n"
	"  -h, --help\n";

static const struct option longopts[] = {
	{ "timeout", required_argument, NULL, 't' },
	{ "hedge-after", required_argument, NULL, 'H' },
	{ "percentile", required_argument, NULL, 'p' },
	{ "no-hedge", no_argument, NULL, 'N' },
	{ "rounds", required_argument, NULL, 'n' },
	{ "interval", required_argument, NULL, 'i' },
	{ "bodies", no_argument, NULL, 'b' },
	{ "workers", required_argument, NULL, 'w' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void parse_replicas(struct shard *sh, char *list)
{
	size_t n = 1;

	for (const char *s = list; *s; s++)
		n += *s == ',';
	if (n > RACE_MAX)
		cli_die("more than %d replicas", RACE_MAX);
	sh->replicas = calloc(n, sizeof(*sh->replicas));
	sh->answers = calloc(n, sizeof(*sh->answers));
	if (!sh->replicas || !sh->answers)
		cli_die("no memory");
	for (char *name; (name = strsep(&list, ","));) {
		struct replica *r = &sh->replicas[sh->race.n++];

		if (addr_parse(&r->addr, name))
			cli_die("'%s' is not ADDRESS:PORT", name);
		addr_name(&r->addr, r->name, sizeof(r->name));
	}
}

static void parse_shards(struct gather *g, int n, char **lists)
{
	g->n = (size_t)n;
	g->shards = calloc(g->n, sizeof(*g->shards));
	if (!g->shards)
		cli_die("no memory");
	for (size_t i = 0; i < g->n; i++) {
		g->shards[i].gather = g;
		parse_replicas(&g->shards[i], lists[i]);
	}
}

static void check_path(const char *path)
{
	if (*path != '/')
		cli_die("path: '%s' does not begin with /", path);
	for (const char *s = path; *s; s++)
		if (*s <= ' ' || *s > '~')
			cli_die("path: what is not printable is to be encoded");
}

static void parse_options(struct gather *g, int argc, char **argv)
{
	int o;

	while ((o = getopt_long(argc, argv, "t:H:p:Nn:i:bw:h", longopts,
				NULL)) != -1) {
		switch (o) {
		case 't':
			g->deadline = cli_seconds("timeout", optarg);
			break;
		case 'H':
			g->hedge = cli_seconds("hedge-after", optarg);
			break;
		case 'p':
			g->percentile = cli_number("percentile", optarg, 1,
						   99);
			break;
		case 'N':
			g->no_hedge = true;
			break;
		case 'n':
			g->rounds = cli_number("rounds", optarg, 1, 1000000);
			break;
		case 'i':
			g->interval = cli_seconds("interval", optarg);
			break;
		case 'b':
			g->bodies = true;
			break;
		case 'w':
			g->workers = cli_number("workers", optarg, 1, 256);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			exit(2);
		}
	}
	if (argc - optind < 2)
		cli_die("a path and a server are wanted; --help tells the "
			"options");
	g->path = argv[optind];
	check_path(g->path);
	parse_shards(g, argc - optind - 1, argv + optind + 1);
}

static void free_shards(struct gather *g)
{
	for (size_t i = 0; i < g->n; i++) {
		shard_forget(&g->shards[i]);
		free(g->shards[i].answers);
		free(g->shards[i].replicas);
	}
	free(g->shards);
}

int main(int argc, char **argv)
{
	static struct gather g = {
		.deadline = OA_SEC,
		.percentile = 95,
		.rounds = 1,
	};
	int err;

	parse_options(&g, argc, argv);
	err = oa_run(first, &g, .workers = g.workers);
	free_shards(&g);
	if (err)
		cli_warn("cannot run: %s", oa_strerror(err));
	if (!err && (fflush(stdout) || ferror(stdout))) {
		cli_warn("standard output: %s", strerror(EIO));
		err = -EIO;
	}
	return err || g.incomplete ? 1 : 0;
}
