/* SPDX-License-Identifier: MIT */
/*
 * What tasks wait for. Every struct is its owner's to place, of fixed size,
 * and needs no memory; all-zero is a good beginning except where an _INIT is
 * said to be needed. Fields are private. From tasks, tasks on the blocking
 * pool and any other thread alike. See oa_primitives(7).
 */
#ifndef OA_SYNC_H
#define OA_SYNC_H

#include <oa/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What every query tells; a glance, unless nobody uses the object. */
struct oa_sync_info {
	uint32_t size;		/* in: sizeof(struct oa_sync_info) */
	uint32_t waiters;	/* waiting now */
	uint64_t value;		/* permits, count, readers, 1 if held or set */
	uint64_t limit;		/* the goal or the most, where there is one */
	/*
	 * mutex: times locked; barrier: rounds; once: 1 when it has been run;
	 * backpressure: times that it refused; all others: 0
	 */
	uint64_t uses;
	uint64_t waits;		/* how often somebody had to wait */
	oa_task_t owner;	/* task that holds it, if known, or all-zero */
};

#ifdef __cplusplus
#define OA_SYNC_INFO_INIT { sizeof(struct oa_sync_info), 0, 0, 0, 0, 0, { 0 } }
#else
#define OA_SYNC_INFO_INIT { .size = sizeof(struct oa_sync_info) }
#endif

/* Mutex. See oa_mutex_lock(3). */
struct oa_mutex {
	uint64_t oa__word;
	void *oa__queue;
	uint64_t oa__waits;
	uint16_t oa__flags;
	uint16_t oa__depth;
	uint32_t oa__inside;
	uint64_t oa__uses;
	uint32_t oa__coming;
	uint32_t oa__who;
};

#define OA_MUTEX_INIT		{ 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define OA_MUTEX_RECURSIVE	{ 0, 0, 0, 1, 0, 0, 0, 0, 0 }

OA_API int oa_mutex_lock(struct oa_mutex *m);
OA_API OA_MUST_CHECK int oa_mutex_trylock(struct oa_mutex *m);
OA_API OA_MUST_CHECK int oa_mutex_lock_until(struct oa_mutex *m,
					     oa_time_t deadline);
OA_API int oa_mutex_unlock(struct oa_mutex *m);
OA_API int oa_mutex_destroy(struct oa_mutex *m);
OA_API int oa_mutex_info(const struct oa_mutex *m, struct oa_sync_info *info);

/* Readers and writers. See oa_rwlock_rdlock(3). */
struct oa_rwlock {
	uint64_t oa__word;
	void *oa__queue;
	uint64_t oa__waits;
	void *oa__owner;
	uint64_t oa__reserved[2];
};

#define OA_RWLOCK_INIT		{ 0, 0, 0, 0, { 0, 0 } }

OA_API int oa_rwlock_rdlock(struct oa_rwlock *l);
OA_API OA_MUST_CHECK int oa_rwlock_tryrdlock(struct oa_rwlock *l);
OA_API OA_MUST_CHECK int oa_rwlock_rdlock_until(struct oa_rwlock *l,
						oa_time_t deadline);
OA_API int oa_rwlock_wrlock(struct oa_rwlock *l);
OA_API OA_MUST_CHECK int oa_rwlock_trywrlock(struct oa_rwlock *l);
OA_API OA_MUST_CHECK int oa_rwlock_wrlock_until(struct oa_rwlock *l,
						oa_time_t deadline);
OA_API int oa_rwlock_unlock(struct oa_rwlock *l);
OA_API int oa_rwlock_destroy(struct oa_rwlock *l);
OA_API int oa_rwlock_info(const struct oa_rwlock *l,
			  struct oa_sync_info *info);

/* Condition variable. See oa_cond_wait(3). */
struct oa_cond {
	uint64_t oa__word;
	void *oa__queue;
	uint64_t oa__waits;
	uint64_t oa__reserved[1];
};

#define OA_COND_INIT		{ 0, 0, 0, { 0 } }

OA_API int oa_cond_wait(struct oa_cond *c, struct oa_mutex *m);
OA_API int oa_cond_wait_until(struct oa_cond *c, struct oa_mutex *m,
			      oa_time_t deadline);
