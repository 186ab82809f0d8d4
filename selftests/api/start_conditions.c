// SPDX-License-Identifier: MIT
/* Starting under conditions: one by one, all in their order, and dropped. */
#include "actors.h"

enum stage { LATCH, BARRIER, PRESSURE, SEM, POOL, MUTEX, STAGES };

FIXTURE(start) {
	struct oa_latch latch;
	struct oa_barrier barrier;
	struct oa_backpressure bp;
	struct oa_sem sem;
	struct oa_mutex mutex;
	struct oa_event pool;		/* lets a task on the pool end */
	oa_task_t holder;		/* ... this one */
	unsigned int ran, dropped;
	int held;
};
VARIANTS_WORKERS(start);

typedef struct start_fixture_data data;

FIXTURE_SETUP(start)
{
}

FIXTURE_TEARDOWN(start)
{
}

static void *counts(void *arg)
{
	COUNT(((data *)arg)->ran);
	return NULL;
}

static void count_drop(void *arg)
{
	COUNT(((data *)arg)->dropped);
}

static void *waits_on_pool(void *arg)
{
	data *d = arg;

	TELL(d->held, 1);
	ASSERT_OK(oa_event_wait(&d->pool));
	return NULL;
}

/* Everything free: each task alone would start at once. */
static void all_free(data *d)
{
	ASSERT_OK(oa_latch_init(&d->latch, 1));
	ASSERT_OK(oa_barrier_init(&d->barrier, 1));
	ASSERT_OK(oa_backpressure_init(&d->bp, 1, OA_BACKPRESSURE_LOSSLESS));
	ASSERT_OK(oa_sem_init(&d->sem, 1));
	d->mutex = (struct oa_mutex)OA_MUTEX_INIT;
	d->pool = (struct oa_event)OA_EVENT_INIT;
	d->ran = d->dropped = 0;
	d->held = 0;
}

/* So that a task has to wait at this stage. */
static void hold(data *d, enum stage s)
{
	switch (s) {
	case LATCH:
		ASSERT_OK(oa_latch_init(&d->latch, 2));
		break;
	case BARRIER:
		ASSERT_OK(oa_barrier_init(&d->barrier, 2));
		break;
	case PRESSURE:
		ASSERT_OK(oa_backpressure_enter(&d->bp));
		break;
	case SEM:
		ASSERT_OK(oa_sem_trywait(&d->sem));
		break;
	case POOL:
		d->holder = oa_spawn(waits_on_pool, d, .block = true);
		task_wait_until(SEEN(d->held));
		break;
	default:
		ASSERT_OK(oa_mutex_lock(&d->mutex));
	}
}

static void let_go(data *d, enum stage s)
{
	switch (s) {
	case LATCH:
		ASSERT_OK(oa_latch_count_down(&d->latch));
		break;
	case BARRIER:
		ASSERT_GE(oa_barrier_wait(&d->barrier), 0);
		break;
	case PRESSURE:
		ASSERT_OK(oa_backpressure_leave(&d->bp));
		break;
	case SEM:
		ASSERT_OK(oa_sem_post(&d->sem));
		break;
	case POOL:
		ASSERT_OK(oa_event_set(&d->pool));
		ASSERT_OK(oa_join(d->holder, NULL));
		break;
	default:
		ASSERT_OK(oa_mutex_unlock(&d->mutex));
	}
}

/* How many wait at it; of the pool nothing is to be seen. */
static unsigned int waiting(data *d, enum stage s)
{
	switch (s) {
	case LATCH: return SYNC(latch, &d->latch, waiters);
	case BARRIER: return SYNC(barrier, &d->barrier, waiters);
	case PRESSURE: return SYNC(backpressure, &d->bp, waiters);
	case SEM: return SYNC(sem, &d->sem, waiters);
	case POOL: return 0;
	default: return SYNC(mutex, &d->mutex, waiters);
	}
}

static void is_all_free(data *d)
{
	for (enum stage s = LATCH; s < STAGES; s++)
		EXPECT_EQ(0u, waiting(d, s));
	EXPECT_EQ(0u, SYNC(backpressure, &d->bp, value));
	EXPECT_EQ(1u, oa_sem_value(&d->sem));
	EXPECT_EQ(0u, SYNC(mutex, &d->mutex, value));
	ASSERT_OK(oa_mutex_trylock(&d->mutex));
	ASSERT_OK(oa_mutex_unlock(&d->mutex));
}

