// SPDX-License-Identifier: MIT
/*
 * Objects that tasks wait for: one word and a queue.
 *
 * The word holds the object's value and, in its low bits, the lock of the
 * queue and whether anybody is in it. Who need not wait, and has nobody to
 * wake, swaps the word once and is done. All else is done under the lock: it
 * is held for a few instructions, never over a switch or a system call. While
 * it is held the word does not change, since every swap expects it free.
 *
 * Why the lock lies in the word: an object may be freed by whoever saw it in
 * the state that lets him, while the one who brought it there is still busy
 * with the queue. (A last `done` of a wait group that lives on the waiter's
 * stack; an unlock before the last reference goes.) Every such look at the
 * word waits for the lock to go, and giving it up, by the store that shows the
 * new state, is the last thing its holder does to the object. Who has been
 * woken does not look at it any more: the waker may free it as well.
 *
 * Waking: a waiter is taken out of the queue and its wait claimed, both under
 * the lock; those claimed are made ready after it was given up (struct wakes).
 * A claim that fails means that a cancel or a deadline came first, and the next
 * waiter is tried: what was to be handed over is still the caller's. Who gave
 * up takes the lock to leave the queue, so a waiter that is seen under the
 * lock is there. What a waiter is given is written before the claim, for it
 * may go on as soon as it is claimed.
 */
#include "sync/sync.h"

#include <string.h>

#include "core/conds.h"

/* The ring of waiters: *q is the oldest, its ->prev the newest. */
void queue_append(struct waiter **q, struct waiter *n)
{
	struct waiter *at = *q;

	n->queued = true;
	if (!at) {
		n->next = n->prev = n;
		*q = n;
		return;
	}
	n->next = at;
	n->prev = at->prev;
	at->prev->next = n;
	at->prev = n;
}

void queue_insert(struct waiter **q, struct waiter *at, struct waiter *n)
{
	n->queued = true;
	n->next = at;
	n->prev = at->prev;
	at->prev->next = n;
	at->prev = n;
	if (*q == at)
		*q = n;
}

void waiter_open(struct waiter *n)
{
	switch (n->mode) {
	case WAITER_SELECT:
		return;
	case WAITER_START:
		n->epoch = park_begin_unstarted(n->task, n, n->deadline);
		return;
	default:
		WRITE_ONCE(n->task->wait_on, n);
		n->epoch = park_begin(n->task, n->flags | WAIT_SYNC,
				      n->deadline);
	}
}

int sync_sleep(struct sync *s, uint64_t w, struct waiter *n, oa_time_t own)
{
	enum wait_state how;

	WRITE_ONCE(s->waits, s->waits + 1);
	n->held = HELD_NOT;
	sync_unlock(s, w | SYNC_WAITERS);
	how = park_wait(n->task);
	if (likely(how == WAIT_WOKEN)) {
		waiter_let_go(n);
		return 0;
	}
	if (how == WAIT_TIMEDOUT)
		deadline_mark(n->task, own);
	return park_errno(how);
}

void sync_withdraw(struct sync *s, struct waiter *n)
{
	uint64_t w = sync_lock(s);

	if (n->queued)
		sync_remove(s, n);
	sync_unlock(s, sync_mark(s, w));
}

int sync_destroy(struct sync *s)
{
	if (!s)
		return -EINVAL;
	return sync_read(s) & SYNC_WAITERS ? -EBUSY : 0;
}

static uint32_t count_waiters(struct sync *s)
{
	struct waiter *n;
	uint32_t count = 0;
	uint64_t w;

	if (!(sync_read(s) & SYNC_WAITERS))
		return 0;
	w = sync_lock(s);
	n = s->queue;
	if (n) {
		do {
			count++;
			n = n->next;
		} while (n != s->queue);
	}
	sync_unlock(s, w);
	return count;
}

int sync_info(const void *obj, struct oa_sync_info *info,
	      const struct oa_sync_info *is)
{
	struct oa_sync_info all = *is;
	uint32_t size;

	if (!info || !info->size)
		return -EINVAL;
	size = info->size;
	if (size > sizeof(all))
		return -E2BIG;
	all.size = size;
	all.waiters = count_waiters((struct sync *)(uintptr_t)obj);
	all.waits = READ_ONCE(((const struct sync *)obj)->waits);
	memcpy(info, &all, size);
	return 0;
}
