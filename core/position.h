/* SPDX-License-Identifier: MIT */
/* Who may use the position of a file. See core/position.c. */
#ifndef OA_CORE_POSITION_H
#define OA_CORE_POSITION_H

#include "core/waiter.h"

struct runtime;

/* In the frame of who has it, or waits for it. */
struct position {
	uint64_t file;			/* I */
	int fd;				/* I; by which he uses it, */
	uint32_t gen;			/* I; as long as it is that one */
	struct position *next;		/* L:bucket; its holders, or waiters */
	struct position *first;		/* L:bucket; who waits for this one */
	struct position **last;		/* L:bucket */
	struct waiter wait;		/* T */
};

/*
 * Task or thread of one. Has the position of @file, open on @fd, to itself from
 * here on, if nobody else has. It does not suspend.
 */
bool position_tryenter(struct position *p, uint64_t file, int fd);
/* The same, suspending: 0, or why it was not waited for any longer. */
int position_enter(struct position *p, uint64_t file, int fd);
void position_leave(struct position *p);
/* @t, on the blocking pool, leaves the frames that it has any in. */
void position_give_up(const struct task *t);

/* The tasks of @rt, those on workers and the blocking pool aside, are gone. */
void position_bury(struct runtime *rt);
/* In a child: nobody has any. */
void position_forked(void);

#endif
