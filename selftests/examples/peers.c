/* SPDX-License-Identifier: MIT */
/*
 * Servers with manners, for the tests of clients. usage: peers [-s] ROLE...
 *
 * A role is NAME[:N[:MS]][@ADDRESS], on a free port of 127.0.0.1 or ADDRESS,
 * with -s all on the same one; those that talk talk HTTP.
 *
 *	ok		answers at once, "peer I" for the I-th role
 *	slow:MS		answers after that time
 *	slows:N:MS	answers N times at once, from then on after that time
 *	flap		answers every second request, closes on the others
 *	silent		never answers
 *	error		answers 503
 *	cut		closes before the end of what it has announced
 *	reset		resets the connection
 *	garbage		answers what is not HTTP
 *	endless		never ends its head
 *	echo		no HTTP: sends everything back
 *	dead		does not listen
 *	full		listens, but its backlog is full: no connection is made
 *
 * It prints a line ADDRESS:PORT for each, then "came I" when somebody connects
 * to the I-th, "asked I" when it has been asked, and "left I" when a client has
 * gone before it was answered.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum role {
	OK, SLOW, SLOWS, FLAP, SILENT, ERROR, CUT, RESET, GARBAGE, ENDLESS,
	ECHO_BACK, DEAD, FULL, ROLES
};

static const char *const names[ROLES] = {
	"ok", "slow", "slows", "flap", "silent", "error", "cut", "reset",
	"garbage", "endless", "echo", "dead", "full",
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct peer {
	size_t i;
	enum role role;
	unsigned int n, ms;
	int fd;
	union address addr;
	socklen_t len;
	atomic_uint asked;
};

struct conn {
	struct peer *peer;
	int fd;
};

static void die(const char *what)
{
	fprintf(stderr, "peers: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void say(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return;
}

/* Whether it is still there, looked at for so long. */
static int stays(const struct conn *c, int ms)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN | POLLRDHUP };
	char byte;

	if (poll(&p, 1, ms) > 0 &&
	    recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) {
		printf("left %zu\n", c->peer->i);
		return 0;
	}
	return 1;
}

/* 1 when a request has come, with number *n. */
static int hear(const struct conn *c, unsigned int *n)
{
	char buf[4096];
	size_t len = 0;
	ssize_t got;

	do {
		got = recv(c->fd, buf + len, sizeof(buf) - 1 - len, 0);
		if (got <= 0) {
			/* It need not have got as far as to ask. */
			printf("left %zu\n", c->peer->i);
			return 0;
		}
		len += (size_t)got;
		buf[len] = '\0';
	} while (!strstr(buf, "\r\n\r\n"));
	*n = atomic_fetch_add(&c->peer->asked, 1);
	printf("asked %zu\n", c->peer->i);
	return 1;
}

static void answer(const struct conn *c)
{
	char body[32], text[200];

	snprintf(body, sizeof(body), "peer %zu\n", c->peer->i);
	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu"
		 "\r\nConnection: close\r\n\r\n%s", strlen(body), body);
	say(c->fd, text);
}

static void reset(int fd)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void endless(const struct conn *c)
{
	do {
		say(c->fd, "HTTP/1.1 200 OK\r\nX: y\r\n");
	} while (stays(c, 1));
}

