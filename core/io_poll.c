// SPDX-License-Identifier: MIT
/*
 * oa_poll(): one request per descriptor, one wait over all of them. While it
 * lasts the task keeps to its worker.
 *
 * A request to poll ends on POLLRDHUP whether that was asked for or not, and
 * would do so again at once. When that is all it has to tell, the wait goes on
 * by way of an epoll descriptor, which does not. The descriptors stay claimed
 * meanwhile, so that a close of one finds this wait.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <oa/io.h>

#include "core/deadline.h"
#include "core/fd.h"
#include "core/io.h"
#include "core/io_many.h"
#include "core/mem.h"
#include "core/park.h"
#include "core/runtime.h"
#include "core/sched.h"

#define FEW 8u
/* Told whether asked for or not. */
#define ALWAYS (POLLERR | POLLHUP | POLLNVAL)
/* Nothing to tell but what nobody asked for. */
#define UNWANTED (-ERANGE)
/* Nothing will ever be told, but poll(2) waits for it all the same. */
#define NEVER	(-EDOM)

/* -EAGAIN: the number is just being given back. */
static int set_up(struct worker *w, struct op *op, struct pollfd *p)
{
	int err = 0;

	op_init(op, OP_POLL, p->fd);
	op->res = 0;
	op->flags = (uint16_t)p->events;
	p->revents = 0;
	if (p->fd >= 0)
		err = op_claim_fds(w, op);
	if (p->fd < 0 || err)
		op->state = OP_DONE;
	if (err)
		op->res = -EBADF;
	return err == -EAGAIN ? err : 0;
}

/*
 * All or, while one of them is being given back, none: an operation that is
 * claimed and not started must not be met by a close.
 */
static void set_up_all(struct worker *w, struct task *t, struct op *ops,
		       struct pollfd *fds, nfds_t n)
{
	nfds_t i = 0;

	while (i < n) {
		if (!set_up(w, &ops[i], &fds[i])) {
			i++;
			continue;
		}
		while (i)
			fd_done(&ops[--i]);
		/* It keeps to its worker. */
		sched_give_way(w, t);
	}
}

/*
 * Entry @i was given up, for another had something to tell: if that is of the
 * same descriptor, so may this one have, as poll(2) looks at all at once.
 */
static void look_beside(const struct op *ops, struct pollfd *fds, nfds_t n,
			nfds_t i)
{
	struct pollfd p = { .fd = fds[i].fd, .events = fds[i].events };

	for (nfds_t k = 0; k < n; k++) {
		if (fds[k].fd != p.fd || ops[k].res <= 0)
			continue;
		if (poll(&p, 1, 0) > 0)
			fds[i].revents = p.revents;
		return;
	}
}

/*
 * A close is told to one entry after another. Who has heard of it in one finds
 * it in all of that descriptor: @count, and how many more.
 */
static int closed_beside(struct pollfd *fds, nfds_t n, int count)
{
	for (nfds_t k = 0; k < n; k++) {
		if (fds[k].revents != POLLNVAL)
			continue;
		for (nfds_t i = 0; i < n; i++) {
			if (fds[i].fd != fds[k].fd || fds[i].revents)
				continue;
			fds[i].revents = POLLNVAL;
			count++;
		}
	}
	return count;
}

