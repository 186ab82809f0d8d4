/* SPDX-License-Identifier: MIT */
/*
 * One shard: the first replica is asked, a second one as well when the first
 * is slow, the next one instead when one fails. Who answers first counts.
 */
#include "gather.h"

#include <errno.h>
#include <stdlib.h>

static int ask(struct race *race, size_t i)
{
	struct shard *sh = (struct shard *)race;
	struct answer *a = &sh->answers[i];
	oa_time_t began = oa_now();

	a->err = http_get(&sh->replicas[i], sh->gather->path, a);
	a->took = oa_now() - began;
	return a->err;
}

void *shard_task(void *shard)
{
	struct shard *sh = shard;
	oa_time_t began = oa_now();

	sh->race.attempt = ask;
	sh->winner = race_run(&sh->race);
	sh->took = oa_now() - began;
	return NULL;
}

void shard_forget(struct shard *sh)
{
	for (size_t i = 0; i < sh->race.n; i++) {
		free(sh->answers[i].data);
		sh->answers[i] = (struct answer){ 0 };
	}
	/* What stays if its task never runs, or not to its end. */
	sh->winner = -ECANCELED;
	sh->race.started = 0;
	sh->race.overdue = 0;
	sh->took = 0;
}