/* One that needs all of it, or all but the pool. */
static oa_task_t spawn_under_all(data *d, oa_fn fn, bool block)
{
	oa_task_t t = oa_spawn(fn, d, .latch = &d->latch,
			       .barrier = &d->barrier,
			       .backpressure = &d->bp, .sem = &d->sem,
			       .block = block, .mutex = &d->mutex,
			       .on_drop = count_drop);

	ASSERT_OK(oa_task_error(t));
	return t;
}

/* What it started under is its own while it runs. */
static void *holds_all(void *arg)
{
	data *d = arg;

	EXPECT_ERR(oa_mutex_trylock(&d->mutex), -EDEADLK);
	EXPECT_EQ(1u, SYNC(mutex, &d->mutex, value));
	if (oa_worker_id() >= 0)
		EXPECT_EQ(oa_self().id, SYNC(mutex, &d->mutex, owner).id);
	EXPECT_EQ(1u, SYNC(backpressure, &d->bp, value));
	EXPECT_EQ(0u, oa_sem_value(&d->sem));
	for (int i = 0; i < 5; i++)
		ASSERT_OK(oa_yield());
	EXPECT_ERR(oa_mutex_trylock(&d->mutex), -EDEADLK);
	EXPECT_EQ(1u, SYNC(backpressure, &d->bp, value));
	EXPECT_EQ(0u, oa_sem_value(&d->sem));
	COUNT(d->ran);
	return arg;
}

TASK_TEST_F(start, nothing_in_the_way, .workers = variant->workers,
	    .max_blocking = 1)
{
	for (int block = 0; block < 2; block++) {
		void *result = NULL;

		all_free(self);
		for (int i = 0; i < 20; i++) {
			ASSERT_OK(oa_join(spawn_under_all(self, holds_all,
							  block), &result));
			ASSERT_EQ((void *)self, result);
			is_all_free(self);
		}
		EXPECT_EQ(20u, self->ran);
		EXPECT_EQ(0u, self->dropped);
	}
}

/* It waits for each, in the order given, and holds what it has got. */

static void in_order(data *d, bool block)
{
	oa_task_t t;

	all_free(d);
	for (enum stage s = LATCH; s < STAGES; s++)
		hold(d, s);
	t = spawn_under_all(d, holds_all, block);
	until_state(t, OA_TASK_WAITING);
	/* Its arrival has been counted. */
	EXPECT_EQ(1u, SYNC(latch, &d->latch, value));
	for (enum stage s = LATCH; s < STAGES; s++) {
		if (s == POOL && !block) {
			let_go(d, s);
			continue;
		}
		if (s != POOL)
			task_wait_until(waiting(d, s) == 1);
		until_state(t, OA_TASK_WAITING);
		for (enum stage other = LATCH; other < STAGES; other++)
			EXPECT_EQ(s == other && s != POOL ? 1u : 0u,
				  waiting(d, other));
		/* One is in: first the test, then the task. */
		EXPECT_EQ(1u, SYNC(backpressure, &d->bp, value));
		EXPECT_EQ(0u, oa_sem_value(&d->sem));
		EXPECT_EQ(0u, SEEN(d->ran));
		let_go(d, s);
	}
	ASSERT_OK(oa_join(t, NULL));
	EXPECT_EQ(1u, d->ran);
	EXPECT_EQ(0u, d->dropped);
	is_all_free(d);
}

TASK_TEST_F(start, in_order, .workers = variant->workers, .max_blocking = 1)
{
	for (int i = 0; i < 10; i++)
		in_order(self, false);
}

TASK_TEST_F(start, in_order_on_the_pool, .workers = variant->workers,
	    .max_blocking = 1)
{
	for (int i = 0; i < 10; i++)
		in_order(self, true);
}

/* Let go by those who are no tasks. */

struct giver {
	data *d;
	enum stage s;
};

static void *lets_go(void *arg)
{
	struct giver *g = arg;

	let_go(g->d, g->s);
	return NULL;
}

TASK_TEST_F(start, let_go_from_anywhere, .workers = variant->workers,
	    .max_blocking = 2)
{
	for (unsigned int i = 0; i < 4 * WHO_MIXED; i++) {
		struct giver g = { self, (enum stage)(i / WHO_MIXED) };
		struct actor a;
		oa_task_t t;

		all_free(self);
		hold(self, g.s);
		t = spawn_under_all(self, holds_all, i % 2);
		task_wait_until(waiting(self, g.s) == 1);
		until_state(t, OA_TASK_WAITING);
		actor_start(&a, WHO_MIXED, i, lets_go, &g);
		ASSERT_OK(oa_join(t, NULL));
		actor_end(&a);
		is_all_free(self);
	}
}

