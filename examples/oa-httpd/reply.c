/* SPDX-License-Identifier: MIT */
#include "reply.h"

#include <errno.h>
#include <stdio.h>

#define LITERAL(c, s)	out_put(&(c)->out, s, sizeof(s) - 1)

static void put_date(struct conn *c)
{
	if (c->now != c->date_at) {
		date_format(c->date, c->now);
		c->date_at = c->now;
	}
	LITERAL(c, "Server: " SERVER_NAME "\r\nDate: ");
	out_put(&c->out, c->date, DATE_LEN);
}

static void put_status(struct conn *c, int status)
{
	if (status == 200) {
		LITERAL(c, "HTTP/1.1 200 OK\r\n");
		return;
	}
	LITERAL(c, "HTTP/1.1 ");
	out_number(&c->out, (uint64_t)status);
	LITERAL(c, " ");
	out_text(&c->out, http_status_str((enum http_status)status));
	LITERAL(c, "\r\n");
}

/* A server that ends answers what it has been asked, and says that it goes. */
static bool last_answer(const struct conn *c)
{
	return c->close || !c->rq.keep_alive ||
	       (atomic_load_explicit(&c->srv->draining, memory_order_relaxed) &&
		c->start == c->end);
}

void reply_head(struct conn *c, int status)
{
	c->close = last_answer(c);
	c->count.requests++;
	c->count.answers[status / 100]++;
	put_status(c, status);
	put_date(c);
	if (c->close)
		LITERAL(c, "\r\nConnection: close\r\n");
	else if (!c->parser.http_minor)
		LITERAL(c, "\r\nConnection: keep-alive\r\n");
	else
		LITERAL(c, "\r\n");
}

void reply_length(struct conn *c, uint64_t n)
{
	LITERAL(c, "Content-Length: ");
	out_number(&c->out, n);
	LITERAL(c, "\r\n\r\n");
}

void reply_error(struct conn *c, int status, const char *extra)
{
	const char *reason = http_status_str((enum http_status)status);
	char page[256];
	int n;

	n = snprintf(page, sizeof(page),
		     "<!DOCTYPE html>\n<title>%d %s</title>\n<h1>%d %s</h1>\n",
		     status, reason, status, reason);
	reply_head(c, status);
	if (extra)
		out_text(&c->out, extra);
	LITERAL(c, "Content-Type: text/html; charset=utf-8\r\n");
	reply_length(c, (uint64_t)n);
	if (!c->rq.head_only)
		out_put(&c->out, page, (size_t)n);
}

void reply_continue(struct conn *c)
{
	LITERAL(c, "HTTP/1.1 100 Continue\r\n\r\n");
	out_flush(&c->out);
}

/* One slash in front, never two: "//host" would lead to another server. */
void reply_moved(struct conn *c)
{
	const char *query = memchr(c->rq.target.at, '?', c->rq.target.len);
	char where[3 * PATH_SIZE];
	size_t n = path_encode(where, c->path);

	reply_head(c, 301);
	LITERAL(c, "Location: /");
	out_put(&c->out, where, n);
	LITERAL(c, "/");
	if (query)
		out_put(&c->out, query,
			(size_t)(c->rq.target.at + c->rq.target.len - query));
	LITERAL(c, "\r\n");
	reply_length(c, 0);
}

int reply_status(int err)
{
	switch (-err) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
		return 404;
	case EACCES:
	case EPERM:
	case ELOOP:
	case EXDEV:
	case ENXIO:
		return 403;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAGAIN:
		return 503;
	default:
		return 500;
	}
}
