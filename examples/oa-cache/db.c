/* SPDX-License-Identifier: MIT */
/*
 * The keys: looking them up, their end by time, by hand or for lack of memory.
 * All of it under the lock, which there is if there are several workers: with
 * one, tasks take turns, and no command suspends while it is at work.
 */
#include "cache.h"

#include <time.h>

#define SAMPLES		8	/* of which the one that idled longest goes */
#define LOOKS		1000	/* at keys, for those that have expired */
#define TICK		(100 * OA_MSEC)

struct db db;

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

void db_lock(void)
{
	if (db.shared)
		oa_mutex_lock(&db.lock);
}

void db_unlock(void)
{
	if (db.shared)
		oa_mutex_unlock(&db.lock);
}

void db_del(struct entry **link)
{
	struct entry *e = table_unlink(&db.keys, link);

	db.expiring -= e->expires != 0;
	entry_free(e);
}

/* What points at the entry, or NULL; it has been used now. */
struct entry **db_find(struct client *c, const struct arg *key)
{
	struct entry **link = table_find(&db.keys, key->at, key->len);

	if (link && (*link)->expires && (*link)->expires <= c->now) {
		db_del(link);
		db.expired++;
		link = NULL;
	}
	if (link)
		(*link)->used = (uint32_t)db.commands;
	if (c->cmd->does == READS)
		++*(link ? &db.hits : &db.misses);
	return link;
}

void db_expire(struct entry *e, int64_t at)
{
	db.expiring += (size_t)(at != 0) - (e->expires != 0);
	e->expires = at;
}

/* A string, whatever it was before; link is what db_find() has said. */
void db_set(struct entry **link, const struct arg *key, const char *s, size_t n, int64_t expires)
{
	struct entry *e;

	if (link && (*link)->table) {
		db_del(link);
		link = NULL;
	}
	e = table_put(&db.keys, link, key, s, n);
	e->used = (uint32_t)db.commands;
	if (e->expires != expires)
		db_expire(e, expires);
}

/* An empty list or hash. */
struct entry *db_add(const struct arg *key, enum type type)
{
	struct entry *e = table_put(&db.keys, NULL, key, NULL, 0);

	e->used = (uint32_t)db.commands;
	e->type = (uint8_t)type;
	e->table = memset(mem_resize(NULL, sizeof(*e->table)), 0, sizeof(*e->table));
	return e;
}

/* All keys become the fields of a hash, which is freed. */
void db_flush(void)
{
	struct table keys = db.keys;
	struct entry *e;

	memset(&db.keys, 0, sizeof(db.keys));
	e = db_add(&(struct arg){ (char *)&keys, 0 }, T_HASH);
	*e->table = keys;
	db_del(table_find(&db.keys, "", 0));
	db.expiring = 0;
}

/* Below the limit, if need be without what was not used for longest, about. */
bool db_make_room(void)
{
	uint32_t now = (uint32_t)db.commands;

	while (db.limit && db.used > db.limit && !db.dying) {
		struct entry *worst = db.evicts ? table_random(&db.keys) : NULL, *e;

		if (!worst)
			return false;
		for (int i = 1; i < SAMPLES; i++) {
			e = table_random(&db.keys);
			worst = now - e->used > now - worst->used ? e : worst;
		}
		db_del(table_find(&db.keys, worst->data, worst->klen));
		db.evicted++;
	}
	return true;
}

/* Keys that nobody asks for do not stay when their time is over. */
void *db_sweep(void *unused)
{
	uint64_t before;
	int err;

	do {
		int64_t now = now_ms();

		db_lock();
		before = db.expired;
		for (int i = 0; i < LOOKS && db.expiring; i++) {
			struct entry *e = table_random(&db.keys);

			if (e->expires && e->expires <= now) {
				db_del(table_find(&db.keys, e->data, e->klen));
				db.expired++;
			}
		}
		before = db.expired - before;
		db_unlock();
		err = before > LOOKS / 10 ? oa_yield() : oa_sleep(TICK);
	} while (!err);
	return unused;
}