/* How many descriptors have something to tell; 0 or an error: none has. */
static int sum_up(struct task *t, struct op *ops, struct pollfd *fds, nfds_t n,
		  oa_time_t own)
{
	int count = 0, err = 0;
	bool unwanted = false, never = false, closed = false;

	for (nfds_t i = 0; i < n; i++) {
		struct op *op = &ops[i];

		if (fds[i].fd < 0)
			continue;
		if (op->res >= 0) {
			fds[i].revents = (short)(op->res &
						 (fds[i].events | ALWAYS));
			unwanted = unwanted || (op->res && !fds[i].revents);
		} else if (op->reason == OP_REASON_CLOSE || op->res == -EBADF) {
			fds[i].revents = POLLNVAL;
			closed = true;
		} else if (op->reason == OP_REASON_CANCEL) {
			err = -ECANCELED;
		} else if (op->reason == OP_REASON_TIMEOUT &&
			   (op->res == -ECANCELED || op->res == -EINTR)) {
			err = -ETIMEDOUT;
		} else if (op->res == -EINVAL) {
			never = true;
		} else if (op->res != -ECANCELED) {
			err = op->res;
		} else {
			look_beside(ops, fds, n, i);
		}
		count += fds[i].revents != 0;
	}
	if (closed)
		return closed_beside(fds, n, count);
	/* A deadline has fired if that is what came of it. */
	if (!count && err == -ETIMEDOUT)
		deadline_mark(t, own);
	if (count || err)
		return count ? count : err;
	return unwanted ? UNWANTED : never ? NEVER : 0;
}

static int poll_all(struct op *ops, struct pollfd *fds, nfds_t n,
		    oa_time_t until)
{
	struct worker *w = worker_self();
	struct task *t = w->current;
	uint32_t was = many_hold(w, t);
	bool known = false, any = false;
	int ret;

	set_up_all(w, t, ops, fds, n);
	for (nfds_t i = 0; i < n; i++) {
		ops[i].sibling = i + 1 < n ? &ops[i + 1] : NULL;
		known = known || ops[i].res;
		any = any || ops[i].state == OP_IDLE;
	}
	if (!known && !any) {
		many_release(t, was);
		return oa_sleep_until(until);
	}
	/* When one has something to tell already, the others only get a look. */
	if (any)
		many_first(w, t, ops, n,
			   known ? 0 : deadline_min(t, until));
	many_rest(w, t, ops, n);
	many_release(t, was);
	ret = sum_up(t, ops, fds, n, until);
	/* The call's own time is up: that is an answer, not an error. */
	if (ret == -ETIMEDOUT &&
	    !(t->within && t->within->effective <= until))
		return 0;
	return ret;
}

/*
 * Without those that cannot be polled with what was asked for, which the kernel
 * refuses as a request, and poll(2) finds to have nothing to tell, ever. They
 * are left out as negative descriptors are.
 */
static __cold_path int poll_others(struct op *ops, struct pollfd *fds, nfds_t n,
				   oa_time_t until)
{
	const struct oa_allocator *a = rt_alloc(task_self()->rt);
	bool *out = mem_alloc(a, n, 1);
	int ret = NEVER;

	if (!out)
		return -ENOMEM;
	while (ret == NEVER) {
		for (nfds_t i = 0; i < n; i++) {
			if (fds[i].fd < 0 || ops[i].res != -EINVAL)
				continue;
			out[i] = true;
			fds[i].fd = ~fds[i].fd;
		}
		ret = poll_all(ops, fds, n, until);
	}
	for (nfds_t i = 0; i < n; i++)
		if (out[i])
			fds[i].fd = ~fds[i].fd;
	mem_free(a, out, n);
	return ret;
}

/* An epoll descriptor that is readable when any of @fds may have something. */
static int watch_all(const struct pollfd *fds, nfds_t n)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), err = 0;
	struct epoll_event ev;

	if (ep < 0)
		return -errno;
	for (nfds_t i = 0; i < n && !err; i++) {
		if (fds[i].fd < 0)
			continue;
		ev.events = (uint16_t)fds[i].events;
		/* The same descriptor again: for what all its entries want. */
		for (nfds_t k = 0; k < i; k++)
			if (fds[k].fd == fds[i].fd)
				ev.events |= (uint16_t)fds[k].events;
		/* EPERM: a file that never has anything to tell. */
		if (epoll_ctl(ep, EPOLL_CTL_ADD, fds[i].fd, &ev) &&
		    errno != EPERM &&
		    (errno != EEXIST ||
		     epoll_ctl(ep, EPOLL_CTL_MOD, fds[i].fd, &ev)))
			err = -errno;
	}
	if (err)
		close(ep);
	return err ? err : ep;
}

