// SPDX-License-Identifier: MIT
/*
 * file: random 4 KiB reads of the file of --path. --by=pread and --by=nowait,
 * which is what a runtime that must not block its thread has to use, with one
 * at a time; --by=uring with --tasks=64 under way.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "versus/common/versus.h"
#include "versus/raw/raw.h"

struct reads {
	int fd;
	uint64_t blocks, count;
	uint64_t x;
};

struct slot {
	_Alignas(BLOCK) char b[BLOCK];
	uint64_t block;
};

static uint64_t next_block(struct reads *r)
{
	return next_random(&r->x) % r->blocks;
}

static void one_by_one(struct reads *r, int flags)
{
	static struct slot s;
	struct iovec iov = { s.b, BLOCK };

	for (uint64_t i = 0; i < r->count; i++) {
		uint64_t k = next_block(r);
		off_t at = (off_t)(k * BLOCK);

		check_block(s.b, flags ? preadv2(r->fd, &iov, 1, at, flags)
				       : pread(r->fd, s.b, BLOCK, at), k);
	}
}

static void ask(struct reads *r, struct io_uring *ring, struct slot *s)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	s->block = next_block(r);
	io_uring_prep_read(sqe, 0, s->b, BLOCK, s->block * BLOCK);
	sqe->flags |= IOSQE_FIXED_FILE;
	io_uring_sqe_set_data(sqe, s);
}

static void by_ring(struct reads *r, unsigned int tasks)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SINGLE_ISSUER |
					      IORING_SETUP_DEFER_TASKRUN };
	struct slot *slot = aligned_alloc(BLOCK, tasks * sizeof(*slot));
	uint64_t asked = 0, got = 0;
	struct io_uring ring;

	if (!slot || io_uring_queue_init_params(tasks, &ring, &p) ||
	    io_uring_register_files(&ring, &r->fd, 1))
		wrong("no ring");
	io_uring_register_ring_fd(&ring);
	for (; asked < tasks && asked < r->count; asked++)
		ask(r, &ring, &slot[asked]);
	while (got < r->count) {
		unsigned int head, seen = 0;
		struct io_uring_cqe *cqe;

		if (io_uring_submit_and_wait(&ring, 1) < 0)
			wrong("not submitted");
		io_uring_for_each_cqe(&ring, head, cqe) {
			struct slot *s = io_uring_cqe_get_data(cqe);

			check_block(s->b, cqe->res, s->block);
			seen++;
			if (asked < r->count) {
				ask(r, &ring, s);
				asked++;
			}
		}
		got += seen;
		io_uring_cq_advance(&ring, seen);
	}
}

void raw_file(void)
{
	const char *by = opt_string("by", "pread");
	struct reads r = { .x = 88172645463325252ull };
	uint64_t begun;

	r.count = (uint64_t)opt_number("count", 1000000);
	r.fd = versus_file(&r.blocks);
	begun = now_ns();
	if (!strcmp(by, "uring"))
		by_ring(&r, (unsigned int)opt_number("tasks", 64));
	else
		one_by_one(&r, strcmp(by, "nowait") ? 0 : RWF_NOWAIT);
	report("read", (double)(now_ns() - begun) / (double)r.count, "ns");
}
