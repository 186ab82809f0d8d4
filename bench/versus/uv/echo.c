// SPDX-License-Identifier: MIT
/*
 * A loop for each worker, each with a listening socket of its own for the same
 * port. An answer is tried at once (uv_try_write), as who cares for speed does,
 * and queued only if the socket does not take it.
 */
#include <stdlib.h>
#include <uv.h>

#include "versus/common/versus.h"
#include "versus/common/work.h"
#include "versus/uv/peer.h"

struct conn {
	uv_tcp_t tcp;
	char b[4096];
};

struct answer {
	uv_write_t req;
	char b[4096];
};

static void gone(uv_handle_t *h)
{
	free(h);
}

static void room(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
	(void)size;
	*buf = uv_buf_init(((struct conn *)h)->b, sizeof(((struct conn *)h)->b));
}

static void written(uv_write_t *req, int status)
{
	if (status < 0 && !uv_is_closing((uv_handle_t *)req->handle))
		uv_close((uv_handle_t *)req->handle, gone);
	free(req);
}

static void write_later(uv_stream_t *s, const char *b, size_t n)
{
	struct answer *a = malloc(sizeof(*a));
	uv_buf_t buf;

	if (!a)
		wrong("out of memory");
	for (size_t i = 0; i < n; i++)
		a->b[i] = b[i];
	buf = uv_buf_init(a->b, (unsigned int)n);
	if (uv_write(&a->req, s, &buf, 1, written))
		free(a);
}

static void received(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	uv_buf_t out = uv_buf_init(buf->base, n > 0 ? (unsigned int)n : 0);
	int took;

	if (n < 0)
		uv_close((uv_handle_t *)s, gone);
	if (n <= 0)
		return;
	work_for(buf->base, (size_t)n);
	took = uv_try_write(s, &out, 1);
	if (took < n)
		write_later(s, buf->base + (took > 0 ? took : 0),
			    (size_t)n - (took > 0 ? (size_t)took : 0));
}

static void connected(uv_stream_t *listener, int status)
{
	struct conn *c = malloc(sizeof(*c));

	if (!c || status < 0)
		wrong("no connection");
	uv_tcp_init(listener->loop, &c->tcp);
	if (uv_accept(listener, (uv_stream_t *)&c->tcp)) {
		uv_close((uv_handle_t *)&c->tcp, gone);
		return;
	}
	uv_tcp_nodelay(&c->tcp, 1);
	uv_read_start((uv_stream_t *)&c->tcp, room, received);
}

static void serve(void *arg)
{
	uv_tcp_t listener;
	uv_loop_t loop;

	if (uv_loop_init(&loop) || uv_tcp_init(&loop, &listener) ||
	    uv_tcp_open(&listener, (int)(intptr_t)arg) ||
	    uv_listen((uv_stream_t *)&listener, 4096, connected))
		wrong("cannot listen");
	uv_run(&loop, UV_RUN_DEFAULT);
}

void loop_echo(void)
{
	long workers = opt_number("workers", 1);
	int port, fd = versus_listen_on(&port);
	uv_thread_t t;

	for (long i = 1; i < workers; i++)
		if (uv_thread_create(&t, serve, (void *)(intptr_t)
				     versus_listen_beside(&port)))
			wrong("no thread");
	serve((void *)(intptr_t)fd);
}
