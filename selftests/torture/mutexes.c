// SPDX-License-Identifier: MIT
/*
 * Locks that anybody takes. When each was held is recorded, and at the end of
 * the round nobody may have been where somebody else was.
 */
#include "torture.h"

#include <stdlib.h>
#include <string.h>

#define LOCKS	5u		/* mutexes, then locks for readers and writers */
#define MUTEXES	3u
#define HOLDS	8000u		/* of each that are kept */
#define PERMITS	3u
#define PARTY	3u

struct hold {
	uint64_t from, to;
	bool shared;
};

struct lock {
	union {
		struct oa_mutex mutex;
		struct oa_rwlock rwlock;
	} u;
	bool rw, recursive;
	struct hold *holds;
	uint32_t nr_holds;
	uint64_t counter;		/* plain: the lock is for it */
	uint64_t times;
};

static struct lock locks[LOCKS];

static struct {
	struct oa_sem sem;
	struct oa_barrier barrier;
	struct oa_mutex mutex;		/* of the credits */
	struct oa_cond cond;
	uint64_t credits;		/* plain likewise */
	uint64_t given, taken;
	uint32_t inside, passed, leaders;
} shared;

void locks_open(void)
{
	memset(&shared, 0, sizeof(shared));
	CHECK(!oa_sem_init(&shared.sem, PERMITS));
	CHECK(!oa_barrier_init(&shared.barrier, PARTY));
	memset(locks, 0, sizeof(locks));
	for (uint32_t i = 0; i < LOCKS; i++) {
		struct lock *l = &locks[i];

		l->rw = i >= MUTEXES;
		l->recursive = i == 0;
		if (l->recursive)
			l->u.mutex = (struct oa_mutex)OA_MUTEX_RECURSIVE;
		l->holds = calloc(HOLDS, sizeof(struct hold));
		CHECK(l->holds);
	}
}

static void check_error(int err)
{
	CHECK_RESULT(err, err == -EAGAIN || err == -ETIMEDOUT ||
		     (err == -ECANCELED && oa_cancelled() == 1) ||
		     (err == -ENOMEM && round_now.faults));
}

static int acquire(struct lock *l, struct actor *a, bool share)
{
	oa_time_t soon = oa_after(actor_random(a, 300) * OA_USEC);

	switch (actor_random(a, 3)) {
	case 0:
		return !l->rw ? oa_mutex_trylock(&l->u.mutex) :
		       share ? oa_rwlock_tryrdlock(&l->u.rwlock) :
			       oa_rwlock_trywrlock(&l->u.rwlock);
	case 1:
		return !l->rw ? oa_mutex_lock_until(&l->u.mutex, soon) :
		       share ? oa_rwlock_rdlock_until(&l->u.rwlock, soon) :
			       oa_rwlock_wrlock_until(&l->u.rwlock, soon);
	default:
		return !l->rw ? oa_mutex_lock(&l->u.mutex) :
		       share ? oa_rwlock_rdlock(&l->u.rwlock) :
			       oa_rwlock_wrlock(&l->u.rwlock);
	}
}

static void release(struct lock *l)
{
	int err = l->rw ? oa_rwlock_unlock(&l->u.rwlock)
			: oa_mutex_unlock(&l->u.mutex);

	CHECK_RESULT(err, !err);
}

/* Others may come while it is held; with it, nothing is done that waits long. */
static void dwell(struct actor *a)
{
	switch (actor_random(a, 6)) {
	case 0:
		oa_yield();
		break;
	case 1:
		if (oa_self().id)
			oa_sleep(actor_random(a, 20) * OA_USEC);
		break;
	default:
		for (uint32_t n = actor_random(a, 200); n; n--)
			__asm__ volatile("" : : : "memory");
		break;
	}
}

static void lock_again(struct lock *l)
{
	int err;

	if (l->rw)
		return;
	err = oa_mutex_lock(&l->u.mutex);
	CHECK_RESULT(err, err == (l->recursive ? 0 : -EDEADLK));
	if (!err)
		release(l);
}

static void record(struct lock *l, uint64_t from, uint64_t to, bool share)
{
	uint32_t i;

	if (SEEN(l->nr_holds) >= HOLDS)
		return;
	i = ADD(l->nr_holds, 1) - 1;
	if (i < HOLDS)
		l->holds[i] = (struct hold){ from, to, share };
}

