/* SPDX-License-Identifier: MIT */
/* What is printed: a line for each shard, and one for all. */
#include "gather.h"

#include <errno.h>
#include <stdio.h>

static double seconds(oa_time_t t)
{
	return (double)t / OA_SEC;
}

static void report_answer(const struct gather *g, const struct shard *sh)
{
	const struct answer *a = &sh->answers[sh->winner];
	size_t len = a->len - a->body;

	printf("answered %s %d, %zu bytes, %.3f s",
	       sh->replicas[sh->winner].name, a->status, len,
	       seconds(sh->took));
	if (sh->race.overdue)
		printf(", hedged");
	putchar('\n');
	if (g->bodies && len) {
		fwrite(a->data + a->body, 1, len, stdout);
		if (a->data[a->len - 1] != '\n')
			putchar('\n');
	}
}

static void report_shard(const struct gather *g, const struct shard *sh)
{
	printf("%zu ", (size_t)(sh - g->shards) + 1);
	if (sh->winner >= 0) {
		report_answer(g, sh);
		return;
	}
	if (sh->winner == -ECANCELED)
		printf("late, %zu asked", sh->race.started);
	else
		printf("failed, %zu asked: %s", sh->race.started,
		       oa_strerror(sh->winner));
	printf("%s\n", sh->race.overdue ? ", hedged" : "");
}

void report_round(const struct gather *g, oa_time_t took)
{
	size_t answered = 0, hedged = 0, won = 0;

	for (size_t i = 0; i < g->n; i++) {
		const struct shard *sh = &g->shards[i];

		report_shard(g, sh);
		answered += sh->winner >= 0;
		hedged += sh->race.overdue > 0;
		won += sh->race.overdue > 0 && sh->winner > 0;
	}
	printf("%zu of %zu answered, %zu hedged, %zu by the hedge, %.3f s\n",
	       answered, g->n, hedged, won, seconds(took));
	fflush(stdout);
}
