// SPDX-License-Identifier: MIT
/*
 * The blocking pool. A task on it runs on the thread's own stack, and waits as
 * threads do: its descriptor stands for the thread meanwhile (TASK_THREAD),
 * so a wake, a cancel and a deadline reach it like any other.
 *
 * Threads are made when a task comes and none is idle, and end after they have
 * been idle for a while. A task comes only with a place, so there are never
 * more of them busy than places. When none can be made, the task waits for one
 * that there is; if there is none at all it is dropped.
 *
 * The list is under a lock; idle threads sleep on ->word, which changes with
 * every task that comes. An idle thread ends under the lock, when the list is
 * empty, so that who counts it as idle finds it waiting. Threads that have
 * ended are joined by the next who comes by, or at the end.
 */
#include "core/pool.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <oa/sync.h>

#include "arch/cxx.h"
#include "core/bug.h"
#include "core/fork.h"
#include "core/grown.h"
#include "core/idle.h"
#include "core/mem.h"
#include "core/members.h"
#include "core/position.h"
#include "core/rcu.h"
#include "core/locals.h"
#include "core/runtime.h"
#include "core/sched.h"
#include "core/spawn.h"
#include "core/thread.h"

#define IDLE_DEFAULT	(10 * OA_SEC)

struct pool_worker {
	struct poll_thread thread;
	struct pool *pool;		/* I */
	struct pool_worker *next;	/* L:lock; in ->gone, or free */
	bool made;			/* L:lock; ->thread is filled in */
	bool ended;			/* L:lock; it has left */
	struct task *task;		/* 1; that it runs */
	void *result;			/* T; of oa_exit() */
	jmp_buf exit;			/* T */
};

struct pool {
	struct spin lock;
	uint32_t word;			/* A; changes when a task comes */
	struct task *first;		/* L:lock */
	struct task **last;		/* L:lock */
	uint32_t waiting;		/* L:lock; tasks in the list */
	uint32_t threads;		/* L:lock; that are there */
	uint32_t idle;			/* L:lock; of those, without a task */
	uint32_t joining;		/* L:lock; taken out of ->gone */
	bool ending;			/* L:lock */
	struct pool_worker *gone;	/* L:lock; ended, to be joined */
	struct pool_worker *free;	/* L:lock; not used */
	uint32_t min;			/* I */
	oa_time_t linger;		/* I */
	struct runtime *rt;		/* I */
	struct oa_sem places;
	uint32_t max;			/* I */
	struct pool_worker worker[];
};

static size_t pool_size(uint32_t max)
{
	return sizeof(struct pool) + max * sizeof(struct pool_worker);
}

struct pool *pool_new(struct runtime *rt)
{
	uint32_t max = rt->cfg.max_blocking;
	struct pool *p = mem_alloc(rt_alloc(rt), pool_size(max),
				   OA_CACHELINE);

	if (!p)
		return NULL;
	p->rt = rt;
	p->max = max;
	p->min = rt->cfg.min_blocking;
	p->linger = rt->cfg.blocking_idle ? rt->cfg.blocking_idle
					  : IDLE_DEFAULT;
	p->last = &p->first;
	p->places = (struct oa_sem)OA_SEM_INIT(max);
	for (uint32_t i = 0; i < max; i++) {
		p->worker[i].pool = p;
		p->worker[i].next = p->free;
		p->free = &p->worker[i];
	}
	return p;
}

void pool_free(struct pool *p)
{
	if (p)
		mem_free(rt_alloc(p->rt), p, pool_size(p->max));
}

bool pool_busy(struct pool *p)
{
	bool busy;

	spin_lock(&p->lock);
	busy = p->threads > p->idle;
	spin_unlock(&p->lock);
	return busy;
}

struct sync *pool_places(struct pool *p)
{
	return (struct sync *)&p->places;
}

/* Under the lock. */
static struct task *take(struct pool *p)
{
	struct task *t = p->first;

