// SPDX-License-Identifier: MIT
/* fork(): the child has no runtime and may start one; the parent has its own. */
#include "api_test.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

FIXTURE(fork) { struct oa_runtime *rt; int done, up; oa_task_t parked; };
VARIANTS_WORKERS(fork);

typedef struct fork_fixture_data data;

FIXTURE_SETUP(fork)
{
}

FIXTURE_TEARDOWN(fork)
{
}

static void *sleeps(void *arg)
{
	(void)arg;
	return oa_err(oa_sleep(OA_FOREVER));
}

static void *nothing(void *arg)
{
	return arg;
}

static void *keeps(void *arg)
{
	data *s = arg;

	s->parked = oa_spawn(sleeps, NULL, .name = "parked");
	task_wait_until(task_state(NULL, s->parked) == OA_TASK_PARKED);
	TELL(s->up, 1);
	while (!SEEN(s->done))
		ASSERT_OK(oa_sleep(200 * OA_USEC));
	ASSERT_OK(oa_cancel(s->parked));
	ASSERT_OK(oa_join(s->parked, NULL));
	return NULL;
}

/* What a new runtime in a child must be able to do. */
static void *works(void *arg)
{
	oa_task_t t[20];
	void *result;
	int fds[2];
	char c = 'x';

	for (uintptr_t i = 0; i < 20; i++)
		t[i] = oa_spawn(nothing, (void *)i, .name = "child's",
				.delay = i % 3 ? 0 : OA_USEC);
	for (uintptr_t i = 0; i < 20; i++) {
		ASSERT_OK(oa_join(t[i], &result));
		ASSERT_EQ((void *)i, result);
	}
	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(1, oa_write(fds[1], &c, 1));
	ASSERT_EQ(1, oa_read(fds[0], &c, 1));
	ASSERT_OK(oa_close(fds[0]));
	ASSERT_OK(oa_close(fds[1]));
	ASSERT_EQ(1u, count_tasks(NULL));
	*(int *)arg = 1;
	return NULL;
}

/*
 * The address sanitizer takes no locks of its own around a fork: one that a
 * thread holds, such as the watch while it begins, is held for ever in the
 * child. A thread that sleeps holds none.
 */
static bool allocator_forks(void)
{
	return !harness_slow() || !strstr(harness_slow(), "address");
}

static bool may_fork(void)
{
	return allocator_forks() || !harness_nr_others_at_work();
}

