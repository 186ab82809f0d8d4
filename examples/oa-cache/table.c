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
#define LARGE		256	/* entries: freed beside the workers */

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
	if (!p) {
		fputs("oa-cache: no memory\n", stderr);
		abort();
	}
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

static void set_cap(struct table *t, size_t cap)
{
	t->slots = mem_resize(t->slots, cap * sizeof(*t->slots));
	t->cap = cap;
}

/* One bucket more, with what belongs there of the one that it was a part of. */
static void split(struct table *t)
{
	struct entry *e, **link;

	if (t->n == t->cap)
		set_cap(t, t->cap ? 2 * t->cap : BUCKETS_MIN);
	t->slots[t->n++] = NULL;
	if (t->n <= BUCKETS_MIN)
		return;
	for (link = &t->slots[t->n - 1 - t->cap / 2]; (e = *link); )
		if ((e->hash & (t->cap - 1)) == t->n - 1) {
			*link = e->next;
			push(&t->slots[t->n - 1], e);
		} else {
			link = &e->next;
		}
}

static void merge(struct table *t)
{
	struct entry *e;

	for (t->n--; (e = t->slots[t->n]); ) {
		t->slots[t->n] = e->next;
		push(bucket(t, e->hash), e);
	}
	if (t->n == t->cap / 2)
		set_cap(t, t->n);
}

/* The key must not be there yet. Behind it is room for a string. */
struct entry *table_add(struct table *t, const char *key, size_t n, size_t vlen)
{
	struct entry *e = mem_resize(NULL, offsetof(struct entry, data) + n + vlen);

	*e = (struct entry){ .hash = hash_of(key, n), .klen = (uint32_t)n,
			     .vlen = (uint32_t)vlen };
	memcpy(e->data, key, n);
	while (t->n < BUCKETS_MIN || t->count > t->n)
		split(t);
	push(bucket(t, e->hash), e);
	t->count++;
	return e;
}

/* Makes the string n long, what fits of it kept. */
struct entry *entry_room(struct entry **link, size_t n)
{
	struct entry *e = *link;
	size_t size = offsetof(struct entry, data) + e->klen + n;
	size_t has = malloc_usable_size(e);

	if (size > has || (has > 128 && size < has / 2))
		*link = e = mem_resize(e, size);
	e->vlen = (uint32_t)n;
	return e;
}

/* The string of a key; link is what table_find() has said of it. */
struct entry *table_put(struct table *t, struct entry **link, const struct arg *key,
			const char *s, size_t n)
{
	struct entry *e = link ? entry_room(link, n) : table_add(t, key->at, key->len, n);

	memcpy(e->data + e->klen, s, n);
	return e;
}

struct entry *table_unlink(struct table *t, struct entry **link)
{
	struct entry *e = *link;

	*link = e->next;
	t->count--;
	for (int i = 0; i < 2 && t->count < t->n / 2 && t->n > BUCKETS_MIN; i++)
		merge(t);
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

/* One of a bucket by chance, or of the next that is not empty. */
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

static void bury_one(struct entry *e, void *unused)
{
	(void)unused;
	entry_free(e);
}

static void *bury(void *entry)
{
	struct entry *e = entry;

	table_each(e->table, bury_one, NULL);
	mem_free(e->table->slots);
	mem_free(e->table);
	mem_free(e);
	db.dying--;
	return NULL;
}

/* What is large does not keep the worker. */
void entry_free(struct entry *e)
{
	db.dying += e->table != NULL;
	if (!e->table)
		mem_free(e);
	else if (e->table->count < LARGE || oa_go(bury, e, .block = true))
		bury(e);
}
