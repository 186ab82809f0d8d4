/* SPDX-License-Identifier: MIT */
/*
 * oa-connect: connects to the first of many addresses that answers (RFC 8305,
 * "happy eyeballs"), then carries standard input there and back what comes.
 */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <oa.h>

#include "addr.h"
#include "cli.h"
#include "race.h"

#define BUF_SIZE	16384
/* Less would be unkind to the network, says the RFC. */
#define DELAY_MIN	(10 * OA_MSEC)

struct host {
	const char *name;
	struct addrinfo *found;
	int err;			/* an EAI_ */
};

struct attempt {
	struct addr addr;
	int fd;				/* -1: none */
};

struct client {
	struct race race;
	struct attempt attempts[RACE_MAX];
	struct host *hosts;
	size_t n_hosts;
	struct addrinfo hints;
	const char *port;
	oa_time_t timeout;
	bool only_connect, verbose;
	oa_time_t began;
	int status;
};

__attribute__((format(printf, 3, 4)))
static void tell(const struct client *c, size_t i, const char *format, ...)
{
	char name[ADDR_NAME_MAX], text[80];
	va_list ap;

	if (!c->verbose)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	addr_name(&c->attempts[i].addr, name, sizeof(name));
	cli_warn("%.3f s: %s: %s", (double)(oa_now() - c->began) / OA_SEC,
		 name, text);
}

struct lookup {
	struct client *client;
	struct host *host;
};

/* On the blocking pool, where it may wait for as long as it takes. */
static void *lookup_task(void *lookup)
{
	struct lookup *l = lookup;
	struct host *h = l->host;

	h->err = getaddrinfo(h->name, l->client->port, &l->client->hints,
			     &h->found);
	return NULL;
}

static void look_up(struct client *c)
{
	struct oa_scope s;

	OA_SCOPE(s) {
		for (size_t i = 0; i < c->n_hosts; i++) {
			struct lookup l = { c, &c->hosts[i] };

			c->hosts[i].err = EAI_MEMORY;
			oa_go(lookup_task, &l, .copy = sizeof(l), .scope = &s,
			      .block = true, .name = "lookup");
		}
	}
	for (size_t i = 0; i < c->n_hosts; i++)
		if (c->hosts[i].err)
			cli_warn("%s: %s", c->hosts[i].name,
				 gai_strerror(c->hosts[i].err));
}

/* The next address from *ai on that is IPv6, or is not. */
static const struct addrinfo *next_of(const struct client *c, size_t *host,
				      const struct addrinfo *ai, bool v6)
{
	for (;;) {
		if (!ai && *host == c->n_hosts)
			return NULL;
		if (!ai)
			ai = c->hosts[(*host)++].found;
		if (ai && (ai->ai_family == AF_INET6) == v6)
			return ai;
		ai = ai ? ai->ai_next : NULL;
	}
}

/*
 * The families by turns, that of the first address first; within a family in
 * the order of getaddrinfo(3), which is that of RFC 6724.
 */
static void interleave(struct client *c)
{
	const struct addrinfo *at[2];
	size_t host[2] = { 0, 0 };
	bool v6 = false;

	for (size_t i = 0; i < c->n_hosts; i++) {
		if (c->hosts[i].found) {
			v6 = c->hosts[i].found->ai_family == AF_INET6;
			break;
		}
	}
	for (int i = 0; i < 2; i++)
		at[i] = next_of(c, &host[i], NULL, i);
	while ((at[0] || at[1]) && c->race.n < RACE_MAX) {
		const struct addrinfo *ai = at[v6];

		if (ai) {
			struct attempt *a = &c->attempts[c->race.n++];

			addr_set(&a->addr, ai->ai_addr, ai->ai_addrlen);
			a->fd = -1;
			at[v6] = next_of(c, &host[v6], ai->ai_next, v6);
		}
		v6 = !v6;
	}
}

