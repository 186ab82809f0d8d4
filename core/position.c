// SPDX-License-Identifier: MIT
/*
 * The position of a file is moved by who reads or writes it without saying
 * where, and is one for all who have it open by descriptors that were
 * duplicated. The system calls hold a lock of it meanwhile; a request does not,
 * so two of them would write the same place, or read it both (Linux 6.18). So
 * whoever is to use the position of a regular file has it for himself first,
 * also for a call that is tried at once: its lock does not keep a request away.
 *
 * Files are told apart by device and inode, and where two meet, the kernel is
 * asked whether their descriptors are duplicates; if it does not say, they wait
 * for each other. Other files than regular ones have no position, or take their
 * time (a device, say), and none of them is waited for.
 *
 * Who has one is on the list of a bucket, with those behind him who want it. It
 * is handed on under the lock of the bucket: the next one is put there in his
 * place, and claimed.
 */
#include "core/position.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/deadline.h"
#include "core/fd.h"
#include "core/runtime.h"
#include "core/spin.h"

#define BUCKETS	64u
#define OA_F_DUPFD_QUERY 1027		/* Linux 6.10 */

static struct bucket {
	struct spin lock;
	struct position *holders;	/* L:lock */
} buckets[BUCKETS];
SIM_STATE(buckets);

static struct bucket *bucket_of(uint64_t file)
{
	return &buckets[file % BUCKETS];
}

/* Do both use one position? True if that cannot be known. */
static bool is_shared(int a, int b)
{
	int ret;

	if (a == b)
		return true;
	ret = fcntl(a, OA_F_DUPFD_QUERY, b);
	if (ret < 0) {
		if (errno != EINVAL)
			return true;
		/* Before Linux 6.10. */
		ret = (int)syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, a,
				   b);
		return ret <= 0;
	}
	return ret;
}

/* A number that was given away since says nothing of the file it was open on. */
static bool may_share(const struct position *h, const struct position *p)
{
	return h->file == p->file &&
	       (!fd_is(h->fd, h->gen) || is_shared(h->fd, p->fd));
}

/* Under the lock. Who has the position that @p is to have; NULL: nobody. */
static struct position *find(const struct bucket *b, const struct position *p)
{
	struct position *h = b->holders;

	while (h && !may_share(h, p))
		h = h->next;
	return h;
}

/* Under the lock. Where @p hangs; NULL: it has none. */
static struct position **find_holder(struct bucket *b,
				     const struct position *p)
{
	struct position **at = &b->holders;

	while (*at && *at != p)
		at = &(*at)->next;
	return *at ? at : NULL;
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

static void init(struct position *p, uint64_t file, int fd)
{
	p->file = file;
	p->fd = fd;
	p->gen = fd_gen(fd);
	p->wait.task = park_self();
}

bool position_tryenter(struct position *p, uint64_t file, int fd)
{
	struct bucket *b = bucket_of(file);
	bool is_free;

	init(p, file, fd);
	spin_lock(&b->lock);
	is_free = !find(b, p);
	if (likely(is_free))
		hold(b, p);
	spin_unlock(&b->lock);
	return is_free;
}

/* Under the lock: @p waits for nobody any more. */
static void withdraw(struct bucket *b, struct position *p)
{
	struct position *h, **at;

	for (h = b->holders; h; h = h->next)
		for (at = &h->first; *at; at = &(*at)->next)
			if (*at == p) {
				unlink_waiter(h, at);
				return;
			}
}

int position_enter(struct position *p, uint64_t file, int fd)
{
	struct bucket *b = bucket_of(file);
	struct task *t = park_self();
	enum wait_state how;
	struct position *h;

	init(p, file, fd);
	spin_lock(&b->lock);
	h = find(b, p);
	if (!h) {
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
	append(h, p);
	spin_unlock(&b->lock);
	how = park_wait(t);
	if (likely(how == WAIT_WOKEN))
		return 0;
	spin_lock(&b->lock);
	withdraw(b, p);
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
	at = find_holder(b, p);
	/* Or it was given up for us: see position_bury(). */
	if (likely(at != NULL))
		hand_on(b, at, &wk);
	spin_unlock(&b->lock);
	wakes_run(&wk);
}

/* Whose frames are gone, or will never be gone on with. */
struct gone {
	const struct task *task;	/* this one, or */
	const struct runtime *rt;	/* those of this one */
};

static bool is_gone(const struct gone *g, const struct position *p)
{
	const struct task *t = p->wait.task;

	if (g->task)
		return t == g->task;
	/* Those on the pool come to their ends by themselves. */
	if (READ_ONCE(t->rt) != g->rt || READ_ONCE(t->flags) & TASK_POOLED)
		return false;
	for (uint32_t i = 0; i < g->rt->nr_workers; i++)
		if (READ_ONCE(g->rt->workers[i]->current) == t)
			return false;
	return true;
}

/* Under the lock. */
static void drop_gone(struct bucket *b, const struct gone *g, struct wakes *wk)
{
	struct position **at = &b->holders, **w;

	while (*at) {
		for (w = &(*at)->first; *w;)
			if (is_gone(g, *w))
				unlink_waiter(*at, w);
			else
				w = &(*w)->next;
		if (!is_gone(g, *at)) {
			at = &(*at)->next;
			continue;
		}
		hand_on(b, at, wk);
		/* Who has it now stands first. */
		at = &b->holders;
	}
}

static void drop_all_gone(const struct gone *g)
{
	struct wakes wk;

	for (uint32_t i = 0; i < BUCKETS; i++) {
		wakes_init(&wk);
		spin_lock(&buckets[i].lock);
		drop_gone(&buckets[i], g, &wk);
		spin_unlock(&buckets[i].lock);
		wakes_run(&wk);
	}
}

void position_bury(struct runtime *rt)
{
	drop_all_gone(&(const struct gone){ .rt = rt });
}

void position_give_up(const struct task *t)
{
	drop_all_gone(&(const struct gone){ .task = t });
}

void position_forked(void)
{
	memset(buckets, 0, sizeof(buckets));
}
