// SPDX-License-Identifier: MIT
/*
 * chan/select: one task receives from -k channels with a select, as many tasks
 * send, each on a channel of its own of -c elements, all on one worker (-w);
 * nanoseconds an element. With capacity 0 the select has nearly always to wait
 * at all of the channels and to withdraw from all but one, with 128 it finds
 * one that is ready.
 *
 * raw: threads on the same CPUs; the queues share a mutex and the condition
 * that there is something in one of them.
 */
#include <errno.h>
#include <stdlib.h>

#include "crew.h"
#include "raw-queue.h"

#define CHAN_MAX 64

static const struct metric metrics[] = {
	{ "an element", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

static const struct bench_opt opts[] = {
	{ 'k', "channels", "4", "channels and senders", 1, 1000 },
	{ 'c', "capacity", "0,128", "of each channel", 0, 1048576 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

struct fan {
	struct run *r;
	unsigned int k, cap;
	uint64_t each;
	uint64_t next[CHAN_MAX];	/* each sender's in order */
	struct oa_chan *ch[CHAN_MAX];
	struct raw_lock l;
	struct raw_queue q[CHAN_MAX];
};

static int prepare(struct run *r, struct fan *f)
{
	*f = (struct fan){ .r = r, .k = (unsigned int)bench_opt(r, 0),
			   .cap = (unsigned int)bench_opt(r, 1),
			   .l = RAW_LOCK_INIT };
	if (!f->k || f->k > CHAN_MAX)
		return bench_fail(r, "bad number of channels");
	f->each = r->iters / f->k + 1;
	return 0;
}

static int finish(struct fan *f, uint64_t ns)
{
	for (unsigned int i = 0; i < f->k; i++)
		if (f->next[i] != f->each)
			return bench_fail(f->r, "elements are lost");
	bench_set(f->r, 0, (double)ns / (double)(f->k * f->each));
	return 0;
}

static void receive_oa(struct fan *f)
{
	struct oa_case cases[CHAN_MAX];
	unsigned int live = f->k;
	uint64_t v[CHAN_MAX];

	for (unsigned int i = 0; i < f->k; i++)
		cases[i] = (struct oa_case)OA_CASE_RECV(f->ch[i], &v[i]);
	while (live) {
		int i = oa_select(cases, f->k);

		if (i < 0) {
			bench_fail(f->r, "oa_select: %s", oa_strerror(i));
			abort();	/* the senders would wait for ever */
		}
		if (cases[i].res == -EPIPE) {
			cases[i].kind = OA_CASE_KIND_NONE;
			live--;
		} else if (v[i] != f->next[i]++) {
			bench_fail(f->r, "an element is wrong");
		}
	}
}

static void fan_oa(void *arg, unsigned int nr)
{
	struct fan *f = arg;
	int ret = 0;

	if (nr == 0) {
		receive_oa(f);
		return;
	}
	for (uint64_t i = 0; i < f->each && !ret; i++)
		ret = oa_chan_send(f->ch[nr - 1], &i);
	if (!ret)
		ret = oa_chan_close(f->ch[nr - 1]);
	if (ret)
		bench_fail(f->r, "oa_chan_send: %s", oa_strerror(ret));
}

static int select_oa(struct run *r)
{
	struct fan f;
	uint64_t ns;

	if (prepare(r, &f))
		return -1;
	for (unsigned int i = 0; i < f.k; i++)
		if (oa_chan_create(&f.ch[i], sizeof(uint64_t), f.cap,
				   OA_CHAN_BOUNDED))
			return bench_fail(r, "oa_chan_create fails");
	if (crew_oa(r, f.k + 1, fan_oa, &f, &ns))
		return -1;
	for (unsigned int i = 0; i < f.k; i++)
		if (oa_chan_destroy(f.ch[i]))
			return bench_fail(r, "oa_chan_destroy fails");
	return finish(&f, ns);
}

static void fan_raw(void *arg, unsigned int nr)
{
	struct fan *f = arg;
	uint64_t v;
	int i;

	if (nr) {
		for (uint64_t k = 0; k < f->each; k++)
			raw_queue_put(&f->q[nr - 1], k);
		raw_queue_close(&f->q[nr - 1]);
		return;
	}
	while ((i = raw_queue_get(f->q, f->k, &v)) >= 0)
		if (v != f->next[i]++)
			bench_fail(f->r, "an element is wrong");
}

static int select_raw(struct run *r)
{
	struct fan f;
	uint64_t ns;

	if (prepare(r, &f))
		return -1;
	for (unsigned int i = 0; i < f.k; i++)
		if (raw_queue_init(r, &f.q[i], &f.l, f.cap))
			return -1;
	if (crew_raw(r, f.k + 1, fan_raw, &f, &ns))
		return -1;
	return finish(&f, ns);
}

const struct bench bench_chan_select = {
	.collection = "chan",
	.name = "select",
	.summary = "receiving from several channels",
	.metrics = metrics,
	.opts = opts,
	.impl = { { "oa", select_oa }, { "raw:cond", select_raw } },
	.workers = 1,
};
