// SPDX-License-Identifier: MIT
/*
 * Requests that hold a thread of the kernel's while they wait: splices, and on
 * kernels that cannot ask a pipe without waiting (6.1) its readers, once there
 * was something. However many they are, none keeps another from its end.
 */
#include <unistd.h>

#include "selftests/task_test.h"

#define MANY	200

#define SEEN(x)		__atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define COUNT(x)	__atomic_add_fetch(&(x), 1, __ATOMIC_ACQ_REL)

struct wait {
	int in[2], out[2];
	unsigned int started, done;
};

static void *splice_one(void *arg)
{
	struct wait *w = arg;

	COUNT(w->started);
	ASSERT_EQ(1, oa_splice(w->in[0], NULL, w->out[1], NULL, 10, 0));
	COUNT(w->done);
	return NULL;
}

static void *read_one(void *arg)
{
	struct wait *w = arg;
	char c;

	COUNT(w->started);
	ASSERT_EQ(1, oa_read(w->in[0], &c, 1));
	COUNT(w->done);
	return NULL;
}

static void close_both(int fds[2])
{
	ASSERT_EQ(0, close(fds[0]));
	ASSERT_EQ(0, close(fds[1]));
}

/* The last of many gets something, the others nothing. */
TASK_TEST(splices_from_empty_pipes_hold_up_no_other, .workers = 1)
{
	static struct wait all[MANY];
	struct wait *last = &all[MANY - 1];

	for (int i = 0; i < MANY; i++) {
		ASSERT_EQ(0, pipe(all[i].in));
		ASSERT_EQ(0, pipe(all[i].out));
		ASSERT_OK(oa_go(splice_one, &all[i]));
		task_wait_until(SEEN(all[i].started));
	}
	ASSERT_EQ(1, write(last->in[1], "x", 1));
	task_wait_until(SEEN(last->done));
	for (int i = 0; i < MANY - 1; i++)
		ASSERT_EQ(1, write(all[i].in[1], "x", 1));
	for (int i = 0; i < MANY; i++) {
		task_wait_until(SEEN(all[i].done));
		close_both(all[i].in);
		close_both(all[i].out);
	}
}

/* All but one of them find nothing. */
TASK_TEST(readers_of_one_pipe_hold_up_no_other, .workers = 1)
{
	static struct wait same, other;

	ASSERT_EQ(0, pipe(same.in));
	ASSERT_EQ(0, pipe(other.in));
	for (int i = 0; i < MANY; i++)
		ASSERT_OK(oa_go(read_one, &same));
	task_wait_until(SEEN(same.started) == MANY);
	ASSERT_EQ(1, write(same.in[1], "x", 1));
	task_wait_until(SEEN(same.done) == 1);
	ASSERT_OK(oa_go(read_one, &other));
	task_wait_until(SEEN(other.started));
	ASSERT_EQ(1, write(other.in[1], "x", 1));
	task_wait_until(SEEN(other.done));
	for (int i = 1; i < MANY; i++)
		ASSERT_EQ(1, write(same.in[1], "x", 1));
	task_wait_until(SEEN(same.done) == MANY);
	close_both(same.in);
	close_both(other.in);
}

HARNESS_MAIN
