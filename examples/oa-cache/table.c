/* SPDX-License-Identifier: MIT */
/*
 * Hash tables that grow by a bucket with an entry, and shrink so: linear
 * hashing. No request waits for a table to be made anew; the array of buckets
 * is doubled by mremap(2), which copies nothing.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cache.h"

#include <malloc.h>
#include <sys/random.h>

#define BUCKETS_MIN	4
#define LARGE		256	/* buckets that are freed at a time */

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
static void *mem_resize(void *p, size_t n)
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

struct table *table_new(void)
{
	return memset(mem_resize(NULL, sizeof(struct table)), 0,
		      sizeof(struct table));
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
	struct entry *e, **link = t->n ? bucket(t, hash) : NULL;

	for (; link && (e = *link); link = &e->next)
		if (e->hash == hash && e->klen == n && !memcmp(e->data, key, n))
			return link;
	return NULL;
}

static void push(struct table *t, struct entry *e)
{
	struct entry **slot = bucket(t, e->hash);

	e->next = *slot;
	*slot = e;
}

/* A bucket more, or less: its entries, and those of the one it was part of. */
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
			push(t, e);
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
struct entry *table_put(struct table *t, struct entry **link,
			const struct arg *key, const char *s, size_t n)
{
	struct entry *e = link ? *link : NULL;
	size_t has = malloc_usable_size(e);
	size_t size = offsetof(struct entry, data) + key->len + n;

	if (size > has || (has > 128 && size < has / 2))
		e = mem_resize(e, size);
	if (link) {
		*link = e;
	} else {
		memset(e, 0, offsetof(struct entry, data));
		memcpy(e->data, key->at, key->len);
		e->klen = (uint32_t)key->len;
		e->hash = hash_of(key->at, key->len);
		e->used = (uint32_t)db.commands;
		while (t->n < BUCKETS_MIN || t->count > t->n)
			resize(t, 1);
		push(t, e);
		t->count++;
	}
	e->vlen = (uint32_t)n;
	if (s)
		memcpy(e->data + e->klen, s, n);
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

void table_each(struct table *t, visit_fn *fn, void *arg)
{
	for (size_t i = 0; i < t->n; i++)
		for (struct entry *e = t->slots[i]; e; e = e->next)
			fn(e, arg);
}

/* One of a bucket by chance, or of the next that is not empty; or NULL. */
struct entry **table_random(struct table *t)
{
	static _Thread_local uint64_t seed = 88172645463325252;
	struct entry **slot, **link;
	size_t i = 0;

	if (!t->count)
		return NULL;
	seed = seed * 6364136223846793005 + 1442695040888963407;
	do {
		slot = &t->slots[((seed >> 32) + i++) % t->n];
	} while (!*slot);
	link = slot;
	for (i = 1; *slot; slot = &(*slot)->next, i++)
		if ((seed >> 40) % i == 0)
			link = slot;
	return link;
}

static void *bury(void *table)
{
	struct table *t = table;
	struct entry *e;

	for (size_t i = 0; i < t->n; i++) {
		while ((e = t->slots[i])) {
			t->slots[i] = e->next;
			entry_free(e);
		}
		if ((i + 1) % LARGE == 0)
			oa_yield();
	}
	mem_free(t->slots);
	mem_free(t);
	db.dying--;
	return NULL;
}

/* What is large, a task of its own frees, while others have their turns. */
void table_free(struct table *t)
{
	db.dying++;
	if (t->n < LARGE || oa_go(bury, t))
		bury(t);
}

void entry_free(struct entry *e)
{
	if (e->table)
		table_free(e->table);
	mem_free(e);
}
