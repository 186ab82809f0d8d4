/* SPDX-License-Identifier: MIT */
/* What all of oa-cache shares: the database, its entries, the clients. */
#ifndef CACHE_H
#define CACHE_H

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <oa.h>

#define BULK_MAX	(16 << 20)	/* who copies more delays others */
#define ARGS_MAX	(1 << 20)

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
	uint64_t head;			/* a list: the key of its first element */
};

struct arg {
	char *at;
	size_t len;
};

struct client {
	const struct command *cmd;
	struct arg *argv;
	size_t argc, wanted, room;
	struct entry **link, *e;	/* key 1, if there is one */
	char *out;
	size_t out_len, out_cap;
	int64_t now;			/* ms since 1970, of the last read */
	struct redisReader *reader;
	char *stash;			/* arguments that the reader lets go */
	size_t stashed, most;		/* most: bytes in the reader at once */
	const char *bad;		/* what is wrong with the request */
	bool inside, close;
	/* From here on it stays when the buffers are made anew. */
	int fd, resp;			/* fd -1: the snapshot's */
	uint64_t id;
};

/* If key 1 is of another type, or not there, its function is not called. */
struct command {
	const char *name;
	void (*fn)(struct client *c);
	int arity;			/* name included; negative: at least */
	enum { READS, WRITES, GROWS } does;
	enum type type;			/* of key 1; or T_ANY, or T_NONE */
	const char *absent;		/* the reply then; NULL: it is called */
	int sub;			/* of those that share a function */
};

#define READ(name, fn, arity, type, absent, sub) { name, fn, arity, READS, T_##type, absent, sub }
#define WRITE(name, fn, arity, type, absent, sub) { name, fn, arity, WRITES, T_##type, absent, sub }
#define GROW(name, fn, arity, type, absent, sub) { name, fn, arity, GROWS, T_##type, absent, sub }

/* The flags of a time; with AT it is one, else so long from now. */
enum { MS = 256, AT = 512, PAST = 1024 };

/* Replies, as of RESP3. */
#define MAKE		""		/* none: the key is made */
#define NIL		"_\r\n"
#define NIL_LIST	"*-1\r\n"
#define EMPTY		"*0\r\n"
#define ZERO		":0\r\n"
#define OK		"+OK\r\n"
#define SYNTAX		"-ERR syntax error\r\n"
#define WRONG_TYPE	"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
#define NO_INTEGER	"-ERR value is not an integer or out of range\r\n"
#define OVERFLOWS	"-ERR increment or decrement would overflow\r\n"
#define WRONG_ARITY	"ERR wrong number of arguments for '%s' command"

extern struct db {
	struct table keys;
	atomic_size_t used, dying;	/* bytes; values that are being freed */
	size_t limit, expiring;		/* bytes, 0: no limit; keys with a time */
	bool evicts;			/* at the limit; else it refuses */
	bool shared;			/* several workers: it has a lock */
	struct oa_mutex lock;
	uint64_t commands, hits, misses, expired, evicted;
} db;

extern struct server {
	const char *address, *file;	/* file: of the snapshot, or NULL */
	unsigned int port, workers, max_clients;
	int listener, signals, child;	/* child: writes the snapshot, or 0 */
	int64_t began, saved;		/* seconds since 1970 */
	bool no_save;
	atomic_uint clients;
} server;

extern const struct command string_commands[], key_commands[], list_commands[], hash_commands[],
	admin_commands[];

/* args.c, reply.c */
bool arg_is(const struct arg *a, const char *word);
bool text_int(const char *s, size_t n, int64_t *v);
bool text_like(const char *s, size_t n, const struct arg *glob);
bool want_int(struct client *c, size_t i, int64_t *v);
bool want_time(struct client *c, size_t i, int flags, int64_t *at);
bool want_range(struct client *c, size_t i, size_t len, size_t *from, size_t *n);
void reply_raw(struct client *c, const char *s, size_t n);
void reply_text(struct client *c, const char *s);
void reply_head(struct client *c, char type, size_t n);
void reply_int(struct client *c, int64_t v);
void reply_bulk(struct client *c, const char *s, size_t n);
void reply_value(struct client *c, const struct entry *e);
void reply_error(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* table.c */
typedef void visit_fn(struct entry *e, void *arg);
void *mem_resize(void *p, size_t n);
struct entry **table_find(struct table *t, const char *key, size_t n);
struct entry *table_put(struct table *t, struct entry **link, const struct arg *key,
			const char *s, size_t n);
struct entry *table_unlink(struct table *t, struct entry **link);
uint64_t table_scan(struct table *t, uint64_t cursor, visit_fn *fn, void *arg);
void table_each(struct table *t, visit_fn *fn, void *arg);
struct entry *table_random(struct table *t);
void entry_free(struct entry *e);

/* db.c, lists.c */
int64_t now_ms(void);
void db_lock(void);
void db_unlock(void);
struct entry **db_find(struct client *c, const struct arg *key);
struct entry *db_add(const struct arg *key, enum type type);
void db_set(struct entry **link, const struct arg *key, const char *s, size_t n, int64_t expires);
void db_del(struct entry **link);
void db_expire(struct entry *e, int64_t at);
void db_flush(void);
bool db_make_room(void);
void *db_sweep(void *unused);
struct entry **list_at(struct table *t, size_t i);

/* command.c, conn.c, snapshot.c */
void command_run(struct client *c);
bool conn_open(struct client *c, int fd);
bool conn_feed(struct client *c, const char *buf, size_t n);
void conn_close(struct client *c);
void *conn_task(void *fd);
int snapshot_load(void);
int snapshot_write(void);
int snapshot_fork(void);
int snapshot_wait(int pid);

#endif
