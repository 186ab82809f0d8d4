/* SPDX-License-Identifier: MIT */
/*
 * A worker's run queues. Protocols in core/runq.c and core/lane.c:
 *
 *   lane   private to the owner: the run-next task and the batch it took for
 *          this round. Others reach in only when the owner is stuck.
 *   ring   bounded FIFO: the owner appends, everybody takes at the head; the
 *          owner may also take back what it appended last.
 *   local  tasks that only this worker may run, in order; owner only.
 */
#ifndef OA_CORE_RUNQ_H
#define OA_CORE_RUNQ_H

#include "core/atomic.h"

struct task;
struct worker;

#define RING_SIZE	256u
#define RING_BATCH	8u	/* taken by the owner for one round */
#define LANE_SIZE	16u
#define LANE_BASE	(LANE_SIZE / 2)

struct ring {
	/* Written by everybody who takes: times taken back << 32 | index. */
	_Alignas(OA_LINE_PAIR) uint64_t head;	/* A [ring-head] */
	/* Written by the owner. */
	_Alignas(OA_LINE_PAIR) uint32_t tail;	/* 1 [ring-tail] */
	struct task *slot[RING_SIZE];		/* 1; guarded by the indices */
};

struct lane {
	uint32_t head;			/* 1, or a thief's under lock */
	uint32_t tail;			/* 1, or a thief's under lock */
	uint32_t lock;			/* A [lane] */
	uint32_t next_runs;		/* W; run-next used so often in a row */
	bool has_next;			/* W; slot[head] is a run-next task */
	struct task *slot[LANE_SIZE];	/* as head and tail */
};

struct task_list {
	struct task *first;
	struct task **last;
	uint32_t n;
};

static inline void list_init(struct task_list *l)
{
	l->first = NULL;
	l->last = &l->first;
	l->n = 0;
}

void list_push(struct task_list *l, struct task *t);
struct task *list_pop(struct task_list *l);
/* All of @from behind what @to has. */
void list_splice(struct task_list *to, struct task_list *from);

/* Owner. False: full. */
static inline bool ring_push(struct ring *r, struct task *t)
{
	uint32_t tail = r->tail;

	/* [ring-head] pairs with the swap in ring_take(): slots are free */
	if (unlikely(tail - (uint32_t)atomic_load_acq(&r->head) >= RING_SIZE))
		return false;
	WRITE_ONCE(r->slot[tail % RING_SIZE], t);
	/* [ring-tail] slot and task before the index; see ring_take() */
	atomic_store_rel(&r->tail, tail + 1);
	return true;
}

/* The head when @n more have been taken. */
static inline uint64_t ring_past(uint64_t head, uint32_t n)
{
	return (head >> 32 << 32) | (uint32_t)((uint32_t)head + n);
}

/* Any worker: up to @max from the head, oldest first. */
static inline uint32_t ring_take(struct ring *r, struct task **out,
				 uint32_t max)
{
	/* [ring-head] acquire: not older than the slots read below */
	uint64_t head = atomic_load_acq(&r->head), now;
	uint32_t n, i;

	for (;;) {
		/* [ring-tail] pairs with the release in ring_push() */
		n = atomic_load_acq(&r->tail) - (uint32_t)head;
		if (!n)
			return 0;
		if (unlikely(n > RING_SIZE)) {
			/* head is stale; [ring-head] */
			now = atomic_load_acq(&r->head);
			/* Or what is being taken back was all there was. */
			if (now == head)
				return 0;
			head = now;
			continue;
		}
		n = min_of(n, max);
		for (i = 0; i < n; i++)
			WRITE_ONCE(out[i],
				   READ_ONCE(r->slot[((uint32_t)head + i) %
						     RING_SIZE]));
		/* [ring-head] */
		if (atomic_cas(&r->head, &head, ring_past(head, n)))
			return n;
	}
}

/*
 * Owner: takes back the newest @n, or those of them that nobody has taken;
 * oldest first. @alone: nobody else takes.
 */
