// SPDX-License-Identifier: MIT
/* Connections and datagrams: making them, sending, receiving, ending. */
#include "io_test.h"

FIXTURE(io_socket) { int fd, fds[2]; struct sockaddr_in at; };
VARIANTS_STAND_INS(io_socket);

typedef struct io_socket_fixture_data data;

FIXTURE_SETUP(io_socket)
{
	self->fd = self->fds[0] = self->fds[1] = -1;
}

FIXTURE_TEARDOWN(io_socket)
{
}

static void listen_here(data *s, int type, int backlog)
{
	socklen_t len = sizeof(s->at);

	s->fd = oa_socket(AF_INET, type | SOCK_CLOEXEC, 0);
	ASSERT_GE(s->fd, 0);
	s->at = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	ASSERT_OK(oa_bind(s->fd, sa(&s->at), len));
	if (type == SOCK_STREAM)
		ASSERT_OK(oa_listen(s->fd, backlog));
	ASSERT_EQ(0, getsockname(s->fd, sa(&s->at), &len));
}

static int connected(data *s)
{
	int fd = oa_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ASSERT_GE(fd, 0);
	ASSERT_OK(oa_connect(fd, sa(&s->at), sizeof(s->at)));
	return fd;
}

static void *accepts(void *arg)
{
	return as_result(oa_accept(((data *)arg)->fd, NULL, NULL));
}

static void *connects(void *arg)
{
	return as_result(connected(arg));
}

TASK_TEST_F(io_socket, accept_waits_for_a_connection,
	    .workers = variant->workers)
{
	oa_task_t t;
	int a, b;
	char c = 0;

	listen_here(self, SOCK_STREAM, 4);
	t = oa_spawn(accepts, self);
	until_parked(t);
	b = connected(self);
	a = (int)join_long(t);
	ASSERT_GE(a, 0);
	EXPECT_EQ(1, oa_send(b, "x", 1, 0));
	EXPECT_EQ(1, oa_recv(a, &c, 1, 0));
	EXPECT_EQ('x', c);
	ASSERT_OK(oa_close(a));
	/* The other side has ended. */
	EXPECT_EQ(0, oa_recv(b, &c, 1, 0));
	ASSERT_OK(oa_close(b));
	ASSERT_OK(oa_close(self->fd));
}

static void *accepts_when_told_to_stop(void *arg)
{
	struct oa_deadline past;
	data *self = arg;

	ASSERT_OK(oa_deadline_enter(&past, 1));
	EXPECT_ERR(oa_accept(self->fd, NULL, NULL), -ETIMEDOUT);
	ASSERT_OK(oa_deadline_leave(&past));
	ASSERT_OK(oa_cancel(oa_self()));
	for (int i = 0; i < 3; i++)
		EXPECT_ERR(oa_accept(self->fd, NULL, NULL), -ECANCELED);
	return NULL;
}

/* Though there is one: a loop of accepts comes to its end. */
TASK_TEST_F(io_socket, accept_is_refused_though_they_come,
	    .workers = variant->workers)
{
	enum { N = 3 };
	int c[N];

	listen_here(self, SOCK_STREAM, N);
	for (int i = 0; i < N; i++)
		c[i] = connected(self);
	ASSERT_OK(oa_join(oa_spawn(accepts_when_told_to_stop, self), NULL));
	for (int i = 0; i < N; i++) {
		int fd = oa_accept(self->fd, NULL, NULL);

		ASSERT_GE(fd, 0);
		close_both((int[]){ fd, c[i] });
	}
	ASSERT_OK(oa_close(self->fd));
}

