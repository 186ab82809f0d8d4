// SPDX-License-Identifier: MIT
/*
 * The position of a file is moved by who reads or writes it without saying
 * where, and is one for all who have it open by descriptors that were
 * duplicated. The system calls hold a lock of it meanwhile; a request does not,
 * so two of them would write the same place, or read it both (Linux 6.18). So
 * whoever is to use the position of a regular file has it for himself first,
 * also for a call that is tried at once: its lock does not keep a request away.
 *
 * Files are told apart by device and inode, since nothing says which
 * descriptors are duplicates. Other files have no position, or take their time
 * (a device, say), and none of them is waited for.
 *
 * Who has one is on the list of a bucket, with those behind him who want it. It
 * is handed on under the lock of the bucket: the next one is put there in his
 * place, and claimed.
 */
#include "core/position.h"

#include <string.h>

#include "core/deadline.h"
#include "core/runtime.h"
#include "core/spin.h"

#define BUCKETS	64u

static struct bucket {
	struct spin lock;
	struct position *holders;	/* L:lock */
} buckets[BUCKETS];
SIM_STATE(buckets);

static struct bucket *bucket_of(uint64_t file)
{
	return &buckets[file % BUCKETS];
}

/* Under the lock. Where the holder of @file hangs; NULL: nobody has it. */
static struct position **find(struct bucket *b, uint64_t file)
{
	struct position **p = &b->holders;

	while (*p && (*p)->file != file)
		p = &(*p)->next;
	return *p ? p : NULL;
}

static void append(struct position *h, struct position *p)
{
	p->next = NULL;
	*h->last = p;
	h->last = &p->next;
}

static void unlink_waiter(struct position *h, struct position **at)
{
	struct position *p = *at;

	*at = p->next;
	if (h->last == &p->next)
		h->last = at;
}

static struct position *pop(struct position *h)
{
	struct position *p = h->first;

	if (p)
		unlink_waiter(h, &h->first);
	return p;
}

/* Under the lock: @p has it now. */
static void hold(struct bucket *b, struct position *p)
{
	p->first = NULL;
	p->last = &p->first;
	p->next = b->holders;
	b->holders = p;
}

/* @from, who does not have it any more, hands those who wait for it to @to. */
static void hand_waiters(struct position *from, struct position *to)
{
	to->first = from->first;
	to->last = from->first ? from->last : &to->first;
	from->first = NULL;
	from->last = &from->first;
}

/* Under the lock. @h hangs at @at; the next one who takes it has it. */
static void hand_on(struct bucket *b, struct position **at, struct wakes *wk)
{
	struct position *h = *at, *n;

	*at = h->next;
	while ((n = pop(h))) {
		/* As soon as it is claimed it may be about to leave. */
		hold(b, n);
		hand_waiters(h, n);
		if (waiter_claim_plain(&n->wait, wk))
			return;
		b->holders = n->next;
		hand_waiters(n, h);
	}
}

int position_enter(struct position *p, uint64_t file)
{
	struct bucket *b = bucket_of(file);
	struct task *t = park_self();
	struct position **h, **at;
	enum wait_state how;

	p->file = file;
	p->wait.task = t;
	spin_lock(&b->lock);
	h = find(b, file);
	if (likely(!h)) {
		hold(b, p);
		spin_unlock(&b->lock);
		return 0;
	}
	p->wait = (struct waiter){
		.task = t, .what = "position of a file",
		.deadline = deadline_min(t, OA_FOREVER), .mode = WAITER_PLAIN,
	};
	WRITE_ONCE(t->wait_on, &p->wait);
	p->wait.epoch = park_begin(t, WAIT_MAY_CANCEL | WAIT_SYNC,
				   p->wait.deadline);
	append(*h, p);
	spin_unlock(&b->lock);
	how = park_wait(t);
	if (likely(how == WAIT_WOKEN))
		return 0;
	spin_lock(&b->lock);
	h = find(b, file);
	for (at = h ? &(*h)->first : NULL; at && *at; at = &(*at)->next)
		if (*at == p) {
			unlink_waiter(*h, at);
			break;
		}
	spin_unlock(&b->lock);
	if (how == WAIT_TIMEDOUT)
		deadline_mark(t, OA_FOREVER);
	return park_errno(how);
}

void position_leave(struct position *p)
{
	struct bucket *b = bucket_of(p->file);
	struct position **at;
	struct wakes wk;

	wakes_init(&wk);
	spin_lock(&b->lock);
	at = find(b, p->file);
	/* Or it was given up for us: see position_bury(). */
	if (likely(at && *at == p))
		hand_on(b, at, &wk);
	spin_unlock(&b->lock);
	wakes_run(&wk);
}

/* Does @p lie in a frame that is never gone on with? */
static bool buried(const struct runtime *rt, const struct position *p)
{
	const struct task *t = p->wait.task;

	if (READ_ONCE(t->rt) != rt || READ_ONCE(t->flags) & TASK_POOLED)
		return false;
	for (uint32_t i = 0; i < rt->nr_workers; i++)
		if (READ_ONCE(rt->workers[i]->current) == t)
			return false;
	return true;
}

static void bury_in(struct bucket *b, struct runtime *rt, struct wakes *wk)
{
	struct position **at = &b->holders, **w;

	while (*at) {
		for (w = &(*at)->first; *w;)
			if (buried(rt, *w))
				unlink_waiter(*at, w);
			else
				w = &(*w)->next;
		if (!buried(rt, *at)) {
			at = &(*at)->next;
			continue;
		}
		hand_on(b, at, wk);
		/* Who has it now stands first. */
		at = &b->holders;
	}
}

void position_bury(struct runtime *rt)
{
	struct wakes wk;

	for (uint32_t i = 0; i < BUCKETS; i++) {
		wakes_init(&wk);
		spin_lock(&buckets[i].lock);
		bury_in(&buckets[i], rt, &wk);
		spin_unlock(&buckets[i].lock);
		wakes_run(&wk);
	}
}

void position_forked(void)
{
	memset(buckets, 0, sizeof(buckets));
}
