/* SPDX-License-Identifier: MIT */
/* Commands on hashes, and on sets, which are hashes without values. */
#include "cache.h"

enum { KEYS = 1, VALUES = 2, ONCE = 4 };

/* The field of key 1 that argument i names. */
static struct entry **field(struct client *c, size_t i)
{
	return c->e ? table_find(c->e->obj, c->argv[i].at, c->argv[i].len) : NULL;
}

static bool put(struct client *c, size_t i, const char *s, size_t n)
{
	struct entry **link = field(c, i), *e;

	e = link ? string_room(link, n)
		 : table_add(c->e->obj, c->argv[i].at, c->argv[i].len, n);
	memcpy(e->data + e->klen, s, n);
	return !link;
}

static void hset(struct client *c)
{
	struct arg *a = c->argv;
	int64_t n = 0;

	if (c->argc & 1) {
		reply_error(c, WRONG_ARITY, c->cmd->name);
		return;
	}
	for (size_t i = 2; i < c->argc; i += 2)
		if (!(c->cmd->sub & ONCE && field(c, i)))
			n += put(c, i, a[i + 1].at, a[i + 1].len);
	if (c->cmd->sub & VALUES)
		reply_text(c, OK);
	else
		reply_int(c, n);
}

static void sadd(struct client *c)
{
	int64_t n = 0;

	for (size_t i = 2; i < c->argc; i++)
		n += put(c, i, "", 0);
	reply_int(c, n);
}

/* HGET, HMGET, HEXISTS, SISMEMBER */
static void hget(struct client *c)
{
	if (c->cmd->arity < 0)
		reply_head(c, '*', c->argc - 2);
	for (size_t i = 2; i < c->argc; i++) {
		struct entry **link = field(c, i);

		if (!c->cmd->sub)
			reply_int(c, link != NULL);
		else if (link)
			reply_value(c, *link);
		else
			reply_text(c, NIL);
	}
}

static void hdel(struct client *c)
{
	int64_t n = 0;

	for (size_t i = 2; i < c->argc; i++) {
		struct entry **link = field(c, i);

		if (link)
			entry_free(table_unlink(c->e->obj, link));
		n += link != NULL;
	}
	reply_int(c, n);
}

static void tell(struct entry *e, void *client)
{
	struct client *c = client;

	if (c->cmd->sub & KEYS)
		reply_bulk(c, e->data, e->klen);
	if (c->cmd->sub & VALUES)
		reply_value(c, e);
}

static void all(struct client *c)
{
	uint64_t cursor = 0;

	reply_head(c, *c->cmd->absent, value_len(c->e));
	do {
		cursor = table_scan(c->e->obj, cursor, tell, c);
	} while (cursor);
}

static void hincrby(struct client *c)
{
	struct entry **link = field(c, 2);
	int64_t v = 0, by;
	char s[24];

	if (!want_int(c, 3, &by))
		return;
	if (link && !text_int((*link)->data + (*link)->klen, (*link)->vlen, &v)) {
		reply_error(c, "ERR hash value is not an integer");
	} else if (__builtin_add_overflow(v, by, &v)) {
		reply_text(c, OVERFLOWS);
	} else {
		put(c, 2, s, (size_t)sprintf(s, "%" PRId64, v));
		reply_int(c, v);
	}
}

static void spop(struct client *c)
{
	struct table *t = c->e->obj;
	struct entry *e;
	size_t n;

	if (!want_count(c, 2, t->count, &n))
		return;
	if (c->argc > 2)
		reply_head(c, '~', n);
	for (; n; n--) {
		e = table_random(t);
		reply_bulk(c, e->data, e->klen);
		entry_free(table_unlink(t, table_find(t, e->data, e->klen)));
	}
}

const struct command hash_commands[] = {
	GROW("hset", hset, -4, HASH, MAKE, 0), GROW("hmset", hset, -4, HASH, MAKE, VALUES),
	GROW("hsetnx", hset, 4, HASH, MAKE, ONCE), READ("hget", hget, 3, HASH, NIL, VALUES),
	READ("hmget", hget, -3, HASH, NULL, VALUES), READ("hexists", hget, 3, HASH, ZERO, 0),
	READ("hgetall", all, 2, HASH, "%0\r\n", KEYS | VALUES),
	READ("hkeys", all, 2, HASH, EMPTY, KEYS), READ("hvals", all, 2, HASH, EMPTY, VALUES),
	READ("hlen", reply_len, 2, HASH, ZERO, 0), WRITE("hdel", hdel, -3, HASH, ZERO, 0),
	GROW("hincrby", hincrby, 4, HASH, MAKE, 0), GROW("sadd", sadd, -3, SET, MAKE, 0),
	WRITE("srem", hdel, -3, SET, ZERO, 0), READ("scard", reply_len, 2, SET, ZERO, 0),
	READ("sismember", hget, 3, SET, ZERO, 0), READ("smembers", all, 2, SET, "~0\r\n", KEYS),
	WRITE("spop", spop, -2, SET, NIL, 0),
	{ 0 },
};
