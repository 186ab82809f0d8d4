// SPDX-License-Identifier: MIT
/* Actors: one piece of code run by tasks, pool tasks and foreign threads. */
#include "actors.h"

#include <sched.h>
#include <stdlib.h>

static void *thread_main(void *arg)
{
	struct actor *a = arg;

	a->result = a->fn(a->arg);
	TELL(a->over, 1);
	return NULL;
}

void actor_start(struct actor *a, enum who who, unsigned int i, oa_fn fn,
		 void *arg)
{
	if (who == WHO_MIXED)
		who = (enum who)(i % WHO_MIXED);
	*a = (struct actor){ .who = who, .fn = fn, .arg = arg };
	if (who == WHO_THREAD) {
		thread_start(&a->th, thread_main, a);
		return;
	}
	a->t = oa_spawn(fn, arg, .block = who == WHO_POOL);
	ASSERT_OK(oa_task_error(a->t));
}

void *actor_end(struct actor *a)
{
	if (a->who == WHO_THREAD) {
		/* pthread_join() would hold up the worker. */
		task_wait_until(SEEN(a->over));
		thread_end(a->th);
		return a->result;
	}
	ASSERT_OK(oa_join(a->t, &a->result));
	return a->result;
}

void give_way(void)
{
	if (oa_yield() == -EPERM)
		sched_yield();
}

int join_code(oa_task_t t)
{
	void *result = NULL;

	ASSERT_OK(oa_join(t, &result));
	return (int)(intptr_t)result;
}

void until_state(oa_task_t t, int state)
{
	task_wait_until(task_state(NULL, t) == state);
}

struct random random_of(unsigned int i)
{
	return (struct random){ harness_seed() ^ (i + 1) * 0x9e3779b97f4a7c15 };
}

unsigned int draw(struct random *r, unsigned int n)
{
	r->at = r->at * 6364136223846793005 + 1442695040888963407;
	return (unsigned int)((r->at >> 33) % n);
}

void *counted_alloc(size_t size, size_t align, void *ctx)
{
	struct counted_memory *m = ctx;

	if (SEEN(m->left) && !__atomic_sub_fetch(&m->left, 1,
						 __ATOMIC_ACQ_REL)) {
		TELL(m->left, 1);
		COUNT(m->refused);
		return NULL;
	}
	COUNT(m->out);
	return aligned_alloc(align, (size + align - 1) & ~(align - 1));
}

void counted_free(void *p, size_t size, void *ctx)
{
	struct counted_memory *m = ctx;

	if (!p)
		return;
	memset(p, 0xa5, size);
	__atomic_sub_fetch(&m->out, 1, __ATOMIC_ACQ_REL);
	free(p);
}