static void react(const struct conn *c, unsigned int n)
{
	const struct peer *p = c->peer;

	switch (p->role) {
	case SLOW:
	case SLOWS:
		if ((p->role == SLOWS && n < p->n) || stays(c, (int)p->ms))
			answer(c);
		break;
	case FLAP:
		if (n % 2)
			answer(c);
		break;
	case SILENT:
		stays(c, -1);
		break;
	case ERROR:
		say(c->fd, "HTTP/1.1 503 Not now\r\nContent-Length: 0\r\n\r\n");
		break;
	case CUT:
		say(c->fd, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf");
		break;
	case RESET:
		reset(c->fd);
		break;
	case GARBAGE:
		say(c->fd, "SSH-2.0-hello\r\n\r\n");
		break;
	case ENDLESS:
		endless(c);
		break;
	default:
		answer(c);
	}
}

static void echo(int fd)
{
	char buf[4096];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		if (send(fd, buf, (size_t)n, MSG_NOSIGNAL) != n)
			break;
}

static void *conn_thread(void *conn)
{
	struct conn *c = conn;
	unsigned int n;

	if (c->peer->role == ECHO_BACK)
		echo(c->fd);
	else if (hear(c, &n))
		react(c, n);
	close(c->fd);
	free(c);
	return NULL;
}

__attribute__((noreturn))
static void *peer_thread(void *peer)
{
	struct peer *p = peer;
	pthread_t t;

	for (;;) {
		struct conn *c = malloc(sizeof(*c));

		if (!c)
			die("malloc");
		c->peer = p;
		c->fd = accept(p->fd, NULL, NULL);
		if (c->fd < 0)
			die("accept");
		printf("came %zu\n", p->i);
		if (pthread_create(&t, NULL, conn_thread, c))
			die("thread");
		pthread_detach(t);
	}
}

/* Until a connection is not made at once: then none will be. */
static void fill(const struct peer *p)
{
	struct pollfd w = { .events = POLLOUT };

	do {
		w.fd = socket(p->addr.any.sa_family,
			      SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (w.fd < 0)
			die("socket");
		if (connect(w.fd, &p->addr.any, p->len) &&
		    errno != EINPROGRESS)
			die("connect");
	} while (poll(&w, 1, 300) > 0);
}

static void parse(struct peer *p, char *s)
{
	const char *ip = "127.0.0.1";
	char *at = strchr(s, '@');
	char name[16] = "";

	if (at) {
		*at = '\0';
		ip = at + 1;
	}
	sscanf(s, "%15[a-z]:%u:%u", name, &p->n, &p->ms);
	while (p->role < ROLES && strcmp(names[p->role], name))
		p->role++;
	if (p->role == SLOW)
		p->ms = p->n;
	p->len = sizeof(p->addr.v4);
	p->addr.v4.sin_family = AF_INET;
	if (inet_pton(AF_INET, ip, &p->addr.v4.sin_addr) != 1) {
		p->len = sizeof(p->addr.v6);
		p->addr.v6.sin6_family = AF_INET6;
		if (inet_pton(AF_INET6, ip, &p->addr.v6.sin6_addr) != 1)
			p->role = ROLES;
	}
	if (p->role == ROLES) {
		fprintf(stderr, "peers: what is '%s'?\n", s);
		exit(2);
	}
}

/* Both families have it at the same place. */
static int open_at(struct peer *p, in_port_t port)
{
	int on = 1;

	p->fd = socket(p->addr.any.sa_family, SOCK_STREAM, 0);
	if (p->fd < 0)
		return -1;
	setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	p->addr.v4.sin_port = port;
	if (bind(p->fd, &p->addr.any, p->len))
		return -1;
	return getsockname(p->fd, &p->addr.any, &p->len);
}

static void begin(struct peer *p)
{
	char ip[64];
	pthread_t t;

	if (p->role != DEAD && listen(p->fd, p->role == FULL ? 0 : 128))
		die("listen");
	if (p->role == FULL)
		fill(p);
	else if (p->role != DEAD &&
		 pthread_create(&t, NULL, peer_thread, p))
		die("thread");
	inet_ntop(p->addr.any.sa_family, p->len == sizeof(p->addr.v4) ?
		  (void *)&p->addr.v4.sin_addr : &p->addr.v6.sin6_addr, ip,
		  sizeof(ip));
	printf(strchr(ip, ':') ? "[%s]:%u\n" : "%s:%u\n", ip,
	       ntohs(p->addr.v4.sin_port));
}

int main(int argc, char **argv)
{
	int same = argc > 1 && !strcmp(argv[1], "-s");
	size_t n = (size_t)(argc - 1 - same);
	struct peer *peers = calloc(n + 1, sizeof(*peers));
	in_port_t port = 0;

	if (!peers)
		die("calloc");
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < n; i++) {
		peers[i].i = i + 1;
		parse(&peers[i], argv[1 + same + (int)i]);
		if (open_at(&peers[i], port))
			die("bind");
		if (same)
			port = peers[i].addr.v4.sin_port;
	}
	for (size_t i = 0; i < n; i++)
		begin(&peers[i]);
	puts("ready");
	for (;;)
		pause();
}
