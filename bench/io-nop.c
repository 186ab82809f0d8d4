// SPDX-License-Identifier: MIT
/*
 * io/nop: -b tasks on one worker each wait for one NOP request after another
 * (oa_sqe), so that b of them go to the kernel in one round; nanoseconds a
 * request. It measures what lies around a request: filling it, the round that
 * submits and reaps, parking and waking its task; nothing that waits.
 *
 * raw: a liburing loop that submits b NOPs and waits for b completions, on a
 * ring with deferred completions and a registered descriptor.
 */
#include <liburing.h>
#include <stdlib.h>

#include "bench.h"

static const struct metric metrics[] = {
	{ "a request", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'b', "batch", "1,8,32", "requests under way at once", 1, 4096 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

struct nops {
	struct run *r;
	unsigned int tasks, workers;
	uint64_t each;
	uint64_t done;
};

static void prep(struct io_uring_sqe *sqe, void *arg)
{
	(void)arg;
	io_uring_prep_nop(sqe);
}

static void *requester(void *arg)
{
	struct nops *n = arg;

	for (uint64_t i = 0; i < n->each; i++) {
		int ret = oa_sqe(prep, NULL);

		if (ret) {
			bench_fail(n->r, "oa_sqe: %s", oa_strerror(ret));
			return NULL;
		}
		bench_step(n->r);
	}
	__atomic_fetch_add(&n->done, n->each, __ATOMIC_RELAXED);
	return NULL;
}

static int all_of(struct nops *n, uint64_t each)
{
	oa_task_t *t = calloc(n->tasks, sizeof(*t));

	if (!t)
		return bench_fail(n->r, "out of memory");
	n->each = each;
	n->done = 0;
	for (unsigned int i = 0; i < n->tasks; i++)
		t[i] = oa_spawn(requester, n);
	for (unsigned int i = 0; i < n->tasks; i++)
		if (oa_join(t[i], NULL))
			bench_fail(n->r, "join failed");
	free(t);
	return n->done == each * n->tasks ? 0
					  : bench_fail(n->r, "some are lost");
}

static void *request_all(void *arg)
{
	struct nops *n = arg;
	struct run *r = n->r;
	uint64_t each = r->iters / n->tasks + 1;

	if (all_of(n, bench_warmup(r) / n->tasks))
		return NULL;
	bench_steps(r, n->workers);
	bench_begin(r);
	if (all_of(n, each))
		return NULL;
	bench_end(r);
	bench_steps_end(r, 0, each * n->tasks);
	return NULL;
}

static int nop_oa(struct run *r)
{
	struct nops n = { .r = r, .tasks = (unsigned int)bench_opt(r, 0) };

	if (!n.tasks || n.tasks > 100000)
		return bench_fail(r, "bad batch");
	n.workers = bench_workers(r);
	return bench_oa_run(r, n.workers, request_all, &n);
}

struct raw_nops {
	struct run *r;
	unsigned int batch;
	struct io_uring ring;
};

static int loop_raw(void *arg, uint64_t rounds)
{
	struct raw_nops *n = arg;
	struct io_uring *ring = &n->ring;

	while (rounds--) {
		struct io_uring_cqe *cqe;
		unsigned int head, seen = 0;

		for (unsigned int k = 0; k < n->batch; k++)
			io_uring_prep_nop(io_uring_get_sqe(ring));
		if (io_uring_submit_and_wait(ring, n->batch) != (int)n->batch)
			return bench_fail(n->r, "not all were submitted");
		io_uring_for_each_cqe(ring, head, cqe)
			seen += cqe->res == 0;
		if (seen != n->batch)
			return bench_fail(n->r, "some are lost");
		io_uring_cq_advance(ring, seen);
	}
	return 0;
}

static int nop_raw(struct run *r)
{
	struct raw_nops n = { .r = r, .batch = (unsigned int)bench_opt(r, 0) };
	int ret;

	if (!n.batch || n.batch > 4096)
		return bench_fail(r, "bad batch");
	bench_pin(r, 0, 1);
	ret = raw_ring(r, &n.ring, 4096);
	if (ret)
		return ret;
	r->iters = r->iters / n.batch + 1;
	return bench_loop(r, 0, n.batch, loop_raw, &n);
}

const struct bench bench_io_nop = {
	.collection = "io",
	.name = "nop",
	.summary = "requests that do nothing, several under way",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", nop_oa }, { "raw", nop_raw } },
	.workers = 1,
};
