// SPDX-License-Identifier: MIT
/*
 * Broadcast: the ring holds the last so many elements by number, and each
 * subscriber knows the number that it wants next. A send never waits. Who
 * waits has had everything, so it is served with the new element itself.
 */
#include "sync/chan.h"

static inline char *at(struct oa_chan *ch, uint64_t seq)
{
	return ch->ring + seq % ch->cap * ch->elem_size;
}

int broadcast_put(struct oa_chan *ch, const void *elem, struct wakes *wk)
{
	struct oa_chan_sub *sub;
	struct waiter *n;

	chan_copy(at(ch, ch->seq++), elem, ch->elem_size);
	WRITE_ONCE(ch->len, (size_t)min_of(ch->seq, (uint64_t)ch->cap));
	ch->sent++;
	while ((n = queue_pop(&ch->receivers))) {
		sub = (struct oa_chan_sub *)(uintptr_t)n->on;
		/* Before the claim: afterwards it is its owner's. */
		sub->oa__at++;
		if (chan_serve(ch, n, elem, 0, wk))
			ch->received++;
		else
			sub->oa__at--;
	}
	return 0;
}

int broadcast_get(struct oa_chan_sub *sub, void *elem)
{
	struct oa_chan *ch = sub->oa__chan;
	uint64_t oldest = ch->seq > ch->cap ? ch->seq - ch->cap : 0;

	if (unlikely(sub->oa__at < oldest)) {
		sub->oa__lost = oldest - sub->oa__at;
		sub->oa__at = oldest;
		return -EOVERFLOW;
	}
	if (sub->oa__at == ch->seq)
		return ch->closed ? -EPIPE : -EAGAIN;
	chan_copy(elem, at(ch, sub->oa__at++), ch->elem_size);
	ch->received++;
	return 0;
}

int oa_chan_subscribe(struct oa_chan *ch, struct oa_chan_sub *sub)
{
	struct spin *held;

	if (!ch || !sub || ch->kind != OA_CHAN_BROADCAST)
		return -EINVAL;
	held = chan_lock(ch);
	*sub = (struct oa_chan_sub){
		.oa__chan = ch, .oa__at = ch->seq, .oa__next = ch->subs,
	};
	ch->subs = sub;
	ch->nr_subs++;
	spin_unlock(held);
	return 0;
}

/* Under the lock: does anybody wait by it? */
static bool in_use(const struct oa_chan *ch, const struct oa_chan_sub *sub)
{
	const struct waiter *n = ch->receivers;

	if (!n)
		return false;
	do {
		if (n->on == sub)
			return true;
		n = n->next;
	} while (n != ch->receivers);
	return false;
}

int oa_chan_unsubscribe(struct oa_chan_sub *sub)
{
	struct oa_chan *ch = sub ? sub->oa__chan : NULL;
	struct oa_chan_sub **p;
	int err = -EINVAL;
	struct spin *held;

	if (!ch)
		return -EINVAL;
	held = chan_lock(ch);
	for (p = &ch->subs; *p && *p != sub; p = &(*p)->oa__next)
		;
	if (*p)
		err = in_use(ch, sub) ? -EBUSY : 0;
	if (!err) {
		*p = sub->oa__next;
		ch->nr_subs--;
		sub->oa__chan = NULL;
	}
	spin_unlock(held);
	return err;
}

uint64_t oa_chan_lost(const struct oa_chan_sub *sub)
{
	return sub ? sub->oa__lost : 0;
}

int oa_chan_tryrecv_from(struct oa_chan_sub *sub, void *elem)
{
	struct oa_chan *ch = sub ? sub->oa__chan : NULL;
	struct spin *held;
	int ret;

	if (!ch || !elem)
		return -EINVAL;
	held = chan_lock(ch);
	ret = broadcast_get(sub, elem);
	spin_unlock(held);
	return ret;
}

int oa_chan_recv_from_until(struct oa_chan_sub *sub, void *elem,
			    oa_time_t deadline)
{
	struct oa_chan *ch = sub ? sub->oa__chan : NULL;
	enum wait_state how;
	struct spin *held;
	struct waiter n;
	struct task *t;
	int ret = ch && elem ? sync_begin(&t) : -EINVAL;

	if (ret)
		return ret;
	waiter_enter(&n, t, "chan recv", sub, deadline);
	n.data = elem;
	held = chan_lock(ch);
	ret = broadcast_get(sub, elem);
	if (ret != -EAGAIN) {
		spin_unlock(held);
		return ret;
	}
	waiter_open(&n);
	queue_append(&ch->receivers, &n);
	spin_unlock(held);
	how = park_wait(t);
	if (likely(how == WAIT_WOKEN))
		return n.res;
	chan_delist(ch, &ch->receivers, &n);
	if (how == WAIT_TIMEDOUT)
		deadline_mark(t, deadline);
	return park_errno(how);
}

int oa_chan_recv_from(struct oa_chan_sub *sub, void *elem)
{
	return oa_chan_recv_from_until(sub, elem, OA_FOREVER);
}

int chan_enlist_recv_from(struct oa_chan_sub *sub, struct waiter *n)
{
	struct oa_chan *ch = sub->oa__chan;
	struct spin *held = chan_lock(ch);
	bool ready;

	ready = ch->closed || sub->oa__at != ch->seq;
	if (!ready)
		queue_append(&ch->receivers, n);
	spin_unlock(held);
	return ready;
}
