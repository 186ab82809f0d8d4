// SPDX-License-Identifier: MIT
/*
 * The ring of a worker: set up, entered, reaped, waited on.
 *
 * Completions of a ring with deferred task work appear only inside an enter
 * with GETEVENTS; watching the tail sees nothing. So "ready" is: tail differs
 * from head, or the flags say that task work or overflowed completions wait.
 * One enter brings at most twenty deferred completions, and the flag does not
 * tell of what is left: after twenty it is repeated, or requests that the kernel
 * does at once, again and again, would pass those that had to wait. Not for
 * ever, since tasks want to run in between.
 *
 * The kernel adds task work and then sets the flag. Who enters in between does
 * the work first and gets a flag afterwards that means nothing, until other work
 * clears it: an enter that brings nothing while the flag stays takes it for
 * stale. The worker may then park in the ring, where the kernel looks for
 * itself, and while it has tasks it enters once in each slice.
 *
 * A full completion queue, EBUSY and EAGAIN are ordinary states: reap first,
 * then go on.
 */
#include "uring/ring.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <poll.h>

#include "core/bug.h"
#include "core/fault.h"
#include "core/mem.h"
#include "core/runtime.h"
#include "uring/locked.h"

#define REAP_ROUNDS	8
#define DEFERRED_MAX	20u	/* that one enter brings */
#define IOWQ_BOUND	64u

/* Entries, and the memory that they take. */
static const struct {
	unsigned int sq, cq;
	size_t bytes;
} sizes[] = {
	{ 256, 4096, 84 << 10 }, { 128, 1024, 28 << 10 },
	{ 64, 256, 12 << 10 }, { 32, 64, 8 << 10 },
};

/* The largest of which there is one for each worker, if that is limited. */
static size_t fair_size(const struct runtime *rt)
{
	size_t i = 0, limit;

	/* Older kernels do not charge for rings. */
	if (!probe_has(CAP_SEND_MSG_RING))
		return 0;
	limit = locked_limit() / rt->nr_workers;
	while (i + 1 < ARRAY_SIZE(sizes) && sizes[i].bytes > limit)
		i++;
	return i;
}

static int ring_create_sized(struct uring *r, unsigned int sq, unsigned int cq)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL |
			 IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
		.cq_entries = cq,
	};

	return io_uring_queue_init_params(sq, &r->ring, &p);
}

static int ring_create(struct uring *r, const struct runtime *rt)
{
	unsigned int tries = 0;
	int err = -ENOMEM;

	if (fault_hit(FAULT_RING))
		return err;
	do
		for (size_t i = fair_size(rt);
		     i < ARRAY_SIZE(sizes) && err == -ENOMEM; i++)
			err = ring_create_sized(r, sizes[i].sq, sizes[i].cq);
	while (err == -ENOMEM && locked_wait(&tries));
	return err;
}

static void ring_tune(struct uring *r)
{
	struct oa_clock_register clk = { .clockid = CLOCK_MONOTONIC };
	/* Files, and what may wait for ever on another request; 0: no limit. */
	unsigned int max[2] = { IOWQ_BOUND, 0 };

	if (probe_has(CAP_CLOCK) && !fault_hit(FAULT_REGISTER))
		syscall(SYS_io_uring_register, r->fd, OA_REGISTER_CLOCK, &clk,
			0);
	/*
	 * Files must not grow threads without bound. Splices and, on old
	 * kernels, reads of pipes may: each holds a thread until its peer
	 * moves, which may need a thread as well.
	 */
	if (!fault_hit(FAULT_REGISTER))
		io_uring_register_iowq_max_workers(&r->ring, max);
	if (probe_has(CAP_REGISTERED_RING) && !fault_hit(FAULT_REGISTER))
		r->registered = io_uring_register_ring_fd(&r->ring) == 1;
	r->enter_flags = r->registered ? OA_ENTER_REGISTERED : 0;
	if (probe_has(CAP_NO_IOWAIT))
		r->enter_flags |= OA_ENTER_NO_IOWAIT;
	/* A forked child must not share the queues; stacks it keeps. */
	madvise(r->ring.sq.ring_ptr, r->ring.sq.ring_sz, MADV_DONTFORK);
	madvise(r->ring.sq.sqes,
		r->ring.sq.ring_entries * sizeof(struct io_uring_sqe),
		MADV_DONTFORK);
}

int ring_init(struct worker *w)
{
	struct uring *r = mem_alloc(rt_alloc(w->rt), sizeof(*r), 64);
	int err;

	if (!r)
		return -ENOMEM;
	r->late_last = &r->late;
	r->late_cancels_last = &r->late_cancels;
	r->deaf_ns = DEAF_FIRST;
	r->event_fd = fault_hit(FAULT_EVENTFD)
			      ? -EMFILE
			      : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->event_fd < 0) {
		err = r->event_fd == -1 ? -errno : r->event_fd;
		goto err_free;
	}
	err = ring_create(r, w->rt);
	if (err)
		goto err_event;
	r->fd = r->ring.ring_fd;
	ring_tune(r);
	w->backend = r;
	return 0;
