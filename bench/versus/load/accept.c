// SPDX-License-Identifier: MIT
/*
 * Connections as fast as the server takes them: --conns are open, and the
 * oldest is waited for, compared, reset and replaced. A reset leaves no
 * connection behind that would wait for a minute.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "versus/load/load.h"

struct caller {
	int fd;
	char byte;
	uint64_t begun;
};

static int call(struct echo_load *l, struct caller *c, char byte)
{
	c->begun = bench_now();
	c->byte = byte;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 ||
	    connect(c->fd, (struct sockaddr *)&l->at, sizeof(l->at)) ||
	    send(c->fd, &c->byte, 1, MSG_NOSIGNAL) != 1)
		return bench_fail(l->r, "connect: %s", strerror(errno));
	return 0;
}

static int answer(struct echo_load *l, struct caller *c)
{
	struct linger reset = { .l_onoff = 1 };
	char got = 0;
	ssize_t n = recv(c->fd, &got, 1, 0);

	if (n != 1 || got != c->byte)
		return bench_fail(l->r, "a wrong byte (%zd)", n);
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(c->fd);
	return 0;
}

static int calls_until(struct echo_load *l, struct caller *c, uint64_t end,
		       bool counting)
{
	uint64_t now = 0;

	for (unsigned int i = 0; now < end; i = (i + 1) % l->conns) {
		if (answer(l, &c[i]))
			return -1;
		now = bench_now();
		if (counting) {
			l->requests++;
			hist_add(&l->r->out->hist, now - c[i].begun);
		}
		if (call(l, &c[i], (char)('a' + i % 20)))
			return -1;
	}
	return 0;
}

int accept_load(struct echo_load *l)
{
	struct caller *c = calloc(l->conns, sizeof(*c));
	uint64_t begun;

	if (!c || !l->conns)
		return bench_fail(l->r, "bad number of connections");
	for (unsigned int i = 0; i < l->conns; i++)
		if (call(l, &c[i], 'a'))
			return -1;
	if (calls_until(l, c, bench_now() + l->warmup_ns, false))
		return -1;
	begun = bench_now();
	l->client_cpu = bench_cpu_ns();
	l->server_cpu = echo_process_cpu(l->server);
	if (calls_until(l, c, begun + l->run_ns, true))
		return -1;
	l->ns = bench_now() - begun;
	l->client_cpu = bench_cpu_ns() - l->client_cpu;
	l->server_cpu = echo_process_cpu(l->server) - l->server_cpu;
	return 0;
}
