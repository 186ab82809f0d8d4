// SPDX-License-Identifier: MIT
/*
 * Positions of files: one has it at a time, in the order in which they came;
 * who gives up is passed over; what a runtime leaves behind holds up nobody.
 */
#include "core/position.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fd.h"
#include "selftests/api/api_test.h"

#define FILE_A	((uint64_t)7)
#define FILE_B	(FILE_A + 64)		/* in the same bucket */

FIXTURE(position) {
	struct oa_event go;
	unsigned int inside, passed, order[64];
	int up;
};
VARIANTS_WORKERS(position);

typedef struct position_fixture_data data;

FIXTURE_SETUP(position)
{
}

FIXTURE_TEARDOWN(position)
{
}

#define POSITION_TEST(name) \
	TASK_TEST_F(position, name, .workers = variant->workers, \
		    .max_blocking = 4)

static void *uses_it(void *arg)
{
	data *s = arg;
	struct position p;

	for (int i = 0; i < 300; i++) {
		ASSERT_OK(position_enter(&p, FILE_A, 0));
		ASSERT_EQ(1u, COUNT(s->inside));
		if (i % 3 == 0 && oa_worker_id() >= 0)
			ASSERT_OK(oa_yield());
		__atomic_fetch_sub(&s->inside, 1, __ATOMIC_SEQ_CST);
		position_leave(&p);
	}
	return NULL;
}

POSITION_TEST(one_at_a_time)
{
	oa_task_t t[10];

	for (int i = 0; i < 10; i++)
		t[i] = oa_spawn(uses_it, self, .block = i % 4 == 3);
	for (int i = 0; i < 10; i++)
		ASSERT_OK(oa_join(t[i], NULL));
}

static void *waits_for_it(void *arg)
{
	data *s = arg;
	struct position p;
	int err = position_enter(&p, FILE_A, 0);

	if (err)
		return oa_err(err);
	s->passed++;
	position_leave(&p);
	return NULL;
}

static int code_of(oa_task_t t)
{
	void *result;

	ASSERT_OK(oa_join(t, &result));
	return oa_err_code(result);
}

static oa_task_t waiter_of(data *s, oa_time_t timeout)
{
	oa_task_t t = oa_spawn(waits_for_it, s, .timeout = timeout);

	/* Or it is late already. */
	task_wait_until(task_state(NULL, t) == OA_TASK_PARKED ||
			(timeout && task_state(NULL, t) == OA_TASK_ENDED));
	return t;
}

POSITION_TEST(who_gives_up_is_passed_over)
{
	struct position p, other;
	oa_task_t t[5];

	ASSERT_OK(position_enter(&p, FILE_A, 0));
	/* Another file is free, wherever it is looked for. */
	ASSERT_OK(position_enter(&other, FILE_B, 0));
	for (int i = 0; i < 5; i++)
		t[i] = waiter_of(self, i == 2 ? 2 * OA_MSEC : 0);
	ASSERT_OK(oa_cancel(t[0]));
	ASSERT_OK(oa_cancel(t[4]));
	EXPECT_ERR(code_of(t[0]), -ECANCELED);
	EXPECT_ERR(code_of(t[4]), -ECANCELED);
	EXPECT_ERR(code_of(t[2]), -ETIMEDOUT);
	EXPECT_EQ(0u, SEEN(self->passed));
	t[4] = waiter_of(self, 0);
	position_leave(&p);
	EXPECT_OK(code_of(t[1]));
	EXPECT_OK(code_of(t[3]));
	EXPECT_OK(code_of(t[4]));
	EXPECT_EQ(3u, self->passed);
	position_leave(&other);
}

/* A number that is given away when its turn has come, before it is used. */

struct entrant {
	int fd;
	data *s;
};

static void *enters_by(void *arg)
{
	struct entrant *e = arg;
	struct position p;

	ASSERT_OK(position_enter(&p, FILE_A, e->fd));
	e->s->passed++;
	position_leave(&p);
	return NULL;
}

