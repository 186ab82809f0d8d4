/* SPDX-License-Identifier: MIT */
/*
 * The parser's callbacks. It hands out names and values in as many pieces as
 * it was fed; since all lie in one buffer, a piece only makes a span longer.
 */
#include "request.h"

#include <ctype.h>

static int fail(struct request *rq, int status)
{
	rq->error = status;
	return -1;
}

/* False if the piece does not follow what is there. */
static bool extend(struct span *s, const char *at, size_t n)
{
	if (!s->at)
		s->at = at;
	else if (s->at + s->len != at)
		return false;
	s->len += n;
	return true;
}

static enum field field_of(struct span name)
{
	static const struct {
		const char *name;
		size_t len;
	} names[FIELDS] = {
#define NAME(s) { s, sizeof(s) - 1 }
		[FIELD_EXPECT] = NAME("expect"),
		[FIELD_HOST] = NAME("host"),
		[FIELD_IF_MATCH] = NAME("if-match"),
		[FIELD_IF_MODIFIED_SINCE] = NAME("if-modified-since"),
		[FIELD_IF_NONE_MATCH] = NAME("if-none-match"),
		[FIELD_IF_RANGE] = NAME("if-range"),
		[FIELD_IF_UNMODIFIED_SINCE] = NAME("if-unmodified-since"),
		[FIELD_RANGE] = NAME("range"),
#undef NAME
	};

	for (enum field f = 0; f < FIELDS; f++)
		if (span_is(name, names[f].name, names[f].len))
			return f;
	return FIELD_OTHER;
}

static int on_begin(http_parser *p)
{
	struct request *rq = p->data;

	rq->part = PART_HEAD;
	return 0;
}

static int on_target(http_parser *p, const char *at, size_t n)
{
	struct request *rq = p->data;

	extend(&rq->target, at, n);
	return rq->target.len > TARGET_MAX ? fail(rq, 414) : 0;
}

static int on_name(http_parser *p, const char *at, size_t n)
{
	struct request *rq = p->data;

	if (rq->in_value) {
		rq->in_value = false;
		rq->name = (struct span){ 0 };
	}
	extend(&rq->name, at, n);
	return 0;
}

static int on_value(http_parser *p, const char *at, size_t n)
{
	struct request *rq = p->data;

	/* What trails a body counts for nothing, and does not stay. */
	if (rq->part >= PART_BODY)
		return 0;
	if (!rq->in_value) {
		rq->in_value = true;
		rq->current = field_of(rq->name);
		if (rq->current == FIELD_OTHER)
			return 0;
		if (rq->field[rq->current].at) {
			rq->twice |= 1u << rq->current;
			rq->current = FIELD_OTHER;
		}
	}
	if (rq->current == FIELD_OTHER)
		return 0;
	/* A value folded over lines is in two places. */
	return extend(&rq->field[rq->current], at, n) ? 0 : fail(rq, 400);
}

static int on_head(http_parser *p)
{
	struct request *rq = p->data;
	bool minor_1 = p->http_minor >= 1;

	rq->part = PART_BODY;
	rq->head_only = p->method == HTTP_HEAD;
	rq->keep_alive = http_should_keep_alive(p);
	rq->has_body = p->flags & F_CHUNKED ||
		       (p->flags & F_CONTENTLENGTH && p->content_length);
	if (p->http_major != 1)
		return fail(rq, 505);
	if (rq->twice & 1u << FIELD_HOST ||
	    (minor_1 && !rq->field[FIELD_HOST].at))
		return fail(rq, 400);
	if (p->flags & F_CONTENTLENGTH && p->content_length > BODY_MAX)
		return fail(rq, 413);
	if (rq->has_body)
		http_parser_pause(p, 1);
	return 0;
}

static int on_body(http_parser *p, const char *at, size_t n)
{
	struct request *rq = p->data;

	(void)at;
	rq->body_seen += n;
	return rq->body_seen > BODY_MAX ? fail(rq, 413) : 0;
}

static int on_done(http_parser *p)
{
	struct request *rq = p->data;

	rq->part = PART_DONE;
	http_parser_pause(p, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_message_begin = on_begin,
	.on_url = on_target,
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_done,
};

void request_init(http_parser *parser)
{
	http_parser_init(parser, HTTP_REQUEST);
}

void request_begin(http_parser *parser, struct request *rq)
{
	*rq = (struct request){ .current = FIELD_OTHER, .in_value = true };
	parser->data = rq;
}

/* A method that the parser does not know looks like a word and a space. */
static bool looks_like_method(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && isupper((unsigned char)p[i]))
		i++;
	return i && i < n && p[i] == ' ';
}

static int status_of(enum http_errno err, const struct request *rq,
		     const char *p, size_t n)
{
	switch (err) {
	case HPE_HEADER_OVERFLOW:
		return 431;
	case HPE_INVALID_METHOD:
		return rq->part <= PART_HEAD && looks_like_method(p, n) ? 501
									: 400;
	default:
		return 400;
	}
}

size_t request_feed(http_parser *parser, const char *p, size_t n)
{
	struct request *rq = parser->data;
	size_t used = http_parser_execute(parser, &settings, p, n);
	enum http_errno err = HTTP_PARSER_ERRNO(parser);

	if (err == HPE_PAUSED) {
		http_parser_pause(parser, 0);
		/* It stops in front of the last newline of the headers. */
		if (rq->part == PART_BODY)
			used += http_parser_execute(parser, &settings,
						    p + used, 1);
	} else if (err != HPE_OK && !rq->error) {
		rq->error = status_of(err, rq, p, n);
	}
	return used;
}

struct span request_field(const struct request *rq, enum field f)
{
	if (rq->twice & 1u << f)
		return (struct span){ 0 };
	return rq->field[f];
}
