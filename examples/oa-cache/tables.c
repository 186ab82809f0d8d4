/* SPDX-License-Identifier: MIT */
/* Commands on hashes, and on sets, which are hashes without values. */
#include "cache.h"

#include <inttypes.h>

enum { KEYS = 1, VALUES = 2, FRESH = 4 };

/* A field of key 1, in argument i. */
static struct entry **field(struct client *c, size_t i)
{
	return table_find(c->e->obj, c->argv[i].at, c->argv[i].len);
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
	int64_t n = 0;

	if (c->argc & 1) {
		reply_error(c, WRONG_ARITY, c->cmd->name);
		return;
	}
	for (size_t i = 2; i < c->argc; i += 2)
		if (!(c->cmd->sub & FRESH && field(c, i)))
			n += put(c, i, c->argv[i + 1].at, c->argv[i + 1].len);
	if (c->cmd->sub & VALUES)
		reply_text(c, OK);
	else
		reply_int(c, n);
}

static void sadd(struct client *c)
{
	int64_t n = 0;

	for (size_t i = 2; i < c->argc; i++)
		n += put(c, i, NULL, 0);
	reply_int(c, n);
}

/* HGET, HMGET, HEXISTS */
static void hget(struct client *c)
{
	bool many = c->cmd->sub & FRESH;

	if (many)
		reply_head(c, '*', (int64_t)c->argc - 2);
	for (size_t i = 2; i < c->argc; i++) {
		struct entry **link = c->e ? field(c, i) : NULL;

		if (!(c->cmd->sub & VALUES))
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

static void tell(struct entry *e, void *arg)
{
	struct client *c = arg;

	if (c->cmd->sub & KEYS)
		reply_bulk(c, e->data, e->klen);
	if (c->cmd->sub & VALUES)
		reply_value(c, e);
}

static void all(struct client *c)
{
	uint64_t cursor = 0;

	reply_head(c, *c->cmd->absent, (int64_t)value_len(c->e));
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
	if (link && !text_int(&(struct arg){ (*link)->data + (*link)->klen,
					     (*link)->vlen }, &v)) {
		reply_error(c, "ERR hash value is not an integer");
	} else if (__builtin_add_overflow(v, by, &v)) {
		reply_error(c, "ERR increment or decrement would overflow");
	} else {
		put(c, 2, s, (size_t)sprintf(s, "%" PRId64, v));
		reply_int(c, v);
	}
}

static void spop(struct client *c)
{
	struct table *t = c->e->obj;
	struct entry *e;
	int64_t n = 1;

	if (c->argc == 3 && (!text_int(&c->argv[2], &n) || n < 0)) {
		reply_error(c, "ERR value is out of range, must be positive");
		return;
	}
	n = n < (int64_t)t->count ? n : (int64_t)t->count;
	if (c->argc == 3)
		reply_head(c, '~', n);
	for (; n; n--) {
		e = table_random(t);
		reply_bulk(c, e->data, e->klen);
		entry_free(table_unlink(t, table_find(t, e->data, e->klen)));
	}
}

const struct command table_commands[] = {
	{ "hset", hset, -4, GROWS, T_HASH, MAKE, 0 },
	{ "hmset", hset, -4, GROWS, T_HASH, MAKE, VALUES },
	{ "hsetnx", hset, 4, GROWS, T_HASH, MAKE, FRESH },
	{ "hget", hget, 3, READS, T_HASH, NIL, VALUES },
	{ "hmget", hget, -3, READS, T_HASH, NULL, VALUES | FRESH },
	{ "hexists", hget, 3, READS, T_HASH, ZERO, 0 },
	{ "hgetall", all, 2, READS, T_HASH, "%0\r\n", KEYS | VALUES },
	{ "hkeys", all, 2, READS, T_HASH, "*0\r\n", KEYS },
	{ "hvals", all, 2, READS, T_HASH, "*0\r\n", VALUES },
	{ "hlen", reply_len, 2, READS, T_HASH, ZERO, 0 },
	{ "hdel", hdel, -3, WRITES, T_HASH, ZERO, 0 },
	{ "hincrby", hincrby, 4, GROWS, T_HASH, MAKE, 0 },
	{ "sadd", sadd, -3, GROWS, T_SET, MAKE, 0 },
	{ "srem", hdel, -3, WRITES, T_SET, ZERO, 0 },
	{ "scard", reply_len, 2, READS, T_SET, ZERO, 0 },
	{ "sismember", hget, 3, READS, T_SET, ZERO, 0 },
	{ "smembers", all, 2, READS, T_SET, "~0\r\n", KEYS },
	{ "spop", spop, -2, WRITES, T_SET, NIL, 0 },
	{ 0 },
};