TASK_TEST_F(position, a_number_that_is_anothers_by_then, .workers = 1)
{
	struct entrant e[2] = { { -1, self }, { -1, self } };
	struct position p, q;
	int fd[3], other;
	oa_task_t t[2];

	fd[0] = memfd_create("it", MFD_CLOEXEC);
	other = memfd_create("other", MFD_CLOEXEC);
	for (int i = 1; i < 3; i++)
		fd[i] = dup(fd[0]);
	ASSERT_EQ(1, oa_pwrite(fd[1], "x", 1, 0));
	ASSERT_OK(position_enter(&p, FILE_A, fd[0]));
	for (int i = 0; i < 2; i++) {
		e[i].fd = fd[1 - i];
		t[i] = oa_spawn(enters_by, &e[i]);
		task_wait_until(task_state(NULL, t[i]) == OA_TASK_PARKED);
	}
	/* The first has it, and has not run. */
	position_leave(&p);
	ASSERT_EQ(fd[1], dup2(other, fd[1]));
	fd_opened(fd[1]);
	EXPECT_FALSE(position_tryenter(&q, FILE_A, fd[2]));
	for (int i = 0; i < 2; i++)
		EXPECT_OK(code_of(t[i]));
	EXPECT_EQ(2u, self->passed);
	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_close(fd[i]));
	ASSERT_OK(oa_close(other));
}

static void *holds_it(void *arg)
{
	data *s = arg;
	struct position p;

	ASSERT_OK(position_enter(&p, FILE_A, 0));
	COUNT(s->up);
	oa_sleep(OA_FOREVER);
	return arg;
}

static void *waits_behind(void *arg)
{
	data *s = arg;

	COUNT(s->up);
	return waits_for_it(arg);
}

static void *is_left(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_go(holds_it, s));
	task_wait_until(SEEN(s->up) == 1);
	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_go(waits_behind, s));
	task_wait_until(SEEN(s->up) == 4);
	oa_sleep(OA_FOREVER);
	return NULL;
}

/* By a runtime that ends at once, to one of another. */
POSITION_TEST(is_handed_on_by_who_is_left)
{
	struct oa_runtime *rt;
	oa_task_t t;

	ASSERT_OK(oa_start(&rt, is_left, self, .workers = variant->workers));
	task_wait_until(SEEN(self->up) == 4);
	t = waiter_of(self, 0);
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_NOW));
	EXPECT_OK(code_of(t));
	EXPECT_EQ(1u, self->passed);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
	EXPECT_OK(code_of(oa_spawn(waits_for_it, self)));
}

static void *sleeps_with_it(void *arg)
{
	data *s = arg;
	struct position p;

	ASSERT_OK(position_enter(&p, FILE_A, 0));
	COUNT(s->up);
	/* Told by way of what it waits for, and does not come back. */
	oa_sleep(OA_FOREVER);
	position_leave(&p);
	return NULL;
}

static void *is_left_on_the_pool(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_go(sleeps_with_it, s, .block = true));
	task_wait_until(SEEN(s->up) == 1);
	ASSERT_OK(oa_go(waits_behind, s, .block = true));
	task_wait_until(SEEN(s->up) == 2);
	oa_sleep(OA_FOREVER);
	return NULL;
}

POSITION_TEST(is_given_up_on_the_pool)
{
	struct oa_runtime *rt;

	ASSERT_OK(oa_start(&rt, is_left_on_the_pool, self,
			   .workers = variant->workers, .max_blocking = 2,
			   NOTES_LEFT));
	task_wait_until(SEEN(self->up) == 2);
	ASSERT_OK(oa_shutdown(rt, OA_SHUTDOWN_NOW));
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	EXPECT_OK(code_of(oa_spawn(waits_for_it, self)));
	ASSERT_OK(oa_runtime_free(rt));
	skip_if_any_left();
}

static void *forks(void *arg)
{
	struct position p;
	int status;
	pid_t pid;

	ASSERT_OK(position_enter(&p, FILE_A, 0));
	pid = fork();
	if (!pid) {
		int err = oa_run(waits_for_it, arg, .workers = 1);

		_exit(err ? 1 : 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	position_leave(&p);
	return arg;
}

TEST_F(position, is_free_in_a_child)
{
	if (harness_slow())
		SKIP("fork() with %s", harness_slow());
	ASSERT_OK(oa_run(forks, self, .workers = variant->workers));
}

HARNESS_MAIN
