// SPDX-License-Identifier: MIT
/*
 * Foreign threads in calls of ours wait by the same protocol as tasks: a
 * descriptor stands for them, which never runs; its wait word is the futex.
 * It is made when a thread first waits and goes when the thread ends.
 *
 * One that is attached has magazines of descriptors besides, as workers have,
 * so that what it starts and joins takes no lock of the slabs.
 */
#include "core/thread.h"

#include <errno.h>
#include <pthread.h>

#include "core/fork.h"
#include "core/mem.h"
#include "core/park.h"
#include "core/rcu.h"
#include "core/runtime.h"

#if defined(OA_SIM) && OA_SIM == 1
struct task **sim_thread_slot(void);

static struct task **thread_slot(void)
{
	return sim_thread_slot();
}

/* A stand-in has no runtime. */
struct task *thread_task(void)
{
	struct task *t = *thread_slot();

	return t && t->rt ? t : NULL;
}

struct thread_cache *thread_cache(void)
{
	return NULL;
}

bool thread_lent(void)
{
	return thread_task();
}

int oa_thread_attach(struct oa_runtime *rt)
{
	return rt ? -ENOSYS : -EINVAL;
}

int oa_thread_detach(void)
{
	return -EINVAL;
}
#else
__thread struct task *lent_tls __attribute__((used));
static __thread struct task *thread_tls;
static __thread struct thread_cache *cache_tls;
static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;

bool thread_lent(void)
{
	return lent_tls;
}

static void cache_end(void)
{
	struct thread_cache *c = cache_tls;

	if (!c)
		return;
	cache_tls = NULL;
	slab_mag_flush(&ext_cache, &c->exts);
	slab_mag_flush(&task_cache, &c->tasks);
	mem_free(NULL, c, sizeof(*c));
}

static void thread_gone(void *p)
{
	struct task *t = p;

	thread_tls = NULL;
	/* What it holds stays held; the next user of the slot holds nothing. */
	t->locks = 0;
	WRITE_ONCE(t->prio, 0);
	task_free(NULL, t);
	cache_end();
}

static void key_make(void)
{
	pthread_key_create(&thread_key, thread_gone);
}

static struct task **thread_slot(void)
{
	pthread_once(&thread_once, key_make);
	return &thread_tls;
}

__noinline struct thread_cache *thread_cache(void)
{
	return cache_tls;
}

static struct thread_cache *cache_new(struct runtime *rt)
{
	struct thread_cache *c = mem_alloc(NULL, sizeof(*c), OA_CACHELINE);

	if (!c)
		return NULL;
	c->rt = rt;
	if (!slab_mag_init(&task_cache, &c->tasks))
		goto err_free;
	if (!slab_mag_init(&ext_cache, &c->exts))
		goto err_tasks;
	return c;
err_tasks:
	slab_mag_flush(&task_cache, &c->tasks);
err_free:
	mem_free(NULL, c, sizeof(*c));
	return NULL;
}

int oa_thread_attach(struct oa_runtime *r)
{
	struct runtime *rt = (struct runtime *)r;
	struct thread_cache *c;

	if (!rt)
		return -EINVAL;
	if (worker_self() || task_self() ||
	    rt->generation != fork_generation())
		return -EPERM;
	if (cache_tls)
		return cache_tls->rt == rt ? -EALREADY : -EBUSY;
	/* Its end is what ends the attachment of a thread that does not. */
	if (!thread_self())
		return -ENOMEM;
	c = cache_new(rt);
	if (!c)
		return -ENOMEM;
	urcu_bp_register_thread();
	cache_tls = c;
	return 0;
}

int oa_thread_detach(void)
{
	if (worker_self() || task_self())
		return -EPERM;
	if (!cache_tls)
		return -EINVAL;
	cache_end();
	return 0;
}
#endif

struct runtime *thread_runtime(void)
{
	struct thread_cache *c = thread_cache();

	return c ? c->rt : NULL;
}

struct task *thread_self(void)
{
	struct task **slot = thread_slot(), *t = *slot;

	if (t)
		return t;
	t = task_alloc_any();
	if (!t)
		return NULL;
	WRITE_ONCE(t->flags, TASK_THREAD);
	WRITE_ONCE(t->rt, NULL); /* walkers look at it */
	WRITE_ONCE(t->ext, NULL);
	/* relaxed: not published yet */
	atomic_store_rlx(&t->life, READ_ONCE(t->life) | LIFE_ALIVE);
	*slot = t;
#if !defined(OA_SIM) || OA_SIM != 1
	pthread_setspecific(thread_key, t);
#endif
	return t;
}

__noinline uint64_t thread_number(void)
{
	static __thread uint64_t mine;
	static uint64_t last;

	if (!mine)
		/* [credit] counter only */
		mine = atomic_add(&last, (uint64_t)1) + 1;
	return mine;
}

void thread_lend(struct task *t)
{
	*thread_slot() = t;
#if !defined(OA_SIM) || OA_SIM != 1
	arch_tls_store(lent_tls, t);
#endif
}

/* The half of the wait word that holds its state. */
static uint32_t *low_half(uint64_t *word)
{
	uint32_t *half = (uint32_t *)word;

	return half + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

void thread_park(struct task *t)
{
	uint64_t word = READ_ONCE(t->wait), parked; /* relaxed: swapped below */
	oa_time_t until = t->deadline;
	int err = 0;

	parked = (word & ~(uint64_t)WAIT_STATE) | WAIT_PARKED;
	/* [park] */
	if ((word & WAIT_STATE) != WAIT_PARKING ||
	    !atomic_cas(&t->wait, &word, parked))
		return;
	/* [park-cancel] of a task on the blocking pool; after the swap */
	if (unlikely(atomic_load(&t->life) & LIFE_CANCEL) &&
	    parked & WAIT_MAY_CANCEL)
		park_claim(t, parked & ~(uint64_t)0xff, WAIT_CANCELLED);
	while (atomic_load_acq(&t->wait) == parked && err != -110) /* [park] */
		err = poll_default->thread_wait(low_half(&t->wait),
						(uint32_t)parked, until);
	if (err == -110)
		park_claim(t, parked & ~(uint64_t)0xff, WAIT_TIMEDOUT);
}

void thread_unpark(struct task *t)
{
	poll_default->thread_wake(low_half(&t->wait));
}
