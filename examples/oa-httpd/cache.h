/* SPDX-License-Identifier: MIT */
/* The files asked for lately. What it gives is as it was in this second. */
#ifndef CACHE_H
#define CACHE_H

#include "doc.h"

struct cache;

struct cache *cache_create(size_t bytes);
void cache_destroy(struct cache *c);

/*
 * As doc_open(); the caller puts what it is given. c may be NULL; now is in
 * seconds since 1970.
 */
int cache_open(struct cache *c, int root, const char *path, int64_t now,
	       struct doc **out);

#endif
