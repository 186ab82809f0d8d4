// SPDX-License-Identifier: MIT
/* Each call that waits, in a state in which it has to. */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <linux/openat2.h>

#include "io_test.h"

#define BIG	(1u << 20)

static char big[BIG];

static void take(struct io_fds *f, const int fds[2], int which)
{
	f->fds[0] = fds[0];
	f->fds[1] = fds[1];
	f->fd = fds[which];
}

/* What they wait on. */

static void empty_pipe(struct io_fds *f)
{
	int fds[2];

	make_pipe(fds);
	take(f, fds, 0);
}

static void full_pipe(struct io_fds *f)
{
	int fds[2];

	make_small_pipe(fds);
	fill_up(fds[1]);
	take(f, fds, 1);
}

static void empty_stream(struct io_fds *f)
{
	int fds[2];

	make_unix_pair(fds, SOCK_STREAM);
	take(f, fds, 0);
}

static void empty_tcp(struct io_fds *f)
{
	int fds[2];

	make_tcp_pair(fds);
	take(f, fds, 0);
}

static void full_stream(struct io_fds *f)
{
	int fds[2];

	make_unix_pair(fds, SOCK_STREAM);
	make_tight(fds);
	fill_up(fds[1]);
	take(f, fds, 1);
}

static void empty_datagrams(struct io_fds *f)
{
	int fds[2];

	make_unix_pair(fds, SOCK_DGRAM);
	take(f, fds, 0);
}

static void full_datagrams(struct io_fds *f)
{
	int fds[2];

	make_unix_pair(fds, SOCK_DGRAM);
	make_tight(fds);
	fill_up(fds[1]);
	take(f, fds, 1);
}

static void idle_listener(struct io_fds *f)
{
	struct sockaddr_in at;

	f->fd = f->fds[0] = make_listener(&at, 8);
}

/* Of one connection that nobody accepts: there is no room for another. */
static void fill_listener(struct io_fds *f, int family)
{
	f->fds[1] = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	f->fds[2] = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_GE(f->fds[1], 0);
	ASSERT_GE(f->fds[2], 0);
	ASSERT_EQ(0, connect(f->fds[1], sa(&f->addr), f->len));
	f->fd = f->fds[2];
}

static void full_listener(struct io_fds *f)
{
	struct sockaddr_in at;

	f->fds[0] = make_listener(&at, 0);
	memcpy(&f->addr, &at, f->len = sizeof(at));
	fill_listener(f, AF_INET);
}

static void full_unix_listener(struct io_fds *f)
{
	struct sockaddr_un at;

	f->fds[0] = make_unix_listener(&at, &f->len, 0);
	memcpy(&f->addr, &at, sizeof(at));
	fill_listener(f, AF_UNIX);
}

static void empty_pipe_to_stream(struct io_fds *f)
{
	int fds[2];

	empty_pipe(f);
	make_unix_pair(fds, SOCK_STREAM);
	f->second = f->fds[2] = fds[0];
	f->fds[3] = fds[1];
}

static void pipe_to_full_pipe(struct io_fds *f)
{
	int fds[2];

	full_pipe(f);
	make_pipe(fds);
	ASSERT_EQ(3, write(fds[1], "abc", 3));
	f->second = f->fds[2] = fds[0];
	f->fds[3] = fds[1];
}

static void lonely_fifo(struct io_fds *f)
{
	ASSERT_GT(asprintf(&f->path, "%s/fifo", harness_tmpdir()), 0);
	ASSERT_EQ(0, mkfifo(f->path, 0600));
}

/* The calls. */

static long call_read(struct io_fds *f)
{
	char c[16];

	return oa_read(f->fd, c, sizeof(c));
}

static long call_readv(struct io_fds *f)
{
	char c[16];
	struct iovec v[2] = { { c, 1 }, { c + 1, 15 } };

	return oa_readv(f->fd, v, 2);
}

static long call_write(struct io_fds *f)
{
	return oa_write(f->fd, "x", 1);
}

static long call_writev(struct io_fds *f)
{
	struct iovec v[2] = { { big, 1 }, { big + 1, 1 } };

	return oa_writev(f->fd, v, 2);
}

static long call_recv(struct io_fds *f)
{
	char c[16];

	return oa_recv(f->fd, c, sizeof(c), 0);
}

static long call_recv_wholly(struct io_fds *f)
{
	char c[16];

	return oa_recv(f->fd, c, sizeof(c), MSG_WAITALL);
}

static long call_peek(struct io_fds *f)
{
	char c[16];

	return oa_recv(f->fd, c, sizeof(c), MSG_PEEK);
}

static long call_recv_all(struct io_fds *f)
{
	size_t done = 1;
	char c[16];
	long ret = oa_recv_all(f->fd, c, sizeof(c), &done);

	EXPECT_EQ(0u, done);
	return ret;
}

