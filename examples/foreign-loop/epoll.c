// SPDX-License-Identifier: MIT
/*
 * oa-epoll-loop: a server around epoll in which tasks run: the runtime is one
 * more descriptor of the loop.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../cli.h"
#include "request.h"

#define PAUSE		(100 * OA_MSEC)

struct conn {
	int fd;				/* -1: closed */
	unsigned int held;
	struct line line;
	struct conn *next;
};

static struct oa_runtime *rt;
static struct oa_post_node stop;
static struct conn *conns;
static int ep, listener;

void conn_hold(struct conn *c)
{
	c->held++;
}

void conn_let_go(struct conn *c)
{
	struct conn **p = &conns;

	if (--c->held)
		return;
	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	free(c);
}

static void conn_close(struct conn *c)
{
	if (c->fd < 0)
		return;
	close(c->fd);
	c->fd = -1;
	conn_let_go(c);
}

/* Who does not read what it asked for is not waited for. */
void conn_answer(struct conn *c, const char *text, size_t n)
{
	if (c->fd >= 0 && send(c->fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL) !=
				  (ssize_t)n)
		conn_close(c);
}

static void on_bytes(struct conn *c)
{
	char buf[4096];
	ssize_t n;

	if (c->fd < 0)
		return;
	n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n > 0)
		request_bytes(rt, c, &c->line, buf, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		conn_close(c);
}

static int watch(int fd, void *what)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = what };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

static void *listen_later(void *arg)
{
	while (!oa_sleep(PAUSE) && watch(listener, &listener))
		;
	return arg;
}

/*
 * Who cannot be accepted, for want of descriptors, keeps the listener readable:
 * the loop would come back at once, again and again.
 */
static void on_refusal(int err)
{
	if (err == EAGAIN || err == EINTR || err == ECONNABORTED)
		return;
	if (!oa_go(listen_later, NULL, .runtime = rt))
		epoll_ctl(ep, EPOLL_CTL_DEL, listener, NULL);
}

static void on_connection(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct conn *c;

	if (fd < 0) {
		on_refusal(errno);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c || watch(fd, c)) {
		free(c);
		close(fd);
		return;
	}
	c->fd = fd;
	c->held = 1;
	c->next = conns;
	conns = c;
}

/* In a task, which a signal handler has posted. */
static void *shut_down(void *arg)
{
	oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL);
	return arg;
}

static void on_signal(int sig)
{
	(void)sig;
	oa_post_prepared(&stop);
}

/*
 * One event at a time, as what it does may close what the next is about. False:
 * the runtime is over.
 */
static int turn(void)
{
	struct epoll_event ev;

	if (epoll_wait(ep, &ev, 1, -1) < 1)
		return 1;
	if (ev.data.ptr == &rt)
		return oa_poll_once(rt, 0) != -ESHUTDOWN;
	if (ev.data.ptr == &listener)
		on_connection();
	else
		on_bytes(ev.data.ptr);
	return 1;
}

static void listen_on(unsigned int port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(a);
	int on = 1;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			  0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (listener < 0 || bind(listener, (struct sockaddr *)&a, len) ||
	    listen(listener, 128) ||
	    getsockname(listener, (struct sockaddr *)&a, &len))
		cli_die("port %u: %s", port, strerror(errno));
	printf("listening on 127.0.0.1:%d\n", ntohs(a.sin_port));
	fflush(stdout);
}

static unsigned int parse_options(int argc, char **argv)
{
	unsigned int port = 7000;
	int o;

	opterr = 0;
	while ((o = getopt(argc, argv, "p:")) == 'p')
		port = cli_number("port", optarg, 0, 65535);
	if (o != -1 || optind != argc)
		cli_die("usage: oa-epoll-loop [-p port]");
	return port;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	unsigned int port = parse_options(argc, argv);
	int err = oa_start(&rt, request_keeper, NULL, .external = true);

	if (err < 0)
		cli_die("cannot run: %s", oa_strerror(err));
	stop = (struct oa_post_node)OA_POST_NODE(rt, shut_down, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	ep = epoll_create1(EPOLL_CLOEXEC);
	listen_on(port);
	if (watch(oa_runtime_fd(rt), &rt) || watch(listener, &listener))
		cli_die("epoll: %s", strerror(errno));
	while (turn())
		;
	oa_runtime_wait(rt, NULL);
	oa_runtime_free(rt);
	while (conns)
		conn_close(conns);
	return 0;
}
