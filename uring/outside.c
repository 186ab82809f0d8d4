// SPDX-License-Identifier: MIT
/*
 * The descriptor of a worker that a foreign event loop drives.
 *
 * A ring with deferred task work is not readable before somebody enters it. But
 * an eventfd that is registered with it is signalled when work is added to an
 * empty list, so this is an epoll of such an eventfd, of the doorbell and of a
 * timer. All three are watched for edges: what they had to say is taken by one
 * epoll_wait(), without reading any of them, while for the outer loop, which
 * only asks whether an event waits in here, it is a level.
 *
 * The order when the worker leaves: take the events, do the work that the ring
 * has collected, look at everything else. Work that is added to the list before
 * that is done there; what is added afterwards finds it empty and signals.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/fault.h"
#include "core/runtime.h"
#include "uring/ring.h"

static void close_all(struct outside *o)
{
	close(o->fd);
	close(o->ring_fd);
	close(o->timer_fd);
}

/* Each is -1 or open afterwards. */
static int make_fds(struct outside *o)
{
	o->fd = o->ring_fd = o->timer_fd = -1;
	if (fault_hit(FAULT_EPOLL))
		return -EMFILE;
	o->fd = epoll_create1(EPOLL_CLOEXEC);
	if (o->fd < 0)
		return -errno;
	if (fault_hit(FAULT_EVENTFD))
		return -EMFILE;
	o->ring_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (o->ring_fd < 0)
		return -errno;
	if (fault_hit(FAULT_TIMERFD))
		return -EMFILE;
	o->timer_fd = timerfd_create(CLOCK_MONOTONIC,
				     TFD_CLOEXEC | TFD_NONBLOCK);
	return o->timer_fd < 0 ? -errno : 0;
}

static int watch(const struct outside *o, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

	if (fault_hit(FAULT_EPOLL))
		return -ENOMEM;
	return epoll_ctl(o->fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static int watch_ring(struct uring *r, const struct outside *o)
{
	if (fault_hit(FAULT_REGISTER))
		return -ENOMEM;
	return io_uring_register_eventfd(&r->ring, o->ring_fd);
}

int outside_fd(struct worker *w)
{
	struct uring *r = ring_of(w);
	struct outside o;
	int was = errno, err;

	if (r->outside.made)
		return r->outside.fd;
	err = make_fds(&o);
	if (!err)
		err = watch(&o, o.ring_fd);
	if (!err)
		err = watch(&o, o.timer_fd);
	if (!err)
		err = watch(&o, r->event_fd);
	if (!err)
		err = watch_ring(r, &o);
	if (err) {
		close_all(&o);
		errno = was;
		return err;
	}
	o.timer_at = OA_FOREVER;
	o.made = true;
	r->outside = o;
	/* What has come so far. */
	outside_set(w, 0);
	errno = was;
	return o.fd;
}

void outside_close(struct uring *r)
{
	if (r->outside.made)
		close_all(&r->outside);
	r->outside.made = false;
}

void outside_clear(struct worker *w)
{
	struct uring *r = ring_of(w);
	struct epoll_event ev[3];

	if (!r->outside.made)
		return;
	while (epoll_wait(r->outside.fd, ev, 3, 0) < 0 && errno == EINTR)
		;
	/* Its flag may be stale, but its list need not be. */
	if (IO_URING_READ_ONCE(*r->ring.sq.kflags) & IORING_SQ_TASKRUN)
		ring_reap(w);
}

static void ring_bell(const struct outside *o)
{
	uint64_t one = 1;

	/* EAGAIN: the counter is full, which is an event as well. */
	while (write(o->ring_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void set_timer(struct outside *o, oa_time_t when)
{
	struct itimerspec its = { .it_value.tv_nsec = 0 };

	if (when == o->timer_at)
		return;
	o->timer_at = when;
	if (when != OA_FOREVER) {
		its.it_value.tv_sec = when / OA_SEC;
		its.it_value.tv_nsec = when % OA_SEC;
	}
	timerfd_settime(o->timer_fd, TFD_TIMER_ABSTIME, &its, NULL);
}

void outside_set(struct worker *w, oa_time_t when)
{
	struct uring *r = ring_of(w);
	struct outside *o = &r->outside;

	if (!o->made)
		return;
	if (unlikely(r->deaf))
		when = min_of(when, r->deaf_at);
	if (when)
		set_timer(o, when);
	else
		ring_bell(o);
}
