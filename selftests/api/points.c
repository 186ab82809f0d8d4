// SPDX-License-Identifier: MIT
/* The table of all calls that can suspend. */
#include "points.h"

static unsigned int (*const parts[])(struct point *to) = {
	points_of_sync, points_of_io, points_of_tasks, points_of_chans,
	points_of_selects,
};

const struct point *points(void)
{
	static struct point all[POINTS_MAX + 1];
	unsigned int n = 0;

	if (all[0].name)
		return all;
	for (unsigned int i = 0; i < ARRAY_N(parts); i++) {
		n += parts[i](all + n);
		ASSERT_LE(n, (unsigned int)POINTS_MAX);
	}
	return all;
}

void until_waits(const struct caller *c)
{
	task_wait_until(SEEN(c->state) &&
			task_state(NULL, c->t) == OA_TASK_PARKED);
}
