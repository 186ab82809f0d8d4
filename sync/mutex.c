// SPDX-License-Identifier: MIT
/*
 * Mutex. The word is the task that holds it; descriptors are aligned, so the
 * bits below are free. Locking and unlocking are one swap each when nobody is
 * in the way.
 *
 * Who unlocks it wakes the oldest waiter, and the mutex is free meanwhile:
 * whoever comes by may have it, which keeps a short critical section on the
 * processor that has its data (handing it over costs a switch for each turn).
 * A waiter that found it taken again goes back to the head of the queue, and
 * after MUTEX_TRIES of those gets it handed over. So a waiter is passed by
 * others only while it is awakened so many times.
 *
 * Where the holder is running on another processor, who wants it watches for
 * a moment before it waits: a critical section is shorter than a switch.
 *
 * Waiters stand in the order of their priorities, and who is more urgent than
 * the holder lends him his, before he sleeps and under the lock: the holder,
 * who needs the lock to let the next one in, can't have gone. If the holder
 * waits for a mutex himself, so it goes on with the holder of that, by reading
 * what may be gone in a way that cannot fault; a loan that comes too late for
 * its taker is given back when he is next made ready. He gives it back when he
 * holds no mutex any more. Who gets the mutex is lent to by those who still
 * wait for it.
 */
#include "sync/mutex.h"

#include "core/bias.h"
#include "core/inspect.h"
#include "core/op.h"
#include "core/rcu.h"
#include "core/runtime.h"

const char mutex_name[] = "mutex";

#define RECURSIVE	1u		/* in ->oa__flags */
#define LOANS		16u		/* holders in a row that are lent to */
#define OVERTAKEN_MAX	64u		/* then nobody passes a waiter any more */
#define LOOKED_AT	32u		/* waiters, for one that was lent to */
#define MUTEX_DEEP	SYNC_BIT	/* locked more than once: see ->oa__depth */
#define HOLDER_BITS	0x3full		/* below a descriptor's alignment */
#define MUTEX_TRIES	4u
#define MUTEX_SPINS	6u		/* rounds of watching, each twice as long */

_Static_assert(sizeof(struct task) % (HOLDER_BITS + 1) == 0, "their bits are free");

static inline struct task *holder(uint64_t w)
{
	return (struct task *)(uintptr_t)(w & ~HOLDER_BITS);
}

/* By who holds it. */
static inline void count_use(struct oa_mutex *m)
{
	COUNT_ONE(m->oa__uses);
}

/* By the running task or thread @t, or for one that has not started. */
static inline void taken(struct oa_mutex *m, struct task *t)
{
	count_use(m);
	t->locks++;
}

/* ---- biased to a worker: core/bias.c */

/* By who has just taken it: from now on it may be his worker's. */
static __noinline void look_whose(struct oa_mutex *m, struct task *t)
{
	uint64_t w = (uint64_t)(uintptr_t)t;

	if (!bias_earned(&m->oa__who, &m->oa__inside))
		return;
	/* [bias] the number before the bit: who swaps the word finds both */
	if (!atomic_cas(&m->oa__word, &w, w | SYNC_BIASED))
		bias_give_up(&m->oa__who);
}

/* By its worker, on which @t runs, without an atomic instruction. */
static inline bool take_biased(struct oa_mutex *m, const struct worker *w,
			       struct task *t)
{
	bool free;

	if (!bias_enter(&m->oa__who, &m->oa__inside, w->bias))
		return false;
	free = READ_ONCE(m->oa__word) == SYNC_BIASED; /* relaxed: ours */
	if (likely(free))
		WRITE_ONCE(m->oa__word, SYNC_BIASED | (uint64_t)(uintptr_t)t);
	bias_leave(&m->oa__inside);
	if (likely(free))
		taken(m, t);
	return free;
}

static inline bool drop_biased(struct oa_mutex *m, const struct worker *w,
			       const struct task *t)
{
	bool held;

	if (!bias_enter(&m->oa__who, &m->oa__inside, w->bias))
		return false;
	/* relaxed: ours */
	held = READ_ONCE(m->oa__word) == (SYNC_BIASED | (uint64_t)(uintptr_t)t);
	if (likely(held))
		/* [sync] what was done under it, as the swap of others */
		atomic_store_rel(&m->oa__word, SYNC_BIASED);
	bias_leave(&m->oa__inside);
	return held;
}

/*
 * After it the worker swaps the word as everybody does, until it has earned the
 * mutex again if it was by the worker itself, and for ever if by others. The
 * bit is alone with a holder or nobody: all else needs the lock, and who takes
 * that has to come by here.
 */
