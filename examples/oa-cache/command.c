/* SPDX-License-Identifier: MIT */
/* A request, from the name of its command to the function that does it. */
#include "cache.h"

#include <stdlib.h>

#define SLOTS		512	/* a few times as many as there are names */
#define NAME_MAX	16

struct name {
	uint64_t w[2];
	size_t len;
	const struct command *cmd;
};

static struct name names[SLOTS];
static int count;

int command_count(void)
{
	return count;
}

/* Letters in either case give the same words. */
static struct name *lookup(struct name *n, const char *s, size_t len)
{
	size_t i;

	n->w[0] = n->w[1] = 0;
	memcpy(n->w, s, len);
	n->w[0] |= 0x2020202020202020;
	n->w[1] |= 0x2020202020202020;
	n->len = len;
	for (i = (n->w[0] ^ n->w[1] << 1) * 0x9e3779b97f4a7c15 >> 55;
	     names[i].cmd; i = (i + 1) % SLOTS)
		if (names[i].w[0] == n->w[0] && names[i].w[1] == n->w[1] &&
		    names[i].len == len)
			break;
	return &names[i];
}

__attribute__((constructor))
static void fill(void)
{
	const struct command *all[] = { string_commands, key_commands,
		list_commands, table_commands, admin_commands };
	struct name n, *to;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (const struct command *cmd = all[i]; cmd->name; cmd++) {
			to = lookup(&n, cmd->name, strlen(cmd->name));
			*to = n;
			to->cmd = cmd;
			count++;
		}
}

static void unknown(struct client *c)
{
	char args[128] = "";

	for (size_t i = 1, at = 0; i < c->argc && at < sizeof(args); i++)
		at += (size_t)snprintf(args + at, sizeof(args) - at, "'%.*s' ",
				       (int)c->argv[i].len, c->argv[i].at);
	reply_error(c, "ERR unknown command '%.*s', with args beginning with: "
		    "%s", (int)c->argv->len, c->argv->at, args);
}

/* Key 1, if the command has one; false: it has been answered. */
static bool find_key(struct client *c)
{
	const struct command *cmd = c->cmd;

	if (cmd->type == T_NONE)
		return true;
	c->link = db_find(c, &c->argv[1]);
	c->e = c->link ? *c->link : NULL;
	if (c->e && cmd->type != T_ANY && c->e->type != cmd->type)
		reply_text(c, WRONG_TYPE);
	else if (!c->e && cmd->absent && *cmd->absent)
		reply_text(c, cmd->absent);
	else
		return c->e || !cmd->absent ||
		       (c->e = db_add(&c->argv[1], cmd->type, 0));
	c->e = NULL;
	return false;
}

static void run(struct client *c)
{
	const struct command *cmd = c->cmd;
	int argc = (int)c->argc;

	db.commands++;
	if (cmd->arity < 0 ? argc < -cmd->arity : argc != cmd->arity)
		reply_error(c, WRONG_ARITY, cmd->name);
	else if (cmd->does == GROWS && !db_make_room())
		reply_error(c, "OOM command not allowed when used memory > "
			    "'maxmemory'.");
	else if (find_key(c))
		cmd->fn(c);
	/* Nothing but a string stays when it is empty. */
	if (c->e && c->e->obj && !value_len(c->e))
		db_del(table_find(&db.keys, c->e->data, c->e->klen));
	c->e = NULL;
}

void command_run(struct client *c)
{
	struct name n;

	c->cmd = c->argv->len > NAME_MAX ? NULL :
		 lookup(&n, c->argv->at, c->argv->len)->cmd;
	if (!c->cmd) {
		unknown(c);
		return;
	}
	db_lock();
	run(c);
	db_unlock();
}