err_event:
	close(r->event_fd);
err_free:
	mem_free(rt_alloc(w->rt), r, sizeof(*r));
	return err;
}

/*
 * The runtime is over: no request is in flight, but the eventfd's poll and
 * cancels may be. Ring and descriptors stay until nobody can kick any more;
 * see uring_runtime_fini().
 */
void ring_fini(struct worker *w)
{
	struct uring *r = ring_of(w);

	OA_BUG_ON(r->inflight || r->late);
	/* Only this thread can; another would keep the ring alive by it. */
	if (r->registered)
		io_uring_unregister_ring_fd(&r->ring);
	r->registered = false;
	r->enter_flags &= ~OA_ENTER_REGISTERED;
}

void ring_free(struct worker *w)
{
	struct uring *r = ring_of(w);

	if (!r)
		return;
	outside_close(r);
	io_uring_queue_exit(&r->ring);
	close(r->event_fd);
	mem_free(rt_alloc(w->rt), r, sizeof(*r));
	w->backend = NULL;
}

/* The child of fork(): the queues are not mapped here, only the numbers. */
void ring_forked(struct worker *w)
{
	struct uring *r = ring_of(w);

	if (!r)
		return;
	outside_close(r);
	close(r->fd);
	close(r->event_fd);
	w->backend = NULL;
}

static unsigned int flush_sq(struct uring *r)
{
	struct io_uring_sq *sq = &r->ring.sq;

	if (sq->sqe_head != sq->sqe_tail) {
		sq->sqe_head = sq->sqe_tail;
		/* [sq-tail] entries before the tail, for the kernel */
		io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
	}
	/* the kernel's side of [sq-tail] is in its own sources */
	return sq->sqe_tail - *sq->khead;
}

bool ring_unsent(struct worker *w)
{
	struct uring *r = ring_of(w);

	return ring_unsent_n(r) || r->late ||
	       r->late_cancels || r->stale;
}

bool ring_ready(struct worker *w)
{
	struct uring *r = ring_of(w);
	unsigned int flags = IO_URING_READ_ONCE(*r->ring.sq.kflags);

	return io_uring_cq_ready(&r->ring) || flags & IORING_SQ_CQ_OVERFLOW ||
	       (flags & IORING_SQ_TASKRUN && !r->stale) || r->more ||
	       (unlikely(r->deaf) && poll_default->now() >= r->deaf_at);
}

bool ring_is_idle(struct worker *w)
{
	struct uring *r = ring_of(w);

	return !r->inflight && !r->extra && !r->event_armed &&
	       !ring_unsent(w) && !ring_ready(w) && probe_has(CAP_WAITV);
}

/* Fills the timeout of a wait; false: it has passed. */
static bool fill_timeout(struct __kernel_timespec *ts, oa_time_t deadline,
			 uint32_t *flags)
{
	oa_time_t at = deadline;

	if (probe_has(CAP_ABS_TIMER)) {
		*flags |= OA_ENTER_ABS_TIMER;
	} else {
		at -= poll_default->now();
		if (at <= 0)
			return false;
	}
	ts->tv_sec = at / OA_SEC;
	ts->tv_nsec = at % OA_SEC;
	return true;
}

static int enter(struct uring *r, unsigned int submit, unsigned int min,
		 uint32_t flags, const void *arg, size_t size)
{
	if (fault_hit(FAULT_ENTER))
		return -EBUSY;
	return io_uring_enter2((unsigned int)r->ring.enter_ring_fd, submit, min,
			       flags | r->enter_flags,
			       (sigset_t *)(uintptr_t)arg, size);
}

int ring_enter(struct worker *w, unsigned int few, oa_time_t deadline)
{
	struct uring *r = ring_of(w);
	struct __kernel_timespec ts;
	struct oa_getevents_arg arg = { .sigmask_sz = _NSIG / 8 };
	uint32_t flags = IORING_ENTER_GETEVENTS;
	unsigned int submit = flush_sq(r);

	STAT_INC(w, enters);
	if (!few)
		return enter(r, submit, 0, flags, NULL, 0);
	flags |= OA_ENTER_EXT_ARG;
	if (deadline != OA_FOREVER) {
		if (!fill_timeout(&ts, deadline, &flags))
			return enter(r, submit, 0, IORING_ENTER_GETEVENTS,
				     NULL, 0);
		arg.ts = (uintptr_t)&ts;
	}
	if (few > 1)
		arg.min_wait_usec = (uint32_t)(w->rt->cfg.coalesce / OA_USEC);
	return enter(r, submit, few, flags, &arg, sizeof(arg));
}

void ring_submit(struct worker *w)
{
	struct uring *r = ring_of(w);

	STAT_INC(w, enters);
	enter(r, flush_sq(r), 0, 0, NULL, 0);
}

/*
 * Requests that a thread of the kernel's did and a cancel interrupted may end
 * in a number that is not meant for programs: splices do.
 */
static int32_t result_of(int32_t res)
{
	return unlikely(res <= -ERESTARTSYS && res >= -ERESTART_RESTARTBLOCK)
		       ? -EINTR
		       : res;
}