__cold_path void mutex_share(struct sync *s)
{
	struct oa_mutex *m = (struct oa_mutex *)s;
	uint64_t w;

	if (!bias_give_up(&m->oa__who))
		bias_end(&m->oa__who, &m->oa__inside, true);
	w = READ_ONCE(m->oa__word); /* relaxed: swapped below */
	while (w & SYNC_BIASED)
		/*
		 * [bias] by the first of those who come. Then it may have been
		 * earned again, and who clears that has not ended it.
		 */
		if (atomic_cas(&m->oa__word, &w, w & ~SYNC_BIASED))
			break;
}

/* ---- */

static inline bool take_free(struct oa_mutex *m, struct task *t)
{
	uint64_t w = 0;

	/* [sync] pairs with who unlocked it */
	if (unlikely(!atomic_cas(&m->oa__word, &w, (uint64_t)(uintptr_t)t)))
		return false;
	taken(m, t);
	if (unlikely(!(m->oa__uses % BIAS_USES)) &&
	    READ_ONCE(m->oa__who) == BIAS_NOBODY) /* relaxed: asked again */
		look_whose(m, t);
	return true;
}

/* By the running task or thread @t. */
static inline bool take(struct oa_mutex *m, struct task *t)
{
	struct worker *w = worker_self();

	return (w && take_biased(m, w, t)) || take_free(m, t);
}

/* ---- priorities */

/* What @t runs with, if that is more urgent than before. */
static bool raise_to(struct task *t, int8_t prio)
{
	int8_t was = READ_ONCE(t->prio); /* relaxed: swapped below */

	do {
		if (was <= prio)
			return false;
	} while (!atomic_cas(&t->prio, &was, prio)); /* [lend] */
	return true;
}

/* The mutex that @t waits for, a glance, if that is what it does. */
static struct oa_mutex *waits_for(struct task *t)
{
	uint64_t word = atomic_load_acq(&t->wait); /* [park] */
	struct waiter n;

	if (!wait_open(word) || !(word & WAIT_SYNC) ||
	    !inspect_peek(&n, READ_ONCE(t->wait_on), sizeof(n)) ||
	    n.what != mutex_name || n.epoch >> 8 != word >> 8)
		return NULL;
	return (struct oa_mutex *)(uintptr_t)n.on;
}

/*
 * He is neither waiting nor running: where he is queued, he stands behind. Or
 * he waits for what he receives, and that may have been put off.
 */
static void look_for(struct task *t)
{
	struct runtime *rt = READ_ONCE(t->rt);
	uint64_t word = READ_ONCE(t->wait); /* relaxed: a hint */

	if (!rt || READ_ONCE(t->flags) & TASK_THREAD)
		return;
	if (!wait_open(word))
		atomic_add(&rt->hunt, 1); /* [lend] */
	else if (word & WAIT_OP)
		op_abort(t);
}

static __cold_path void lend(struct task *to, int8_t prio)
{
	struct oa_mutex *m;
	uint64_t w;

	rcu_read_lock();
	for (unsigned int i = 0; to && i < LOANS && raise_to(to, prio); i++) {
		m = waits_for(to);
		if (!m)
			look_for(to);
		to = m && inspect_peek(&w, &m->oa__word, sizeof(w))
			     ? holder(w) : NULL;
	}
	rcu_read_unlock();
}

/* @t holds one mutex less. */
static __cold_path void repay(struct task *t)
{
	int8_t own = task_own_prio(t);

	if (!t->locks && READ_ONCE(t->prio) != own)
		WRITE_ONCE(t->prio, own);
}

static inline void let_go(struct task *t)
{
	t->locks--;
	/* It may have been lent the default one. */
	if (unlikely((uint8_t)READ_ONCE(t->prio) | (t->flags & TASK_URGED)))
		repay(t);
}

/* Under the lock: may @n, with @prio, go before @at? */
static bool goes_before(const struct waiter *n, int8_t prio, struct waiter *at)
{
	int8_t other = READ_ONCE(at->task->prio);

	if (n->tries)
		return other >= prio;
	if (other <= prio || at->kind == OVERTAKEN_MAX)
		return false;
	at->kind++;
	return true;
}

/* Under the lock: before the first that lets it pass. */
static void put_before(struct sync *s, struct waiter *n, int8_t prio)
{
	struct waiter *at = s->queue;

	do {
		if (goes_before(n, prio, at)) {
			queue_insert(&s->queue, at, n);
			return;
		}
		at = at->next;
	} while (at != s->queue);
	sync_append(s, n);
}

/*
 * Under the lock: behind those who are as urgent, or before them if it was
 * there already; but not before one who was overtaken too often.
 */
