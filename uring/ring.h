/* SPDX-License-Identifier: MIT */
/* A worker's ring. See uring/ring.c, uring/req.c, uring/kick.c. */
#ifndef OA_URING_RING_H
#define OA_URING_RING_H

#include "core/op.h"
#include "core/worker.h"
#include "uring/probe.h"
#include "uring/uapi.h"

/* How long a request that was asked to end is given at first. */
#define DEAF_FIRST	(5 * OA_MSEC)
#define SQ_RESERVED	16u	/* entries kept for cancels and re-arms */

/* user_data of what is not an op; ops are pointers, aligned to 8. */
enum ring_tag {
	TAG_KICK = 1,		/* somebody's doorbell */
	TAG_EVENT = 2,		/* the eventfd's poll */
	TAG_CANCEL = 4,		/* a cancel's own, with the op it is for */
	TAG_VOID = 5,		/* ... that a fault leaves without effect */
	TAG_MASK = 7,
};

/* Of a worker that a foreign event loop drives; uring/outside.c. */
struct outside {
	bool made;			/* W */
	int fd;				/* W; an epoll of the following */
	int ring_fd;			/* W; signalled by the ring, and by us */
	int timer_fd;			/* W */
	oa_time_t timer_at;		/* W; what it is set to */
};

struct uring {
	struct io_uring ring;		/* W; K */
	int fd;				/* I; for others' messages */
	int event_fd;			/* I; the doorbell that always works */
	uint32_t inflight;		/* W; requests not completed */
	uint32_t extra;			/* W; cancels and polls not completed */
	bool stale;			/* W; TASKRUN says nothing, see ring.c */
	bool more;		/* W; deferred completions may be left */
	bool event_armed;		/* W; the eventfd's poll is in flight */
	bool registered;		/* I */
	uint32_t enter_flags;		/* I */
	struct op *late;		/* W; no room in the queue yet */
	struct op **late_last;		/* W */
	struct op *late_cancels;	/* W; likewise, their cancels */
	struct op **late_cancels_last;	/* W */
	struct op *deaf;		/* W; cancelled in vain so far */
	oa_time_t deaf_at;		/* W; when these are asked again */
	oa_time_t deaf_ns;		/* W; how long they are given */
	struct outside outside;		/* W */
};

static inline struct uring *ring_of(const struct worker *w)
{
	return w->backend;
}

/* Requests in the queue that the kernel does not know yet. */
static inline unsigned int ring_unsent_n(const struct uring *r)
{
	return r->ring.sq.sqe_tail - *r->ring.sq.khead;
}

int ring_init(struct worker *w);
void ring_fini(struct worker *w);
void ring_free(struct worker *w);
void ring_forked(struct worker *w);

/* Owner. Hands on and reaps; waits for @few completions. 0 or -errno. */
int ring_enter(struct worker *w, unsigned int few, oa_time_t deadline);
/* Owner. Hands on alone: what the kernel has deferred stays so. */
void ring_submit(struct worker *w);
bool ring_ready(struct worker *w);
bool ring_unsent(struct worker *w);
bool ring_is_idle(struct worker *w);
int ring_reap(struct worker *w);
void ring_wait(struct worker *w, oa_time_t deadline, unsigned int few);
bool ring_waits_for_few(void);

/* Owner. The eventfd's poll is to be in flight before a park on the ring. */
bool ring_arm_event(struct worker *w);

/* May a request prepared by hand be made? See oa_sqe(3). */
bool raw_may(const struct io_uring_sqe *sqe);
/* True: the request itself had ended before its cancel was answered. */
bool req_cancel_answered(struct uring *r, struct op *op, int32_t res);
void req_start(struct worker *w, struct op *op);
void req_cancel(struct worker *w, struct op *op);
/* Owner. Asks again what has been asked to end and does not. */
void req_ask_again(struct worker *w);
/* Owner. What found no room before. */
void req_flush_late(struct worker *w);
/* Owner. Its request has completed: the cancel kept for it is not needed. */
void req_forget_cancel(struct uring *r, struct op *op);

/* Owner. See core/poll.h. */
int outside_fd(struct worker *w);
void outside_clear(struct worker *w);
void outside_set(struct worker *w, oa_time_t when);
void outside_close(struct uring *r);

void kick_worker(struct worker *w, enum worker_state how);

#endif
