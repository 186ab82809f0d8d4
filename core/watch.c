// SPDX-License-Identifier: MIT
/*
 * The watch: one thread of the process that looks at the runtimes which want
 * to be watched. It begins with the first and ends with the last of them.
 *
 * It ticks, at half the shortest limit, while some worker runs tasks. When all
 * are parked, and nothing has moved since the last tick, it looks for deadlocks
 * once more and goes to sleep (for a while, if stacks are to be trimmed):
 *
 *	watch (fall_asleep())			worker (core/idle.c)
 *	rt->watch_asleep = 1 of each		state = RUNNING	(exchange)
 *	asleep = 1				watch_asleep? wake the watch
 *	full fence
 *	look at the states again
 *
 * Both write, then read what the other wrote [watch-idle]. A worker that is
 * back costs a load, and one of them a wake; then the watch stays awake for a
 * tick at least, so that there is not more than one wake in a tick.
 *
 * Locks. ->lock (a mutex) is held to begin and to end the thread, and to take
 * and give signals; ->list_lock, a spin lock, for the list alone. While the
 * watch is busy with a runtime, ->busy says so and no lock is held: who is to
 * take it off the list waits for that, before it takes the mutex. So what is
 * called by the watch may start other runtimes, and end others.
 */
#ifndef OA_SIM
#include "core/watch.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/pool.h"
#include "core/watch_priv.h"

#define TICK_MIN	OA_MSEC
#define TICK_MAX	OA_SEC
#define WALK_SOONEST	OA_SEC
#define WALK_LATEST	(10 * OA_SEC)

static struct {
	pthread_mutex_t lock;
	unsigned int users;		/* L:lock */
	struct poll_thread thread;	/* L:lock */
	struct spin list_lock;
	struct cds_list_head list;	/* L:list_lock */
	struct watched *busy;		/* L:list_lock */
	unsigned int leaving;		/* L:list_lock; who waits for that */
	uint32_t turn;			/* A; futex: ->busy has changed */
	uint32_t word;			/* A; futex: something is to be done */
	uint32_t asleep;		/* A; see above */
	uint32_t stop;			/* A */
	uint32_t ears;			/* A; futex: odd if signals may come in */
} watch = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.list = CDS_LIST_HEAD_INIT(watch.list),
};

/* The thread's own. */
static struct {
	oa_time_t last;			/* look */
	oa_time_t tick;			/* that it slept for; 0: longer */
	oa_time_t walked;
	oa_time_t walk_took;
	bool dirty;			/* something has moved since */
	bool woken;			/* from its sleep: a tick at least */
} at;

void watch_poke(void)
{
	atomic_add(&watch.word, 1u); /* [watch-word] before the look at it */
	poll_default->thread_wake(&watch.word);
}

void watch_wake(struct runtime *rt)
{
	atomic_store(&rt->watch_asleep, 0u); /* [watch-idle] */
	if (atomic_xchg(&watch.asleep, 0u)) /* [watch-idle] one of them */
		watch_poke();
}

/* Going from one to the next, while others come and go. */

/* Under the list lock, which it gives up. */
static void set_busy(struct watched *d)
{
	bool leaving = watch.leaving;

	watch.busy = d;
	spin_unlock(&watch.list_lock);
	if (!leaving)
		return;
	atomic_add(&watch.turn, 1u); /* [watch-turn] ->busy before it */
	poll_default->thread_wake(&watch.turn);
}

/* The one after @d, or the first; @d is let go. */
static struct watched *next_watched(struct watched *d)
{
	struct cds_list_head *n;

	spin_lock(&watch.list_lock);
	n = d ? d->node.next : watch.list.next;
	d = n == &watch.list ? NULL : cds_list_entry(n, struct watched, node);
	set_busy(d);
	return d;
}

#define for_each_watched(d) \
	for (d = next_watched(NULL); d; d = next_watched(d))

struct watched *watch_hold(const struct runtime *rt)
{
	struct watched *d, *is = NULL;

	spin_lock(&watch.list_lock);
	cds_list_for_each_entry(d, &watch.list, node)
		if (d->rt == rt && d->limit != OA_FOREVER)
			is = d;
	set_busy(is);
	return is;
}

void watch_let_go(void)
{
	spin_lock(&watch.list_lock);
	set_busy(NULL);
}

/* Signals. */

static void serve_signals(void)
{
	uint64_t came = dump_signal_came();
	struct watched *d;

	if (!came)
		return;
	for_each_watched(d) {
		if (!d->signal || !(came & 1ull << (d->signal - 1)))
			continue;
		oa_dump((struct oa_runtime *)d->rt, STDERR_FILENO);
		stall_show(d);
	}
}

/*
 * They come here if every other thread blocks them, and only while the watch
 * sleeps. So one that is no runtime's any more, whose disposition will be the
 * program's, is blocked as soon as that is so, whatever is called meanwhile.
 */
