/* SPDX-License-Identifier: MIT */
/* Commands on strings, and on strings as numbers. */
#include "cache.h"

#include <inttypes.h>
#include <math.h>

enum { NX = 1, XX = 2, GET = 4, KEEP = 8, EX = 16, MS = 32, AT = 64, YES = 128 };

static void get(struct client *c)
{
	reply_value(c, c->e);
	if (c->cmd->does == READS)
		return;
	db_del(c->link);
	c->e = NULL;
}

static bool syntax(struct client *c)
{
	reply_error(c, "ERR syntax error");
	return false;
}

/* A time to live, in argument i, as the time of the end. */
static bool want_time(struct client *c, size_t i, int flags, int64_t *at)
{
	int64_t v, base = flags & AT ? 0 : c->now;

	if (!want_int(c, i, &v))
		return false;
	if (v <= 0 || (!(flags & MS) && __builtin_mul_overflow(v, 1000, &v)) ||
	    __builtin_add_overflow(v, base, at)) {
		reply_error(c, "ERR invalid expire time in '%s' command",
			    c->cmd->name);
		return false;
	}
	return true;
}

static bool option(struct client *c, size_t *i, int *flags, int64_t *at)
{
	static const struct { const char *word; int flags; } options[] = {
		{ "NX", NX }, { "XX", XX }, { "GET", GET }, { "KEEPTTL", KEEP },
		{ "EX", EX }, { "PX", EX | MS }, { "EXAT", EX | AT },
		{ "PXAT", EX | MS | AT }, { NULL, 0 },
	};
	typeof(*options) *o = options;

	while (o->word && !arg_is(&c->argv[*i], o->word))
		o++;
	if (!o->word || (o->flags & (EX | KEEP) && *flags & (EX | KEEP)) ||
	    ((*flags | o->flags) & (NX | XX)) == (NX | XX))
		return syntax(c);
	*flags |= o->flags;
	if (o->flags & EX && ++*i == c->argc)
		return syntax(c);
	return !(o->flags & EX) || want_time(c, *i, *flags, at);
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
	if (flags & GET && e && e->type != T_STRING)
		reply_text(c, WRONG_TYPE);
	else if (flags & GET && e)
		reply_value(c, e);
	else if (flags & GET || flags & (e ? NX : XX))
		reply_text(c, flags & YES ? ZERO : NIL);
	else
		reply_text(c, flags & YES ? ":1\r\n" : OK);
	if (flags & (e ? NX : XX) ||
	    (flags & GET && e && e->type != T_STRING))
		return;
	e = db_set(c->link, &c->argv[1], c->argv[v].at, c->argv[v].len);
	if (at || (e->expires && !(flags & KEEP)))
		db_expire(e, at);
}

static bool fits(struct client *c, uint64_t n)
{
	if (n > BULK_MAX)
		reply_error(c, "ERR string exceeds maximum allowed size "
			    "(proto-max-bulk-len)");
	return n <= BULK_MAX;
}

/* The string of key 1, made if need be, n long; what is new is zeros. */
static struct entry *stretch(struct client *c, size_t n)
{
	struct entry *e = c->e;
	size_t had = e ? e->vlen : 0;

	e = e ? string_room(c->link, n) : db_add(&c->argv[1], T_STRING, n);
	if (n > had)
		memset(e->data + e->klen + had, 0, n - had);
	return e;
}

static void setrange(struct client *c)
{
	struct arg *a = &c->argv[c->argc - 1];
	struct entry *e = c->e;
	size_t n = e ? e->vlen : 0;
	int64_t at = (int64_t)n;

	if (c->argc == 4 && !want_int(c, 2, &at))
		return;
	if (at < 0)
		reply_error(c, "ERR offset is out of range");
	if (at < 0 || (a->len && !fits(c, (uint64_t)at + a->len)))
		return;
	if (a->len || c->argc == 3) {
		n = n > (size_t)at + a->len ? n : (size_t)at + a->len;
		e = stretch(c, n);
		memcpy(e->data + e->klen + at, a->at, a->len);
	}
	reply_int(c, (int64_t)n);
}

static void getrange(struct client *c)
{
	size_t from, n;

	if (want_range(c, 2, c->e->vlen, &from, &n))
		reply_bulk(c, c->e->data + c->e->klen + from, n);
}

