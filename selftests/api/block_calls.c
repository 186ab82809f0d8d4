// SPDX-License-Identifier: MIT
/* What a task on the blocking pool may do, and what oa_block() gives. */
#include "actors.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

FIXTURE(block) {
	int fds[2], flag;
	bool early;
	unsigned int n, dropped;
	struct oa_event event;
	struct oa_sem sem;
	struct oa_mutex mutex;
	oa_task_t t;
};
VARIANTS_WORKERS(block);

typedef struct block_fixture_data data;

FIXTURE_SETUP(block)
{
	ASSERT_EQ(0, pipe(self->fds));
}

FIXTURE_TEARDOWN(block)
{
	close(self->fds[0]);
	close(self->fds[1]);
}

static long tid(void)
{
	return syscall(SYS_gettid);
}

static void *echo(void *arg)
{
	return arg;
}

static void *on_the_pool(void *arg)
{
	EXPECT_ERR(oa_runtime_wait_until(oa_runtime_self(), NULL, 0),
		   -EDEADLK);
	EXPECT_ERR(oa_worker_id(), -EPERM);
	return (char *)arg + 1;
}

TASK_TEST_F(block, a_result, .workers = variant->workers)
{
	for (uintptr_t i = 0; i < 100; i++) {
		EXPECT_EQ((void *)(i + 1), oa_block(on_the_pool, (void *)i));
		EXPECT_GE(oa_worker_id(), 0);
	}
	for (uintptr_t i = 0; i < 100; i++)
		EXPECT_EQ((int)i + 1, join_code(oa_spawn(on_the_pool,
					(void *)i, .block = true)));
	EXPECT_EQ(oa_err(-EIO), oa_block(echo, oa_err(-EIO)));
	EXPECT_EQ(oa_err(-EINVAL), oa_block(NULL, NULL));
	/* Nothing is left of them. */
	EXPECT_EQ(1u, count_tasks(NULL));
}

TEST_F(block, outside_a_task)
{
	EXPECT_EQ(oa_err(-EPERM), oa_block(echo, self));
	EXPECT_EQ(oa_err(-EPERM), oa_block(NULL, NULL));
}

static void *blocks_in_a_thread(void *arg)
{
	return oa_block(echo, arg);
}

TASK_TEST_F(block, from_a_foreign_thread, .workers = variant->workers)
{
	struct actor a;

	actor_start(&a, WHO_THREAD, 0, blocks_in_a_thread, self);
	EXPECT_EQ(oa_err(-EPERM), actor_end(&a));
}

/* The thread is another, and not that of any worker. */

static void *tell_tid(void *arg)
{
	(void)arg;
	return as_result(tid());
}

TASK_TEST_F(block, on_a_thread_of_its_own, .workers = variant->workers)
{
	for (unsigned int i = 0; i < 2 * variant->workers; i++) {
		long there = (long)(intptr_t)oa_block(tell_tid, NULL);
		long worker = join_code(oa_spawn(tell_tid, NULL, .worker =
				OA_WORKER((int)(i % variant->workers))));

		EXPECT_NE(worker, there);
		EXPECT_NE(tid(), there);
	}
}

/* A call that blocks holds up nobody else. */

static void *reads(void *arg)
{
	data *d = arg;
	char c = 0;

	return as_result(read(d->fds[0], &c, 1) == 1 ? c : -errno);
}

static void *writes_later(void *arg)
{
	data *d = arg;

	for (int i = 0; i < 20; i++)
		ASSERT_OK(oa_yield());
	ASSERT_OK(oa_sleep(OA_MSEC));
	ASSERT_EQ(1, write(d->fds[1], "k", 1));
	return NULL;
}

TASK_TEST_F(block, a_call_that_blocks, .workers = variant->workers)
{
	for (int i = 0; i < 10; i++) {
		oa_task_t t = oa_spawn(writes_later, self);

		EXPECT_EQ((void *)'k', oa_block(reads, self));
		ASSERT_OK(oa_join(t, NULL));
	}
}

