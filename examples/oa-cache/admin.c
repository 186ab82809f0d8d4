/* SPDX-License-Identifier: MIT */
/* Commands on the connection and on the server. */
#include "cache.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define REDIS_VERSION	"7.0.0"	/* what its clients may expect */

static const char *const policies[] = { "noeviction", "allkeys-lru" };

static void ping(struct client *c)
{
	if (c->argc == 2)
		reply_bulk(c, c->argv[1].at, c->argv[1].len);
	else
		reply_text(c, c->cmd->sub ? OK : "+PONG\r\n");
	c->close |= c->cmd->sub;
}

static void select_db(struct client *c)
{
	int64_t v;

	if (want_int(c, 1, &v))
		reply_text(c, v ? "-ERR DB index is out of range\r\n" : OK);
}

static void set_name(struct client *c, const struct arg *a)
{
	snprintf(c->name, sizeof(c->name), "%.*s", (int)a->len, a->at);
}

static void hello(struct client *c)
{
	int64_t v = c->resp;

	if (c->argc > 1 && (!text_int(&c->argv[1], &v) || v < 2 || v > 3)) {
		reply_error(c, "NOPROTO unsupported protocol version");
		return;
	}
	if (c->argc == 4 && arg_is(&c->argv[2], "setname")) {
		set_name(c, &c->argv[3]);
	} else if (c->argc > 2) {
		reply_error(c, "ERR syntax error");
		return;
	}
	c->resp = (int)v;
	reply_head(c, '%', 6);
	reply_word(c, "server");
	reply_word(c, "redis");
	reply_word(c, "version");
	reply_word(c, REDIS_VERSION);
	reply_word(c, "proto");
	reply_int(c, v);
	reply_word(c, "id");
	reply_int(c, (int64_t)c->id);
	reply_word(c, "mode");
	reply_word(c, "standalone");
	reply_word(c, "role");
	reply_word(c, "master");
}

static void client(struct client *c)
{
	struct arg *a = c->argv;

	if (arg_is(&a[1], "setname") && c->argc == 3) {
		set_name(c, &a[2]);
		reply_text(c, OK);
	} else if (arg_is(&a[1], "getname")) {
		if (*c->name)
			reply_word(c, c->name);
		else
			reply_text(c, NIL);
	} else if (arg_is(&a[1], "id")) {
		reply_int(c, (int64_t)c->id);
	} else if (arg_is(&a[1], "setinfo") && c->argc == 4) {
		reply_text(c, OK);
	} else {
		reply_error(c, "ERR unknown subcommand '%.*s'. Try CLIENT HELP.",
			    (int)a[1].len, a[1].at);
	}
}

/* What redis-cli wants of it is that there is an answer. */
static void command(struct client *c)
{
	if (c->argc > 1 && arg_is(&c->argv[1], "docs"))
		reply_text(c, "%0\r\n");
	else if (c->argc > 1 && arg_is(&c->argv[1], "count"))
		reply_int(c, command_count());
	else
		reply_text(c, "*0\r\n");
}

static void info(struct client *c)
{
	static const char format[] =
		"# Server\r\nredis_version:" REDIS_VERSION "\r\n"
		"oa_cache_version:" OA_VERSION "\r\nprocess_id:%d\r\n"
		"tcp_port:%u\r\nuptime_in_seconds:%" PRId64 "\r\n"
		"workers:%u\r\n\r\n"
		"# Clients\r\nconnected_clients:%u\r\nmaxclients:%u\r\n\r\n"
		"# Memory\r\nused_memory:%zu\r\nmaxmemory:%zu\r\n"
		"maxmemory_policy:%s\r\n\r\n"
		"# Persistence\r\nrdb_bgsave_in_progress:%d\r\n"
		"rdb_last_save_time:%" PRId64 "\r\n\r\n"
		"# Stats\r\ntotal_commands_processed:%" PRIu64 "\r\n"
		"expired_keys:%" PRIu64 "\r\nevicted_keys:%" PRIu64 "\r\n"
		"keyspace_hits:%" PRIu64 "\r\nkeyspace_misses:%" PRIu64 "\r\n\r\n"
		"# Keyspace\r\ndb0:keys=%zu,expires=%zu\r\n";
	char s[2048];
	int n = snprintf(s, sizeof(s), format, (int)getpid(), server.port,
			 c->now / 1000 - server.began, server.workers,
			 server.clients, server.max_clients, db.used, db.limit,
			 policies[db.evicts], server.child != 0, server.saved,
			 db.commands, db.expired, db.evicted, db.hits,
			 db.misses, db.keys.count, db.expiring);

	if (c->resp > 2) {
		reply_head(c, '=', n + 4);
		reply_raw(c, "txt:", 4);
		reply_raw(c, s, (size_t)n);
		reply_raw(c, "\r\n", 2);
	} else {
		reply_bulk(c, s, (size_t)n);
	}
}

