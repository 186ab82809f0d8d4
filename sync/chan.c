// SPDX-License-Identifier: MIT
/*
 * Channels: a queue of elements, one of senders and one of receivers, under a
 * lock that is held for the copying of an element.
 *
 * There are waiting receivers only while there are no elements, and waiting
 * senders only while there is no room. Who finds the other side waiting serves
 * it on the spot: an element goes straight from hand to hand, or the oldest
 * sender's element takes the room that has become free, so order is kept.
 *
 * What a waiter gets is copied before its wait is claimed, since it may go on
 * at once then; if the claim fails, the copy in its hands means nothing, and
 * the element goes to the next. (For a select it is copied after the claim: two
 * of its cases may have the same place for the element. It takes the lock
 * before it goes.) The element of a sender that waits is taken from his hands
 * when he has been claimed, or before, and forgotten if the claim fails.
 *
 * Nothing touches the channel after the lock was given up: who has received the
 * last element may have destroyed it.
 */
#include "sync/chan.h"

#include <string.h>

#include "core/mem.h"
#include "core/runtime.h"

#define CHAN_MAX	((size_t)1 << 47)	/* bytes of all elements */
#define SEG_BYTES	4096u

/*
 * A worker that finds the lock held keeps off for a while, so that the other's
 * next operations find the lines in its cache: as many pauses, each as long as
 * one to three operations, as the other has been seen to use. Where he has both
 * to send and to receive that is up to a dozen us, for the lines that he takes
 * over, of the channel and of the tasks, cost him the first of them; where it
 * is our elements that he takes, or our room that he fills, he is not left
 * without.
 */
#define KEEP_OFF_LEAST	8u
#define KEEP_OFF_MOST	512u	/* 4 to 13 us */

static __glance uint64_t operations(const struct oa_chan *ch)
{
	return ch->sent + ch->received;
}

void chan_wait_lock(struct oa_chan *ch, struct worker *w)
{
	uint32_t pauses = w ? w->keep_off : KEEP_OFF_LEAST;
	uint64_t n = operations(ch);

	pauses = max_of(pauses, KEEP_OFF_LEAST);
	spin_keep_off(pauses);
	spin_wait(&ch->lock);
	if (!w)
		return;
	n = operations(ch) - n;
	if (n >= pauses)
		w->keep_off = min_of(pauses * 2, KEEP_OFF_MOST);
	else if (n < pauses / 4 * 3)
		w->keep_off = pauses / 2;
}

bool chan_serve(struct oa_chan *ch, struct waiter *n, const void *elem,
		int res, struct wakes *wk)
{
	bool select = n->mode == WAITER_SELECT;

	if (!select) {
		n->res = res;
		if (elem)
			chan_copy(n->data, elem, ch->elem_size);
	}
	if (!waiter_claim(n, wk))
		return false;
	if (select) {
		n->res = res;
		if (elem)
			chan_copy(n->data, elem, ch->elem_size);
	}
	return true;
}

bool chan_anybody(const struct waiter *queue, const struct task *t)
{
	const struct waiter *n = queue;

	if (!n)
		return false;
	do {
		if (n->task != t)
			return true;
		n = n->next;
	} while (n != queue);
	return false;
}

/* Under the lock, at one send of many ... */
static __noinline void look_whose(struct oa_chan *ch)
{
	bias_earned(&ch->who, &ch->inside.held);
}

/* ... and one receive of many, which may be another worker's. */
static inline void count_received(struct oa_chan *ch)
{
	if (unlikely(!(++ch->received % BIAS_USES)))
		bias_seen(&ch->who, &ch->inside.held, worker_self());
}

/* Under the lock. */
static inline void count_sent(struct oa_chan *ch)
{
	if (unlikely(!(++ch->sent % BIAS_USES)) &&
	    READ_ONCE(ch->who) == BIAS_NOBODY) /* relaxed: asked again */
		look_whose(ch);
}