static void let_signals_in(void)
{
	struct watched *d;
	sigset_t set;

	atomic_add(&watch.ears, 1u); /* [watch-ears] before the list */
	sigfillset(&set);
	for_each_watched(d)
		if (d->signal)
			sigdelset(&set, d->signal);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
}

static void keep_signals_out(void)
{
	sigset_t set;

	sigfillset(&set);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	atomic_add(&watch.ears, 1u); /* [watch-ears] after the mask */
	poll_default->thread_wake(&watch.ears);
}

/* A runtime with a signal is off the list: the watch blocks it from now on. */
static void wait_deaf(void)
{
	uint32_t is = atomic_load(&watch.ears); /* [watch-ears] after the list */

	if (!(is & 1))
		return;
	watch_poke();
	while (atomic_load(&watch.ears) == is) /* [watch-ears] */
		poll_default->thread_wait(&watch.ears, is, OA_FOREVER);
}

/* The looks. */

struct round {
	oa_time_t tick;
	bool busy;			/* some worker, or has been */
	bool outside;			/* a thread of a blocking pool */
	bool any;
	oa_time_t trim;			/* when stacks want to be looked at */
};

static void look_at_all(struct round *r, oa_time_t now, oa_time_t gap)
{
	struct watched *d;

	for_each_watched(d) {
		if (d->limit == OA_FOREVER)
			continue;
		r->any = true;
		r->tick = min_of(r->tick, max_of(d->limit / 2, TICK_MIN));
		r->tick = min_of(r->tick, contention_look(d, now));
		r->busy |= stall_look(d, now, gap);
		r->outside |= pool_busy(d->rt->pool);
		r->trim = min_of(r->trim, stack_pool_trim(&d->rt->stacks, now));
	}
}

/*
 * Is it time to walk through all tasks? When all is still and has not been
 * since the last walk; else now and then. It takes a twentieth of the time at
 * most, a thousandth where that is not too seldom.
 */
static bool walk_due(oa_time_t now, bool busy)
{
	oa_time_t since = now - at.walked, often = 1000 * at.walk_took;

	if (at.dirty && !busy)
		return since >= 20 * at.walk_took;
	often = min_of(max_of(often, WALK_SOONEST), WALK_LATEST);
	return since >= max_of(often, 20 * at.walk_took);
}

/* Of processor time, by this thread. */
static oa_time_t used(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts))
		return 0;
	return ts.tv_sec * OA_SEC + ts.tv_nsec;
}

static void walk(oa_time_t now)
{
	oa_time_t before = used();

	deadlock_look(now);
	at.walked = poll_default->now();
	at.walk_took = used() - before;
	at.dirty = false;
}

/* True: nobody has come back, and who does will wake it. */
static bool fall_asleep(void)
{
	struct round r = { .tick = TICK_MAX, .trim = OA_FOREVER };
	struct watched *d;

	for_each_watched(d)
		atomic_store(&d->rt->watch_asleep, 1u); /* [watch-idle] */
	atomic_store(&watch.asleep, 1u); /* [watch-idle] */
	smp_mb(); /* [watch-idle] before the look */
	look_at_all(&r, poll_default->now(), 0);
	if (!r.busy)
		return true;
	atomic_store(&watch.asleep, 0u); /* [watch-idle] */
	at.dirty = true;
	return false;
}

/* Until when there is nothing to look at. */
static oa_time_t look_round(void)
{
	oa_time_t now = poll_default->now(), gap = now - at.last;
	struct round r = { .tick = TICK_MAX, .trim = OA_FOREVER };

	/* Stopped, or short of a processor, as the workers may have been. */
	gap = at.tick && gap > 2 * at.tick ? gap - at.tick : 0;
	at.last = now;
	look_at_all(&r, now, gap);
	at.tick = r.tick;
	if (!r.any) {
		at.tick = 0;
		return OA_FOREVER;
	}
	at.dirty |= r.busy;
	if (walk_due(now, r.busy))
		walk(now);
	if (!r.busy && !at.dirty && !at.woken && fall_asleep()) {
		at.tick = 0;
		/* Those of the pool come and go without telling. */
		at.dirty = r.outside;
		return r.outside ? min_of(now + TICK_MAX, r.trim) : r.trim;
	}
	at.woken = false;
	return min_of(now + r.tick, max_of(r.trim, now + TICK_MIN));
}

static void *watch_main(void *arg)
{
	oa_time_t until;
	uint32_t word;

	trace_begin();
	for (;;) {
		word = atomic_load(&watch.word); /* [watch-word] */
		if (atomic_load(&watch.stop)) /* [watch-word] */
			break;
		/* [watch-idle] woken, or for another reason */
		at.woken |= !at.tick && !atomic_load(&watch.asleep);
		atomic_store(&watch.asleep, 0u); /* [watch-idle] */
		serve_signals();
		until = look_round();
		let_signals_in();
		poll_default->thread_wait(&watch.word, word, until);
		keep_signals_out();
	}
	trace_end();
	return arg;
}