static void complete(struct worker *w, struct uring *r,
		     const struct io_uring_cqe *cqe)
{
	struct op *op;

	switch (cqe->user_data) {
	case TAG_KICK:
		return;
	case TAG_EVENT:
		if (!(cqe->flags & IORING_CQE_F_MORE))
			r->event_armed = false;
		return;
	}
	op = (struct op *)(uintptr_t)(cqe->user_data & ~(uint64_t)TAG_MASK);
	if (unlikely(cqe->user_data & TAG_CANCEL)) {
		bool is_void = (cqe->user_data & TAG_MASK) == TAG_VOID;

		r->extra--;
		if (req_cancel_answered(r, op, is_void ? -EALREADY : cqe->res))
			op_done(w, op, op->res, op->cflags);
		return;
	}
	if (unlikely(cqe->flags & IORING_CQE_F_MORE))
		return;
	r->inflight--;
	if (unlikely(op->asked)) {
		r->deaf_ns = DEAF_FIRST;
		if (r->late_cancels || r->deaf)
			req_forget_cancel(r, op);
		if (op->cancel_out) {
			op->res = result_of(cqe->res);
			op->cflags = cqe->flags;
			op->answered = true;
			return;
		}
	}
	op_done(w, op, result_of(cqe->res), cqe->flags);
}

/* What is in the completion queue now. */
static unsigned int reap_queue(struct worker *w)
{
	struct uring *r = ring_of(w);
	struct io_uring_cqe *cqe;
	unsigned int head, n = 0;

	io_uring_for_each_cqe(&r->ring, head, cqe) {
		complete(w, r, cqe);
		n++;
	}
	io_uring_cq_advance(&r->ring, n);
	return n;
}

static void note_batch(struct worker *w, unsigned int n)
{
	unsigned int b;

	if (!n)
		return;
	b = 31u - (unsigned int)__builtin_clz(n);
	STAT_INC(w, reap_batch[min_of(b, OA_STATS_BUCKETS - 1u)]);
}

/*
 * An enter brought @got completions and took @sent requests: is there more?
 * What the kernel did at once comes beside the deferred; if that is all of it,
 * there were none.
 */
static void note_more(struct uring *r, unsigned int got, unsigned int sent)
{
	r->more = got >= DEFERRED_MAX && got != sent;
}

int ring_reap(struct worker *w)
{
	struct uring *r = ring_of(w);
	unsigned int n = reap_queue(w), flags, got, sent;

	r->stale = false;
	if (unlikely(r->deaf))
		req_ask_again(w);
	for (int i = 0; i < REAP_ROUNDS; i++) {
		flags = IO_URING_READ_ONCE(*r->ring.sq.kflags);
		if (unlikely(flags & IORING_SQ_CQ_OVERFLOW))
			STAT_INC(w, cq_overflows);
		if (unlikely(r->late || r->late_cancels))
			req_flush_late(w);
		if (!ring_unsent(w) && !r->more &&
		    !(flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)))
			break;
		sent = ring_unsent_n(r);
		ring_enter(w, 0, 0);
		got = reap_queue(w);
		note_more(r, got, sent);
		n += got;
		flags = IO_URING_READ_ONCE(*r->ring.sq.kflags);
		r->stale = !got && flags & IORING_SQ_TASKRUN;
		if (r->stale && !(flags & IORING_SQ_CQ_OVERFLOW))
			break;
	}
	note_batch(w, n);
	return (int)n;
}

bool ring_arm_event(struct worker *w)
{
	struct uring *r = ring_of(w);
	struct io_uring_sqe *sqe;

	if (likely(r->event_armed))
		return true;
	sqe = io_uring_get_sqe(&r->ring);
	if (!sqe)
		return false;
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_POLL_ADD;
	sqe->fd = r->event_fd;
	/* Edge-triggered: nobody has to read the counter down. */
	sqe->poll32_events = POLLIN | (1u << 31);
	sqe->len = IORING_POLL_ADD_MULTI;
	sqe->user_data = TAG_EVENT;
	r->event_armed = true;
	return true;
}

bool ring_waits_for_few(void)
{
	/* By eventfd it would be kicked but once. */
	return probe_has(CAP_MIN_WAIT) && probe_has(CAP_SEND_MSG_RING);
}

void ring_wait(struct worker *w, oa_time_t deadline, unsigned int few)
{
	unsigned int n, sent;

	if (unlikely(ring_of(w)->deaf)) {
		req_ask_again(w);
		deadline = min_of(deadline, ring_of(w)->deaf_at);
	}
	/* Being armed is a condition of this park; otherwise look again. */
	if (!ring_arm_event(w) || ring_of(w)->late ||
	    ring_of(w)->late_cancels) {
		ring_reap(w);
		return;
	}
	sent = ring_unsent_n(ring_of(w));
	ring_enter(w, few, deadline);
	ring_of(w)->stale = false;
	n = reap_queue(w);
	note_batch(w, n);
	note_more(ring_of(w), n, sent);
}
