/* SPDX-License-Identifier: MIT */
/* Who may use the position of a file. See core/position.c. */
#ifndef OA_CORE_POSITION_H
#define OA_CORE_POSITION_H

#include "core/waiter.h"

struct runtime;

/* In the frame of who has it, or waits for it. */
struct position {
	uint64_t file;			/* I */
	struct position *next;		/* L:bucket; its holders, or waiters */
	struct position *first;		/* L:bucket; who waits for this one */
	struct position **last;		/* L:bucket */
	struct waiter wait;		/* T */
};

/*
 * Task or thread of one. Suspends until nobody else has the position of @file:
 * 0, or why it was not waited for any longer.
 */
int position_enter(struct position *p, uint64_t file);
void position_leave(struct position *p);

/* The tasks of @rt, those on workers and the blocking pool aside, are gone. */
void position_bury(struct runtime *rt);
/* In a child: nobody has any. */
void position_forked(void);

#endif