TASK_TEST_F(io_socket, accept4_tells_who_and_takes_flags,
	    .workers = variant->workers)
{
	struct sockaddr_in me, peer;
	socklen_t len = sizeof(me), n = sizeof(peer);
	int a, b;

	listen_here(self, SOCK_STREAM, 4);
	b = connected(self);
	a = oa_accept4(self->fd, sa(&peer), &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
	ASSERT_GE(a, 0);
	EXPECT_EQ(sizeof(peer), n);
	ASSERT_EQ(0, getsockname(b, sa(&me), &len));
	EXPECT_EQ(me.sin_port, peer.sin_port);
	EXPECT_EQ(FD_CLOEXEC, fcntl(a, F_GETFD));
	EXPECT_TRUE(fcntl(a, F_GETFL) & O_NONBLOCK);
	close_both((int[]){ a, b });
	b = connected(self);
	a = oa_accept(self->fd, NULL, NULL);
	EXPECT_EQ(0, fcntl(a, F_GETFD));
	EXPECT_FALSE(fcntl(a, F_GETFL) & O_NONBLOCK);
	close_both((int[]){ a, b });
	EXPECT_ERR(oa_accept4(self->fd, NULL, NULL, 1), -EINVAL);
	ASSERT_OK(oa_close(self->fd));
}

TASK_TEST_F(io_socket, each_connection_goes_to_one_of_several,
	    .workers = variant->workers)
{
	enum { N = 30 };
	oa_task_t a[N], c[N];

	listen_here(self, SOCK_STREAM, N);
	for (int i = 0; i < N; i++)
		a[i] = oa_spawn(accepts, self);
	for (int i = 0; i < N; i++)
		c[i] = oa_spawn(connects, self);
	for (int i = 0; i < N; i++) {
		long fd = join_long(a[i]);

		ASSERT_GE(fd, 0);
		ASSERT_OK(oa_close((int)fd));
		ASSERT_OK(oa_close((int)join_long(c[i])));
	}
	ASSERT_OK(oa_close(self->fd));
}

TASK_TEST_F(io_socket, connect_is_refused, .workers = variant->workers)
{
	int fd;

	listen_here(self, SOCK_STREAM, 1);
	ASSERT_OK(oa_close(self->fd));
	fd = oa_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_GE(fd, 0);
	EXPECT_ERR(oa_connect(fd, sa(&self->at), sizeof(self->at)),
		   -ECONNREFUSED);
	ASSERT_OK(oa_close(fd));
}

TASK_TEST_F(io_socket, over_a_name, .workers = variant->workers)
{
	struct sockaddr_un at;
	socklen_t len;
	int a, b, fd = make_unix_listener(&at, &len, 1);
	char c;

	b = oa_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_GE(b, 0);
	ASSERT_OK(oa_connect(b, sa(&at), len));
	EXPECT_ERR(oa_connect(b, sa(&at), len), -EISCONN);
	a = oa_accept(fd, NULL, NULL);
	ASSERT_GE(a, 0);
	EXPECT_EQ(1, oa_write(a, "y", 1));
	EXPECT_EQ(1, oa_read(b, &c, 1));
	ASSERT_OK(oa_close(fd));
	ASSERT_OK(oa_close(b));
	b = oa_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT_ERR(oa_connect(b, sa(&at), len), -ECONNREFUSED);
	close_both((int[]){ a, b });
}

/* Ending directions. */

static void *receives(void *arg)
{
	char c;

	return as_result(oa_recv(*(int *)arg, &c, 1, 0));
}

static void *sends(void *arg)
{
	return as_result(oa_send(*(int *)arg, "x", 1, 0));
}

TASK_TEST_F(io_socket, a_shutdown_wakes_those_that_wait,
	    .workers = variant->workers)
{
	int fds[2];
	oa_task_t r, s;

	/* Not ignored: a send never raises it. */
	ASSERT_EQ(SIG_DFL, signal(SIGPIPE, SIG_DFL));
	make_unix_pair(fds, SOCK_STREAM);
	make_tight(fds);
	fill_up(fds[0]);
	r = oa_spawn(receives, &fds[0]);
	s = oa_spawn(sends, &fds[0]);
	until_parked(r);
	until_parked(s);
	ASSERT_OK(oa_sock_shutdown(fds[0], SHUT_RD));
	EXPECT_EQ(0, join_long(r));
	ASSERT_OK(oa_sock_shutdown(fds[0], SHUT_WR));
	EXPECT_ERR(join_long(s), -EPIPE);
	EXPECT_ERR(oa_send(fds[0], "x", 1, 0), -EPIPE);
	EXPECT_GT(drain(fds[1]), 0u);
	close_both(fds);
}

TASK_TEST_F(io_socket, half_closed_the_other_half_goes_on,
	    .workers = variant->workers)
{
	char buf[4];
	oa_task_t r;

	make_tcp_pair(self->fds);
	r = oa_spawn(receives, &self->fds[0]);
	until_parked(r);
	ASSERT_OK(oa_sock_shutdown(self->fds[1], SHUT_WR));
	EXPECT_EQ(0, join_long(r));
	EXPECT_EQ(0, oa_recv(self->fds[0], buf, 4, 0));
	EXPECT_EQ(4, oa_send(self->fds[0], "back", 4, 0));
	EXPECT_EQ(4, oa_recv(self->fds[1], buf, 4, MSG_WAITALL));
	EXPECT_MEMEQ("back", buf, 4);
	close_both(self->fds);
}

/* Flags. */

TASK_TEST_F(io_socket, peek_dontwait_and_waitall, .workers = variant->workers)
{
	char buf[8];
	oa_task_t t;

	make_tcp_pair(self->fds);
	EXPECT_ERR(oa_recv(self->fds[0], buf, 8, MSG_DONTWAIT), -EAGAIN);
	t = oa_spawn(sends, &self->fds[1]);
	EXPECT_EQ(1, oa_recv(self->fds[0], buf, 8, MSG_PEEK));
	EXPECT_EQ(1, oa_recv(self->fds[0], buf, 8, MSG_PEEK | MSG_DONTWAIT));
	EXPECT_EQ(1, join_long(t));
	t = oa_spawn(sends, &self->fds[1]);
	EXPECT_EQ(2, oa_recv(self->fds[0], buf, 2, MSG_WAITALL));
	EXPECT_EQ(1, join_long(t));
	EXPECT_MEMEQ("xx", buf, 2);
	EXPECT_ERR(oa_recv(self->fds[0], buf, 8, MSG_DONTWAIT | MSG_WAITALL),
		   -EAGAIN);
	fill_up(self->fds[1]);
	while (oa_send(self->fds[1], buf, 1, MSG_DONTWAIT) == 1)
		;
	EXPECT_ERR(oa_send(self->fds[1], buf, 1, MSG_DONTWAIT), -EAGAIN);
	close_both(self->fds);
}

/* Messages: vectors, addresses, descriptors. */

TASK_TEST_F(io_socket, messages_of_vectors, .workers = variant->workers)
{
	char one[] = "one", two[] = "two!", buf[7];
	struct iovec out[3] = { { one, 3 }, { NULL, 0 }, { two, 4 } };
	struct iovec in[2] = { { buf, 5 }, { buf + 5, 2 } };
	struct msghdr m = { .msg_iov = out, .msg_iovlen = 3 };

	make_tcp_pair(self->fds);
	EXPECT_EQ(7, oa_sendmsg(self->fds[1], &m, 0));
	m = (struct msghdr){ .msg_iov = in, .msg_iovlen = 2 };
	EXPECT_EQ(7, oa_recvmsg(self->fds[0], &m, MSG_WAITALL));
	EXPECT_MEMEQ("onetwo!", buf, 7);
	EXPECT_ERR(oa_sendmsg(self->fds[1], NULL, 0), -EFAULT);
	EXPECT_ERR(oa_recvmsg(self->fds[0], NULL, 0), -EFAULT);
	close_both(self->fds);
}

static void *passes(void *arg)
{
	int *fds = arg, fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c;
	char text[] = "fd";
	struct iovec v = { text, 2 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &c,
		.msg_controllen = sizeof(c.room),
	};

	ASSERT_GE(fd, 0);
	memset(&c, 0, sizeof(c));
	c.h.cmsg_level = SOL_SOCKET;
	c.h.cmsg_type = SCM_RIGHTS;
	c.h.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	EXPECT_EQ(2, oa_sendmsg(fds[1], &m, 0));
	ASSERT_OK(oa_close(fd));
	return NULL;
}

TASK_TEST_F(io_socket, messages_that_carry_a_descriptor,
	    .workers = variant->workers)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c;
	char buf[8];
	struct iovec v = { buf, 8 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &c,
		.msg_controllen = sizeof(c.room),
	};
	oa_task_t t;
	int fd;

	make_unix_pair(self->fds, SOCK_STREAM);
	t = oa_spawn(passes, self->fds);
	ASSERT_EQ(2, oa_recvmsg(self->fds[0], &m, MSG_CMSG_CLOEXEC));
	ASSERT_OK(join_long(t));
	ASSERT_EQ(CMSG_LEN(sizeof(int)), c.h.cmsg_len);
	memcpy(&fd, CMSG_DATA(&c.h), sizeof(fd));
	EXPECT_EQ(1, oa_write(fd, "x", 1));
	ASSERT_OK(oa_close(fd));
	close_both(self->fds);
}