void act_lock(struct actor *a)
{
	struct lock *l = &locks[actor_random(a, LOCKS)];
	bool share = l->rw && actor_random(a, 3);
	int err = acquire(l, a, share);
	uint64_t from, to, seen;

	if (err) {
		check_error(err);
		return;
	}
	from = stamp();
	seen = l->counter;
	dwell(a);
	if (!actor_random(a, 8) && !share)
		lock_again(l);
	CHECK(l->counter == seen);
	if (!share) {
		l->counter = seen + 1;
		ADD(l->times, 1);
	}
	to = stamp();
	release(l);
	record(l, from, to, share);
}

void act_sem(struct actor *a)
{
	oa_time_t soon = oa_after(actor_random(a, 300) * OA_USEC);
	int err = actor_random(a, 3) ? oa_sem_wait_until(&shared.sem, soon)
				     : oa_sem_trywait(&shared.sem);

	if (err) {
		check_error(err);
		return;
	}
	CHECK(ADD(shared.inside, 1) <= PERMITS);
	dwell(a);
	ADD(shared.inside, (uint32_t)-1);
	CHECK(!oa_sem_post(&shared.sem));
}

void act_barrier(struct actor *a)
{
	oa_time_t soon = oa_after(actor_random(a, 300) * OA_USEC);
	int res = oa_barrier_wait_until(&shared.barrier, soon);

	if (res < 0) {
		check_error(res);
		return;
	}
	ADD(shared.passed, 1);
	ADD(shared.leaders, (uint32_t)res);
}

static int wait_for_credit(struct actor *a)
{
	oa_time_t soon = oa_after(actor_random(a, 300) * OA_USEC);
	int err = 0;

	while (!shared.credits && !err)
		err = oa_cond_wait_until(&shared.cond, &shared.mutex, soon);
	return err;
}

void act_credit(struct actor *a)
{
	int err = oa_mutex_lock(&shared.mutex);

	if (err) {
		check_error(err);
		return;
	}
	if (actor_random(a, 2)) {
		shared.credits++;
		shared.given++;
		err = actor_random(a, 4) ? oa_cond_signal(&shared.cond)
					 : oa_cond_broadcast(&shared.cond);
		CHECK_RESULT(err, !err);
	} else {
		err = wait_for_credit(a);
		if (!err) {
			shared.credits--;
			shared.taken++;
		} else {
			check_error(err);
		}
	}
	CHECK(!oa_mutex_unlock(&shared.mutex));
}

static int by_from(const void *x, const void *y)
{
	const struct hold *a = x, *b = y;

	return (a->from > b->from) - (a->from < b->from);
}

/* In the order in which they began: who is alone is not met by anybody. */
static void holds_check(struct lock *l)
{
	uint32_t n = l->nr_holds < HOLDS ? l->nr_holds : HOLDS;
	uint64_t alone = 0, any = 0;

	qsort(l->holds, n, sizeof(*l->holds), by_from);
	for (uint32_t i = 0; i < n; i++) {
		struct hold *h = &l->holds[i];

		CHECK(h->from < h->to);
		CHECK(h->from > (h->shared ? alone : any));
		any = h->to > any ? h->to : any;
		if (!h->shared)
			alone = h->to;
	}
}

static void lock_check(struct lock *l)
{
	struct oa_sync_info info = OA_SYNC_INFO_INIT;

	CHECK(!(l->rw ? oa_rwlock_info(&l->u.rwlock, &info)
		      : oa_mutex_info(&l->u.mutex, &info)));
	CHECK(!info.value && !info.waiters);
	CHECK(l->counter == l->times);
	if (!l->rw && !l->recursive)
		CHECK(info.uses == l->times);
	holds_check(l);
	CHECK(!(l->rw ? oa_rwlock_destroy(&l->u.rwlock)
		      : oa_mutex_destroy(&l->u.mutex)));
}

void locks_close(void)
{
	struct oa_sync_info info = OA_SYNC_INFO_INIT;

	for (uint32_t i = 0; i < LOCKS; i++) {
		lock_check(&locks[i]);
		free(locks[i].holds);
	}
	CHECK(oa_sem_value(&shared.sem) == PERMITS);
	CHECK(!oa_sem_destroy(&shared.sem));
	CHECK(!oa_barrier_info(&shared.barrier, &info));
	CHECK(!info.value && !info.waiters && info.uses == shared.leaders);
	CHECK(shared.passed == shared.leaders * PARTY);
	CHECK(!oa_barrier_destroy(&shared.barrier));
	CHECK(shared.given == shared.taken + shared.credits);
	CHECK(!oa_cond_destroy(&shared.cond));
	CHECK(!oa_mutex_destroy(&shared.mutex));
}
