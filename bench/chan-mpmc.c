// SPDX-License-Identifier: MIT
/*
 * chan/mpmc: -s tasks send to -t tasks through one channel of -c elements, on
 * every CPU (-w); nanoseconds an element. On one worker a sender fills the
 * buffer and a receiver empties it, so that a wait costs little an element;
 * with more it is also about workers that meet at one object.
 *
 * raw: threads on the same CPUs, a ring under a mutex and two conditions.
 */
#include "chan-queue.h"

static const struct bench_opt opts[] = {
	{ 'c', "capacity", "128", "elements in the buffer", 0, 1048576 },
	{ 's', "senders", "4", "tasks that send", 1, 10000 },
	{ 't', "receivers", "4", "tasks that receive", 1, 10000 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

static struct crowd crowd(struct run *r)
{
	return (struct crowd){ .cap = (unsigned int)bench_opt(r, 0),
			       .senders = (unsigned int)bench_opt(r, 1),
			       .receivers = (unsigned int)bench_opt(r, 2) };
}

static int mpmc_oa(struct run *r)
{
	return chan_queue_oa(r, crowd(r));
}

static int mpmc_cond(struct run *r)
{
	return chan_queue_cond(r, crowd(r));
}

const struct bench bench_chan_mpmc = {
	.collection = "chan",
	.name = "mpmc",
	.summary = "elements from several senders to several receivers",
	.metrics = chan_queue_metrics,
	.opts = opts,
	.impl = { { "oa", mpmc_oa }, { "raw:cond", mpmc_cond } },
};
