// SPDX-License-Identifier: MIT
/*
 * Jobs: each runs once, at its join or with a thief, who may suspend in it, and
 * its result comes back; the same for the parts of a loop.
 */
#include "actors.h"

#include <stdlib.h>

FIXTURE(job) {
	struct oa_event go, there;
	struct oa_mutex m;
	unsigned int ran;
	int stop;
};
VARIANTS_STAND_INS(job);

typedef struct job_fixture_data data;

FIXTURE_SETUP(job)
{
	(void)self;
}

FIXTURE_TEARDOWN(job)
{
}

#define JOB_TEST(name) TASK_TEST_F(job, name, .workers = variant->workers)

static data *now;

static void *adds_one(void *arg)
{
	COUNT(now->ran);
	return (char *)arg + 1;
}

/* ---- trees */

static long fib_of(long n)
{
	long a = 0, b = 1;

	for (; n; n--) {
		long c = a + b;

		a = b;
		b = c;
	}
	return a;
}

static void *fib(void *arg)
{
	intptr_t n = (intptr_t)arg, r;
	struct oa_job job;

	if (n < 2)
		return arg;
	ASSERT_OK(oa_job_fork(&job, fib, as_result(n - 1)));
	r = (intptr_t)fib(as_result(n - 2));
	return as_result(r + (intptr_t)oa_job_join(&job));
}

JOB_TEST(a_tree)
{
	long n = SCALED(22, 15);

	for (int i = 0; i < 5; i++)
		ASSERT_EQ(fib_of(n), (long)(intptr_t)fib(as_result(n)));
	/* Nothing is left open; the last of those that stole is on its way. */
	task_wait_until(count_tasks(NULL) == 1);
}

/* Leaves give way, so jobs are open all the way up while others run. */
static void *fib_that_yields(void *arg)
{
	intptr_t n = (intptr_t)arg, r;
	struct oa_job job;

	if (n < 2) {
		ASSERT_OK(oa_yield());
		return arg;
	}
	ASSERT_OK(oa_job_fork(&job, fib_that_yields, as_result(n - 1)));
	r = (intptr_t)fib_that_yields(as_result(n - 2));
	return as_result(r + (intptr_t)oa_job_join(&job));
}

JOB_TEST(a_tree_that_suspends_everywhere)
{
	long n = SCALED(14, 9);
	oa_task_t t[3];

	for (int i = 0; i < 3; i++)
		t[i] = oa_spawn(fib_that_yields, as_result(n));
	for (int i = 0; i < 3; i++) {
		void *r;

		ASSERT_OK(oa_join(t[i], &r));
		ASSERT_EQ(fib_of(n), (long)(intptr_t)r);
	}
	task_wait_until(count_tasks(NULL) == 1);
}

/* ---- with another worker */

static void *meets(void *arg)
{
	(void)arg;
	TELL(now->stop, 1);
	return as_result(oa_event_wait(&now->go) ? -1 : oa_worker_id());
}

/* It comes to its end only if somebody else has taken it. */
JOB_TEST(is_taken_by_who_idles)
{
	struct oa_job job;

	now = self;
	if (variant->workers < 2)
		SKIP("nobody idles");
	for (int i = 0; i < 20; i++) {
		self->stop = 0;
		ASSERT_OK(oa_event_reset(&self->go));
		ASSERT_OK(oa_job_fork(&job, meets, NULL));
		/* This worker is not given up. */
		wait_until(SEEN(self->stop));
		ASSERT_OK(oa_event_set(&self->go));
		ASSERT_GE((intptr_t)oa_job_join(&job), 0);
	}
}

static void *waits(void *arg)
{
	return as_result(oa_event_wait(arg));
}

