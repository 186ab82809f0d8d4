/* SPDX-License-Identifier: MIT */
/* Channels inside. See sync/chan.c. */
#ifndef OA_SYNC_CHAN_H
#define OA_SYNC_CHAN_H

#include <oa/chan.h>
#include <oa/runtime.h>

#include "core/bias.h"
#include "core/spin.h"
#include "sync/sync.h"

/* A piece of an unbounded channel's queue. */
struct chan_seg {
	struct chan_seg *next;
	struct oa_allocator alloc;	/* I */
	size_t size;			/* I; all of it */
	char elem[];
};

/*
 * What every operation writes is in one line: where several processors use a
 * channel, the lines that go to and fro are what it costs.
 */
struct oa_chan {
	uint8_t kind;			/* I; enum oa_chan_kind */
	bool plain;			/* I; bounded: what most are */
	bool closed;			/* L:lock */
	bool consumed;			/* L:lock; it has a consumer */
	uint32_t who;			/* A; whose it is, see core/bias.c */
	uint32_t refs;			/* A; its owner's and a consumer's */
	size_t elem_size;		/* I */
	size_t cap;			/* I; of a segment, if unbounded */
	char *ring, *end;		/* I; all kinds but the unbounded */
	struct oa_allocator alloc;	/* I */

	_Alignas(OA_CACHELINE) struct spin lock; /* or ->inside, by chan_lock() */
	struct spin inside;		/* A; held by the worker it is biased to */
	size_t len;			/* 1: L:lock */
	char *rd, *wr;			/* L:lock; the next, in the ring */
	struct waiter *senders;		/* L:lock */
	struct waiter *receivers;	/* L:lock */
	uint64_t sent, received;	/* L:lock */

	_Alignas(OA_CACHELINE) uint64_t dropped;	/* L:lock */
	struct chan_seg *first, *last;	/* L:lock */
	struct chan_seg *spare;		/* L:lock; one that is empty */
	size_t head, tail;		/* L:lock; of the first, and the last */

	uint64_t seq;			/* L:lock; broadcast: of the next one */
	struct oa_chan_sub *subs;	/* L:lock */
	uint32_t nr_subs;		/* L:lock */
};

/* sync/chan.c; the lock was found held. */
void chan_wait_lock(struct oa_chan *ch, struct worker *w);

/*
 * Under which all of it is changed: the spin lock, or, while it is biased to
 * the caller's worker, what costs no atomic instruction. That it is biased is
 * decided under the lock, and found by who takes it next. What is returned is
 * held, for spin_unlock().
 */
static inline struct spin *chan_lock(struct oa_chan *ch)
{
	struct worker *w = worker_self();
	uint32_t who;

	if (likely(w) && bias_enter(&ch->who, &ch->inside.held, w->bias))
		return &ch->inside;
	/* [spin] pairs with spin_unlock() */
	if (unlikely(atomic_xchg_acq(&ch->lock.held, 1)))
		chan_wait_lock(ch, w);
	who = READ_ONCE(ch->who); /* relaxed: changed under the lock */
	if (unlikely(who != BIAS_NOBODY && who != BIAS_NEVER))
		bias_end(&ch->who, &ch->inside.held, false);
	return &ch->lock;
}

_Static_assert(offsetof(struct oa_chan, received) / OA_CACHELINE ==
	       offsetof(struct oa_chan, lock) / OA_CACHELINE, "one line");

static inline void chan_copy(void *to, const void *from, size_t n)
{
	if (likely(n == 8))
		__builtin_memcpy(to, from, 8);
	else if (n == 4)
		__builtin_memcpy(to, from, 4);
	else
		__builtin_memcpy(to, from, n);
}

/* How a waiter in one of the queues is served; L:lock */
bool chan_serve(struct oa_chan *ch, struct waiter *n, const void *elem,
		int res, struct wakes *wk);

/* Under the lock: somebody other than @t waits in it. */
bool chan_anybody(const struct waiter *queue, const struct task *t);

/* sync/chan_seg.c; under the lock but for the first and the last */
struct chan_seg *chan_seg_new(const struct oa_chan *ch);
bool chan_seg_room(const struct oa_chan *ch);
void chan_seg_add(struct oa_chan *ch, struct chan_seg *seg);
void chan_seg_put(struct oa_chan *ch, const void *elem);
struct chan_seg *chan_seg_get(struct oa_chan *ch, void *elem);
struct chan_seg *chan_seg_all(struct oa_chan *ch);
void chan_seg_free(struct chan_seg *list);

/* sync/broadcast.c; under the lock */
int broadcast_put(struct oa_chan *ch, const void *elem, struct wakes *wk);
/* -EAGAIN: nothing new. */
int broadcast_get(struct oa_chan_sub *sub, void *elem);

/* For a select, which takes no notice of its own waiters. */
int chan_enlist_send(struct oa_chan *ch, struct waiter *n);
int chan_enlist_recv(struct oa_chan *ch, struct waiter *n);
int chan_enlist_recv_from(struct oa_chan_sub *sub, struct waiter *n);
void chan_delist(struct oa_chan *ch, struct waiter **queue, struct waiter *n);

void chan_put_ref(struct oa_chan *ch);

#endif