/* Something to tell, or somebody closes one of them: what is it? */
static int look_again(struct op *ops, struct pollfd *fds, nfds_t n)
{
	int ret = poll(fds, n, 0), count = 0;

	if (ret < 0)
		return -errno;
	for (nfds_t i = 0; i < n; i++) {
		if (ops[i].closer || ops[i].res == -EBADF)
			fds[i].revents = POLLNVAL;
		count += fds[i].revents != 0;
	}
	return closed_beside(fds, n, count);
}

/* Waits on the epoll descriptor @ep until one of @fds has something to tell. */
static int wait_epoll(int ep, struct op *ops, struct pollfd *fds, nfds_t n,
		      oa_time_t until)
{
	struct pollfd any = { .fd = ep, .events = POLLIN };
	struct op op;
	int ret;

	op_init(&op, OP_POLL, ep);
	for (nfds_t i = 0; i < n; i++)
		if (ops[i].state == OP_IDLE)
			op_watch(&ops[i], &op);
	do {
		ret = poll_all(&op, &any, 1, until);
		if (ret > 0)
			ret = look_again(ops, fds, n);
		else
			break;
	} while (!ret);
	return ret;
}

static __cold_path int poll_by_epoll(struct op *ops, struct pollfd *fds,
				     nfds_t n, oa_time_t until)
{
	struct worker *w = worker_self();
	struct task *t = w->current;
	uint32_t was = many_hold(w, t);
	int ep, ret;

	/* Claimed for as long as it takes, so that a close ends the wait. */
	set_up_all(w, t, ops, fds, n);
	ret = look_again(ops, fds, n);
	if (!ret) {
		ep = ret = watch_all(fds, n);
		if (ep >= 0) {
			fd_opened(ep);
			ret = wait_epoll(ep, ops, fds, n, until);
			close(ep);
		}
	}
	for (nfds_t i = 0; i < n; i++)
		op_unwatch(&ops[i]);
	many_release(t, was);
	return ret;
}

/* On the blocking pool. */
static __cold_path int poll_plain(struct task *t, struct pollfd *fds, nfds_t n,
				  int timeout_ms)
{
	oa_time_t own = timeout_ms < 0 ? OA_FOREVER
				       : oa_after(timeout_ms * OA_MSEC);
	oa_time_t until = deadline_min(t, own), left;
	struct timespec ts;
	int ret;

	left = max_of(until - oa_now(), (oa_time_t)0);
	ts.tv_sec = left / OA_SEC;
	ts.tv_nsec = left % OA_SEC;
	ret = ppoll(fds, n, until == OA_FOREVER ? NULL : &ts, NULL);
	if (ret || until == own)
		return ret < 0 ? -errno : ret;
	deadline_mark(t, own);
	return -ETIMEDOUT;
}

int oa_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct op few[FEW], *ops = few;
	struct task *t = task_self();
	oa_time_t until;
	int ret;

	if (!t)
		return -EPERM;
	ret = park_check(t);
	if (ret)
		return ret;
	if (n > 65536 || (n && !fds))
		return n > 65536 ? -EINVAL : -EFAULT;
	if (t->flags & TASK_THREAD)
		return poll_plain(t, fds, n, timeout_ms);
	until = timeout_ms < 0 ? OA_FOREVER
			       : oa_after(timeout_ms * OA_MSEC);
	if (!n)
		return timeout_ms < 0 ? oa_sleep_until(OA_FOREVER)
				      : oa_sleep_until(until);
	if (n > FEW)
		ops = mem_alloc(rt_alloc(t->rt), n * sizeof(*ops), 64);
	if (!ops)
		return -ENOMEM;
	ret = poll_all(ops, fds, n, until);
	if (unlikely(ret == NEVER))
		ret = poll_others(ops, fds, n, until);
	if (unlikely(ret == UNWANTED))
		ret = poll_by_epoll(ops, fds, n, until);
	if (ops != few)
		mem_free(rt_alloc(t->rt), ops, n * sizeof(*ops));
	return ret;
}