static void enqueue(struct sync *s, struct waiter *n)
{
	int8_t prio = READ_ONCE(n->task->prio);
	struct waiter *at = s->queue;

	if (!at || (!n->tries && READ_ONCE(at->prev->task->prio) <= prio)) {
		sync_append(s, n);
		return;
	}
	put_before(s, n, prio);
}

/* Under the lock: @n is in the queue. */
static inline void lends(struct waiter *n, uint64_t w)
{
	int8_t prio = READ_ONCE(n->task->prio);

	if (unlikely(prio < READ_ONCE(holder(w)->prio)))
		lend(holder(w), prio);
}

/* Under the lock: of the first that wait. */
static struct waiter *most_urgent(struct sync *s)
{
	struct waiter *best = s->queue, *n = best;

	for (unsigned int i = 0; i < LOOKED_AT && n->next != s->queue; i++) {
		n = n->next;
		if (READ_ONCE(n->task->prio) < READ_ONCE(best->task->prio))
			best = n;
	}
	return best;
}

/*
 * Under the lock, by who gives it up or has just got it: one that was lent to
 * while it stood in the queue has to stand further ahead. It is looked for among
 * the first, and only in a process in which some task ever had a priority.
 */
static __cold_path void sort_in(struct sync *s)
{
	struct waiter *best = most_urgent(s), *at;
	int8_t prio = READ_ONCE(best->task->prio);

	/* Forward only: if none of them lets it pass it stays where it is. */
	for (at = s->queue; at != best; at = at->next) {
		if (!goes_before(best, prio, at))
			continue;
		sync_remove(s, best);
		queue_insert(&s->queue, at, best);
		return;
	}
}

static inline void sort(struct sync *s)
{
	if (unlikely(READ_ONCE(task_prios)) && s->queue)
		sort_in(s);
}

/* Under the lock: @t holds it from now on, and others may wait. */
static inline void inherit(struct sync *s, struct task *t)
{
	int8_t prio;

	if (likely(!READ_ONCE(task_prios)) || !s->queue)
		return;
	/* It need not stand ahead: the first may have been overtaken too often. */
	prio = READ_ONCE(most_urgent(s)->task->prio);
	if (prio < READ_ONCE(t->prio))
		lend(t, prio);
}

/* The same, of one that was taken without the lock. */
static __cold_path void inherit_taken(struct oa_mutex *m, struct task *t)
{
	struct sync *s = (struct sync *)m;
	uint64_t w = sync_lock(s);

	sort(s);
	inherit(s, t);
	sync_unlock(s, w);
}

static inline void look_who_waits(struct oa_mutex *m, struct task *t)
{
	if (unlikely(READ_ONCE(task_prios)) && sync_glance(m) & SYNC_WAITERS)
		inherit_taken(m, t);
}

/* The caller has found it to be his own. */
static int lock_again(struct oa_mutex *m)
{
	struct sync *s = (struct sync *)m;

	if (!(m->oa__flags & RECURSIVE))
		return -EDEADLK;
	if (m->oa__depth == UINT16_MAX)
		return -EAGAIN;
	if (!m->oa__depth++)
		sync_unlock(s, sync_lock(s) | MUTEX_DEEP);
	count_use(m);
	return 0;
}

/* It is free, or will be in a moment: is it worth to wait for that awake? */
static bool worth_watching(uint64_t w)
{
	struct worker *me = worker_self();
	struct task *t = holder(w);

	if (me && (me->alone || me->rt->watch_off))
		return false;
	if (!t)
		return true;
	/* relaxed: descriptors stay, and it is a guess */
	if (!me || READ_ONCE(t->flags) & TASK_THREAD)
		return wait_state_of(READ_ONCE(t->wait)) == WAIT_RUNNING;
	/* Who gave way does not wait, nor does he run. */
	for (uint32_t i = 0; i < me->rt->nr_workers; i++)
		if (READ_ONCE(me->rt->workers[i]->current) == t)
			return true;
	return false;
}

/* Watches, seldom: each look takes the line from who works with it. */
static bool watch(struct oa_mutex *m, struct task *t)
{
	unsigned int pauses = 8, n;
	uint64_t w, to;

	for (unsigned int round = 0; round < MUTEX_SPINS; round++) {
		for (n = 1; n <= pauses; n++)
			spin_pause(&(unsigned int){ 0 });
		pauses *= 2;
		w = READ_ONCE(m->oa__word); /* relaxed: swapped below */
		if (!holder(w) && !(w & (SYNC_LOCK | SYNC_BIASED))) {
			to = w | (uint64_t)(uintptr_t)t;
			/* [sync] pairs with who unlocked it */
			if (atomic_cas(&m->oa__word, &w, to)) {
				taken(m, t);
				look_who_waits(m, t);
				return true;
			}
		}
		if (!worth_watching(w))
			return false;
	}
	return false;
}

