/* SPDX-License-Identifier: MIT */
/*
 * Hash tables that grow by one bucket with an entry, and shrink so: linear
 * hashing. No request waits for a table to be made anew; the array of buckets
 * is doubled by mremap(2), which copies nothing. A scan goes in the order of
 * the reversed hashes, in which a bucket that is split has its halves in the
 * place of the whole: cursors stay right.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cache.h"

#include <sys/random.h>

#define BUCKETS_MIN	4

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

static void room(struct table *t, size_t cap)
{
	t->slots = mem_resize(t->slots, cap * sizeof(*t->slots));
	t->cap = cap;
}

static void push(struct entry **slot, struct entry *e)
{
	e->next = *slot;
	*slot = e;
}

/* One bucket more, with what belongs there of the one that it was a part of. */
static void split(struct table *t)
{
	struct entry *e, **link;

	if (t->n == t->cap)
		room(t, t->cap ? 2 * t->cap : BUCKETS_MIN);
	t->slots[t->n++] = NULL;
	if (t->n <= BUCKETS_MIN)
		return;
	for (link = &t->slots[t->n - 1 - t->cap / 2]; (e = *link); ) {
		if ((e->hash & (t->cap - 1)) == t->n - 1) {
			*link = e->next;
			push(&t->slots[t->n - 1], e);
		} else {
			link = &e->next;
		}
	}
}

/* The key must not be there yet. Behind it is room for a string. */
struct entry *table_add(struct table *t, const char *key, size_t n, size_t vlen)
{
	struct entry *e = mem_resize(NULL, offsetof(struct entry, data) + n + vlen);

	memset(e, 0, offsetof(struct entry, data));
	memcpy(e->data, key, n);
	e->klen = (uint32_t)n;
	e->vlen = (uint32_t)vlen;
	e->hash = hash_of(key, n);
	while (t->n < BUCKETS_MIN || t->count > t->n)
		split(t);
	push(bucket(t, e->hash), e);
	t->count++;
	return e;
}

static void merge(struct table *t)
{
	struct entry *e;

	for (t->n--; (e = t->slots[t->n]); ) {
		t->slots[t->n] = e->next;
		push(bucket(t, e->hash), e);
	}
	if (t->n == t->cap / 2)
		room(t, t->n);
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

void table_free(struct table *t)
{
	struct entry *e;

	for (size_t i = 0; i < t->n; i++)
		while ((e = t->slots[i])) {
			t->slots[i] = e->next;
			entry_free(e);
		}
	mem_free(t->slots);
}
