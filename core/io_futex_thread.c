// SPDX-License-Identifier: MIT
/*
 * Waits on shared words where the ring has none: a thread for each word, which
 * sleeps in futex_waitv(2) on that word and on one of our own, by which all are
 * told to end. Several words in one call would not do: when two are woken at
 * the same time the kernel tells one, and the other wake would be lost.
 *
 * The task waits until the first thread has ended, tells the others to, and
 * waits for them, since they use its frame. A thread counts itself out and then
 * looks up the wait to be ended; the task publishes its wait and then looks at
 * the count [futex-left]: one of them sees the other.
 */
#include <errno.h>

#include "core/deadline.h"
#include "core/io_futex.h"
#include "core/mem.h"
#include "core/park.h"
#include "core/runtime.h"
#include "core/stack.h"
#include "core/waiter.h"

struct group {
	struct task *task;		/* I */
	const struct poll_words *by;	/* I */
	uint64_t epoch;			/* A; wait that an end ends */
	uint32_t left;			/* A; threads that have not ended */
	uint32_t stop;			/* A; futex: they are to end */
	struct member *members;		/* T */
	unsigned int started;		/* T; of those */
	struct waiter seen;		/* T; for dumps, and who gives up */
};

static const char by_thread[] = "futex";

struct member {
	struct poll_thread thread;
	struct group *group;		/* I */
	const struct oa_futex_word *word;	/* I */
	int res;			/* of the thread, until it is joined */
};

static void *stand_in(void *arg)
{
	struct member *m = arg;
	struct group *g = m->group;

	do {
		m->res = g->by->wait(m->word, 1, &g->stop, OA_FOREVER);
	} while (m->res == -EINTR);
	/* [futex-left] counted out before the look */
	atomic_sub(&g->left, 1u);
	park_wake(g->task, atomic_load(&g->epoch), WAIT_WOKEN);
	return NULL;
}

/* How many threads there are: all, or fewer if there can't be more. */
static unsigned int start_all(struct group *g, struct member *m,
			      const struct oa_futex_word *words, unsigned int n)
{
	const struct poll_ops *poll = g->task->rt->poll;
	unsigned int i;

	for (i = 0; i < n; i++) {
		m[i].thread.fn = stand_in;
		m[i].thread.arg = &m[i];
		m[i].group = g;
		m[i].word = &words[i];
		if (poll->thread_start(&m[i].thread, "oa-futex", -1))
			break;
	}
	if (i < n)
		atomic_sub(&g->left, n - i); /* [futex-left] */
	return i;
}

/* Until no more than @most are left. */
static enum wait_state wait_left(struct group *g, uint32_t most, uint32_t flags,
				 oa_time_t until)
{
	enum wait_state how = WAIT_WOKEN;
	uint64_t epoch;

	while (how == WAIT_WOKEN) {
		/* Each time: see core/prioq.c. */
		WRITE_ONCE(g->task->wait_on, &g->seen);
		epoch = park_begin(g->task, flags | WAIT_SYNC, until);
		g->seen.epoch = epoch;
		/* [futex-left] published before the look */
		atomic_store(&g->epoch, epoch);
		if (atomic_load(&g->left) <= most) {
			park_abandon(g->task, epoch);
			break;
		}
		how = park_wait(g->task);
	}
	return how;
}

static void tell_all(struct group *g)
{
	atomic_store(&g->stop, 1u); /* [futex-stop] */
	g->task->rt->poll->thread_wake(&g->stop);
}

/* None is left afterwards; how the wait ended. */
static enum wait_state wait_all(struct group *g, bool at_once, unsigned int n,
				oa_time_t until)
{
	enum wait_state how = WAIT_WOKEN;

	if (!at_once)
		how = wait_left(g, n - 1, WAIT_MAY_CANCEL, until);
	if (atomic_load(&g->left)) { /* [futex-left] */
		tell_all(g);
		wait_left(g, 0, 0, OA_FOREVER);
	}
	return how;
}

static int wait_members(struct group *g, struct member *m,
			const struct oa_futex_word *words, unsigned int n,
			oa_time_t deadline)
{
	struct futex_sum s = { .by = g->by, .index = -1 };
	struct task *t = g->task;
	unsigned int started = start_all(g, m, words, n);
	enum wait_state how;

	g->members = m;
	g->started = started;
	how = wait_all(g, started < n, n, deadline_min(t, deadline));
	for (unsigned int i = 0; i < started; i++) {
		t->rt->poll->thread_join(&m[i].thread);
		futex_sum_add(&s, &words[i], i, m[i].res);
	}
	if (s.index >= 0)
		return s.index;
	if (started < n)
		return -ENOMEM;
	if (how == WAIT_TIMEDOUT && !s.err)
		deadline_mark(t, deadline);
	return s.err ? s.err : park_errno(how);
}

/* Is there anything to wait for? 0, or why not. */
static int look(struct group *g, const struct oa_futex_word *words,
		unsigned int n, oa_time_t deadline)
{
	struct futex_sum s = { .index = -1 };
	struct task *t = g->task;
	int err;

	for (unsigned int i = 0; i < n; i++) {
		err = g->by->compare(words[i].word, words[i].value);
		if (err)
			futex_sum_add(&s, &words[i], i, err);
	}
	if (s.err || deadline_min(t, deadline) > t->rt->poll->now())
		return s.err;
	deadline_mark(t, deadline);
	return -ETIMEDOUT;
}

int futex_by_threads(struct task *t, const struct oa_futex_word *words,
		     unsigned int n, oa_time_t deadline)
{
	struct member few[FUTEX_FEW], *m = few;
	struct group g = {
		.task = t, .by = t->rt->poll->words, .left = n,
		.seen = { .task = t, .what = by_thread, .on = words->word },
	};
	int ret;

	if (!g.by->by_thread())
		return -ENOSYS;
	ret = look(&g, words, n, deadline);
	if (ret)
		return ret;
	if (n > FUTEX_FEW)
		m = mem_alloc(rt_alloc(t->rt), n * sizeof(*m), 64);
	if (!m)
		return -ENOMEM;
	ret = wait_members(&g, m, words, n, deadline);
	if (m != few)
		mem_free(rt_alloc(t->rt), m, n * sizeof(*m));
	return ret;
}

void futex_threads_end(struct task *t)
{
	const struct waiter *n = t->wait_on;
	struct group *g;

	/* core/prioq.c uses the word for something else when it is ready. */
	if ((const char *)n < t->stack->low ||
	    (const char *)n >= (const char *)t->stack ||
	    n->what != by_thread || n->task != t)
		return;
	g = container_of(n, struct group, seen);
	tell_all(g);
	for (unsigned int i = 0; i < g->started; i++)
		t->rt->poll->thread_join(&g->members[i].thread);
}