static int child_status(pid_t pid)
{
	int status = -1;

	ASSERT_GT(pid, 0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	return status;
}

static int see_nothing(const struct oa_task_info *info, void *arg)
{
	(void)info;
	(void)arg;
	return 0;
}

static void old_calls_are_refused(data *s)
{
	struct oa_stats st = OA_STATS_INIT;
	char name[OA_TASK_NAME_MAX];

	EXPECT_NULL(oa_runtime_self());
	EXPECT_EQ(0ul, oa_self().id);
	EXPECT_NULL(oa_user());
	EXPECT_ERR(oa_yield(), -EPERM);
	EXPECT_ERR(oa_sleep(1), -EPERM);
	EXPECT_ERR(oa_read(0, name, 1), -EPERM);
	EXPECT_ERR(oa_close(1000), -EPERM);
	EXPECT_ERR(oa_cancelled(), -EPERM);
	EXPECT_ERR(oa_worker_id(), -EPERM);
	EXPECT_ERR(oa_go(nothing, NULL), -EPERM);
	EXPECT_ERR(oa_shutdown(s->rt, OA_SHUTDOWN_GRACEFUL), -EPERM);
	EXPECT_ERR(oa_post(s->rt, nothing, NULL, 0), -EPERM);
	EXPECT_ERR(oa_go(nothing, NULL, .runtime = s->rt), -EPERM);
	EXPECT_ERR(oa_task_error(oa_spawn(nothing, NULL, .runtime = s->rt)),
		   -EPERM);
	EXPECT_ERR(oa_stats(s->rt, &st), -EPERM);
	EXPECT_ERR(oa_tasks(s->rt, see_nothing, NULL), -EPERM);
	EXPECT_ERR(oa_dump(s->rt, STDERR_FILENO), -EPERM);
	EXPECT_ERR(oa_runtime_wait(s->rt, NULL), -EPERM);
	EXPECT_ERR(oa_runtime_free(s->rt), -EPERM);
	EXPECT_ERR(oa_cancel(s->parked), -EPERM);
	EXPECT_ERR(oa_join(s->parked, NULL), -EPERM);
	EXPECT_ERR(oa_join_until(s->parked, NULL, 0), -EPERM);
	EXPECT_ERR(oa_detach(s->parked), -EPERM);
}

static void child_works(unsigned int workers)
{
	int ok = 0;
	struct oa_runtime *rt;

	ASSERT_OK(oa_run(works, &ok, .workers = workers));
	ASSERT_EQ(1, ok);
	ASSERT_OK(oa_start(&rt, works, &ok, .workers = workers));
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
}

TEST_F(fork, outside_a_task)
{
	unsigned int fds = harness_nr_fds();
	pid_t pid;

	/* The watch may have a file open just when it forks. */
	ASSERT_OK(oa_start(&self->rt, keeps, self,
			   .workers = variant->workers, .watch = OA_FOREVER));
	dump_runtime = self->rt;
	wait_until(SEEN(self->up));
	for (int i = 0; i < 5; i++) {
		wait_until(may_fork());
		pid = fork();
		if (!pid) {
			/* Rings and doorbells are the parent's alone. */
			EXPECT_EQ(fds, harness_nr_fds());
			old_calls_are_refused(self);
			child_works(variant->workers);
			EXPECT_EQ(fds, harness_nr_fds());
			_exit(0);
		}
		EXPECT_EQ(0, child_status(pid));
	}
	EXPECT_ERR(oa_runtime_wait_until(self->rt, NULL, 0), -ETIMEDOUT);
	TELL(self->done, 1);
	ASSERT_OK(oa_runtime_wait(self->rt, NULL));
	ASSERT_OK(oa_runtime_free(self->rt));
}

/*
 * A mutex that was biased to a worker of the parent, which may be inside: that
 * is put there by hand, for the moment cannot be met.
 */
static struct oa_mutex biased = OA_MUTEX_INIT;

static void bias_mutex(void)
{
	for (unsigned int i = 0; i < 10000; i++) {
		ASSERT_OK(oa_mutex_lock(&biased));
		ASSERT_OK(oa_mutex_unlock(&biased));
	}
	biased.oa__inside = biased.oa__who;
}

static void mutex_is_free(void)
{
	ASSERT_OK(oa_mutex_trylock(&biased));
	ASSERT_OK(oa_mutex_unlock(&biased));
	ASSERT_OK(oa_mutex_destroy(&biased));
}

static void *forks(void *arg)
{
	data *s = arg;
	pid_t pid;
	int status;

	bias_mutex();
	s->rt = oa_runtime_self();
	s->parked = oa_spawn(sleeps, NULL, .name = "parked");
	for (int i = 0; i < 5; i++) {
		task_wait_until(task_state(NULL, s->parked) ==
				OA_TASK_PARKED);
		task_wait_until(may_fork());
		pid = fork();
		if (!pid) {
			old_calls_are_refused(s);
			mutex_is_free();
			/* It goes on with the frames of the task. */
			child_works(2);
			/* The end of the body is the end of the child. */
			return arg;
		}
		status = child_status(pid);
		EXPECT_TRUE(WIFEXITED(status));
		EXPECT_EQ(0, WEXITSTATUS(status));
		/* Undisturbed. */
		ASSERT_OK(oa_sleep(10 * OA_USEC));
		ASSERT_OK(oa_yield());
	}
	ASSERT_OK(oa_cancel(s->parked));
	ASSERT_OK(oa_join(s->parked, NULL));
	return NULL;
}

TEST_F(fork, inside_a_task)
{
	pid_t me = getpid();

	ASSERT_OK(oa_run(forks, self, .workers = variant->workers));
	ASSERT_EQ(me, getpid());
}

static void *forks_on_a_thread(void *arg)
{
	forks(arg);
	return NULL;
}

TEST_F(fork, inside_a_task_on_a_thread_of_the_runtime)
{
	struct oa_runtime *rt;

	ASSERT_OK(oa_start(&rt, forks_on_a_thread, self,
			   .workers = variant->workers));
	dump_runtime = rt;
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
}

/*
 * The child ends where its task ends, whatever that has open: nothing is done of
 * what the end of a task does, nor what exit(3) does.
 */

struct leaver {
	data *s;
	bool exits, on_pool;
	unsigned int *done;		/* shared; by what must be the parent's */
	oa_key_t key;
};

static unsigned int *at_exit;

static void counts_exit(void)
{
	COUNT(*at_exit);
}

static void counts_value(void *counter)
{
	COUNT(*(unsigned int *)counter);
}

static void *counts_run(void *counter)
{
	COUNT(*(unsigned int *)counter);
	return NULL;
}

static void *leaves(void *arg)
{
	struct leaver *l = arg;
	struct oa_scope scope;
	struct oa_job job;
	oa_task_t later = { 0 };
	pid_t pid;
	int status;

	ASSERT_OK(oa_setspecific(l->key, l->done));
	if (l->on_pool) {
		/* Waits for the one place on the pool. */
		later = oa_spawn(counts_run, l->done, .block = true);
	} else {
		ASSERT_OK(oa_scope_open(&scope));
		ASSERT_OK(oa_go(sleeps, NULL, .scope = &scope));
		ASSERT_OK(oa_job_fork(&job, nothing, arg));
		ASSERT_EQ(arg, oa_job_join(&job));
	}
	while (!may_fork())
		ASSERT_OK(oa_yield());
	pid = fork();
	if (!pid) {
		EXPECT_ERR(oa_yield(), -EPERM);
		EXPECT_ERR(oa_sleep(1), -EPERM);
		EXPECT_EQ(0ul, oa_self().id);
		child_works(1);
		if (l->exits)
			oa_exit(NULL);
		return NULL;
	}
	status = child_status(pid);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(0u, SEEN(*l->done));
	if (l->on_pool)
		return (void *)(uintptr_t)later.id;
	ASSERT_OK(oa_scope_cancel(&scope));
	EXPECT_ERR(oa_scope_wait(&scope), -ECANCELED);
	return NULL;
}

static void *leave_both_ways(void *arg)
{
	struct leaver *l = arg;
	oa_task_t t;

	for (int i = 0; i < 4; i++) {
		void *result;

		l->exits = i & 1;
		l->on_pool = i & 2;
		__atomic_store_n(l->done, 0, __ATOMIC_SEQ_CST);
		if (l->on_pool) {
			t.id = (uintptr_t)oa_block(leaves, l);
			ASSERT_OK(oa_join(t, NULL));
			/* Here its end is one, and the other has run. */
			EXPECT_EQ(2u, SEEN(*l->done));
		} else {
			ASSERT_OK(oa_join(oa_spawn(leaves, l), &result));
			EXPECT_EQ(1u, SEEN(*l->done));
		}
	}
	return NULL;
}

TEST_F(fork, the_end_of_the_body_with_things_open)
{
	struct leaver l = { .s = self };

	l.done = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)l.done);
	at_exit = l.done + 1;
	ASSERT_EQ(0, atexit(counts_exit));
	ASSERT_OK(oa_key_create(&l.key, counts_value));
	ASSERT_OK(oa_run(leave_both_ways, &l, .workers = variant->workers,
			 .max_blocking = 1));
	ASSERT_OK(oa_key_delete(l.key));
	EXPECT_EQ(0u, SEEN(*at_exit));
}

