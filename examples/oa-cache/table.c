/* SPDX-License-Identifier: MIT */
/*
 * Hash tables that grow by a bucket with an entry, and shrink so: linear
 * hashing. No request waits for a table to be made anew; the array of buckets
 * is doubled by mremap(2), which copies nothing. A scan goes in the order of
 * the reversed hashes, in which the halves of a bucket are in the place of the
 * whole: cursors stay right.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cache.h"

#include <malloc.h>
#include <sys/random.h>

#define BUCKETS_MIN	4
#define LARGE		256	/* entries that are freed at a time */

/* Nobody can choose keys that collide who does not know it. */
static char secret[XXH3_SECRET_SIZE_MIN];

__attribute__((constructor))
static void make_secret(void)
{
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		abort();
}

static uint32_t hash_of(const char *key, size_t n)
{
	return (uint32_t)XXH3_64bits_withSecret(key, n, secret, sizeof(secret));
}

/* What there is of it counts against the limit. */
void *mem_resize(void *p, size_t n)
{
	size_t had = malloc_usable_size(p);

	p = realloc(p, n);
	if (!p)
		abort();
	db.used += malloc_usable_size(p) - had;
	return p;
}

static void mem_free(void *p)
{
	db.used -= malloc_usable_size(p);
	free(p);
}

/* The array has room for t->cap buckets, a power of two, of which t->n are. */
static struct entry **bucket(const struct table *t, uint32_t hash)
{
	size_t i = hash & (t->cap - 1);

	return &t->slots[i < t->n ? i : i - t->cap / 2];
}

/* What points at it; good until the next change of the table, or NULL. */
struct entry **table_find(struct table *t, const char *key, size_t n)
{
	uint32_t hash = hash_of(key, n);
	struct entry *e, **link;

	for (link = t->n ? bucket(t, hash) : NULL; link && (e = *link); link = &e->next)
		if (e->hash == hash && e->klen == n && !memcmp(e->data, key, n))
			return link;
	return NULL;
}

static void push(struct entry **slot, struct entry *e)
{
	e->next = *slot;
	*slot = e;
}

/* A bucket more, or less: its entries, and those of the one it is split from. */
static void resize(struct table *t, int by)
{
	struct entry *e, *rest[2] = { NULL, NULL };

	if (t->n == t->cap && by > 0) {
		t->cap = t->cap ? 2 * t->cap : BUCKETS_MIN;
		t->slots = mem_resize(t->slots, t->cap * sizeof(*t->slots));
	}
	if (by < 0)
		rest[1] = t->slots[--t->n];
	if (t->n >= BUCKETS_MIN) {
		rest[0] = t->slots[t->n - t->cap / 2];
		t->slots[t->n - t->cap / 2] = NULL;
	}
	if (by > 0)
		t->slots[t->n++] = NULL;
	for (int i = 0; i < 2; i++)
		while ((e = rest[i])) {
			rest[i] = e->next;
			push(bucket(t, e->hash), e);
		}
	if (by < 0 && t->n == t->cap / 2) {
		t->cap /= 2;
		t->slots = mem_resize(t->slots, t->cap * sizeof(*t->slots));
	}
}

/*
 * The string of a key, n long: made or, where link points, made as long, what
 * fits of it kept. Then s goes there, if that is not NULL.
 */
struct entry *table_put(struct table *t, struct entry **link, const struct arg *key,
			const char *s, size_t n)
{
	struct entry *e = link ? *link : NULL;
	size_t klen = e ? e->klen : key->len, size = offsetof(struct entry, data) + klen + n;
	size_t has = malloc_usable_size(e);

	if (size > has || (has > 128 && size < has / 2))
		e = mem_resize(e, size);
	if (link) {
		*link = e;
	} else {
		memset(e, 0, offsetof(struct entry, data));
		memcpy(e->data, key->at, klen);
		e->klen = (uint32_t)klen;
		e->hash = hash_of(key->at, klen);
		while (t->n < BUCKETS_MIN || t->count > t->n)
			resize(t, 1);
		push(bucket(t, e->hash), e);
		t->count++;
	}
	e->vlen = (uint32_t)n;
	if (s)
		memcpy(e->data + klen, s, n);
	return e;
}

struct entry *table_unlink(struct table *t, struct entry **link)
{
	struct entry *e = *link;

	*link = e->next;
	t->count--;
	for (int i = 0; i < 2 && t->count < t->n / 2 && t->n > BUCKETS_MIN; i++)
		resize(t, -1);
	return e;
}

static uint64_t reversed(uint64_t v)
{
	v = (v >> 1 & 0x55555555) | (v & 0x55555555) << 1;
	v = (v >> 2 & 0x33333333) | (v & 0x33333333) << 2;
	v = (v >> 4 & 0x0f0f0f0f) | (v & 0x0f0f0f0f) << 4;
	return __builtin_bswap32((uint32_t)v);
}

/* A bucket, from the cursor on; the next cursor, 0 at the end. */
uint64_t table_scan(struct table *t, uint64_t cursor, visit_fn *fn, void *arg)
{
	size_t i, half = t->cap / 2, size;

	if (!t->n || cursor >> 32)
		return 0;
	i = (size_t)(bucket(t, (uint32_t)reversed(cursor)) - t->slots);
	for (struct entry *e = t->slots[i]; e; e = e->next)
		if (reversed(e->hash) >= cursor)
			fn(e, arg);
	/* One that is to be split is as wide as the two that it will be. */
	size = ((size_t)1 << 32) / (i < half && i + half >= t->n ? half : t->cap);
	cursor = (cursor / size + 1) * size;
	return cursor >> 32 ? 0 : cursor;
}

void table_each(struct table *t, visit_fn *fn, void *arg)
{
	for (size_t i = 0; i < t->n; i++)
		for (struct entry *e = t->slots[i], *next; e; e = next) {
			next = e->next;
			fn(e, arg);
		}
}

/* One of a bucket by chance, or of the next that is not empty; or NULL. */
struct entry *table_random(struct table *t)
{
	static _Thread_local uint64_t seed = 88172645463325252;
	struct entry *e = NULL, *p;
	size_t i = 0;

	seed = seed * 6364136223846793005 + 1442695040888963407;
	while (t->count && !e)
		e = t->slots[((seed >> 32) + i++) % t->n];
	for (i = 1, p = e; p; p = p->next, i++)
		if ((seed >> 40) % i == 0)
			e = p;
	return e;
}

static void *bury(void *entry)
{
	struct entry *e = entry, *one;
	struct table *t = e->table;
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		while ((one = t->slots[i])) {
			t->slots[i] = one->next;
			entry_free(one);
			if (++n % LARGE == 0)
				oa_yield();
		}
	mem_free(t->slots);
	mem_free(t);
	mem_free(e);
	db.dying--;
	return NULL;
}

/* What is large is freed by a task of its own, while others have their turns. */
void entry_free(struct entry *e)
{
	db.dying += e->table != NULL;
	if (!e->table)
		mem_free(e);
	else if (e->table->count < LARGE || oa_go(bury, e, .name = "bury"))
		bury(e);
}
