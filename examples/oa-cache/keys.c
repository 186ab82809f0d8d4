/* SPDX-License-Identifier: MIT */
/* Commands on keys, whatever is behind them. */
#include "cache.h"

#include <inttypes.h>

enum { MS = 1, AT = 2 };

static const char *const type_names[] = {
	"string", "list", "hash", "set", "zset",
};

static void exists(struct client *c)
{
	int64_t n = 0;

	for (size_t i = 1; i < c->argc; i++) {
		struct entry **link = db_find(c, &c->argv[i]);

		n += link != NULL;
		if (link && c->cmd->does == WRITES)
			db_del(link);
	}
	reply_int(c, n);
}

static void type(struct client *c)
{
	reply_raw(c, "+", 1);
	reply_text(c, type_names[c->e->type]);
	reply_raw(c, "\r\n", 2);
}

static void expire(struct client *c)
{
	int flags = c->cmd->sub;
	int64_t at;

	if (!want_int(c, 2, &at))
		return;
	if ((!(flags & MS) && __builtin_mul_overflow(at, 1000, &at)) ||
	    (!(flags & AT) && __builtin_add_overflow(at, c->now, &at))) {
		reply_error(c, "ERR invalid expire time in '%s' command",
			    c->cmd->name);
		return;
	}
	/* 0 would be never; what is over is over. */
	db_expire(c->e, at > 0 ? at : 1);
	reply_int(c, 1);
}

static void ttl(struct client *c)
{
	int64_t left = c->e->expires - c->now;

	reply_int(c, !c->e->expires ? -1 :
		     c->cmd->sub & MS ? left : (left + 500) / 1000);
}

static void persist(struct client *c)
{
	reply_int(c, c->e->expires != 0);
	db_expire(c->e, 0);
}

static void move(struct client *c)
{
	struct arg *to = &c->argv[2], *from = &c->argv[1];
	struct entry *e = c->e, **link = db_find(c, to), *new;

	reply_text(c, OK);
	if (link && *link == e)
		return;
	if (link)
		db_del(link);
	new = db_add(to, T_STRING, e->obj ? 0 : e->vlen);
	memcpy(new->data + new->klen, e->data + e->klen, new->vlen);
	new->type = e->type;
	new->obj = e->obj;
	e->obj = NULL;
	db_expire(new, e->expires);
	db_del(db_find(c, from));
	c->e = NULL;
}

struct hunt {
	struct client *c;
	const struct arg *like;		/* or NULL */
	const struct arg *type;
	size_t n;
	bool tell;			/* or count alone */
};

static void found(struct entry *e, void *arg)
{
	struct hunt *h = arg;
	struct client *c = h->c;
	bool pairs = c->e && c->e->type == T_HASH;

	if ((h->like && !text_like(e->data, e->klen, h->like)) ||
	    (!c->e && e->expires && e->expires <= c->now) ||
	    (h->type && !arg_is(h->type, type_names[e->type])))
		return;
	h->n += 1 + pairs;
	if (h->tell)
		reply_bulk(c, e->data, e->klen);
	if (h->tell && pairs)
		reply_value(c, e);
}

/* Through so many buckets, twice: how many there are is told before them. */
static void hunt(struct hunt *h, uint64_t cursor, uint64_t count, bool whole)
{
	struct client *c = h->c;
	struct table *t = c->e ? c->e->obj : &db.keys;
	uint64_t at = cursor, steps = 0;
	char s[24];

	do {
		at = table_scan(t, at, found, h);
	} while (at && ++steps < count);
	if (!whole) {
		reply_head(c, '*', 2);
		reply_bulk(c, s, (size_t)sprintf(s, "%" PRIu64, at));
	}
	reply_head(c, '*', (int64_t)h->n);
	h->tell = true;
	do {
		cursor = table_scan(t, cursor, found, h);
	} while (cursor != at);
}

static void keys(struct client *c)
{
	hunt(&(struct hunt){ .c = c, .like = &c->argv[1] }, 0, UINT64_MAX, true);
}

/* And HSCAN, SSCAN, which have a key before the cursor. */
static void scan(struct client *c)
{
	struct hunt h = { .c = c };
	size_t i = c->e ? 2 : 1;
	int64_t cursor, count = 10;

	if (!text_int(&c->argv[i], &cursor) || cursor < 0) {
		reply_error(c, "ERR invalid cursor");
		return;
	}
	for (i++; i + 1 < c->argc; i += 2) {
		if (arg_is(&c->argv[i], "match"))
			h.like = &c->argv[i + 1];
		else if (arg_is(&c->argv[i], "type") && !c->e)
			h.type = &c->argv[i + 1];
		else if (!arg_is(&c->argv[i], "count"))
			break;
		else if (!want_int(c, i + 1, &count))
			return;
	}
	if (i != c->argc || count < 1)
		reply_error(c, "ERR syntax error");
	else
		hunt(&h, (uint64_t)cursor, (uint64_t)count, false);
}

static void randomkey(struct client *c)
{
	struct entry *e;

	while ((e = table_random(&db.keys))) {
		struct arg key = { e->data, e->klen };

		if (db_find(c, &key)) {
			reply_bulk(c, e->data, e->klen);
			return;
		}
	}
	reply_text(c, NIL);
}

static void dbsize(struct client *c)
{
	reply_int(c, (int64_t)db.keys.count);
}

static void flush(struct client *c)
{
	db_flush();
	reply_text(c, OK);
}

const struct command key_commands[] = {
	{ "exists", exists, -2, READS, T_NONE, NULL, 0 },
	{ "del", exists, -2, WRITES, T_NONE, NULL, 0 },
	{ "unlink", exists, -2, WRITES, T_NONE, NULL, 0 },
	{ "type", type, 2, READS, T_ANY, "+none\r\n", 0 },
	{ "expire", expire, 3, WRITES, T_ANY, ZERO, 0 },
	{ "pexpire", expire, 3, WRITES, T_ANY, ZERO, MS },
	{ "expireat", expire, 3, WRITES, T_ANY, ZERO, AT },
	{ "pexpireat", expire, 3, WRITES, T_ANY, ZERO, AT | MS },
	{ "ttl", ttl, 2, READS, T_ANY, ":-2\r\n", 0 },
	{ "pttl", ttl, 2, READS, T_ANY, ":-2\r\n", MS },
	{ "persist", persist, 2, WRITES, T_ANY, ZERO, 0 },
	{ "rename", move, 3, WRITES, T_ANY, "-ERR no such key\r\n", 0 },
	{ "keys", keys, 2, READS, T_NONE, NULL, 0 },
	{ "scan", scan, -2, READS, T_NONE, NULL, 0 },
	{ "hscan", scan, -3, READS, T_HASH, "*2\r\n$1\r\n0\r\n*0\r\n", 0 },
	{ "sscan", scan, -3, READS, T_SET, "*2\r\n$1\r\n0\r\n*0\r\n", 0 },
	{ "randomkey", randomkey, 1, READS, T_NONE, NULL, 0 },
	{ "dbsize", dbsize, 1, READS, T_NONE, NULL, 0 },
	{ "flushall", flush, -1, WRITES, T_NONE, NULL, 0 },
	{ "flushdb", flush, -1, WRITES, T_NONE, NULL, 0 },
	{ 0 },
};
