/* SPDX-License-Identifier: MIT */
/* Commands on lists. */
#include "cache.h"

static void push(struct client *c)
{
	for (size_t i = 2; i < c->argc; i++)
		list_push(c->e->obj, c->cmd->sub, &c->argv[i]);
	reply_len(c);
}

static void pop(struct client *c)
{
	struct list *l = c->e ? c->e->obj : NULL;
	struct arg item;
	size_t n;

	if (!want_count(c, 2, l ? l->len : 0, &n))
		return;
	if (!l)
		reply_text(c, c->argc == 2 ? NIL : NIL_LIST);
	else if (c->argc > 2)
		reply_head(c, '*', n);
	for (; n; n--) {
		item = list_pop(l, c->cmd->sub);
		reply_bulk(c, item.at, item.len);
		mem_free(item.at);
	}
}

static void lrange(struct client *c)
{
	struct list *l = c->e->obj;
	size_t from, n;

	if (!want_range(c, 2, l->len, &from, &n))
		return;
	reply_head(c, '*', n);
	for (size_t i = from; i < from + n; i++)
		reply_bulk(c, list_at(l, i)->at, list_at(l, i)->len);
}

static void ltrim(struct client *c)
{
	struct list *l = c->e->obj;
	size_t from, n;

	if (!want_range(c, 2, l->len, &from, &n))
		return;
	while (l->len > from + n)
		mem_free(list_pop(l, false).at);
	while (l->len > n)
		mem_free(list_pop(l, true).at);
	reply_text(c, OK);
}

/* LINDEX, and LSET, which has a value. */
static void lindex(struct client *c)
{
	struct list *l = c->e->obj;
	struct arg *at;
	int64_t i;

	if (!want_int(c, 2, &i))
		return;
	i += i < 0 ? (int64_t)l->len : 0;
	at = list_at(l, (size_t)i);
	if (i < 0 || i >= (int64_t)l->len) {
		reply_text(c, c->argc == 3 ? NIL : "-ERR index out of range\r\n");
	} else if (c->argc == 3) {
		reply_bulk(c, at->at, at->len);
	} else {
		mem_free(at->at);
		*at = item_new(&c->argv[3]);
		reply_text(c, OK);
	}
}

static void lrem(struct client *c)
{
	struct list *l = c->e->obj;
	struct arg *a = &c->argv[3], item;
	size_t kept = 0, n = l->len;
	int64_t max, gone = 0;

	if (!want_int(c, 2, &max))
		return;
	/* From the end that is meant; what stays closes up. */
	for (size_t i = 0; i < n; i++) {
		item = *list_at(l, max < 0 ? n - 1 - i : i);
		if ((!max || gone < (max < 0 ? -max : max)) &&
		    item.len == a->len && !memcmp(item.at, a->at, a->len)) {
			mem_free(item.at);
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
	GROW("lpush", push, -3, LIST, MAKE, true), GROW("rpush", push, -3, LIST, MAKE, false),
	WRITE("lpop", pop, -2, LIST, NULL, true), WRITE("rpop", pop, -2, LIST, NULL, false),
	READ("llen", reply_len, 2, LIST, ZERO, 0), READ("lrange", lrange, 4, LIST, EMPTY, 0),
	READ("lindex", lindex, 3, LIST, NIL, 0), GROW("lset", lindex, 4, LIST, NO_KEY, 0),
	WRITE("ltrim", ltrim, 4, LIST, OK, 0), WRITE("lrem", lrem, 4, LIST, ZERO, 0),
	{ 0 },
};