/* Calls within calls stay where they are. */

static void *nested(void *arg)
{
	data *d = arg;
	long here = tid();

	if (COUNT(d->n) < 5)
		EXPECT_EQ((void *)here, oa_block(nested, d));
	EXPECT_EQ((void *)here, oa_block(tell_tid, NULL));
	EXPECT_EQ(oa_err(-EINVAL), oa_block(NULL, NULL));
	return (void *)here;
}

TASK_TEST_F(block, nested, .workers = variant->workers, .max_blocking = 1)
{
	ASSERT_NE(NULL, oa_block(nested, self));
	EXPECT_EQ(5u, self->n);
}

/* Who it is. */

static void *knows_itself(void *arg)
{
	data *d = arg;
	char name[OA_TASK_NAME_MAX];

	d->t = oa_self();
	EXPECT_NE(0u, d->t.id);
	EXPECT_NULL(*oa_user());
	*oa_user() = d;
	EXPECT_EQ((void *)d, *oa_user());
	EXPECT_EQ(0, oa_cancelled());
	EXPECT_NOT_NULL(oa_runtime_self());
	EXPECT_ERR(oa_worker_id(), -EPERM);
	EXPECT_OK(oa_yield());
	EXPECT_OK(oa_yield_point());
	EXPECT_GT(oa_now(), 0);
	EXPECT_EQ(4, oa_task_name(oa_self(), name, sizeof(name)));
	EXPECT_STREQ("pool", name);
	EXPECT_EQ(OA_TASK_RUNNING, task_state(NULL, oa_self()));
	EXPECT_ERR(oa_join(oa_self(), NULL), -EDEADLK);
	return NULL;
}

TASK_TEST_F(block, knows_itself, .workers = variant->workers)
{
	oa_task_t t = oa_spawn(knows_itself, self, .block = true,
			       .name = "pool");

	ASSERT_OK(oa_join(t, NULL));
	EXPECT_EQ(t.id, self->t.id);
	EXPECT_NULL(*oa_user());
}

/* It starts and joins tasks, on workers and on the pool. */

static void *tell_worker(void *arg)
{
	(void)arg;
	return as_result(oa_worker_id());
}

static void *counts(void *arg)
{
	COUNT(((data *)arg)->n);
	return NULL;
}

static void *spawns(void *arg)
{
	data *d = arg;
	oa_task_t t[20];

	for (int i = 0; i < 20; i++)
		t[i] = oa_spawn(tell_worker, NULL, .block = i % 4 == 3);
	for (int i = 0; i < 20; i++) {
		int w = join_code(t[i]);

		if (i % 4 == 3)
			EXPECT_ERR(w, -EPERM);
		else
			EXPECT_GE(w, 0);
	}
	for (int i = 0; i < 20; i++)
		ASSERT_OK(oa_go(counts, d, .delay = i % 2));
	t[0] = oa_spawn(counts, d, .delay = OA_FOREVER / 2);
	EXPECT_ERR(oa_join_until(t[0], NULL, 1), -ETIMEDOUT);
	ASSERT_OK(oa_cancel(t[0]));
	EXPECT_ERR(join_code(t[0]), -ECANCELED);
	actor_wait_until(SEEN(d->n) == 20);
	return NULL;
}

TASK_TEST_F(block, starts_and_joins, .workers = variant->workers,
	    .max_blocking = 2)
{
	struct actor a;

	actor_start(&a, WHO_POOL, 0, spawns, self);
	actor_end(&a);
	task_wait_until(count_tasks(NULL) <= 2);
}

/* Its calls of input and output are the system's. */