/* Beginning and end. */

/* Signals of the program are for its own threads. */
static int start_thread(void)
{
	sigset_t all, was;
	int err;

	memset(&at, 0, sizeof(at));
	atomic_store(&watch.stop, 0u); /* [watch-word] */
	atomic_store(&watch.ears, 0u); /* [watch-ears] all are blocked */
	watch.thread.fn = watch_main;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	err = poll_default->thread_start(&watch.thread, "oa/watch", -1);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return err;
}

static void stop_thread(void)
{
	atomic_store(&watch.stop, 1u); /* [watch-word] */
	watch_poke();
	poll_default->thread_join(&watch.thread);
}

static size_t watched_size(const struct runtime *rt)
{
	return sizeof(struct watched) + rt->nr_workers * sizeof(struct sight);
}

static int enlist(struct watched *d)
{
	int err = 0;

	pthread_mutex_lock(&watch.lock);
	if (d->signal)
		err = dump_signal_take(d->signal);
	if (!err && !watch.users) {
		err = start_thread();
		if (err && d->signal)
			dump_signal_put(d->signal);
	}
	if (!err) {
		watch.users++;
		spin_lock(&watch.list_lock);
		cds_list_add_tail(&d->node, &watch.list);
		spin_unlock(&watch.list_lock);
	}
	pthread_mutex_unlock(&watch.lock);
	if (!err)
		watch_poke();
	return err;
}

/* Nobody has asked for it: what cannot be had is left out. */
static bool by_default(const struct runtime *rt)
{
	return !rt->cfg.watch && !rt->cfg.dump_signal;
}

bool watch_lacks(const struct runtime *rt)
{
	return !rt->watch && by_default(rt) && !rt->cfg.external;
}

int watch_add(struct runtime *rt)
{
	oa_time_t limit = rt->cfg.watch ? rt->cfg.watch : WATCH_DEFAULT;
	struct watched *d;
	int err;

	if (limit == OA_FOREVER && !rt->cfg.dump_signal)
		return 0;
	/* One without threads has none for this, unless it asks. */
	if (rt->cfg.external && by_default(rt))
		return 0;
	d = mem_alloc(rt_alloc(rt), watched_size(rt), 8);
	if (!d)
		return -ENOMEM;
	d->rt = rt;
	d->limit = limit;
	d->signal = rt->cfg.dump_signal;
	standby_init(&d->standby, rt->nr_workers);
	rt->watch = d;
	err = enlist(d);
	if (err) {
		rt->watch = NULL;
		mem_free(rt_alloc(rt), d, watched_size(rt));
	}
	return by_default(rt) ? 0 : err;
}

static void delist(struct watched *d)
{
	uint32_t turn;

	spin_lock(&watch.list_lock);
	watch.leaving++;
	while (watch.busy == d) {
		turn = atomic_load(&watch.turn); /* [watch-turn] */
		spin_unlock(&watch.list_lock);
		poll_default->thread_wait(&watch.turn, turn, OA_FOREVER);
		spin_lock(&watch.list_lock);
	}
	watch.leaving--;
	cds_list_del(&d->node);
	spin_unlock(&watch.list_lock);
}

void watch_del(struct runtime *rt)
{
	struct watched *d = rt->watch;

	if (!d)
		return;
	delist(d);
	if (d->signal)
		wait_deaf();
	pthread_mutex_lock(&watch.lock);
	if (!--watch.users)
		stop_thread();
	if (d->signal)
		dump_signal_put(d->signal);
	pthread_mutex_unlock(&watch.lock);
	rt->watch = NULL;
	mem_free(rt_alloc(rt), d, watched_size(rt));
}

void watch_worker(struct worker *w)
{
	struct watched *d = w->rt->watch;

	if (!d)
		return;
	pthread_getcpuclockid(pthread_self(), &d->w[w->index].cpu_clock);
	/* [watch-tid] the clock before it */
	atomic_store_rel(&d->w[w->index].tid, gettid());
}

/* fork() */

void watch_fork_prepare(void)
{
	/* In this order: who is waited for under the first may want the next. */
	pthread_mutex_lock(&watch.lock);
	symbol_lock();
	spin_lock(&watch.list_lock);
}

void watch_fork_parent(void)
{
	spin_unlock(&watch.list_lock);
	symbol_unlock();
	pthread_mutex_unlock(&watch.lock);
}

/* The thread is the parent's, and so are the runtimes. */
void watch_fork_child(void)
{
	CDS_INIT_LIST_HEAD(&watch.list);
	watch.users = 0;
	watch.busy = NULL;
	watch.asleep = 0;
	watch.leaving = 0;
	trace_fork_child();
	dump_signal_fork_child();
	deadlock_fork_child();
	report_fork_child();
	watch_fork_parent();
}
#endif
