/* SPDX-License-Identifier: MIT */
/* io/echo: the load, and the raw servers that it is also put on. */
#ifndef OA_BENCH_ECHO_H
#define OA_BENCH_ECHO_H

#include <netinet/in.h>

#include "bench.h"

struct echo_load {
	struct run *r;
	struct sockaddr_in at;
	unsigned int conns;
	unsigned int bytes;
	uint64_t warmup_ns, run_ns;
	pid_t server;
	unsigned int work_every;	/* one of so many asks for work; 0: none */
	/* what it found */
	uint64_t requests, ns;
	uint64_t client_cpu, server_cpu;	/* ns in the timed part */
};

/* Keeps one request under way on each connection; 0 or bench_fail(). */
int echo_load(struct echo_load *l);
/* CPU time of all threads of a process, in ns. */
uint64_t echo_process_cpu(pid_t pid);

/* Serve connections of fd until killed; return only on errors. */
int echo_serve_epoll(int fd);
int echo_serve_ring(int fd);

#endif
