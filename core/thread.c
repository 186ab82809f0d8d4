// SPDX-License-Identifier: MIT
/*
 * Foreign threads in calls of ours wait by the same protocol as tasks: a
 * descriptor stands for them, which never runs; its wait word is the futex.
 * It is made when a thread first waits and goes when the thread ends.
 */
#include "core/thread.h"

#include <pthread.h>

#include "core/park.h"
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
#else
__thread struct task *lent_tls __attribute__((used));
static __thread struct task *thread_tls;
static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;

static void thread_gone(void *p)
{
	thread_tls = NULL;
	task_free(NULL, p);
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
#endif

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
