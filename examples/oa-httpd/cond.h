/* SPDX-License-Identifier: MIT */
/* Conditional requests (RFC 9110, 13). */
#ifndef COND_H
#define COND_H

#include <stdbool.h>
#include <stdint.h>

#include "request.h"

enum verdict {
	COND_HOLDS,
	COND_NOT_MODIFIED,	/* 304 */
	COND_FAILED,		/* 412 */
};

/* For a file with this strong entity tag, quotes included, and this age. */
enum verdict cond_check(const struct request *rq, const char *etag,
			int64_t mtime);

/* Whether a Range is to be obeyed: no If-Range, or one that still holds. */
bool cond_range(const struct request *rq, const char *etag, int64_t mtime);

#endif