	if (!t)
		return NULL;
	p->first = t->next;
	if (!p->first)
		p->last = &p->first;
	p->waiting--;
	return t;
}

/* What it left open has nobody left to end it. */
static void end_opened(struct task *t)
{
	if (!(t->flags & TASK_AT_END))
		return;
	if (READ_ONCE(t->rt->stopping) != RT_NOW)
		task_at_end(t);
	else
		scopes_bury(t);
}

/* The task on the thread's own stack, from its beginning to its end. */
static void run(struct pool_worker *pw, struct task *t)
{
	int err = task_unwanted(t);
	struct cxx_state lost;	/* what oa_exit() left unhandled */

	pw->result = NULL;
	if (err) {
		task_drop_outside(t, err);
		return;
	}
	WRITE_ONCE(pw->task, t);
	/* It is a thread's before anybody may wake it as one. */
	task_set(t, TASK_THREAD | TASK_STARTED);
	thread_lend(t);
	/* Of who made the thread, or of the last task. */
	arch_fpctl_reset();
	if (!setjmp(pw->exit)) {
		pw->result = arch_call_bottom(t->fn, t->arg);
		if (unlikely(fork_was_in_task()))
			fork_child_ends();
		end_opened(t);
	}
	cxx_lay_aside(&lost);
	thread_lend(NULL);
	WRITE_ONCE(pw->task, NULL);
	task_end_outside(t, pw->result);
}

static void leave(struct task *t, void *pw)
{
	(void)t;
	longjmp(((struct pool_worker *)pw)->exit, 1);
}

void pool_exit(struct task *t, void *result)
{
	struct pool *p = t->rt->pool;

	/* It may be in the midst of a call that has one. */
	position_give_up(t);
	for (uint32_t i = 0; i < p->max; i++) {
		/* relaxed: our own we wrote ourselves */
		if (READ_ONCE(p->worker[i].task) != t)
			continue;
		p->worker[i].result = result;
		/* As long as the frames are there in which it may lie. */
		end_opened(t);
		grown_leave(t, leave, &p->worker[i]);
		leave(t, &p->worker[i]);
	}
	OA_BUG("oa_exit() of a task that no thread runs");
}

/* Under the lock, which it gives up in between. False: it is to end. */
static bool wait_for_task(struct pool *p)
{
	oa_time_t until = p->rt->poll->now() + p->linger;
	oa_time_t at;
	uint32_t word;
	int err = 0;

	p->idle++;
	while (!p->first && !p->ending &&
	       (err != -ETIMEDOUT || p->threads <= p->min)) {
		word = READ_ONCE(p->word);
		at = p->threads <= p->min ? OA_FOREVER : until;
		spin_unlock(&p->lock);
		err = p->rt->poll->thread_wait(&p->word, word, at);
		spin_lock(&p->lock);
	}
	p->idle--;
	return p->first;
}

/*
 * Under the lock: to be joined, which takes that it has left, and that who
 * made it knows its thread. The later of the two does it.
 */
static void put_gone(struct pool *p, struct pool_worker *pw)
{
	pw->next = p->gone;
	p->gone = pw;
}

static void *pool_thread(void *arg)
{
	struct pool_worker *pw = arg;
	struct pool *p = pw->pool;
	struct task *t;

	spin_lock(&p->lock);
	do {
		while ((t = take(p))) {
			spin_unlock(&p->lock);
			run(pw, t);
			spin_lock(&p->lock);
		}
	} while (wait_for_task(p));
	p->threads--;
	pw->ended = true;
	if (pw->made)
		put_gone(p, pw);
	spin_unlock(&p->lock);
	return NULL;
}

/* Joins those that have ended: they are on their last instructions. */
static void reap(struct pool *p)
{
	struct pool_worker *pw;

	spin_lock(&p->lock);
	while ((pw = p->gone)) {
		p->gone = pw->next;
		p->joining++;
		spin_unlock(&p->lock);
		p->rt->poll->thread_join(&pw->thread);
		spin_lock(&p->lock);
		p->joining--;
		pw->made = pw->ended = false;
		pw->next = p->free;
		p->free = pw;
	}
	spin_unlock(&p->lock);
}