static void *io(void *arg)
{
	data *d = arg;
	struct pollfd p = { .fd = d->fds[0], .events = POLLIN };
	char buf[4] = "";
	int fd;

	EXPECT_EQ(0, oa_poll(&p, 1, 0));
	EXPECT_EQ(3, oa_write(d->fds[1], "abc", 3));
	EXPECT_EQ(1, oa_poll(&p, 1, -1));
	EXPECT_EQ(3, oa_read(d->fds[0], buf, 3));
	EXPECT_STREQ("abc", buf);
	fd = oa_openat(AT_FDCWD, "/dev/null", O_WRONLY | O_CLOEXEC);
	EXPECT_GE(fd, 0);
	EXPECT_EQ(2, oa_write(fd, "ab", 2));
	EXPECT_OK(oa_close(fd));
	EXPECT_ERR(oa_write(-1, "ab", 2), -EBADF);
	EXPECT_ERR(oa_read(-1, buf, 2), -EBADF);
	EXPECT_ERR(oa_openat(AT_FDCWD, "/no/such/thing", O_RDONLY), -ENOENT);
	fd = oa_socket(AF_UNIX, SOCK_STREAM, 0);
	EXPECT_GE(fd, 0);
	EXPECT_ERR(oa_send(fd, "x", 1, 0), -ENOTCONN);
	EXPECT_OK(oa_close(fd));
	return NULL;
}

TASK_TEST_F(block, input_and_output, .workers = variant->workers)
{
	ASSERT_NULL(oa_block(io, self));
}

static void *sleeps(void *arg)
{
	oa_time_t before = oa_now();

	(void)arg;
	EXPECT_OK(oa_sleep(2 * OA_MSEC));
	EXPECT_GE(oa_now(), before + 2 * OA_MSEC);
	EXPECT_OK(oa_sleep_until(oa_after(OA_MSEC)));
	EXPECT_OK(oa_sleep(0));
	return NULL;
}

TASK_TEST_F(block, sleep, .workers = variant->workers)
{
	ASSERT_NULL(oa_block(sleeps, NULL));
}

static void *deep(void *arg)
{
	volatile char page[4096];
	uintptr_t n = (uintptr_t)arg;

	memset((char *)page, (int)n, sizeof(page));
	if (n)
		deep((void *)(n - 1));
	return as_result(page[n % 4096] == (char)n);
}

/* More stack than a task has. */
TASK_TEST_F(block, a_thread_s_stack, .workers = variant->workers,
	    .stack_size = 32 << 10)
{
	EXPECT_EQ((void *)1, oa_block(deep, (void *)100));
}

/* oa_exit(), from any depth. */

static void exits_below(int depth)
{
	static int always = 1;
	volatile char some[3000];

	some[depth] = 1;
	if (depth)
		exits_below(depth - 1);
	else if (SEEN(always))
		oa_exit(as_result(77));
	EXPECT_EQ(1, some[depth]);
}

static void *exits(void *arg)
{
	exits_below(*(int *)arg);
	FAIL("oa_exit() came back");
}

TASK_TEST_F(block, an_exit, .workers = variant->workers)
{
	for (int i = 0; i < 20; i++) {
		int depth = i % 4;

		if (i % 2)
			EXPECT_EQ((void *)77, oa_block(exits, &depth));
		else
			EXPECT_EQ(77, join_code(oa_spawn(exits, &depth,
							 .block = true)));
	}
	/* The threads are good for more. */
	EXPECT_EQ((void *)self, oa_block(echo, self));
}

static void *exits_nested(void *arg)
{
	oa_block(exits, arg);
	FAIL("oa_exit() came back");
}

TASK_TEST_F(block, an_exit_in_a_nested_call, .workers = variant->workers)
{
	int depth = 2;

	EXPECT_EQ((void *)77, oa_block(exits_nested, &depth));
}

/* Cancelled while it waits. */

