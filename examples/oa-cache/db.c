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

void db_del(struct table *t, struct entry **link)
{
	struct entry *e = table_unlink(t, link);

	db.expiring -= e->expires != 0;
	entry_free(e);
}

/* True: it was over, and is gone. */
static bool expired(struct entry **link, int64_t now)
{
	bool over = (*link)->expires && (*link)->expires <= now;

	if (over)
		db_del(db.keys, link);
	db.expired += over;
	return over;
}

/* What points at the entry that argument i names; it has been used now. */
struct entry **db_find(struct client *c, struct table *t, size_t i)
{
	struct entry **link = table_find(t, c->argv[i].at, c->argv[i].len);

	if (link && expired(link, c->now))
		link = NULL;
	if (link)
		(*link)->used = (uint32_t)db.commands;
	if (c->cmd->does == READS && t == db.keys)
		++*(link ? &db.hits : &db.misses);
	return link;
}

void db_expire(struct entry *e, int64_t at)
{
	db.expiring += (size_t)(at != 0) - (e->expires != 0);
	e->expires = at;
}

/* A string, whatever it was before; link is what db_find() has said. */
void db_set(struct table *t, struct entry **link, const struct arg *key,
	    const struct arg *value, int64_t expires)
{
	struct entry *e;

	if (link && (*link)->table) {
		db_del(t, link);
		link = NULL;
	}
	e = table_put(t, link, key, value->at, value->len);
	if (e->expires != expires)
		db_expire(e, expires);
}

/* Below the limit, if need be without what was not used for longest, about. */
bool db_make_room(void)
{
	uint32_t now = (uint32_t)db.commands;

	while (db.limit && db.used > db.limit && !db.dying) {
		struct entry **worst = table_random(db.keys), **link;

		if (!worst || !db.evicts)
			return false;
		for (int i = 1; i < SAMPLES; i++) {
			link = table_random(db.keys);
			if (now - (*link)->used > now - (*worst)->used)
				worst = link;
		}
		db_del(db.keys, worst);
		db.evicted++;
	}
	return true;
}

/* Keys that nobody asks for do not stay when their time is over. */
void *db_sweep(void *unused)
{
	int err;

	do {
		int64_t now = now_ms();
		int found = 0;

		db_lock();
		for (int i = 0; i < LOOKS && db.expiring; i++)
			found += expired(table_random(db.keys), now);
		db_unlock();
		err = found > LOOKS / 10 ? oa_yield() : oa_sleep(TICK);
	} while (!err);
	return unused;
}
