/* SPDX-License-Identifier: MIT */
/* oa-echo: sends back what it receives, one task for each connection. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <oa.h>

#define BUF_SIZE	4096
#define BACKLOG		4096
#define PAUSE		(100 * OA_MSEC)

struct server {
	int listener;
	int signals;
	int port;
	unsigned int workers;
};

static void *echo_task(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[BUF_SIZE];
	ssize_t n;

	while ((n = oa_recv(fd, buf, sizeof(buf), 0)) > 0)
		if (oa_send_all(fd, buf, (size_t)n, NULL))
			break;
	oa_close(fd);
	return NULL;
}

static void drop(void *arg)
{
	close((int)(intptr_t)arg);
}

static void *accept_task(void *arg)
{
	struct server *srv = arg;

	for (;;) {
		int fd = oa_accept4(srv->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd == -ECANCELED)
			return NULL;
		if (fd < 0)
			oa_sleep(PAUSE);
		else if (oa_go(echo_task, (void *)(intptr_t)fd,
			       .on_drop = drop))
			oa_close(fd);
	}
}

/* When this returns, the runtime is told to end: no connection is waited for. */
static void *server_task(void *arg)
{
	struct server *srv = arg;
	struct oa_stats st = OA_STATS_INIT;
	struct signalfd_siginfo si;

	if (oa_stats(NULL, &st))
		st.workers = 1;
	for (unsigned int i = 0; i < st.workers; i++)
		if (oa_go(accept_task, srv, .worker = OA_WORKER((int)i)))
			return oa_err(-ENOMEM);
	printf("listening on 127.0.0.1:%d\n", srv->port);
	fflush(stdout);
	while (oa_read(srv->signals, &si, sizeof(si)) == -EINTR)
		;
	oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL);
	return NULL;
}

static int listen_on(int *port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Inherited by what is accepted. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, len) || listen(fd, BACKLOG) ||
	    getsockname(fd, (struct sockaddr *)&a, &len)) {
		int err = -errno;

		close(fd);
		return err;
	}
	*port = ntohs(a.sin_port);
	return fd;
}

static int number(const char *s, int min, int max)
{
	char *end;
	long v = strtol(s, &end, 10);

	if (end == s || *end || v < min || v > max) {
		fprintf(stderr, "oa-echo: '%s' is not a number from %d to %d\n",
			s, min, max);
		exit(2);
	}
	return (int)v;
}

static void parse_options(struct server *srv, int argc, char **argv)
{
	int o;

	opterr = 0;
	while ((o = getopt(argc, argv, "p:w:")) != -1) {
		if (o == 'p')
			srv->port = number(optarg, 0, 65535);
		else if (o == 'w')
			srv->workers = (unsigned int)number(optarg, 1, 256);
		else
			break;
	}
	if (o != -1 || optind != argc) {
		fputs("usage: oa-echo [-p port] [-w workers]\n", stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct server srv = { .port = 7000 };
	struct rlimit lim;
	sigset_t set;
	int err;

	parse_options(&srv, argc, argv);
	srv.listener = listen_on(&srv.port);
	if (srv.listener < 0) {
		fprintf(stderr, "oa-echo: port %d: %s\n", srv.port,
			oa_strerror(srv.listener));
		return 1;
	}
	if (!getrlimit(RLIMIT_NOFILE, &lim)) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	/* Blocked before there are threads, so that all of them block it. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	srv.signals = signalfd(-1, &set, SFD_CLOEXEC);

	err = oa_run(server_task, &srv, .workers = srv.workers);
	if (err)
		fprintf(stderr, "oa-echo: cannot run: %s\n", oa_strerror(err));
	return err ? 1 : 0;
}
