// SPDX-License-Identifier: MIT
/*
 * The client of io/echo: one thread, one request under way on each connection,
 * the next one sent when the whole answer has come and was compared. It has to
 * outrun the servers, so it is as cheap as we know how: fixed files, a
 * multishot receive for each connection into shared buffers, all sends of one
 * batch of completions in one system call, one look at the clock a batch.
 */
#include <errno.h>
#include <liburing.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "echo.h"
#include "versus/common/work.h"

#define BUFFERS_MAX	32768u
#define BUFFER_SIZE	1024
#define TAG_SEND	(1ull << 32)

/* Requests of no work, and of 5, 10 ... 200 us. */
#define WORKS		40
#define WORK_STEP	5

struct conn {
	const char *msg;
	int fd;
	unsigned int got;
	uint64_t sent_at;
};

struct client {
	struct echo_load *l;
	struct io_uring ring;
	struct io_uring_buf_ring *br;
	char *buf;
	unsigned int buffers;
	struct conn *conn;
	char msg[WORKS + 1][BUFFER_SIZE];
	uint64_t sent, random;
	bool counting;
};

/* Those threads of it count that have ended, too. */
uint64_t echo_process_cpu(pid_t pid)
{
	struct timespec t;
	clockid_t id;

	if (clock_getcpuclockid(pid, &id) || clock_gettime(id, &t))
		return 0;
	return (uint64_t)t.tv_sec * NSEC + (uint64_t)t.tv_nsec;
}

