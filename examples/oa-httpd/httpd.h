/* SPDX-License-Identifier: MIT */
/* What all of oa-httpd shares: the options, the server, its counters. */
#ifndef HTTPD_H
#define HTTPD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <oa.h>

#define SERVER_NAME	"oa-httpd/" OA_VERSION

struct cache;
struct conn;

struct options {
	const char *dir;
	const char *address;
	uint16_t port;		/* 0: any free one; then the one it became */
	unsigned int workers;	/* 0: the runtime decides */
	unsigned int max_connections;
	size_t cache_bytes;	/* 0: nothing is kept */
	oa_time_t idle;
	bool quiet;
	bool stats;
};

/* A connection counts for itself and adds up when it ends. */
struct counters {
	uint64_t requests;
	uint64_t bytes;
	uint64_t answers[6];	/* by the first digit of the status */
};

struct server {
	struct options opt;
	int root;		/* O_PATH, of the directory served */
	int listener;
	int signals;		/* signalfd */
	struct cache *cache;	/* or NULL */
	int err;		/* why it could not begin */
	atomic_bool draining;
	atomic_uint connections;

	/* Nobody suspends while holding it: see conn_list_add(). */
	pthread_mutex_t lock;
	struct conn *conns;
	struct counters total;
	uint64_t accepted;
	uint64_t refused;
};

/* listen.c */
int listen_open(struct options *opt);
void listen_url(const struct options *opt, char *buf, size_t n);

/* server.c: the first task, and the only one that listens to signals */
void *server_task(void *server);

/* conn.c: one task per connection; arg is a struct conn */
struct conn *conn_create(struct server *srv, int fd);
void conn_drop(void *conn);
void *conn_task(void *conn);
void conn_drain_all(struct server *srv);

/* stat.c */
void stat_print(const struct server *srv, struct oa_runtime *rt);

#endif
