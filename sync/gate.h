/* SPDX-License-Identifier: MIT */
/*
 * Gates: objects at which a wait is over when the word allows it, and which
 * are changed by who passes. Semaphore, event, wait group, latch and
 * backpressure are gates; what differs is when one is open and what passing
 * takes. See sync/gate.c.
 */
#ifndef OA_SYNC_GATE_H
#define OA_SYNC_GATE_H

#include "sync/sync.h"

struct gate {
	const char *what;
	/* May somebody pass? */
	bool (*open)(const struct sync *s, uint64_t w);
	/* The word when somebody has. */
	uint64_t (*pass)(const struct sync *s, uint64_t w);
};

/* 0, or -EAGAIN. One atomic operation, none if passing changes nothing. */
static inline __attribute__((always_inline)) int
gate_try(const struct gate *g, struct sync *s)
{
	uint64_t w = sync_read(s), to;

	while (g->open(s, w)) {
		to = g->pass(s, w);
		/* [sync] what came before it opened */
		if (to == w || atomic_cas(&s->word, &w, to))
			return 0;
		if (w & SYNC_LOCK)
			w = sync_read(s);
	}
	return -EAGAIN;
}

int gate_wait_slow(const struct gate *g, struct sync *s, struct task *t,
		   oa_time_t deadline);

static inline __attribute__((always_inline)) int
gate_wait(const struct gate *g, struct sync *s, oa_time_t deadline)
{
	struct task *t;
	int err = sync_begin(&t);

	if (unlikely(err))
		return err;
	if (likely(!gate_try(g, s)))
		return 0;
	return arch_return_int(gate_wait_slow(g, s, t, deadline));
}

/*
 * For a select or a task to be started. 0: queued; 1: open, and passed if
 * @pass.
 */
int gate_enlist(const struct gate *g, struct sync *s, struct waiter *n,
		bool pass);

/* The word after a change, or a negative errno and it stays. */
typedef int (*gate_step)(const struct sync *s, uint64_t *w, int64_t arg);

int gate_change_slow(const struct gate *g, struct sync *s, gate_step step,
		     int64_t arg);

static inline __attribute__((always_inline)) int
gate_change(const struct gate *g, struct sync *s, gate_step step, int64_t arg)
{
	uint64_t w = sync_read(s), to;
	int err;

	for (;;) {
		to = w;
		err = step(s, &to, arg);
		if (err < 0)
			return err;
		if (unlikely(w & SYNC_WAITERS) && g->open(s, to))
			return gate_change_slow(g, s, step, arg);
		/*
		 * [sync] What was done before it is seen by who passes. So it is
		 * done if it changes nothing, too: a look alone may come before
		 * the stores that it is to tell of.
		 */
		if (atomic_cas(&s->word, &w, to))
			return err;
		if (w & SYNC_LOCK)
			w = sync_read(s);
	}
}

extern const struct gate sem_gate, event_gate, latch_gate, backpressure_gate;

/* Initialised? */
bool latch_usable(const struct oa_latch *l);
bool backpressure_usable(const struct oa_backpressure *b);

int backpressure_enter(struct oa_backpressure *b, struct waiter *n);
int latch_arrive(struct oa_latch *l);

#endif
