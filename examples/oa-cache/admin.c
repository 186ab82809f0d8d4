/* SPDX-License-Identifier: MIT */
/* Commands on the connection and on the server. */
#include "cache.h"

#include <errno.h>

#define VERSION		"7.0.0"		/* of Redis, for what its clients expect */

static const char *const policies[] = { "noeviction", "allkeys-lru" };

/* PING, ECHO, QUIT */
static void ping(struct client *c)
{
	c->close |= c->cmd->sub;
	if (c->argc == 2)
		reply_bulk(c, c->argv[1].at, c->argv[1].len);
	else
		reply_text(c, c->cmd->sub ? OK : "+PONG\r\n");
}

static void select_db(struct client *c)
{
	int64_t v;

	if (want_int(c, 1, &v))
		reply_text(c, v ? "-ERR DB index is out of range\r\n" : OK);
}

static void hello(struct client *c)
{
	int64_t v = c->resp;
	char s[256];

	if (c->argc > 1 && (!text_int(c->argv[1].at, c->argv[1].len, &v) || v < 2 || v > 3)) {
		reply_error(c, "NOPROTO unsupported protocol version");
		return;
	}
	c->resp = (int)v;
	reply_head(c, '%', 6);
	reply_raw(c, s, (size_t)sprintf(s,
		"$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n" VERSION "\r\n"
		"$5\r\nproto\r\n:%d\r\n$2\r\nid\r\n:%" PRIu64 "\r\n"
		"$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n",
		c->resp, c->id));
}

/* CLIENT and COMMAND: what clients want of them is an answer. */
static void client(struct client *c)
{
	reply_text(c, c->cmd->sub ? arg_is(&c->argv[c->argc > 1], "docs") ? "%0\r\n" : EMPTY :
		      arg_is(&c->argv[1], "getname") ? NIL : OK);
}

static void info(struct client *c)
{
	static const char format[] =
		"# Server\r\nredis_version:" VERSION "\r\noa_cache_version:" OA_VERSION "\r\n"
		"tcp_port:%u\r\nuptime_in_seconds:%" PRId64 "\r\nworkers:%u\r\n\r\n"
		"# Clients\r\nconnected_clients:%u\r\nmaxclients:%u\r\n\r\n"
		"# Memory\r\nused_memory:%zu\r\nmaxmemory:%zu\r\nmaxmemory_policy:%s\r\n\r\n"
		"# Persistence\r\nrdb_bgsave_in_progress:%d\r\nrdb_last_save_time:%" PRId64 "\r\n\r\n"
		"# Stats\r\ntotal_commands_processed:%" PRIu64 "\r\nexpired_keys:%" PRIu64 "\r\n"
		"evicted_keys:%" PRIu64 "\r\nkeyspace_hits:%" PRIu64 "\r\n"
		"keyspace_misses:%" PRIu64 "\r\n\r\n# Keyspace\r\ndb0:keys=%zu,expires=%zu\r\n\r\n";
	char s[1024] = "txt:";
	size_t n = 4 + (size_t)sprintf(s + 4, format, server.port, c->now / 1000 - server.began,
		server.workers, server.clients, server.max_clients, db.used, db.limit,
		policies[db.evicts], server.child != 0, server.saved, db.commands, db.expired,
		db.evicted, db.hits, db.misses, db.keys.count, db.expiring);

	if (c->resp < 3) {
		reply_bulk(c, s + 4, n - 4);
	} else {
		reply_head(c, '=', n - 2);
		reply_raw(c, s, n);
	}
}

static void config_get(struct client *c)
{
	char limit[24], clients[12], port[12];
	const char *const pairs[][2] = {
		{ "maxmemory", limit }, { "maxmemory-policy", policies[db.evicts] },
		{ "maxclients", clients }, { "port", port }, { "bind", server.address },
		{ "databases", "1" }, { "save", "" }, { "appendonly", "no" },
	};
	const size_t n = sizeof(pairs) / sizeof(*pairs);
	size_t told = 0;

	sprintf(limit, "%zu", db.limit);
	sprintf(clients, "%u", server.max_clients);
	sprintf(port, "%u", server.port);
	for (size_t i = 0; i < n; i++)
		told += text_like(pairs[i][0], strlen(pairs[i][0]), &c->argv[2]);
	reply_head(c, '%', told);
	for (size_t i = 0; i < 2 * n; i++)
		if (text_like(pairs[i / 2][0], strlen(pairs[i / 2][0]), &c->argv[2]))
			reply_bulk(c, pairs[i / 2][i % 2], strlen(pairs[i / 2][i % 2]));
}

static void config(struct client *c)
{
	struct arg *a = c->argv;
	bool set = c->argc == 4 && arg_is(&a[1], "set");
	int64_t v;

	if (c->argc == 3 && arg_is(&a[1], "get")) {
		config_get(c);
		return;
	}
	if (set && arg_is(&a[2], "maxmemory") && text_int(a[3].at, a[3].len, &v) && v >= 0)
		db.limit = (size_t)v;
	else if (set && arg_is(&a[2], "maxmemory-policy") &&
		 (arg_is(&a[3], policies[0]) || arg_is(&a[3], policies[1])))
		db.evicts = arg_is(&a[3], policies[1]);
	else
		set = false;
	reply_text(c, set ? OK : "-ERR it takes GET, and SET of maxmemory and maxmemory-policy\r\n");
}

static void *wait_task(void *pid)
{
	snapshot_wait((int)(intptr_t)pid);
	return NULL;
}

/* SAVE and BGSAVE, by a child, which has the data as they are now. */
static void save(struct client *c)
{
	int pid = !server.file ? -ENOENT : server.child ? -EALREADY : snapshot_fork();
	int err = pid < 0 ? pid : 0;

	if (!err && c->cmd->sub) {
		err = oa_go(wait_task, (void *)(intptr_t)pid);
	} else if (!err) {
		db_unlock();
		err = snapshot_wait(pid);
		db_lock();
	}
	if (err)
		reply_error(c, "ERR cannot save: %s", oa_strerror(err));
	else
		reply_text(c, c->cmd->sub ? "+Background saving started\r\n" : OK);
}

static void lastsave(struct client *c)
{
	reply_int(c, server.saved);
}

static void end(struct client *c)
{
	server.no_save = c->argc > 1 && arg_is(&c->argv[1], "nosave");
	c->close = true;
	oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL);
}

const struct command admin_commands[] = {
	READ("ping", ping, -1, NONE, NULL, false), READ("echo", ping, 2, NONE, NULL, false),
	READ("quit", ping, -1, NONE, NULL, true), READ("select", select_db, 2, NONE, NULL, 0),
	READ("hello", hello, -1, NONE, NULL, 0), READ("client", client, -2, NONE, NULL, false),
	READ("command", client, -1, NONE, NULL, true), READ("info", info, -1, NONE, NULL, 0),
	READ("config", config, -2, NONE, NULL, 0), READ("save", save, 1, NONE, NULL, false),
	READ("bgsave", save, -1, NONE, NULL, true), READ("lastsave", lastsave, 1, NONE, NULL, 0),
	READ("shutdown", end, -1, NONE, NULL, 0), { 0 },
};
