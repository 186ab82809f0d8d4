// SPDX-License-Identifier: MIT
/* What tasks wait for, one worker: alone, and where others wait. */
#include "instr_ops.h"

#define CROWD	8u
#define EACH	(TURNS / CROWD)

/* @fn(@arg) by so many tasks. */
static void crowd(oa_fn fn, void *arg)
{
	oa_task_t t[CROWD];

	for (unsigned int i = 0; i < CROWD; i++)
		t[i] = oa_spawn(fn, arg);
	for (unsigned int i = 0; i < CROWD; i++)
		check(oa_join(t[i], NULL));
}

/* Nobody else wants it. */
static void do_mutex(void)
{
	static struct oa_mutex m = OA_MUTEX_INIT;

	for (unsigned int i = 0; i < TURNS; i++) {
		check(oa_mutex_lock(&m));
		check(oa_mutex_unlock(&m));
	}
}

static void do_sem(void)
{
	static struct oa_sem s = OA_SEM_INIT(0);

	for (unsigned int i = 0; i < TURNS; i++) {
		check(oa_sem_post(&s));
		check(oa_sem_wait(&s));
	}
}

static void *locks_and_gives_way(void *arg)
{
	for (unsigned int i = 0; i < EACH; i++) {
		check(oa_mutex_lock(arg));
		check(oa_yield());
		check(oa_mutex_unlock(arg));
	}
	return arg;
}

/* Who has it gives way, so that all others wait for it. */
static void do_mutex_held(void)
{
	static struct oa_mutex m = OA_MUTEX_INIT;

	crowd(locks_and_gives_way, &m);
}

static void do_rwlock_read(void)
{
	static struct oa_rwlock l = OA_RWLOCK_INIT;

	for (unsigned int i = 0; i < TURNS; i++) {
		check(oa_rwlock_rdlock(&l));
		check(oa_rwlock_unlock(&l));
	}
}

static void do_rwlock_write(void)
{
	static struct oa_rwlock l = OA_RWLOCK_INIT;

	for (unsigned int i = 0; i < TURNS; i++) {
		check(oa_rwlock_wrlock(&l));
		check(oa_rwlock_unlock(&l));
	}
}

static struct {
	struct oa_mutex m;
	struct oa_cond c;
	unsigned int turn;
} table;

static void *takes_turns(void *arg)
{
	unsigned int me = arg != NULL;

	for (unsigned int i = 0; i < TURNS / 2; i++) {
		check(oa_mutex_lock(&table.m));
		while (table.turn != me)
			check(oa_cond_wait(&table.c, &table.m));
		table.turn = !me;
		check(oa_cond_signal(&table.c));
		check(oa_mutex_unlock(&table.m));
	}
	return arg;
}

/* Two take turns: a signal, a wait, and the mutex twice. */
static void do_cond(void)
{
	oa_task_t t = oa_spawn(takes_turns, &table);

	takes_turns(NULL);
	check(oa_join(t, NULL));
}

static void do_event(void)
{
	static struct oa_event e = OA_EVENT_AUTO_INIT;

	for (unsigned int i = 0; i < TURNS; i++) {
		check(oa_event_set(&e));
		check(oa_event_wait(&e));
	}
}

static void do_waitgroup(void)
{
	static struct oa_waitgroup g = OA_WAITGROUP_INIT;

	for (unsigned int i = 0; i < TURNS; i++) {
		check(oa_waitgroup_add(&g, 1));
		check(oa_waitgroup_done(&g));
	}
}

static void *meets(void *arg)
{
	for (unsigned int i = 0; i < EACH; i++) {
		int ret = oa_barrier_wait(arg);

		check(ret != 0 && ret != 1);
	}
	return arg;
}

/* One that arrives. */
static void do_barrier(void)
{
	struct oa_barrier b;

	check(oa_barrier_init(&b, CROWD));
	crowd(meets, &b);
	check(oa_barrier_destroy(&b));
}

static void *waits(void *arg)
{
	check(oa_latch_wait(arg));
	return arg;
}

/* One that waits, with its start and its end. */
static void do_latch(void)
{
	oa_task_t t[BATCH];
	struct oa_latch l;

	for (unsigned int n = 0; n < TURNS; n += BATCH) {
		check(oa_latch_init(&l, 1));
		for (unsigned int i = 0; i < BATCH; i++)
			t[i] = oa_spawn(waits, &l);
		check(oa_yield());
		check(oa_latch_count_down(&l));
		for (unsigned int i = 0; i < BATCH; i++)
			check(oa_join(t[i], NULL));
		check(oa_latch_destroy(&l));
	}
}

static void nothing(void *arg)
{
	(void)arg;
}

static void do_once(void)
{
	static struct oa_once o = OA_ONCE_INIT;

	for (unsigned int i = 0; i < TURNS; i++)
		check(oa_once_run(&o, nothing, NULL));
}

static void do_future(void)
{
	void *value;

	for (unsigned int i = 0; i < TURNS; i++) {
		struct oa_future f = OA_FUTURE_INIT;

		check(oa_future_set(&f, &f));
		check(oa_future_get(&f, &value) || value != &f);
	}
}

static void *itself(void *arg)
{
	return arg;
}

static void do_async(void)
{
	void *value;

	for (unsigned int i = 0; i < TURNS; i++) {
		struct oa_future *f = oa_async(itself, &value);

		check(oa_future_get(f, &value) || value != &value);
		oa_future_put(f);
	}
}

const struct instr_op instr_sync_ops[] = {
	{ "mutex", do_mutex, TURNS },
	{ "mutex-held", do_mutex_held, TURNS },
	{ "rwlock-read", do_rwlock_read, TURNS },
	{ "rwlock-write", do_rwlock_write, TURNS },
	{ "sem", do_sem, TURNS },
	{ "cond", do_cond, TURNS },
	{ "event", do_event, TURNS },
	{ "waitgroup", do_waitgroup, TURNS },
	{ "barrier", do_barrier, TURNS },
	{ "latch", do_latch, TURNS },
	{ "once", do_once, TURNS },
	{ "future", do_future, TURNS },
	{ "async", do_async, TURNS },
	{ NULL, NULL, 0 },
};