/*
 * Who has been woken for it, and not handed it, is in no queue and comes again:
 * ->oa__coming counts those, so that it is not taken for done with meanwhile.
 */
static inline void has_come(struct oa_mutex *m, const struct waiter *n)
{
	if (n->tries)
		atomic_sub(&m->oa__coming, 1); /* [sync] in the lock, or held */
}

/* 1: it is ours; 0: waited, and perhaps it is; else a negative errno. */
static int wait_turn(struct oa_mutex *m, struct waiter *n, oa_time_t own)
{
	struct sync *s = (struct sync *)m;
	uint64_t w = sync_lock(s);
	int err;

	has_come(m, n);
	if (!holder(w)) {
		sort(s);
		inherit(s, n->task);
		sync_unlock(s, w | (uint64_t)(uintptr_t)n->task);
		taken(m, n->task);
		return 1;
	}
	waiter_open(n);
	enqueue(s, n);
	lends(n, w);
	err = sync_sleep(s, w, n, own);
	if (unlikely(err)) {
		sync_withdraw(s, n);
		return err;
	}
	n->tries++;
	return n->fired;
}

static __noinline int lock_slow(struct oa_mutex *m, struct task *t,
				uint32_t flags, oa_time_t deadline,
				oa_time_t own)
{
	uint64_t w = READ_ONCE(m->oa__word); /* relaxed: our own is ours */
	struct waiter n;
	int ret;

	if (holder(w) == t)
		return lock_again(m);
	waiter_init(&n, t, mutex_name, m, flags | WAIT_OWNED, deadline);
	do {
		w = READ_ONCE(m->oa__word); /* relaxed: a guess */
		if (!(w & SYNC_BIASED) && worth_watching(w) && watch(m, t)) {
			has_come(m, &n);
			return 0;
		}
		ret = wait_turn(m, &n, own);
	} while (!ret);
	return ret < 0 ? ret : 0;
}

static __noinline int lock_any(struct oa_mutex *m)
{
	struct task *t;
	int err = m ? sync_self(&t) : -EINVAL;

	if (err || take(m, t))
		return err;
	return lock_slow(m, t, 0, OA_FOREVER, OA_FOREVER);
}

/* What is most common needs no frame. */
int oa_mutex_lock(struct oa_mutex *m)
{
	struct worker *w = worker_self();
	struct task *t;

	if (likely(m && w)) {
		bias_fetch(m);
		t = w->current;
		if (likely(t && (take_biased(m, w, t) || take_free(m, t))))
			return 0;
	}
	return lock_any(m);
}

int oa_mutex_lock_until(struct oa_mutex *m, oa_time_t deadline)
{
	struct task *t;
	int err = m ? sync_begin(&t) : -EINVAL;

	if (err || take(m, t))
		return err;
	return lock_slow(m, t, WAIT_MAY_CANCEL, deadline_min(t, deadline),
			 deadline);
}

int oa_mutex_trylock(struct oa_mutex *m)
{
	struct task *t;
	int err = m ? sync_self(&t) : -EINVAL;
	uint64_t w;

	if (err || take(m, t))
		return err;
	w = sync_read((struct sync *)m);
	if (holder(w) == t)
		return lock_again(m);
	while (!holder(w)) {
		if (unlikely(w & SYNC_BIASED)) {
			mutex_share((struct sync *)m);
			w = sync_read((struct sync *)m);
			continue;
		}
		/* Somebody is being woken for it: he has not got it yet. */
		/* [sync] pairs with who unlocked it */
		if (atomic_cas(&m->oa__word, &w, w | (uint64_t)(uintptr_t)t)) {
			taken(m, t);
			look_who_waits(m, t);
			return 0;
		}
		if (w & SYNC_LOCK)
			w = sync_read((struct sync *)m);
	}
	return -EAGAIN;
}

int mutex_enlist(struct oa_mutex *m, struct waiter *n)
{
	struct sync *s = (struct sync *)m;
	uint64_t w = sync_lock(s);

	if (!holder(w)) {
		sort(s);
		inherit(s, n->task);
		sync_unlock(s, w | (uint64_t)(uintptr_t)n->task);
		taken(m, n->task);
		return 1;
	}
	waiter_open(n);
	enqueue(s, n);
	lends(n, w);
	WRITE_ONCE(s->waits, s->waits + 1);
	sync_unlock(s, w | SYNC_WAITERS);
	return 0;
}

