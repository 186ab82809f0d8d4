/* SPDX-License-Identifier: MIT */
/*
 * The keys: looking them up, their end by time, by hand or for lack of memory.
 * All of it under the lock, which there is if there are several workers: with
 * one, tasks take turns, and no command suspends while it is at work.
 */
#include "cache.h"

#include <time.h>

#define SAMPLES		8	/* of which the one that idled longest goes */
#define LOOKS		1000	/* at keys, one in ten of which have expired */
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

struct entry *db_add(const struct arg *key, enum type type, size_t vlen)
{
	struct entry *e = table_add(&db.keys, key->at, key->len, vlen);

	e->used = (uint32_t)db.commands;
	value_new(e, type);
	return e;
}

/* A string, whatever it was before; link is what db_find() has said. */
struct entry *db_set(struct entry **link, const struct arg *key, const char *s,
		     size_t n)
{
	struct entry *e = link ? *link : db_add(key, T_STRING, n);

	if (link && e->obj) {
		value_free(e->type, e->obj);
		e->obj = NULL;
		e->type = T_STRING;
	}
	if (link)
		e = string_room(link, n);
	memcpy(e->data + e->klen, s, n);
	return e;
}

void db_expire(struct entry *e, int64_t at)
{
	db.expiring += (size_t)(at != 0) - (e->expires != 0);
	e->expires = at;
	if (at && db.expiring == 1)
		oa_event_set(&db.some_expire);
}

void db_flush(void)
{
	struct table *t = mem_resize(NULL, sizeof(struct zset));

	*t = db.keys;
	memset(&db.keys, 0, sizeof(db.keys));
	db.expiring = 0;
	value_free(T_KEYS, t);
}

/* Below the limit, if need be without what was not used for longest, about. */
bool db_make_room(void)
{
	struct entry *e, *worst;

	while (db.limit && db.used > db.limit && !db.dying) {
		worst = db.evicts ? table_random(&db.keys) : NULL;
		if (!worst)
			return false;
		for (int i = 1; i < SAMPLES; i++) {
			e = table_random(&db.keys);
			if ((uint32_t)db.commands - e->used >
			    (uint32_t)db.commands - worst->used)
				worst = e;
		}
		db_del(table_find(&db.keys, worst->data, worst->klen));
		db.evicted++;
	}
	return true;
}

static bool sweep(bool *some)
{
	int64_t now = now_ms();
	int n = 0;

	db_lock();
	for (int i = 0; i < LOOKS && db.expiring; i++) {
		struct entry *e = table_random(&db.keys);

		if (e->expires && e->expires <= now) {
			db_del(table_find(&db.keys, e->data, e->klen));
			n++;
		}
	}
	db.expired += (uint64_t)n;
	*some = db.expiring;
	if (!*some)
		oa_event_reset(&db.some_expire);
	db_unlock();
	return n > LOOKS / 10;
}

/* Keys that nobody asks for do not stay when their time is over. */
void *db_sweep(void *unused)
{
	bool some;
	int err;

	do {
		while (sweep(&some) && !oa_yield())
			;
		err = some ? oa_sleep(TICK) : oa_event_wait(&db.some_expire);
	} while (!err);
	return unused;
}