/* A join waits for it, with a deadline or not; a detached one runs as well. */
TASK_TEST_F(start, joined_and_detached, .workers = variant->workers)
{
	char name[OA_TASK_NAME_MAX];
	oa_task_t t, u;

	all_free(self);
	hold(self, MUTEX);
	t = oa_spawn(counts, self, .mutex = &self->mutex, .name = "waiting");
	u = oa_spawn(counts, self, .mutex = &self->mutex);
	EXPECT_EQ(7, oa_task_name(t, name, sizeof(name)));
	EXPECT_ERR(oa_join_until(t, NULL, 1), -ETIMEDOUT);
	EXPECT_ERR(oa_join_until(t, NULL, oa_after(OA_MSEC)), -ETIMEDOUT);
	until_state(t, OA_TASK_WAITING);
	until_state(u, OA_TASK_WAITING);
	ASSERT_OK(oa_go(counts, self, .mutex = &self->mutex));
	task_wait_until(count_in_state(NULL, OA_TASK_WAITING) == 3);
	ASSERT_OK(oa_detach(u));
	EXPECT_EQ(0u, SEEN(self->ran));
	let_go(self, MUTEX);
	ASSERT_OK(oa_join(t, NULL));
	task_wait_until(SEEN(self->ran) == 3);
	task_wait_until(count_tasks(NULL) == 1);
}

/* A latch: as many as it counts; who comes later does not wait. */
TASK_TEST_F(start, a_latch_of_many, .workers = variant->workers)
{
	enum { N = 20 };
	oa_task_t t[N];

	ASSERT_OK(oa_latch_init(&self->latch, N));
	for (int i = 0; i < N - 1; i++)
		t[i] = oa_spawn(counts, self, .latch = &self->latch);
	task_wait_until(SYNC(latch, &self->latch, waiters) == N - 1);
	task_wait_until(count_in_state(NULL, OA_TASK_WAITING) == N - 1);
	for (int i = 0; i < 10; i++)
		ASSERT_OK(oa_yield());
	EXPECT_EQ(0u, SEEN(self->ran));
	t[N - 1] = oa_spawn(counts, self, .latch = &self->latch);
	for (int i = 0; i < N; i++)
		ASSERT_OK(oa_join(t[i], NULL));
	EXPECT_EQ((unsigned int)N, self->ran);
	EXPECT_OK(oa_latch_trywait(&self->latch));
	for (int i = 0; i < 5; i++)
		ASSERT_OK(oa_join(oa_spawn(counts, self,
					   .latch = &self->latch), NULL));
	EXPECT_EQ((unsigned int)N + 5, self->ran);
}

/* A barrier: round by round. */
TASK_TEST_F(start, a_barrier_of_many, .workers = variant->workers)
{
	enum { GOAL = 5, ROUNDS = 6 };
	oa_task_t t[GOAL * ROUNDS];

	ASSERT_OK(oa_barrier_init(&self->barrier, GOAL));
	for (int i = 0; i < GOAL * ROUNDS; i++) {
		t[i] = oa_spawn(counts, self, .barrier = &self->barrier);
		if (i % GOAL == GOAL - 1) {
			task_wait_until(SEEN(self->ran) ==
					(unsigned int)i + 1);
		} else if (i % GOAL == GOAL - 2) {
			ASSERT_OK(oa_yield());
			EXPECT_EQ((unsigned int)(i / GOAL * GOAL),
				  SEEN(self->ran));
		}
	}
	for (int i = 0; i < GOAL * ROUNDS; i++)
		ASSERT_OK(oa_join(t[i], NULL));
	EXPECT_EQ((uint64_t)ROUNDS, SYNC(barrier, &self->barrier, uses));
	/* Together with running tasks. */
	for (int i = 0; i < GOAL - 1; i++)
		t[i] = oa_spawn(counts, self, .barrier = &self->barrier);
	EXPECT_GE(oa_barrier_wait(&self->barrier), 0);
	for (int i = 0; i < GOAL - 1; i++)
		ASSERT_OK(oa_join(t[i], NULL));
}