/* chan_serve() in line, for who waits for nothing else. */
static inline bool serve(struct oa_chan *ch, struct waiter *n,
			 const void *elem, int res, struct wakes *wk)
{
	if (unlikely(n->mode == WAITER_SELECT))
		return chan_serve(ch, n, elem, res, wk);
	n->res = res;
	if (elem)
		chan_copy(n->data, elem, ch->elem_size);
	return waiter_claim_plain(n, wk);
}

/*
 * A task of the caller's runtime that waits for nothing else: it is claimed and
 * made ready without a set of wakes.
 */
static inline bool is_plain(const struct waiter *n)
{
	return likely(n->mode == WAITER_PLAIN && !park_is_foreign(n->task) &&
		      !(READ_ONCE(n->task->flags) & TASK_THREAD));
}

/* Hands it to a receiver that waits. */
static inline bool hand_over(struct oa_chan *ch, const void *elem,
			     struct wakes *wk)
{
	struct waiter *n;

	while ((n = queue_pop(&ch->receivers)))
		if (serve(ch, n, elem, 0, wk)) {
			ch->received++;
			return true;
		}
	return false;
}

static inline char *step(const struct oa_chan *ch, char *at)
{
	at += ch->elem_size;
	return at == ch->end ? ch->ring : at;
}

static inline void ring_put(struct oa_chan *ch, const void *elem)
{
	chan_copy(ch->wr, elem, ch->elem_size);
	ch->wr = step(ch, ch->wr);
	WRITE_ONCE(ch->len, ch->len + 1);
}

static inline void ring_unput(struct oa_chan *ch)
{
	ch->wr = (ch->wr == ch->ring ? ch->end : ch->wr) - ch->elem_size;
	WRITE_ONCE(ch->len, ch->len - 1);
}

static inline void drop_oldest(struct oa_chan *ch)
{
	ch->rd = step(ch, ch->rd);
	WRITE_ONCE(ch->len, ch->len - 1);
}

static inline void ring_get(struct oa_chan *ch, void *elem)
{
	chan_copy(elem, ch->rd, ch->elem_size);
	drop_oldest(ch);
}

/* No receiver waits and it is full: what the kind of channel does then. */
static int put_full(struct oa_chan *ch, const void *elem)
{
	switch (ch->kind) {
	case OA_CHAN_SLIDING:
		drop_oldest(ch);
		ring_put(ch, elem);
		break;
	case OA_CHAN_DROPPING:
		break;
	default:
		return -EAGAIN;
	}
	ch->dropped++;
	count_sent(ch);
	return 1;
}

/* Under the lock: 0, 1 (one was dropped), -EPIPE, or -EAGAIN: it is full. */
static inline int put(struct oa_chan *ch, const void *elem, struct wakes *wk)
{
	if (unlikely(ch->closed))
		return -EPIPE;
	if (ch->kind == OA_CHAN_BROADCAST)
		return broadcast_put(ch, elem, wk);
	if (!ch->receivers || !hand_over(ch, elem, wk)) {
		if (ch->kind == OA_CHAN_UNBOUNDED) {
			if (!chan_seg_room(ch))
				return -EAGAIN;
			chan_seg_put(ch, elem);
		} else if (ch->len < ch->cap) {
			ring_put(ch, elem);
		} else {
			return put_full(ch, elem);
		}
	}
	count_sent(ch);
	return 0;
}

/* An unbounded one has no room in its last piece. */
static __noinline int put_more(struct oa_chan *ch, const void *elem)
{
	struct chan_seg *seg = chan_seg_new(ch);
	struct spin *held;
	struct wakes wk;
	int ret;

	if (!seg)
		return -ENOMEM;
	wakes_init(&wk);
	held = chan_lock(ch);
	if (!ch->closed && !chan_seg_room(ch)) {
		chan_seg_add(ch, seg);
		seg = NULL;
	}
	ret = put(ch, elem, &wk);
	spin_unlock(held);
	wakes_run(&wk);
	chan_seg_free(seg);
	return ret;
}

/* Not served: out of the queue if it is still in it. */
static __noinline int gave_up(struct oa_chan *ch, struct waiter **queue,
			      struct waiter *n, oa_time_t own,
			      enum wait_state how)
{
	chan_delist(ch, queue, n);
	if (how == WAIT_TIMEDOUT)
		deadline_mark(n->task, own);
	return park_errno(how);
}

