// SPDX-License-Identifier: MIT
/* Counters: written by their worker, summed by whoever asks. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core/fork.h"
#include "core/runtime.h"

#define FIRST	(offsetof(struct oa_stats, spawned) / sizeof(uint64_t))
#define COUNT	(sizeof(struct oa_stats) / sizeof(uint64_t))

_Static_assert(offsetof(struct oa_stats, spawned) % sizeof(uint64_t) == 0,
	       "counters are an array of 64-bit words");

static void add_worker(uint64_t *to, struct worker *w, bool reset)
{
	const uint64_t *now = (const uint64_t *)&w->st;
	uint64_t *base = (uint64_t *)&w->base, v;

	for (size_t i = FIRST; i < COUNT; i++) {
		v = READ_ONCE(now[i]);
		to[i] += v - base[i];
		if (reset)
			base[i] = v;
	}
}

/* Tasks that no worker of this runtime has started: they are nobody's. */
static uint64_t from_outside(struct runtime *rt, bool reset)
{
	/* [over] counter only */
	uint64_t n = atomic_load(&rt->foreign_spawned) & ~RT_CLOSED, was;

	was = rt->foreign_base;
	if (reset)
		rt->foreign_base = n;
	return n - was;
}

int oa_stats(struct oa_runtime *r, struct oa_stats *st)
{
	struct runtime *rt = (struct runtime *)r;
	struct oa_stats sum;
	uint32_t size;

	if (!st || !st->size)
		return -EINVAL;
	if (st->size > sizeof(*st))
		return -E2BIG;
	if (!rt)
		rt = (struct runtime *)oa_runtime_self();
	if (!rt || rt->generation != fork_generation())
		return -EPERM;
	if (st->worker < 0 || st->worker > (int)rt->nr_workers)
		return -EINVAL;
	memset(&sum, 0, sizeof(sum));
	spin_lock(&rt->stats_lock);
	for (uint32_t i = 0; i < rt->nr_workers; i++)
		if (!st->worker || st->worker == OA_WORKER((int)i))
			add_worker((uint64_t *)&sum, rt->workers[i],
				   st->reset);
	if (!st->worker)
		sum.spawned += from_outside(rt, st->reset);
	spin_unlock(&rt->stats_lock);
	sum.size = size = st->size;
	sum.worker = st->worker;
	sum.reset = st->reset;
	sum.workers = rt->nr_workers;
	memcpy(st, &sum, size);
	return 0;
}
