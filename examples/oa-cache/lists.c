/* SPDX-License-Identifier: MIT */
/* Commands on lists. */
#include "cache.h"

static void push(struct client *c)
{
	struct list *l = c->e->obj;

	for (size_t i = 2; i < c->argc; i++)
		list_push(l, c->cmd->sub, &c->argv[i]);
	reply_int(c, (int64_t)l->len);
}

static void reply_item(struct client *c, const struct item *item)
{
	reply_bulk(c, item->at, item->len);
}

static void pop(struct client *c)
{
	struct list *l = c->e ? c->e->obj : NULL;
	int64_t n = 1;

	if (c->argc == 3 && (!text_int(&c->argv[2], &n) || n < 0)) {
		reply_error(c, "ERR value is out of range, must be positive");
		return;
	}
	if (!l || c->argc > 3) {
		reply_text(c, c->argc == 2 ? NIL : NIL_LIST);
		return;
	}
	n = n < (int64_t)l->len ? n : (int64_t)l->len;
	if (c->argc == 3)
		reply_head(c, '*', n);
	for (; n; n--) {
		struct item *item = list_pop(l, c->cmd->sub);

		reply_item(c, item);
		mem_free(item);
	}
}

static void lrange(struct client *c)
{
	struct list *l = c->e->obj;
	size_t from, n;

	if (!want_range(c, 2, l->len, &from, &n))
		return;
	reply_head(c, '*', (int64_t)n);
	for (size_t i = from; i < from + n; i++)
		reply_item(c, *list_at(l, i));
}

static void ltrim(struct client *c)
{
	struct list *l = c->e->obj;
	size_t from, n;

	if (!want_range(c, 2, l->len, &from, &n))
		return;
	while (l->len > from + n)
		mem_free(list_pop(l, false));
	while (l->len > n)
		mem_free(list_pop(l, true));
	reply_text(c, OK);
}

/* LINDEX and LSET, which has a value. */
static void lindex(struct client *c)
{
	struct list *l = c->e->obj;
	struct item **at;
	int64_t i;

	if (!want_int(c, 2, &i))
		return;
	i += i < 0 ? (int64_t)l->len : 0;
	if (i < 0 || i >= (int64_t)l->len) {
		reply_text(c, c->argc == 3 ? NIL : "-ERR index out of range\r\n");
		return;
	}
	at = list_at(l, (size_t)i);
	if (c->argc == 3) {
		reply_item(c, *at);
		return;
	}
	mem_free(*at);
	*at = item_new(&c->argv[3]);
	reply_text(c, OK);
}

static void lrem(struct client *c)
{
	struct list *l = c->e->obj;
	struct arg *a = &c->argv[3];
	size_t kept = 0, n = l->len;
	int64_t max, gone = 0;

	if (!want_int(c, 2, &max))
		return;
	/* From the end that is meant, what stays closes up. */
	for (size_t i = 0; i < n; i++) {
		struct item **at = list_at(l, max < 0 ? n - 1 - i : i);
		struct item *item = *at;

		if ((!max || gone < (max < 0 ? -max : max)) &&
		    item->len == a->len && !memcmp(item->at, a->at, a->len)) {
			mem_free(item);
			gone++;
		} else {
			*list_at(l, max < 0 ? n - 1 - kept : kept) = item;
			kept++;
		}
	}
	l->head += max < 0 ? n - kept : 0;
	l->len = kept;
	reply_int(c, gone);
}

const struct command list_commands[] = {
	{ "lpush", push, -3, GROWS, T_LIST, MAKE, true },
	{ "rpush", push, -3, GROWS, T_LIST, MAKE, false },
	{ "lpop", pop, -2, WRITES, T_LIST, NULL, true },
	{ "rpop", pop, -2, WRITES, T_LIST, NULL, false },
	{ "llen", reply_len, 2, READS, T_LIST, ZERO, 0 },
	{ "lrange", lrange, 4, READS, T_LIST, "*0\r\n", 0 },
	{ "lindex", lindex, 3, READS, T_LIST, NIL, 0 },
	{ "lset", lindex, 4, GROWS, T_LIST, "-ERR no such key\r\n", 0 },
	{ "ltrim", ltrim, 4, WRITES, T_LIST, OK, 0 },
	{ "lrem", lrem, 4, WRITES, T_LIST, ZERO, 0 },
	{ 0 },
};