/* A thread, or with a deadline. */
static __noinline enum wait_state wait_unlocked(struct waiter **queue,
						struct waiter *n,
						struct spin *held)
{
	n->epoch = park_begin(n->task, WAIT_MAY_CANCEL | WAIT_SYNC,
			      n->deadline);
	queue_append(queue, n);
	spin_unlock(held);
	return park_wait(n->task);
}

/* Under the lock, which is given up: waits, and is served or takes it back. */
static inline int wait_in(struct oa_chan *ch, struct waiter **queue,
			  struct waiter *n, oa_time_t own, struct spin *held)
{
	struct worker *w = worker_self();
	struct task *t = n->task;
	enum wait_state how;

	bias_seen(&ch->who, &ch->inside.held, w);
	WRITE_ONCE(t->wait_on, n);
	if (likely(park_may_lock(w, t, n->deadline))) {
		n->epoch = park_begin_unseen(w, t);
		queue_append(queue, n);
		how = park_wait_locked(w, t, held);
	} else {
		how = wait_unlocked(queue, n, held);
	}
	return likely(how == WAIT_WOKEN) ? n->res
					 : gave_up(ch, queue, n, own, how);
}

/*
 * Under the lock, which is given up, as it is by all of these: it is full.
 * @t, which may wait; NULL: nobody may.
 */
static __noinline int send_wait(struct oa_chan *ch, const void *elem,
				struct task *t, oa_time_t deadline,
				struct spin *held)
{
	struct waiter n;

	if (!t) {
		spin_unlock(held);
		return -EAGAIN;
	}
	waiter_enter(&n, t, "chan send", ch, deadline);
	n.data = (void *)(uintptr_t)elem;
	return wait_in(ch, &ch->senders, &n, deadline, held);
}

/* Whatever the channel is and holds. */
static __noinline int send_slow(struct oa_chan *ch, const void *elem,
				struct task *t, oa_time_t deadline,
				struct spin *held)
{
	struct wakes wk;
	int ret;

	wakes_init(&wk);
	ret = put(ch, elem, &wk);
	if (ret == -EAGAIN && ch->plain)
		return send_wait(ch, elem, t, deadline, held);
	spin_unlock(held);
	wakes_run(&wk);
	while (unlikely(ret == -EAGAIN && ch->kind == OA_CHAN_UNBOUNDED))
		ret = put_more(ch, elem);
	return ret;
}

/* An open one of the plain kind, and a receiver waits. */
static __noinline int send_over(struct oa_chan *ch, const void *elem,
				struct task *t, oa_time_t deadline,
				struct spin *held)
{
	struct waiter *n = ch->receivers;
	struct task *to = n->task;
	enum claim claim;

	if (!is_plain(n))
		return send_slow(ch, elem, t, deadline, held);
	queue_remove(&ch->receivers, n);
	n->res = 0;
	chan_copy(n->data, elem, ch->elem_size);
	/* From here on @n may be gone. */
	claim = park_claim(to, n->epoch, WAIT_WOKEN);
	if (unlikely(claim == CLAIM_LOST))
		return send_slow(ch, elem, t, deadline, held);
	ch->received++;
	count_sent(ch);
	spin_unlock(held);
	if (likely(claim == CLAIM_PARKED))
		sched_ready(to);
	return 0;
}

static inline int send(struct oa_chan *ch, const void *elem, struct task *t,
		       oa_time_t deadline)
{
	struct spin *held = chan_lock(ch);

	if (unlikely(!ch->plain || ch->closed))
		return send_slow(ch, elem, t, deadline, held);
	if (ch->receivers)
		return send_over(ch, elem, t, deadline, held);
	if (ch->len >= ch->cap)
		return arch_return_int(send_wait(ch, elem, t, deadline, held));
	ring_put(ch, elem);
	count_sent(ch);
	spin_unlock(held);
	return 0;
}

int oa_chan_send_until(struct oa_chan *ch, const void *elem,
		       oa_time_t deadline)
{
	struct task *t;
	int ret = ch && elem ? sync_begin(&t) : -EINVAL;

	return unlikely(ret) ? ret : send(ch, elem, t, deadline);
}

