// SPDX-License-Identifier: MIT
/*
 * oa_post_prepared(): posts from signal handlers, in the caller's storage.
 *
 * A handler runs between any two instructions of its thread: of a worker in
 * the midst of its queues, of a holder of any lock, of a thread that never
 * called the library. So a post takes no lock and no memory, touches nothing
 * of its thread's, and needs no registration: it swaps the node onto a stack of
 * the runtime, and who finds that empty kicks a parked worker, by one system
 * call that is allowed in handlers. What a worker does with its own queues is
 * done by workers: each looks at the stack in its loop, and again before it
 * sleeps (core/idle.c), takes all of it by one exchange, reverses it and makes
 * a task of each node. Who has no memory for one puts what is left back and
 * lets others try, and itself again after a while.
 *
 * Ownership: from the swap of ->oa__state to POSTED the node is ours, until the
 * body of its task begins or the task is dropped; the store that gives it back
 * [prepared] is the last look at it. A node counts as a task that has been
 * started from the moment it is let in, so the run is not over before it.
 *
 * Lifetime: the task may run, shut the runtime down and have it freed before
 * the handler that posted it has kicked; and a signal may come whose runtime is
 * gone. RCU would need its thread registered, so these count themselves in
 * static memory instead, in one of two counts: who waits for them has the next
 * ones use the other and waits until the first is zero, twice, since who read
 * the phase may count itself late [posters]. What a node calls its runtime is
 * looked up among those that exist, and not followed.
 *
 * Progress: a post is lock-free.
 */
#include "core/prepared.h"

#include <errno.h>

#include "core/idle.h"
#include "core/rcu.h"
#include "core/spawn.h"

#define SHY_NS	(2 * OA_MSEC)

enum {
	NODE_IDLE,
	NODE_POSTED,
};

static uint32_t posters[2];	/* A; inside oa_post_prepared(), by phase */
static uint32_t phase;		/* A; only its last bit counts */
static uint32_t turn;		/* A; somebody waits for posters */
SIM_STATE(phase);

static uint32_t enter(void)
{
	uint32_t in = atomic_load(&phase) & 1; /* [posters] */

	atomic_add(&posters[in], 1); /* [posters] */
	smp_mb(); /* [posters] before any look at a runtime */
	return in;
}

static void leave(uint32_t in)
{
	atomic_sub(&posters[in], 1); /* [posters] after the last one */
}

void prepared_wait(void)
{
	uint32_t none = 0, was;

	/* [posters] one at a time, or the phases get mixed up */
	while (!atomic_cas(&turn, &none, 1)) {
		none = 0;
		poll_thread_yield();
	}
	for (int i = 0; i < 2; i++) {
		was = atomic_add(&phase, 1) & 1; /* [posters] */
		while (atomic_load(&posters[was])) /* [posters] */
			poll_thread_yield();
	}
	atomic_store(&turn, 0); /* [posters] */
}

void prepared_forked(void)
{
	posters[0] = posters[1] = turn = 0;
}

/* It may be one of the same address that came later: then it is taken there. */
static __glance struct runtime *find(const struct oa_runtime *r)
{
	struct cds_list_head *at;
	struct runtime *rt;

	/* By nodes: the head is in no runtime, not even for its address. */
	cds_list_for_each_rcu(at, &runtimes) {
		rt = cds_list_entry(at, struct runtime, node);
		if ((const struct oa_runtime *)rt == r)
			return rt;
	}
	return NULL;
}

/* True: there was none, the caller owes a kick. */
static bool push(struct runtime *rt, struct oa_post_node *node)
{
	/* relaxed: the swap below checks it */
	struct oa_post_node *top = atomic_load_rlx(&rt->prepared);

	do {
		node->oa__next = top;
		/* [prepared] publishes the node; see take_all() */
	} while (!atomic_cas(&rt->prepared, &top, node));
	return !top;
}

