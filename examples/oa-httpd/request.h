/* SPDX-License-Identifier: MIT */
/* One request at a time, out of the bytes of a connection. */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdbool.h>

#include <http_parser.h>

#include "text.h"

#define HEADER_MAX	8192		/* request line and headers: 431 */
#define TARGET_MAX	4096		/* of these, the request line's: 414 */
#define BODY_MAX	(1 << 20)	/* read and thrown away: 413 */

/* The headers that are looked at. */
enum field {
	FIELD_EXPECT,
	FIELD_HOST,
	FIELD_IF_MATCH,
	FIELD_IF_MODIFIED_SINCE,
	FIELD_IF_NONE_MATCH,
	FIELD_IF_RANGE,
	FIELD_IF_UNMODIFIED_SINCE,
	FIELD_RANGE,
	FIELDS,
	FIELD_OTHER = FIELDS,
};

enum request_part {
	PART_NONE,		/* of this request no byte has been seen */
	PART_HEAD,
	PART_BODY,		/* the headers are complete */
	PART_DONE,
};

/*
 * The spans point into the bytes given to request_feed(), which stay where
 * they are until the request has been answered.
 */
struct request {
	struct span target;
	struct span name;		/* of the header being read */
	struct span field[FIELDS];
	unsigned int twice;		/* a bit for each that came again */
	enum request_part part;
	enum field current;
	bool in_value;
	bool keep_alive;
	bool has_body;
	bool head_only;			/* HEAD: answered without a body */
	uint64_t body_seen;
	int error;			/* status to answer a bad one with */
};

void request_init(http_parser *parser);
void request_begin(http_parser *parser, struct request *rq);

/*
 * Takes what it can of n bytes at p: up to the end of the headers, if a body
 * is to follow, and then up to the end of the request. Returns how many. Look
 * at rq->part, and at rq->error first.
 */
size_t request_feed(http_parser *parser, const char *p, size_t n);

/* The value of a header; none if it came twice, where that makes no sense. */
struct span request_field(const struct request *rq, enum field f);

#endif
