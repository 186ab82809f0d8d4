/* SPDX-License-Identifier: MIT */
/* Commands on hashes. */
#include "cache.h"

enum { KEYS = 1, VALUES = 2, ONCE = 4 };

/* The field of key 1 that argument i names. */
static struct entry **field(struct client *c, size_t i)
{
	return c->e ? table_find(c->e->table, c->argv[i].at, c->argv[i].len) : NULL;
}

static void hset(struct client *c)
{
	struct arg *a = c->argv;
	int64_t n = 0;

	if (c->argc & 1) {
		reply_error(c, WRONG_ARITY, c->cmd->name);
		return;
	}
	for (size_t i = 2; i < c->argc; i += 2) {
		struct entry **link = field(c, i);

		n += !link;
		if (!link || !(c->cmd->sub & ONCE))
			table_put(c->e->table, link, &a[i], a[i + 1].at, a[i + 1].len);
	}
	if (c->cmd->sub & VALUES)
		reply_text(c, OK);
	else
		reply_int(c, n);
}

/* HGET, HMGET, HEXISTS */
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

		n += link != NULL;
		if (link)
			entry_free(table_unlink(c->e->table, link));
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

/* HGETALL, HKEYS, HVALS; HLEN is the head alone. */
static void hgetall(struct client *c)
{
	reply_head(c, *c->cmd->absent, c->e->table->count);
	if (c->cmd->sub)
		table_each(c->e->table, tell, c);
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
		table_put(c->e->table, link, &c->argv[2], s, (size_t)sprintf(s, "%" PRId64, v));
		reply_int(c, v);
	}
}

const struct command hash_commands[] = {
	GROW("hset", hset, -4, HASH, MAKE, 0), GROW("hmset", hset, -4, HASH, MAKE, VALUES),
	GROW("hsetnx", hset, 4, HASH, MAKE, ONCE), READ("hget", hget, 3, HASH, NIL, VALUES),
	READ("hmget", hget, -3, HASH, NULL, VALUES), READ("hexists", hget, 3, HASH, ZERO, 0),
	READ("hgetall", hgetall, 2, HASH, "%0\r\n", KEYS | VALUES),
	READ("hkeys", hgetall, 2, HASH, EMPTY, KEYS), READ("hvals", hgetall, 2, HASH, EMPTY, VALUES),
	READ("hlen", hgetall, 2, HASH, ZERO, 0), WRITE("hdel", hdel, -3, HASH, ZERO, 0),
	GROW("hincrby", hincrby, 4, HASH, MAKE, 0), { 0 },
};