uint32_t ring_take_back(struct ring *r, struct task **out, uint32_t n,
			bool alone);

/* Any; a guess. */
uint32_t ring_len(const struct ring *r);

/*
 * Owner, of a runtime with no other worker: nobody else takes at the head, so
 * no swap is needed.
 */
static inline struct task *ring_take_alone(struct ring *r)
{
	uint32_t head = (uint32_t)r->head;

	if (head == r->tail)
		return NULL;
	/* Nobody takes, so nobody counts. */
	WRITE_ONCE(r->head, (uint32_t)(head + 1));
	return r->slot[head % RING_SIZE];
}

void lane_init(struct lane *l);
/* Owner, with an empty lane. */
void lane_push_first(struct lane *l, struct task *t);
/* Another worker, when the owner is stuck: takes all that is there. */
uint32_t lane_rescue(struct lane *l, struct task **out);

void lane_wait_unlocked(struct lane *l) __cold_path;

/* A rescuer that is here is gone afterwards; what he did is seen. */
static inline void lane_let_finish(struct lane *l)
{
	barrier();
	/* [lane] acquire: with the tail that he left */
	if (unlikely(atomic_load_acq(&l->lock)))
		lane_wait_unlocked(l);
}

/* Owner. */
static inline struct task *lane_pop(struct lane *l)
{
	uint32_t head = l->head;
	struct task *t;

	if (head >= READ_ONCE(l->tail))
		return NULL;
	t = l->slot[head];
	WRITE_ONCE(l->head, head + 1);
	lane_let_finish(l);
	/*
	 * The rescuer may have come and gone between the two looks, the lock
	 * is free again: only the tail tells.
	 */
	if (unlikely(head >= READ_ONCE(l->tail))) {
		WRITE_ONCE(l->head, head);
		return NULL;
	}
	if (l->has_next) {
		l->has_next = false;
		l->next_runs++;
	} else {
		l->next_runs = 0;
	}
	return t;
}

/* Owner. @t becomes the run-next task; there is none. */
static inline void lane_push_front(struct lane *l, struct task *t)
{
	uint32_t head = l->head, tail = READ_ONCE(l->tail);

	if (unlikely(head > tail || !head)) {
		lane_push_first(l, t);
		return;
	}
	if (head == tail)
		l->next_runs = 0;
	WRITE_ONCE(l->slot[head - 1], t);
	/* [lane] the slot before the index, for the rescuer */
	atomic_store_rel(&l->head, head - 1);
	/*
	 * The rescuer may have emptied the lane as it was, up to the old head:
	 * then tail == old head, and ours is still in.
	 */
	lane_let_finish(l);
	l->has_next = true;
}

/*
 * Owner, with an empty lane: its slots from LANE_BASE on may be written by
 * the caller between begin and end; the first of the @n is taken at once.
 */
static inline void lane_refill_begin(struct lane *l)
{
	/* An empty lane in between, whatever a rescuer sees of it. */
	if (unlikely(READ_ONCE(l->lock)))
		lane_wait_unlocked(l);
	WRITE_ONCE(l->tail, 0);
	/* [lane] never the new head with the old tail */
	atomic_store_rel(&l->head, LANE_BASE + 1);
	l->has_next = false;
	l->next_runs = 0;
}

static inline struct task *lane_refill_end(struct lane *l, uint32_t n)
{
	struct task *t = l->slot[LANE_BASE];

	/* [lane] the slots before the index, for the rescuer */
	atomic_store_rel(&l->tail, LANE_BASE + n);
	lane_let_finish(l);
	return t;
}

static inline bool lane_empty(const struct lane *l)
{
	return READ_ONCE(l->head) >= READ_ONCE(l->tail);
}

/* A guess. */
static inline uint32_t lane_len(const struct lane *l)
{
	uint32_t head = READ_ONCE(l->head), tail = READ_ONCE(l->tail);

	return tail > head ? tail - head : 0;
}

#endif
