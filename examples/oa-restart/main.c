/* SPDX-License-Identifier: MIT */
/*
 * oa-restart: a server that starts itself anew without refusing or cutting a
 * connection. On SIGHUP or SIGUSR2 a new process takes the listening socket
 * over, and the old one serves what it has accepted to the end.
 */
#include "restart.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../cli.h"

static const int handled[] = { SIGHUP, SIGUSR2, SIGINT, SIGTERM };

/* Before there are threads: each takes the mask of the one that starts it. */
static int open_signals(struct server *srv)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(handled) / sizeof(*handled); i++)
		sigaddset(&set, handled[i]);
	pthread_sigmask(SIG_BLOCK, &set, &srv->mask);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int signals_next(const struct server *srv)
{
	struct signalfd_siginfo si;
	ssize_t n;

	do {
		n = oa_read(srv->signals, &si, sizeof(si));
	} while (n == -EINTR);
	return n < 0 ? (int)n : (int)si.ssi_signo;
}

void tell(const struct server *srv, const char *format, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	printf("generation %u, process %d: %s\n", srv->generation,
	       (int)getpid(), text);
	fflush(stdout);
}

/* Returns when this process is not to accept connections any more. */
static void serve(struct server *srv)
{
	char name[ADDR_NAME_MAX];
	int signo;

	addr_name(&srv->addr, name, sizeof(name));
	tell(srv, "listening on %s", name);
	handover_ready(srv);
	do {
		signo = signals_next(srv);
	} while ((signo == SIGHUP || signo == SIGUSR2) && handover_give(srv));
}

static void *first(void *server)
{
	struct server *srv = server;

	srv->err = serve_begin(srv);
	if (!srv->err)
		serve(srv);
	serve_end(srv);
	return NULL;
}

static const char usage[] =
	"usage: oa-restart [options]\n"
	"  -p, --port PORT      7002 (0: any that is free)\n"
	"  -b, --bind ADDRESS   127.0.0.1\n"
	"  -g, --grace SECONDS  30, for connections when it is to end\n"
	"  -d, --delay SECONDS  before each answer; none\n"
	"  -w, --workers N      threads; as many as there are CPUs\n"
	"  -h, --help\n"
	"SIGHUP and SIGUSR2 start it anew, SIGINT and SIGTERM end it\n";

static const struct option longopts[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "bind", required_argument, NULL, 'b' },
	{ "grace", required_argument, NULL, 'g' },
	{ "delay", required_argument, NULL, 'd' },
	{ "workers", required_argument, NULL, 'w' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void parse_options(struct server *srv, int argc, char **argv)
{
	const char *address = "127.0.0.1";
	unsigned int port = 7002;
	int o;

	while ((o = getopt_long(argc, argv, "p:b:g:d:w:h", longopts,
				NULL)) != -1) {
		switch (o) {
		case 'p':
			port = cli_number("port", optarg, 0, 65535);
			break;
		case 'b':
			address = optarg;
			break;
		case 'g':
			srv->grace = cli_seconds("grace", optarg);
			break;
		case 'd':
			srv->work = cli_seconds("delay", optarg);
			break;
		case 'w':
			srv->workers = cli_number("workers", optarg, 1, 256);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			exit(2);
		}
	}
	if (optind != argc)
		cli_die("'%s' is too much; --help tells the options",
			argv[optind]);
	if (addr_make(&srv->addr, address, port))
		cli_die("'%s' is not an IP address", address);
}

static void get_listener(struct server *srv)
{
	char name[ADDR_NAME_MAX];
	int err = handover_take(srv);

	if (err == -EINVAL)
		cli_die("the environment does not hold a listening socket");
	if (!err)
		err = serve_listen(srv);
	if (err >= 0)
		return;
	addr_name(&srv->addr, name, sizeof(name));
	cli_warn("%s: %s", name, oa_strerror(err));
	exit(1);
}

static void raise_fd_limit(void)
{
	struct rlimit lim;

	if (!getrlimit(RLIMIT_NOFILE, &lim)) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

int main(int argc, char **argv)
{
	static struct server srv = { .grace = 30 * OA_SEC };
	int err;

	srv.argv = argv;
	/* Who waited for us to begin, or reads what we say, may be gone. */
	signal(SIGPIPE, SIG_IGN);
	parse_options(&srv, argc, argv);
	get_listener(&srv);
	srv.signals = open_signals(&srv);
	if (srv.signals < 0)
		cli_die("signalfd: %s", strerror(errno));
	raise_fd_limit();

	err = oa_run(first, &srv, .workers = srv.workers);
	err = err ? err : srv.err;
	if (err) {
		cli_warn("cannot run: %s", oa_strerror(err));
		return 1;
	}
	tell(&srv, "ends, %llu served, %llu cut", srv.served, srv.cut);
	return 0;
}
