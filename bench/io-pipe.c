// SPDX-License-Identifier: MIT
/*
 * io/pipe: two tasks on one worker hand a byte to each other through two
 * pipes; nanoseconds a round trip (two writes, two reads, each read waiting).
 * It measures a read that waits and the write that ends it; no other CPU is
 * woken, and pipes, not sockets.
 *
 * raw: two threads on one CPU with plain read and write; and one thread that
 * plays both sides on a ring, a read always under way.
 */
#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static const struct metric metrics[] = {
	{ "round trip", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

struct pingpong {
	struct run *r;
	int to[2], fro[2];
	uint64_t trips, nr;
	ssize_t (*rd)(int fd, void *buf, size_t n);
	ssize_t (*wr)(int fd, const void *buf, size_t n);
};

static int prepare(struct run *r, struct pingpong *p)
{
	memset(p, 0, sizeof(*p));
	p->r = r;
	p->trips = bench_warmup(r) + r->iters;
	bench_pin(r, 0, 1);
	if (pipe2(p->to, O_CLOEXEC) || pipe2(p->fro, O_CLOEXEC))
		return bench_fail(r, "no pipe");
	return 0;
}

static int trips(void *arg, uint64_t n)
{
	struct pingpong *p = arg;

	while (n--) {
		char c = (char)p->nr++, got = 0;

		if (p->wr(p->to[1], &c, 1) != 1 ||
		    p->rd(p->fro[0], &got, 1) != 1 || got != (char)(c + 1))
			return bench_fail(p->r, "a byte is wrong");
	}
	return 0;
}

static void *answerer(void *arg)
{
	struct pingpong *p = arg;
	char c;

	for (uint64_t i = 0; i < p->trips; i++) {
		if (p->rd(p->to[0], &c, 1) != 1)
			break;
		c++;
		if (p->wr(p->fro[1], &c, 1) != 1)
			break;
	}
	return NULL;
}

static void *first(void *arg)
{
	struct pingpong *p = arg;
	oa_task_t t = oa_spawn(answerer, p);

	bench_loop(p->r, 0, 1, trips, p);
	close(p->to[1]);
	if (oa_join(t, NULL))
		bench_fail(p->r, "join failed");
	return NULL;
}

static int pipe_oa(struct run *r)
{
	struct pingpong p;

	if (prepare(r, &p))
		return -1;
	p.rd = oa_read;
	p.wr = oa_write;
	return bench_oa_run(r, bench_workers(r), first, &p);
}

static int pipe_threads(struct run *r)
{
	struct pingpong p;
	pthread_t t;

	if (prepare(r, &p))
		return -1;
	p.rd = read;
	p.wr = write;
	if (pthread_create(&t, NULL, answerer, &p))
		return bench_fail(r, "no thread");
	bench_loop(r, 0, 1, trips, &p);
	close(p.to[1]);
	pthread_join(t, NULL);
	return r->out->error[0] ? -1 : 0;
}

struct both_sides {
	struct pingpong p;
	struct io_uring ring;
	char there, back;	/* what the reads under way fill */
};

static void start_read(struct io_uring *ring, int fd, char *in)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_read(sqe, fd, in, 1, 0);
	io_uring_sqe_set_data64(sqe, 1);
}

/* A write, that side's next read, and the end of the read that waited. */
static int hop(struct both_sides *b, int wfd, char c, int rfd, char *in)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&b->ring);
	unsigned int head, seen = 0, reads = 0;
	struct io_uring_cqe *cqe;

	io_uring_prep_write(sqe, wfd, &c, 1, 0);
	io_uring_sqe_set_data64(sqe, 0);
	start_read(&b->ring, rfd, in);
	if (io_uring_submit_and_wait(&b->ring, 2) != 2)
		return bench_fail(b->p.r, "not submitted");
	io_uring_for_each_cqe(&b->ring, head, cqe) {
		seen++;
		reads += cqe->user_data == 1;
		if (cqe->res != 1)
			return bench_fail(b->p.r, "a request failed");
	}
	io_uring_cq_advance(&b->ring, seen);
	return seen == 2 && reads == 1 ? 0
				       : bench_fail(b->p.r, "out of order");
}

static int ring_trips(void *arg, uint64_t n)
{
	struct both_sides *b = arg;
	struct pingpong *p = &b->p;

	while (n--) {
		char c = (char)p->nr++;

		if (hop(b, p->to[1], c, p->fro[0], &b->back) ||
		    hop(b, p->fro[1], (char)(b->there + 1), p->to[0],
			&b->there))
			return -1;
		if (b->back != (char)(c + 1))
			return bench_fail(p->r, "a byte is wrong");
	}
	return 0;
}

static int pipe_ring(struct run *r)
{
	struct both_sides b;
	int ret;

	if (prepare(r, &b.p))
		return -1;
	ret = raw_ring(r, &b.ring, 16);
	if (ret)
		return ret;
	start_read(&b.ring, b.p.to[0], &b.there);
	io_uring_submit(&b.ring);
	return bench_loop(r, 0, 1, ring_trips, &b);
}

const struct bench bench_io_pipe = {
	.collection = "io",
	.name = "pipe",
	.summary = "two tasks hand a byte back and forth through pipes",
	.metrics = metrics,
	.impl = { { "oa", pipe_oa }, { "raw:threads", pipe_threads },
		  { "raw:ring", pipe_ring } },
	.workers = 1,
};
