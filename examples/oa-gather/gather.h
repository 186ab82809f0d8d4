/* SPDX-License-Identifier: MIT */
/* What all of oa-gather shares: the servers, the question, the answers. */
#ifndef GATHER_H
#define GATHER_H

#include <stdbool.h>
#include <stddef.h>

#include <oa.h>

#include "../addr.h"
#include "../race.h"

struct replica {
	struct addr addr;
	char name[ADDR_NAME_MAX];
};

/* Of one request. */
struct answer {
	int err;
	int status;		/* of HTTP; 0: none has come */
	char *data;		/* all of it, to be freed */
	size_t len;
	size_t body;		/* where that begins in data */
	oa_time_t took;
};

/* Servers that would all give the same answer, and what they said. */
struct shard {
	struct race race;
	struct gather *gather;
	struct replica *replicas;
	struct answer *answers;	/* one for each replica */
	int winner;		/* a replica, or a negative errno */
	oa_time_t took;
};

struct latency {
	oa_time_t seen[1000];
	size_t n;		/* in all; the last ones are kept */
};

struct gather {
	const char *path;
	struct shard *shards;
	size_t n;
	oa_time_t deadline, interval;
	oa_time_t hedge;	/* 0: by what has been seen */
	unsigned int percentile, rounds, workers;
	bool no_hedge, bodies;
	struct latency latency;
	bool incomplete;	/* out: not all have answered each time */
};

/* http.c: 0 or a negative errno */
int http_get(const struct replica *r, const char *path, struct answer *a);

/* shard.c */
void *shard_task(void *shard);
void shard_forget(struct shard *sh);

/* latency.c */
void latency_add(struct latency *l, oa_time_t took);
oa_time_t latency_percentile(const struct latency *l, unsigned int percent);

/* report.c */
void report_round(const struct gather *g, oa_time_t took);

#endif
