/* SPDX-License-Identifier: MIT */
/*
 * Attempts at one thing, begun one after the other: the first that succeeds
 * wins, and the others are cancelled.
 */
#ifndef OA_EXAMPLES_RACE_H
#define OA_EXAMPLES_RACE_H

#include <stddef.h>

#include <oa/types.h>

#define RACE_MAX	64

struct race {
	/* 0 or a negative errno; runs in a task of its own. */
	int (*attempt)(struct race *race, size_t i);
	size_t n;		/* attempts, at most RACE_MAX */
	size_t abreast;		/* so many at once; 0: as it comes */
	oa_time_t stagger;	/* from one start to the next */
	size_t started;		/* out; the others have not been needed */
	size_t overdue;		/* out: ... and begun because of the time */
};

/*
 * The winner, or a negative errno: -ETIMEDOUT or -ECANCELED if the caller may
 * wait no longer, else what the last attempt failed with. Every attempt has
 * ended then. One that lost may have succeeded, too: what it got is the
 * caller's to give up.
 */
int race_run(struct race *race);

#endif