/* Bytes, with the units of redis.conf. */
static bool text_bytes(const struct arg *a, size_t *v)
{
	static const char *const units[] = { "", "k", "m", "g", "kb", "mb", "gb" };
	char s[32], *end;
	size_t i = 0, n = a->len < sizeof(s) ? a->len : 0;

	memcpy(s, a->at, n);
	s[n] = '\0';
	*v = strtoull(s, &end, 10);
	while (i < 7 && strcasecmp(end, units[i]))
		i++;
	*v <<= i < 7 ? 10 * ((i - 1) % 3 + 1) * (i > 0) : 0;
	return n && end > s && i < 7;
}

static void config_get(struct client *c)
{
	char limit[24], clients[12], port[12];
	const char *const pairs[][2] = {
		{ "maxmemory", limit }, { "maxmemory-policy", policies[db.evicts] },
		{ "maxclients", clients }, { "port", port },
		{ "bind", server.address }, { "databases", "1" },
		{ "save", "" }, { "appendonly", "no" },
		{ "dbfilename", server.file ? server.file : "" },
	};
	const size_t n = sizeof(pairs) / sizeof(*pairs);
	int64_t told = 0;

	sprintf(limit, "%zu", db.limit);
	sprintf(clients, "%u", server.max_clients);
	sprintf(port, "%u", server.port);
	for (size_t i = 0; i < n; i++)
		told += text_like(pairs[i][0], strlen(pairs[i][0]), &c->argv[2]);
	reply_head(c, '%', told);
	for (size_t i = 0; i < n; i++)
		if (text_like(pairs[i][0], strlen(pairs[i][0]), &c->argv[2])) {
			reply_word(c, pairs[i][0]);
			reply_word(c, pairs[i][1]);
		}
}

static void config(struct client *c)
{
	struct arg *a = c->argv;
	bool lru, ok = c->argc == 4 && arg_is(&a[1], "set");

	if (c->argc == 3 && arg_is(&a[1], "get")) {
		config_get(c);
		return;
	}
	if (ok && arg_is(&a[2], "maxmemory")) {
		ok = text_bytes(&a[3], &db.limit);
	} else if (ok && arg_is(&a[2], "maxmemory-policy")) {
		lru = arg_is(&a[3], policies[1]);
		ok = lru || arg_is(&a[3], policies[0]);
		db.evicts = ok ? lru : db.evicts;
	} else {
		ok = false;
	}
	if (ok)
		reply_text(c, OK);
	else
		reply_error(c, "ERR it takes GET with a pattern, or SET with "
			    "maxmemory or maxmemory-policy");
}

static void *wait_task(void *pid)
{
	return oa_err(snapshot_wait((int)(intptr_t)pid));
}

/* By a child, which has the data as they are now. */
static void save(struct client *c)
{
	int pid = server.file ? server.child ? -EALREADY : snapshot_fork()
			      : -ENOENT;

	if (pid < 0) {
		reply_error(c, "ERR cannot save: %s", pid == -ENOENT ?
			    "there is no --snapshot" : oa_strerror(pid));
	} else if (c->cmd->sub) {
		oa_go(wait_task, (void *)(intptr_t)pid);
		reply_text(c, "+Background saving started\r\n");
	} else {
		db_unlock();
		pid = snapshot_wait(pid);
		db_lock();
		if (pid)
			reply_error(c, "ERR %s", oa_strerror(pid));
		else
			reply_text(c, OK);
	}
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
	{ "ping", ping, -1, READS, T_NONE, NULL, false },
	{ "quit", ping, -1, READS, T_NONE, NULL, true },
	{ "echo", ping, 2, READS, T_NONE, NULL, false },
	{ "select", select_db, 2, READS, T_NONE, NULL, 0 },
	{ "hello", hello, -1, READS, T_NONE, NULL, 0 },
	{ "client", client, -2, READS, T_NONE, NULL, 0 },
	{ "command", command, -1, READS, T_NONE, NULL, 0 },
	{ "info", info, -1, READS, T_NONE, NULL, 0 },
	{ "config", config, -2, READS, T_NONE, NULL, 0 },
	{ "save", save, 1, READS, T_NONE, NULL, false },
	{ "bgsave", save, -1, READS, T_NONE, NULL, true },
	{ "lastsave", lastsave, 1, READS, T_NONE, NULL, 0 },
	{ "shutdown", end, -1, READS, T_NONE, NULL, 0 },
	{ 0 },
};