/* Its forker is suspended meanwhile; others on his worker go on. */
JOB_TEST(is_waited_for)
{
	struct oa_job job;
	oa_task_t t;

	now = self;
	for (int i = 0; i < 20; i++) {
		ASSERT_OK(oa_event_reset(&self->go));
		ASSERT_OK(oa_job_fork(&job, waits, &self->go));
		ASSERT_OK(oa_yield());
		t = oa_spawn(adds_one, NULL);
		ASSERT_OK(oa_go((oa_fn)(void *)oa_event_set, &self->go));
		ASSERT_EQ(NULL, oa_job_join(&job));
		ASSERT_OK(oa_join(t, NULL));
	}
}

/* ---- order, number, place */

#define MANY	1300

/* More than are offered; joined in several orders. */
JOB_TEST(in_any_order)
{
	static struct oa_job job[MANY];

	now = self;
	for (int how = 0; how < 4; how++) {
		for (int i = 0; i < MANY; i++)
			ASSERT_OK(oa_job_fork(&job[i], adds_one, as_result(i)));
		for (int i = 0; i < MANY; i++) {
			int k = how == 0 ? i : how == 1 ? MANY - 1 - i :
				(i * 7 + 3) % MANY;

			if (how == 3 && i % 100 == 50)
				ASSERT_OK(oa_yield());
			ASSERT_EQ(as_result(k + 1), oa_job_join(&job[k]));
		}
		ASSERT_EQ((unsigned int)MANY * (unsigned int)(how + 1),
			  SEEN(self->ran));
	}
}

JOB_TEST(open_while_suspended)
{
	struct oa_job job[20];

	now = self;
	for (int i = 0; i < 20; i++)
		ASSERT_OK(oa_job_fork(&job[i], adds_one, as_result(i)));
	ASSERT_OK(oa_sleep(OA_MSEC));
	/* They have been made tasks, which have run by now or will. */
	task_wait_until(SEEN(self->ran) == 20);
	for (int i = 0; i < 20; i++)
		ASSERT_EQ(as_result(i + 1), oa_job_join(&job[i]));
}

static void *forks_outside(void *arg)
{
	struct oa_job job[3];

	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_job_fork(&job[i], adds_one, as_result(i)));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(as_result(i + 1), oa_job_join(&job[i]));
	return arg;
}

JOB_TEST(by_anybody)
{
	struct actor a;

	now = self;
	for (int who = WHO_TASK; who <= WHO_POOL; who++) {
		actor_start(&a, (enum who)who, 0, forks_outside, self);
		ASSERT_EQ(self, actor_end(&a));
	}
	ASSERT_EQ(9u, SEEN(self->ran));
}

JOB_TEST(bad_use_is_refused)
{
	struct oa_job job;

	EXPECT_ERR(oa_job_fork(NULL, adds_one, NULL), -EINVAL);
	EXPECT_ERR(oa_job_fork(&job, NULL, NULL), -EINVAL);
	EXPECT_ERR(oa_parallel_for(0, 1, 0, NULL, NULL), -EINVAL);
	(void)self;
}

/* What it shares with its caller, or has of its own, is left as it was. */
static void *locks(void *arg)
{
	(void)arg;
	ASSERT_OK(oa_mutex_lock(&now->m));
	COUNT(now->ran);
	ASSERT_OK(oa_yield());
	ASSERT_OK(oa_mutex_unlock(&now->m));
	return NULL;
}

JOB_TEST(locks_and_suspends)
{
	struct oa_job job[50];

	now = self;
	for (int i = 0; i < 50; i++)
		ASSERT_OK(oa_job_fork(&job[i], locks, NULL));
	for (int i = 50; i--;)
		ASSERT_NULL(oa_job_join(&job[i]));
	ASSERT_EQ(50u, SEEN(self->ran));
}

/* ---- cancelling who has forked */

static void *sleeps(void *arg)
{
	(void)arg;
	COUNT(now->ran);
	return oa_err(oa_sleep(OA_FOREVER));
}

