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

/* All of it is its caller's alone: the watch's. */
struct standby {
	uint32_t workers;		/* I; that there are */
	uint32_t active;		/* that take part */
	oa_time_t at;			/* the last look; 0: none */
	uint64_t turns;			/* so far, then */
	bool busy;			/* turns are frequent */
	bool hot;			/* ... and workers wait for processors */
	bool trial;			/* of another number than it was */
	bool settling;			/* this look does not count yet */
	uint32_t from;			/* the number before the trial */
	uint64_t before;		/* turns a second, then */
	uint64_t done;			/* turns that are counted */
	oa_time_t took;			/* in that time */
	oa_time_t next;			/* no fewer are tried before */
	oa_time_t pause;		/* after the next in vain */
	oa_time_t proof;		/* when all are tried again */
	oa_time_t proof_in;		/* that long after the last time */
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