/* While the workers are in the midst of everything that takes locks. */

static void *churns(void *arg)
{
	data *s = arg;
	char big[300] = { 0 };

	while (!SEEN(s->done)) {
		oa_task_t t[10];

		for (int i = 0; i < 10; i++)
			t[i] = oa_spawn(nothing, big, .copy = sizeof(big),
					.name = "churn");
		for (int i = 0; i < 10; i++)
			ASSERT_OK(oa_join(t[i], NULL));
		ASSERT_OK(oa_sleep(1));
	}
	return NULL;
}

static void *churns_all(void *arg)
{
	for (int i = 0; i < 8; i++)
		ASSERT_OK(oa_go(churns, arg));
	return NULL;
}

TEST_F(fork, while_the_workers_are_at_it)
{
	if (!allocator_forks())
		SKIP("an allocator that does not know fork(): %s",
		     harness_slow());
	ASSERT_OK(oa_start(&self->rt, churns_all, self,
			   .workers = variant->workers));
	dump_runtime = self->rt;
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (!pid) {
			int ok = 0;

			ASSERT_OK(oa_run(works, &ok, .workers = 2));
			_exit(ok ? 0 : 1);
		}
		EXPECT_EQ(0, child_status(pid));
	}
	TELL(self->done, 1);
	ASSERT_OK(oa_runtime_wait(self->rt, NULL));
	ASSERT_OK(oa_runtime_free(self->rt));
}

/* The watch loads what it needs, and finds out whether it can unwind. */
TEST_F(fork, right_after_the_start)
{
	pid_t pid;

	if (!allocator_forks())
		SKIP("an allocator that does not know fork(): %s",
		     harness_slow());
	for (int i = 0; i < 10; i++) {
		ASSERT_OK(oa_start(&self->rt, nothing, NULL,
				   .workers = variant->workers));
		pid = fork();
		if (!pid) {
			int ok = 0;

			ASSERT_OK(oa_run(works, &ok, .workers = 1));
			_exit(ok ? 0 : 1);
		}
		EXPECT_EQ(0, child_status(pid));
		ASSERT_OK(oa_runtime_wait(self->rt, NULL));
		ASSERT_OK(oa_runtime_free(self->rt));
	}
}

/* Generation upon generation. */
static void descend(int left, unsigned int workers)
{
	pid_t pid;

	child_works(workers);
	if (!left)
		return;
	wait_until(may_fork());
	pid = fork();
	if (!pid) {
		descend(left - 1, workers);
		_exit(0);
	}
	EXPECT_EQ(0, child_status(pid));
	child_works(workers);
}

TEST_F(fork, grandchildren)
{
	descend(4, variant->workers);
}

HARNESS_MAIN