static int attempt(struct race *race, size_t i)
{
	struct client *c = (struct client *)race;
	struct attempt *a = &c->attempts[i];
	int fd, err;

	tell(c, i, "trying");
	fd = oa_socket(a->addr.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	err = fd;
	if (fd >= 0)
		err = oa_connect(fd, addr_sa(&a->addr), a->addr.len);
	if (!err) {
		a->fd = fd;
		return 0;
	}
	if (fd >= 0)
		oa_close(fd);
	tell(c, i, "%s", oa_strerror(err));
	return err;
}

/* The socket of the first that answers, or a negative errno. */
static int connect_any(struct client *c, size_t *which)
{
	struct oa_deadline d;
	int winner = -ETIMEDOUT;

	OA_WITHIN(&d, c->timeout)
		winner = race_run(&c->race);
	for (size_t i = 0; i < c->race.n; i++)
		if ((int)i != winner && c->attempts[i].fd >= 0)
			oa_close(c->attempts[i].fd);
	if (winner < 0)
		return winner;
	*which = (size_t)winner;
	return c->attempts[winner].fd;
}

static int write_all(int fd, const char *buf, size_t n)
{
	while (n) {
		ssize_t done = oa_write(fd, buf, n);

		if (done < 0 && done != -EINTR)
			return (int)done;
		if (done > 0) {
			buf += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

/* A peer that takes no more may still have something to say. */
static void *send_task(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[BUF_SIZE];
	ssize_t n;

	while ((n = oa_read(STDIN_FILENO, buf, sizeof(buf))) > 0)
		if (oa_send_all(fd, buf, (size_t)n, NULL))
			return NULL;
	if (n < 0 && n != -ECANCELED)
		cli_warn("standard input: %s", oa_strerror((int)n));
	oa_sock_shutdown(fd, SHUT_WR);
	return NULL;
}

static int receive(int fd)
{
	char buf[BUF_SIZE];
	ssize_t n;
	int err;

	while ((n = oa_recv(fd, buf, sizeof(buf), 0)) > 0) {
		err = write_all(STDOUT_FILENO, buf, (size_t)n);
		if (err) {
			cli_warn("standard output: %s", oa_strerror(err));
			return err;
		}
	}
	if (n < 0)
		cli_warn("connection: %s", oa_strerror((int)n));
	return (int)n;
}

/* Until the peer has said all: what else standard input has is too late. */
static int relay(int fd)
{
	struct oa_scope s;
	int err = 0;

	OA_SCOPE(s) {
		err = oa_go(send_task, (void *)(intptr_t)fd, .scope = &s,
			    .name = "send");
		if (!err)
			err = receive(fd);
		oa_scope_cancel(&s);
	}
	return err;
}

static void complain(const struct client *c, int err)
{
	const char *more = c->n_hosts > 1 ? " and others" : "";
	size_t n = c->race.n;

	if (!n)
		cli_warn("%s%s: no address", c->hosts[0].name, more);
	else if (err == -ETIMEDOUT)
		cli_warn("%s%s port %s: no answer in %g s from %zu address%s",
			 c->hosts[0].name, more, c->port,
			 (double)c->timeout / OA_SEC, n, n > 1 ? "es" : "");
	else
		cli_warn("%s%s port %s: %s, the last of %zu address%s",
			 c->hosts[0].name, more, c->port, oa_strerror(err), n,
			 n > 1 ? "es" : "");
}

static void *first(void *client)
{
	struct client *c = client;
	char name[ADDR_NAME_MAX];
	size_t which = 0;
	int fd = -ENOENT;

	c->began = oa_now();
	look_up(c);
	interleave(c);
	if (c->race.n)
		fd = connect_any(c, &which);
	if (fd < 0) {
		complain(c, fd);
		c->status = 1;
		return NULL;
	}
	tell(c, which, "connected");
	if (c->only_connect) {
		addr_name(&c->attempts[which].addr, name, sizeof(name));
		printf("%s\n", name);
	} else if (relay(fd)) {
		c->status = 1;
	}
	oa_close(fd);
	return NULL;
}

static const char usage[] =
	"usage: oa-connect [options] HOST... PORT\n"
	"  -4, --ipv4             IPv4 alone\n"
	"  -6, --ipv6             IPv6 alone\n"
	"  -d, --delay SECONDS    0.25, from one attempt to the next\n"
	"  -t, --timeout SECONDS  30, for all of them together\n"
	"  -z, --connect-only     print the address that has answered, and end\n"
	"  -v, --verbose          tell what is tried\n"
	"  -h, --help\n";

static const struct option longopts[] = {
	{ "ipv4", no_argument, NULL, '4' },
	{ "ipv6", no_argument, NULL, '6' },
	{ "delay", required_argument, NULL, 'd' },
	{ "timeout", required_argument, NULL, 't' },
	{ "connect-only", no_argument, NULL, 'z' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void parse_options(struct client *c, int argc, char **argv)
{
	int o;

	while ((o = getopt_long(argc, argv, "46d:t:zvh", longopts,
				NULL)) != -1) {
		switch (o) {
		case '4':
			c->hints.ai_family = AF_INET;
			break;
		case '6':
			c->hints.ai_family = AF_INET6;
			break;
		case 'd':
			c->race.stagger = cli_seconds("delay", optarg);
			if (c->race.stagger < DELAY_MIN)
				cli_die("delay: less than 0.01 is not allowed");
			break;
		case 't':
			c->timeout = cli_seconds("timeout", optarg);
			break;
		case 'z':
			c->only_connect = true;
			break;
		case 'v':
			c->verbose = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			exit(2);
		}
	}
	if (argc - optind < 2)
		cli_die("a host and a port are wanted; --help tells the "
			"options");
	c->n_hosts = (size_t)(argc - optind - 1);
	c->port = argv[argc - 1];
	cli_number("port", c->port, 1, 65535);
}

static void take_hosts(struct client *c, char **names)
{
	c->hosts = calloc(c->n_hosts, sizeof(*c->hosts));
	if (!c->hosts)
		cli_die("no memory");
	for (size_t i = 0; i < c->n_hosts; i++)
		c->hosts[i].name = names[i];
}

int main(int argc, char **argv)
{
	static struct client c = {
		.race = { .attempt = attempt, .stagger = 250 * OA_MSEC },
		.hints = { .ai_socktype = SOCK_STREAM },
		.timeout = 30 * OA_SEC,
	};
	int err;

	parse_options(&c, argc, argv);
	take_hosts(&c, argv + optind);
	signal(SIGPIPE, SIG_IGN);
	err = oa_run(first, &c, .max_blocking = 8);
	if (err) {
		cli_warn("cannot run: %s", oa_strerror(err));
		return 1;
	}
	for (size_t i = 0; i < c.n_hosts; i++)
		if (c.hosts[i].found)
			freeaddrinfo(c.hosts[i].found);
	free(c.hosts);
	if (fflush(stdout)) {
		cli_warn("standard output: %s", strerror(errno));
		return 1;
	}
	return c.status;
}