int oa_chan_send(struct oa_chan *ch, const void *elem)
{
	return oa_chan_send_until(ch, elem, OA_FOREVER);
}

int oa_chan_trysend(struct oa_chan *ch, const void *elem)
{
	return ch && elem ? send(ch, elem, NULL, 0) : -EINVAL;
}

/* There is room for one more, or a receiver: the oldest sender is served. */
static inline void take_in(struct oa_chan *ch, struct wakes *wk)
{
	struct waiter *n;

	while ((n = queue_pop(&ch->senders))) {
		ring_put(ch, n->data);
		if (serve(ch, n, NULL, 0, wk)) {
			count_sent(ch);
			return;
		}
		/* He gave up: it is not sent. */
		ring_unput(ch);
	}
}

/* Of a rendezvous: straight from the hands of the oldest sender. */
static inline bool take_over(struct oa_chan *ch, void *elem, struct wakes *wk)
{
	struct waiter *n;

	while ((n = queue_pop(&ch->senders))) {
		chan_copy(elem, n->data, ch->elem_size);
		if (serve(ch, n, NULL, 0, wk)) {
			count_sent(ch);
			return true;
		}
	}
	return false;
}

/* Under the lock: 0, -EPIPE, or -EAGAIN. @seg: a piece to be freed. */
static inline int get(struct oa_chan *ch, void *elem, struct wakes *wk,
		      struct chan_seg **seg)
{
	if (ch->len) {
		if (unlikely(ch->kind == OA_CHAN_UNBOUNDED)) {
			*seg = chan_seg_get(ch, elem);
		} else {
			ring_get(ch, elem);
			if (ch->senders)
				take_in(ch, wk);
		}
	} else if (!ch->senders || !take_over(ch, elem, wk)) {
		return ch->closed ? -EPIPE : -EAGAIN;
	}
	count_received(ch);
	return 0;
}

/* Under the lock, which is given up, as it is by all of these: it is empty. */
static __noinline int recv_wait(struct oa_chan *ch, void *elem,
				struct task *t, oa_time_t deadline,
				struct spin *held)
{
	struct waiter n;

	if (!t) {
		spin_unlock(held);
		return -EAGAIN;
	}
	waiter_enter(&n, t, "chan recv", ch, deadline);
	n.data = elem;
	return wait_in(ch, &ch->receivers, &n, deadline, held);
}

/* Whatever the channel is and holds. */
static __noinline int recv_slow(struct oa_chan *ch, void *elem,
				struct task *t, oa_time_t deadline,
				struct spin *held)
{
	struct chan_seg *seg = NULL;
	struct wakes wk;
	int ret;

	wakes_init(&wk);
	ret = get(ch, elem, &wk, &seg);
	if (ret == -EAGAIN)
		return recv_wait(ch, elem, t, deadline, held);
	spin_unlock(held);
	wakes_run(&wk);
	if (unlikely(seg != NULL))
		chan_seg_free(seg);
	return ret;
}

/* One of the plain kind, without elements, and a sender waits. */
static __noinline int recv_over(struct oa_chan *ch, void *elem,
				struct task *t, oa_time_t deadline,
				struct spin *held)
{
	struct waiter *n = ch->senders;
	struct task *from = n->task;
	enum claim claim;

	if (!is_plain(n))
		return recv_slow(ch, elem, t, deadline, held);
	queue_remove(&ch->senders, n);
	n->res = 0;
	chan_copy(elem, n->data, ch->elem_size);
	/* From here on @n may be gone. */
	claim = park_claim(from, n->epoch, WAIT_WOKEN);
	if (unlikely(claim == CLAIM_LOST))
		return recv_slow(ch, elem, t, deadline, held);
	count_sent(ch);
	ch->received++;
	spin_unlock(held);
	if (likely(claim == CLAIM_PARKED))
		sched_ready(from);
	return 0;
}