static void *waits_in(void *arg)
{
	data *d = arg;
	int err;

	if (!d->early)
		EXPECT_EQ(0, oa_cancelled());
	COUNT(d->n);
	err = oa_event_wait(&d->event);
	EXPECT_EQ(err == -ECANCELED, oa_cancelled());
	if (oa_cancelled()) {
		EXPECT_ERR(oa_sem_wait(&d->sem), -ECANCELED);
		EXPECT_ERR(oa_sleep(OA_FOREVER), -ECANCELED);
		/* This one does not ask. */
		EXPECT_OK(oa_mutex_lock(&d->mutex));
		EXPECT_OK(oa_mutex_unlock(&d->mutex));
	}
	return as_result(err);
}

TASK_TEST_F(block, cancelled, .workers = variant->workers)
{
	for (int i = 0; i < 20; i++) {
		oa_task_t t = oa_spawn(waits_in, self, .block = true);

		if (i % 2)
			task_wait_until(SYNC(event, &self->event, waiters));
		else
			task_wait_until(SEEN(self->n) == (unsigned int)i + 1);
		ASSERT_OK(oa_cancel(t));
		EXPECT_ERR(join_code(t), -ECANCELED);
	}
}

static void *blocks(void *arg)
{
	return oa_block(waits_in, arg);
}

/* Who waits for it is cancelled: it is, too, and is waited for. */
TASK_TEST_F(block, its_caller_cancelled, .workers = variant->workers)
{
	for (int i = 0; i < 20; i++) {
		oa_task_t t = oa_spawn(blocks, self);

		task_wait_until(SYNC(event, &self->event, waiters) == 1);
		ASSERT_OK(oa_cancel(t));
		EXPECT_ERR(join_code(t), -ECANCELED);
		EXPECT_EQ(0u, SYNC(event, &self->event, waiters));
	}
	EXPECT_EQ(20u, self->n);
}

static void *ignores_cancel(void *arg)
{
	data *d = arg;

	TELL(d->flag, 1);
	while (!oa_cancelled())
		sched_yield();
	/* It goes on all the same. */
	for (int i = 0; i < 100; i++)
		sched_yield();
	TELL(d->flag, 2);
	return d;
}

static void *blocks_and_sees(void *arg)
{
	data *d = arg;

	EXPECT_EQ(arg, oa_block(ignores_cancel, arg));
	EXPECT_EQ(2, SEEN(d->flag));
	EXPECT_EQ(1, oa_cancelled());
	/* From now on it is refused. */
	EXPECT_EQ(oa_err(-ECANCELED), oa_block(echo, arg));
	return NULL;
}

TASK_TEST_F(block, a_result_in_spite_of_a_cancel, .workers = variant->workers)
{
	oa_task_t t = oa_spawn(blocks_and_sees, self);

	task_wait_until(SEEN(self->flag) == 1);
	ASSERT_OK(oa_cancel(t));
	ASSERT_OK(oa_join(t, NULL));
}

static void count_drop(void *arg)
{
	COUNT(((data *)arg)->dropped);
}

/* Cancelled before there is a place for it. */
TASK_TEST_F(block, cancelled_before_its_turn, .workers = variant->workers,
	    .max_blocking = 1)
{
	oa_task_t first = oa_spawn(waits_in, self, .block = true), t[10], u;

	task_wait_until(SYNC(event, &self->event, waiters) == 1);
	for (int i = 0; i < 10; i++)
		t[i] = oa_spawn(counts, self, .block = true,
				.on_drop = count_drop);
	u = oa_spawn(blocks, self);
	until_state(t[9], OA_TASK_WAITING);
	until_state(u, OA_TASK_PARKED);
	for (int i = 0; i < 10; i += 2) {
		ASSERT_OK(oa_cancel(t[i]));
		EXPECT_ERR(join_code(t[i]), -ECANCELED);
	}
	ASSERT_OK(oa_cancel(u));
	EXPECT_ERR(join_code(u), -ECANCELED);
	EXPECT_EQ(5u, self->dropped);
	EXPECT_EQ(1u, self->n);
	ASSERT_OK(oa_event_set(&self->event));
	EXPECT_OK(join_code(first));
	for (int i = 1; i < 10; i += 2)
		EXPECT_OK(join_code(t[i]));
	EXPECT_EQ(6u, self->n);
}

