// SPDX-License-Identifier: MIT
/*
 * The simulated kernel's side of a worker: requests handed on, completions in
 * any order, cancels that race them. A request on a descriptor of the
 * simulator is tried when it is handed on and whenever something changed
 * there; one by path, when its time has come; one on a word of memory ends by
 * a wake; any other ends after a while with what its kind may give. As with
 * deferred task work, nothing of it is done but by the owner, inside an enter.
 */
#if defined(OA_SIM) && OA_SIM == 1
#include "selftests/sim/sim_ring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC	0x72696e67u

/* Rings outlive their workers, so that a late kick is seen for what it is. */
static struct sim_ring *rings[64];
static unsigned int nr_rings;

oa_time_t sim_delay(void)
{
	return sim_draw(SIM_WORLD) % (uint64_t)max_of(sim_env.delay, (oa_time_t)1);
}

static struct sim_ring *ring_of(const struct worker *w)
{
	struct sim_ring *r = w->backend;

	if (!r || r->magic != MAGIC)
		sim_stuck("the ring of a worker is used after its end");
	return r;
}

struct sim_ring *sim_ring_make(struct worker *w)
{
	struct sim_ring *r = NULL;

	if (nr_rings == ARRAY_SIZE(rings))
		sim_stuck("more workers than the simulator can keep");
	r = rings[nr_rings];
	if (!r)
		r = rings[nr_rings] = malloc(sizeof(*r));
	nr_rings++;
	memset(r, 0, sizeof(*r));
	r->magic = MAGIC;
	r->w = w;
	w->backend = r;
	return r;
}

void sim_ring_end(struct worker *w)
{
	struct sim_ring *r = ring_of(w);

	sim_point();
	if (r->inflight || r->late)
		sim_stuck("a worker ends with requests in flight");
}

void sim_ring_free(struct worker *w)
{
	struct sim_ring *r = w->backend;

	if (r)
		r->magic = 0;
}

void sim_rings_reset(void)
{
	nr_rings = 0;
}

static bool req_due(const struct sim_req *q)
{
	return (q->state == REQ_FLIES || q->state == REQ_DONE) &&
	       q->due <= sim.now;
}

bool sim_ring_due(const struct sim_ring *r)
{
	if (r->doorbells)
		return true;
	if (!r->inflight && !r->extra)
		return false;
	for (unsigned int i = 0; i < SIM_REQS; i++)
		if (req_due(&r->req[i]))
			return true;
	return false;
}

oa_time_t sim_ring_next(const struct sim_ring *r)
{
	oa_time_t best = OA_FOREVER;

	if (!r->inflight && !r->extra)
		return best;
	for (unsigned int i = 0; i < SIM_REQS; i++)
		if (r->req[i].state == REQ_FLIES || r->req[i].state == REQ_DONE)
			best = min_of(best, r->req[i].due);
	return best;
}

void sim_ring_describe(const struct sim_ring *r, char *buf, size_t n)
{
	snprintf(buf, n, "in flight %u, cancels %u, not handed on %u, kept back %u, doorbells %u",
		 r->inflight, r->extra, r->queued, r->late, r->doorbells);
}

void sim_ring_kick(struct sim_ring *r)
{
	if (r->magic != MAGIC)
		sim_stuck("a kick of a ring that is gone");
	r->doorbells++;
}

static void req_done(struct sim_req *q, int res, uint32_t cflags, oa_time_t due)
{
	q->state = REQ_DONE;
	q->res = res;
	q->cflags = cflags;
	q->due = due;
}

/* The next request under way, of all rings, from *@at on; NULL: no more. */
static struct sim_req *next_flying(unsigned int *at)
{
	for (; *at < nr_rings * SIM_REQS; ++*at) {
		struct sim_ring *r = rings[*at / SIM_REQS];
		struct sim_req *q = &r->req[*at % SIM_REQS];

		if (r->magic != MAGIC || !r->inflight) {
			*at |= SIM_REQS - 1;
			continue;
		}
		if (q->state != REQ_FLIES)
			continue;
		++*at;
		return q;
	}
	return NULL;
}

static void poke(struct sim_req *q)
{
	q->due = min_of(q->due, sim.now + sim_delay());
}

void sim_rings_poke(int fd)
{
	struct sim_req *q;

	for (unsigned int at = 0; (q = next_flying(&at));)
		if (q->fd == fd || q->fd2 == fd)
			poke(q);
}

