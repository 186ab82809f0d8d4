/* SPDX-License-Identifier: MIT */
/* Commands on lists, which are tables with running numbers for keys. */
#include "cache.h"

/* What points at element i, which there must be. */
struct entry **list_at(struct table *t, size_t i)
{
	uint64_t key = t->head + i;

	return table_find(t, (char *)&key, sizeof(key));
}

static void add(struct table *t, bool left, const char *s, size_t n)
{
	uint64_t key = left ? --t->head : t->head + t->count;

	table_put(t, NULL, &(struct arg){ (char *)&key, sizeof(key) }, s, n);
}

static struct entry *take(struct table *t, bool left)
{
	struct entry *e = table_unlink(t, list_at(t, left ? 0 : t->count - 1));

	t->head += left;
	return e;
}

static void length(struct client *c)
{
	reply_int(c, (int64_t)c->e->table->count);
}

static void push(struct client *c)
{
	for (size_t i = 2; i < c->argc; i++)
		add(c->e->table, c->cmd->sub, c->argv[i].at, c->argv[i].len);
	length(c);
}

static void pop(struct client *c)
{
	int64_t len = c->e ? (int64_t)c->e->table->count : 0, n = 1;

	if (c->argc > 2 && (!text_int(c->argv[2].at, c->argv[2].len, &n) || n < 0)) {
		reply_error(c, "ERR value is out of range, must be positive");
		return;
	}
	n = n < len ? n : len;
	if (!c->e)
		reply_text(c, c->argc == 2 ? NIL : NIL_LIST);
	else if (c->argc > 2)
		reply_head(c, '*', (size_t)n);
	for (; n; n--) {
		struct entry *e = take(c->e->table, c->cmd->sub);

		reply_value(c, e);
		entry_free(e);
	}
}

static void lrange(struct client *c)
{
	size_t from, n;

	if (!want_range(c, 2, c->e->table->count, &from, &n))
		return;
	reply_head(c, '*', n);
	for (size_t i = from; i < from + n; i++)
		reply_value(c, *list_at(c->e->table, i));
}

static void ltrim(struct client *c)
{
	struct table *t = c->e->table;
	size_t from, n;

	if (!want_range(c, 2, t->count, &from, &n))
		return;
	while (t->count > from + n)
		entry_free(take(t, false));
	while (t->count > n)
		entry_free(take(t, true));
	reply_text(c, OK);
}

/* LINDEX, and LSET, which has a value. */
static void lindex(struct client *c)
{
	struct table *t = c->e->table;
	int64_t i, len = (int64_t)t->count;

	if (!want_int(c, 2, &i))
		return;
	i += i < 0 ? len : 0;
	if (i < 0 || i >= len) {
		reply_text(c, c->argc == 3 ? NIL : "-ERR index out of range\r\n");
	} else if (c->argc == 3) {
		reply_value(c, *list_at(t, (size_t)i));
	} else {
		table_put(t, list_at(t, (size_t)i), NULL, c->argv[3].at, c->argv[3].len);
		reply_text(c, OK);
	}
}

/* Once around: what stays is put back at the other end. */
static void lrem(struct client *c)
{
	struct table *t = c->e->table;
	struct arg *a = &c->argv[3];
	int64_t max, gone = 0;
	bool left;

	if (!want_int(c, 2, &max))
		return;
	left = max >= 0;
	max = max ? llabs(max) : INT64_MAX;
	for (size_t n = t->count; n; n--) {
		struct entry *e = take(t, left);
		char *s = e->data + e->klen;

		if (gone < max && e->vlen == a->len && !memcmp(s, a->at, a->len))
			gone++;
		else
			add(t, !left, s, e->vlen);
		entry_free(e);
	}
	reply_int(c, gone);
}

const struct command list_commands[] = {
	GROW("lpush", push, -3, LIST, MAKE, true), GROW("rpush", push, -3, LIST, MAKE, false),
	WRITE("lpop", pop, -2, LIST, NULL, true), WRITE("rpop", pop, -2, LIST, NULL, false),
	READ("llen", length, 2, LIST, ZERO, 0), READ("lrange", lrange, 4, LIST, EMPTY, 0),
	READ("lindex", lindex, 3, LIST, NIL, 0), WRITE("ltrim", ltrim, 4, LIST, OK, 0),
	GROW("lset", lindex, 4, LIST, "-ERR no such key\r\n", 0),
	WRITE("lrem", lrem, 4, LIST, ZERO, 0), { 0 },
};
