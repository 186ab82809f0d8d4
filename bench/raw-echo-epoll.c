// SPDX-License-Identifier: MIT
/*
 * The raw epoll server of io/echo: one thread, level-triggered, a receive and
 * a send for each request; it never waits for a socket to become writable,
 * which one small request under way on a connection does not need.
 */
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "echo.h"
#include "versus/common/work.h"

static void add(int ep, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

static void take_connection(int ep, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), one = 1;

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	add(ep, fd);
}

static void serve(int fd)
{
	static char b[4096];
	ssize_t n = recv(fd, b, sizeof(b), 0);

	if (n > 0)
		work_for(b, (size_t)n);
	if (n <= 0 || send(fd, b, (size_t)n, MSG_NOSIGNAL) != n)
		close(fd);
}

int echo_serve_epoll(int listener)
{
	static struct epoll_event ev[1024];
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0)
		return -1;
	add(ep, listener);
	for (;;) {
		int n = epoll_wait(ep, ev, ARRAY_LEN(ev), -1);

		for (int i = 0; i < n; i++) {
			if (ev[i].data.fd == listener)
				take_connection(ep, listener);
			else
				serve(ev[i].data.fd);
		}
	}
}