/* A thread for what waits; the caller has counted it. */
static int start_thread(struct pool *p, struct pool_worker *pw)
{
	char name[32];

	snprintf(name, sizeof(name), "%.9s/b%u", p->rt->name,
		 (unsigned int)(pw - p->worker));
	pw->thread.fn = pool_thread;
	pw->thread.arg = pw;
	return p->rt->poll->thread_start(&pw->thread, name, -1);
}

/*
 * It could not be made: what waits, waits for another. If there is none, all of
 * it is dropped, @t by the caller: others may have relied on this one.
 */
static int no_thread(struct pool *p, struct pool_worker *pw, struct task *t)
{
	struct task *none = NULL, *next;
	int err = 0;

	spin_lock(&p->lock);
	p->threads--;
	pw->next = p->free;
	p->free = pw;
	if (!p->threads) {
		none = p->first;
		p->first = NULL;
		p->last = &p->first;
		p->waiting = 0;
	}
	spin_unlock(&p->lock);
	for (; none; none = next) {
		next = none->next;
		if (none == t)
			err = -EAGAIN;
		else
			task_drop(worker_self(), none, -EAGAIN);
	}
	return err;
}

int pool_run(struct runtime *rt, struct task *t)
{
	struct pool *p = rt->pool;
	struct pool_worker *pw = NULL;

	task_set(t, TASK_POOLED);
	spin_lock(&p->lock);
	t->next = NULL;
	*p->last = t;
	p->last = &t->next;
	p->waiting++;
	WRITE_ONCE(p->word, p->word + 1);
	/*
	 * As many as have places: those that have ended are used again, and if
	 * one is just being made, or ends, that is waited for.
	 */
	while (p->waiting > p->idle && !p->free && p->threads < p->max) {
		spin_unlock(&p->lock);
		reap(p);
		poll_thread_yield();
		spin_lock(&p->lock);
	}
	if (p->waiting > p->idle && p->free) {
		pw = p->free;
		p->free = pw->next;
		p->threads++;
	}
	spin_unlock(&p->lock);
	if (!pw) {
		rt->poll->thread_wake(&p->word);
		return 0;
	}
	if (start_thread(p, pw))
		return no_thread(p, pw, t);
	spin_lock(&p->lock);
	pw->made = true;
	if (pw->ended)
		put_gone(p, pw);
	spin_unlock(&p->lock);
	return 0;
}

uint32_t pool_running(struct pool *p)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->max; i++)
		/* relaxed: they stay, or come to their end and are counted */
		n += READ_ONCE(p->worker[i].task) != NULL;
	return n;
}

/* Those that no thread will come for. */
static void drop_waiting(struct pool *p)
{
	struct task *t;

	for (;;) {
		spin_lock(&p->lock);
		t = take(p);
		spin_unlock(&p->lock);
		if (!t)
			return;
		task_drop_outside(t, -ECANCELED);
	}
}

bool pool_end(struct pool *p, oa_time_t until)
{
	if (!p)
		return true;
	if (READ_ONCE(p->rt->stopping) == RT_NOW)
		drop_waiting(p);
	spin_lock(&p->lock);
	OA_BUG_ON(p->first);
	p->ending = true;
	WRITE_ONCE(p->word, p->word + 1);
	spin_unlock(&p->lock);
	p->rt->poll->thread_wake(&p->word);
	for (;;) {
		uint32_t threads;

		reap(p);
		spin_lock(&p->lock);
		threads = p->threads + p->joining + !!p->gone;
		spin_unlock(&p->lock);
		if (!threads)
			return true;
		if (until != OA_FOREVER && p->rt->poll->now() >= until)
			return false;
		poll_thread_yield();
	}
}