OA_API int oa_cond_signal(struct oa_cond *c);
OA_API int oa_cond_broadcast(struct oa_cond *c);
OA_API int oa_cond_destroy(struct oa_cond *c);
OA_API int oa_cond_info(const struct oa_cond *c, struct oa_sync_info *info);

/* Counting semaphore. See oa_sem_wait(3). */
struct oa_sem {
	uint64_t oa__word;
	void *oa__queue;
	uint64_t oa__waits;
	uint64_t oa__reserved[1];
};

#define OA_SEM_MAX		UINT32_MAX
#define OA_SEM_INIT(permits)	{ (uint64_t)(permits) << 8, 0, 0, { 0 } }

OA_API int oa_sem_init(struct oa_sem *s, uint32_t permits);
OA_API int oa_sem_wait(struct oa_sem *s);
OA_API OA_MUST_CHECK int oa_sem_trywait(struct oa_sem *s);
OA_API OA_MUST_CHECK int oa_sem_wait_until(struct oa_sem *s,
					   oa_time_t deadline);
OA_API int oa_sem_post(struct oa_sem *s);
OA_API uint32_t oa_sem_value(const struct oa_sem *s);
OA_API int oa_sem_destroy(struct oa_sem *s);
OA_API int oa_sem_info(const struct oa_sem *s, struct oa_sync_info *info);

/* Event: all-zero is unset and stays set once set. See oa_event_wait(3). */
struct oa_event {
	uint64_t oa__word;
	void *oa__queue;
	uint64_t oa__waits;
	uint32_t oa__auto;
	uint32_t oa__reserved[3];
};

#define OA_EVENT_INIT		{ 0, 0, 0, 0, { 0, 0, 0 } }
#define OA_EVENT_AUTO_INIT	{ 0, 0, 0, 1, { 0, 0, 0 } }

OA_API int oa_event_wait(struct oa_event *e);
OA_API OA_MUST_CHECK int oa_event_trywait(struct oa_event *e);
OA_API OA_MUST_CHECK int oa_event_wait_until(struct oa_event *e,
					     oa_time_t deadline);
OA_API int oa_event_set(struct oa_event *e);
OA_API int oa_event_reset(struct oa_event *e);
OA_API int oa_event_destroy(struct oa_event *e);
OA_API int oa_event_info(const struct oa_event *e, struct oa_sync_info *info);

/* Wait group: until as many are done as were added. See oa_waitgroup_wait(3). */
struct oa_waitgroup {
	uint64_t oa__word;
	void *oa__queue;
	uint64_t oa__waits;
	uint64_t oa__reserved[1];
};

#define OA_WAITGROUP_INIT	{ 0, 0, 0, { 0 } }

OA_API int oa_waitgroup_add(struct oa_waitgroup *g, int n);
OA_API int oa_waitgroup_done(struct oa_waitgroup *g);
OA_API int oa_waitgroup_wait(struct oa_waitgroup *g);
OA_API OA_MUST_CHECK int oa_waitgroup_trywait(struct oa_waitgroup *g);
OA_API OA_MUST_CHECK int oa_waitgroup_wait_until(struct oa_waitgroup *g,
						 oa_time_t deadline);
OA_API int oa_waitgroup_destroy(struct oa_waitgroup *g);
OA_API int oa_waitgroup_info(const struct oa_waitgroup *g,
			     struct oa_sync_info *info);

/* Count-down latch, one shot; needs its _INIT. See oa_latch_wait(3). */
struct oa_latch {
	uint64_t oa__word;
	void *oa__queue;
	uint64_t oa__waits;
	uint64_t oa__goal;
	uint64_t oa__reserved[1];
};

/* A count of 0 is refused by every call, as all-zero is. */
#define OA_LATCH_INIT(count) \
	{ ((uint64_t)(uint32_t)(count) << 8) | 4, 0, 0, (uint32_t)(count), { 0 } }

OA_API int oa_latch_init(struct oa_latch *l, uint32_t count);
OA_API int oa_latch_count_down(struct oa_latch *l);
OA_API int oa_latch_wait(struct oa_latch *l);
OA_API OA_MUST_CHECK int oa_latch_trywait(struct oa_latch *l);
OA_API OA_MUST_CHECK int oa_latch_wait_until(struct oa_latch *l,
					     oa_time_t deadline);
