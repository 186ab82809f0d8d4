// SPDX-License-Identifier: MIT
/* Many that start under any combination of conditions, beside those that run. */
#include "actors.h"

#define GOAL	5
#define PERMITS	3
#define INSIDE	4
#define PLACES	2

FIXTURE(mixed) {
	struct oa_latch latch;
	struct oa_barrier barrier;
	struct oa_backpressure bp, lossy;
	struct oa_sem sem;
	struct oa_mutex mutex;
	unsigned int in_bp, in_lossy, in_sem, in_pool, in_mutex;
	unsigned int most_sem, most_bp, most_pool;
	unsigned int ran, links, dropped, refused, each;
	unsigned long plain;		/* under the mutex */
};
VARIANTS_WORKERS(mixed);

typedef struct mixed_fixture_data data;

FIXTURE_SETUP(mixed)
{
	ASSERT_OK(oa_latch_init(&self->latch, 10));
	ASSERT_OK(oa_barrier_init(&self->barrier, GOAL));
	ASSERT_OK(oa_backpressure_init(&self->bp, INSIDE,
				       OA_BACKPRESSURE_LOSSLESS));
	ASSERT_OK(oa_backpressure_init(&self->lossy, INSIDE,
				       OA_BACKPRESSURE_LOSSY));
	ASSERT_OK(oa_sem_init(&self->sem, PERMITS));
}

FIXTURE_TEARDOWN(mixed)
{
	EXPECT_EQ(0u, SYNC(latch, &self->latch, waiters));
	EXPECT_EQ(0u, SYNC(barrier, &self->barrier, waiters));
	EXPECT_EQ(0u, SYNC(backpressure, &self->bp, value));
	EXPECT_EQ(0u, SYNC(backpressure, &self->bp, waiters));
	EXPECT_EQ(0u, SYNC(backpressure, &self->lossy, value));
	EXPECT_EQ((uint32_t)PERMITS, oa_sem_value(&self->sem));
	EXPECT_OK(oa_mutex_destroy(&self->mutex));
}

enum { LATCH = 1, BARRIER = 2, PRESSURE = 4, SEM = 8, POOL = 16, MUTEX = 32,
       THEN = 64, DELAY = 128, LOSSY = 256 };

struct job {
	data *d;
	unsigned int with;
	struct job *self;	/* what the last link gives */
};

static void enter(unsigned int *inside, unsigned int most, unsigned int *top)
{
	unsigned int n = COUNT(*inside);

	ASSERT_LE(n, most);
	if (top && n > SEEN(*top))
		TELL(*top, n);
}

static void leave(unsigned int *inside)
{
	__atomic_sub_fetch(inside, 1, __ATOMIC_ACQ_REL);
}

static void *first(void *arg)
{
	struct job *j = arg;
	data *d = j->d;

	if (j->with & PRESSURE)
		enter(&d->in_bp, INSIDE, &d->most_bp);
	if (j->with & LOSSY)
		enter(&d->in_lossy, INSIDE, NULL);
	if (j->with & SEM)
		enter(&d->in_sem, PERMITS, &d->most_sem);
	if (j->with & POOL)
		enter(&d->in_pool, PLACES, &d->most_pool);
	if (j->with & MUTEX) {
		enter(&d->in_mutex, 1, NULL);
		d->plain++;
	}
	EXPECT_EQ(!!(j->with & POOL), oa_worker_id() == -EPERM);
	give_way();
	return j;
}

static void *middle(void *arg)
{
	struct job *j = arg;

	COUNT(j->d->links);
	give_way();
	return j;
}

static void *last(void *arg)
{
	struct job *j = arg;
	data *d = j->d;

	give_way();
	if (j->with & MUTEX) {
		d->plain++;
		leave(&d->in_mutex);
	}
	if (j->with & POOL)
		leave(&d->in_pool);
	if (j->with & SEM)
		leave(&d->in_sem);
	if (j->with & LOSSY)
		leave(&d->in_lossy);
	if (j->with & PRESSURE)
		leave(&d->in_bp);
	COUNT(d->ran);
	return j;
}

static void *all_in_one(void *arg)
{
	return last(first(arg));
}

static void count_drop(void *arg)
{
	COUNT(((struct job *)arg)->d->dropped);
}

