// SPDX-License-Identifier: MIT
/* The calls that may wait, and what opens what they wait for. */
#include "sync_verbs.h"

/* How the calls of one type look in the table. */
#define QUERIES(type) \
	static int type##_info(const struct door *d, struct oa_sync_info *i) \
	{ \
		return oa_##type##_info(&d->type, i); \
	}
#define DESTROYS(type) \
	static int type##_destroy(struct door *d) \
	{ \
		return oa_##type##_destroy(&d->type); \
	}
#define WAITS(type, verb, call) \
	static int verb(struct door *d) \
	{ \
		return oa_##call(&d->type); \
	}
#define WAITS_UNTIL(type, verb, call) \
	static int verb(struct door *d, oa_time_t deadline) \
	{ \
		return oa_##call(&d->type, deadline); \
	}
#define LEAVES(type, verb, call) \
	static void verb(struct door *d) \
	{ \
		ASSERT_OK(oa_##call(&d->type)); \
	}

static void nothing(struct door *d HARNESS_UNUSED)
{
}

static void clear(struct door *d)
{
	memset(d, 0, sizeof(*d));
}

#define SHUT(verb) \
	static void verb(struct door *d, unsigned int come HARNESS_UNUSED, \
			 unsigned int stay HARNESS_UNUSED)
#define AJAR(verb) \
	static void verb(struct door *d, unsigned int n HARNESS_UNUSED)

SHUT(shut_all_zero)
{
	clear(d);
}

AJAR(ajar_all_zero)
{
	clear(d);
}

/* Mutex. */

SHUT(mutex_shut)
{
	clear(d);
	ASSERT_OK(oa_mutex_lock(&d->mutex));
}

WAITS(mutex, mutex_lock, mutex_lock)
WAITS(mutex, mutex_trylock, mutex_trylock)
WAITS_UNTIL(mutex, mutex_lock_until, mutex_lock_until)
LEAVES(mutex, mutex_unlock, mutex_unlock)
QUERIES(mutex)
DESTROYS(mutex)

/* Readers and writers. */

SHUT(rdlock_shut)
{
	clear(d);
	ASSERT_OK(oa_rwlock_wrlock(&d->rwlock));
}

SHUT(wrlock_shut)
{
	clear(d);
	ASSERT_OK(oa_rwlock_rdlock(&d->rwlock));
}

WAITS(rwlock, rdlock, rwlock_rdlock)
WAITS(rwlock, tryrdlock, rwlock_tryrdlock)
WAITS_UNTIL(rwlock, rdlock_until, rwlock_rdlock_until)
WAITS(rwlock, wrlock, rwlock_wrlock)
WAITS(rwlock, trywrlock, rwlock_trywrlock)
WAITS_UNTIL(rwlock, wrlock_until, rwlock_wrlock_until)
LEAVES(rwlock, rwlock_unlock, rwlock_unlock)
QUERIES(rwlock)
DESTROYS(rwlock)

/* Condition variable. */

static void cond_open(struct door *d)
{
	ASSERT_OK(oa_mutex_lock(&d->lock));
	ASSERT_OK(oa_cond_broadcast(&d->cond));
	ASSERT_OK(oa_mutex_unlock(&d->lock));
}

static int cond_wait_until(struct door *d, oa_time_t deadline)
{
	int err;

	ASSERT_OK(oa_mutex_lock(&d->lock));
	err = oa_cond_wait_until(&d->cond, &d->lock, deadline);
	/* However it ended, the mutex is held. */
	ASSERT_OK(oa_mutex_unlock(&d->lock));
	return err;
}

static int cond_wait(struct door *d)
{
	int err;

	ASSERT_OK(oa_mutex_lock(&d->lock));
	err = oa_cond_wait(&d->cond, &d->lock);
	ASSERT_OK(oa_mutex_unlock(&d->lock));
	return err;
}

QUERIES(cond)
DESTROYS(cond)

/* Semaphore. */

AJAR(sem_ajar)
{
	clear(d);
	ASSERT_OK(oa_sem_init(&d->sem, n));
}

WAITS(sem, sem_wait, sem_wait)
WAITS(sem, sem_trywait, sem_trywait)
WAITS_UNTIL(sem, sem_wait_until, sem_wait_until)
LEAVES(sem, sem_post, sem_post)
QUERIES(sem)
DESTROYS(sem)

/* Events. */

AJAR(event_ajar)
{
	clear(d);
	ASSERT_OK(oa_event_set(&d->event));
}

SHUT(auto_shut)
{
	clear(d);
	d->event = (struct oa_event)OA_EVENT_AUTO_INIT;
}

AJAR(auto_ajar)
{
	auto_shut(d, 0, 0);
	ASSERT_OK(oa_event_set(&d->event));
}

WAITS(event, event_wait, event_wait)
WAITS(event, event_trywait, event_trywait)
WAITS_UNTIL(event, event_wait_until, event_wait_until)
LEAVES(event, event_set, event_set)
QUERIES(event)
DESTROYS(event)

/* Wait group. */

SHUT(waitgroup_shut)
{
	clear(d);
	ASSERT_OK(oa_waitgroup_add(&d->waitgroup, 1));
}

WAITS(waitgroup, waitgroup_wait, waitgroup_wait)
WAITS(waitgroup, waitgroup_trywait, waitgroup_trywait)
WAITS_UNTIL(waitgroup, waitgroup_wait_until, waitgroup_wait_until)
LEAVES(waitgroup, waitgroup_done, waitgroup_done)
QUERIES(waitgroup)
DESTROYS(waitgroup)

/* Latch. */

SHUT(latch_shut)
{
	clear(d);
	ASSERT_OK(oa_latch_init(&d->latch, 1));
}

SHUT(arrive_shut)
{
	clear(d);
	ASSERT_OK(oa_latch_init(&d->latch, come + 1));
}

AJAR(latch_ajar)
{
	latch_shut(d, n, n);
	ASSERT_OK(oa_latch_count_down(&d->latch));
}

WAITS(latch, latch_wait, latch_wait)
WAITS(latch, latch_trywait, latch_trywait)
WAITS_UNTIL(latch, latch_wait_until, latch_wait_until)
WAITS(latch, latch_arrive, latch_arrive_wait)
WAITS_UNTIL(latch, latch_arrive_until, latch_arrive_wait_until)
LEAVES(latch, latch_count_down, latch_count_down)
QUERIES(latch)
DESTROYS(latch)

/* Barrier. */

SHUT(barrier_shut)
{
	clear(d);
	ASSERT_OK(oa_barrier_init(&d->barrier, stay + 1));
}

AJAR(barrier_ajar)
{
	clear(d);
	ASSERT_OK(oa_barrier_init(&d->barrier, 1));
}

static void barrier_open(struct door *d)
{
	/* The last to come leads. */
	ASSERT_EQ(1, oa_barrier_wait(&d->barrier));
}

/* Who completes a round is told so, which is no failure. */
static int barrier_wait(struct door *d)
{
	int res = oa_barrier_wait(&d->barrier);

	return res > 0 ? 0 : res;
}

static int barrier_wait_until(struct door *d, oa_time_t deadline)
{
	int res = oa_barrier_wait_until(&d->barrier, deadline);

	return res > 0 ? 0 : res;
}

QUERIES(barrier)
DESTROYS(barrier)

/* Once. */

static void run_long(void *arg)
{
	struct door *d = arg;

	TELL(d->running, 1);
	ASSERT_OK(oa_event_wait(&d->go));
}

static void *runner(void *arg)
{
	struct door *d = arg;

	ASSERT_OK(oa_once_run(&d->once, run_long, d));
	return NULL;
}

static void run_short(void *arg HARNESS_UNUSED)
{
}

SHUT(once_shut)
{
	clear(d);
	d->runner = oa_spawn(runner, d);
	task_wait_until(SEEN(d->running));
}

AJAR(once_ajar)
{
	clear(d);
	ASSERT_OK(oa_once_run(&d->once, run_short, NULL));
}

static void once_open(struct door *d)
{
	ASSERT_OK(oa_event_set(&d->go));
	ASSERT_OK(oa_join(d->runner, NULL));
}

static int once_run(struct door *d)
{
	return oa_once_run(&d->once, run_short, NULL);
}

QUERIES(once)

/* Backpressure. */

SHUT(backpressure_shut)
{
	clear(d);
	ASSERT_OK(oa_backpressure_init(&d->backpressure, 1,
				       OA_BACKPRESSURE_LOSSLESS));
	ASSERT_OK(oa_backpressure_enter(&d->backpressure));
}

AJAR(backpressure_ajar)
{
	clear(d);
	ASSERT_OK(oa_backpressure_init(&d->backpressure, n,
				       OA_BACKPRESSURE_LOSSLESS));
}

WAITS(backpressure, enter, backpressure_enter)
WAITS(backpressure, tryenter, backpressure_tryenter)
WAITS_UNTIL(backpressure, enter_until, backpressure_enter_until)
LEAVES(backpressure, backpressure_leave, backpressure_leave)
QUERIES(backpressure)
DESTROYS(backpressure)

/* Future. */

static void future_open(struct door *d)
{
	ASSERT_OK(oa_future_set(&d->future, d));
}

AJAR(future_ajar)
{
	clear(d);
	future_open(d);
}

/* Whoever gets in has the value. */
static int future_got(struct door *d, int err, void *value)
{
	ASSERT_EQ(err ? NULL : (void *)d, value);
	return err;
}

static int future_get(struct door *d)
{
	void *value = NULL;
	int err = oa_future_get(&d->future, &value);

	return future_got(d, err, value);
}

static int future_tryget(struct door *d)
{
	void *value = NULL;
	int err = oa_future_tryget(&d->future, &value);

	return future_got(d, err, value);
}

static int future_get_until(struct door *d, oa_time_t deadline)
{
	void *value = NULL;
	int err = oa_future_get_until(&d->future, &value, deadline);

	return future_got(d, err, value);
}

QUERIES(future)
DESTROYS(future)

#define OBJECT(type) \
	.waits = #type, .info = type##_info, .destroy = type##_destroy

const struct verb verbs[] = {
	{
		.name = "mutex_lock", OBJECT(mutex),
		.shut = mutex_shut, .ajar = ajar_all_zero, .open = mutex_unlock,
		.wait = mutex_lock, .timed_wait = mutex_lock_until,
		.trywait = mutex_trylock, .leave = mutex_unlock,
		.stubborn = true,
	}, {
		.name = "rwlock_rdlock", OBJECT(rwlock),
		.shut = rdlock_shut, .ajar = ajar_all_zero,
		.open = rwlock_unlock, .leave = rwlock_unlock,
		.wait = rdlock, .timed_wait = rdlock_until,
		.trywait = tryrdlock, .stubborn = true,
	}, {
		.name = "rwlock_wrlock", OBJECT(rwlock),
		.shut = wrlock_shut, .ajar = ajar_all_zero,
		.open = rwlock_unlock, .leave = rwlock_unlock,
		.wait = wrlock, .timed_wait = wrlock_until,
		.trywait = trywrlock, .stubborn = true, .fifo = true,
	}, {
		.name = "cond_wait", OBJECT(cond),
		.shut = shut_all_zero, .open = cond_open, .leave = nothing,
		.wait = cond_wait, .timed_wait = cond_wait_until,
	}, {
		.name = "sem_wait", OBJECT(sem),
		.shut = shut_all_zero, .ajar = sem_ajar, .open = sem_post,
		.wait = sem_wait, .timed_wait = sem_wait_until,
		.trywait = sem_trywait, .leave = nothing,
		.fifo = true, .one_by_one = true,
	}, {
		.name = "event_wait", OBJECT(event),
		.shut = shut_all_zero, .ajar = event_ajar, .open = event_set,
		.wait = event_wait, .timed_wait = event_wait_until,
		.trywait = event_trywait, .leave = nothing,
	}, {
		.name = "event_wait of an auto event", OBJECT(event),
		.shut = auto_shut, .ajar = auto_ajar, .open = event_set,
		.wait = event_wait, .timed_wait = event_wait_until,
		.trywait = event_trywait, .leave = event_set,
		.fifo = true,
	}, {
		.name = "waitgroup_wait", OBJECT(waitgroup),
		.shut = waitgroup_shut, .ajar = ajar_all_zero,
		.open = waitgroup_done, .leave = nothing,
		.wait = waitgroup_wait, .timed_wait = waitgroup_wait_until,
		.trywait = waitgroup_trywait,
	}, {
		.name = "latch_wait", OBJECT(latch),
		.shut = latch_shut, .ajar = latch_ajar,
		.open = latch_count_down, .leave = nothing,
		.wait = latch_wait, .timed_wait = latch_wait_until,
		.trywait = latch_trywait,
	}, {
		.name = "latch_arrive_wait", OBJECT(latch),
		.shut = arrive_shut, .ajar = latch_ajar,
		.open = latch_count_down, .leave = nothing,
		.wait = latch_arrive, .timed_wait = latch_arrive_until,
		.counts = true,
	}, {
		.name = "barrier_wait", OBJECT(barrier),
		.shut = barrier_shut, .ajar = barrier_ajar,
		.open = barrier_open, .leave = nothing,
		.wait = barrier_wait, .timed_wait = barrier_wait_until,
		.counts = true,
	}, {
		.name = "once_run", .waits = "once", .info = once_info,
		.shut = once_shut, .ajar = once_ajar, .open = once_open,
		.leave = nothing, .wait = once_run,
	}, {
		.name = "backpressure_enter", OBJECT(backpressure),
		.shut = backpressure_shut, .ajar = backpressure_ajar,
		.open = backpressure_leave, .leave = backpressure_leave,
		.wait = enter, .timed_wait = enter_until,
		.trywait = tryenter, .fifo = true,
	}, {
		.name = "future_get", OBJECT(future),
		.shut = shut_all_zero, .ajar = future_ajar, .open = future_open,
		.wait = future_get, .timed_wait = future_get_until,
		.trywait = future_tryget, .leave = nothing,
	},
};

const unsigned int nr_verbs = ARRAY_N(verbs);

unsigned int door_waiters(const struct verb *v, const struct door *d)
{
	struct oa_sync_info i = OA_SYNC_INFO_INIT;

	ASSERT_OK(v->info(d, &i));
	return i.waiters;
}