static void incr(struct client *c)
{
	struct arg was = { c->e ? c->e->data + c->e->klen : NULL,
			   c->e ? c->e->vlen : 0 };
	int64_t v = 0, by = 1;
	char s[24];
	int n;

	if (c->argc == 3 && !want_int(c, 2, &by))
		return;
	if (c->e && !text_int(&was, &v)) {
		reply_text(c, NO_INTEGER);
	} else if (c->cmd->sub ? __builtin_sub_overflow(v, by, &v)
			       : __builtin_add_overflow(v, by, &v)) {
		reply_error(c, "ERR increment or decrement would overflow");
	} else {
		n = sprintf(s, "%" PRId64, v);
		db_set(c->link, &c->argv[1], s, (size_t)n);
		reply_int(c, v);
	}
}

static void incrbyfloat(struct client *c)
{
	struct arg was = { c->e ? c->e->data + c->e->klen : NULL,
			   c->e ? c->e->vlen : 0 };
	long double v = 0, by;
	char s[5000];
	int n;

	if ((c->e && !text_float(&was, &v)) || !text_float(&c->argv[2], &by)) {
		reply_error(c, "ERR value is not a valid float");
	} else if (!isfinite(v + by)) {
		reply_error(c, "ERR increment would produce NaN or Infinity");
	} else {
		n = snprintf(s, sizeof(s), "%.17Lf", v + by);
		while (s[n - 1] == '0')
			n--;
		n -= s[n - 1] == '.';
		db_set(c->link, &c->argv[1], s, (size_t)n);
		reply_bulk(c, s, (size_t)n);
	}
}

static void mget(struct client *c)
{
	reply_head(c, '*', (int64_t)c->argc - 1);
	for (size_t i = 1; i < c->argc; i++) {
		struct entry **link = db_find(c, &c->argv[i]);

		if (link && (*link)->type == T_STRING)
			reply_value(c, *link);
		else
			reply_text(c, NIL);
	}
}

static void mset(struct client *c)
{
	struct arg *a = c->argv;

	if (!(c->argc & 1)) {
		reply_error(c, WRONG_ARITY, c->cmd->name);
		return;
	}
	for (size_t i = 1; c->cmd->sub && i < c->argc; i += 2)
		if (db_find(c, &a[i])) {
			reply_int(c, 0);
			return;
		}
	for (size_t i = 1; i < c->argc; i += 2)
		db_expire(db_set(db_find(c, &a[i]), &a[i], a[i + 1].at,
				 a[i + 1].len), 0);
	reply_text(c, c->cmd->sub ? ":1\r\n" : OK);
}

const struct command string_commands[] = {
	{ "get", get, 2, READS, T_STRING, NIL, 0 },
	{ "getdel", get, 2, WRITES, T_STRING, NIL, 0 },
	{ "set", set, -3, GROWS, T_ANY, NULL, 0 },
	{ "setex", set, 4, GROWS, T_ANY, NULL, EX },
	{ "psetex", set, 4, GROWS, T_ANY, NULL, EX | MS },
	{ "setnx", set, 3, GROWS, T_ANY, NULL, NX | YES },
	{ "getset", set, 3, GROWS, T_STRING, NULL, GET },
	{ "strlen", reply_len, 2, READS, T_STRING, ZERO, 0 },
	{ "append", setrange, 3, GROWS, T_STRING, NULL, 0 },
	{ "setrange", setrange, 4, GROWS, T_STRING, NULL, 0 },
	{ "getrange", getrange, 4, READS, T_STRING, "$0\r\n\r\n", 0 },
	{ "incr", incr, 2, GROWS, T_STRING, NULL, 0 },
	{ "decr", incr, 2, GROWS, T_STRING, NULL, 1 },
	{ "incrby", incr, 3, GROWS, T_STRING, NULL, 0 },
	{ "decrby", incr, 3, GROWS, T_STRING, NULL, 1 },
	{ "incrbyfloat", incrbyfloat, 3, GROWS, T_STRING, NULL, 0 },
	{ "mget", mget, -2, READS, T_NONE, NULL, 0 },
	{ "mset", mset, -3, GROWS, T_NONE, NULL, 0 },
	{ "msetnx", mset, -3, GROWS, T_NONE, NULL, 1 },
	{ 0 },
};
