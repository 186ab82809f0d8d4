/* SPDX-License-Identifier: MIT */
/* Commands on strings, and on strings as numbers. */
#include "cache.h"

enum { NX = 1, XX = 2, GET = 4, KEEP = 8, EX = 16, YES = 32 };

/* GET and GETDEL */
static void get(struct client *c)
{
	reply_value(c, c->e);
	if (c->cmd->does == WRITES)
		db_del(c->link);
}

static void length(struct client *c)
{
	reply_int(c, c->e->vlen);
}

static bool option(struct client *c, size_t *i, int *flags, int64_t *at)
{
	static const struct { const char *word; int flags; } options[] = {
		{ "NX", NX }, { "XX", XX }, { "GET", GET }, { "KEEPTTL", KEEP }, { "EX", EX },
		{ "PX", EX | MS }, { "EXAT", EX | AT }, { "PXAT", EX | MS | AT }, { NULL, 0 },
	};
	int k = 0, f;

	while (options[k].word && !arg_is(&c->argv[*i], options[k].word))
		k++;
	f = options[k].flags;
	if (!f || (f & (EX | KEEP) && *flags & (EX | KEEP)) ||
	    ((*flags | f) & (NX | XX)) == (NX | XX) || (f & EX && ++*i == c->argc)) {
		reply_text(c, SYNTAX);
		return false;
	}
	*flags |= f;
	return !(f & EX) || want_time(c, *i, f, at);
}

/* And its kin, which are SET with an option. */
static void set(struct client *c)
{
	int flags = c->cmd->sub;
	size_t v = flags & EX ? 3 : 2;
	struct entry *e = c->e;
	int64_t at = 0;

	if (flags & EX && !want_time(c, 2, flags, &at))
		return;
	for (size_t i = v + 1; i < c->argc; i++)
		if (!option(c, &i, &flags, &at))
			return;
	if (flags & GET && e && e->table) {
		reply_text(c, WRONG_TYPE);
		return;
	}
	if (flags & GET && e)
		reply_value(c, e);
	else if (flags & GET || flags & (e ? NX : XX))
		reply_text(c, flags & YES ? ZERO : NIL);
	else
		reply_text(c, flags & YES ? ":1\r\n" : OK);
	if (!(flags & (e ? NX : XX)))
		db_set(c->link, &c->argv[1], c->argv[v].at, c->argv[v].len,
		       flags & KEEP && e ? e->expires : at);
}

/* APPEND and SETRANGE; what is between is zeros. */
static void setrange(struct client *c)
{
	struct arg *a = &c->argv[c->argc - 1];
	size_t had = c->e ? c->e->vlen : 0, n;
	int64_t at = (int64_t)had;

	if (c->argc == 4 && !want_int(c, 2, &at))
		return;
	n = (size_t)at + a->len > had ? (size_t)at + a->len : had;
	if (at < 0) {
		reply_error(c, "ERR offset is out of range");
	} else if (a->len && (at > BULK_MAX || n > BULK_MAX)) {
		reply_error(c, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
	} else if (!a->len && (c->e || c->argc == 4)) {
		reply_int(c, (int64_t)had);
	} else {
		struct entry *e = table_put(&db.keys, c->link, &c->argv[1], NULL, n);

		memset(e->data + e->klen + had, 0, n - had);
		memcpy(e->data + e->klen + at, a->at, a->len);
		reply_int(c, (int64_t)n);
	}
}

static void getrange(struct client *c)
{
	size_t from, n;

	if (want_range(c, 2, c->e->vlen, &from, &n))
		reply_bulk(c, c->e->data + c->e->klen + from, n);
}

static void incr(struct client *c)
{
	int64_t v = 0, by = 1;
	char s[24];

	if (c->argc == 3 && !want_int(c, 2, &by))
		return;
	if (c->e && !text_int(c->e->data + c->e->klen, c->e->vlen, &v)) {
		reply_text(c, NO_INTEGER);
	} else if (c->cmd->sub ? __builtin_sub_overflow(v, by, &v)
			       : __builtin_add_overflow(v, by, &v)) {
		reply_text(c, OVERFLOWS);
	} else {
		db_set(c->link, &c->argv[1], s, (size_t)sprintf(s, "%" PRId64, v),
		       c->e ? c->e->expires : 0);
		reply_int(c, v);
	}
}

static void mget(struct client *c)
{
	reply_head(c, '*', c->argc - 1);
	for (size_t i = 1; i < c->argc; i++) {
		struct entry **link = db_find(c, &c->argv[i]);

		if (link && !(*link)->table)
			reply_value(c, *link);
		else
			reply_text(c, NIL);
	}
}

static void mset(struct client *c)
{
	struct arg *a = c->argv;
	bool any = false;

	if (!(c->argc & 1)) {
		reply_error(c, WRONG_ARITY, c->cmd->name);
		return;
	}
	for (size_t i = 1; c->cmd->sub && i < c->argc; i += 2)
		any |= db_find(c, &a[i]) != NULL;
	for (size_t i = 1; !any && i < c->argc; i += 2)
		db_set(db_find(c, &a[i]), &a[i], a[i + 1].at, a[i + 1].len, 0);
	reply_text(c, !c->cmd->sub ? OK : any ? ZERO : ":1\r\n");
}

const struct command string_commands[] = {
	READ("get", get, 2, STRING, NIL, 0), WRITE("getdel", get, 2, STRING, NIL, 0),
	GROW("set", set, -3, ANY, NULL, 0), GROW("setex", set, 4, ANY, NULL, EX),
	GROW("psetex", set, 4, ANY, NULL, EX | MS), GROW("setnx", set, 3, ANY, NULL, NX | YES),
	GROW("getset", set, 3, STRING, NULL, GET), READ("strlen", length, 2, STRING, ZERO, 0),
	GROW("append", setrange, 3, STRING, NULL, 0), GROW("incr", incr, 2, STRING, NULL, 0),
	GROW("setrange", setrange, 4, STRING, NULL, 0), GROW("decr", incr, 2, STRING, NULL, 1),
	READ("getrange", getrange, 4, STRING, "$0\r\n\r\n", 0),
	READ("mget", mget, -2, NONE, NULL, 0),
	GROW("incrby", incr, 3, STRING, NULL, 0), GROW("decrby", incr, 3, STRING, NULL, 1),
	GROW("mset", mset, -3, NONE, NULL, 0), GROW("msetnx", mset, -3, NONE, NULL, 1), { 0 },
};