void sim_rings_poke_accept(int fd)
{
	struct sim_req *q, *one = NULL;
	uint32_t n = 0;

	for (unsigned int at = 0; (q = next_flying(&at));) {
		if (q->fd != fd)
			continue;
		if (q->op->code != OP_ACCEPT)
			poke(q);
		else if (q->due == OA_FOREVER && !sim_draw_below(SIM_WORLD, ++n))
			one = q;
	}
	if (one)
		poke(one);
}

bool sim_rings_wake(const uint32_t *word)
{
	struct sim_req *q;

	for (unsigned int at = 0; (q = next_flying(&at));) {
		if (q->op->code != OP_FUTEX_WAIT ||
		    q->op->addr != (uintptr_t)word)
			continue;
		req_done(q, 0, 0, sim.now + sim_delay());
		return true;
	}
	return false;
}

static struct sim_req *req_new(struct sim_ring *r, struct op *op)
{
	for (unsigned int i = 0; i < SIM_REQS; i++) {
		struct sim_req *q = &r->req[i];

		if (q->state != REQ_FREE)
			continue;
		memset(q, 0, sizeof(*q));
		q->op = op;
		q->fd = q->fd2 = -1;
		q->order = r->order++;
		return q;
	}
	sim_stuck("more requests at once than the simulator keeps");
}

static struct sim_req *req_of(struct sim_ring *r, const struct op *op)
{
	for (unsigned int i = 0; i < SIM_REQS; i++) {
		struct sim_req *q = &r->req[i];

		if (q->state != REQ_FREE && q->state != REQ_DONE &&
		    !q->is_cancel && q->op == op)
			return q;
	}
	return NULL;
}

/* The oldest in a state, or NULL. */
static struct sim_req *oldest(struct sim_ring *r, enum sim_req_state state)
{
	struct sim_req *best = NULL;

	for (unsigned int i = 0; i < SIM_REQS; i++) {
		struct sim_req *q = &r->req[i];

		if (q->state == state && (!best || q->order < best->order))
			best = q;
	}
	return best;
}

/* What such a request may come to when nothing is known of its object. */
static int plausible(const struct op *op)
{
	static const int errors[] = { -EIO, -EINVAL, -ENOSPC, -ECONNRESET };

	if (sim_draw_one_in(SIM_WORLD, 8))
		return errors[sim_draw_below(SIM_WORLD, ARRAY_SIZE(errors))];
	switch (op->code) {
	case OP_READ:
	case OP_WRITE:
	case OP_SEND:
	case OP_RECV:
		return (int)(op->len - sim_draw_below(SIM_WORLD, op->len + 1));
	case OP_POLL:
		return (int)(op->flags & 0xff);
	default:
		return 0;
	}
}

struct sim_sqe {
	uint8_t opcode, flags;
	uint16_t ioprio;
	int32_t fd;
	uint64_t off, addr;
	uint32_t len;
	uint32_t rest[9];
};

/* A raw request: what sim_prep_nop() wrote, or a bare nop. */
static void raw_begin(struct sim_req *q)
{
	struct sim_sqe sqe = { 0 };
	oa_time_t delay;

	op_prep(q->op)((struct io_uring_sqe *)&sqe, op_prep_arg(q->op));
	delay = (oa_time_t)sqe.off;
	if (delay == OA_FOREVER)
		q->due = OA_FOREVER;
	else
		q->due = sim.now + (delay ? delay : sim_delay());
	q->res = (int32_t)sqe.len;
}

void sim_prep_nop(struct io_uring_sqe *sqe, void *nop)
{
	const struct sim_nop *n = nop;
	struct sim_sqe *s = (struct sim_sqe *)sqe;

	s->off = (uint64_t)n->delay;
	s->len = (uint32_t)n->res;
}

static bool by_path(const struct op *op)
{
	return op->fd < 0 && (op->code == OP_OPENAT || op->code == OP_OPENAT2 ||
			      op->code == OP_STATX);
}

static bool is_there(int fd, uint32_t gen)
{
	return sim_fd_is(fd) && sim_fd_gen(fd) == gen;
}

