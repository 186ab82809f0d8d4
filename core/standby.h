/* SPDX-License-Identifier: MIT */
/*
 * How many of a runtime's workers take part, where there are not processors
 * for all: the decision, without a look at anything. See core/standby.c.
 */
#ifndef OA_CORE_STANDBY_H
#define OA_CORE_STANDBY_H

#include <stdbool.h>
#include <stdint.h>

#include <oa/types.h>

/* What can be asked about a runtime; it is asked only what is needed. */
struct standby_ops {
	/* Have its workers waited for a processor since the last question? */
	bool (*contended)(void *of);
	/* Processor's time that nobody used, of all, so far; -1: who knows. */
	oa_time_t (*unused)(void *of);
};

struct standby {
	uint32_t workers;		/* I; that there are */
	uint32_t active;		/* that take part */
	oa_time_t at;			/* the last look; 0: none */
	uint64_t turns;			/* so far, then */
	bool busy;			/* turns are frequent */
	bool trial;			/* one fewer, to see what comes of it */
	bool settling;			/* this look does not count yet */
	unsigned int hot;		/* looks in a row that found them short */
	uint64_t done;			/* turns in those, or in the trial */
	oa_time_t took;			/* that it took */
	uint64_t best;			/* turns a second with more of them */
	oa_time_t next;			/* no trial before */
	oa_time_t pause;		/* after one in vain */
	oa_time_t since;		/* fewer take part since then */
	oa_time_t unused_at;		/* when it was asked last; 0: never */
	oa_time_t unused;		/* then */
};

void standby_init(struct standby *s, uint32_t workers);

/*
 * A look at @now: @turns so far; @held: some worker is stuck, and tasks wait
 * behind it. ->active is what it should be from now on. Returns how long
 * until the next look, at most.
 */
oa_time_t standby_look(struct standby *s, oa_time_t now, uint64_t turns,
		       bool held, const struct standby_ops *ops, void *of);

#endif
