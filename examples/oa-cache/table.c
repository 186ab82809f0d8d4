/* SPDX-License-Identifier: MIT */
/*
 * Hash tables. The upper bits of the hash name the bucket, so that buckets are
 * in the order of the hashes whatever their number: the cursor of a scan is a
 * hash, and stays right while the table grows. When it does, each call moves a
 * few buckets, and none waits for all of them.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cache.h"

#include <stdlib.h>
#include <sys/random.h>

#define BITS_MIN	2
#define MOVES		4

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
	return XXH3_64bits_withSecret(key, n, secret, sizeof(secret)) >> 32;
}

static void put(struct entry **slots, unsigned int bits, struct entry *e)
{
	struct entry **to = &slots[e->hash >> (32 - bits)];

	e->next = *to;
	*to = e;
}

static void resize(struct table *t, unsigned int bits)
{
	struct entry **slots = calloc((size_t)1 << bits, sizeof(*slots));

	if (!slots)
		return;		/* longer chains will have to do */
	db.used += sizeof(*slots) << bits;
	t->old = t->slots;
	t->old_bits = t->bits;
	t->slots = slots;
	t->bits = bits;
	t->moved = 0;
}

static void move(struct table *t)
{
	size_t end = (size_t)1 << t->old_bits;

	for (int i = 0; i < MOVES && t->moved < end; i++, t->moved++) {
		struct entry *e = t->old[t->moved], *next;

		for (t->old[t->moved] = NULL; e; e = next) {
			next = e->next;
			put(t->slots, t->bits, e);
		}
	}
	if (t->moved < end)
		return;
	db.used -= sizeof(*t->old) << t->old_bits;
	free(t->old);
	t->old = NULL;
}

static void fit(struct table *t)
{
	if (t->old)
		move(t);
	else if (t->count >> t->bits && t->bits < 32)
		resize(t, t->bits + 1);
	else if (t->count < (size_t)1 << t->bits >> 3 && t->bits > BITS_MIN)
		resize(t, t->bits - 1);
}

static struct entry **search(struct entry **link, const char *key, size_t n,
			     uint32_t hash)
{
	for (; *link; link = &(*link)->next) {
		struct entry *e = *link;

		if (e->hash == hash && e->klen == n && !memcmp(e->data, key, n))
			return link;
	}
	return NULL;
}

/* What points at it; good until the next call on the table, or NULL. */
struct entry **table_find(struct table *t, const char *key, size_t n)
{
	uint32_t hash = hash_of(key, n);
	struct entry **link = NULL;

	if (!t->slots)
		return NULL;
	if (t->old)
		move(t);
	if (t->old)
		link = search(&t->old[hash >> (32 - t->old_bits)], key, n, hash);
	return link ? link
		    : search(&t->slots[hash >> (32 - t->bits)], key, n, hash);
}

/* The key must not be there yet. Behind it is room for a string. */
struct entry *table_add(struct table *t, const char *key, size_t n, size_t vlen)
{
	struct entry *e = mem_resize(NULL, offsetof(struct entry, data) + n +
				     vlen);

	memset(e, 0, offsetof(struct entry, data));
	memcpy(e->data, key, n);
	e->klen = (uint32_t)n;
	e->vlen = (uint32_t)vlen;
	e->hash = hash_of(key, n);
	if (!t->slots)
		resize(t, BITS_MIN);
	if (!t->slots)
		abort();
	put(t->slots, t->bits, e);
	t->count++;
	fit(t);
	return e;
}

struct entry *table_unlink(struct table *t, struct entry **link)
{
	struct entry *e = *link;

	*link = e->next;
	t->count--;
	fit(t);
	return e;
}

/* The buckets of one array whose hashes are in [from, to). */
static void scan(struct entry **slots, unsigned int bits, uint64_t from,
		 uint64_t to, void (*fn)(struct entry *e, void *arg), void *arg)
{
	for (uint64_t i = from >> (32 - bits); i << (32 - bits) < to; i++)
		for (struct entry *e = slots[i]; e; e = e->next)
			if (e->hash >= from && e->hash < to)
				fn(e, arg);
}

/*
 * A bucket's width of hashes; the cursor for the next, 0 at the end. What is
 * in the table from the first call to the last is met, once.
 */
uint64_t table_scan(struct table *t, uint64_t cursor,
		    void (*fn)(struct entry *e, void *arg), void *arg)
{
	unsigned int shift = 32 - (t->old && t->old_bits < t->bits ? t->old_bits
								   : t->bits);
	uint64_t to = ((cursor >> shift) + 1) << shift;

	if (!t->slots || cursor >> 32)
		return 0;
	if (t->old)
		scan(t->old, t->old_bits, cursor, to, fn, arg);
	scan(t->slots, t->bits, cursor, to, fn, arg);
	return to >> 32 ? 0 : to;
}

/* One of a bucket by chance, or of the next that is not empty. */
struct entry *table_random(struct table *t)
{
	static _Thread_local uint64_t seed = 88172645463325252;
	struct entry *e = NULL, *p;
	size_t n;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	for (n = t->count ? (size_t)1 << t->bits : 0; n && !e; n--)
		e = t->slots[(seed + n) & (((size_t)1 << t->bits) - 1)];
	for (n = t->old ? (size_t)1 << t->old_bits : 0; n && !e; n--)
		e = t->old[n - 1];
	for (n = 1, p = e; p; p = p->next, n++)
		if ((seed >> 32) % n == 0)
			e = p;
	return e;
}

void table_free(struct table *t)
{
	struct entry *e;

	while (t->old)
		move(t);
	for (size_t i = 0; t->slots && i < (size_t)1 << t->bits; i++)
		while ((e = t->slots[i])) {
			t->slots[i] = e->next;
			entry_free(e);
		}
	db.used -= t->slots ? sizeof(*t->slots) << t->bits : 0;
	free(t->slots);
}
