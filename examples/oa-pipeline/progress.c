/* SPDX-License-Identifier: MIT */
/* The line that tells how far it is. */
#include <errno.h>
#include <stdio.h>

#include "pipeline.h"

#define PERIOD	(200 * OA_MSEC)

static void draw(struct pipeline *p, const char *end)
{
	fprintf(stderr, "\r%lu of %lu files, %.1f MiB read, %lu failed%s",
		atomic_load(&p->done), atomic_load(&p->found),
		(double)atomic_load(&p->bytes) / (1 << 20),
		atomic_load(&p->failed), end);
}

/* Before another line is printed where the progress line may stand. */
void progress_clear(struct pipeline *p)
{
	if (p->opt.progress)
		fputs("\r\033[K", stderr);
}

void *progress_task(void *pipeline)
{
	struct pipeline *p = pipeline;

	do {
		draw(p, "\033[K");
	} while (oa_event_wait_until(&p->over, oa_after(PERIOD)) == -ETIMEDOUT);
	draw(p, "\033[K\n");
	return NULL;
}