/* The delay comes first: during it nothing is held. */
TASK_TEST_F(start, nothing_is_held_during_the_delay,
	    .workers = variant->workers, .max_blocking = 1)
{
	for (int block = 0; block < 2; block++) {
		oa_time_t before = oa_now();
		oa_task_t t, u;

		all_free(self);
		t = oa_spawn(holds_all, self, .delay = 10 * OA_MSEC,
			     .latch = &self->latch, .barrier = &self->barrier,
			     .backpressure = &self->bp, .sem = &self->sem,
			     .block = block, .mutex = &self->mutex);
		ASSERT_OK(oa_task_error(t));
		if (oa_now() < before + 5 * OA_MSEC) {
			EXPECT_EQ(OA_TASK_DELAYED, task_state(NULL, t));
			EXPECT_EQ(1u, SYNC(latch, &self->latch, value));
			is_all_free(self);
		}
		/* Another goes through meanwhile. */
		u = oa_spawn(holds_all, self, .backpressure = &self->bp,
			     .sem = &self->sem, .block = block,
			     .mutex = &self->mutex);
		ASSERT_OK(oa_join(u, NULL));
		ASSERT_OK(oa_join(t, NULL));
		EXPECT_GE(oa_now(), before + 10 * OA_MSEC);
		EXPECT_EQ(2u, self->ran);
		is_all_free(self);
	}
}

/* Delayed ones find it taken and wait then. */
TASK_TEST_F(start, delayed_and_waiting, .workers = variant->workers)
{
	oa_task_t t;

	all_free(self);
	hold(self, SEM);
	t = oa_spawn(counts, self, .delay = OA_MSEC, .sem = &self->sem);
	until_state(t, OA_TASK_WAITING);
	EXPECT_EQ(1u, waiting(self, SEM));
	let_go(self, SEM);
	ASSERT_OK(oa_join(t, NULL));
	EXPECT_EQ(1u, oa_sem_value(&self->sem));
}

/* Cancelled while it waits: dropped, and what it held is given back. */

static void dropped_at(data *d, enum stage s)
{
	void *result = NULL;
	oa_task_t t;

	all_free(d);
	hold(d, s);
	t = spawn_under_all(d, counts, s == POOL || s == MUTEX);
	if (s == POOL)
		task_wait_until(!oa_sem_value(&d->sem));
	else
		task_wait_until(waiting(d, s) == 1);
	ASSERT_OK(oa_cancel(t));
	ASSERT_OK(oa_join(t, &result));
	EXPECT_ERR(oa_err_code(result), -ECANCELED);
	EXPECT_EQ(1u, SEEN(d->dropped));
	EXPECT_EQ(0u, SEEN(d->ran));
	EXPECT_EQ(0u, waiting(d, s));
	switch (s) {
	case LATCH:
		/* It has counted all the same. */
		EXPECT_EQ(1u, SYNC(latch, &d->latch, value));
		break;
	case BARRIER:
		/* It has not: two more are needed. */
		t = oa_spawn(counts, d, .barrier = &d->barrier);
		task_wait_until(waiting(d, BARRIER) == 1);
		let_go(d, BARRIER);
		ASSERT_OK(oa_join(t, NULL));
		break;
	default:
		let_go(d, s);
	}
	is_all_free(d);
}

TASK_TEST_F(start, cancelled, .workers = variant->workers, .max_blocking = 1)
{
	for (int i = 0; i < 5; i++)
		for (enum stage s = LATCH; s < STAGES; s++)
			dropped_at(self, s);
}

/* One in the middle of a queue leaves; the others have their turns. */
TASK_TEST_F(start, cancelled_in_the_queue, .workers = variant->workers)
{
	enum { N = 6 };

	for (int c = 0; c < N; c++) {
		oa_task_t t[N];

		all_free(self);
		hold(self, SEM);
		for (unsigned int i = 0; i < N; i++) {
			t[i] = oa_spawn(counts, self, .sem = &self->sem,
					.on_drop = count_drop);
			task_wait_until(waiting(self, SEM) == i + 1);
		}
		ASSERT_OK(oa_cancel(t[c]));
		let_go(self, SEM);
		for (int i = 0; i < N; i++)
			EXPECT_EQ(i == c ? -ECANCELED : 0, join_code(t[i]));
		EXPECT_EQ((unsigned int)N - 1, self->ran);
		EXPECT_EQ(1u, self->dropped);
		is_all_free(self);
	}
}

/* A cancel against what it waits for: it runs or is dropped. */

static void *lets_go_soon(void *arg)
{
	for (int i = 0; i < 2; i++)
		give_way();
	return lets_go(arg);
}