/* The kernel tries a request; q->due says when it will again. */
static void req_try(struct sim_req *q)
{
	uint32_t cflags = 0;
	int res;

	if (q->fd < 0) {
		if (q->due <= sim.now)
			req_done(q, by_path(q->op)
				    ? sim_file_op(q->op, &cflags) : q->res,
				 0, q->due);
		return;
	}
	q->due = OA_FOREVER;
	/* What it was started on is closed: nothing comes from there. */
	if (!is_there(q->fd, q->gen) ||
	    (q->fd2 >= 0 && !is_there(q->fd2, q->gen2)))
		return;
	res = sim_file_op(q->op, &cflags);
	if (res != SIM_AGAIN)
		req_done(q, res, cflags, sim.now);
}

/* Where a splice takes from. False: there is no such descriptor. */
static bool second_begin(struct sim_req *q)
{
	const struct fd_link *second = q->op->second;

	if (!second)
		return true;
	if (!sim_fd_is(second->fd))
		return false;
	q->fd2 = second->fd;
	q->gen2 = sim_fd_gen(second->fd);
	return true;
}

static void op_handed_on(struct sim_req *q)
{
	struct op *op = q->op;

	q->state = REQ_FLIES;
	if (op->code == OP_RAW) {
		raw_begin(q);
	} else if (op->code == OP_FUTEX_WAIT) {
		q->res = -EAGAIN;
		q->due = *(uint32_t *)(uintptr_t)op->addr == (uint32_t)op->off
				 ? OA_FOREVER : sim.now + sim_delay();
	} else if (sim_fd_is(op->fd) && second_begin(q)) {
		q->fd = op->fd;
		q->gen = sim_fd_gen(op->fd);
		q->due = sim.now;
		if (!sim_draw_one_in(SIM_WORLD, sim_env.at_once))
			q->due += sim_delay();
	} else {
		q->res = op->fd >= SIM_FD_BASE || op->second ? -EBADF
							     : plausible(op);
		q->due = sim.now + sim_delay();
	}
	if (sim_draw_one_in(SIM_WORLD, sim_env.at_once))
		q->due = q->due == OA_FOREVER ? q->due : sim.now;
	if (q->due <= sim.now)
		req_try(q);
}

/* What waits in a thread of the kernel's; that is never so with these two. */
static bool interrupted(const struct op *op)
{
	return op->code != OP_POLL && op->code != OP_FUTEX_WAIT &&
	       sim_draw_one_in(SIM_WORLD, 4);
}

/*
 * A cancel meets its request: it ends it, comes too late, or the request was
 * just about to succeed.
 */
static void cancel_handed_on(struct sim_ring *r, struct sim_req *c)
{
	struct sim_req *q = req_of(r, c->op);

	req_done(c, q ? 0 : -ENOENT, 0, sim.now + sim_delay());
	if (!q || q->state != REQ_FLIES)
		return;
	switch (sim_draw_below(SIM_WORLD, 4)) {
	case 0:
		if (q->due != OA_FOREVER) {
			req_try(q);
			if (q->state == REQ_DONE)
				return;
		}
		break;
	case 1:
		/* It is being worked on: it will end by itself. */
		if (q->fd < 0 && q->due != OA_FOREVER) {
			c->res = -EALREADY;
			return;
		}
		break;
	}
	req_done(q, interrupted(q->op) ? -EINTR : -ECANCELED, 0,
		 sim.now + (sim_draw_one_in(SIM_WORLD, 2) ? sim_delay() : 0));
}

static void submit(struct sim_ring *r)
{
	struct sim_req *q;

	while ((q = oldest(r, REQ_QUEUED))) {
		r->queued--;
		if (q->is_cancel)
			cancel_handed_on(r, q);
		else
			op_handed_on(q);
	}
}

/* Cancels first: a few places are theirs alone. */
static void flush_late(struct sim_ring *r)
{
	struct sim_req *q;

	while (r->late && r->queued < sim_env.sq &&
	       (q = oldest(r, REQ_LATE))) {
		q->state = REQ_QUEUED;
		r->late--;
		r->queued++;
	}
}

static void enqueue(struct worker *w, struct sim_ring *r, struct sim_req *q)
{
	bool keep = sim_draw_one_in(SIM_WORLD, sim_env.keep_late);

	if (r->queued >= sim_env.sq) {
		STAT_INC(w, sq_full);
		if (!keep)
			submit(r);
	}
	if (r->late || keep) {
		q->state = REQ_LATE;
		r->late++;
	} else {
		q->state = REQ_QUEUED;
		r->queued++;
	}
}

void sim_op_start(struct worker *w, struct op *op)
{
	struct sim_ring *r = ring_of(w);

	sim_point();
	if (w != sim.cur->worker)
		sim_stuck("a request is started by another than its worker");
	r->inflight++;
	enqueue(w, r, req_new(r, op));
}