static oa_task_t spawn(struct job *j, struct oa_runtime *rt)
{
	static const oa_fn list[] = { middle, middle, last, NULL };
	unsigned int with = j->with;
	data *d = j->d;

	return oa_spawn(with & THEN ? first : all_in_one, j,
		.latch = with & LATCH ? &d->latch : NULL,
		.barrier = with & BARRIER ? &d->barrier : NULL,
		.backpressure = with & PRESSURE ? &d->bp :
				with & LOSSY ? &d->lossy : NULL,
		.sem = with & SEM ? &d->sem : NULL,
		.block = with & POOL,
		.mutex = with & MUTEX ? &d->mutex : NULL,
		.delay = with & DELAY ? 20 * OA_USEC : 0,
		.then = with & THEN ? list : NULL,
		.on_drop = count_drop, .runtime = rt);
}

#define MOST 400

TASK_TEST_F(mixed, any_combination, .workers = variant->workers,
	    .max_blocking = PLACES)
{
	unsigned int n = (unsigned int)SCALED(MOST, 100);
	unsigned long mutexes = 0;
	static struct job j[MOST];
	static oa_task_t t[MOST];
	struct random r = random_of(0);

	for (unsigned int i = 0; i < n; i++) {
		/* Ten for the latch, a multiple of the goal for the barrier. */
		unsigned int with = draw(&r, 64) * 4;

		if (i % 10 == 9)
			with |= LATCH;
		if (i % 4 == 3)
			with |= BARRIER;
		mutexes += !!(with & MUTEX);
		j[i] = (struct job){ self, with, NULL };
		t[i] = spawn(&j[i], NULL);
		ASSERT_OK(oa_task_error(t[i]));
		if (i % 8 == 7)
			ASSERT_OK(oa_yield());
	}
	for (unsigned int i = 0; i < n; i++) {
		void *result;

		ASSERT_OK(oa_join(t[i], &result));
		ASSERT_EQ((void *)&j[i], result);
	}
	EXPECT_EQ(n, self->ran);
	EXPECT_EQ(0u, self->dropped);
	EXPECT_EQ(2 * mutexes, self->plain);
	EXPECT_GE(self->most_bp, 1u);
	EXPECT_GE(self->most_pool, 1u);
}

/* Half of them are cancelled, at any moment; some are refused. */
TASK_TEST_F(mixed, cancelled_and_refused, .workers = variant->workers,
	    .max_blocking = PLACES)
{
	unsigned int n = (unsigned int)SCALED(MOST, 100), refused = 0;
	static struct job j[MOST];
	static oa_task_t t[MOST];
	struct random r = random_of(1);
	unsigned int busy = 0;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int with = draw(&r, 128) * 4;

		if (with & LOSSY)
			with &= ~(unsigned int)PRESSURE;
		j[i] = (struct job){ self, with, NULL };
		t[i] = spawn(&j[i], NULL);
		if (oa_task_error(t[i])) {
			ASSERT_TRUE(with & LOSSY && !(with & DELAY));
			ASSERT_ERR(oa_task_error(t[i]), -EBUSY);
			refused++;
		}
		if (draw(&r, 2))
			oa_cancel(t[draw(&r, i + 1)]);
		if (i % 8 == 7)
			ASSERT_OK(oa_yield());
	}
	for (unsigned int i = 0; i < n; i++) {
		void *result;

		if (oa_task_error(t[i]))
			continue;
		ASSERT_OK(oa_join(t[i], &result));
		busy += result == oa_err(-EBUSY);
		ASSERT_TRUE(result == (void *)&j[i] ||
			    result == oa_err(-EBUSY) ||
			    result == oa_err(-ECANCELED));
	}
	EXPECT_EQ(n, self->ran + self->dropped + refused);
	TEST_LOG("%u ran, %u dropped, %u refused at once, %u later", self->ran,
		 self->dropped, refused, busy);
}

/* Together with those that take the same by calls, from everywhere. */

static void *takes_by_calls(void *arg)
{
	data *d = arg;

	for (unsigned int i = 0; i < d->each; i++) {
		ASSERT_OK(oa_backpressure_enter(&d->bp));
		enter(&d->in_bp, INSIDE, NULL);
		ASSERT_OK(oa_sem_wait(&d->sem));
		enter(&d->in_sem, PERMITS, NULL);
		ASSERT_OK(oa_mutex_lock(&d->mutex));
		enter(&d->in_mutex, 1, NULL);
		d->plain++;
		give_way();
		leave(&d->in_mutex);
		ASSERT_OK(oa_mutex_unlock(&d->mutex));
		leave(&d->in_sem);
		ASSERT_OK(oa_sem_post(&d->sem));
		leave(&d->in_bp);
		ASSERT_OK(oa_backpressure_leave(&d->bp));
	}
	return NULL;
}

