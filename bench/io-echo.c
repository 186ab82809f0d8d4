// SPDX-License-Identifier: MIT
/*
 * io/echo: requests of -s bytes over -c TCP connections on loopback, one under
 * way on each, against examples/oa-echo with one worker on the first CPU; the
 * client (echo-load.c) on the second. Requests a second, latency as the client
 * sees it, and the server's CPU time for each request: with client and server
 * both near saturation that last one tells servers apart. No real network, and
 * no pipelining.
 *
 * raw: single-threaded servers, by epoll and by io_uring.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "echo.h"

static const struct metric metrics[] = {
	{ "requests", "1/s", M_MORE },
	{ "latency p50", "ns", M_HIST },
	{ "latency p99", "ns", 0 },
	{ "latency p99.9", "ns", 0 },
	{ "server CPU", "ns", 0 },
	{ "server busy", "share", M_INFO },
	{ "client busy", "share", M_INFO },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'c', "conns", "64,512", "connections", 1, 20000 },
	{ 's', "size", "64", "bytes of a request", 1, 1024 },
	{ 'd', "ms", "700", "how long the load lasts", 1, 600000 },
	{ 'e', "server", "-", "path of oa-echo (-: beside oa-bench)", 0, 0 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

static int listener(struct run *r, struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	memset(at, 0, sizeof(*at));
	at->sin_family = AF_INET;
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)at, len) || listen(fd, 4096) ||
	    getsockname(fd, (struct sockaddr *)at, &len))
		return bench_fail(r, "cannot listen: %s", strerror(errno));
	return fd;
}

static pid_t fork_server(struct run *r)
{
	pid_t pid = fork();

	if (pid < 0)
		return bench_fail(r, "fork: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		bench_pin(r, 0, 1);
	}
	return pid;
}

static void report(struct run *r, const struct echo_load *l)
{
	double n = (double)l->requests, ns = (double)l->ns;

	bench_set(r, 0, n * 1e9 / ns);
	bench_set(r, 1, (double)hist_percentile(&r->out->hist, .5));
	bench_set(r, 2, (double)hist_percentile(&r->out->hist, .99));
	bench_set(r, 3, (double)hist_percentile(&r->out->hist, .999));
	if (l->server_cpu) {
		bench_set(r, 4, (double)l->server_cpu / n);
		bench_set(r, 5, (double)l->server_cpu / ns);
	}
	bench_set(r, 6, (double)l->client_cpu / ns);
	bench_add_time(r, l->ns);
}

static void enough_files(unsigned int n)
{
	struct rlimit lim;

	if (!getrlimit(RLIMIT_NOFILE, &lim) && lim.rlim_cur < n) {
		lim.rlim_cur = lim.rlim_max < n ? lim.rlim_max : n;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

static int put_load(struct run *r, const struct sockaddr_in *at, pid_t server)
{
	struct echo_load l = {
		.r = r,
		.at = *at,
		.conns = (unsigned int)bench_opt(r, 0),
		.bytes = (unsigned int)bench_opt(r, 1),
		.warmup_ns = NSEC / 5,
		.run_ns = (uint64_t)bench_opt(r, 2) * 1000000,
		.server = server,
	};
	int status = 0, ret;

	bench_pin(r, 1, 1);
	ret = echo_load(&l);
	if (waitpid(server, &status, WNOHANG) == server)
		return bench_fail(r, "the server ended by itself (%d)", status);
	if (!ret)
		report(r, &l);
	kill(server, SIGKILL);
	waitpid(server, &status, 0);
	return ret;
}

static int echo_raw(struct run *r, int (*serve)(int fd))
{
	struct sockaddr_in at;
	int fd = listener(r, &at);
	pid_t pid;

	if (fd < 0)
		return -1;
	enough_files((unsigned int)bench_opt(r, 0) + 64);
	pid = fork_server(r);
	if (pid < 0)
		return -1;
	if (pid == 0) {
		serve(fd);
		_exit(1);
	}
	close(fd);
	return put_load(r, &at, pid);
}

static int echo_epoll(struct run *r)
{
	return echo_raw(r, echo_serve_epoll);
}

static int echo_ring(struct run *r)
{
	return echo_raw(r, echo_serve_ring);
}

/* Beside build/bench/oa-bench lies build/examples/oa-echo. */
static void server_path(const struct run *r, char *buf, size_t n)
{
	ssize_t len = readlink("/proc/self/exe", buf, n - 1);
	char *slash;

	if (strcmp(r->opt[3], "-")) {
		snprintf(buf, n, "%s", r->opt[3]);
		return;
	}
	buf[len > 0 ? len : 0] = '\0';
	for (int up = 0; up < 2 && (slash = strrchr(buf, '/')); up++)
		*slash = '\0';
	snprintf(buf + strlen(buf), n - strlen(buf), "/examples/oa-echo");
}

/* It is told any port, and tells which: "listening on 127.0.0.1:PORT". */
static int read_port(struct run *r, int fd, struct sockaddr_in *at)
{
	FILE *f = fdopen(fd, "r");
	char line[256] = "", *colon;
	int port = 0;

	if (f && fgets(line, sizeof(line), f) && (colon = strrchr(line, ':')))
		port = atoi(colon + 1);
	if (port < 1 || port > 65535)
		return bench_fail(r, "oa-echo tells no port: '%s'", line);
	memset(at, 0, sizeof(*at));
	at->sin_family = AF_INET;
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	at->sin_port = htons((uint16_t)port);
	return 0;	/* the pipe stays open: the server may say more */
}

static int echo_oa(struct run *r)
{
	struct sockaddr_in at;
	char path[4096];
	pid_t pid;
	int p[2];

	server_path(r, path, sizeof(path));
	if (access(path, X_OK))
		return bench_fail(r, "%s: %s", path, strerror(errno));
	if (pipe2(p, O_CLOEXEC))
		return bench_fail(r, "no pipe");
	enough_files((unsigned int)bench_opt(r, 0) + 64);
	pid = fork_server(r);
	if (pid < 0)
		return -1;
	if (pid == 0) {
		char workers[16];

		snprintf(workers, sizeof(workers), "%u", bench_workers(r));
		dup2(p[1], STDOUT_FILENO);
		execl(path, path, "-w", workers, "-p", "0", (char *)NULL);
		_exit(127);
	}
	close(p[1]);
	return read_port(r, p[0], &at) ? -1 : put_load(r, &at, pid);
}

const struct bench bench_io_echo = {
	.collection = "io",
	.name = "echo",
	.summary = "requests over TCP connections, answered as they are",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", echo_oa }, { "raw:epoll", echo_epoll },
		  { "raw:ring", echo_ring } },
	.workers = 1,
	.repeats = 7,
	.fixed = true,
};