void sim_op_cancel(struct worker *w, struct op *op)
{
	struct sim_ring *r = ring_of(w);
	struct sim_req *q = req_of(r, op), *c;

	sim_point();
	if (w != sim.cur->worker)
		sim_stuck("a request is cancelled by another than its worker");
	if (q && q->state == REQ_LATE) {
		q->state = REQ_FREE;
		r->late--;
		r->inflight--;
		op_done(w, op, -ECANCELED, 0);
		return;
	}
	c = req_new(r, op);
	c->is_cancel = true;
	r->extra++;
	enqueue(w, r, c);
}

bool sim_ready(struct worker *w)
{
	sim_point();
	return sim_ring_due(ring_of(w));
}

bool sim_unsent(struct worker *w)
{
	struct sim_ring *r = ring_of(w);

	sim_point();
	return r->queued || r->late;
}

bool sim_idle(struct worker *w)
{
	struct sim_ring *r = ring_of(w);

	sim_point();
	return !r->inflight && !r->extra && !r->armed && !r->queued &&
	       !r->late && !sim_ring_due(r);
}

/* Any of those that are due. */
static struct sim_req *pick_due(struct sim_ring *r)
{
	struct sim_req *due[SIM_REQS];
	unsigned int n = 0;

	for (unsigned int i = 0; i < SIM_REQS; i++)
		if (req_due(&r->req[i]))
			due[n++] = &r->req[i];
	return n ? due[n > 1 ? sim_draw_below(SIM_WORLD, n) : 0] : NULL;
}

static void complete(struct worker *w, struct sim_ring *r, struct sim_req *q)
{
	struct op *op = q->op;
	int32_t res = q->res;
	uint32_t cflags = q->cflags;

	q->state = REQ_FREE;
	if (q->is_cancel) {
		r->extra--;
		return;
	}
	r->inflight--;
	/* A cancel that was kept back must not meet the next of this address. */
	for (unsigned int i = 0; i < SIM_REQS; i++) {
		struct sim_req *c = &r->req[i];

		if (c->is_cancel && c->state == REQ_LATE && c->op == op) {
			c->state = REQ_FREE;
			r->late--;
			r->extra--;
		}
	}
	op_done(w, op, res, cflags);
}

static unsigned int reap_due(struct worker *w, struct sim_ring *r)
{
	unsigned int n = 0;
	struct sim_req *q;

	if (r->doorbells) {
		r->doorbells = 0;
		r->armed = r->armed &&
			   !sim_draw_one_in(SIM_WORLD, sim_env.disarm);
	}
	while (n < sim_env.reap_max && (q = pick_due(r))) {
		if (q->state == REQ_FLIES)
			req_try(q);
		if (q->state != REQ_DONE || q->due > sim.now)
			continue;
		complete(w, r, q);
		n++;
		sim_point();
	}
	return n;
}

int sim_reap(struct worker *w)
{
	struct sim_ring *r = ring_of(w);

	sim_point();
	STAT_INC(w, enters);
	flush_late(r);
	submit(r);
	return (int)reap_due(w, r);
}

uint32_t sim_ring_kicks(const struct sim_ring *r)
{
	return r->doorbells;
}

/* Only kicks and time end it, as if too few were done until then. */
static void linger(struct worker *w, struct sim_ring *r, unsigned int few)
{
	struct sim_ctx *c = sim.cur;

	c->few_in = r;
	c->few = few;
	if (r->doorbells < few)
		sim_block(sim.now + w->rt->cfg.coalesce,
			  "waits for some in its ring");
	c->few_in = NULL;
}

void sim_wait(struct worker *w, oa_time_t deadline, unsigned int few)
{
	struct sim_ring *r = ring_of(w);

	sim_point();
	STAT_INC(w, enters);
	r->armed = true;
	if (r->late) {
		sim_reap(w);
		return;
	}
	submit(r);
	if (few > 1 && !sim_draw_one_in(SIM_WORLD, 2))
		linger(w, r, few);
	if (!sim_ring_due(r) && !sim_draw_one_in(SIM_WORLD, sim_env.spurious)) {
		sim.cur->ring = r;
		sim_block(deadline, "waits in its ring");
	}
	reap_due(w, r);
	if (sim_draw_one_in(SIM_WORLD, sim_env.disarm))
		r->armed = false;
}
#endif
