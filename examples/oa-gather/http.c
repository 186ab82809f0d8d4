/* SPDX-License-Identifier: MIT */
/* One request to one server: as little of HTTP as that takes. */
#include "gather.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ROOM_FIRST	16384	/* and what a head may have */
#define ANSWER_MAX	(16 << 20)

/* Above all: a 1.0 client is sent nothing in chunks. */
static const char request[] =
	"GET %s HTTP/1.0\r\n"
	"Host: %s\r\n"
	"User-Agent: oa-gather/" OA_VERSION "\r\n"
	"Connection: close\r\n"
	"\r\n";

static int ask(int fd, const struct replica *r, const char *path)
{
	char *text;
	int n = asprintf(&text, request, path, r->name);
	int err;

	if (n < 0)
		return -ENOMEM;
	err = oa_send_all(fd, text, (size_t)n, NULL);
	free(text);
	return err;
}

/* Bytes of the body that are announced, SIZE_MAX if none are. */
static int read_length(const char *head, size_t *length)
{
	static const char field[] = "\r\nContent-Length:";
	const char *at = strcasestr(head, field);
	unsigned long long v;
	char *end;

	*length = SIZE_MAX;
	if (!at)
		return 0;
	at += sizeof(field) - 1;
	v = strtoull(at, &end, 10);
	if (end == at || (*end != '\r' && *end != ' ') || v > ANSWER_MAX)
		return -EPROTO;
	*length = (size_t)v;
	return 0;
}

/* Once the head is there: 0, -EAGAIN if it is not, or -EPROTO. */
static int read_head(struct answer *a, size_t *length)
{
	char *end = memmem(a->data, a->len, "\r\n\r\n", 4);
	int major, status;

	if (!end)
		return a->len < ROOM_FIRST ? -EAGAIN : -EPROTO;
	a->body = (size_t)(end - a->data) + 4;
	end[2] = '\0';
	if (sscanf(a->data, "HTTP/%d.%*d %3d", &major, &status) != 2 ||
	    major != 1 || status < 200 || status > 599)
		return -EPROTO;
	a->status = status;
	return read_length(a->data, length);
}

static int make_room(struct answer *a, size_t *room)
{
	size_t more = *room ? *room * 2 : ROOM_FIRST;
	char *data;

	if (a->len < *room)
		return 0;
	if (more > ANSWER_MAX)
		return -EMSGSIZE;
	data = realloc(a->data, more);
	if (!data)
		return -ENOMEM;
	a->data = data;
	*room = more;
	return 0;
}

/* To the end that was announced, or that the server makes. */
static int listen_to(int fd, struct answer *a)
{
	size_t length = SIZE_MAX, room = 0;
	ssize_t n;
	int err;

	while (!a->body || a->len - a->body < length) {
		err = make_room(a, &room);
		if (err)
			return err;
		n = oa_recv(fd, a->data + a->len, room - a->len, 0);
		if (n < 0)
			return (int)n;
		a->len += (size_t)n;
		if (n && !a->body) {
			err = read_head(a, &length);
			if (err && err != -EAGAIN)
				return err;
		}
		if (!n)
			return a->body && length == SIZE_MAX ? 0 : -ECONNRESET;
	}
	a->len = a->body + length;
	return 0;
}

int http_get(const struct replica *r, const char *path, struct answer *a)
{
	int fd, err;

	fd = oa_socket(r->addr.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	err = oa_connect(fd, addr_sa(&r->addr), r->addr.len);
	if (!err)
		err = ask(fd, r, path);
	if (!err)
		err = listen_to(fd, a);
	oa_close(fd);
	/* Another one may do better. */
	if (!err && a->status >= 500)
		err = -EREMOTEIO;
	return err;
}
