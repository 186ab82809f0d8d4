// SPDX-License-Identifier: MIT
/*
 * Requests: from an operation to a submission entry, and asking for its end.
 *
 * Neither can fail. What finds no room in the submission queue waits in a
 * list that needs no memory (its links are in the op) and goes first at the
 * next chance; a few entries are kept for cancels, so that a flood of
 * requests does not keep them out.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "core/bug.h"
#include "core/fault.h"
#include "uring/ring.h"

#define SOON		2u

/* How long a request that was asked to end is given at most. */
#define DEAF_LAST	(320 * OA_MSEC)

static const uint8_t opcodes[OP_CODES] = {
	[OP_READ] = IORING_OP_READ,
	[OP_WRITE] = IORING_OP_WRITE,
	[OP_READV] = IORING_OP_READV,
	[OP_WRITEV] = IORING_OP_WRITEV,
	[OP_OPENAT] = IORING_OP_OPENAT,
	[OP_OPENAT2] = IORING_OP_OPENAT2,
	[OP_CLOSE] = IORING_OP_CLOSE,
	[OP_FSYNC] = IORING_OP_FSYNC,
	[OP_STATX] = IORING_OP_STATX,
	[OP_ACCEPT] = IORING_OP_ACCEPT,
	[OP_CONNECT] = IORING_OP_CONNECT,
	[OP_SEND] = IORING_OP_SEND,
	[OP_RECV] = IORING_OP_RECV,
	[OP_SENDMSG] = IORING_OP_SENDMSG,
	[OP_RECVMSG] = IORING_OP_RECVMSG,
	[OP_POLL] = IORING_OP_POLL_ADD,
	[OP_SPLICE] = IORING_OP_SPLICE,
	[OP_FUTEX_WAIT] = OA_OP_FUTEX_WAIT,
};

static uint32_t poll_bits(uint32_t events)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	events = events << 16 | events >> 16;
#endif
	return events;
}

/*
 * Never private: the kernel does not find a private wait that was armed while
 * the process had one thread.
 */
static void fill_futex(struct io_uring_sqe *sqe)
{
	sqe->fd = OA_FUTEX2_U32;
	sqe->addr3 = FUTEX_BITSET_MATCH_ANY;
}

/* ->len says that there is probably nobody yet. */
static inline void fill_accept(struct io_uring_sqe *sqe)
{
	if (sqe->len && probe_has(CAP_ACCEPT_POLL))
		sqe->ioprio = OA_ACCEPT_POLL_FIRST;
	sqe->len = 0;
}

static inline void fill(struct io_uring_sqe *sqe, struct op *op)
{
	memset(sqe, 0, sizeof(*sqe));
	if (op->code == OP_RAW) {
		op_prep(op)(sqe, op_prep_arg(op));
		if (unlikely(!raw_may(sqe))) {
			memset(sqe, 0, sizeof(*sqe));
			sqe->opcode = OA_OP_NONE;
		}
		sqe->user_data = (uintptr_t)op;
		return;
	} else {
		sqe->opcode = opcodes[op->code];
		sqe->fd = op->fd;
		sqe->off = op->off;
		sqe->addr = op->addr;
		sqe->len = op->len;
		sqe->rw_flags = (int)op->flags;
	}
	if (op->code == OP_POLL)
		sqe->poll32_events = poll_bits(op->flags);
	else if (op->code == OP_ACCEPT)
		fill_accept(sqe);
	else if (op->code == OP_SPLICE)
		sqe->splice_fd_in = op->second->fd;
	else if (op->code == OP_FUTEX_WAIT)
		fill_futex(sqe);
	sqe->user_data = (uintptr_t)op;
}

static inline struct io_uring_sqe *get_sqe(struct uring *r, unsigned int keep)
{
	if (fault_hit(FAULT_SQE) || io_uring_sq_space_left(&r->ring) <= keep)
		return NULL;
	return io_uring_get_sqe(&r->ring);
}

/* Room by handing on what is there; NULL when the kernel takes no more. */
static __cold_path struct io_uring_sqe *make_room(struct worker *w,
						  unsigned int keep)
{
	STAT_INC(w, sq_full);
	ring_enter(w, 0, 0);
	return get_sqe(ring_of(w), keep);
}

/* What is linked to a request that fails ends by itself. */
static __cold_path struct io_uring_sqe *fail_before(struct uring *r,
						    struct io_uring_sqe *sqe)
{
	struct io_uring_sqe *next = io_uring_get_sqe(&r->ring);

	if (!next)
		return sqe;
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_READ;
	sqe->fd = -1;
	sqe->flags = IOSQE_IO_LINK;
	sqe->user_data = TAG_KICK;
	return next;
}

__always_inline_oa bool try_start(struct worker *w, struct op *op)
{
	struct uring *r = ring_of(w);
	struct io_uring_sqe *sqe = get_sqe(r, SQ_RESERVED);

	if (unlikely(!sqe))
		sqe = make_room(w, SQ_RESERVED);
	if (unlikely(!sqe))
		return false;
	if (fault_hit(FAULT_DROP))
		sqe = fail_before(r, sqe);
	fill(sqe, op);
	r->inflight++;
	return true;
}