static int let_in(struct runtime *rt, struct oa_post_node *node)
{
	uint32_t idle = NODE_IDLE;
	int err;

	/* [prepared] acquire: the last look of who had it before */
	if (!atomic_cas(&node->oa__state, &idle, (uint32_t)NODE_POSTED))
		return -EALREADY;
	err = READ_ONCE(rt->stopping) ? -ESHUTDOWN : spawn_count(rt);
	if (err) {
		/* [prepared] */
		atomic_store_rel(&node->oa__state, (uint32_t)NODE_IDLE);
		atomic_add(&rt->posts_refused, (uint64_t)1); /* [credit] */
		return err;
	}
	atomic_add(&rt->posts_in, (uint64_t)1); /* [credit] counter only */
	if (push(rt, node))
		idle_kick_any(rt);
	return 0;
}

int oa_post_prepared(struct oa_post_node *node)
{
	struct runtime *rt;
	uint32_t in;
	int err;

	if (!node || !node->fn || !node->rt)
		return -EINVAL;
	in = enter();
	rt = find(node->rt);
	rcu_tsan_acquire(0);
	err = rt ? let_in(rt, node) : -ESHUTDOWN;
	leave(in);
	return err;
}

void *prepared_run(void *arg)
{
	struct oa_post_node *node = arg;
	oa_fn fn = node->fn;
	void *fn_arg = node->arg;

	/* What walkers are told. */
	WRITE_ONCE(task_self()->fn, fn);
	/* [prepared] the caller's again: fn may post it at once */
	atomic_store_rel(&node->oa__state, (uint32_t)NODE_IDLE);
	return fn(fn_arg);
}

void prepared_dropped(struct oa_post_node *node)
{
	atomic_store_rel(&node->oa__state, (uint32_t)NODE_IDLE); /* [prepared] */
}

static int make_task(struct worker *w, struct oa_post_node *node)
{
	struct task_args a = {
		.fn = prepared_run, .arg = node, .internal = true,
		.counted = true,
	};

	return task_start(w->rt, &a, NULL);
}

/* All of them, in the order of their posts. */
static struct oa_post_node *take_all(struct runtime *rt)
{
	struct oa_post_node *node, *next, *list = NULL;

	/* [prepared] pairs with the swap in push() */
	node = atomic_xchg_acq(&rt->prepared, (struct oa_post_node *)NULL);
	for (; node; node = next) {
		next = node->oa__next;
		node->oa__next = list;
		list = node;
	}
	return list;
}

/*
 * No memory for a task. Another worker may have some, and this one later. What
 * has come meanwhile is served before them.
 */
static __cold_path void put_back(struct worker *w, struct oa_post_node *list)
{
	struct oa_post_node *next;

	w->shy = w->rt->poll->now() + SHY_NS;
	for (; list; list = next) {
		next = list->oa__next;
		push(w->rt, list);
	}
	idle_kick_all(w->rt);
}

static bool still_shy(struct worker *w)
{
	if (w->shy && w->rt->poll->now() < w->shy)
		return true;
	w->shy = 0;
	return false;
}

void prepared_take(struct worker *w)
{
	struct oa_post_node *node, *next;

	if (still_shy(w))
		return;
	for (node = take_all(w->rt); node; node = next) {
		/* Once it is a task's it may begin elsewhere, and be gone. */
		next = node->oa__next;
		if (unlikely(make_task(w, node))) {
			put_back(w, node);
			return;
		}
	}
}

/* Shut down at once: no worker has taken them. */
static void drop_all(struct runtime *rt)
{
	struct oa_post_node *node, *next;

	for (node = take_all(rt); node; node = next) {
		next = node->oa__next;
		atomic_add(&rt->outside_dropped, (uint64_t)1); /* [over] */
		atomic_add(&rt->outside_ended, (uint64_t)1); /* [over] */
		prepared_dropped(node);
	}
}

void prepared_close(struct runtime *rt)
{
	/* [over] set already, unless it was shut down at once */
	atomic_or(&rt->foreign_spawned, RT_CLOSED);
	prepared_wait();
	drop_all(rt);
}
