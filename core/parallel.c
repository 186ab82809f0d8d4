// SPDX-License-Identifier: MIT
/*
 * A loop over a range by all workers. Whoever has a part goes through it piece
 * by piece, and offers the second half of what is left whenever nothing of his
 * is on offer any more: so there are about as many parts as thieves came.
 *
 * A piece that suspends makes a task of what its worker has on offer, and
 * leaves that idle. So parts are counted when they are offered: as many as keep
 * the workers busy, and if all of them wait, no more.
 */
#include <errno.h>

#include "core/jobs.h"
#include "core/park.h"
#include "core/runtime.h"

#define PIECES	64u		/* for each worker, if the library chooses */
#define PARTS	2u		/* for each worker: one that runs, one on offer */

struct loop {
	oa_range_fn fn;		/* I */
	void *arg;		/* I */
	size_t grain;		/* I */
	uint32_t parts;		/* A; that have not been gone through */
	int err;		/* A; nothing more is begun */
};

struct part {
	struct loop *of;
	size_t begin, end;
};

static void go_through(struct loop *l, size_t begin, size_t end);

static void *run_part(void *arg)
{
	struct part *p = arg;

	go_through(p->of, p->begin, p->end);
	atomic_sub(&p->of->parts, 1u); /* [loop] */
	return NULL;
}

/* Is there anybody who might want a part, and none on offer? */
static bool should_offer(const struct loop *l)
{
	const struct worker *w = worker_self();

	return w && w->current && !w->alone && !jobs_len(&w->jobs) &&
	       READ_ONCE(l->parts) < PARTS * w->rt->nr_workers;
}

/* The first half of it, while the second is on offer; then that. */
static __noinline void go_halves(struct loop *l, size_t begin, size_t end)
{
	size_t half = begin + (end - begin) / 2;
	struct part rest = { l, half, end };
	struct oa_job job;

	atomic_add(&l->parts, 1u); /* [loop] a bound, nothing else */
	oa_job_fork(&job, run_part, &rest);
	go_through(l, begin, half);
	oa_job_join(&job);
}

static void go_through(struct loop *l, size_t begin, size_t end)
{
	int none = 0, err;
	size_t n;

	while (begin < end && !READ_ONCE(l->err)) { /* relaxed: soon */
		if (end - begin > l->grain && should_offer(l)) {
			go_halves(l, begin, end);
			return;
		}
		n = min_of(end - begin, l->grain);
		l->fn(begin, begin + n, l->arg);
		begin += n;
		if (begin == end)
			return;
		/* Others on this worker have waited for a time slice. */
		err = oa_yield_point();
		if (unlikely(err == -ECANCELED || err == -ETIMEDOUT))
			atomic_cas(&l->err, &none, err); /* [loop] the first */
	}
}

int oa_parallel_for(size_t begin, size_t end, size_t grain, oa_range_fn fn,
		    void *arg)
{
	struct task *t = task_self();
	struct loop l = { .fn = fn, .arg = arg, .grain = grain,
			  .parts = 1 };

	if (!fn)
		return -EINVAL;
	if (begin >= end)
		return 0;
	if (!grain) {
		l.grain = (end - begin) / (PIECES * (t ? t->rt->nr_workers : 1));
		l.grain = max_of(l.grain, (size_t)1);
	}
	if (t)
		l.err = park_check(t);
	go_through(&l, begin, end);
	/* All parts have been joined. */
	return l.err;
}