/* Larger than what there is room for, yet small enough to be tried at once. */

#define PARTS	40
#define MSG_LEN	16000u

struct sent {
	int fd;
	int parts;
	int passed;		/* a descriptor to go with it; -1: none */
};

static char msg_text[MSG_LEN];

/* In parts of no bytes and of more and more, the last of what is left. */
static void cut(struct iovec *v, int parts)
{
	size_t at = 0;

	for (int i = 0; i < parts; i++) {
		size_t n = i + 1 < parts ? (size_t)i * 3 : MSG_LEN - at;

		v[i] = (struct iovec){ msg_text + at, n };
		at += n;
	}
}

static void *sends_parts(void *arg)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c;
	struct iovec v[PARTS], was[PARTS];
	struct sent *s = arg;
	struct msghdr m = { .msg_iov = v, .msg_iovlen = (size_t)s->parts };
	ssize_t ret;

	if (s->passed >= 0) {
		memset(&c, 0, sizeof(c));
		c.h.cmsg_level = SOL_SOCKET;
		c.h.cmsg_type = SCM_RIGHTS;
		c.h.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&c.h), &s->passed, sizeof(int));
		m.msg_control = &c;
		m.msg_controllen = sizeof(c.room);
	}
	cut(v, s->parts);
	cut(was, s->parts);
	ret = oa_sendmsg(s->fd, &m, 0);
	/* The caller's are as they were. */
	EXPECT_MEMEQ(was, v, (size_t)s->parts * sizeof(*v));
	EXPECT_EQ(s->parts, (int)m.msg_iovlen);
	return as_result(ret);
}