/* Deadlines over a stretch of code hold there as well. */

static void *within(void *arg)
{
	data *d = arg;
	struct oa_deadline dl;

	OA_WITHIN(&dl, 2 * OA_MSEC) {
		EXPECT_ERR(oa_event_wait(&d->event), -ETIMEDOUT);
		EXPECT_ERR(oa_sem_wait(&d->sem), -ETIMEDOUT);
	}
	EXPECT_EQ(1, oa_deadline_fired(&dl));
	EXPECT_ERR(oa_event_wait_until(&d->event, oa_after(OA_MSEC)),
		   -ETIMEDOUT);
	return NULL;
}

TASK_TEST_F(block, deadlines, .workers = variant->workers)
{
	ASSERT_NULL(oa_block(within, self));
}

/* A deadline around the call cancels what it runs, not the caller. */
TASK_TEST_F(block, a_deadline_around_it, .workers = variant->workers,
	    .max_blocking = 1)
{
	struct oa_deadline dl;
	oa_task_t t;

	/* It may come before the thread does. */
	self->early = true;
	OA_WITHIN(&dl, 5 * OA_MSEC)
		EXPECT_EQ(oa_err(-ETIMEDOUT), oa_block(waits_in, self));
	self->early = false;
	EXPECT_EQ(1, oa_deadline_fired(&dl));
	EXPECT_EQ(0, oa_cancelled());
	EXPECT_EQ(0u, SYNC(event, &self->event, waiters));
	/* Over before there is a place: it never runs. */
	self->n = 0;
	t = oa_spawn(waits_in, self, .block = true);
	task_wait_until(SEEN(self->n) == 1);
	OA_WITHIN(&dl, 2 * OA_MSEC)
		EXPECT_EQ(oa_err(-ETIMEDOUT), oa_block(waits_in, self));
	EXPECT_EQ(1, oa_deadline_fired(&dl));
	OA_WITHIN(&dl, 0)
		EXPECT_EQ(oa_err(-ETIMEDOUT), oa_block(waits_in, self));
	ASSERT_OK(oa_event_set(&self->event));
	EXPECT_OK(join_code(t));
	EXPECT_EQ(1u, self->n);
}

/* Detached ones; many of them, from all over. */

static void *goes_and_blocks(void *arg)
{
	data *d = arg;

	for (int i = 0; i < 5; i++) {
		ASSERT_OK(oa_go(counts, d, .block = true));
		EXPECT_NULL(oa_block(counts, d));
	}
	return NULL;
}

TASK_TEST_F(block, many, .workers = variant->workers)
{
	oa_task_t t[50];

	for (int i = 0; i < 50; i++)
		t[i] = oa_spawn(goes_and_blocks, self, .block = i % 10 == 9);
	for (int i = 0; i < 50; i++)
		ASSERT_OK(oa_join(t[i], NULL));
	task_wait_until(SEEN(self->n) == 500);
	task_wait_until(count_tasks(NULL) == 1);
}

/* The argument is copied, and given back if it never runs. */

static void *checks(void *arg)
{
	int *x = arg;

	for (int i = 0; i < 50; i++)
		ASSERT_EQ(i * 9, x[i]);
	return NULL;
}

TASK_TEST_F(block, a_copy, .workers = variant->workers)
{
	int x[50];
	oa_task_t t[10];

	for (int k = 0; k < 10; k++) {
		for (int i = 0; i < 50; i++)
			x[i] = i * 9;
		t[k] = oa_spawn(checks, x, .copy = sizeof(x), .block = true);
		memset(x, 0, sizeof(x));
	}
	for (int k = 0; k < 10; k++)
		EXPECT_OK(join_code(t[k]));
}

HARNESS_MAIN