static void *forks_sleepers(void *arg)
{
	struct oa_job job[4];
	void *r[4];

	for (int i = 0; i < 4; i++)
		ASSERT_OK(oa_job_fork(&job[i], sleeps, NULL));
	if (arg)
		oa_yield();
	for (int i = 4; i--;)
		r[i] = oa_job_join(&job[i]);
	for (int i = 0; i < 4; i++)
		EXPECT_ERR(oa_err_code(r[i]), -ECANCELED);
	EXPECT_EQ(1, oa_cancelled());
	return oa_err(-ECANCELED);
}

JOB_TEST(a_cancel_is_handed_on)
{
	now = self;
	for (int i = 0; i < 30; i++) {
		oa_task_t t = oa_spawn(forks_sleepers, as_result(i % 2));

		if (i % 3)
			task_wait_until(SEEN(self->ran) > 0);
		for (int k = 0; k < i % 5; k++)
			ASSERT_OK(oa_yield());
		ASSERT_OK(oa_cancel(t));
		if (join_code(t) == -ECANCELED && i % 3)
			ASSERT_GE(SEEN(self->ran), 1u);
		TELL(self->ran, 0);
		task_wait_until(count_tasks(NULL) == 1);
	}
}

/* Ends are told to a joiner who is cancelled at that moment. */
static void *ends_soon(void *arg)
{
	for (intptr_t i = 0; i < (intptr_t)arg; i++)
		oa_yield();
	return arg;
}

static void *forks_short_ones(void *arg)
{
	struct oa_job job[3];

	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_job_fork(&job[i], ends_soon, as_result(i)));
	oa_yield();
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(as_result(i), oa_job_join(&job[i]));
	return arg;
}

JOB_TEST(a_cancel_at_any_moment)
{
	for (int i = 0; i < (int)SCALED(2000, 200); i++) {
		oa_task_t t = oa_spawn(forks_short_ones, self);
		void *r;

		for (int k = 0; k < i % 7; k++)
			ASSERT_OK(oa_yield());
		oa_cancel(t);
		ASSERT_OK(oa_join(t, &r));
		ASSERT_TRUE(r == self || oa_err_code(r) == -ECANCELED);
	}
	task_wait_until(count_tasks(NULL) == 1);
}

/* ---- shutting down */

static void *forks_and_drains(void *arg)
{
	struct oa_job job[20];

	now = arg;
	for (int i = 0; i < 20; i++)
		ASSERT_OK(oa_job_fork(&job[i], adds_one, as_result(i)));
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_DRAIN));
	/* They are tasks now, and have not begun. */
	oa_yield();
	for (int i = 0; i < 20; i++)
		ASSERT_EQ(as_result(i + 1), oa_job_join(&job[i]));
	return NULL;
}

TEST_F(job, of_a_task_that_is_let_end)
{
	struct oa_ended e;

	ASSERT_OK(oa_run(forks_and_drains, self, .workers = variant->workers,
			 .ended = &e));
	EXPECT_EQ(20u, self->ran);
	EXPECT_EQ(0ul, e.dropped + e.abandoned);
}

static void *forks_and_goes(void *arg)
{
	struct oa_job job[20];

	now = arg;
	for (int i = 0; i < 20; i++)
		ASSERT_OK(oa_job_fork(&job[i], sleeps, NULL));
	oa_yield();
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_NOW));
	oa_yield();
	return NULL;
}

TEST_F(job, of_a_task_that_is_abandoned)
{
	struct oa_ended e;

	ASSERT_OK(oa_run(forks_and_goes, self, .workers = variant->workers,
			 .ended = &e, NOTES_LEFT));
	skip_if_any_left();
	EXPECT_EQ(e.abandoned, 1ul + SEEN(self->ran));
}

/* ---- loops */

#define RANGE	100000

static unsigned char seen[RANGE];

static void marks(size_t begin, size_t end, void *arg)
{
	ASSERT_LT(begin, end);
	ASSERT_LE(end - begin, *(size_t *)arg);
	for (size_t i = begin; i < end; i++)
		ASSERT_EQ(0, seen[i]++);
}

