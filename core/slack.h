/* SPDX-License-Identifier: MIT */
/*
 * Timers in groups: where many come within a short time, the worker waits for
 * several of them at once. See core/slack.c.
 */
#ifndef OA_CORE_SLACK_H
#define OA_CORE_SLACK_H

#include <stdbool.h>
#include <stdint.h>

#include <oa/types.h>

/* A worker's, and its alone. */
struct slack {
	oa_time_t ns;		/* I; so late a timer may be for a group's sake */
	oa_time_t at;		/* none is looked at before this */
	bool dense;		/* they have come so lately */
	oa_time_t since;	/* they are counted since then */
	uint64_t fired;		/* so many */
	oa_time_t pause;	/* that long without groups, the last time */
	oa_time_t resume;	/* none before this */
};

void slack_init(struct slack *s, oa_time_t ns);

/*
 * At @now, @n that were due were taken; @more: not all. ->at is when to look
 * for the next.
 */
void slack_fired(struct slack *s, oa_time_t now, unsigned int n, bool more);

#endif
