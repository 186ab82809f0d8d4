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

/* What no worker has done: it is nobody's. */
static uint64_t since(uint64_t n, uint64_t *base, bool reset)
{
	uint64_t was = *base;

	if (reset)
		*base = n;
	return n - was;
}

static void add_outside(struct oa_stats *sum, struct runtime *rt, bool reset)
{
	uint64_t dropped = atomic_load(&rt->outside_dropped); /* [over] */
	uint64_t ended = atomic_load(&rt->outside_ended); /* [over] */
	/* [over] counters only */
	uint64_t spawned = atomic_load(&rt->foreign_spawned) & ~RT_CLOSED;

	/* Told in between: a drop is counted first. */
	ended = ended > dropped ? ended - dropped : 0;
	sum->spawned += since(spawned, &rt->foreign_base, reset);
	ended = max_of(ended, rt->ended_base);
	sum->ended += since(ended, &rt->ended_base, reset);
	sum->dropped += since(dropped, &rt->dropped_base, reset);
	sum->posts += since(READ_ONCE(rt->posts_in), &rt->posts_base, reset);
	sum->posts_refused += since(READ_ONCE(rt->posts_refused),
				    &rt->refused_base, reset);
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
		add_outside(&sum, rt, st->reset);
	spin_unlock(&rt->stats_lock);
	sum.size = size = st->size;
	sum.worker = st->worker;
	sum.reset = st->reset;
	sum.workers = rt->nr_workers;
	memcpy(st, &sum, size);
	return 0;
}