/* ---- no stack for who took it: it is done by who joins it all the same */

FIXTURE(scarce_job) { struct oa_event go; unsigned int there, given; };
VARIANTS_WORKERS(scarce_job);

FIXTURE_SETUP(scarce_job)
{
	(void)self;
}

FIXTURE_TEARDOWN(scarce_job)
{
}

/* One region of many stacks, and no more. */
static void *reserves_once(size_t size, size_t align, void *ctx)
{
	struct scarce_job_fixture_data *s = ctx;

	return COUNT(s->given) > 1 ? NULL : aligned_alloc(align, size);
}

static void releases(void *base, size_t size, void *ctx)
{
	(void)size;
	(void)ctx;
	free(base);
}

static void *keeps_a_stack(void *arg)
{
	struct scarce_job_fixture_data *s = arg;

	COUNT(s->there);
	ASSERT_OK(oa_event_wait(&s->go));
	return NULL;
}

/* Until nobody gets one any more; how many there are. */
static unsigned int use_up_stacks(struct scarce_job_fixture_data *s)
{
	unsigned int n = 0;
	void *result;
	oa_task_t t;

	for (;;) {
		t = oa_spawn(keeps_a_stack, s);
		ASSERT_OK(oa_task_error(t));
		while (oa_join_until(t, &result, oa_after(OA_MSEC)) ==
		       -ETIMEDOUT)
			if (SEEN(s->there) > n)
				break;
		if (SEEN(s->there) == n) {
			EXPECT_ERR(oa_err_code(result), -ENOMEM);
			return n;
		}
		ASSERT_OK(oa_detach(t));
		n++;
	}
}

static void *one_more(void *arg)
{
	return (char *)arg + 1;
}

static void counts_range(size_t from, size_t to, void *arg)
{
	__atomic_fetch_add((size_t *)arg, to - from, __ATOMIC_RELAXED);
}

TASK_TEST_F(scarce_job, is_done_by_who_joins_it, .workers = variant->workers,
	    .stacks = { reserves_once, releases, self })
{
	struct oa_job a, b;
	size_t done = 0;

	ASSERT_GE(use_up_stacks(self), 1u);
	ASSERT_OK(oa_job_fork(&a, one_more, as_result(1)));
	ASSERT_OK(oa_job_fork(&b, one_more, as_result(2)));
	/* What is open goes to tasks of its own, which are dropped. */
	ASSERT_OK(oa_sleep(OA_MSEC));
	EXPECT_EQ(3l, (long)(intptr_t)oa_job_join(&b));
	EXPECT_EQ(2l, (long)(intptr_t)oa_job_join(&a));
	/* At once, so that they are waited for when that happens. */
	ASSERT_OK(oa_job_fork(&a, one_more, as_result(5)));
	ASSERT_OK(oa_yield());
	EXPECT_EQ(6l, (long)(intptr_t)oa_job_join(&a));
	ASSERT_OK(oa_parallel_for(0, 1000, 1, counts_range, &done));
	EXPECT_EQ(1000u, done);
	ASSERT_OK(oa_event_set(&self->go));
}

JOB_TEST(each_of_a_range_once)
{
	static const size_t grains[] = { 1, 7, 1000, RANGE, 2 * RANGE };

	(void)self;
	for (size_t i = 0; i < ARRAY_N(grains); i++) {
		size_t grain = grains[i], n = grain == 1 ? 3000 : RANGE;

		memset(seen, 0, sizeof(seen));
		ASSERT_OK(oa_parallel_for(5, n, grain, marks, &grain));
		for (size_t k = 0; k < n; k++)
			ASSERT_EQ(k >= 5, seen[k]);
	}
}

JOB_TEST(pieces_by_choice)
{
	size_t any = SIZE_MAX;

	(void)self;
	memset(seen, 0, sizeof(seen));
	ASSERT_OK(oa_parallel_for(0, RANGE, 0, marks, &any));
	ASSERT_OK(oa_parallel_for(10, 10, 0, marks, &any));
	ASSERT_OK(oa_parallel_for(11, 10, 1, marks, &any));
	for (size_t k = 0; k < RANGE; k++)
		ASSERT_EQ(1, seen[k]);
}

