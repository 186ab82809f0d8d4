/* SPDX-License-Identifier: MIT */
/*
 * Every call that can suspend, as one table: in a state in which it waits, and
 * with what ends the wait. For tests of what holds for all of them.
 */
#ifndef OA_SELFTESTS_POINTS_H
#define OA_SELFTESTS_POINTS_H

#include "api_test.h"

enum {
	POINT_STUBBORN = 1,	/* knows no cancel and no deadline */
	POINT_BRIEF = 2,	/* does not wait for long by itself */
	POINT_SHORT = 4,	/* waits for a time, which is not over soon */
	POINT_ON_POOL = 8,	/* works on the blocking pool, too */
	POINT_MEETS = 16,	/* who opens it waits for the one who calls */
	POINT_ONCE = 32,	/* fails only as long as it would have to wait */
};

/*
 * All but the call itself is for a task that is not cancelled. One object of a
 * point is in use at a time.
 */
struct point {
	const char *name;
	unsigned int flags;
	/* What the call waits for; @n calls come before it is opened. */
	void *(*make)(const struct point *p, unsigned int n);
	/* Gives back what it got, but what ->left counts. */
	long (*call)(void *o);
	/* Nobody waits, and nothing has changed since make. May be NULL. */
	void (*intact)(void *o);
	/* Ends the wait, with neither of the two errors. NULL: cannot be. */
	void (*open)(void *o);
	/* How much of what open gave is there still; NULL: no such thing. */
	long (*left)(void *o);
	void (*unmake)(void *o, bool opened);
	const void *of;
};

/* The table, made at the first call and ended by an entry without a name. */
const struct point *points(void);
#define for_each_point(p) \
	for (const struct point *p = points(); p->name; p++)

/* Parts of it: how many were put at @to. */
unsigned int points_of_sync(struct point *to);
unsigned int points_of_io(struct point *to);
unsigned int points_of_tasks(struct point *to);
unsigned int points_of_chans(struct point *to);
unsigned int points_of_selects(struct point *to);

#define POINTS_MAX	160

/* An assertion that names the call when it fails. */
#define OF(p, check) ({ \
	bool _held = check; \
	if (!_held) \
		TEST_LOG("so did %s", (p)->name); \
	_held; })

/* A task that makes the call of a point. */
struct caller {
	const struct point *p;
	void *o;
	oa_task_t t;
	int state;		/* 1: it is about to call */
	/* What it does around it. NULL: nothing. */
	oa_fn around;
};

/* Until it waits in the call. */
void until_waits(const struct caller *c);

#endif
