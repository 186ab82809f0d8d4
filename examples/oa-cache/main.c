/* SPDX-License-Identifier: MIT */
/*
 * oa-cache: a cache in memory that clients of Redis can use. The way of a
 * request: conn.c reads it, command.c finds who is to do it, one of strings.c,
 * lists.c and so on does, by db.c and table.c; reply.c writes the answer.
 */
#include "cache.h"

#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../addr.h"
#include "../cli.h"

#define BACKLOG		4096
#define PAUSE		(100 * OA_MSEC)
#define GRACE		(10 * OA_SEC)

static const char usage[] =
	"usage: oa-cache [-p PORT] [-b ADDRESS] [-w WORKERS] [-c CLIENTS] [-m MIB [-e]]\n"
	"                [-s FILE]\n"
	"-e at the limit of memory forgets what is least used, -s loads a snapshot\n"
	"from FILE and saves it there at the end.\n";

struct server server = {
	.address = "127.0.0.1", .port = 6379, .workers = 1, .max_clients = 10000,
};

static void parse_options(int argc, char **argv)
{
	int o;

	while ((o = getopt(argc, argv, "p:b:w:c:m:es:h")) != -1) {
		if (o == 'p')
			server.port = cli_number("port", optarg, 0, 65535);
		else if (o == 'b')
			server.address = optarg;
		else if (o == 'w')
			server.workers = cli_number("workers", optarg, 1, 256);
		else if (o == 'c')
			server.max_clients = cli_number("clients", optarg, 1, 10000000);
		else if (o == 'm')
			db.limit = (size_t)cli_number("memory", optarg, 0, 1 << 24) << 20;
		else if (o == 'e')
			db.evicts = true;
		else if (o == 's')
			server.file = optarg;
		else
			exit(o == 'h' ? !fputs(usage, stdout) : 2);
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
	void *arg = (void *)(intptr_t)fd;

	if (++server.clients > server.max_clients)
		oa_send(fd, full, sizeof(full) - 1, MSG_DONTWAIT);
	else if (!oa_go(conn_task, arg, .on_drop = drop, .name = "client"))
		return;
	drop(arg);
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
		err = oa_go(accept_task, NULL, .worker = OA_WORKER(i), .name = "accept");
	if (!err) {
		printf("listening on %s:%u\n", server.address, server.port);
		fflush(stdout);
		cli_signal_take(server.signals);
	}
	oa_shutdown_until(NULL, OA_SHUTDOWN_GRACEFUL, oa_after(GRACE));
	return unused;
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
		cli_die("cannot listen on %s port %u: %s", server.address, server.port,
			strerror(errno));
	/* The port stands in the same place in both kinds of address. */
	server.port = ntohs(((struct sockaddr_in *)&a.sa)->sin_port);
	server.listener = fd;
}

/* After the last task. A child that is still at it has older data. */
static int save_at_end(void)
{
	int err;

	if (server.child) {
		kill(server.child, SIGKILL);
		waitpid(server.child, NULL, 0);
	}
	err = server.file && !server.no_save ? snapshot_write() : 0;
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
	/* What is large is mapped: it is enlarged without being copied. */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	/* What is freed is merged then, not all at once in a later call. */
	mallopt(M_MXFAST, 0);
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
	err = oa_start(&rt, first_task, NULL, .workers = server.workers, .name = "oa-cache");
	if (!err) {
		err = oa_runtime_wait(rt, NULL);
		oa_runtime_free(rt);
	}
	if (err)
		cli_warn("cannot run: %s", oa_strerror(err));
	return err || save_at_end();
}
