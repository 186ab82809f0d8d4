/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include <errno.h>

#include "body.h"
#include "cache.h"
#include "cond.h"
#include "reply.h"

#define INDEX		"index.html"

static void put_range(struct conn *c, const struct doc *d,
		      const struct range *r)
{
	out_text(&c->out, "Content-Range: bytes ");
	if (r) {
		out_number(&c->out, r->from);
		out_text(&c->out, "-");
		out_number(&c->out, r->from + r->len - 1);
	} else {
		out_text(&c->out, "*");
	}
	out_text(&c->out, "/");
	out_number(&c->out, d->size);
	out_text(&c->out, "\r\n");
}

static enum range_kind range_of(const struct conn *c, const struct doc *d,
				struct range *r)
{
	struct span value = request_field(&c->rq, FIELD_RANGE);

	*r = (struct range){ .len = d->size };
	if (!value.at || c->rq.head_only ||
	    !cond_range(&c->rq, d->etag, d->mtime))
		return RANGE_WHOLE;
	return range_parse(value, d->size, r);
}

static void answer_doc(struct conn *c, const struct doc *d)
{
	struct range r;

	switch (cond_check(&c->rq, d->etag, d->mtime)) {
	case COND_NOT_MODIFIED:
		reply_head(c, 304);
		out_put(&c->out, d->head, d->head_len);
		out_put(&c->out, "\r\n", 2);
		return;
	case COND_FAILED:
		reply_error(c, 412, NULL);
		return;
	case COND_HOLDS:
		break;
	}

	switch (range_of(c, d, &r)) {
	case RANGE_WHOLE:
		reply_head(c, 200);
		break;
	case RANGE_PART:
		reply_head(c, 206);
		put_range(c, d, &r);
		break;
	case RANGE_OUTSIDE:
		reply_head(c, 416);
		put_range(c, d, NULL);
		reply_length(c, 0);
		return;
	}
	out_put(&c->out, d->head, d->head_len);
	reply_length(c, r.len);
	body_send(c, d, r);
}

/* "http://host/path" is as good as "/path"; anything else has no path. */
static struct span origin_form(struct span target)
{
	struct http_parser_url url;
	size_t off;

	if (target.len && *target.at == '/')
		return target;
	http_parser_url_init(&url);
	if (http_parser_parse_url(target.at, target.len, 0, &url) ||
	    !(url.field_set & 1 << UF_HOST))
		return (struct span){ 0 };
	if (!(url.field_set & 1 << UF_PATH))
		return (struct span){ "/", 1 };
	off = url.field_data[UF_PATH].off;
	return (struct span){ target.at + off, target.len - off };
}

/* A directory is its index, and if it has none, a list of what is in it. */
static int open_path(struct conn *c, size_t len, struct doc **d)
{
	bool dir = !len || c->path[len - 1] == '/';
	int err;

	if (dir) {
		if (len + sizeof(INDEX) > PATH_SIZE)
			return -ENAMETOOLONG;
		memcpy(c->path + len, INDEX, sizeof(INDEX));
	}
	err = cache_open(c->srv->cache, c->srv->root, c->path, c->now, d);
	if (dir)
		c->path[len] = 0;
	return dir && err == -EISDIR ? -ENOENT : err;
}

static void answer_path(struct conn *c)
{
	struct doc *d;
	int len, err;

	len = path_decode(c->path, origin_form(c->rq.target));
	if (len < 0) {
		reply_error(c, len == -ENAMETOOLONG ? 414 : 400, NULL);
		return;
	}
	err = open_path(c, (size_t)len, &d);
	if (!err) {
		answer_doc(c, d);
		doc_put(d);
	} else if (err == -ENOENT && (!len || c->path[len - 1] == '/')) {
		answer_listing(c);
	} else if (err == -EISDIR) {
		reply_moved(c);
	} else {
		reply_error(c, reply_status(err), NULL);
	}
}

void answer(struct conn *c)
{
	switch (c->parser.method) {
	case HTTP_GET:
	case HTTP_HEAD:
		answer_path(c);
		break;
	default:
		reply_error(c, 405, "Allow: GET, HEAD\r\n");
	}
}
