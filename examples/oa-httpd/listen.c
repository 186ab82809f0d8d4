/* SPDX-License-Identifier: MIT */
/*
 * The listening socket, made before there is a runtime: none of these calls
 * waits, and what goes wrong here is told before anything has been started.
 */
#include "httpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG		4096

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t parse(const struct options *opt, union address *a)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, opt->address, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons(opt->port);
		return sizeof(a->v4);
	}
	if (inet_pton(AF_INET6, opt->address, &a->v6.sin6_addr) == 1) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons(opt->port);
		return sizeof(a->v6);
	}
	return 0;
}

static int complain(const struct options *opt, const char *what, int err)
{
	if (err == EADDRINUSE)
		fprintf(stderr, "oa-httpd: port %u on %s is in use\n",
			opt->port, opt->address);
	else
		fprintf(stderr, "oa-httpd: %s %s port %u: %s\n", what,
			opt->address, opt->port, oa_strerror(-err));
	return -err;
}

/* TCP_NODELAY is inherited by what is accepted: no call for each connection. */
static void set_options(int fd)
{
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int listen_open(struct options *opt)
{
	union address a;
	socklen_t len = parse(opt, &a);
	int fd, err;

	if (!len) {
		fprintf(stderr, "oa-httpd: '%s' is not an IP address\n",
			opt->address);
		return -EINVAL;
	}
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return complain(opt, "cannot make a socket for", errno);
	set_options(fd);
	if (bind(fd, &a.any, len) || listen(fd, BACKLOG) ||
	    getsockname(fd, &a.any, &len)) {
		err = complain(opt, "cannot listen on", errno);
		close(fd);
		return err;
	}
	opt->port = ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port
						     : a.v6.sin6_port);
	return fd;
}

void listen_url(const struct options *opt, char *buf, size_t n)
{
	bool v6 = strchr(opt->address, ':');

	snprintf(buf, n, v6 ? "http://[%s]:%u/" : "http://%s:%u/",
		 opt->address, opt->port);
}
