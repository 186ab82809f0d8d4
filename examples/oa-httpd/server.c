/* SPDX-License-Identifier: MIT */
/*
 * The first task: it starts one task per worker that accepts, waits for a
 * signal, and sees to it that everything ends. When it returns, connections
 * with work to finish still have their tasks; the runtime ends with the last.
 */
#include "httpd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#define PAUSE		(100 * OA_MSEC)

static const char busy[] =
	"HTTP/1.1 503 Service Unavailable\r\n"
	"Server: " SERVER_NAME "\r\n"
	"Retry-After: 1\r\n"
	"Content-Length: 0\r\n"
	"Connection: close\r\n"
	"\r\n";

/* Nothing waits here: the buffers of a new socket are empty. */
static void refuse(struct server *srv, int fd)
{
	char sink[4096];

	oa_send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	oa_sock_shutdown(fd, SHUT_WR);
	while (oa_recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		;
	oa_close(fd);
	pthread_mutex_lock(&srv->lock);
	srv->refused++;
	pthread_mutex_unlock(&srv->lock);
}

static void serve(struct server *srv, int fd)
{
	struct conn *c;

	if (atomic_load(&srv->connections) >= srv->opt.max_connections) {
		refuse(srv, fd);
		return;
	}
	c = conn_create(srv, fd);
	if (!c)
		refuse(srv, fd);
	else if (oa_go(conn_task, c, .on_drop = conn_drop, .name = "conn"))
		conn_drop(c);
}

/* About one connection that is gone again; others, like EMFILE, take time. */
static bool passing(int err)
{
	return err == -ECONNABORTED || err == -EPROTO || err == -EINTR;
}

static void *accept_task(void *server)
{
	struct server *srv = server;

	for (;;) {
		int fd = oa_accept4(srv->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			serve(srv, fd);
		else if (fd == -ECANCELED)
			return NULL;
		else if (!passing(fd))
			oa_sleep(PAUSE);
	}
}

static unsigned int count_workers(void)
{
	struct oa_stats st = OA_STATS_INIT;

	return oa_stats(NULL, &st) ? 1 : st.workers;
}

/*
 * Here, and not after the runtime has started: a task that suspends may go on
 * on another thread, but a signal mask belongs to the thread. One thread that
 * does not block the signals is enough for a second one to end the process.
 */
static void unblock_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void wait_for_signal(struct server *srv)
{
	struct signalfd_siginfo si;
	ssize_t n;

	do {
		n = oa_read(srv->signals, &si, sizeof(si));
	} while (n == -EINTR);
	unblock_signals();
}

static void announce(const struct options *opt)
{
	char url[128];

	if (opt->quiet)
		return;
	listen_url(opt, url, sizeof(url));
	printf("listening on %s\n", url);
	fflush(stdout);
}

void *server_task(void *server)
{
	struct server *srv = server;
	unsigned int n = count_workers();
	oa_task_t *acceptors = calloc(n, sizeof(*acceptors));
	int err = acceptors ? 0 : -ENOMEM;

	for (unsigned int i = 0; i < n && !err; i++) {
		acceptors[i] = oa_spawn(accept_task, srv, .name = "accept",
					.worker = OA_WORKER((int)i));
		err = oa_task_error(acceptors[i]);
		n = err ? i : n;
	}
	if (!err) {
		announce(&srv->opt);
		wait_for_signal(srv);
	}

	for (unsigned int i = 0; acceptors && i < n; i++)
		oa_cancel(acceptors[i]);
	for (unsigned int i = 0; acceptors && i < n; i++)
		oa_join(acceptors[i], NULL);
	free(acceptors);
	oa_close(srv->listener);
	atomic_store(&srv->draining, true);
	conn_drain_all(srv);
	srv->err = err;
	return NULL;
}
