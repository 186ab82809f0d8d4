/* SPDX-License-Identifier: MIT */
/* A connection: the state that its one task works on. */
#ifndef CONN_H
#define CONN_H

#include "date.h"
#include "httpd.h"
#include "out.h"
#include "path.h"
#include "request.h"

/* A whole head fits behind any place where one may begin, and some body. */
#define IN_SLACK	1024
#define IN_SIZE		(2 * HEADER_MAX + 4 * IN_SLACK)

struct conn {
	struct server *srv;
	struct conn *next, **link;	/* among the server's, under its lock */
	atomic_bool idle;		/* waits for a request's first byte */
	int fd;
	bool close;			/* after the answer under way */
	int64_t now;			/* the second in which it answers */
	int64_t date_at;		/* the one that date tells */
	char date[DATE_LEN];
	struct counters count;

	http_parser parser;
	struct request rq;
	size_t start, end;		/* of what is not parsed yet */
	char path[PATH_SIZE];
	char in[IN_SIZE];
	struct out out;
};

#endif
