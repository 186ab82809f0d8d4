/* SPDX-License-Identifier: MIT */
/* What is told on standard error: how far it is, and what went wrong. */
#include <errno.h>
#include <stdio.h>

#include "../cli.h"
#include "dups.h"

#define PERIOD	(100 * OA_MSEC)

static void draw(struct dups *d, const char *end)
{
	fprintf(stderr, "\r%llu of %llu MiB, %llu files%s",
		atomic_load(&d->read) >> 20, atomic_load(&d->bytes) >> 20,
		atomic_load(&d->found), end);
}

/* Before another line is printed where the progress line may stand. */
void progress_clear(struct dups *d)
{
	if (d->opt.progress)
		fputs("\r\033[K", stderr);
}

void *progress_task(void *dups)
{
	struct dups *d = dups;

	do {
		draw(d, "\033[K");
	} while (oa_event_wait_until(&d->over, oa_after(PERIOD)) == -ETIMEDOUT);
	draw(d, "\033[K\n");
	return NULL;
}

void failed(struct dups *d, const char *path, int err)
{
	if (err == -ECANCELED)
		return;
	progress_clear(d);
	cli_warn("%s: %s", path, oa_strerror(err));
	atomic_fetch_add(&d->failed, 1);
}
