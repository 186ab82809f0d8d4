/* SPDX-License-Identifier: MIT */
/* Commands on keys, whatever is behind them. */
#include "cache.h"

/* EXISTS, DEL, UNLINK */
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
	static const char *const names[] = { "+string\r\n", "+list\r\n", "+hash\r\n" };

	reply_text(c, names[c->e->type]);
}

static void expire(struct client *c)
{
	int64_t at;

	if (!want_time(c, 2, c->cmd->sub | PAST, &at))
		return;
	db_expire(c->e, at > 0 ? at : 1);	/* 0 would be never */
	reply_int(c, 1);
}

static void ttl(struct client *c)
{
	int64_t left = c->e->expires - c->now;

	reply_int(c, !c->e->expires ? -1 : c->cmd->sub & MS ? left : (left + 500) / 1000);
}

static void persist(struct client *c)
{
	reply_int(c, c->e->expires != 0);
	db_expire(c->e, 0);
}

/* RENAME */
static void move(struct client *c)
{
	struct entry *e = c->e, **link = db_find(c, &c->argv[2]), *new;

	reply_text(c, OK);
	if (link && *link == e)
		return;
	if (link)
		db_del(link);
	new = table_put(&db.keys, NULL, &c->argv[2], e->data + e->klen, e->vlen);
	new->type = e->type;
	new->table = e->table;
	e->table = NULL;
	db_expire(new, e->expires);
	db_del(db_find(c, &c->argv[1]));
}

struct hunt {
	struct client *c;
	const struct arg *like;
	size_t n;
	bool tell;			/* or count alone */
};

static void found(struct entry *e, void *arg)
{
	struct hunt *h = arg;
	struct client *c = h->c;

	if (!text_like(e->data, e->klen, h->like) ||
	    (!c->e && e->expires && e->expires <= c->now))
		return;
	h->n += 1 + (c->e != NULL);
	if (h->tell)
		reply_bulk(c, e->data, e->klen);
	if (h->tell && c->e)
		reply_value(c, e);
}

/* Through some buckets, twice: how many there are is told before them. */
static void hunt(struct client *c, const struct arg *like, uint64_t cursor, int64_t count)
{
	struct hunt h = { .c = c, .like = like };
	struct table *t = c->e ? c->e->table : &db.keys;
	uint64_t at = cursor;
	bool all = !count;
	char s[24];

	do {
		at = table_scan(t, at, found, &h);
	} while (at && --count);
	if (!all) {
		reply_head(c, '*', 2);
		reply_bulk(c, s, (size_t)sprintf(s, "%" PRIu64, at));
	}
	reply_head(c, '*', h.n);
	h.tell = true;
	do {
		cursor = table_scan(t, cursor, found, &h);
	} while (cursor != at);
}

static void keys(struct client *c)
{
	hunt(c, &c->argv[1], 0, 0);
}

/* And HSCAN, which has a key before the cursor. */
static void scan(struct client *c)
{
	struct arg all = { (char []){ '*' }, 1 }, *like = &all;
	int64_t cursor, count = 10;
	size_t i = c->e ? 2 : 1;

	if (!text_int(c->argv[i].at, c->argv[i].len, &cursor) || cursor < 0) {
		reply_error(c, "ERR invalid cursor");
		return;
	}
	for (i++; i + 1 < c->argc; i += 2) {
		if (arg_is(&c->argv[i], "match"))
			like = &c->argv[i + 1];
		else if (!arg_is(&c->argv[i], "count"))
			break;
		else if (!want_int(c, i + 1, &count))
			return;
	}
	if (i != c->argc || count < 1)
		reply_text(c, SYNTAX);
	else
		hunt(c, like, (uint64_t)cursor, count);
}

static void randomkey(struct client *c)
{
	struct entry *e;

	while ((e = table_random(&db.keys)) && !db_find(c, &(struct arg){ e->data, e->klen }))
		;
	if (e)
		reply_bulk(c, e->data, e->klen);
	else
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
	READ("exists", exists, -2, NONE, NULL, 0), WRITE("del", exists, -2, NONE, NULL, 0),
	WRITE("unlink", exists, -2, NONE, NULL, 0), READ("type", type, 2, ANY, "+none\r\n", 0),
	WRITE("expire", expire, 3, ANY, ZERO, 0), WRITE("pexpire", expire, 3, ANY, ZERO, MS),
	WRITE("expireat", expire, 3, ANY, ZERO, AT), WRITE("persist", persist, 2, ANY, ZERO, 0),
	WRITE("pexpireat", expire, 3, ANY, ZERO, AT | MS), READ("ttl", ttl, 2, ANY, ":-2\r\n", 0),
	READ("pttl", ttl, 2, ANY, ":-2\r\n", MS), WRITE("flushall", flush, -1, NONE, NULL, 0),
	WRITE("rename", move, 3, ANY, "-ERR no such key\r\n", 0),
	READ("keys", keys, 2, NONE, NULL, 0),
	READ("scan", scan, -2, NONE, NULL, 0), WRITE("flushdb", flush, -1, NONE, NULL, 0),
	READ("hscan", scan, -3, HASH, "*2\r\n$1\r\n0\r\n*0\r\n", 0),
	READ("randomkey", randomkey, 1, NONE, NULL, 0), READ("dbsize", dbsize, 1, NONE, NULL, 0),
	{ 0 },
};
