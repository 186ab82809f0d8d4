// SPDX-License-Identifier: MIT
/*
 * io/accept: a client process on the second CPU connects and resets at once,
 * at most 256 connections ahead; a task accepts and closes. Nanoseconds a
 * connection, and CPU time of the server for each, which tells more where the
 * client is the slower one. It measures accept and close; no data.
 *
 * raw: a thread with accept4() and close(); a ring with a multishot accept.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define AHEAD 256

static const struct metric metrics[] = {
	{ "a connection", "ns", M_RATE },
	{ "server CPU", "ns", 0 },
	{ NULL, NULL, 0 },
};

struct accepting {
	struct run *r;
	int fd;
	struct sockaddr_in at;
	uint64_t n;
	uint64_t *accepted;	/* shared with the client */
	pid_t client;
	uint64_t cpu;
};

static void connect_all(const struct accepting *a)
{
	struct linger reset = { .l_onoff = 1 };

	bench_pin(a->r, 1, 1);
	for (uint64_t i = 0; i < a->n; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		while (i > __atomic_load_n(a->accepted, __ATOMIC_ACQUIRE) +
			   AHEAD)
			__asm__ volatile("" ::: "memory");
		if (fd < 0 || connect(fd, (const struct sockaddr *)&a->at,
				      sizeof(a->at)))
			_exit(1);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
	}
	_exit(0);
}

static int prepare(struct run *r, struct accepting *a)
{
	socklen_t len = sizeof(a->at);

	memset(a, 0, sizeof(*a));
	a->r = r;
	a->n = r->iters;
	a->at.sin_family = AF_INET;
	a->at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a->accepted = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	a->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (a->accepted == MAP_FAILED || a->fd < 0 ||
	    bind(a->fd, (struct sockaddr *)&a->at, len) ||
	    listen(a->fd, 4096) ||
	    getsockname(a->fd, (struct sockaddr *)&a->at, &len))
		return bench_fail(r, "cannot listen: %s", strerror(errno));
	a->client = fork();
	if (a->client < 0)
		return bench_fail(r, "fork: %s", strerror(errno));
	if (a->client == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		connect_all(a);
	}
	bench_pin(r, 0, 1);
	a->cpu = bench_cpu_ns();
	bench_begin(r);
	return 0;
}

static void one_more(struct accepting *a)
{
	__atomic_fetch_add(a->accepted, 1, __ATOMIC_RELEASE);
}

static int finish(struct accepting *a)
{
	struct run *r = a->r;
	int status = 0;

	bench_end(r);
	a->cpu = bench_cpu_ns() - a->cpu;
	bench_per_op(r, 0, a->n);
	bench_set(r, 1, (double)a->cpu / (double)a->n);
	if (r->out->error[0])
		kill(a->client, SIGKILL);
	waitpid(a->client, &status, 0);
	if (r->out->error[0])
		return -1;
	if (status || *a->accepted != a->n)
		return bench_fail(r, "the client failed");
	return 0;
}

static void *server(void *arg)
{
	struct accepting *a = arg;

	for (uint64_t i = 0; i < a->n; i++) {
		int fd = oa_accept4(a->fd, NULL, NULL, SOCK_CLOEXEC);
		int ret = fd < 0 ? fd : oa_close(fd);

		if (ret < 0) {
			bench_fail(a->r, "%s: %s", fd < 0 ? "accept" : "close",
				   oa_strerror(ret));
			break;
		}
		one_more(a);
	}
	return NULL;
}

static int accept_oa(struct run *r)
{
	struct accepting a;

	if (prepare(r, &a))
		return -1;
	bench_oa_run(r, bench_workers(r), server, &a);
	return finish(&a);
}

static int accept_plain(struct run *r)
{
	struct accepting a;

	if (prepare(r, &a))
		return -1;
	for (uint64_t i = 0; i < a.n; i++) {
		int fd = accept4(a.fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 || close(fd)) {
			bench_fail(r, "accept: %s", strerror(errno));
			break;
		}
		one_more(&a);
	}
	return finish(&a);
}

static void multishot(struct accepting *a, struct io_uring *ring)
{
	io_uring_prep_multishot_accept(io_uring_get_sqe(ring), a->fd, NULL,
				       NULL, SOCK_CLOEXEC);
}

static int accept_batch(struct accepting *a, struct io_uring *ring)
{
	unsigned int head, seen = 0;
	struct io_uring_cqe *cqe;
	bool again = false;

	if (io_uring_submit_and_wait(ring, 1) < 0)
		return bench_fail(a->r, "not submitted");
	io_uring_for_each_cqe(ring, head, cqe) {
		if (cqe->res < 0 || close(cqe->res))
			return bench_fail(a->r, "accept: %s",
					  strerror(-cqe->res));
		again = again || !(cqe->flags & IORING_CQE_F_MORE);
		one_more(a);
		seen++;
	}
	io_uring_cq_advance(ring, seen);
	if (again)
		multishot(a, ring);
	return 0;
}

static int accept_ring(struct run *r)
{
	struct io_uring ring;
	struct accepting a;
	int ret = raw_ring(r, &ring, 1024);

	if (ret)
		return ret;
	if (prepare(r, &a))
		return -1;
	multishot(&a, &ring);
	while (*a.accepted < a.n)
		if (accept_batch(&a, &ring))
			break;
	return finish(&a);
}

const struct bench bench_io_accept = {
	.collection = "io",
	.name = "accept",
	.summary = "connections accepted and closed",
	.metrics = metrics,
	.impl = { { "oa", accept_oa }, { "raw:accept4", accept_plain },
		  { "raw:ring", accept_ring } },
	.workers = 1,
};