__always_inline_oa int recv(struct oa_chan *ch, void *elem, struct task *t,
		       oa_time_t deadline)
{
	struct spin *held = chan_lock(ch);

	if (unlikely(!ch->plain))
		return recv_slow(ch, elem, t, deadline, held);
	if (!ch->len) {
		if (ch->senders)
			return recv_over(ch, elem, t, deadline, held);
		if (unlikely(ch->closed))
			return recv_slow(ch, elem, t, deadline, held);
		return arch_return_int(recv_wait(ch, elem, t, deadline, held));
	}
	if (ch->senders)
		return recv_slow(ch, elem, t, deadline, held);
	ring_get(ch, elem);
	count_received(ch);
	spin_unlock(held);
	return 0;
}

static inline bool one_for_all(const struct oa_chan *ch)
{
	return ch && ch->kind != OA_CHAN_BROADCAST;
}

int oa_chan_recv_until(struct oa_chan *ch, void *elem, oa_time_t deadline)
{
	struct task *t;
	int ret = one_for_all(ch) && elem ? sync_begin(&t) : -EINVAL;

	return unlikely(ret) ? ret : recv(ch, elem, t, deadline);
}

int oa_chan_recv(struct oa_chan *ch, void *elem)
{
	return oa_chan_recv_until(ch, elem, OA_FOREVER);
}

int oa_chan_tryrecv(struct oa_chan *ch, void *elem)
{
	return one_for_all(ch) && elem ? recv(ch, elem, NULL, 0) : -EINVAL;
}

/* Under the lock: nobody has anything to wait for any more. */
static void close_locked(struct oa_chan *ch, struct wakes *wk)
{
	struct waiter *n;

	ch->closed = true;
	while ((n = queue_pop(&ch->senders)))
		chan_serve(ch, n, NULL, -EPIPE, wk);
	while ((n = queue_pop(&ch->receivers)))
		chan_serve(ch, n, NULL, -EPIPE, wk);
}

int oa_chan_close(struct oa_chan *ch)
{
	struct spin *held;
	struct wakes wk;

	if (!ch)
		return -EINVAL;
	wakes_init(&wk);
	held = chan_lock(ch);
	close_locked(ch, &wk);
	spin_unlock(held);
	wakes_run(&wk);
	return 0;
}

int oa_chan_stop(struct oa_chan *ch)
{
	struct chan_seg *segs = NULL;
	struct spin *held;
	struct wakes wk;

	if (!one_for_all(ch))
		return -EINVAL;
	wakes_init(&wk);
	held = chan_lock(ch);
	close_locked(ch, &wk);
	ch->dropped += ch->len;
	WRITE_ONCE(ch->len, 0);
	ch->rd = ch->wr;
	if (ch->kind == OA_CHAN_UNBOUNDED)
		segs = chan_seg_all(ch);
	spin_unlock(held);
	wakes_run(&wk);
	chan_seg_free(segs);
	return 0;
}

int chan_enlist_send(struct oa_chan *ch, struct waiter *n)
{
	struct spin *held = chan_lock(ch);
	bool ready;

	ready = ch->closed || ch->kind != OA_CHAN_BOUNDED ||
		ch->len < ch->cap || chan_anybody(ch->receivers, n->task);
	if (!ready)
		queue_append(&ch->senders, n);
	spin_unlock(held);
	return ready;
}

int chan_enlist_recv(struct oa_chan *ch, struct waiter *n)
{
	struct spin *held = chan_lock(ch);
	bool ready;

	ready = ch->closed || ch->len || chan_anybody(ch->senders, n->task);
	if (!ready)
		queue_append(&ch->receivers, n);
	spin_unlock(held);
	return ready;
}

void chan_delist(struct oa_chan *ch, struct waiter **queue, struct waiter *n)
{
	struct spin *held = chan_lock(ch);

	if (n->queued)
		queue_remove(queue, n);
	spin_unlock(held);
}

/* The hooks of the caller's runtime, or the C library. */
static struct oa_allocator allocator(void)
{
	struct worker *w = worker_self();

	return w ? *rt_alloc(w->rt) : (struct oa_allocator){ NULL, NULL, NULL };
}

