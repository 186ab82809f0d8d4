/* SPDX-License-Identifier: MIT */
/* A worker's timers: a hierarchical wheel. Protocol in core/timer.c. */
#ifndef OA_CORE_TIMER_H
#define OA_CORE_TIMER_H

#include <oa/types.h>

#include "core/spin.h"

#define WHEEL_GRAIN_BITS 6	/* finest slot: 64 ns */
#define WHEEL_BITS	8	/* a slot of a level spans 2^8 of the one below */
#define WHEEL_SLOTS	512u	/* of a level: two of the level above */
#define WHEEL_LEVELS	8	/* 6 + 8 * 8 >= 63 bits */
#define WHEEL_WORDS	(WHEEL_SLOTS / 64)
#define WHEEL_CHAINS	8u	/* lists of a slot, gone through side by side */

struct worker;

struct timer {
	struct timer *next;	/* L:wheel */
	struct timer **pprev;	/* L:wheel */
	oa_time_t when;		/* 1: L:wheel; what it is filed under */
	uint32_t owner;		/* A; 0, or 1 + the worker whose wheel has it */
	uint32_t slot;		/* L:wheel; level * WHEEL_SLOTS + slot */
};

/* What is known of the first busy slot of a level. */
struct wheel_first {
	uint64_t at;		/* which, counted from time 0 */
	oa_time_t best;		/* no timer in it is due before this */
	uint32_t n;		/* so many, up to WHEEL_MANY; 0: look */
};

struct wheel {
	struct spin lock;
	uint32_t count;		/* L:lock */
	uint64_t now;		/* L:lock; grains; all before it have fired */
	oa_time_t next;		/* 1: L:lock; nothing to be done before this */
	uint32_t levels;	/* L:lock; a bit for each that has any filed */
	uint32_t filed[WHEEL_LEVELS];			/* L:lock */
	struct wheel_first first[WHEEL_LEVELS];		/* L:lock */
	uint64_t busy[WHEEL_LEVELS][WHEEL_WORDS];	/* L:lock */
	struct timer *slots[WHEEL_LEVELS][WHEEL_SLOTS][WHEEL_CHAINS]; /* L:lock */
};

/* Of zeroes: most of it may never be touched. */
void wheel_init(struct wheel *wh, oa_time_t now);

/*
 * Owner, of the wheel of worker @me. Files a timer that no wheel has; false:
 * one has it, and nothing was done.
 */
bool wheel_add(struct wheel *wh, struct timer *tm, uint32_t me,
	       oa_time_t when);
/* Any thread. Takes it out of the wheel of @owner if it is still there. */
bool wheel_del(struct wheel *wh, struct timer *tm, uint32_t owner);

/* Owner. Takes out up to @max timers that are due; they belong to no wheel. */
unsigned int wheel_pop(struct wheel *wh, oa_time_t now, struct timer **out,
		       unsigned int max);

/*
 * Owner. When wheel_pop() is to be called: for the earliest deadline, or to move
 * a part of what is crowded and comes up.
 */
oa_time_t wheel_next(struct wheel *wh);

/* Owner, at its end: any timer left, taken out; NULL: none. */
struct timer *wheel_steal(struct wheel *wh);

#endif
