/* SPDX-License-Identifier: MIT */
/*
 * A connection: what comes goes to the buffer of the reader of hiredis, which
 * tells the arguments where they stand in it. With the last of them the request
 * is carried out, within that call; the replies to all that one read has
 * brought go out in one send.
 */
#include "cache.h"

#include <hiredis/hiredis.h>
#include <hiredis/sds.h>

#define OUT_MAX		(1 << 20)	/* more is sent before it goes on */
#define KEPT		(96 << 10)	/* of buffers, by who waits */
#define LINE_MAX	(64 << 10)
#define ARGS_MAX	(1 << 20)	/* each takes more than its text */
#define LENGTH_MAX	24		/* of a line with a length */
#define LET_GO		1024		/* so far behind, the reader may */

static void *refuse(struct client *c, const char *why)
{
	c->bad = c->bad ? c->bad : why;
	return NULL;
}

static void add_arg(struct client *c, char *at, size_t n)
{
	if (c->argc == c->room) {
		c->room = c->room ? 2 * c->room : 8;
		c->argv = realloc(c->argv, c->room * sizeof(*c->argv));
		if (!c->argv)
			abort();
	}
	c->argv[c->argc++] = (struct arg){ at, n };
}

/* Until the request is complete, an argument is at an offset. */
static void *stash(struct client *c)
{
	for (; c->stash && c->stashed < c->argc; c->stashed++) {
		struct arg *a = &c->argv[c->stashed];
		char *from = c->reader->buf + (size_t)a->at;

		a->at = (char *)sdslen(c->stash);
		c->stash = sdscatlen(c->stash, from, a->len);
	}
	return c->stash;
}

static void flush(struct client *c)
{
	c->close |= c->fd < 0 ? *c->out == '-'
			      : oa_send_all(c->fd, c->out, c->out_len, NULL) != 0;
	c->out_len = 0;
}

static void *on_string(const redisReadTask *task, char *s, size_t n)
{
	struct client *c = task->privdata;
	size_t off = (size_t)(s - c->reader->buf);

	if (task->type != REDIS_REPLY_STRING || task->parent->parent ||
	    (size_t)task->idx != c->argc)
		return refuse(c, "expected '$'");
	if (n > BULK_MAX)
		return refuse(c, "invalid bulk length");
	add_arg(c, (char *)off, n);
	if (task->idx + 1 < task->parent->elements)
		return off + n + LENGTH_MAX > LET_GO ? stash(c) : c;
	for (size_t i = 0; i < c->argc; i++)
		c->argv[i].at = (size_t)c->argv[i].at +
				(i < c->stashed ? c->stash : c->reader->buf);
	command_run(c);
	c->argc = c->want = 0;
	return c;
}

/* A line that is a request. */
static bool take_line(struct client *c, char *s, char *end)
{
	c->reader->pos += (size_t)(end + 1 - s);
	*end = '\0';
	for (; (s = strtok_r(s, " \t\r", &end)); s = NULL)
		add_arg(c, s, strlen(s));
	if (c->argc)
		command_run(c);
	c->argc = 0;
	return true;
}

/* One request, or as much of it as has come; false: there must come more. */
static bool take(struct client *c)
{
	redisReader *r = c->reader;
	char *s = r->buf + r->pos, *end;
	void *reply;

	if (!c->want) {
		end = memchr(s, '\n', r->len - r->pos);
		if (!end && r->len - r->pos > LINE_MAX)
			refuse(c, "too big inline request");
		if (!end || *s != '*')
			return end && take_line(c, s, end);
		c->want = strtol(s + 1, NULL, 10);
		if (end[-1] != '\r' || c->want > ARGS_MAX)
			return refuse(c, "Multi-bulk length out of range");
	}
	if (redisReaderGetReply(r, &reply))
		refuse(c, r->errstr);
	else if (!reply && r->len + sdslen(c->stash) > MESSAGE_MAX)
		refuse(c, "too big request");
	if (!reply)
		return false;
	if (c->want > 0)	/* and what has come was no string */
		refuse(c, "expected '$'");
	c->want = 0;
	if (c->stashed)
		sdsclear(c->stash);
	c->stashed = 0;
	return true;
}

bool conn_open(struct client *c, int fd, int resp)
{
	static redisReplyObjectFunctions fns = { .createString = on_string };

	*c = (struct client){ .fd = fd, .resp = resp, .stash = sdsempty() };
	c->reader = redisReaderCreateWithFunctions(&fns);
	if (c->reader)
		c->reader->privdata = c;
	return c->reader;
}

void conn_close(struct client *c)
{
	sdsfree(c->stash);
	redisReaderFree(c->reader);
	free(c->argv);
	free(c->out);
}

/* Where the next IN_SIZE bytes may go; NULL: there is no room. */
char *conn_room(struct client *c)
{
	char *s = sdsMakeRoomFor(c->reader->buf, IN_SIZE);

	c->reader->buf = s ? s : c->reader->buf;
	return s ? s + c->reader->len : NULL;
}

/* Carries out what is complete with n bytes more. False: it is at its end. */
bool conn_feed(struct client *c, size_t n)
{
	redisReader *r = c->reader;

	c->now = now_ms();
	r->len += n;
	sdssetlen(r->buf, r->len);
	while (r->pos < r->len && !c->close && !c->bad && take(c))
		if (c->out_len > (c->fd < 0 ? 0 : OUT_MAX))
			flush(c);
	if (c->bad) {
		reply_text(c, "-ERR Protocol error: ");
		reply_text(c, c->bad);
		reply_text(c, "\r\n");
	} else if (!c->want && (r->pos == r->len || r->pos >= LET_GO)) {
		sdsrange(r->buf, (int)r->pos, -1);
		r->len -= r->pos;
		r->pos = 0;
	}
	if (c->out_len)
		flush(c);
	if (c->close || c->bad)
		return false;
	c->inside = c->want || r->pos < r->len;
	if (c->inside ||
	    sdsalloc(r->buf) + sdsalloc(c->stash) + c->out_cap <= KEPT)
		return true;
	conn_close(c);
	return conn_open(c, c->fd, c->resp);
}

void *conn_task(void *arg)
{
	struct oa_deadline d;
	struct client c;
	ssize_t n;

	server.clients++;
	if (conn_open(&c, (int)(intptr_t)arg, 2))
		do {
			n = oa_recv(c.fd, conn_room(&c), IN_SIZE, 0);
		} while (n > 0 && conn_feed(&c, (size_t)n));
	/* What has been said would be lost if more came to a closed socket. */
	if (c.bad && !oa_sock_shutdown(c.fd, SHUT_WR))
		OA_WITHIN(&d, OA_SEC)
			while (oa_recv(c.fd, c.out, c.out_cap, 0) > 0)
				;
	conn_close(&c);
	oa_close(c.fd);
	server.clients--;
	return NULL;
}
