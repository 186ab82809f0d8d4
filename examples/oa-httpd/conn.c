/* SPDX-License-Identifier: MIT */
/*
 * A connection, from its first byte to its end: read a request, answer it,
 * again. Answers are sent when nothing is left to parse, so that requests
 * which came together are answered together.
 */
#include "conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"
#include "reply.h"

#define LINGER		(2 * OA_SEC)

/* Plain locks are for moments like these: nothing in here suspends. */
static void conn_list_add(struct conn *c)
{
	struct server *srv = c->srv;

	pthread_mutex_lock(&srv->lock);
	c->next = srv->conns;
	c->link = &srv->conns;
	if (c->next)
		c->next->link = &c->next;
	srv->conns = c;
	srv->accepted++;
	pthread_mutex_unlock(&srv->lock);
}

static void conn_list_del(struct conn *c)
{
	struct counters *t = &c->srv->total;

	pthread_mutex_lock(&c->srv->lock);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	t->requests += c->count.requests;
	t->bytes += c->out.sent;
	for (int i = 0; i < 6; i++)
		t->answers[i] += c->count.answers[i];
	pthread_mutex_unlock(&c->srv->lock);
}

struct conn *conn_create(struct server *srv, int fd)
{
	struct conn *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	/* Not the buffers: pages that are not needed are not touched. */
	memset(c, 0, offsetof(struct conn, path));
	memset(&c->out, 0, offsetof(struct out, buf));
	c->srv = srv;
	c->fd = fd;
	c->out.fd = fd;
	c->out.patience = srv->opt.idle;
	c->date_at = -1;
	request_init(&c->parser);
	atomic_fetch_add(&srv->connections, 1);
	conn_list_add(c);
	return c;
}

/* The descriptor is still open: see conn_drain_all(). */
static void conn_free(struct conn *c)
{
	conn_list_del(c);
	atomic_fetch_sub(&c->srv->connections, 1);
	free(c);
}

/* Its task never ran. */
void conn_drop(void *conn)
{
	struct conn *c = conn;
	int fd = c->fd;

	conn_free(c);
	close(fd);
}

/*
 * Who waits for a request reads an end of file. Not a cancel: that would
 * stick, and a request that came in that very moment could not be answered.
 */
void conn_drain_all(struct server *srv)
{
	pthread_mutex_lock(&srv->lock);
	for (struct conn *c = srv->conns; c; c = c->next)
		if (atomic_load(&c->idle))
			shutdown(c->fd, SHUT_RD);
	pthread_mutex_unlock(&srv->lock);
}

static ssize_t recv_until(struct conn *c, oa_time_t due)
{
	struct oa_deadline d;
	ssize_t n;

	oa_deadline_enter(&d, due);
	do {
		n = oa_recv(c->fd, c->in + c->end, IN_SIZE - c->end, 0);
	} while (n == -EINTR);
	oa_deadline_leave(&d);
	return n;
}

/* More bytes behind c->end: 0, or why there are none. */
static int more(struct conn *c, oa_time_t due)
{
	bool idle = c->rq.part == PART_NONE;
	ssize_t n = 0;

	if (out_flush(&c->out))
		return c->out.err;
	if (idle)
		atomic_store(&c->idle, true);
	if (!idle || !atomic_load(&c->srv->draining))
		n = recv_until(c, due);
	if (idle)
		atomic_store(&c->idle, false);
	if (n <= 0)
		return n ? (int)n : -ECONNRESET;
	c->end += (size_t)n;
	return 0;
}

/* Place for a whole head behind c->start. */
static void make_room(struct conn *c)
{
	if (c->start == c->end) {
		c->start = 0;
		c->end = 0;
	} else if (c->start > IN_SIZE - HEADER_MAX - IN_SLACK) {
		memmove(c->in, c->in + c->start, c->end - c->start);
		c->end -= c->start;
		c->start = 0;
	}
}

static void feed(struct conn *c)
{
	c->start += request_feed(&c->parser, c->in + c->start,
				 c->end - c->start);
}

/*
 * Up to the end of the headers, or of a request without a body. 0, also when
 * c->rq.error is set, or a negative errno when there is nobody to answer.
 */
static int read_head(struct conn *c)
{
	struct request *rq = &c->rq;
	oa_time_t due = 0;
	size_t begin;
	int err;

	make_room(c);
	begin = c->start;
	for (;;) {
		if (c->start < c->end)
			feed(c);
		if (!rq->error && c->start - begin > HEADER_MAX)
			rq->error = 431;
		if (rq->error || rq->part >= PART_BODY)
			return 0;
		/* The patience for a whole head begins with its first byte. */
		if (!due || rq->part == PART_NONE)
			due = oa_after(c->srv->opt.idle);
		err = more(c, due);
		if (err == -ETIMEDOUT && rq->part == PART_HEAD)
			rq->error = 408;
		else if (err)
			return err;
	}
}

/* Reads the body and forgets it. */
static int read_body(struct conn *c)
{
	oa_time_t due = oa_after(c->srv->opt.idle);
	size_t base = c->start;
	int err;

	for (;;) {
		if (c->start < c->end)
			feed(c);
		if (c->rq.error || c->rq.part == PART_DONE)
			return 0;
		c->start = base;
		c->end = base;
		err = more(c, due);
		if (err == -ETIMEDOUT)
			c->rq.error = 408;
		else if (err)
			return err;
	}
}

/* True if the body is to be read; else c->rq.error may say what is wrong. */
static bool expect_body(struct conn *c)
{
	struct span expect = request_field(&c->rq, FIELD_EXPECT);

	if (expect.at && !span_is(span_trim(expect), "100-continue", 12)) {
		c->rq.error = 417;
		return false;
	}
	if (!c->rq.has_body)
		return false;
	if (!expect.at || c->start < c->end)
		return true;
	/* The peer waits for a word; if it is a no, the body does not come. */
	if (c->parser.method != HTTP_GET && c->parser.method != HTTP_HEAD) {
		c->close = true;
		return false;
	}
	reply_continue(c);
	return true;
}

/*
 * What has been sent would be lost if the peer's bytes met a closed socket:
 * say that nothing more comes, and read until it has closed its side.
 */
static void linger(struct conn *c)
{
	struct oa_deadline d;

	oa_sock_shutdown(c->fd, SHUT_WR);
	OA_WITHIN(&d, LINGER)
		while (oa_recv(c->fd, c->in, IN_SIZE, 0) > 0)
			;
}

/* One request and its answer. False when the connection is at its end. */
static bool turn(struct conn *c)
{
	request_begin(&c->parser, &c->rq);
	if (read_head(c))
		return false;
	if (!c->rq.error && expect_body(c) && read_body(c))
		return false;

	c->now = time(NULL);
	if (c->rq.error) {
		c->close = true;
		reply_error(c, c->rq.error, NULL);
	} else {
		answer(c);
	}
	if (!c->close)
		return !c->out.err;
	if (!out_flush(&c->out) &&
	    (c->rq.error || c->rq.part != PART_DONE || c->srv->draining))
		linger(c);
	return false;
}

void *conn_task(void *conn)
{
	struct conn *c = conn;
	int fd = c->fd;

	while (turn(c))
		;
	conn_free(c);
	oa_close(fd);
	return NULL;
}