static int connect_one(struct echo_load *l)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		return bench_fail(l->r, "socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&l->at, sizeof(l->at)))
		return bench_fail(l->r, "connect: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static struct io_uring_sqe *next_sqe(struct client *c)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&c->ring);

	if (!sqe) {
		io_uring_submit(&c->ring);
		sqe = io_uring_get_sqe(&c->ring);
	}
	return sqe;
}

static void receive(struct client *c, unsigned int i)
{
	struct io_uring_sqe *sqe = next_sqe(c);

	io_uring_prep_recv_multishot(sqe, (int)i, NULL, 0, 0);
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
	io_uring_sqe_set_data64(sqe, i);
}

static const char *next_message(struct client *c)
{
	unsigned int every = c->l->work_every;

	if (!every || ++c->sent % every)
		return c->msg[0];
	return c->msg[1 + bench_random(&c->random) % WORKS];
}

static void request(struct client *c, unsigned int i, uint64_t now)
{
	struct io_uring_sqe *sqe = next_sqe(c);
	struct conn *k = &c->conn[i];

	k->sent_at = now;
	k->got = 0;
	k->msg = next_message(c);
	io_uring_prep_send(sqe, (int)i, k->msg, c->l->bytes, MSG_WAITALL);
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
	io_uring_sqe_set_data64(sqe, i | TAG_SEND);
}

static void give_buffer(struct client *c, unsigned int id, unsigned int at)
{
	io_uring_buf_ring_add(c->br, c->buf + (size_t)id * BUFFER_SIZE,
			      BUFFER_SIZE, (unsigned short)id, c->buffers - 1,
			      (int)at);
}

/* Two for each connection: more of them would not stay in the cache. */
static int buffers(struct client *c)
{
	struct io_uring_buf_reg reg = { .ring_addr = 0 };

	for (c->buffers = 64; c->buffers < 2 * c->l->conns &&
	     c->buffers < BUFFERS_MAX;)
		c->buffers *= 2;
	reg.ring_entries = c->buffers;
	c->br = mmap(NULL, c->buffers * sizeof(struct io_uring_buf),
		     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	c->buf = malloc((size_t)c->buffers * BUFFER_SIZE);
	if (c->br == MAP_FAILED || !c->buf)
		return bench_fail(c->l->r, "out of memory");
	reg.ring_addr = (uintptr_t)c->br;
	if (io_uring_register_buf_ring(&c->ring, &reg, 0))
		return bench_fail(c->l->r, "no buffer ring");
	io_uring_buf_ring_init(c->br);
	for (unsigned int i = 0; i < c->buffers; i++)
		give_buffer(c, i, i);
	io_uring_buf_ring_advance(c->br, (int)c->buffers);
	return 0;
}

static int connections(struct client *c)
{
	unsigned int n = c->l->conns;
	int *fds = calloc(n, sizeof(*fds));

	c->conn = calloc(n, sizeof(*c->conn));
	if (!fds || !c->conn)
		return bench_fail(c->l->r, "out of memory");
	for (unsigned int i = 0; i < n; i++) {
		fds[i] = connect_one(c->l);
		if (fds[i] < 0)
			return -1;
		c->conn[i].fd = fds[i];
	}
	if (io_uring_register_files(&c->ring, fds, n))
		return bench_fail(c->l->r, "files not registered");
	free(fds);
	return 0;
}

/* 1 when the answer is complete, 0 when not, negative when it is wrong. */
static int answered(struct client *c, struct conn *k, const char *p,
		    unsigned int n, uint64_t now)
{
	if (k->got + n > c->l->bytes || memcmp(p, k->msg + k->got, n))
		return bench_fail(c->l->r, "a wrong answer");
	k->got += n;
	if (k->got < c->l->bytes)
		return 0;
	if (c->counting) {
		c->l->requests++;
		hist_add(&c->l->r->out->hist, now - k->sent_at);
	}
	return 1;
}

static int completion(struct client *c, const struct io_uring_cqe *cqe,
		      uint64_t now, unsigned int *given)
{
	unsigned int i = (uint32_t)cqe->user_data, id;
	int full = 0;

	if (cqe->user_data & TAG_SEND)
		return bench_fail(c->l->r, "send: %s", strerror(-cqe->res));
	if (cqe->res > 0) {
		id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
		full = answered(c, &c->conn[i],
				c->buf + (size_t)id * BUFFER_SIZE,
				(unsigned int)cqe->res, now);
		give_buffer(c, id, (*given)++);
	} else if (cqe->res != -ENOBUFS) {
		return bench_fail(c->l->r, "recv: %s", strerror(-cqe->res));
	}
	if (full < 0)
		return -1;
	if (!(cqe->flags & IORING_CQE_F_MORE))
		receive(c, i);
	if (full)
		request(c, i, now);
	return 0;
}

static int batch(struct client *c)
{
	unsigned int head, seen = 0, given = 0;
	struct io_uring_cqe *cqe;
	int ret = io_uring_submit_and_wait(&c->ring, 1);
	uint64_t now = bench_now();

	if (ret < 0 && ret != -EINTR)
		return bench_fail(c->l->r, "wait: %s", strerror(-ret));
	ret = 0;
	io_uring_for_each_cqe(&c->ring, head, cqe) {
		seen++;
		if (!ret)
			ret = completion(c, cqe, now, &given);
	}
	io_uring_buf_ring_advance(c->br, (int)given);
	io_uring_cq_advance(&c->ring, seen);
	return ret;
}

static int load(struct client *c)
{
	struct echo_load *l = c->l;
	uint64_t begun = bench_now(), now;

	for (unsigned int i = 0; i < l->conns; i++) {
		receive(c, i);
		request(c, i, begun);
	}
	while ((now = bench_now()) < begun + l->warmup_ns)
		if (batch(c))
			return -1;
	c->counting = true;
	begun = now;
	l->client_cpu = bench_cpu_ns();
	l->server_cpu = echo_process_cpu(l->server);
	while ((now = bench_now()) < begun + l->run_ns)
		if (batch(c))
			return -1;
	l->ns = now - begun;
	l->client_cpu = bench_cpu_ns() - l->client_cpu;
	l->server_cpu = echo_process_cpu(l->server) - l->server_cpu;
	return l->requests ? 0 : bench_fail(l->r, "no answers");
}

static void messages(struct client *c)
{
	c->random = 88172645463325252ull;
	for (unsigned int w = 0; w <= WORKS; w++) {
		for (unsigned int i = 0; i < c->l->bytes; i++)
			c->msg[w][i] = (char)('a' + i % 20);
		if (!w || c->l->bytes < 2)
			continue;
		c->msg[w][0] = WORK_MARK;
		c->msg[w][1] = (char)(w * WORK_STEP);
	}
}

int echo_load(struct echo_load *l)
{
	struct client *c = calloc(1, sizeof(*c));
	int ret;

	if (!c || l->bytes > BUFFER_SIZE)
		return bench_fail(l->r, "bad size");
	c->l = l;
	messages(c);
	ret = raw_ring(l->r, &c->ring, 16384);
	if (!ret && (buffers(c) || connections(c) || load(c)))
		ret = -1;
	/* the process ends after one load: it takes the rest along */
	return ret;
}
