/* SPDX-License-Identifier: MIT */
/* Commands on the connection and on the server. */
#include "cache.h"

#define VERSION		"7.0.0"		/* of Redis, as its clients expect */

static const char *const policies[] = { "noeviction", "allkeys-lru" };

/* PING, ECHO, QUIT */
const char *do_ping(struct client *c)
{
	c->close |= c->cmd->sub;
	if (c->argc < 2)
		return c->cmd->sub ? OK : "+PONG\r\n";
	return reply_bulk(c, c->argv[1].at, c->argv[1].len);
}

const char *do_hello(struct client *c)
{
	int64_t v = c->resp;
	char s[256];

	if (c->argc > 1 && (!arg_int(&c->argv[1], &v) || v < 2 || v > 3))
		return "-NOPROTO unsupported protocol version\r\n";
	c->resp = (int)v;
	reply_head(c, '%', 6);
	sprintf(s, "$6\r\nserver\r\n$5\r\nredis\r\n"
		"$7\r\nversion\r\n$5\r\n" VERSION "\r\n"
		"$5\r\nproto\r\n:%d\r\n$2\r\nid\r\n:%d\r\n"
		"$4\r\nmode\r\n$10\r\nstandalone\r\n"
		"$4\r\nrole\r\n$6\r\nmaster\r\n", c->resp, c->fd);
	reply_text(c, s);
	return NULL;
}

const char *do_info(struct client *c)
{
	char s[1024];

	return reply_bulk(c, s, (size_t)sprintf(s,
		"# Server\r\nredis_version:" VERSION "\r\ntcp_port:%u\r\n"
		"workers:%u\r\n\r\n"
		"# Clients\r\nconnected_clients:%u\r\n\r\n"
		"# Memory\r\nused_memory:%zu\r\nmaxmemory:%zu\r\n"
		"maxmemory_policy:%s\r\n\r\n"
		"# Persistence\r\nrdb_bgsave_in_progress:%d\r\n\r\n"
		"# Stats\r\ntotal_commands_processed:%" PRIu64 "\r\n"
		"expired_keys:%" PRIu64 "\r\nevicted_keys:%" PRIu64 "\r\n"
		"keyspace_hits:%" PRIu64 "\r\nkeyspace_misses:%" PRIu64 "\r\n"
		"\r\n# Keyspace\r\ndb0:keys=%zu,expires=%zu\r\n",
		server.port, server.workers, server.clients, db.used, db.limit,
		policies[db.evicts], server.child != 0, db.commands, db.expired,
		db.evicted, db.hits, db.misses, db.keys->count, db.expiring));
}

/* CONFIG GET; there is nothing to set. */
const char *do_config(struct client *c)
{
	char limit[24];
	const char *const pairs[][2] = {
		{ "maxmemory", limit }, { "save", "" }, { "appendonly", "no" },
		{ "maxmemory-policy", policies[db.evicts] },
	};
	size_t n = sizeof(pairs) / sizeof(*pairs), i = 0;

	if (!arg_is(&c->argv[1], "get"))
		return SYNTAX;
	sprintf(limit, "%zu", db.limit);
	while (i < n && !arg_is(&c->argv[2], pairs[i][0]))
		i++;
	reply_head(c, '%', i < n);
	for (int k = 0; i < n && k < 2; k++)
		reply_bulk(c, pairs[i][k], strlen(pairs[i][k]));
	return NULL;
}

/* SAVE and BGSAVE, which is no other: nobody else waits for either. */
const char *do_save(struct client *c)
{
	(void)c;
	if (!server.file || server.child || !snapshot_save())
		return "-ERR no file, or no room there, or already saving\r\n";
	return OK;
}
