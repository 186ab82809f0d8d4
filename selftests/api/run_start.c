// SPDX-License-Identifier: MIT
/* Starting, waiting for and releasing runtimes. */
#include "api_test.h"

#include <sched.h>
#include <stdlib.h>

static void *nothing(void *arg)
{
	return arg;
}

static void *tell(void *flag)
{
	TELL(*(int *)flag, 1);
	return NULL;
}

static void *until_told(void *flag)
{
	task_wait_until(SEEN(*(int *)flag));
	return NULL;
}

FIXTURE(runs) { int flag; unsigned int n; };
VARIANTS_WORKERS(runs);

FIXTURE_SETUP(runs)
{
}

FIXTURE_TEARDOWN(runs)
{
}

TEST_F(runs, oa_run_returns_when_all_have_ended)
{
	struct oa_ended ended;

	ASSERT_OK(oa_run(tell, &self->flag, .workers = variant->workers,
			 .ended = &ended));
	EXPECT_EQ(1, self->flag);
	EXPECT_EQ(1u, ended.ran);
	EXPECT_EQ(0u, ended.cancelled);
	EXPECT_EQ(0u, ended.dropped);
	EXPECT_EQ(0u, ended.abandoned);
}

static void *outlived(void *arg)
{
	for (int i = 0; i < 50; i++)
		ASSERT_OK(oa_yield());
	COUNT(*(unsigned int *)arg);
	return NULL;
}

static void *leaves_others(void *arg)
{
	for (int i = 0; i < 100; i++)
		ASSERT_OK(oa_go(outlived, arg));
	return NULL;
}

TEST_F(runs, tasks_outlive_the_first)
{
	struct oa_ended ended;

	ASSERT_OK(oa_run(leaves_others, &self->n, .workers = variant->workers,
			 .ended = &ended));
	EXPECT_EQ(100u, self->n);
	EXPECT_EQ(101u, ended.ran);
}

TEST_F(runs, start_wait_free)
{
	struct oa_runtime *rt = NULL;
	struct oa_ended ended;

	ASSERT_OK(oa_start(&rt, until_told, &self->flag,
			   .workers = variant->workers));
	dump_runtime = rt;
	EXPECT_ERR(oa_runtime_free(rt), -EBUSY);
	EXPECT_ERR(oa_runtime_wait_until(rt, &ended, oa_now()), -ETIMEDOUT);
	TELL(self->flag, 1);
	ASSERT_OK(oa_runtime_wait(rt, &ended));
	EXPECT_EQ(1u, ended.ran);
	memset(&ended, 0xff, sizeof(ended));
	ASSERT_OK(oa_runtime_wait(rt, &ended));
	EXPECT_EQ(1u, ended.ran);
	EXPECT_OK(oa_runtime_wait_until(rt, NULL, 0));
	EXPECT_OK(oa_runtime_free(rt));
}

TEST_F(runs, free_without_wait)
{
	struct oa_runtime *rt = NULL;

	ASSERT_OK(oa_start(&rt, nothing, NULL, .workers = variant->workers));
	wait_until(oa_runtime_free(rt) != -EBUSY);
}

struct waiter {
	struct oa_runtime *rt;
	struct oa_ended ended;
	int err;
};

static void *waits(void *arg)
{
	struct waiter *w = arg;

	w->err = oa_runtime_wait(w->rt, &w->ended);
	return NULL;
}

TEST_F(runs, several_threads_wait)
{
	struct waiter w[8] = { { 0 } };
	struct oa_runtime *rt;
	pthread_t th[8];

	ASSERT_OK(oa_start(&rt, until_told, &self->flag,
			   .workers = variant->workers));
	for (int i = 0; i < 8; i++) {
		w[i].rt = rt;
		thread_start(&th[i], waits, &w[i]);
	}
	TELL(self->flag, 1);
	for (int i = 0; i < 8; i++) {
		thread_end(th[i]);
		EXPECT_OK(w[i].err);
		EXPECT_EQ(1u, w[i].ended.ran);
	}
	ASSERT_OK(oa_runtime_free(rt));
}