TASK_TEST_F(start, a_cancel_races_the_start, .workers = variant->workers)
{
	for (unsigned int i = 0; i < (unsigned int)SCALED(400, 80); i++) {
		struct giver g = { self, i % 3 ? SEM : MUTEX };
		struct actor a;
		oa_task_t t;
		int got;

		all_free(self);
		if (g.s == SEM)
			ASSERT_OK(oa_sem_trywait(&self->sem));
		t = oa_spawn(counts, self, .sem = &self->sem,
			     .mutex = &self->mutex, .on_drop = count_drop);
		if (g.s == SEM)
			actor_start(&a, i % 4 ? WHO_TASK : WHO_THREAD, 0,
				    lets_go_soon, &g);
		for (unsigned int k = 0; k < i % 5; k++)
			ASSERT_OK(oa_yield());
		oa_cancel(t);
		got = join_code(t);
		if (g.s == SEM)
			actor_end(&a);
		EXPECT_EQ(1u, self->ran + self->dropped);
		EXPECT_EQ(got == -ECANCELED ? 1u : 0u, self->dropped);
		is_all_free(self);
	}
}

/* Lossy backpressure. */

TASK_TEST_F(start, refused_by_lossy_backpressure, .workers = variant->workers)
{
	oa_task_t t;

	all_free(self);
	ASSERT_OK(oa_backpressure_init(&self->bp, 2, OA_BACKPRESSURE_LOSSY));
	hold(self, SEM);
	/* Two are inside, where they wait for something else. */
	ASSERT_OK(oa_go(counts, self, .backpressure = &self->bp,
			.sem = &self->sem));
	t = oa_spawn(counts, self, .backpressure = &self->bp,
		     .sem = &self->sem);
	task_wait_until(waiting(self, SEM) == 2);
	EXPECT_ERR(oa_go(counts, self, .backpressure = &self->bp,
			 .on_drop = count_drop), -EBUSY);
	EXPECT_ERR(oa_task_error(oa_spawn(counts, self,
			.backpressure = &self->bp, .on_drop = count_drop)),
		   -EBUSY);
	EXPECT_ERR(oa_go(counts, self, .backpressure = &self->bp,
			 .sem = &self->sem, .mutex = &self->mutex), -EBUSY);
	EXPECT_EQ(0u, SEEN(self->dropped));
	/* Later than the call: dropped. */
	EXPECT_ERR(join_code(oa_spawn(counts, self, .backpressure = &self->bp,
			.delay = OA_USEC, .on_drop = count_drop)), -EBUSY);
	EXPECT_EQ(1u, SEEN(self->dropped));
	EXPECT_ERR(join_code(oa_spawn(counts, self, .backpressure = &self->bp,
			.latch = &self->latch, .on_drop = count_drop)),
		   -EBUSY);
	EXPECT_EQ(2u, SEEN(self->dropped));
	EXPECT_ERR(join_code(oa_spawn(counts, self, .backpressure = &self->bp,
			.barrier = &self->barrier, .on_drop = count_drop)),
		   -EBUSY);
	EXPECT_EQ(3u, SEEN(self->dropped));
	EXPECT_EQ(0u, SEEN(self->ran));
	EXPECT_EQ(2u, SYNC(backpressure, &self->bp, value));
	let_go(self, SEM);
	ASSERT_OK(oa_join(t, NULL));
	task_wait_until(SEEN(self->ran) == 2);
	task_wait_until(!SYNC(backpressure, &self->bp, value));
	/* There is room again. */
	ASSERT_OK(oa_join(oa_spawn(counts, self, .backpressure = &self->bp),
			  NULL));
	is_all_free(self);
}

/* Refused. */

TASK_TEST_F(start, bad_use, .workers = variant->workers)
{
	struct oa_latch latch = { 0 };
	struct oa_barrier barrier = { 0 };
	struct oa_backpressure bp = { 0 };

	all_free(self);
	EXPECT_ERR(oa_go(counts, self, .latch = &latch,
			 .on_drop = count_drop), -EINVAL);
	EXPECT_ERR(oa_go(counts, self, .barrier = &barrier), -EINVAL);
	EXPECT_ERR(oa_go(counts, self, .backpressure = &bp), -EINVAL);
	EXPECT_ERR(oa_task_error(oa_spawn(counts, self, .latch = &latch)),
		   -EINVAL);
	/* Nothing of the rest has been touched. */
	EXPECT_ERR(oa_go(counts, self, .latch = &self->latch,
			 .barrier = &self->barrier, .backpressure = &bp,
			 .sem = &self->sem, .mutex = &self->mutex), -EINVAL);
	EXPECT_EQ(1u, SYNC(latch, &self->latch, value));
	is_all_free(self);
	EXPECT_ERR(oa_go(counts, self, .block = true, .pinned = true),
		   -EINVAL);
	EXPECT_ERR(oa_go(counts, self, .block = true,
			 .worker = OA_WORKER(0)), -EINVAL);
	EXPECT_ERR(oa_go(counts, self, .block = true, .stack_size = 1 << 20),
		   -EINVAL);
	EXPECT_EQ(0u, self->ran + self->dropped);
	EXPECT_EQ(1u, count_tasks(NULL));
}