static int check_size(size_t elem_size, size_t capacity, unsigned int kind)
{
	size_t bytes;

	if (!elem_size || kind > OA_CHAN_BROADCAST)
		return -EINVAL;
	if (!capacity && kind > OA_CHAN_UNBOUNDED)
		return -EINVAL;
	if (kind == OA_CHAN_UNBOUNDED)
		capacity = 1;
	if (__builtin_mul_overflow(elem_size, capacity, &bytes) ||
	    bytes > CHAN_MAX)
		return -EOVERFLOW;
	return 0;
}

int oa_chan_create(struct oa_chan **out, size_t elem_size, size_t capacity,
		   enum oa_chan_kind kind)
{
	struct oa_allocator a = allocator();
	int err = check_size(elem_size, capacity, (unsigned int)kind);
	struct oa_chan *ch;

	if (err || !out)
		return err ? err : -EINVAL;
	ch = mem_alloc(&a, sizeof(*ch), OA_CACHELINE);
	if (!ch)
		return -ENOMEM;
	ch->alloc = a;
	ch->kind = (uint8_t)kind;
	ch->elem_size = elem_size;
	ch->cap = capacity;
	ch->plain = kind == OA_CHAN_BOUNDED;
	ch->refs = 1;
	if (kind == OA_CHAN_UNBOUNDED) {
		ch->cap = SEG_BYTES / elem_size;
		ch->cap = max_of(ch->cap, (size_t)1);
	} else if (capacity) {
		ch->ring = mem_alloc(&a, capacity * elem_size, OA_CACHELINE);
		if (!ch->ring) {
			mem_free(&a, ch, sizeof(*ch));
			return -ENOMEM;
		}
		ch->rd = ch->wr = ch->ring;
		ch->end = ch->ring + capacity * elem_size;
	}
	*out = ch;
	return 0;
}

void chan_put_ref(struct oa_chan *ch)
{
	struct oa_allocator a = ch->alloc;

	/* [chan-ref] what its users did, before it goes */
	if (atomic_sub(&ch->refs, 1) != 1)
		return;
	chan_seg_free(chan_seg_all(ch));
	chan_seg_free(ch->spare);
	if (ch->ring)
		mem_free(&a, ch->ring, ch->cap * ch->elem_size);
	mem_free(&a, ch, sizeof(*ch));
}

int oa_chan_destroy(struct oa_chan *ch)
{
	struct spin *held;
	bool busy;

	if (!ch)
		return -EINVAL;
	/* Who has just served the caller gives the lock up last of all. */
	held = chan_lock(ch);
	busy = ch->senders || ch->receivers || ch->nr_subs ||
	       (ch->consumed && !ch->closed);
	spin_unlock(held);
	if (busy)
		return -EBUSY;
	chan_put_ref(ch);
	return 0;
}

size_t oa_chan_len(const struct oa_chan *ch)
{
	return ch ? READ_ONCE(ch->len) : 0;
}

size_t oa_chan_cap(const struct oa_chan *ch)
{
	if (!ch)
		return 0;
	return ch->kind == OA_CHAN_UNBOUNDED ? SIZE_MAX : ch->cap;
}

static uint32_t count(const struct waiter *queue)
{
	const struct waiter *n = queue;
	uint32_t c = 0;

	if (!n)
		return 0;
	do {
		c++;
		n = n->next;
	} while (n != queue);
	return c;
}

int oa_chan_info(struct oa_chan *ch, struct oa_chan_info *info)
{
	struct oa_chan_info is = { .size = 0 };
	struct spin *held;
	uint32_t size;

	if (!ch || !info || !info->size)
		return -EINVAL;
	size = info->size;
	if (size > sizeof(is))
		return -E2BIG;
	held = chan_lock(ch);
	is.size = size;
	is.kind = (enum oa_chan_kind)ch->kind;
	is.elem_size = ch->elem_size;
	is.capacity = oa_chan_cap(ch);
	is.len = ch->len;
	is.senders = count(ch->senders);
	is.receivers = count(ch->receivers);
	is.subscribers = ch->nr_subs;
	is.closed = ch->closed;
	is.sent = ch->sent;
	is.received = ch->received;
	is.dropped = ch->dropped;
	spin_unlock(held);
	memcpy(info, &is, size);
	return 0;
}
