// SPDX-License-Identifier: MIT
/* Descriptors for the tests of input and output. */
#include <sys/ioctl.h>
#include <sys/un.h>

#include "io_test.h"

void make_pipe(int fds[2])
{
	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));
}

void make_small_pipe(int fds[2])
{
	make_pipe(fds);
	ASSERT_GE(fcntl(fds[1], F_SETPIPE_SZ, 4096), 4096);
}

void make_unix_pair(int fds[2], int type)
{
	ASSERT_EQ(0, socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds));
}

int make_listener(struct sockaddr_in *at, int backlog)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*at);

	ASSERT_GE(fd, 0);
	*at = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	ASSERT_EQ(0, bind(fd, sa(at), len));
	ASSERT_EQ(0, listen(fd, backlog));
	ASSERT_EQ(0, getsockname(fd, sa(at), &len));
	return fd;
}

int make_unix_listener(struct sockaddr_un *at, socklen_t *len, int backlog)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ASSERT_GE(fd, 0);
	at->sun_family = AF_UNIX;
	/* No name at all: the kernel finds an abstract one. */
	ASSERT_EQ(0, bind(fd, sa(at), sizeof(at->sun_family)));
	*len = sizeof(*at);
	ASSERT_EQ(0, getsockname(fd, sa(at), len));
	ASSERT_EQ(0, listen(fd, backlog));
	return fd;
}

static void set_room(int fd, int option, int size)
{
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size)));
}

static void tcp_pair(int fds[2], int room)
{
	struct sockaddr_in at;
	int fd = make_listener(&at, 1);

	fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_GE(fds[1], 0);
	if (room) {
		/* Before they connect: a window never becomes smaller. */
		set_room(fd, SO_RCVBUF, room);
		set_room(fds[1], SO_SNDBUF, room);
	}
	ASSERT_EQ(0, connect(fds[1], sa(&at), sizeof(at)));
	fds[0] = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_GE(fds[0], 0);
	ASSERT_EQ(0, close(fd));
}

void make_tcp_pair(int fds[2])
{
	tcp_pair(fds, 0);
}

void make_tight_tcp_pair(int fds[2])
{
	tcp_pair(fds, 2048);
}

void make_tight(int fds[2])
{
	for (int i = 0; i < 2; i++) {
		set_room(fds[i], SO_SNDBUF, 4096);
		set_room(fds[i], SO_RCVBUF, 4096);
	}
}

static int set_nonblock(int fd, bool on)
{
	int was = fcntl(fd, F_GETFL);

	ASSERT_GE(was, 0);
	ASSERT_EQ(0, fcntl(fd, F_SETFL, on ? was | O_NONBLOCK
					   : was & ~O_NONBLOCK));
	return was;
}

size_t fill_up(int fd)
{
	static const char zeros[4096];
	size_t all = 0;
	ssize_t n;

	set_nonblock(fd, true);
	/* In the end byte by byte: a stream may have room for less. */
	while ((n = write(fd, zeros, sizeof(zeros))) > 0 ||
	       (n = write(fd, zeros, 1)) > 0)
		all += (size_t)n;
	ASSERT_EQ(EAGAIN, errno);
	set_nonblock(fd, false);
	return all;
}

size_t drain(int fd)
{
	char buf[4096];
	size_t all = 0;
	ssize_t n;

	set_nonblock(fd, true);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		all += (size_t)n;
	set_nonblock(fd, false);
	return all;
}

size_t bytes_in(int fd)
{
	int n = 0;

	ASSERT_EQ(0, ioctl(fd, FIONREAD, &n));
	return (size_t)n;
}

void close_both(const int fds[2])
{
	ASSERT_EQ(0, close(fds[0]));
	ASSERT_EQ(0, close(fds[1]));
}

void text_make(char *buf, size_t n, size_t from)
{
	for (size_t i = 0; i < n; i++)
		buf[i] = text_at(from + i);
}

size_t text_same(const char *buf, size_t n, size_t from)
{
	size_t i = 0;

	while (i < n && buf[i] == text_at(from + i))
		i++;
	return i;
}

long join_long(oa_task_t t)
{
	void *result = NULL;

	ASSERT_OK(oa_join(t, &result));
	return (long)(intptr_t)result;
}

void until_parked(oa_task_t t)
{
	task_wait_until(task_state(NULL, t) == OA_TASK_PARKED);
}