TEST_F(runs, several_at_once)
{
	struct oa_runtime *rt[4];
	int flags[4] = { 0 };

	for (int i = 0; i < 4; i++)
		ASSERT_OK(oa_start(&rt[i], until_told, &flags[i],
				   .workers = variant->workers));
	/* Ended in another order than they were started in. */
	for (int i = 3; i >= 0; i -= 2) {
		TELL(flags[i], 1);
		ASSERT_OK(oa_runtime_wait(rt[i], NULL));
		ASSERT_OK(oa_runtime_free(rt[i]));
	}
	ASSERT_OK(oa_run(nothing, NULL, .workers = variant->workers));
	for (int i = 0; i < 4; i += 2) {
		TELL(flags[i], 1);
		ASSERT_OK(oa_runtime_wait(rt[i], NULL));
		ASSERT_OK(oa_runtime_free(rt[i]));
	}
}

static void *runs_inside(void *arg)
{
	/* This thread is a worker already. */
	EXPECT_ERR(oa_run(nothing, NULL), -EBUSY);
	return arg;
}

TEST_F(runs, a_task_does_not_run_another_runtime)
{
	ASSERT_OK(oa_run(runs_inside, NULL, .workers = variant->workers));
}

static void *nests(void *arg)
{
	struct oa_runtime *rt;

	ASSERT_OK(oa_start(&rt, until_told, arg, .workers = 2));
	EXPECT_ERR(oa_runtime_free(rt), -EBUSY);
	TELL(*(int *)arg, 1);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
	return NULL;
}

TEST_F(runs, a_task_starts_another_runtime)
{
	ASSERT_OK(oa_run(nests, &self->flag, .workers = variant->workers));
}

static void *waits_task(void *rt)
{
	struct oa_ended ended = { 0 };
	int err = oa_runtime_wait(rt, &ended);

	return err ? oa_err(err) : (void *)ended.ran;
}

static void *waits_many(void *arg)
{
	struct oa_runtime *rt;
	struct oa_deadline d;
	oa_task_t t[20];
	void *result;

	ASSERT_OK(oa_start(&rt, until_told, arg, .workers = 1));
	for (int i = 0; i < 20; i++)
		t[i] = oa_spawn(waits_task, rt);
	for (int i = 0; i < 20; i++)
		task_wait_until(task_state(NULL, t[i]) == OA_TASK_PARKED);
	EXPECT_ERR(oa_runtime_wait_until(rt, NULL, oa_after(OA_MSEC)),
		   -ETIMEDOUT);
	OA_WITHIN(&d, OA_MSEC)
		EXPECT_ERR(oa_runtime_wait(rt, NULL), -ETIMEDOUT);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	for (int i = 0; i < 20; i += 2) {
		ASSERT_OK(oa_cancel(t[i]));
		ASSERT_OK(oa_join(t[i], &result));
		EXPECT_ERR(oa_err_code(result), -ECANCELED);
	}
	TELL(*(int *)arg, 1);
	for (int i = 1; i < 20; i += 2) {
		ASSERT_OK(oa_join(t[i], &result));
		EXPECT_EQ((void *)1, result);
	}
	ASSERT_OK(oa_runtime_free(rt));
	return NULL;
}

TEST_F(runs, tasks_wait_for_another_runtime)
{
	ASSERT_OK(oa_run(waits_many, &self->flag,
			 .workers = variant->workers));
}

static void *tell_runtime(void *arg)
{
	TELL(*(struct oa_runtime **)arg, oa_runtime_self());
	oa_sleep(OA_FOREVER);
	return NULL;
}

static void *run_asleep(void *arg)
{
	EXPECT_OK(oa_run(tell_runtime, arg, .workers = 2));
	return NULL;
}

TEST_F(runs, oa_run_waits_by_itself)
{
	struct oa_runtime *rt = NULL;
	pthread_t th;

	thread_start(&th, run_asleep, &rt);
	wait_until(SEEN(rt));
	EXPECT_ERR(oa_runtime_wait(rt, NULL), -EINVAL);
	EXPECT_ERR(oa_runtime_free(rt), -EINVAL);
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_GRACEFUL));
	thread_end(th);
}

