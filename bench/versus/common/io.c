// SPDX-License-Identifier: MIT
/* The sockets and files that the peers in C are given. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "versus/common/versus.h"

static void all_files(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim))
		return;
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
}

int versus_listen_beside(int *port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	socklen_t len = sizeof(at);

	if (fd < 0)
		wrong("socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* inherited by what is accepted */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, len) || listen(fd, 4096) ||
	    getsockname(fd, (struct sockaddr *)&at, &len))
		wrong("cannot listen: %s", strerror(errno));
	*port = ntohs(at.sin_port);
	return fd;
}

int versus_listen_on(int *port)
{
	int fd;

	all_files();
	signal(SIGPIPE, SIG_IGN);
	*port = (int)opt_number("port", 0);
	fd = versus_listen_beside(port);
	report("port", *port, "");
	return fd;
}

int versus_listen(void)
{
	int port;

	return versus_listen_on(&port);
}

int versus_file(uint64_t *blocks)
{
	const char *path = opt_string("path", "");
	int fd = open(path, O_RDONLY | O_CLOEXEC |
			    (opt_number("direct", 0) ? O_DIRECT : 0));
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || st.st_size < BLOCK)
		wrong("%s: %s", path, fd < 0 ? strerror(errno) : "too small");
	*blocks = (uint64_t)st.st_size / BLOCK;
	return fd;
}

void check_block(const void *b, long got, uint64_t k)
{
	if (got != BLOCK || memcmp(b, &k, sizeof(k)))
		wrong("block %llu is wrong (%ld)", (unsigned long long)k, got);
}