/* Receives it a little at a time; how many descriptors came with it. */
static int receive_parts(int fd)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(4 * sizeof(int))]; } c;
	int got, came = 0;
	char buf[1000];
	ssize_t n;

	for (size_t at = 0; at < MSG_LEN; at += (size_t)n) {
		struct iovec v = { buf, sizeof(buf) };
		struct msghdr m = {
			.msg_iov = &v, .msg_iovlen = 1, .msg_control = &c,
			.msg_controllen = sizeof(c.room),
		};

		n = oa_recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
		ASSERT_GT(n, 0);
		ASSERT_EQ((size_t)n, text_same(buf, (size_t)n, at));
		if (!m.msg_controllen)
			continue;
		ASSERT_EQ(CMSG_LEN(sizeof(int)), c.h.cmsg_len);
		memcpy(&got, CMSG_DATA(&c.h), sizeof(got));
		ASSERT_OK(oa_close(got));
		came++;
	}
	return came;
}

/* It has sent what there is room for, and waits to send the rest. */
static void until_tight(oa_task_t t, int fd)
{
	until_parked(t);
	/* It parks when the request is made; that goes with the next enter. */
	while (!bytes_in(fd))
		oa_sleep(OA_MSEC / 10);
}

static void send_tight(const int fds[2], int parts, int passed)
{
	struct sent s = { .fd = fds[1], .parts = parts, .passed = passed };
	oa_task_t t;

	text_make(msg_text, MSG_LEN, 0);
	t = oa_spawn(sends_parts, &s);
	until_tight(t, fds[0]);
	EXPECT_LT(bytes_in(fds[0]), MSG_LEN);
	EXPECT_EQ(passed >= 0, receive_parts(fds[0]));
	EXPECT_EQ(MSG_LEN, (size_t)join_long(t));
	EXPECT_EQ(0u, bytes_in(fds[0]));
}

TASK_TEST_F(io_socket, messages_go_whole_where_there_is_little_room,
	    .workers = variant->workers)
{
	static const int parts[] = { 1, 3, 8, 9, PARTS };

	for (unsigned int i = 0; i < ARRAY_N(parts); i++) {
		make_unix_pair(self->fds, SOCK_STREAM);
		make_tight(self->fds);
		send_tight(self->fds, parts[i], -1);
		/* What goes with it goes once. */
		send_tight(self->fds, parts[i], self->fds[1]);
		close_both(self->fds);
	}
}

TASK_TEST_F(io_socket, messages_go_whole_over_a_narrow_connection,
	    .workers = variant->workers)
{
	static const int parts[] = { 1, 3, 9, PARTS };

	for (unsigned int i = 0; i < ARRAY_N(parts); i++) {
		make_tight_tcp_pair(self->fds);
		send_tight(self->fds, parts[i], -1);
		close_both(self->fds);
	}
}

static void *sends_three(void *arg)
{
	struct sent s = { .fd = *(int *)arg, .parts = 3, .passed = -1 };

	return sends_parts(&s);
}

