// SPDX-License-Identifier: MIT
/*
 * io/file-read: -t tasks on one worker read 4 KiB blocks at random places of a
 * file of -m MiB that is all in the page cache; nanoseconds a read. Every
 * block is checked. It measures the way around a read that need not wait; not
 * a disk.
 *
 * raw: a loop of pread(); of preadv2(RWF_NOWAIT), which is what a runtime that
 * must not block has to use; and a ring with as many reads under way.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench.h"

#define BLOCK 4096

static const struct metric metrics[] = {
	{ "a read", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 't', "tasks", "64", "reads under way at once", 1, 4096 },
	{ 'm', "mib", "256", "size of the file", 1, 65536 },
	{ 'd', "dir", "/var/tmp", "where the file is made (it has no name)", 0, 0 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

static int file = -1;
static uint64_t blocks;

static int setup(struct run *r)
{
	char *b = calloc(1, BLOCK);

	blocks = (uint64_t)bench_opt(r, 1) * 256;
	file = open(r->opt[2], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (file < 0 || !b || !blocks) {
		free(b);
		return bench_fail(r, "no file in %s: %s", r->opt[2],
				  strerror(errno));
	}
	for (uint64_t i = 0; i < blocks; i++) {
		memcpy(b, &i, sizeof(i));
		if (write(file, b, BLOCK) != BLOCK) {
			free(b);
			return bench_fail(r, "write: %s", strerror(errno));
		}
	}
	free(b);
	return 0;
}

static void teardown(void)
{
	if (file >= 0)
		close(file);
	file = -1;
}

static bool right(const char *b, uint64_t want)
{
	return !memcmp(b, &want, sizeof(want));
}

struct reading {
	struct run *r;
	unsigned int tasks, workers, begun;
	uint64_t each;
	uint64_t done;
};

static void *reader(void *arg)
{
	struct reading *f = arg;
	uint64_t x = 88172645463325252ull +
		     __atomic_fetch_add(&f->begun, 1, __ATOMIC_RELAXED);
	uint64_t i;
	char *b = malloc(BLOCK);

	for (i = 0; b && i < f->each; i++) {
		uint64_t k = bench_random(&x) % blocks;
		ssize_t n = oa_pread(file, b, BLOCK, (off_t)(k * BLOCK));

		if (n != BLOCK || !right(b, k)) {
			bench_fail(f->r, "a block is wrong (%zd)", n);
			break;
		}
		bench_step(f->r);
	}
	free(b);
	__atomic_fetch_add(&f->done, i, __ATOMIC_RELAXED);
	return NULL;
}

static int all_of(struct reading *f, uint64_t each)
{
	oa_task_t *t = calloc(f->tasks, sizeof(*t));

	if (!t)
		return bench_fail(f->r, "out of memory");
	f->each = each;
	f->done = 0;
	for (unsigned int i = 0; i < f->tasks; i++)
		t[i] = oa_spawn(reader, f);
	for (unsigned int i = 0; i < f->tasks; i++)
		if (oa_join(t[i], NULL))
			bench_fail(f->r, "join failed");
	free(t);
	return f->done == each * f->tasks ? 0
					  : bench_fail(f->r, "some are lost");
}

static void *read_all(void *arg)
{
	struct reading *f = arg;
	struct run *r = f->r;
	uint64_t each = r->iters / f->tasks + 1;

	if (all_of(f, bench_warmup(r) / f->tasks))
		return NULL;
	bench_steps(r, f->workers);
	bench_begin(r);
	if (all_of(f, each))
		return NULL;
	bench_end(r);
	bench_steps_end(r, 0, each * f->tasks);
	return NULL;
}

static int file_oa(struct run *r)
{
	struct reading f = { .r = r, .tasks = (unsigned int)bench_opt(r, 0) };

	if (!f.tasks || f.tasks > 100000)
		return bench_fail(r, "bad number of tasks");
	f.workers = bench_workers(r);
	return bench_oa_run(r, f.workers, read_all, &f);
}

struct plain {
	struct run *r;
	int flags;
	uint64_t x;
};

static int loop_plain(void *arg, uint64_t count)
{
	struct plain *p = arg;
	static char b[BLOCK];
	struct iovec iov = { b, BLOCK };

	while (count--) {
		uint64_t k = bench_random(&p->x) % blocks;
		off_t at = (off_t)(k * BLOCK);
		ssize_t n = p->flags ? preadv2(file, &iov, 1, at, p->flags)
				     : pread(file, b, BLOCK, at);

		if (n < 0 && errno == EOPNOTSUPP)
			return bench_skip(p->r, "no RWF_NOWAIT on %s",
					  p->r->opt[2]);
		if (n != BLOCK || !right(b, k))
			return bench_fail(p->r, "a block is wrong (%zd)", n);
	}
	return 0;
}

static int file_plain(struct run *r, int flags)
{
	struct plain p = { .r = r, .flags = flags, .x = 88172645463325252ull };

	bench_pin(r, 0, 1);
	return bench_loop(r, 0, 1, loop_plain, &p);
}

static int file_pread(struct run *r)
{
	return file_plain(r, 0);
}

static int file_nowait(struct run *r)
{
	return file_plain(r, RWF_NOWAIT);
}

struct slot {
	uint64_t block;
	char b[BLOCK];
};

static void ask(struct io_uring *ring, struct slot *s, uint64_t *x)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	s->block = bench_random(x) % blocks;
	io_uring_prep_read(sqe, 0, s->b, BLOCK, s->block * BLOCK);
	sqe->flags |= IOSQE_FIXED_FILE;
	io_uring_sqe_set_data(sqe, s);
}

static int loop_ring(struct run *r, struct io_uring *ring, struct slot *slot,
		     unsigned int n)
{
	uint64_t asked = 0, got = 0, told = 0, x = 88172645463325252ull;
	uint64_t lap = bench_lap_size(r, r->iters);

	for (; asked < n && asked < r->iters; asked++)
		ask(ring, &slot[asked], &x);
	while (got < r->iters) {
		unsigned int head, seen = 0;
		struct io_uring_cqe *cqe;

		if (io_uring_submit_and_wait(ring, 1) < 0)
			return bench_fail(r, "not submitted");
		io_uring_for_each_cqe(ring, head, cqe) {
			struct slot *s = io_uring_cqe_get_data(cqe);

			seen++;
			if (cqe->res != BLOCK || !right(s->b, s->block))
				return bench_fail(r, "a block is wrong (%d)",
						  cqe->res);
			if (asked < r->iters) {
				ask(ring, s, &x);
				asked++;
			}
		}
		got += seen;
		io_uring_cq_advance(ring, seen);
		if (got - told >= lap) {
			bench_lap(r, got - told);
			told = got;
		}
	}
	return 0;
}

static int file_ring(struct run *r)
{
	unsigned int n = (unsigned int)bench_opt(r, 0);
	struct slot *slot = calloc(n, sizeof(*slot));
	struct io_uring ring;
	int ret = raw_ring(r, &ring, 4096);

	if (ret)
		return ret;
	if (!slot || n > 4096 || io_uring_register_files(&ring, &file, 1))
		return bench_fail(r, "bad number of reads");
	bench_pin(r, 0, 1);
	bench_begin(r);
	if (loop_ring(r, &ring, slot, n))
		return -1;
	bench_end(r);
	bench_per_op_laps(r, 0);
	return 0;
}

const struct bench bench_io_file_read = {
	.collection = "io",
	.name = "file-read",
	.summary = "random 4 KiB reads of a file in the page cache",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", file_oa }, { "raw:pread", file_pread },
		  { "raw:nowait", file_nowait }, { "raw:ring", file_ring } },
	.workers = 1,
	.setup = setup,
	.teardown = teardown,
};