static void *waits_for_own(void *arg)
{
	(void)arg;
	return oa_err(oa_runtime_wait(oa_runtime_self(), NULL));
}

static void *asks_own(void *arg)
{
	void *result;

	EXPECT_ERR(oa_runtime_free(oa_runtime_self()), -EBUSY);
	ASSERT_OK(oa_join(oa_spawn(waits_for_own, NULL), &result));
	EXPECT_ERR(oa_err_code(result), -EDEADLK);
	return arg;
}

TEST_F(runs, a_task_does_not_wait_for_its_own_runtime)
{
	struct oa_runtime *rt;

	ASSERT_OK(oa_start(&rt, asks_own, NULL, .workers = variant->workers));
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
}

static void *run_thread(void *arg)
{
	EXPECT_OK(oa_run(leaves_others, arg, .workers = 2));
	return NULL;
}

TEST_F(runs, from_several_threads_at_once)
{
	pthread_t th[4];

	for (int i = 0; i < 4; i++)
		thread_start(&th[i], run_thread, &self->n);
	for (int i = 0; i < 4; i++)
		thread_end(th[i]);
	EXPECT_EQ(400u, self->n);
}

/* Memory hooks: everything that is taken comes back. */

struct books {
	uint64_t allocs, frees, bytes, bad;
	uint64_t reserves, releases, reserved;
};

static void *book_alloc(size_t size, size_t align, void *ctx)
{
	struct books *b = ctx;

	if (!size || align & (align - 1))
		COUNT(b->bad);
	COUNT(b->allocs);
	__atomic_add_fetch(&b->bytes, size, __ATOMIC_RELAXED);
	return aligned_alloc(align, (size + align - 1) & ~(align - 1));
}

static void book_free(void *p, size_t size, void *ctx)
{
	struct books *b = ctx;

	if (!p)
		COUNT(b->bad);
	COUNT(b->frees);
	__atomic_sub_fetch(&b->bytes, size, __ATOMIC_RELAXED);
	free(p);
}

static void *copies(void *arg)
{
	char big[1000];

	memset(big, 7, sizeof(big));
	for (int i = 0; i < 100; i++)
		ASSERT_OK(oa_go(nothing, big, .copy = sizeof(big)));
	return arg;
}

TEST_F(runs, what_the_allocator_gave_comes_back)
{
	struct books b = { 0 };

	ASSERT_OK(oa_run(copies, NULL, .workers = variant->workers,
			 .allocator = { book_alloc, book_free, &b }));
	EXPECT_GE(b.allocs, 100u);
	EXPECT_EQ(b.allocs, b.frees);
	EXPECT_EQ(0u, b.bytes);
	EXPECT_EQ(0u, b.bad);
}

static void *at_rest(void *arg)
{
	struct books *b = arg;
	int fds[2], flag = 0;
	uint64_t before;
	char c = 0;

	ASSERT_EQ(0, pipe(fds));
	for (int round = 0; round < 2; round++) {
		before = SEEN(b->allocs);
		for (int i = 0; i < 500; i++) {
			oa_task_t t = oa_spawn(until_told, &flag);

			TELL(flag, 1);
			ASSERT_OK(oa_join(t, NULL));
			TELL(flag, 0);
			ASSERT_OK(oa_sleep(OA_USEC));
			ASSERT_EQ(1, oa_write(fds[1], &c, 1));
			ASSERT_EQ(1, oa_read(fds[0], &c, 1));
		}
	}
	/* The second time nothing new is needed. */
	EXPECT_EQ(before, SEEN(b->allocs));
	ASSERT_OK(oa_close(fds[0]));
	ASSERT_OK(oa_close(fds[1]));
	return NULL;
}

TEST_F(runs, a_runtime_at_rest_allocates_nothing)
{
	struct books b = { 0 };

	ASSERT_OK(oa_run(at_rest, &b, .workers = variant->workers,
			 .allocator = { book_alloc, book_free, &b }));
	EXPECT_EQ(b.allocs, b.frees);
}

