// SPDX-License-Identifier: MIT
/*
 * chan/spsc: one task sends to another through a channel of -c elements, on
 * every CPU (-w), or with -p 1 each on a worker of its own; nanoseconds an
 * element. The channel is the one that many may
 * use: nothing is told of there being only two.
 *
 * raw: threads on the same CPUs, with a ring for one sender and one receiver
 * without a lock (who finds it full or empty sleeps on a futex), and with a
 * ring under a mutex and two conditions.
 */
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "chan-queue.h"
#include "crew.h"

static const struct bench_opt opts[] = {
	{ 'c', "capacity", "128", "elements in the buffer", 0, 1048576 },
	{ 'p', "pinned", "0", "1: a worker for each of the two", 0, 1 },
	{ 0, NULL, NULL, NULL, 0, 0 },
};

static struct crowd crowd(struct run *r)
{
	return (struct crowd){ .cap = (unsigned int)bench_opt(r, 0),
			       .senders = 1, .receivers = 1,
			       .pinned = bench_opt(r, 1) };
}

static int spsc_oa(struct run *r)
{
	return chan_queue_oa(r, crowd(r));
}

static int spsc_cond(struct run *r)
{
	return chan_queue_cond(r, crowd(r));
}

struct end {
	uint64_t at;		/* how many it has put or got */
	uint32_t asleep;
} __attribute__((aligned(128)));

struct ring {
	struct run *r;
	uint64_t n, mask;
	uint64_t *elem;
	unsigned int spins;
	struct end in, out;
	uint64_t sum;
};

static uint64_t other_at(const struct end *e)
{
	return __atomic_load_n(&e->at, __ATOMIC_ACQUIRE);
}

/* Until the other is not at seen any more. */
static void doze(const struct ring *q, struct end *me, const struct end *other,
		 uint64_t seen)
{
	for (unsigned int i = 0; i < q->spins; i++)
		if (other_at(other) != seen)
			return;
	__atomic_store_n(&me->asleep, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	while (other_at(other) == seen &&
	       __atomic_load_n(&me->asleep, __ATOMIC_RELAXED))
		syscall(SYS_futex, &me->asleep, FUTEX_WAIT_PRIVATE, 1, NULL,
			NULL, 0);
	__atomic_store_n(&me->asleep, 0, __ATOMIC_RELAXED);
}

static void moved(struct end *me, struct end *other, uint64_t at)
{
	__atomic_store_n(&me->at, at, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&other->asleep, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&other->asleep, 0, __ATOMIC_RELAXED);
	syscall(SYS_futex, &other->asleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL,
		0);
}

static void ring_put(struct ring *q)
{
	uint64_t full;

	for (uint64_t i = 0; i < q->n; i++) {
		full = i - q->mask - 1;
		while (other_at(&q->out) == full)
			doze(q, &q->in, &q->out, full);
		q->elem[i & q->mask] = i;
		moved(&q->in, &q->out, i + 1);
	}
}

static void ring_get(struct ring *q)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < q->n; i++) {
		while (other_at(&q->in) == i)
			doze(q, &q->out, &q->in, i);
		sum += q->elem[i & q->mask];
		moved(&q->out, &q->in, i + 1);
	}
	q->sum = sum;
}

static void ring_end(void *arg, unsigned int nr)
{
	if (nr == 0)
		ring_put(arg);
	else
		ring_get(arg);
}

static int spsc_ring(struct run *r)
{
	struct ring q = { .r = r, .n = r->iters,
			  .mask = (uint64_t)bench_opt(r, 0) - 1 };
	uint64_t ns;

	/* some microseconds, if the other can run meanwhile */
	q.spins = bench_workers(r) > 1 ? 2000 : 0;
	if (q.mask + 1 == 0 || (q.mask & (q.mask + 1)))
		return bench_skip(r, "a capacity that is no power of two");
	q.elem = calloc(q.mask + 1, sizeof(*q.elem));
	if (!q.elem)
		return bench_fail(r, "out of memory");
	if (crew_raw(r, 2, ring_end, &q, &ns))
		return -1;
	if (q.sum != q.n * (q.n - 1) / 2)
		return bench_fail(r, "elements are wrong");
	bench_set(r, 0, (double)ns / (double)q.n);
	return 0;
}

const struct bench bench_chan_spsc = {
	.collection = "chan",
	.name = "spsc",
	.summary = "elements from one sender to one receiver",
	.metrics = chan_queue_metrics,
	.opts = opts,
	.impl = { { "oa", spsc_oa }, { "raw:ring", spsc_ring },
		  { "raw:cond", spsc_cond } },
};
