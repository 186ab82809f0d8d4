/* SPDX-License-Identifier: MIT */
/*
 * The files asked for lately, by path. The table is in shards, each with a
 * lock and a list from the newest to the oldest; beyond its share of bytes or
 * of descriptors a shard forgets the oldest. The table owns one reference to
 * each document in it.
 *
 * A document is looked at anew in each second, by the request that comes first
 * in it; that walks the whole path, so that a link that was bent is noticed too.
 * Meanwhile the others go on with the old one.
 *
 * Locks are held for some loads and stores, never over a call that suspends:
 * a task might come back on another thread, and pthreads want the same one.
 */
#include "cache.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHARDS		8
#define BUCKETS		1024
#define FDS_MAX		32		/* descriptors in a shard */
/* A file changed twice within a tick of its clock looks the same both times. */
#define SETTLED		(100 * OA_MSEC)

struct shard {
	pthread_mutex_t lock;
	struct doc *buckets[BUCKETS];
	struct doc *newest, *oldest;
	size_t bytes;
	unsigned int fds;
} __attribute__((aligned(64)));

struct cache {
	size_t bytes_max;		/* of a shard */
	struct shard shards[SHARDS];
};

struct cache *cache_create(size_t bytes)
{
	struct cache *c = aligned_alloc(64, (sizeof(*c) + 63) & ~(size_t)63);

	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->bytes_max = bytes / SHARDS;
	for (int i = 0; i < SHARDS; i++)
		pthread_mutex_init(&c->shards[i].lock, NULL);
	return c;
}

/* FNV-1a; a client that knows it can make its own requests slower. */
static uint32_t hash_of(const char *key, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)key[i]) * 16777619u;
	return h ^ h >> 15;
}

static struct shard *shard_of(struct cache *c, uint32_t hash)
{
	return &c->shards[hash % SHARDS];
}

static struct doc **bucket_of(struct shard *s, uint32_t hash)
{
	return &s->buckets[hash / SHARDS % BUCKETS];
}

static size_t weight(const struct doc *d)
{
	return sizeof(*d) + d->key_len + (d->data ? d->size : 0);
}

static void list_add(struct shard *s, struct doc *d)
{
	d->newer = NULL;
	d->older = s->newest;
	if (s->newest)
		s->newest->newer = d;
	else
		s->oldest = d;
	s->newest = d;
}

static void list_del(struct shard *s, struct doc *d)
{
	if (d->newer)
		d->newer->older = d->older;
	else
		s->newest = d->older;
	if (d->older)
		d->older->newer = d->newer;
	else
		s->oldest = d->newer;
}

static struct doc *find(struct shard *s, uint32_t hash, const char *key,
			size_t n)
{
	struct doc *d = *bucket_of(s, hash);

	while (d && !(d->hash == hash && d->key_len == n &&
		      !memcmp(d->key, key, n)))
		d = d->next;
	return d;
}

/* Under the lock; the table's reference becomes the caller's. */
static struct doc *forget(struct shard *s, struct doc *d)
{
	struct doc **p = bucket_of(s, d->hash);

	while (*p != d)
		p = &(*p)->next;
	*p = d->next;
	list_del(s, d);
	s->bytes -= weight(d);
	s->fds -= d->fd >= 0;
	return d;
}

/* *stale: the caller is the one that looks whether it still is the same. */
static struct doc *lookup(struct shard *s, uint32_t hash, const char *key,
			  size_t n, int64_t now, bool *stale)
{
	struct doc *d;

	pthread_mutex_lock(&s->lock);
	d = find(s, hash, key, n);
	if (d) {
		doc_get(d);
		*stale = d->checked != now;
		d->checked = now;
		if (s->newest != d) {
			list_del(s, d);
			list_add(s, d);
		}
	}
	pthread_mutex_unlock(&s->lock);
	return d;
}

/* What has to go is linked by ->older and put outside of the lock. */
static void put_list(struct doc *d)
{
	while (d) {
		struct doc *older = d->older;

		doc_put(d);
		d = older;
	}
}

static void drop(struct shard *s, uint32_t hash, const char *key, size_t n)
{
	struct doc *d;

	pthread_mutex_lock(&s->lock);
	d = find(s, hash, key, n);
	if (d)
		forget(s, d)->older = NULL;
	pthread_mutex_unlock(&s->lock);
	put_list(d);
}

static void insert(struct cache *c, struct shard *s, struct doc *d,
		   int64_t now)
{
	struct doc *gone = NULL, *same;
	struct doc **p = bucket_of(s, d->hash);

	doc_get(d);
	d->checked = now;
	pthread_mutex_lock(&s->lock);
	same = find(s, d->hash, d->key, d->key_len);
	if (same) {
		gone = forget(s, same);
		gone->older = NULL;
	}
	d->next = *p;
	*p = d;
	list_add(s, d);
	s->bytes += weight(d);
	s->fds += d->fd >= 0;
	while (s->bytes > c->bytes_max || s->fds > FDS_MAX) {
		struct doc *old = forget(s, s->oldest);

		old->older = gone;
		gone = old;
	}
	pthread_mutex_unlock(&s->lock);
	put_list(gone);
}

static bool settled(const struct doc *d)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * OA_SEC + now.tv_nsec - d->id.mtime > SETTLED;
}

int cache_open(struct cache *c, int root, const char *path, int64_t now,
	       struct doc **out)
{
	size_t n = strlen(path);
	struct doc *old, *d;
	struct shard *s;
	bool stale;
	uint32_t hash;
	int err;

	if (!c)
		return doc_open(root, path, NULL, out);
	hash = hash_of(path, n);
	s = shard_of(c, hash);
	old = lookup(s, hash, path, n, now, &stale);
	if (old && !stale) {
		*out = old;
		return 0;
	}

	err = doc_open(root, path, old, &d);
	if (err) {
		if (old)
			drop(s, hash, path, n);
	} else {
		if (d != old && settled(d)) {
			d->hash = hash;
			insert(c, s, d, now);
		} else if (d != old && old) {
			drop(s, hash, path, n);
		}
		*out = d;
	}
	if (old)
		doc_put(old);
	return err;
}

void cache_destroy(struct cache *c)
{
	for (int i = 0; c && i < SHARDS; i++) {
		struct shard *s = &c->shards[i];

		while (s->oldest)
			doc_put(forget(s, s->oldest));
		pthread_mutex_destroy(&s->lock);
	}
	free(c);
}
