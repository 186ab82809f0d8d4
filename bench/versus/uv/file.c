// SPDX-License-Identifier: MIT
/*
 * Reads by the thread pool, --tasks of them under way, for which it has as
 * many threads as --workers while the pages are cached, else as many as reads.
 */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "versus/common/versus.h"
#include "versus/uv/peer.h"

struct slot {
	uv_fs_t req;
	uint64_t block;
	char *b;
};

static int file;
static uint64_t blocks, left, x = 88172645463325252ull;

static void ask(struct slot *s);

static void done(uv_fs_t *req)
{
	struct slot *s = (struct slot *)req;

	check_block(s->b, (long)req->result, s->block);
	uv_fs_req_cleanup(req);
	ask(s);
}

static void ask(struct slot *s)
{
	uv_buf_t buf = uv_buf_init(s->b, BLOCK);

	if (!left)
		return;
	left--;
	s->block = next_random(&x) % blocks;
	if (uv_fs_read(uv_default_loop(), &s->req, file, &buf, 1,
		       (int64_t)(s->block * BLOCK), done))
		wrong("uv_fs_read");
}

void loop_file(void)
{
	uint64_t n = (uint64_t)opt_number("count", 300000), begun;
	long tasks = opt_number("tasks", 64);
	struct slot *slot = calloc((size_t)tasks, sizeof(*slot));
	char threads[16];

	snprintf(threads, sizeof(threads), "%ld",
		 opt_number("direct", 0) ? tasks : opt_number("workers", 1));
	setenv("UV_THREADPOOL_SIZE", threads, 1);
	file = versus_file(&blocks);
	left = n;
	begun = now_ns();
	for (long i = 0; slot && i < tasks; i++) {
		slot[i].b = aligned_alloc(BLOCK, BLOCK);
		ask(&slot[i]);
	}
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	report("read", (double)(now_ns() - begun) / (double)n, "ns");
}
