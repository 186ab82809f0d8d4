/* SPDX-License-Identifier: MIT */
/*
 * oa-httpd: serves the files of a directory over HTTP/1.1, one task for each
 * connection. The way of a request: server.c accepts, conn.c reads, request.c
 * parses, answer.c decides, cache.c and doc.c find the file, out.c sends.
 */
#include "httpd.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cache.h"

static const char usage[] =
	"usage: oa-httpd [options] DIR\n"
	"  -p, --port PORT          8080 (0: any that is free)\n"
	"  -b, --bind ADDRESS       127.0.0.1\n"
	"  -w, --workers N          as many as there are CPUs\n"
	"      --idle SECONDS       30, the patience with a silent peer\n"
	"      --max-connections N  10000; more are answered with 503\n"
	"      --cache MIB          64, for small files (0: none)\n"
	"      --stats              tell at the end what was done\n"
	"      --quiet              do not tell where it listens\n"
	"  -h, --help\n";

enum { OPT_IDLE = 256, OPT_MAX, OPT_CACHE, OPT_STATS, OPT_QUIET };

static const struct option longopts[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "bind", required_argument, NULL, 'b' },
	{ "workers", required_argument, NULL, 'w' },
	{ "idle", required_argument, NULL, OPT_IDLE },
	{ "max-connections", required_argument, NULL, OPT_MAX },
	{ "cache", required_argument, NULL, OPT_CACHE },
	{ "stats", no_argument, NULL, OPT_STATS },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

__attribute__((noreturn, format(printf, 1, 2)))
static void die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("oa-httpd: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

static double number(const char *what, const char *s, double min, double max)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || *end || !(v >= min && v <= max))
		die("%s: '%s' is not a number from %g to %g", what, s, min,
		    max);
	return v;
}

static unsigned int whole(const char *what, const char *s, unsigned int min,
			  unsigned int max)
{
	double v = number(what, s, min, max);

	if (v != (unsigned int)v)
		die("%s: '%s' is not a whole number", what, s);
	return (unsigned int)v;
}

static void parse_options(struct options *opt, int argc, char **argv)
{
	int o;

	while ((o = getopt_long(argc, argv, "p:b:w:h", longopts, NULL)) != -1) {
		switch (o) {
		case 'p':
			opt->port = (uint16_t)whole("port", optarg, 0, 65535);
			break;
		case 'b':
			opt->address = optarg;
			break;
		case 'w':
			opt->workers = whole("workers", optarg, 1, 256);
			break;
		case OPT_IDLE:
			opt->idle = (oa_time_t)(OA_SEC * number("idle", optarg,
								0.001, 1e6));
			break;
		case OPT_MAX:
			opt->max_connections = whole("max-connections", optarg,
						     1, 10000000);
			break;
		case OPT_CACHE:
			opt->cache_bytes = (size_t)whole("cache", optarg, 0,
							 1 << 20) << 20;
			break;
		case OPT_STATS:
			opt->stats = true;
			break;
		case OPT_QUIET:
			opt->quiet = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			/* getopt_long() has said it. */
			exit(2);
		}
	}
	if (argc - optind != 1)
		die("one directory is wanted; --help tells the options");
	opt->dir = argv[optind];
}

/* Before there are threads: each takes the mask of the one that starts it. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	/* sendfile() knows no MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void raise_fd_limit(void)
{
	struct rlimit lim;

	if (!getrlimit(RLIMIT_NOFILE, &lim)) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

static int run(struct server *srv)
{
	struct oa_runtime *rt;
	int err;

	err = oa_start(&rt, server_task, srv, .workers = srv->opt.workers,
		       .name = "oa-httpd");
	if (!err) {
		err = oa_runtime_wait(rt, NULL);
		if (srv->opt.stats)
			stat_print(srv, rt);
		oa_runtime_free(rt);
	}
	err = err ? err : srv->err;
	if (err)
		fprintf(stderr, "oa-httpd: cannot run: %s\n",
			oa_strerror(err));
	return err ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct server srv = {
		.opt = {
			.address = "127.0.0.1",
			.port = 8080,
			.max_connections = 10000,
			.cache_bytes = 64 << 20,
			.idle = 30 * OA_SEC,
		},
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	int status;

	parse_options(&srv.opt, argc, argv);
	srv.root = open(srv.opt.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (srv.root < 0)
		die("%s: %s", srv.opt.dir, strerror(errno));
	srv.listener = listen_open(&srv.opt);
	if (srv.listener < 0)
		return 1;
	srv.signals = open_signals();
	if (srv.signals < 0)
		die("signalfd: %s", strerror(errno));
	if (srv.opt.cache_bytes) {
		srv.cache = cache_create(srv.opt.cache_bytes);
		if (!srv.cache)
			die("no memory");
	}
	raise_fd_limit();

	status = run(&srv);
	cache_destroy(srv.cache);
	close(srv.signals);
	close(srv.root);
	return status;
}