static void *book_reserve(size_t size, size_t align, void *ctx)
{
	struct books *b = ctx;
	void *p = NULL;

	if (posix_memalign(&p, align, size))
		return NULL;
	COUNT(b->reserves);
	__atomic_add_fetch(&b->reserved, size, __ATOMIC_RELAXED);
	return p;
}

static void book_release(void *base, size_t size, void *ctx)
{
	struct books *b = ctx;

	COUNT(b->releases);
	__atomic_sub_fetch(&b->reserved, size, __ATOMIC_RELAXED);
	free(base); /* plain memory again: no guard is left in it */
}

static void *deep_in(void *arg)
{
	volatile char frame[8192];

	memset((char *)frame, 1, sizeof(frame));
	ASSERT_OK(oa_yield());
	return arg;
}

static void *own_sizes(void *arg)
{
	for (int i = 0; i < 20; i++) {
		ASSERT_OK(oa_go(deep_in, NULL));
		ASSERT_OK(oa_join(oa_spawn(deep_in, NULL,
					   .stack_size = 128 << 10), NULL));
	}
	return arg;
}

TEST_F(runs, what_the_stack_hooks_gave_comes_back)
{
	struct books b = { 0 };

	ASSERT_OK(oa_run(own_sizes, NULL, .workers = variant->workers,
			 .stack_size = 64 << 10,
			 .stacks = { book_reserve, book_release, &b }));
	EXPECT_GE(b.reserves, 21u);
	EXPECT_EQ(b.reserves, b.releases);
	EXPECT_EQ(0u, b.reserved);
}

/* Events. */

struct events {
	unsigned int n[OA_EVENT_ABANDON + 1];
	int shutdown_how, drop_err;
	uint64_t workers;	/* a bit for each that started */
	bool late;		/* an event after the end */
};

static void on_event(const struct oa_runtime_event *ev, void *user)
{
	struct events *e = user;

	if (SEEN(e->n[OA_EVENT_END]))
		e->late = true;
	COUNT(e->n[ev->kind]);
	if (ev->kind == OA_EVENT_SHUTDOWN)
		TELL(e->shutdown_how, (int)ev->value);
	if (ev->kind == OA_EVENT_DROP)
		TELL(e->drop_err, (int)ev->value);
	if (ev->kind == OA_EVENT_WORKER_START)
		__atomic_fetch_or(&e->workers, 1ull << ev->worker,
				  __ATOMIC_RELAXED);
}

static void *drops_one(void *arg)
{
	ASSERT_OK(oa_go(nothing, NULL, .delay = 3600 * OA_SEC));
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL));
	return arg;
}

TEST_F(runs, events_of_a_life)
{
	struct events e = { .shutdown_how = -1 };

	ASSERT_OK(oa_run(drops_one, NULL, .workers = variant->workers,
			 .on_event = on_event, .user = &e));
	EXPECT_EQ(1u, e.n[OA_EVENT_START]);
	EXPECT_EQ(variant->workers, e.n[OA_EVENT_WORKER_START]);
	EXPECT_EQ(variant->workers, e.n[OA_EVENT_WORKER_STOP]);
	EXPECT_EQ((1ull << variant->workers) - 1, e.workers);
	EXPECT_EQ(1u, e.n[OA_EVENT_SHUTDOWN]);
	EXPECT_EQ((int)OA_SHUTDOWN_GRACEFUL, e.shutdown_how);
	EXPECT_EQ(1u, e.n[OA_EVENT_DROP]);
	EXPECT_ERR(e.drop_err, -ECANCELED);
	EXPECT_EQ(1u, e.n[OA_EVENT_END]);
	EXPECT_FALSE(e.late);
}