static __cold_path void start_late(struct uring *r, struct op *op)
{
	op->late = NULL;
	*r->late_last = op;
	r->late_last = &op->late;
}

/*
 * A device is to have something to do while more is being prepared: 64 tasks
 * that read with O_DIRECT are served 1.15 times as fast by it as in batches of
 * a slice. From three on the kernel itself keeps them back for each other.
 */
static inline bool wants_device(const struct op *op)
{
	return op->pace == OP_SOON;
}

void req_start(struct worker *w, struct op *op)
{
	struct uring *r = ring_of(w);

	if (unlikely(r->late) || unlikely(!try_start(w, op)))
		start_late(r, op);
	else if (unlikely(wants_device(op)) && ring_unsent_n(r) >= SOON)
		ring_submit(w);
}

static bool try_cancel(struct worker *w, struct op *op)
{
	struct uring *r = ring_of(w);
	struct io_uring_sqe *sqe = get_sqe(r, 0);

	if (unlikely(!sqe))
		sqe = make_room(w, 0);
	if (unlikely(!sqe))
		return false;
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_ASYNC_CANCEL;
	sqe->fd = -1;
	sqe->addr = (uintptr_t)op;
	sqe->user_data = (uintptr_t)op | TAG_CANCEL;
	if (unlikely(fault_hit(FAULT_CANCEL))) {
		sqe->opcode = IORING_OP_NOP;
		sqe->user_data = (uintptr_t)op | TAG_VOID;
	}
	op->cancel_out = true;
	r->extra++;
	return true;
}

/* Takes @op out of the requests that were not handed on yet. */
static bool take_back(struct uring *r, struct op *op)
{
	struct op **p = &r->late;

	while (*p && *p != op)
		p = &(*p)->late;
	if (!*p)
		return false;
	*p = op->late;
	if (!*p)
		r->late_last = p;
	return true;
}

static void cancel_later(struct uring *r, struct op *op)
{
	op->late = NULL;
	*r->late_cancels_last = op;
	r->late_cancels_last = &op->late;
}

/*
 * Was found, and the kernel says that it told the thread that does it: now and
 * then that thread goes to sleep all the same (a splice on Linux 6.12). It is
 * asked again if it has not ended after a while.
 */
static __cold_path void is_deaf(struct uring *r, struct op *op)
{
	if (!r->deaf)
		r->deaf_at = poll_default->now() + r->deaf_ns;
	op->late = r->deaf;
	r->deaf = op;
}

/*
 * A request is in no list of the kernel's while it is between two tries: then
 * the cancel finds nothing, and the request may go on to wait. So it has to be
 * asked again, and the op stays until both have answered.
 */
bool req_cancel_answered(struct uring *r, struct op *op, int32_t res)
{
	op->cancel_out = false;
	if (op->answered)
		return true;
	if (res == -ENOENT)
		cancel_later(r, op);
	else if (res == -EALREADY)
		is_deaf(r, op);
	return false;
}

void req_ask_again(struct worker *w)
{
	struct uring *r = ring_of(w);
	struct op *op, *next;

	if (poll_default->now() < r->deaf_at)
		return;
	for (op = r->deaf, r->deaf = NULL; op; op = next) {
		next = op->late;
		cancel_later(r, op);
	}
	r->deaf_ns = min_of(r->deaf_ns * 2, DEAF_LAST);
}

void req_cancel(struct worker *w, struct op *op)
{
	struct uring *r = ring_of(w);

	op->cancel_out = false;
	op->answered = false;
	if (unlikely(r->late) && take_back(r, op)) {
		op_done(w, op, -ECANCELED, 0);
		return;
	}
	if (likely(!r->late_cancels) && likely(try_cancel(w, op)))
		return;
	cancel_later(r, op);
}

void req_forget_cancel(struct uring *r, struct op *op)
{
	struct op **p = &r->deaf;

	while (*p && *p != op)
		p = &(*p)->late;
	if (*p) {
		*p = op->late;
		return;
	}
	p = &r->late_cancels;
	while (*p && *p != op)
		p = &(*p)->late;
	if (!*p)
		return;
	*p = op->late;
	if (!*p)
		r->late_cancels_last = p;
}

void req_flush_late(struct worker *w)
{
	struct uring *r = ring_of(w);
	struct op *op;

	while ((op = r->late_cancels)) {
		r->late_cancels = op->late;
		if (!r->late_cancels)
			r->late_cancels_last = &r->late_cancels;
		if (!try_cancel(w, op)) {
			op->late = r->late_cancels;
			if (!r->late_cancels)
				r->late_cancels_last = &op->late;
			r->late_cancels = op;
			break;
		}
	}
	while ((op = r->late) && try_start(w, op)) {
		r->late = op->late;
		if (!r->late)
			r->late_last = &r->late;
	}
}
