/* SPDX-License-Identifier: MIT */
/* A request, from the name of its command to the function that does it. */
#include "cache.h"

#define SLOTS		512	/* a few times as many as there are names */
#define NAME_MAX	16

static struct name {
	uint64_t w[2];
	size_t len;
	const struct command *cmd;
} names[SLOTS];

/* Letters in either case give the same words. With cmd it is put there. */
static const struct command *lookup(const char *s, size_t len,
				    const struct command *cmd)
{
	struct name n = { .len = len, .cmd = cmd };
	size_t i;

	memcpy(n.w, s, len);
	n.w[0] |= 0x2020202020202020;
	n.w[1] |= 0x2020202020202020;
	i = (n.w[0] ^ n.w[1] << 1) * 0x9e3779b97f4a7c15 >> 55;
	while (names[i].cmd && (names[i].w[0] != n.w[0] || names[i].w[1] != n.w[1] ||
				names[i].len != len))
		i = (i + 1) % SLOTS;
	if (cmd)
		names[i] = n;
	return names[i].cmd;
}

__attribute__((constructor))
static void fill(void)
{
	const struct command *all[] = { string_commands, key_commands, list_commands,
					hash_commands, admin_commands };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (const struct command *cmd = all[i]; cmd->name; cmd++)
			lookup(cmd->name, strlen(cmd->name), cmd);
}

static void unknown(struct client *c)
{
	struct arg *a = c->argv;

	reply_error(c, "ERR unknown command '%.*s', with args beginning with: '%.*s' ",
		    (int)a[0].len, a[0].at, c->argc > 1 ? (int)a[1].len : 0, a[c->argc > 1].at);
}

/* Key 1, if the command has one; false: it has been answered. */
static bool find_key(struct client *c)
{
	const struct command *cmd = c->cmd;

	const char *no = NULL;

	if (cmd->type == T_NONE)
		return true;
	c->link = db_find(c, &c->argv[1]);
	if (c->link && cmd->type != T_ANY && (*c->link)->type != cmd->type)
		no = WRONG_TYPE;
	else if (c->link)
		c->e = *c->link;
	else if (cmd->absent && *cmd->absent)
		no = cmd->absent;
	else if (cmd->absent)
		c->e = db_add(&c->argv[1], cmd->type);
	if (no)
		reply_text(c, no);
	return !no;
}

void command_run(struct client *c)
{
	const struct command *cmd = c->argv->len > NAME_MAX ? NULL :
				    lookup(c->argv->at, c->argv->len, NULL);
	int argc = (int)c->argc;

	c->cmd = cmd;
	if (!cmd) {
		unknown(c);
		return;
	}
	db_lock();
	db.commands++;
	if (cmd->arity < 0 ? argc < -cmd->arity : argc != cmd->arity)
		reply_error(c, WRONG_ARITY, cmd->name);
	else if (cmd->does == GROWS && !db_make_room())
		reply_error(c, "OOM command not allowed when used memory > 'maxmemory'.");
	else if (find_key(c))
		cmd->fn(c);
	/* Nothing but a string stays when it is empty; c->e may be gone else. */
	if (c->e && (cmd->type == T_LIST || cmd->type == T_HASH) && !c->e->table->count)
		db_del(table_find(&db.keys, c->e->data, c->e->klen));
	c->e = NULL;
	db_unlock();
}
