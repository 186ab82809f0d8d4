/* SPDX-License-Identifier: MIT */
/*
 * The serving: a task for each connection, which gives back each line with the
 * number of the generation before it. Two scopes hold the tasks: one those
 * that accept, which end at once, and one the connections, which may take
 * their time.
 */
#include "restart.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../cli.h"

#define BACKLOG		4096
#define PAUSE		(50 * OA_MSEC)
#define LINE_MAX	1024

struct conn {
	struct server *srv;
	int fd;
};

/* Before there is a runtime: none of these calls waits. */
int serve_listen(struct server *srv)
{
	int fd, on = 1;

	fd = socket(srv->addr.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(fd, addr_sa(&srv->addr), srv->addr.len) ||
	    listen(fd, BACKLOG) ||
	    getsockname(fd, (struct sockaddr *)&srv->addr.sa,
			&srv->addr.len)) {
		int err = -errno;

		close(fd);
		return err;
	}
	srv->listener = fd;
	return 0;
}

static int answer(const struct conn *c, const char *line, size_t n)
{
	char text[LINE_MAX + 16];
	int err = 0, len;

	len = snprintf(text, sizeof(text), "%u %.*s\n", c->srv->generation,
		       (int)n, line);
	if (c->srv->work)
		err = oa_sleep(c->srv->work);
	return err ? err : oa_send_all(c->fd, text, (size_t)len, NULL);
}

/* All lines that are complete; what is left moves to the front. */
static int answer_lines(const struct conn *c, char *buf, size_t *n)
{
	char *at = buf, *end;
	int err = 0;

	while (!err && (end = memchr(at, '\n', *n))) {
		size_t len = (size_t)(end - at);

		err = answer(c, at, len);
		at = end + 1;
		*n -= len + 1;
	}
	memmove(buf, at, *n);
	if (!err && *n == LINE_MAX)
		err = -EMSGSIZE;
	return err;
}

/* 0 when the peer has said all and been answered. */
static int converse(const struct conn *c)
{
	char buf[LINE_MAX];
	size_t n = 0;
	ssize_t got;
	int err = 0;

	while (!err) {
		got = oa_recv(c->fd, buf + n, sizeof(buf) - n, 0);
		if (got == -EINTR)
			continue;
		if (got <= 0)
			return (int)got;
		n += (size_t)got;
		err = answer_lines(c, buf, &n);
	}
	return err;
}

static void *conn_task(void *conn)
{
	struct conn *c = conn;
	int err = converse(c);

	atomic_fetch_add(err == -ECANCELED ? &c->srv->cut : &c->srv->served, 1);
	oa_close(c->fd);
	return NULL;
}

static void conn_drop(void *conn)
{
	struct conn *c = conn;

	atomic_fetch_add(&c->srv->cut, 1);
	close(c->fd);
}

static void serve(struct server *srv, int fd)
{
	struct conn c = { srv, fd };

	if (oa_go(conn_task, &c, .copy = sizeof(c), .on_drop = conn_drop,
		  .scope = &srv->connections, .name = "conn"))
		conn_drop(&c);
}

/*
 * A connection that comes with the cancel is delivered, and served like every
 * other: only the next accept fails.
 */
static void *accept_task(void *server)
{
	struct server *srv = server;

	for (;;) {
		int fd = oa_accept4(srv->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			serve(srv, fd);
		else if (fd == -ECANCELED)
			return NULL;
		else
			oa_sleep(PAUSE);
	}
}

/*
 * For each connection the kernel wakes one of those that wait in an accept, in
 * whatever process. If it has chosen one that is then cancelled, nobody else
 * hears of the connection until the next one comes; so what there is is taken
 * here, unless the other process is faster.
 */
static void accept_rest(struct server *srv)
{
	struct pollfd p = { .fd = srv->listener, .events = POLLIN };

	for (int i = 0; i < BACKLOG && oa_poll(&p, 1, 0) > 0; i++) {
		struct oa_deadline d;
		int fd = -ETIMEDOUT;

		OA_WITHIN(&d, PAUSE)
			fd = oa_accept4(srv->listener, NULL, NULL,
					SOCK_CLOEXEC);
		if (fd >= 0)
			serve(srv, fd);
	}
}

static unsigned int count_workers(void)
{
	struct oa_stats st = OA_STATS_INIT;

	return oa_stats(NULL, &st) ? 1 : st.workers;
}

int serve_begin(struct server *srv)
{
	unsigned int n = count_workers();
	int err;

	/* Nobody answers for what another connection has failed with. */
	err = oa_scope_open(&srv->connections, .keep_going = true);
	if (err)
		return err;
	err = oa_scope_open(&srv->acceptors);
	for (unsigned int i = 0; i < n && !err; i++)
		err = oa_go(accept_task, srv, .worker = OA_WORKER((int)i),
			    .scope = &srv->acceptors, .name = "accept");
	return err;
}

/* The connections are waited for with patience, unless a signal comes. */
static void *hurry_task(void *server)
{
	struct server *srv = server;
	int signo;

	do {
		signo = signals_next(srv);
	} while (signo == SIGHUP || signo == SIGUSR2);
	if (signo > 0)
		oa_scope_cancel(&srv->connections);
	return NULL;
}

/*
 * Stops accepting, waits for the connections as long as is allowed, cancels
 * those that are left. Whatever happens, the process ends a second later.
 */
void serve_end(struct server *srv)
{
	struct oa_deadline d;
	struct oa_scope s;

	oa_scope_cancel(&srv->acceptors);
	oa_scope_wait(&srv->acceptors);
	accept_rest(srv);
	oa_close(srv->listener);
	tell(srv, "accepts no more");
	OA_SCOPE(s) {
		oa_go(hurry_task, srv, .scope = &s, .name = "hurry");
		oa_shutdown_until(NULL, OA_SHUTDOWN_DRAIN,
				  oa_after(srv->grace + OA_SEC));
		OA_WITHIN(&d, srv->grace)
			oa_scope_wait(&srv->connections);
		oa_scope_cancel(&s);
	}
}
