/* SPDX-License-Identifier: MIT */
/*
 * A connection: what comes goes through the reader of hiredis, which tells the
 * arguments where they stand in its buffer. With the last of them the request
 * is carried out, within that call; the replies to all that one read has
 * brought go out in one send.
 */
#include "cache.h"

#include <errno.h>

#include <hiredis/hiredis.h>
#include <hiredis/sds.h>

#define IN_SIZE		(16 << 10)
#define OUT_MAX		(1 << 20)	/* more is sent before it goes on */
#define KEPT		(16 << 10)	/* of buffers, by who waits */
#define LINE_MAX	(64 << 10)
#define REQUEST_MAX	(64 << 20)
#define LENGTH_MAX	24		/* of a line with a length */
#define LET_GO		1024		/* what is so far behind, the reader may */
#define LINGER		OA_SEC

#if HIREDIS_MAJOR >= 1
typedef size_t elements_t;
#else
typedef int elements_t;
#endif

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
	c->argv[c->argc].at = at;
	c->argv[c->argc++].len = n;
}

/* Until the request is complete, an argument is at an offset. */
static void *stash(struct client *c)
{
	for (; c->stash && c->stashed < c->argc; c->stashed++) {
		struct arg *a = &c->argv[c->stashed];
		size_t off = sdslen(c->stash);

		c->stash = sdscatlen(c->stash, c->reader->buf + (size_t)a->at, a->len);
		a->at = (char *)off;
	}
	return c->stash;
}

static void flush(struct client *c)
{
	size_t sent = 0;
	int err = c->fd < 0 ? 0 : oa_send_all(c->fd, c->out, c->out_len, &sent);

	/* It has been done: if there is room, let it be known. */
	if (err == -ECANCELED)
		send(c->fd, c->out + sent, c->out_len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	c->close |= err != 0;
	c->out_len = 0;
}

static void *on_array(const redisReadTask *task, elements_t n)
{
	struct client *c = task->privdata;

	if (task->parent || n > ARGS_MAX)
		return refuse(c, task->parent ? "expected '$', got '*'"
					      : "invalid multibulk length");
	c->wanted = (size_t)n;
	return c;
}

static void *on_string(const redisReadTask *task, char *s, size_t n)
{
	struct client *c = task->privdata;
	size_t off = (size_t)(s - c->reader->buf);

	if (task->type != REDIS_REPLY_STRING)
		return refuse(c, "expected '$', got a line");
	add_arg(c, (char *)off, n);
	if (c->argc < c->wanted)
		return off + n + LENGTH_MAX > LET_GO ? stash(c) : c;
	for (struct arg *a = c->argv; a < c->argv + c->argc; a++)
		a->at = (a < c->argv + c->stashed ? c->stash : c->reader->buf) + (size_t)a->at;
	command_run(c);
	return c;
}

/* The length that the reader waits for is looked at before it is waited for. */
static void check_length(struct client *c)
{
	redisReader *r = c->reader;
	const char *s = r->buf + r->pos, *end;
	size_t n = r->len - r->pos;
	int64_t v = 0;

	end = memchr(s, '\r', n < LENGTH_MAX ? n : LENGTH_MAX);
	if (end)
		text_int(s, (size_t)(end - s), &v);
	if (v > BULK_MAX || (!end && n >= LENGTH_MAX))
		refuse(c, "invalid bulk length");
	if (r->len + sdslen(c->stash) > REQUEST_MAX)
		refuse(c, "too big request");
}

/* A line that is a request; false when its end has not come yet. */
static bool take_line(struct client *c)
{
	redisReader *r = c->reader;
	char *s = r->buf + r->pos, *end = memchr(s, '\n', r->len - r->pos);
	sds *words;
	int n;

	if (!end) {
		if (r->len - r->pos > LINE_MAX)
			refuse(c, "too big inline request");
		return false;
	}
	r->pos += (size_t)(end + 1 - s);
	*end = '\0';
	words = sdssplitargs(s, &n);
	if (!words)
		refuse(c, "unbalanced quotes in request");
	for (int i = 0; i < n; i++)
		add_arg(c, words[i], sdslen(words[i]));
	if (c->argc)
		command_run(c);
	sdsfreesplitres(words, n);
	c->argc = 0;
	return true;
}

/* One request, or as much of it as has come; false: there must come more. */
static bool take(struct client *c)
{
	redisReader *r = c->reader;
	void *reply;

	if (!c->inside && r->buf[r->pos] != '*')
		return take_line(c);
	if (!c->inside)
		c->wanted = 0;
	c->inside = true;
	if (redisReaderGetReply(r, &reply))
		refuse(c, r->err == REDIS_ERR_OOM ? "no memory" : r->errstr);
	else if (!reply)
		check_length(c);
	if (!reply)
		return false;
	/* Nothing was called for what is neither a string nor a list. */
	if (c->argc != c->wanted)
		refuse(c, "expected '$'");
	c->inside = false;
	c->argc = 0;
	if (c->stashed)
		sdsclear(c->stash);
	c->stashed = 0;
	return true;
}

static bool open_buffers(struct client *c)
{
	static redisReplyObjectFunctions functions = {
		.createString = on_string, .createArray = on_array,
	};

	memset(c, 0, offsetof(struct client, fd));
	c->stash = sdsempty();
	c->reader = redisReaderCreateWithFunctions(&functions);
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

/* Carries out what is complete. False: the connection is at its end. */
bool conn_feed(struct client *c, const char *buf, size_t n)
{
	redisReader *r = c->reader;

	c->now = now_ms();
	if (redisReaderFeed(r, buf, n))
		return false;
	c->most = r->len > c->most ? r->len : c->most;
	while (r->pos < r->len && !c->close && !c->bad && take(c)) {
		if (c->fd < 0 && c->out_len && *c->out == '-')
			refuse(c, "a request that fails");
		if (c->fd < 0 || c->out_len > OUT_MAX)
			flush(c);
	}
	if (c->bad)
		reply_error(c, "ERR Protocol error: %s", c->bad);
	else if (!c->inside && r->pos >= LET_GO && r->pos == r->len)
		redisReaderGetReply(r, NULL);	/* lines are in its buffer, too */
	if (c->out_len)
		flush(c);
	if (c->close || c->bad)
		return false;
	if (c->inside || r->pos < r->len || (c->most <= 2 * IN_SIZE && c->out_cap <= KEPT))
		return true;
	conn_close(c);
	return open_buffers(c);
}

bool conn_open(struct client *c, int fd)
{
	static atomic_uint_fast64_t ids;

	c->fd = fd;
	c->resp = 2;
	c->id = ++ids;
	return open_buffers(c);
}

/* What is read goes on its stack, of which it takes the pages it uses. */
void *conn_task(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct oa_deadline d;
	struct client c;
	char in[IN_SIZE];
	ssize_t n = 0;

	if (conn_open(&c, fd))
		do {
			n = oa_recv(fd, in, sizeof(in), 0);
		} while (n > 0 && conn_feed(&c, in, (size_t)n));
	/* What has been said would be lost if more came to a closed socket. */
	if (c.bad && !oa_sock_shutdown(fd, SHUT_WR))
		OA_WITHIN(&d, LINGER)
			while (oa_recv(fd, in, sizeof(in), 0) > 0)
				;
	conn_close(&c);
	oa_close(fd);
	server.clients--;
	return NULL;
}
