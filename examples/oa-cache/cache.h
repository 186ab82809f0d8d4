/* SPDX-License-Identifier: MIT */
/* What all of oa-cache shares: the database, its entries, the clients. */
#ifndef CACHE_H
#define CACHE_H

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <oa.h>

#define IN_SIZE		(16 << 10)	/* to be read at once */
#define BULK_MAX	(16 << 20)	/* who copies more delays others */
#define MESSAGE_MAX	(64 << 20)	/* a request, or a reply */

enum type { T_STRING, T_LIST, T_HASH, T_ANY, T_NONE };

/* A key with its value, or a field of a hash, or an element of a list. */
struct entry {
	struct entry *next;
	struct table *table;		/* of a list or hash; NULL: a string */
	int64_t expires;		/* ms since 1970; 0: never */
	uint32_t hash, klen, vlen;
	uint32_t used;			/* when, by db.commands */
	uint8_t type;
	char data[];			/* the key, then the string */
};

struct table {
	struct entry **slots;
	size_t cap, n, count;		/* n buckets are in use */
	uint64_t head;			/* a list: the key of its first */
};

struct arg {
	char *at;
	size_t len;
};

struct client {
	int fd, resp;			/* fd -1: the snapshot's */
	const struct command *cmd;
	struct arg *argv;
	size_t argc, room;
	long want;			/* arguments of what comes, or 0 */
	struct entry **link, *e;	/* key 1, if there is one */
	struct table *table;		/* of the keys, or of key 1's value */
	size_t first;			/* argument behind the name of that */
	char *out;
	size_t out_len, out_cap;
	int64_t now;			/* ms since 1970, of the last read */
	struct redisReader *reader;
	char *stash;			/* arguments that the reader lets go */
	size_t stashed;
	const char *bad;		/* what is wrong with the request */
	bool inside, close, large;	/* inside: of a request more must come */
};

/* A reply that is still to be made, or NULL: it has been. */
typedef const char *command_fn(struct client *c);

/* If key 1 is of another type, or not there, its function is not called. */
struct command {
	const char *name;
	command_fn *fn;
	int arity;			/* name included; negative: at least */
	enum { READS, WRITES, GROWS } does;
	enum type type;			/* of key 1; or T_ANY, or T_NONE */
	const char *absent;		/* the reply then; NULL: it is called */
	int sub;			/* of those that share a function */
};

/* The flags of a time; with AT it is one, else so long from now. */
enum { MS = 1, AT = 2 };

/* Replies, as of RESP3. */
#define MAKE		""		/* none: the key is made */
#define NIL		"_\r\n"
#define EMPTY		"*0\r\n"
#define ZERO		":0\r\n"
#define OK		"+OK\r\n"
#define SYNTAX		"-ERR syntax error\r\n"
#define WRONG_TYPE	"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
#define NO_INTEGER	"-ERR value is not an integer or out of range\r\n"
#define NO_TIME		"-ERR invalid expire time\r\n"
#define WRONG_ARITY	"-ERR wrong number of arguments\r\n"

extern struct db {
	struct table *keys;
	atomic_size_t used, dying;	/* bytes; tables that are being freed */
	size_t limit, expiring;		/* bytes or 0; keys with a time */
	bool evicts;			/* at the limit; else it refuses */
	bool shared;			/* several workers: it has a lock */
	struct oa_mutex lock;
	uint64_t commands, hits, misses, expired, evicted;
} db;

extern struct server {
	const char *address, *file;	/* file: of the snapshot, or NULL */
	unsigned int port, workers;
	int listener, child;		/* child: writes the snapshot, or 0 */
	atomic_uint clients;
} server;

/* args.c, reply.c: what returns a string returns NULL, as commands do */
bool arg_is(const struct arg *a, const char *word);
bool arg_int(const struct arg *a, int64_t *v);
const char *arg_time(struct client *c, size_t i, int flags, int64_t *at);
void reply_text(struct client *c, const char *s);
void reply_head(struct client *c, char type, size_t n);
const char *reply_int(struct client *c, int64_t v);
const char *reply_bulk(struct client *c, const char *s, size_t n);
const char *reply_value(struct client *c, const struct entry *e);

/* table.c */
typedef void visit_fn(struct entry *e, void *arg);
struct table *table_new(void);
struct entry **table_find(struct table *t, const char *key, size_t n);
struct entry *table_put(struct table *t, struct entry **link,
			const struct arg *key, const char *s, size_t n);
struct entry *table_unlink(struct table *t, struct entry **link);
void table_each(struct table *t, visit_fn *fn, void *arg);
struct entry **table_random(struct table *t);
void table_free(struct table *t);
void entry_free(struct entry *e);

/* db.c, elements.c */
int64_t now_ms(void);
void db_lock(void);
void db_unlock(void);
struct entry **db_find(struct client *c, struct table *t, size_t i);
void db_set(struct table *t, struct entry **link, const struct arg *key,
	    const struct arg *value, int64_t expires);
void db_del(struct table *t, struct entry **link);
void db_expire(struct entry *e, int64_t at);
bool db_make_room(void);
void *db_sweep(void *unused);
struct entry **list_at(struct table *t, size_t i);

/* command.c, conn.c, snapshot.c */
void command_init(void);
void command_run(struct client *c);
bool conn_open(struct client *c, int fd, int resp);
char *conn_room(struct client *c);
bool conn_feed(struct client *c, size_t n);
void conn_close(struct client *c);
void *conn_task(void *fd);
int snapshot_load(void);
int snapshot_write(void);
bool snapshot_save(void);

/* keys.c, elements.c, admin.c */
command_fn do_get, do_set, do_incr, do_count, do_exists, do_mget, do_mset;
command_fn do_hgetall, do_expire, do_ttl, do_flush, do_push, do_pop;
command_fn do_lrange, do_ping, do_hello, do_info, do_config, do_save;

#endif