/* Copied arguments wait with the task. */

struct copied {
	data *d;
	int text[100];
};

static void *checks_copy(void *arg)
{
	struct copied *c = arg;

	for (int i = 0; i < 100; i++)
		ASSERT_EQ(i * 3, c->text[i]);
	COUNT(c->d->ran);
	return NULL;
}

static void drops_copy(void *arg)
{
	struct copied *c = arg;

	for (int i = 0; i < 100; i++)
		ASSERT_EQ(i * 3, c->text[i]);
	COUNT(c->d->dropped);
}

TASK_TEST_F(start, with_a_copy, .workers = variant->workers)
{
	struct copied c = { .d = self };
	oa_task_t t[4];

	all_free(self);
	hold(self, MUTEX);
	for (int k = 0; k < 4; k++) {
		for (int i = 0; i < 100; i++)
			c.text[i] = i * 3;
		t[k] = oa_spawn(checks_copy, &c, .copy = sizeof(c),
				.mutex = &self->mutex, .block = k % 2,
				.on_drop = drops_copy);
		memset(c.text, 0, sizeof(c.text));
	}
	ASSERT_OK(oa_cancel(t[1]));
	ASSERT_OK(oa_cancel(t[2]));
	let_go(self, MUTEX);
	for (int k = 0; k < 4; k++)
		EXPECT_ERR(join_code(t[k]), k % 3 ? -ECANCELED : 0);
	EXPECT_EQ(2u, self->ran);
	EXPECT_EQ(2u, self->dropped);
}

/* A place of its own. */
static void *where(void *arg)
{
	COUNT(((data *)arg)->ran);
	return as_result(oa_worker_id());
}

TASK_TEST_F(start, on_a_worker, .workers = variant->workers)
{
	oa_task_t t[16];

	all_free(self);
	hold(self, SEM);
	for (unsigned int i = 0; i < 16; i++)
		t[i] = oa_spawn(where, self, .sem = &self->sem,
				.worker = OA_WORKER((int)(i %
						variant->workers)));
	let_go(self, SEM);
	for (unsigned int i = 0; i < 16; i++)
		EXPECT_EQ((int)(i % variant->workers), join_code(t[i]));
	is_all_free(self);
}

/* From a thread that is no task, and between runtimes. */

static void *keeps(void *arg)
{
	ASSERT_OK(oa_event_wait(arg));
	return NULL;
}

TEST_F(start, from_outside)
{
	struct oa_event end = OA_EVENT_INIT;
	struct oa_runtime *rt[2];
	oa_task_t t[20];

	all_free(self);
	for (int k = 0; k < 2; k++)
		ASSERT_OK(oa_start(&rt[k], keeps, &end,
				   .workers = variant->workers));
	dump_runtime = rt[0];
	for (int round = 0; round < 10; round++) {
		ASSERT_OK(oa_mutex_lock(&self->mutex));
		for (int i = 0; i < 20; i++) {
			t[i] = oa_spawn(holds_all, self,
					.backpressure = &self->bp,
					.sem = &self->sem,
					.mutex = &self->mutex,
					.runtime = rt[i % 2]);
			ASSERT_OK(oa_task_error(t[i]));
		}
		wait_until(SYNC(mutex, &self->mutex, waiters) == 1);
		wait_until(SYNC(backpressure, &self->bp, waiters) == 19);
		wait_until(count_in_state(rt[0], OA_TASK_WAITING) == 10);
		ASSERT_OK(oa_mutex_unlock(&self->mutex));
		for (int i = 0; i < 20; i++)
			ASSERT_OK(oa_join(t[i], NULL));
		is_all_free(self);
	}
	EXPECT_EQ(200u, self->ran);
	ASSERT_OK(oa_event_set(&end));
	for (int k = 0; k < 2; k++) {
		ASSERT_OK(oa_runtime_wait(rt[k], NULL));
		ASSERT_OK(oa_runtime_free(rt[k]));
	}
}

HARNESS_MAIN
