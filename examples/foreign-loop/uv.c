// SPDX-License-Identifier: MIT
/*
 * oa-uv-loop: the same service around libuv. The runtime is a uv_poll_t; tasks
 * call libuv, as they run on its loop's thread.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "../cli.h"
#include "request.h"

struct conn {
	uv_tcp_t tcp;			/* first: a handle is its conn */
	unsigned int held;
	struct line line;
	char buf[4096];
};

struct answer {
	uv_write_t req;
	struct conn *c;
	char text[];
};

static struct oa_runtime *rt;
static uv_loop_t *loop;
static uv_tcp_t listener;
static uv_poll_t runtime;
static uv_signal_t signals[2];

void conn_hold(struct conn *c)
{
	c->held++;
}

void conn_let_go(struct conn *c)
{
	if (!--c->held)
		free(c);
}

static void on_closed(uv_handle_t *h)
{
	conn_let_go((struct conn *)h);
}

static void conn_close(struct conn *c)
{
	if (!uv_is_closing((uv_handle_t *)c))
		uv_close((uv_handle_t *)c, on_closed);
}

static void on_written(uv_write_t *req, int err)
{
	struct answer *a = (struct answer *)req;

	if (err)
		conn_close(a->c);
	conn_let_go(a->c);
	free(a);
}

void conn_answer(struct conn *c, const char *text, size_t n)
{
	struct answer *a = malloc(sizeof(*a) + n);
	uv_buf_t buf;

	if (!a || uv_is_closing((uv_handle_t *)c)) {
		free(a);
		return;
	}
	a->c = c;
	memcpy(a->text, text, n);
	buf = uv_buf_init(a->text, (unsigned int)n);
	conn_hold(c);
	if (uv_write(&a->req, (uv_stream_t *)c, &buf, 1, on_written)) {
		conn_let_go(c);
		free(a);
	}
}

static void give_buffer(uv_handle_t *h, size_t want, uv_buf_t *buf)
{
	struct conn *c = (struct conn *)h;

	(void)want;
	*buf = uv_buf_init(c->buf, sizeof(c->buf));
}

static void on_bytes(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = (struct conn *)s;

	if (n < 0)
		conn_close(c);
	else
		request_bytes(rt, c, &c->line, buf->base, (size_t)n);
}

static void on_connection(uv_stream_t *s, int err)
{
	struct conn *c = err ? NULL : calloc(1, sizeof(*c));

	if (!c)
		return;
	uv_tcp_init(loop, &c->tcp);
	c->held = 1;
	if (uv_accept(s, (uv_stream_t *)c) ||
	    uv_read_start((uv_stream_t *)c, give_buffer, on_bytes))
		conn_close(c);
}

static void close_one(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (h->type == UV_TCP && h != (uv_handle_t *)&listener)
		conn_close((struct conn *)h);
	else if (!uv_is_closing(h))
		uv_close(h, NULL);
}

/* The loop comes back here as long as there is more to be done. */
static void on_runtime(uv_poll_t *p, int err, int events)
{
	(void)p;
	(void)err;
	(void)events;
	if (oa_poll_once(rt, 0) == -ESHUTDOWN)
		uv_walk(loop, close_one, NULL);
}

static void on_signal(uv_signal_t *s, int sig)
{
	(void)sig;
	uv_signal_stop(s);
	oa_shutdown(rt, OA_SHUTDOWN_GRACEFUL);
}

static int listen_on(unsigned int port)
{
	struct sockaddr_in a;
	int len = sizeof(a), err;

	uv_ip4_addr("127.0.0.1", (int)port, &a);
	uv_tcp_init(loop, &listener);
	err = uv_tcp_bind(&listener, (struct sockaddr *)&a, 0);
	if (!err)
		err = uv_listen((uv_stream_t *)&listener, 128, on_connection);
	if (!err)
		err = uv_tcp_getsockname(&listener, (struct sockaddr *)&a,
					 &len);
	if (err)
		return err;
	printf("listening on 127.0.0.1:%d\n", ntohs(a.sin_port));
	fflush(stdout);
	return 0;
}

static void catch_signal(uv_signal_t *s, int sig)
{
	uv_signal_init(loop, s);
	uv_signal_start(s, on_signal, sig);
}

static unsigned int parse_options(int argc, char **argv)
{
	unsigned int port = 7000;
	int o;

	opterr = 0;
	while ((o = getopt(argc, argv, "p:")) == 'p')
		port = cli_number("port", optarg, 0, 65535);
	if (o != -1 || optind != argc)
		cli_die("usage: oa-uv-loop [-p port]");
	return port;
}

int main(int argc, char **argv)
{
	unsigned int port = parse_options(argc, argv);
	int err = oa_start(&rt, request_keeper, NULL, .external = true);

	if (err < 0)
		cli_die("cannot run: %s", oa_strerror(err));
	signal(SIGPIPE, SIG_IGN);
	loop = uv_default_loop();
	err = uv_poll_init(loop, &runtime, oa_runtime_fd(rt));
	if (!err)
		err = uv_poll_start(&runtime, UV_READABLE, on_runtime);
	if (!err)
		err = listen_on(port);
	if (err)
		cli_die("port %u: %s", port, uv_strerror(err));
	catch_signal(&signals[0], SIGINT);
	catch_signal(&signals[1], SIGTERM);
	/* Until the runtime is over, and all handles are closed. */
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	oa_runtime_wait(rt, NULL);
	oa_runtime_free(rt);
	return 0;
}
