// SPDX-License-Identifier: MIT
/*
 * fork(): the child has one thread, no workers, and descriptors of rings that
 * are the parent's. It gets a process generation of its own: calls that need
 * the old runtime fail, a new one can be started. The process's locks are held
 * over the fork, so that the child finds free, and whole, what they guard.
 */
#include "core/fork.h"

#include <pthread.h>
#include <unistd.h>

#include "core/bias.h"
#include "core/conds.h"
#include "core/fd.h"
#include "core/idle.h"
#include "core/locals.h"
#include "core/members.h"
#include "core/position.h"
#include "core/prepared.h"
#include "core/rcu.h"
#include "core/runtime.h"
#include "core/thread.h"
#include "core/watch.h"

#if defined(OA_TSAN)
char rcu_tsan[2];
#endif

static uint32_t generation;
/* The thread of this child was in a task, whose frames it goes on with. */
static __thread bool in_task;

uint32_t fork_generation(void)
{
	return READ_ONCE(generation);
}

bool fork_stranded(const struct runtime *rt)
{
	return unlikely(fork_generation()) && rt &&
	       rt->generation != fork_generation();
}

bool fork_was_in_task(void)
{
	return unlikely(in_task);
}

void fork_child_ends(void)
{
	_exit(0);
}

/* All that a thread which is not in the child may hold. */
static void each_lock(void (*fn)(struct spin *lock))
{
	fn(&runtimes_lock);
	fn(&task_cache.lock);
	fn(&ext_cache.lock);
	fn(&start_cache.lock);
	fn(&scope_cache.lock);
	fn(&keys_lock);
	fn(&worker_ids_lock);
}

static void prepare(void)
{
	watch_fork_prepare();
	each_lock(spin_lock);
#if !defined(OA_SIM) || OA_SIM != 1
	urcu_bp_before_fork();
#endif
}

static void release(void)
{
	each_lock(spin_unlock);
}

static void parent(void)
{
#if !defined(OA_SIM) || OA_SIM != 1
	urcu_bp_after_fork_parent();
#endif
	release();
	watch_fork_parent();
}

static void child(void)
{
	struct worker *w = worker_self();
	struct cds_list_head *at;
	struct runtime *rt;

#if !defined(OA_SIM) || OA_SIM != 1
	urcu_bp_after_fork_child();
#endif
	release();
	watch_fork_child();
	generation++;
	/* In the child of such a child, too. */
	in_task = in_task || (w && w->current) || thread_lent();
	worker_set_self(NULL);
	if (thread_lent())
		thread_lend(NULL);
	bias_forked();
	fd_forked();
	position_forked();
	idle_forked();
	cds_list_for_each(at, &runtimes) {
		rt = cds_list_entry(at, struct runtime, node);
		for (uint32_t i = 0; i < rt->nr_workers; i++) {
			worker_hide(rt->workers[i]);
			worker_give_id(rt->workers[i]);
			if (rt->poll->forked)
				rt->poll->forked(rt->workers[i]);
		}
	}
	CDS_INIT_LIST_HEAD(&runtimes);
	prepared_forked();
}

static void install(void)
{
	pthread_atfork(prepare, parent, child);
}

void fork_install(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, install);
}
