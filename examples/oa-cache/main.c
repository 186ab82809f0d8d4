/* SPDX-License-Identifier: MIT */
/*
 * oa-cache: a cache in memory that clients of Redis can use. The way of a
 * request: conn.c reads it, command.c finds who is to do it, in keys.c,
 * elements.c or admin.c; db.c and table.c keep the data, reply.c answers.
 */
#include "cache.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../addr.h"
#include "../cli.h"

static const char usage[] =
	"usage: oa-cache [-p PORT] [-b ADDRESS] [-w WORKERS] [-m MIB [-e]]\n"
	"                [-s FILE]\n";

struct server server = { .address = "127.0.0.1", .port = 6379, .workers = 1 };

static void parse_options(int argc, char **argv)
{
	int o;

	while ((o = getopt(argc, argv, "p:b:w:m:es:h")) != -1) {
		if (o == 'p')
			server.port = cli_number("port", optarg, 0, 65535);
		else if (o == 'b')
			server.address = optarg;
		else if (o == 'w')
			server.workers = cli_number("workers", optarg, 1, 256);
		else if (o == 'm')
			db.limit = cli_number("memory", optarg, 0, 1 << 24);
		else if (o == 'e')
			db.evicts = true;
		else if (o == 's')
			server.file = optarg;
		else
			exit(o == 'h' ? !fputs(usage, stdout) : 2);
	}
	if (optind < argc)
		cli_die("'%s' is no option", argv[optind]);
	db.limit <<= 20;
	db.shared = server.workers > 1;
}

/* One for each worker. */
static void *accept_task(void *unused)
{
	for (;;) {
		int fd = oa_accept4(server.listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0 && oa_go(conn_task, (void *)(intptr_t)fd))
			close(fd);
		if (fd < 0 && (fd == -ECANCELED || oa_sleep(100 * OA_MSEC)))
			return unused;
	}
}

static void *first_task(void *signals)
{
	int err = oa_go(db_sweep, NULL);

	for (int i = 0; i < (int)server.workers && !err; i++)
		err = oa_go(accept_task, NULL, .worker = OA_WORKER(i));
	if (!err) {
		printf("listening on %s:%u\n", server.address, server.port);
		fflush(stdout);
		cli_signal_take((int)(intptr_t)signals);
	}
	oa_shutdown_until(NULL, OA_SHUTDOWN_GRACEFUL, oa_after(10 * OA_SEC));
	return NULL;
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
	if (fd < 0 || bind(fd, addr_sa(&a), a.len) || listen(fd, 4096) ||
	    getsockname(fd, (struct sockaddr *)&a.sa, &a.len))
		cli_die("cannot listen on %s port %u: %s", server.address,
			server.port, strerror(errno));
	/* The port stands in the same place in both kinds of address. */
	server.port = ntohs(((struct sockaddr_in *)&a.sa)->sin_port);
	server.listener = fd;
}

int main(int argc, char **argv)
{
	struct oa_runtime *rt;
	struct rlimit lim;
	int err;

	parse_options(argc, argv);
	command_init();
	/* What is large is mapped: it is enlarged without being copied. */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	/* What is freed is merged then, not all at once in a later call. */
	mallopt(M_MXFAST, 0);
	if (!getrlimit(RLIMIT_NOFILE, &lim))
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){ lim.rlim_max,
							   lim.rlim_max });
	listen_on();
	err = server.file ? snapshot_load() : 0;
	if (err)
		cli_die("%s: %s", server.file, oa_strerror(err));
	err = oa_start(&rt, first_task, (void *)(intptr_t)cli_signals(),
		       .workers = server.workers);
	if (!err) {
		err = oa_runtime_wait(rt, NULL);
		oa_runtime_free(rt);
	}
	/* A child that is still at it has older data. */
	if (server.child)
		waitpid(server.child, NULL, 0);
	if (!err && server.file)
		err = snapshot_write();
	if (err)
		cli_warn("cannot run, or save: %s", oa_strerror(err));
	return err != 0;
}