static long call_recvmsg(struct io_fds *f)
{
	char c[16];
	struct iovec v = { c, sizeof(c) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	return oa_recvmsg(f->fd, &m, 0);
}

static long call_send(struct io_fds *f)
{
	return oa_send(f->fd, "x", 1, 0);
}

static long call_send_all(struct io_fds *f)
{
	size_t done = 1;
	long ret = oa_send_all(f->fd, big, sizeof(big), &done);

	EXPECT_EQ(0u, done);
	return ret;
}

static long call_sendmsg(struct io_fds *f)
{
	struct iovec v[2] = { { big, 1 }, { big + 1, 1 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	return oa_sendmsg(f->fd, &m, 0);
}

static long call_sendmsg_big(struct io_fds *f)
{
	struct iovec v[2] = { { big, 1 }, { big + 1, sizeof(big) - 1 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	return oa_sendmsg(f->fd, &m, 0);
}

static long call_accept(struct io_fds *f)
{
	return oa_accept(f->fd, NULL, NULL);
}

static long call_accept4(struct io_fds *f)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);

	return oa_accept4(f->fd, sa(&at), &len, SOCK_CLOEXEC);
}

static long call_connect(struct io_fds *f)
{
	return oa_connect(f->fd, sa(&f->addr), f->len);
}

static long call_splice_out(struct io_fds *f)
{
	return oa_splice(f->fd, NULL, f->second, NULL, 100, 0);
}

static long call_splice_in(struct io_fds *f)
{
	return oa_splice(f->second, NULL, f->fd, NULL, 100, 0);
}

static long poll_some(struct io_fds *f, nfds_t n, int timeout)
{
	struct pollfd p[20];

	for (nfds_t i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	p[n - 1].fd = f->fd;
	return oa_poll(p, n, timeout);
}

static long call_poll(struct io_fds *f)
{
	return poll_some(f, 1, -1);
}

static long call_poll_many(struct io_fds *f)
{
	return poll_some(f, 20, 1000000000);
}

static long call_openat(struct io_fds *f)
{
	/* The kernel tries an open without O_CREAT as if with O_NONBLOCK. */
	return oa_openat(AT_FDCWD, f->path, O_RDONLY | O_CREAT | O_CLOEXEC,
			 0600);
}

static long call_openat2(struct io_fds *f)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CREAT | O_CLOEXEC, .mode = 0600,
	};

	return oa_openat2(AT_FDCWD, f->path, &how, sizeof(how));
}

const struct io_call io_calls[] = {
	{ "read of a pipe", empty_pipe, call_read, 0 },
	{ "read of a stream", empty_stream, call_read, 0 },
	{ "readv", empty_pipe, call_readv, 0 },
	{ "write to a pipe", full_pipe, call_write, 0 },
	{ "write to a stream", full_stream, call_write, 0 },
	{ "writev", full_pipe, call_writev, 0 },
	{ "recv", empty_stream, call_recv, 0 },
	{ "recv of TCP", empty_tcp, call_recv, 0 },
	{ "recv with MSG_WAITALL", empty_tcp, call_recv_wholly, 0 },
	{ "recv with MSG_PEEK", empty_stream, call_peek, 0 },
	{ "recv_all", empty_stream, call_recv_all, 0 },
	{ "recvmsg", empty_stream, call_recvmsg, 0 },
	{ "recv of a datagram", empty_datagrams, call_recv, 0 },
	{ "recvmsg of a datagram", empty_datagrams, call_recvmsg, 0 },
	{ "send", full_stream, call_send, 0 },
	{ "send_all", full_stream, call_send_all, 0 },
	{ "sendmsg", full_stream, call_sendmsg, 0 },
	{ "sendmsg of much", full_stream, call_sendmsg_big, 0 },
	{ "send of a datagram", full_datagrams, call_send, 0 },
	{ "sendmsg of a datagram", full_datagrams, call_sendmsg, 0 },
	{ "accept", idle_listener, call_accept, 0 },
	{ "accept4", idle_listener, call_accept4, 0 },
	{ "connect", full_listener, call_connect, 0 },
	{ "connect to a path", full_unix_listener, call_connect, 0 },
	{ "splice from an empty pipe", empty_pipe_to_stream, call_splice_out,
	  0 },
	{ "splice to a full pipe", pipe_to_full_pipe, call_splice_in, 0 },
	{ "poll", empty_pipe, call_poll, IO_POLLS },
	{ "poll of many", empty_pipe, call_poll_many, IO_POLLS },
	{ "openat of a FIFO", lonely_fifo, call_openat, IO_NO_CLOSE },
	{ "openat2 of a FIFO", lonely_fifo, call_openat2, IO_NO_CLOSE },
	{ NULL, NULL, NULL, 0 },
};

void io_make(const struct io_call *c, struct io_fds *f)
{
	*f = (struct io_fds){ -1, -1, { -1, -1, -1, -1 }, .path = NULL };
	c->make(f);
}

void io_unmake(struct io_fds *f)
{
	for (int i = 0; i < 4; i++)
		if (f->fds[i] >= 0)
			ASSERT_EQ(0, close(f->fds[i]));
	if (f->path)
		ASSERT_EQ(0, unlink(f->path));
	free(f->path);
}
