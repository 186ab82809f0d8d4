/* SPDX-License-Identifier: MIT */
/* Commands on one key, most of them on a string; FLUSHALL on all. */
#include "cache.h"

const char *do_get(struct client *c)
{
	return reply_value(c, c->e);
}

const char *do_set(struct client *c)
{
	bool nx = false, xx = false;
	const char *bad = NULL;
	int64_t at = 0;

	for (size_t i = 3; i < c->argc && !bad; i++) {
		struct arg *a = &c->argv[i];
		int unit = arg_is(a, "px") ? MS : 0;

		if (arg_is(a, "nx"))
			nx = true;
		else if (arg_is(a, "xx"))
			xx = true;
		else if (at || !(unit || arg_is(a, "ex")) || ++i == c->argc)
			bad = SYNTAX;
		else
			bad = arg_time(c, i, unit, &at);
	}
	if (bad || (nx && xx))
		return bad ? bad : SYNTAX;
	if (at && at <= c->now)
		return NO_TIME;
	if (c->e ? nx : xx)
		return NIL;
	db_set(c->table, c->link, &c->argv[1], &c->argv[2], at);
	return OK;
}

/* INCR, INCRBY, DECR, DECRBY, and of the fields of a hash HINCRBY */
const char *do_incr(struct client *c)
{
	struct arg *a = &c->argv[c->first], old = { NULL, 0 };
	struct entry **link = c->first > 1 ? db_find(c, c->table, c->first)
					   : c->link;
	int64_t v = 0, by = 1;
	char s[24];

	if (link)
		old = (struct arg){ (*link)->data + a->len, (*link)->vlen };
	if ((c->argc > c->first + 1 && !arg_int(a + 1, &by)) ||
	    (link && !arg_int(&old, &v)))
		return NO_INTEGER;
	if (__builtin_mul_overflow(by, c->cmd->sub, &by) ||
	    __builtin_add_overflow(v, by, &v))
		return "-ERR increment or decrement would overflow\r\n";
	table_put(c->table, link, a, s, (size_t)sprintf(s, "%" PRId64, v));
	return reply_int(c, v);
}

/* EXPIRE, PEXPIRE, PEXPIREAT */
const char *do_expire(struct client *c)
{
	int64_t at;
	const char *bad = arg_time(c, 2, c->cmd->sub, &at);

	if (!bad)
		db_expire(c->e, at > 0 ? at : 1);	/* 0 would be never */
	return bad ? bad : ":1\r\n";
}

/* TTL, PTTL */
const char *do_ttl(struct client *c)
{
	int64_t left = c->e->expires - c->now;

	if (!c->e->expires)
		return ":-1\r\n";
	return reply_int(c, c->cmd->sub & MS ? left : (left + 500) / 1000);
}

/* FLUSHALL */
const char *do_flush(struct client *c)
{
	table_free(db.keys);
	db.keys = table_new();
	db.expiring = 0;
	(void)c;
	return OK;
}
