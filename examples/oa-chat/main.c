/* SPDX-License-Identifier: MIT */
/*
 * oa-chat: whoever connects hears what the others say. A task for each
 * connection, and one channel on which every line goes to all of them.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../cli.h"
#include "chat.h"

#define BACKLOG		128
#define PAUSE		(100 * OA_MSEC)
#define GRACE		(2 * OA_SEC)
/* Lines for slow peers wait in the channel, where it is known how many. */
#define SEND_BUFFER	16384

struct server {
	struct room room;
	struct oa_backpressure places;
	unsigned int port, workers, max_clients, keep;
	int listener, signals;
};

static void refuse(int fd)
{
	static const char full[] = "* the room is full\n";

	oa_send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	oa_close(fd);
}

static void welcome(struct server *srv, int fd, uint64_t id)
{
	struct client *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (c) {
		c->room = &srv->room;
		c->fd = fd;
		c->id = id;
		oa_waitgroup_add(&srv->room.present, 1);
		err = oa_go(client_task, c, .backpressure = &srv->places,
			    .on_drop = client_drop, .name = "client");
		if (err) {
			oa_waitgroup_done(&srv->room.present);
			free(c);
		}
	}
	if (err)
		refuse(fd);
}

static void *accept_task(void *server)
{
	struct server *srv = server;
	uint64_t id = 0;

	for (;;) {
		int fd = oa_accept4(srv->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd == -ECANCELED)
			return NULL;
		if (fd < 0)
			oa_sleep(PAUSE);
		else
			welcome(srv, fd, ++id);
	}
}

/* Those who are there are told; those who do not even read are left behind. */
static void *server_task(void *server)
{
	struct server *srv = server;
	oa_task_t acceptor = oa_spawn(accept_task, srv, .name = "accept");

	if (oa_task_error(acceptor))
		cli_die("task: %s", oa_strerror(oa_task_error(acceptor)));
	printf("listening on 127.0.0.1:%u\n", srv->port);
	fflush(stdout);
	cli_signal_take(srv->signals);
	oa_cancel(acceptor);
	oa_join(acceptor, NULL);
	oa_close(srv->listener);
	room_close(&srv->room);
	if (oa_waitgroup_wait_until(&srv->room.present, oa_after(GRACE)))
		fputs("some did not listen\n", stderr);
	oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL);
	return NULL;
}

static int listen_on(unsigned int *port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1, size = SEND_BUFFER;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Inherited by what is accepted. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&a, len) || listen(fd, BACKLOG) ||
	    getsockname(fd, (struct sockaddr *)&a, &len)) {
		int err = -errno;

		close(fd);
		return err;
	}
	*port = ntohs(a.sin_port);
	return fd;
}

static const char usage[] =
	"usage: oa-chat [options]\n"
	"  -p, --port PORT        7001 (0: any that is free)\n"
	"  -i, --idle SECONDS     600, the patience with the silent\n"
	"  -k, --keep LINES       256, that one may be behind\n"
	"  -m, --max-clients N    1000\n"
	"  -w, --workers N        threads; as many as there are CPUs\n"
	"  -h, --help\n";

static const struct option longopts[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "idle", required_argument, NULL, 'i' },
	{ "keep", required_argument, NULL, 'k' },
	{ "max-clients", required_argument, NULL, 'm' },
	{ "workers", required_argument, NULL, 'w' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void parse_options(struct server *srv, int argc, char **argv)
{
	int o;

	while ((o = getopt_long(argc, argv, "p:i:k:m:w:h", longopts,
				NULL)) != -1) {
		switch (o) {
		case 'p':
			srv->port = cli_number("port", optarg, 0, 65535);
			break;
		case 'i':
			srv->room.idle = cli_seconds("idle", optarg);
			break;
		case 'k':
			srv->keep = cli_number("keep", optarg, 1, 65536);
			break;
		case 'm':
			srv->max_clients = cli_number("max-clients", optarg, 1,
						      1000000);
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
		cli_die("'%s' is not an option; --help tells them",
			argv[optind]);
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
	static struct server srv = {
		.room = { .idle = 600 * OA_SEC },
		.port = 7001,
		.keep = 256,
		.max_clients = 1000,
	};
	int err;

	parse_options(&srv, argc, argv);
	srv.listener = listen_on(&srv.port);
	if (srv.listener < 0) {
		cli_warn("port %u: %s", srv.port, oa_strerror(srv.listener));
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	srv.signals = cli_signals();
	raise_fd_limit();
	oa_backpressure_init(&srv.places, srv.max_clients,
			     OA_BACKPRESSURE_LOSSY);
	err = room_open(&srv.room, srv.keep);
	if (!err)
		err = oa_run(server_task, &srv, .workers = srv.workers);
	if (err)
		cli_warn("cannot run: %s", oa_strerror(err));
	oa_chan_destroy(srv.room.lines);
	close(srv.signals);
	return err ? 1 : 0;
}
