/* SPDX-License-Identifier: MIT */
/* Operations on the outside: one request each. Lifecycle in core/op.c. */
#ifndef OA_CORE_OP_H
#define OA_CORE_OP_H

#include "core/poll.h"
#include "core/task.h"

struct closer;

enum op_pace {
	OP_USUAL,
	OP_SOON,		/* of reads and writes: a device waits */
	OP_PATIENT,		/* takes what has come from where it can wait */
};

/* An operation on the list of its descriptor at its worker. */
struct fd_link {
	struct fd_link *next;		/* W */
	struct fd_link **pprev;		/* W; NULL: on no list */
	struct op *op;			/* I */
	int fd;				/* I */
	uint32_t gen;			/* I; of the descriptor's record */
};

/*
 * In the frame of the task that waits for it. The backend and the kernel may
 * use it from op_start() until op_done(); the task stays suspended until then.
 */
struct op {
	uint8_t code;			/* enum op_code */
	uint8_t state;			/* W; enum op_state */
	uint8_t reason;			/* W; enum op_reason: asked to end, why */
	bool asked;			/* W; a cancel is on its way */
	int fd;
	uint64_t off;			/* offset, or second address */
	uint64_t addr;
	uint32_t len;			/* OP_ACCEPT: wait before it is tried */
	uint32_t flags;			/* of the operation */
	union {
		struct {
			int32_t res;	/* W; of the last completion */
			uint32_t cflags;	/* W; its flags */
		};
		struct op **held_at;	/* W; while OP_HELD */
	};
	struct task *task;		/* I */
	uint64_t epoch;			/* T; wait that it ends */
	struct op *sibling;		/* I; next of the same wait */
	/* W; backend: it, or its cancel, kept back; while OP_HELD the next held */
	struct op *late;
	struct closer *closer;		/* W; who waits for its end */
	struct closer *also;		/* W; likewise, if there is ->closer */
	bool cancel_out;		/* W; backend, if asked: unanswered */
	bool answered;			/* W; backend, if asked: it has ended */
	uint8_t pace;			/* I; enum op_pace */
	bool urgent;			/* W; counted in w->urgent_ops */
	uint32_t since;			/* W; completions when it began */
	struct fd_link link;
	struct fd_link *second;		/* I; of OP_SPLICE: where from */
};

/* What a request is about is then filled in; the rest is set as it goes. */
static inline void op_init(struct op *op, enum op_code code, int fd)
{
	op->code = (uint8_t)code;
	op->state = 0;
	op->reason = 0;
	op->asked = false;
	op->pace = OP_USUAL;
	op->fd = fd;
	op->off = 0;
	op->addr = 0;
	op->len = 0;
	op->flags = 0;
	op->sibling = NULL;
	op->closer = NULL;
	op->link.pprev = NULL;
	op->second = NULL;
}

/* How OP_RAW carries what prepares it, and what that is given. */
typedef void (*op_prep_fn)(struct io_uring_sqe *sqe, void *arg);

static inline op_prep_fn op_prep(const struct op *op)
{
	return (op_prep_fn)(uintptr_t)op->addr;
}

static inline void *op_prep_arg(const struct op *op)
{
	return (void *)(uintptr_t)op->off;
}

enum op_state {
	OP_IDLE,
	OP_HELD,		/* not handed on yet, see core/hold.c */
	OP_STARTED,
	OP_DONE,
	OP_WATCHES,		/* no request: a close ends its ->sibling */
};

enum op_reason {
	OP_REASON_NONE,
	OP_REASON_CANCEL,
	OP_REASON_TIMEOUT,
	OP_REASON_CLOSE,
	/* not asked: the kernel gave it up by itself; counts how often */
	OP_REASON_DROPPED,
	OP_REASON_DROPPED_LAST = OP_REASON_DROPPED + 15,
};

/* Running task. Runs it to its end; the result or a negative errno. */
int op_run(struct op *op, oa_time_t deadline);

/* A task on the blocking pool: the plain system call, however long it takes. */
int op_plain(const struct op *op);

/* Running task, for waits on several: see op_run() for the order of calls. */
int op_claim_fds(struct worker *w, struct op *op);
void op_start(struct worker *w, struct task *t, struct op *op, uint64_t epoch);
int op_result(struct task *t, struct op *op, oa_time_t own);

/*
 * Running task, that keeps to its worker. @op, claimed, is linked without a
 * request: a close of its descriptor asks the request @on to end, and waits
 * until this one is let go.
 */
void op_watch(struct op *op, struct op *on);
void op_unwatch(struct op *op);

/* Owner, from the backend: the last completion has come. */
void op_done(struct worker *w, struct op *op, int32_t res, uint32_t cflags);

/*
 * Any thread. The worker of @t is to look at it: a request to be asked to end,
 * a deadline to be seen to. Level-triggered, so once on its way is enough.
 */
void op_abort(struct task *t);
/* Owner: what op_abort() left for this worker. True: there was something. */
bool op_aborts(struct worker *w);
/*
 * @w has ended, and nobody who knew it as a worker is left: the marks of those
 * that were put into its list afterwards are cleared, or nothing would ever
 * abort a request of the next user of their slots.
 */
void op_aborts_left(struct worker *w);
/* Owner: asks every request of its tasks to end; its runtime ends at once. */
void op_abort_all(struct worker *w);
/* Owner: ask one request of this worker to end. */
void op_ask(struct worker *w, struct op *op, enum op_reason why);

#endif