TASK_TEST_F(io_socket, a_message_cut_short_tells_how_far_it_came,
	    .workers = variant->workers)
{
	oa_task_t t;
	long went;

	for (int closes = 0; closes < 2; closes++) {
		make_unix_pair(self->fds, SOCK_STREAM);
		make_tight(self->fds);
		t = oa_spawn(sends_three, &self->fds[1]);
		until_tight(t, self->fds[0]);
		ASSERT_OK(closes ? oa_close(self->fds[1]) : oa_cancel(t));
		went = join_long(t);
		EXPECT_GT(went, 0);
		EXPECT_LT((size_t)went, MSG_LEN);
		EXPECT_EQ((size_t)went, bytes_in(self->fds[0]));
		ASSERT_OK(oa_close(self->fds[0]));
		if (!closes)
			ASSERT_OK(oa_close(self->fds[1]));
	}
}

TASK_TEST_F(io_socket, datagrams_keep_their_bounds,
	    .workers = variant->workers)
{
	struct sockaddr_in from;
	char buf[8], text[] = "abcdef";
	struct iovec v = { text, 6 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_name = &self->at,
		.msg_namelen = sizeof(self->at),
	};
	int fd;

	listen_here(self, SOCK_DGRAM, 0);
	fd = oa_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(6, oa_sendmsg(fd, &m, 0));
	ASSERT_OK(oa_connect(fd, sa(&self->at), sizeof(self->at)));
	EXPECT_EQ(3, oa_send(fd, "xyz", 3, 0));
	EXPECT_EQ(0, oa_send(fd, "", 0, 0));
	v = (struct iovec){ buf, 4 };
	m = (struct msghdr){ .msg_iov = &v, .msg_iovlen = 1, .msg_name = &from,
			     .msg_namelen = sizeof(from) };
	EXPECT_EQ(4, oa_recvmsg(self->fd, &m, 0));
	EXPECT_MEMEQ("abcd", buf, 4);
	EXPECT_TRUE(m.msg_flags & MSG_TRUNC);
	EXPECT_EQ(sizeof(from), m.msg_namelen);
	EXPECT_EQ(3, oa_recv(self->fd, buf, 8, 0));
	EXPECT_MEMEQ("xyz", buf, 3);
	EXPECT_EQ(0, oa_recv(self->fd, buf, 8, 0));
	ASSERT_OK(oa_close(fd));
	ASSERT_OK(oa_close(self->fd));
}

TASK_TEST_F(io_socket, a_datagram_wakes_its_receiver,
	    .workers = variant->workers)
{
	oa_task_t t;

	make_unix_pair(self->fds, SOCK_DGRAM);
	t = oa_spawn(receives, &self->fds[0]);
	until_parked(t);
	EXPECT_EQ(1, oa_send(self->fds[1], "d", 1, 0));
	EXPECT_EQ(1, join_long(t));
	close_both(self->fds);
}

TASK_TEST_F(io_socket, odd_arguments, .workers = variant->workers)
{
	char c = 0;
	int fd;

	EXPECT_ERR(oa_socket(-1, SOCK_STREAM, 0), -EAFNOSUPPORT);
	EXPECT_ERR(oa_socket(AF_UNIX, 77, 0), -EINVAL);
	fd = oa_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_GE(fd, 0);
	EXPECT_ERR(oa_accept(fd, NULL, NULL), -EINVAL);
	EXPECT_ERR(oa_bind(fd, sa(&self->at), 1), -EINVAL);
	EXPECT_ERR(oa_connect(fd, sa(&self->at), 1), -EINVAL);
	EXPECT_ERR(oa_connect(fd, NULL, sizeof(self->at)), -EFAULT);
	EXPECT_ERR(oa_recv(fd, &c, 1, 0), -ENOTCONN);
	EXPECT_ERR(oa_send(fd, &c, 1, 0), -EPIPE);
	EXPECT_ERR(oa_sock_shutdown(fd, SHUT_RD), -ENOTCONN);
	EXPECT_ERR(oa_sock_shutdown(fd, 7), -EINVAL);
	ASSERT_OK(oa_close(fd));
}

/* Takes a second: so long the kernel waits before it asks again. */
TASK_TEST(connect_goes_on_when_there_is_room, .workers = 2)
{
	data d, *self = &d;
	oa_task_t t;
	int a[2], b[2];

	listen_here(self, SOCK_STREAM, 0);
	b[0] = connected(self);
	t = oa_spawn(connects, self);
	until_parked(t);
	a[0] = oa_accept(self->fd, NULL, NULL);
	ASSERT_GE(a[0], 0);
	b[1] = (int)join_long(t);
	ASSERT_GE(b[1], 0);
	a[1] = oa_accept(self->fd, NULL, NULL);
	ASSERT_GE(a[1], 0);
	close_both(a);
	close_both(b);
	ASSERT_OK(oa_close(self->fd));
}

HARNESS_MAIN
