/* SPDX-License-Identifier: MIT */
/* Replies, put behind each other until conn.c sends them. */
#include "cache.h"

#define HEAD_MAX	24	/* a type, a sign, digits, CR and LF */

/* Room for n bytes, which the caller adds to c->out_len as far as used. */
static char *room(struct client *c, size_t n)
{
	if (c->out_cap - c->out_len < n) {
		c->out_cap = 2 * (c->out_len + n) + 512;
		c->out = realloc(c->out, c->out_cap);
		if (!c->out)
			abort();
	}
	return c->out + c->out_len;
}

/* A whole reply of RESP3, in the form that the client knows. */
void reply_text(struct client *c, const char *s)
{
	size_t n;

	if (c->resp < 3 && (*s == '_' || *s == '%'))
		s = *s == '_' ? "$-1\r\n" : EMPTY;
	n = strlen(s);
	memcpy(room(c, n), s, n);
	c->out_len += n;
}

static char *head(char *p, char type, uint64_t u)
{
	char digits[20], *d = digits + sizeof(digits);

	*p++ = type;
	if (type == ':' && (int64_t)u < 0) {
		*p++ = '-';
		u = -u;
	}
	do {
		*--d = (char)('0' + u % 10);
	} while (u /= 10);
	while (d < digits + sizeof(digits))
		*p++ = *d++;
	memcpy(p, "\r\n", 2);
	return p + 2;
}

/* A map is of n pairs. */
void reply_head(struct client *c, char type, size_t n)
{
	char *p = room(c, HEAD_MAX);
	bool list = c->resp < 3 && type == '%';

	c->out_len += (size_t)(head(p, list ? '*' : type, n << list) - p);
}

const char *reply_int(struct client *c, int64_t v)
{
	reply_head(c, ':', (size_t)v);
	return NULL;
}

/* Nothing comes behind what has been too much, until command_run() sees it. */
const char *reply_bulk(struct client *c, const char *s, size_t n)
{
	char *p;

	c->large |= c->out_len + n > MESSAGE_MAX;
	if (c->large)
		return NULL;
	p = head(room(c, n + HEAD_MAX + 2), '$', n);
	memcpy(p, s, n);
	memcpy(p + n, "\r\n", 2);
	c->out_len = (size_t)(p + n + 2 - c->out);
	return NULL;
}

const char *reply_value(struct client *c, const struct entry *e)
{
	return reply_bulk(c, e->data + e->klen, e->vlen);
}