static void goes_deeper(size_t begin, size_t end, void *arg)
{
	unsigned int depth = *(unsigned int *)arg - 1;

	for (size_t i = begin; i < end; i++) {
		COUNT(now->ran);
		if (depth)
			ASSERT_OK(oa_parallel_for(0, 8, 1, goes_deeper,
						  &depth));
	}
	if (begin % 3 == 0)
		ASSERT_OK(oa_yield());
}

JOB_TEST(loops_in_loops)
{
	unsigned int depth = 4;

	now = self;
	ASSERT_OK(oa_parallel_for(0, 8, 1, goes_deeper, &depth));
	ASSERT_EQ(8u + 64 + 512 + 4096, SEEN(self->ran));
}

static unsigned int peak;

static void waits_a_little(size_t begin, size_t end, void *arg)
{
	unsigned int n = COUNT(now->ran), was = SEEN(peak);

	while (n > was &&
	       !__atomic_compare_exchange_n(&peak, &was, n, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	ASSERT_OK(oa_sleep(OA_MSEC / 10));
	__atomic_sub_fetch(&now->ran, 1, __ATOMIC_ACQ_REL);
	(void)begin, (void)end, (void)arg;
}

/* Pieces that wait leave workers idle, but are not begun without end. */
JOB_TEST(not_all_pieces_at_once)
{
	now = self;
	peak = 0;
	ASSERT_OK(oa_parallel_for(0, 500, 1, waits_a_little, NULL));
	EXPECT_EQ(0u, self->ran);
	/* Some may be offered at the same moment. */
	EXPECT_LE(peak, 3 * variant->workers);
}

static void counts(size_t begin, size_t end, void *arg)
{
	data *d = arg;

	__atomic_add_fetch(&d->ran, (unsigned int)(end - begin),
			   __ATOMIC_ACQ_REL);
	if (SEEN(d->ran) > 100)
		TELL(d->stop, 1);
	oa_yield();
}

static void *loops(void *arg)
{
	return oa_err(oa_parallel_for(0, 1 << 30, 1, counts, arg));
}

JOB_TEST(a_loop_is_cancelled)
{
	oa_task_t t = oa_spawn(loops, self);

	task_wait_until(SEEN(self->stop));
	ASSERT_OK(oa_cancel(t));
	EXPECT_ERR(join_code(t), -ECANCELED);
	EXPECT_LT(SEEN(self->ran), 1u << 30);
	t = oa_spawn(loops, self, .timeout = 20 * OA_MSEC);
	EXPECT_ERR(join_code(t), -ETIMEDOUT);
	task_wait_until(count_tasks(NULL) == 1);
}

static void *loop_outside(void *arg)
{
	size_t any = SIZE_MAX;

	memset(seen, 0, sizeof(seen));
	ASSERT_OK(oa_parallel_for(0, RANGE, 0, marks, &any));
	for (size_t k = 0; k < RANGE; k++)
		ASSERT_EQ(1, seen[k]);
	return arg;
}

JOB_TEST(a_loop_by_anybody)
{
	struct actor a;

	for (int who = WHO_TASK; who <= WHO_POOL; who++) {
		actor_start(&a, (enum who)who, 0, loop_outside, self);
		ASSERT_EQ(self, actor_end(&a));
	}
}

/* ---- what goes wrong */

static void *ends_early(void *arg)
{
	static struct oa_job job;

	ASSERT_OK(oa_job_fork(&job, adds_one, NULL));
	return arg;
}

TEST_SIGNAL(a_job_that_is_not_joined_is_told, SIGABRT)
{
	ASSERT_OK(oa_run(ends_early, NULL, .workers = 1));
}

HARNESS_MAIN