static void beside_calls(data *d, enum who who)
{
	struct actor a[3];
	static struct job j[MOST];
	static oa_task_t t[MOST];
	unsigned int n = (unsigned int)SCALED(100, 40);

	d->each = n;
	for (unsigned int i = 0; i < 3; i++)
		actor_start(&a[i], who, i, takes_by_calls, d);
	for (unsigned int i = 0; i < n; i++) {
		j[i] = (struct job){ d, PRESSURE | SEM | MUTEX |
				     (i % 2 ? THEN : 0), NULL };
		t[i] = spawn(&j[i], NULL);
	}
	for (unsigned int i = 0; i < n; i++)
		ASSERT_OK(oa_join(t[i], NULL));
	for (int i = 0; i < 3; i++)
		actor_end(&a[i]);
	EXPECT_EQ(n, d->ran);
	EXPECT_EQ((unsigned long)(2 + 3) * n, d->plain);
}

TASK_TEST_F(mixed, beside_calls, .workers = variant->workers)
{
	beside_calls(self, WHO_TASK);
}

TASK_TEST_F(mixed, beside_calls_from_anywhere, .workers = variant->workers)
{
	beside_calls(self, WHO_MIXED);
}

/* The end of the runtime finds them waiting. */

struct held {
	data *d;
	enum oa_shutdown_how how;
};

static void *holds_and_ends(void *arg)
{
	struct held *h = arg;
	data *d = h->d;
	static struct job j[60];

	ASSERT_OK(oa_mutex_lock(&d->mutex));
	for (unsigned int i = 0; i < 60; i++) {
		j[i] = (struct job){ d, MUTEX | (i % 7 ? SEM : 0) |
				     (i % 2 ? PRESSURE : 0) |
				     (i % 3 ? 0 : POOL) |
				     (i % 4 ? 0 : DELAY) |
				     (i % 5 ? 0 : THEN), NULL };
		ASSERT_OK(oa_detach(spawn(&j[i], NULL)));
	}
	task_wait_until(!oa_sem_value(&d->sem));
	ASSERT_OK(oa_shutdown(NULL, h->how));
	for (int i = 0; i < 10; i++)
		oa_yield();
	ASSERT_OK(oa_mutex_unlock(&d->mutex));
	return NULL;
}

TEST_F(mixed, a_graceful_shutdown)
{
	struct held h = { self, OA_SHUTDOWN_GRACEFUL };
	struct oa_ended e;

	ASSERT_OK(oa_run(holds_and_ends, &h, .workers = variant->workers,
			 .max_blocking = PLACES, .ended = &e));
	/* None had begun, so none begins. */
	EXPECT_EQ(0u, self->ran);
	EXPECT_EQ(60u, self->dropped);
	EXPECT_EQ(60u, e.dropped);
	EXPECT_EQ(1u, e.ran);
}

TEST_F(mixed, a_draining_shutdown)
{
	struct held h = { self, OA_SHUTDOWN_DRAIN };
	struct oa_ended e;

	ASSERT_OK(oa_run(holds_and_ends, &h, .workers = variant->workers,
			 .max_blocking = PLACES, .ended = &e));
	EXPECT_EQ(60u, self->ran);
	EXPECT_EQ(0u, self->dropped);
	EXPECT_EQ(61u, e.ran);
}

/* Waiting for what nobody will give: a graceful end drops them. */
static void *leaves_them(void *arg)
{
	struct held *h = arg;
	data *d = h->d;
	static struct job j[3];

	for (unsigned int i = 0; i < 3; i++) {
		j[i] = (struct job){ d, i ? BARRIER | SEM : LATCH | MUTEX,
				     NULL };
		ASSERT_OK(oa_detach(spawn(&j[i], NULL)));
	}
	task_wait_until(count_in_state(NULL, OA_TASK_WAITING) == 3);
	ASSERT_OK(oa_shutdown(NULL, h->how));
	return NULL;
}

TEST_F(mixed, a_shutdown_while_nothing_comes)
{
	struct held h = { self, OA_SHUTDOWN_GRACEFUL };
	struct oa_ended e;

	ASSERT_OK(oa_run(leaves_them, &h, .workers = variant->workers,
			 .ended = &e));
	EXPECT_EQ(3u, self->dropped);
	EXPECT_EQ(3u, e.dropped);
}

HARNESS_MAIN