/*
 * Under the lock. Who makes it ready asks whether it holds any, so that is
 * counted before. If its runtime was shut down at once, the slot may be
 * another's: but then the wait was ended a grace period before.
 */
static inline bool hand_over(struct waiter *n, struct wakes *wk)
{
	struct task *t = n->task;
	bool foreign = park_is_foreign(t), claimed = false;
	uint64_t word;

	n->fired = true;
	if (unlikely(foreign))
		rcu_read_lock();
	word = atomic_load_acq(&t->wait); /* [park] */
	if (wait_open(word) && word >> 8 == n->epoch >> 8) {
		WRITE_ONCE(t->locks, t->locks + 1);
		claimed = waiter_claim(n, wk);
		if (unlikely(!claimed))
			WRITE_ONCE(t->locks, t->locks - 1);
	}
	if (unlikely(foreign))
		rcu_read_unlock();
	return claimed;
}

/*
 * It is held by the caller, and somebody waits or it is locked twice. False: it
 * is held still.
 */
static bool unlock_slow(struct oa_mutex *m)
{
	struct sync *s = (struct sync *)m;
	uint64_t w = sync_lock(s);
	struct waiter *n;
	struct wakes wk;
	struct task *t;

	if (w & MUTEX_DEEP) {
		if (!--m->oa__depth)
			w &= ~MUTEX_DEEP;
		sync_unlock(s, w);
		return false;
	}
	wakes_init(&wk);
	w &= HOLDER_BITS;
	sort(s);
	while ((n = sync_pop(s))) {
		t = n->task;
		if (n->tries < MUTEX_TRIES && n->mode != WAITER_START) {
			atomic_add(&m->oa__coming, 1); /* [sync] */
			if (waiter_claim(n, &wk))
				break;
			atomic_sub(&m->oa__coming, 1); /* [sync] */
			continue;
		}
		if (hand_over(n, &wk)) {
			count_use(m);
			w |= (uint64_t)(uintptr_t)t;
			inherit(s, t);
			break;
		}
	}
	sync_unlock(s, sync_mark(s, w));
	wakes_run(&wk);
	return true;
}

int mutex_unlock_by(struct oa_mutex *m, struct task *t)
{
	struct worker *self = worker_self();
	uint64_t w = (uint64_t)(uintptr_t)t;

	if (self && drop_biased(m, self, t)) {
		let_go(t);
		return 0;
	}
	/* [sync] what was done under it is seen by the next */
	if (likely(atomic_cas(&m->oa__word, &w, (uint64_t)0))) {
		let_go(t);
		return 0;
	}
	if (holder(w) != t)
		return -EPERM;
	if (unlock_slow(m))
		let_go(t);
	return 0;
}

static __noinline int unlock_any(struct oa_mutex *m)
{
	struct task *t;
	int err = m ? sync_self(&t) : -EINVAL;

	return err ? err : mutex_unlock_by(m, t);
}

int oa_mutex_unlock(struct oa_mutex *m)
{
	struct worker *w = worker_self();
	uint64_t word;
	struct task *t;

	if (likely(m && w)) {
		bias_fetch(m);
		t = w->current;
		word = (uint64_t)(uintptr_t)t;
		/* [sync] as mutex_unlock_by() */
		if (likely(t && (drop_biased(m, w, t) ||
				 atomic_cas(&m->oa__word, &word, (uint64_t)0)))) {
			let_go(t);
			return 0;
		}
	}
	return unlock_any(m);
}

int mutex_check_held(const struct oa_mutex *m, const struct task *t)
{
	uint64_t w = sync_glance(m);

	if (holder(w) != t)
		return -EPERM;
	return w & MUTEX_DEEP ? -EINVAL : 0;
}

int oa_mutex_destroy(struct oa_mutex *m)
{
	struct sync *s = (struct sync *)m;
	uint32_t coming;
	uint64_t w;

	if (!m)
		return -EINVAL;
	/* Who comes is counted until he holds it, or the lock. */
	w = sync_lock(s);
	coming = READ_ONCE(m->oa__coming);
	sync_unlock(s, w);
	return holder(w) || w & SYNC_WAITERS || coming ? -EBUSY : 0;
}

int oa_mutex_info(const struct oa_mutex *m, struct oa_sync_info *info)
{
	struct oa_sync_info is = { .limit = 1 };
	struct task *t;

	if (!m)
		return -EINVAL;
	t = holder(sync_glance(m));
	is.value = !!t;
	is.uses = READ_ONCE(m->oa__uses);
	is.owner = sync_owner(t);
	return sync_info(m, info, &is);
}
