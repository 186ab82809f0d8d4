/* SPDX-License-Identifier: MIT */
/*
 * Commands on what is in a table: the keys, the fields of a hash, the elements
 * of a list, which have running numbers for keys.
 */
#include "cache.h"

/* DBSIZE, HLEN, LLEN */
const char *do_count(struct client *c)
{
	return reply_int(c, (int64_t)c->table->count);
}

/* EXISTS, DEL, UNLINK, HEXISTS, HDEL */
const char *do_exists(struct client *c)
{
	int64_t n = 0;

	for (size_t i = c->first; i < c->argc; i++) {
		struct entry **link = db_find(c, c->table, i);

		n += link != NULL;
		if (link && c->cmd->does == WRITES)
			db_del(c->table, link);
	}
	return reply_int(c, n);
}

/* MGET, HMGET, HGET */
const char *do_mget(struct client *c)
{
	if (c->cmd->arity < 0)
		reply_head(c, '*', c->argc - c->first);
	for (size_t i = c->first; i < c->argc; i++) {
		struct entry **link = db_find(c, c->table, i);

		if (link && !(*link)->table)
			reply_value(c, *link);
		else
			reply_text(c, NIL);
	}
	return NULL;
}

/* MSET, HSET */
const char *do_mset(struct client *c)
{
	size_t count = c->table->count, i = c->first;

	if ((c->argc - i) % 2)
		return WRONG_ARITY;
	for (; i < c->argc; i += 2)
		db_set(c->table, db_find(c, c->table, i), &c->argv[i],
		       &c->argv[i + 1], 0);
	return c->e ? reply_int(c, (int64_t)(c->table->count - count)) : OK;
}

static void tell(struct entry *e, void *client)
{
	reply_bulk(client, e->data, e->klen);
	reply_value(client, e);
}

const char *do_hgetall(struct client *c)
{
	reply_head(c, '%', c->table->count);
	table_each(c->table, tell, c);
	return NULL;
}

/* What points at element i, which there must be. */
struct entry **list_at(struct table *t, size_t i)
{
	uint64_t key = t->head + i;

	return table_find(t, (char *)&key, sizeof(key));
}

const char *do_push(struct client *c)
{
	struct table *t = c->table;

	for (size_t i = 2; i < c->argc; i++) {
		uint64_t key = c->cmd->sub ? --t->head : t->head + t->count;

		table_put(t, NULL, &(struct arg){ (char *)&key, sizeof(key) },
			  c->argv[i].at, c->argv[i].len);
	}
	return do_count(c);
}

const char *do_pop(struct client *c)
{
	struct table *t = c->table;
	size_t i = c->cmd->sub ? 0 : t->count - 1;
	struct entry *e = table_unlink(t, list_at(t, i));

	t->head += (size_t)c->cmd->sub;
	reply_value(c, e);
	entry_free(e);
	return NULL;
}

/* Negative numbers count from the end. */
const char *do_lrange(struct client *c)
{
	int64_t first, last, len = (int64_t)c->table->count;

	if (!arg_int(&c->argv[2], &first) || !arg_int(&c->argv[3], &last))
		return NO_INTEGER;
	first += first < 0 ? len : 0;
	first = first < 0 ? 0 : first;
	last += last < 0 ? len : 0;
	last = last < len ? last : len - 1;
	reply_head(c, '*', first <= last ? (size_t)(last - first + 1) : 0);
	for (; first <= last; first++)
		reply_value(c, *list_at(c->table, (size_t)first));
	return NULL;
}