/* Counts down and waits; a wait that fails has counted all the same. */
OA_API int oa_latch_arrive_wait(struct oa_latch *l);
OA_API OA_MUST_CHECK int oa_latch_arrive_wait_until(struct oa_latch *l,
						    oa_time_t deadline);
OA_API int oa_latch_destroy(struct oa_latch *l);
OA_API int oa_latch_info(const struct oa_latch *l, struct oa_sync_info *info);

/* Cyclic barrier; needs its _INIT. See oa_barrier_wait(3). */
struct oa_barrier {
	uint64_t oa__word;
	void *oa__queue;
	uint64_t oa__waits;
	uint64_t oa__goal;
	uint64_t oa__rounds;
	uint64_t oa__reserved[1];
};

#define OA_BARRIER_INIT(goal)	{ 4, 0, 0, (uint32_t)(goal), 0, { 0 } }

OA_API int oa_barrier_init(struct oa_barrier *b, uint32_t goal);
/* 1 for one of each round, 0 for the others. */
OA_API int oa_barrier_wait(struct oa_barrier *b);
OA_API OA_MUST_CHECK int oa_barrier_wait_until(struct oa_barrier *b,
					       oa_time_t deadline);
OA_API int oa_barrier_destroy(struct oa_barrier *b);
OA_API int oa_barrier_info(const struct oa_barrier *b,
			   struct oa_sync_info *info);

/* Once. See oa_once_run(3). */
struct oa_once {
	uint64_t oa__word;
	void *oa__queue;
	uint64_t oa__waits;
	void *oa__owner;
	uint64_t oa__reserved[1];
};

#define OA_ONCE_INIT		{ 0, 0, 0, 0, { 0 } }

OA_API int oa_once_run(struct oa_once *o, void (*fn)(void *arg), void *arg);
OA_API int oa_once_info(const struct oa_once *o, struct oa_sync_info *info);

/* At most so many at once; needs its _INIT. See oa_backpressure_enter(3). */
enum oa_backpressure_kind {
	OA_BACKPRESSURE_LOSSLESS = 0,	/* who finds it full waits */
	OA_BACKPRESSURE_LOSSY,		/* who finds it full is refused */
};

struct oa_backpressure {
	uint64_t oa__word;
	void *oa__queue;
	uint64_t oa__waits;
	uint64_t oa__max;
	uint64_t oa__refused;
	uint64_t oa__reserved[1];
};

#define OA_BACKPRESSURE_INIT(max) \
	{ 4, 0, 0, (uint32_t)(max), 0, { 0 } }
#define OA_BACKPRESSURE_LOSSY_INIT(max) \
	{ 4 | 8, 0, 0, (uint32_t)(max), 0, { 0 } }

OA_API int oa_backpressure_init(struct oa_backpressure *b, uint32_t max,
				enum oa_backpressure_kind kind);
OA_API OA_MUST_CHECK int oa_backpressure_enter(struct oa_backpressure *b);
OA_API OA_MUST_CHECK int oa_backpressure_tryenter(struct oa_backpressure *b);
OA_API OA_MUST_CHECK int oa_backpressure_enter_until(struct oa_backpressure *b,
						     oa_time_t deadline);
OA_API int oa_backpressure_leave(struct oa_backpressure *b);
OA_API int oa_backpressure_destroy(struct oa_backpressure *b);
OA_API int oa_backpressure_info(const struct oa_backpressure *b,
				struct oa_sync_info *info);

/* For threads and tasks on the blocking pool. See oa_spinlock_lock(3). */
struct oa_spinlock {
	uint64_t oa__word;
};

#define OA_SPINLOCK_INIT	{ 0 }

OA_API int oa_spinlock_lock(struct oa_spinlock *l);
OA_API OA_MUST_CHECK int oa_spinlock_trylock(struct oa_spinlock *l);
OA_API int oa_spinlock_unlock(struct oa_spinlock *l);

#ifdef __cplusplus
}
#endif

#endif
