/* SPDX-License-Identifier: MIT */
/*
 * oa-cache: a cache in memory that clients of Redis can use. The way of a
 * request: conn.c reads it, command.c finds who is to do it, one of strings.c,
 * lists.c and so on does, by db.c and the tables; reply.c writes the answer.
 */
#include "cache.h"

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../addr.h"
#include "../cli.h"

#define BACKLOG		4096
#define PAUSE		(100 * OA_MSEC)
#define GRACE		(10 * OA_SEC)

struct server server = {
	.address = "127.0.0.1", .port = 6379, .workers = 1, .max_clients = 10000,
};

static const char usage[] =
	"usage: oa-cache [options]\n"
	"  -p, --port PORT          6379 (0: any that is free)\n"
	"  -b, --bind ADDRESS       127.0.0.1\n"
	"  -w, --workers N          1\n"
	"  -m, --max-memory MIB     0, no limit\n"
	"  -e, --evict              at the limit forget what is least used\n"
	"  -c, --max-clients N      10000\n"
	"  -s, --snapshot FILE      loaded at the start, written at the end\n"
	"  -h, --help\n";

static const struct option options[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "bind", required_argument, NULL, 'b' },
	{ "workers", required_argument, NULL, 'w' },
	{ "max-memory", required_argument, NULL, 'm' },
	{ "evict", no_argument, NULL, 'e' },
	{ "max-clients", required_argument, NULL, 'c' },
	{ "snapshot", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void parse_options(int argc, char **argv)
{
	int o;

	while ((o = getopt_long(argc, argv, "p:b:w:m:ec:s:h", options, NULL)) != -1)
		switch (o) {
		case 'p':
			server.port = cli_number("port", optarg, 0, 65535);
			break;
		case 'b':
			server.address = optarg;
			break;
		case 'w':
			server.workers = cli_number("workers", optarg, 1, 256);
			break;
		case 'm':
			db.limit = (size_t)cli_number("max-memory", optarg, 0,
						      1 << 24) << 20;
			break;
		case 'e':
			db.evicts = true;
			break;
		case 'c':
			server.max_clients = cli_number("max-clients", optarg,
							1, 10000000);
			break;
		case 's':
			server.file = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			exit(2);	/* getopt_long() has said it */
		}
	if (optind < argc)
		cli_die("'%s' is no option", argv[optind]);
}

static void drop(void *fd)
{
	server.clients--;
	close((int)(intptr_t)fd);
}

static void serve(int fd)
{
	static const char full[] = "-ERR max number of clients reached\r\n";

	if (++server.clients > server.max_clients) {
		oa_send(fd, full, sizeof(full) - 1, MSG_DONTWAIT);
		drop((void *)(intptr_t)fd);
	} else if (oa_go(conn_task, (void *)(intptr_t)fd, .on_drop = drop,
			 .name = "client")) {
		drop((void *)(intptr_t)fd);
	}
}

/* One for each worker. */
static void *accept_task(void *unused)
{
	for (;;) {
		int fd = oa_accept4(server.listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			serve(fd);
		else if (fd == -ECANCELED || oa_sleep(PAUSE))
			return unused;
	}
}

static void *first_task(void *unused)
{
	int err = oa_go(db_sweep, NULL, .name = "sweep");

	for (int i = 0; i < (int)server.workers && !err; i++)
		err = oa_go(accept_task, NULL, .worker = OA_WORKER(i),
			    .name = "accept");
	if (!err) {
		printf("listening on %s:%u\n", server.address, server.port);
		fflush(stdout);
		err = cli_signal_take(server.signals);
	}
	oa_shutdown_until(NULL, OA_SHUTDOWN_GRACEFUL, oa_after(GRACE));
	return err < 0 ? oa_err(err) : unused;
}

static void listen_on(void)
{
	struct addr a;
	int on = 1, fd;

	if (addr_make(&a, server.address, server.port))
		cli_die("'%s' is no IP address", server.address);
	fd = socket(a.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Inherited by what is accepted. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (fd < 0 || bind(fd, addr_sa(&a), a.len) || listen(fd, BACKLOG) ||
	    getsockname(fd, (struct sockaddr *)&a.sa, &a.len))
		cli_die("cannot listen on %s port %u: %s", server.address,
			server.port, strerror(errno));
	/* The port stands in the same place in both kinds of address. */
	server.port = ntohs(((struct sockaddr_in *)&a.sa)->sin_port);
	server.listener = fd;
}

/* After the last task. A child that is at it would have older data. */
static int save_at_end(void)
{
	int err;

	if (server.child) {
		kill(server.child, SIGKILL);
		waitpid(server.child, NULL, 0);
	}
	if (!server.file || server.no_save)
		return 0;
	err = snapshot_write();
	if (err)
		cli_warn("%s: %s", server.file, oa_strerror(err));
	return err;
}

int main(int argc, char **argv)
{
	struct oa_runtime *rt;
	struct rlimit lim;
	int err;

	parse_options(argc, argv);
	/* Large arrays are mapped, so that zeros and growth cost no copying. */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	if (!getrlimit(RLIMIT_NOFILE, &lim)) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	listen_on();
	err = server.file ? snapshot_load() : 0;
	if (err)
		cli_die("%s: %s", server.file, oa_strerror(err));
	server.signals = cli_signals();
	server.began = server.saved = now_ms() / 1000;
	db.shared = server.workers > 1;
	err = oa_start(&rt, first_task, NULL, .workers = server.workers,
		       .name = "oa-cache");
	if (!err) {
		err = oa_runtime_wait(rt, NULL);
		oa_runtime_free(rt);
	}
	if (err)
		cli_warn("cannot run: %s", oa_strerror(err));
	return err || save_at_end();
}
