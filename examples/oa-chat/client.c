/* SPDX-License-Identifier: MIT */
/*
 * One connection. Its task waits for two things at once: for what its peer
 * types, and for what the others have said. While a slow peer takes its time
 * with a line, the task waits in the send; what it can then no longer catch up
 * with is lost to it, and it is told how much that was.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chat.h"

enum { CASE_INPUT, CASE_IDLE, CASE_ROOM, CASES };

static int put(struct client *c, const char *s, size_t n)
{
	struct oa_deadline patience;
	int err = 0;

	OA_WITHIN(&patience, c->room->idle)
		err = oa_send_all(c->fd, s, n, NULL);
	return err;
}

__attribute__((format(printf, 2, 3)))
static int tell(struct client *c, const char *format, ...)
{
	char buf[512];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(buf, sizeof(buf), format, ap);
	va_end(ap);
	return put(c, buf, n < (int)sizeof(buf) ? (size_t)n : sizeof(buf) - 1);
}

/* What a receive from the room came to. */
static int show(struct client *c, const struct line *line, int res)
{
	if (res == -EOVERFLOW)
		return tell(c, "* you have missed %llu lines\n",
			    (unsigned long long)oa_chan_lost(&c->sub));
	if (res == -EPIPE)
		tell(c, "* the room is closing\n");
	if (res < 0)
		return res;
	return line->from == c->id ? 0 : put(c, line->text, line->len);
}

/* As much as there is, but no more than there can be: it may never end. */
static int catch_up(struct client *c)
{
	size_t most = oa_chan_cap(c->room->lines);
	struct line line;
	int err = 0;

	for (size_t i = 0; i < most && !err; i++) {
		int res = oa_chan_tryrecv_from(&c->sub, &line);

		if (res == -EAGAIN)
			break;
		err = show(c, &line, res);
	}
	return err;
}

static int tell_names(struct client *c)
{
	char names[480];

	room_names(c->room, names, sizeof(names));
	return tell(c, "%s\n", names);
}

static int take_name(struct client *c, const char *name)
{
	int err = room_join(c, name);

	switch (err) {
	case 0:
		return tell_names(c);
	case -EINVAL:
		return tell(c, "* a name has 1 to %d letters, digits, - or _\n",
			    NAME_MAX_LEN);
	case -EEXIST:
		return tell(c, "* %s is taken\n", name);
	}
	return err;
}

static int obey(struct client *c, const char *s)
{
	if (!strcmp(s, "/who"))
		return tell_names(c);
	if (!strcmp(s, "/quit"))
		return -ECONNRESET;
	return tell(c, "* there is /who and /quit\n");
}

/* Nothing that a terminal would take for a command. */
static void clean(char *s)
{
	size_t n = strlen(s);

	if (n && s[n - 1] == '\r')
		s[n - 1] = '\0';
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

static int take_line(struct client *c, char *s)
{
	clean(s);
	if (!*s)
		return 0;
	if (!c->name[0])
		return take_name(c, s);
	if (*s == '/')
		return obey(c, s);
	room_say(c, "<%s> %s", c->name, s);
	/* Its own line is in its way, too. */
	return catch_up(c);
}

/* A line that is too long is taken as several. */
static int take_lines(struct client *c)
{
	size_t at = 0;
	int err = 0;

	while (at < c->have && !err) {
		char *s = c->in + at, *end = memchr(s, '\n', c->have - at);
		size_t n = end ? (size_t)(end - s) : c->have - at;
		char line[TEXT_MAX + 1];

		if (!end && n < TEXT_MAX)
			break;
		memcpy(line, s, n);
		line[n] = '\0';
		at += n + !!end;
		err = take_line(c, line);
	}
	c->have -= at;
	memmove(c->in, c->in + at, c->have);
	return err;
}

static int take_input(struct client *c)
{
	ssize_t n = oa_recv(c->fd, c->in + c->have, TEXT_MAX - c->have,
			    MSG_DONTWAIT);

	if (n == -EAGAIN || n == -EINTR)
		return 0;
	if (n <= 0)
		return n ? (int)n : -ECONNRESET;
	c->have += (size_t)n;
	c->idle_at = oa_after(c->room->idle);
	return take_lines(c);
}

/* Without a name it is not in the room yet, but may have to go all the same. */
static int wait_for_something(struct client *c)
{
	struct line line;
	struct oa_case cases[CASES] = {
		[CASE_INPUT] = OA_CASE_FD(c->fd, POLLIN),
		[CASE_IDLE] = OA_CASE_AT(c->idle_at),
		[CASE_ROOM] = OA_CASE_EVENT(&c->room->closing),
	};
	int err, i;

	if (c->name[0])
		cases[CASE_ROOM] = (struct oa_case)
			OA_CASE_RECV_FROM(&c->sub, &line);
	i = oa_select(cases, CASES);
	if (i < 0)
		return i;
	if (i == CASE_INPUT)
		return take_input(c);
	if (i == CASE_IDLE) {
		tell(c, "* you have been idle for too long\n");
		return -ETIMEDOUT;
	}
	if (!c->name[0])
		return show(c, NULL, -EPIPE);
	err = show(c, &line, cases[CASE_ROOM].res);
	return err ? err : catch_up(c);
}

static void client_free(struct client *c)
{
	oa_waitgroup_done(&c->room->present);
	free(c);
}

void *client_task(void *client)
{
	struct client *c = client;
	int err;

	c->idle_at = oa_after(c->room->idle);
	err = tell(c, "* what is your name?\n");
	while (!err) {
		err = wait_for_something(c);
		/* A peer may send faster than others are served. */
		oa_yield_point();
	}
	if (c->name[0])
		room_leave(c);
	oa_close(c->fd);
	client_free(c);
	return NULL;
}

void client_drop(void *client)
{
	struct client *c = client;

	close(c->fd);
	client_free(c);
}