TEST(bad_configurations)
{
	struct oa_config c = OA_CONFIG_INIT;
	struct oa_runtime *rt = NULL;
	int flag = 0;

	EXPECT_ERR(oa_run(NULL, NULL), -EINVAL);
	EXPECT_ERR(oa_start(NULL, tell, &flag), -EINVAL);
	EXPECT_ERR(oa_start(&rt, NULL, NULL), -EINVAL);
	EXPECT_ERR(oa_run(tell, &flag, .stack_size = 1000), -EINVAL);
	EXPECT_ERR(oa_run(tell, &flag, .timer_slack = -1), -EINVAL);
	EXPECT_ERR(oa_run(tell, &flag, .timer_slack = OA_SEC + 1), -EINVAL);
	EXPECT_ERR(oa_run(tell, &flag, .workers = 1u << 20), -EINVAL);
	EXPECT_ERR(oa_run(tell, &flag, .external = true), -EINVAL);
	EXPECT_ERR(oa_run(tell, &flag, .backend = OA_BACKEND_EPOLL), -ENOSYS);
	EXPECT_ERR(oa_run(tell, &flag, .backend = OA_BACKEND_SIM), -ENOSYS);
	EXPECT_ERR(oa_run(tell, &flag, .allocator.alloc = book_alloc),
		   -EINVAL);
	EXPECT_ERR(oa_run(tell, &flag, .stacks.release = book_release),
		   -EINVAL);
	c.size = 0;
	EXPECT_ERR(oa_run_with(tell, &flag, &c), -EINVAL);
	EXPECT_ERR(oa_start_with(&rt, tell, &flag, &c), -EINVAL);
	EXPECT_EQ(0, flag);
	EXPECT_NULL(rt);
	EXPECT_ERR(oa_runtime_wait(NULL, NULL), -EINVAL);
	EXPECT_ERR(oa_runtime_free(NULL), -EINVAL);
}

TEST(plain_forms_and_shorter_structs)
{
	struct oa_config c = OA_CONFIG_INIT;
	struct oa_runtime *rt;
	int flag = 0;

	ASSERT_OK((oa_run)(tell, &flag));
	ASSERT_EQ(1, flag);
	ASSERT_OK(oa_run_with(tell, &flag, NULL));
	ASSERT_OK((oa_start)(&rt, tell, &flag));
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
	/* Of an older program: what lies past its size is not looked at. */
	c.size = offsetof(struct oa_config, pin);
	c.workers = 1;
	c.external = true;
	ASSERT_OK(oa_run_with(tell, &flag, &c));
	/* Of a newer one. */
	c = (struct oa_config)OA_CONFIG_INIT;
	c.size = sizeof(c) + 64;
	struct { struct oa_config c; char more[64]; } newer = { .c = c };

	ASSERT_OK(oa_run_with(tell, &flag, &newer.c));
}

TEST(the_name_of_worker_threads)
{
	ASSERT_OK(oa_run(nothing, NULL, .workers = 2,
			 .name = "a name that is longer than it may be"));
}

static void *my_cpus(void *arg)
{
	cpu_set_t *set = arg;

	ASSERT_EQ(0, sched_getaffinity(0, sizeof(*set), set));
	return NULL;
}

TEST(pinned_workers)
{
	cpu_set_t before, during, after;

	CPU_ZERO(&before);
	CPU_ZERO(&during);
	CPU_ZERO(&after);
	my_cpus(&before);
	ASSERT_OK(oa_run(my_cpus, &during, .workers = 1, .pin = true));
	EXPECT_EQ(1, CPU_COUNT(&during));
	my_cpus(&after);
	EXPECT_TRUE(CPU_EQUAL(&before, &after));
	ASSERT_OK(oa_run(my_cpus, &during, .workers = 8, .pin = true));
	EXPECT_EQ(1, CPU_COUNT(&during));
	my_cpus(&after);
	EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

static void *count_workers(void *arg)
{
	struct oa_stats st = OA_STATS_INIT;

	ASSERT_OK(oa_stats(NULL, &st));
	*(unsigned int *)arg = st.workers;
	return NULL;
}

TEST(as_many_workers_as_processors)
{
	unsigned int n = 0;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(set), &set));
	ASSERT_OK(oa_run(count_workers, &n));
	EXPECT_EQ(1u, n);
	ASSERT_OK(oa_run(count_workers, &n, .workers = 3));
	EXPECT_EQ(3u, n);
}

HARNESS_MAIN
