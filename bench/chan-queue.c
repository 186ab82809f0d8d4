// SPDX-License-Identifier: MIT
/* Elements through one channel, by ours and by a mutex with conditions. */
#include <errno.h>

#include "chan-queue.h"
#include "crew.h"
#include "raw-queue.h"

const struct metric chan_queue_metrics[] = {
	{ "an element", "ns", M_RATE },
	{ NULL, NULL, 0 },
};

struct flow {
	struct run *r;
	struct crowd c;
	uint64_t each;
	unsigned int sending;	/* the last one closes */
	uint64_t sum, count;	/* of all receivers */
	struct oa_chan *ch;
	struct raw_lock l;
	struct raw_queue q;
};

static int prepare(struct run *r, struct flow *f, struct crowd c)
{
	if (!c.senders || !c.receivers)
		return bench_fail(r, "nobody there");
	*f = (struct flow){ .r = r, .c = c, .l = RAW_LOCK_INIT,
			    .each = r->iters / c.senders + 1,
			    .sending = c.senders };
	return 0;
}

/* Every element once: their number, and their sum. */
static int finish(struct flow *f, uint64_t ns)
{
	uint64_t n = f->c.senders * f->each;

	if (f->count != n ||
	    f->sum != f->c.senders * (f->each * (f->each - 1) / 2))
		return bench_fail(f->r, "elements are wrong");
	bench_set(f->r, 0, (double)ns / (double)n);
	return 0;
}

static void received(struct flow *f, uint64_t count, uint64_t sum)
{
	__atomic_fetch_add(&f->count, count, __ATOMIC_RELAXED);
	__atomic_fetch_add(&f->sum, sum, __ATOMIC_RELAXED);
}

static bool last_sender(struct flow *f)
{
	return __atomic_sub_fetch(&f->sending, 1, __ATOMIC_ACQ_REL) == 0;
}

static void send_oa(struct flow *f)
{
	int ret = 0;

	for (uint64_t i = 0; i < f->each && !ret; i++)
		ret = oa_chan_send(f->ch, &i);
	if (last_sender(f) && !ret)
		ret = oa_chan_close(f->ch);
	if (ret)
		bench_fail(f->r, "oa_chan_send: %s", oa_strerror(ret));
}

static void receive_oa(struct flow *f)
{
	uint64_t v, n = 0, sum = 0;
	int ret;

	while (!(ret = oa_chan_recv(f->ch, &v))) {
		sum += v;
		n++;
	}
	if (ret != -EPIPE)
		bench_fail(f->r, "oa_chan_recv: %s", oa_strerror(ret));
	received(f, n, sum);
}

static void flow_oa(void *arg, unsigned int nr)
{
	struct flow *f = arg;

	if (nr < f->c.senders)
		send_oa(f);
	else
		receive_oa(f);
}

int chan_queue_oa(struct run *r, struct crowd c)
{
	struct flow f;
	uint64_t ns;
	int ret;

	if (prepare(r, &f, c))
		return -1;
	ret = oa_chan_create(&f.ch, sizeof(uint64_t), c.cap, OA_CHAN_BOUNDED);
	if (ret)
		return bench_fail(r, "oa_chan_create: %s", oa_strerror(ret));
	if ((c.pinned ? crew_oa_apart : crew_oa)(r, c.senders + c.receivers,
						 flow_oa, &f, &ns))
		return -1;
	if (oa_chan_destroy(f.ch))
		return bench_fail(r, "oa_chan_destroy fails");
	return finish(&f, ns);
}

static void flow_cond(void *arg, unsigned int nr)
{
	struct flow *f = arg;
	uint64_t v, n = 0, sum = 0;

	if (nr < f->c.senders) {
		for (uint64_t i = 0; i < f->each; i++)
			raw_queue_put(&f->q, i);
		if (last_sender(f))
			raw_queue_close(&f->q);
		return;
	}
	while (raw_queue_get(&f->q, 1, &v) >= 0) {
		sum += v;
		n++;
	}
	received(f, n, sum);
}

int chan_queue_cond(struct run *r, struct crowd c)
{
	struct flow f;
	uint64_t ns;

	if (prepare(r, &f, c) || raw_queue_init(r, &f.q, &f.l, c.cap) ||
	    crew_raw(r, c.senders + c.receivers, flow_cond, &f, &ns))
		return -1;
	return finish(&f, ns);
}
