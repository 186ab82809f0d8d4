/* SPDX-License-Identifier: MIT */
/* A request, from the name of its command to the function that does it. */
#include "cache.h"

#define NAME_MAX	16

static const struct command commands[] = {
	{ "get", do_get, 2, READS, T_STRING, NIL, 0 },
	{ "set", do_set, -3, GROWS, T_ANY, NULL, 0 },
	{ "incr", do_incr, 2, GROWS, T_STRING, NULL, 1 },
	{ "incrby", do_incr, 3, GROWS, T_STRING, NULL, 1 },
	{ "decr", do_incr, 2, GROWS, T_STRING, NULL, -1 },
	{ "decrby", do_incr, 3, GROWS, T_STRING, NULL, -1 },
	{ "mget", do_mget, -2, READS, T_NONE, NULL, 0 },
	{ "mset", do_mset, -3, GROWS, T_NONE, NULL, 0 },
	{ "exists", do_exists, -2, READS, T_NONE, NULL, 0 },
	{ "del", do_exists, -2, WRITES, T_NONE, NULL, 0 },
	{ "unlink", do_exists, -2, WRITES, T_NONE, NULL, 0 },
	{ "expire", do_expire, 3, WRITES, T_ANY, ZERO, 0 },
	{ "pexpire", do_expire, 3, WRITES, T_ANY, ZERO, MS },
	{ "pexpireat", do_expire, 3, WRITES, T_ANY, ZERO, AT | MS },
	{ "ttl", do_ttl, 2, READS, T_ANY, ":-2\r\n", 0 },
	{ "pttl", do_ttl, 2, READS, T_ANY, ":-2\r\n", MS },
	{ "dbsize", do_count, 1, READS, T_NONE, NULL, 0 },
	{ "flushall", do_flush, -1, WRITES, T_NONE, NULL, 0 },
	{ "lpush", do_push, -3, GROWS, T_LIST, MAKE, true },
	{ "rpush", do_push, -3, GROWS, T_LIST, MAKE, false },
	{ "lpop", do_pop, 2, WRITES, T_LIST, NIL, true },
	{ "rpop", do_pop, 2, WRITES, T_LIST, NIL, false },
	{ "llen", do_count, 2, READS, T_LIST, ZERO, 0 },
	{ "lrange", do_lrange, 4, READS, T_LIST, EMPTY, 0 },
	{ "hset", do_mset, -4, GROWS, T_HASH, MAKE, 0 },
	{ "hget", do_mget, 3, READS, T_HASH, NIL, 0 },
	{ "hmget", do_mget, -3, READS, T_HASH, NULL, 0 },
	{ "hgetall", do_hgetall, 2, READS, T_HASH, "%0\r\n", 0 },
	{ "hlen", do_count, 2, READS, T_HASH, ZERO, 0 },
	{ "hexists", do_exists, 3, READS, T_HASH, ZERO, 0 },
	{ "hdel", do_exists, -3, WRITES, T_HASH, ZERO, 0 },
	{ "hincrby", do_incr, 4, GROWS, T_HASH, MAKE, 1 },
	{ "ping", do_ping, -1, READS, T_NONE, NULL, false },
	{ "echo", do_ping, 2, READS, T_NONE, NULL, false },
	{ "quit", do_ping, -1, READS, T_NONE, NULL, true },
	{ "hello", do_hello, -1, READS, T_NONE, NULL, 0 },
	{ "info", do_info, -1, READS, T_NONE, NULL, 0 },
	{ "config", do_config, 3, READS, T_NONE, NULL, 0 },
	{ "save", do_save, 1, READS, T_NONE, NULL, 0 },
	{ "bgsave", do_save, -1, READS, T_NONE, NULL, 0 },
};

static struct table names;		/* whose values are pointers */

void command_init(void)
{
	size_t n = sizeof(commands) / sizeof(*commands);

	for (const struct command *cmd = commands; cmd < commands + n; cmd++) {
		struct arg name = { (char *)cmd->name, strlen(cmd->name) };

		table_put(&names, NULL, &name, (char *)&cmd, sizeof(cmd));
	}
	db.keys = table_new();
	db.used = 0;
}

/* Letters in either case; what else becomes of them gives no name. */
static const struct command *lookup(const struct arg *a)
{
	char s[NAME_MAX];
	struct entry **link;
	const struct command *cmd = NULL;

	for (size_t i = 0; i < a->len && i < NAME_MAX; i++)
		s[i] = (char)(a->at[i] | 0x20);
	link = a->len < NAME_MAX ? table_find(&names, s, a->len) : NULL;
	if (link)
		memcpy(&cmd, (*link)->data + a->len, sizeof(cmd));
	return cmd;
}

/* Key 1, if the command has one, and then the command. */
static const char *run(struct client *c, const struct command *cmd)
{
	static struct table none;

	c->table = db.keys;
	c->first = 1;
	if (cmd->type == T_NONE)
		return cmd->fn(c);
	c->link = db_find(c, db.keys, 1);
	c->e = c->link ? *c->link : NULL;
	if (c->e && cmd->type != T_ANY && c->e->type != cmd->type)
		return WRONG_TYPE;
	if (!c->e && cmd->absent && *cmd->absent)
		return cmd->absent;
	if (!c->e && cmd->absent) {
		c->e = table_put(db.keys, NULL, &c->argv[1], NULL, 0);
		c->e->type = (uint8_t)cmd->type;
		c->e->table = table_new();
	}
	if (cmd->type == T_LIST || cmd->type == T_HASH) {
		c->table = c->e ? c->e->table : &none;
		c->first = 2;
	}
	return cmd->fn(c);
}

void command_run(struct client *c)
{
	const struct command *cmd = lookup(c->argv);
	int argc = (int)c->argc;
	size_t had = c->out_len;
	const char *reply;

	c->cmd = cmd;
	c->e = NULL;
	db_lock();
	db.commands++;
	if (!cmd)
		reply = "-ERR unknown command\r\n";
	else if (cmd->arity < 0 ? argc < -cmd->arity : argc != cmd->arity)
		reply = WRONG_ARITY;
	else if (cmd->does == GROWS && !db_make_room())
		reply = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
	else
		reply = run(c, cmd);
	if (c->large) {
		c->out_len = had;
		reply = "-ERR too big reply\r\n";
	}
	c->large = false;
	if (reply)
		reply_text(c, reply);
	/* A list or hash does not stay when it is empty. */
	if (c->e && c->first > 1 && !c->table->count)
		db_del(db.keys, table_find(db.keys, c->e->data, c->e->klen));
	db_unlock();
}
