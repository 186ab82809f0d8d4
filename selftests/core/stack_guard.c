// SPDX-License-Identifier: MIT
/*
 * What is below a stack: a guard of the kernel's kind, one made by mprotect(),
 * or nothing but memory that is looked at.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/fault.h"
#include "selftests/task_test.h"

#define SIZE	(64u << 10)
#define GUARD	(16u << 10)

FIXTURE(guard) { char unused; };
FIXTURE_VARIANT(guard) { int signal; };
FIXTURE_VARIANT_ADD(guard, best) { .signal = SIGSEGV };
FIXTURE_VARIANT_ADD(guard, mprotect, "OA_DISABLE=guard") { .signal = SIGSEGV };
FIXTURE_VARIANT_ADD(guard, none, "OA_FAULT=guard:1+") { .signal = SIGABRT };
FIXTURE_SETUP(guard) { fault_read(); }
FIXTURE_TEARDOWN(guard) { }

/* Goes `left` bytes down the stack, and back. */
static __attribute__((noinline)) int go_down(char *from, size_t left)
{
	volatile char frame[128];
	char *here = __builtin_frame_address(0);

	memset((char *)frame, 0x55, sizeof(frame));
	if ((size_t)(from - here) < left)
		return go_down(from, left) + frame[0];
	return frame[1];
}

static void *too_deep(void *arg)
{
	/* Into the guard wherever the first frame began, and not through it. */
	go_down(__builtin_frame_address(0), SIZE - GUARD + 256);
	oa_yield();
	return arg;
}

static void *start_one(void *arg)
{
	oa_join(oa_spawn(too_deep, NULL, .name = "digger"), NULL);
	return arg;
}

static void *start_own(void *arg)
{
	/* The guard and what shares a stack with the task come on top. */
	oa_join(oa_spawn(too_deep, NULL, .name = "digger",
			 .stack_size = SIZE - (28 << 10)), NULL);
	return arg;
}

/* What a process that runs @fn says, and what it dies of. */
static int death_of(oa_fn fn, uint32_t stack_size, char *said, size_t n)
{
	int fds[2], status;
	size_t len = 0;
	ssize_t got;
	pid_t pid;

	ASSERT_EQ(0, pipe(fds));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		dup2(fds[1], STDERR_FILENO);
		oa_run(fn, NULL, .workers = 1, .stack_size = stack_size);
		_exit(0);
	}
	close(fds[1]);
	while (len < n - 1 && (got = read(fds[0], said + len, n - 1 - len)) > 0)
		len += (size_t)got;
	said[len] = '\0';
	close(fds[0]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST_F(guard, names_the_task_that_overflows)
{
	char said[4096];

	if (harness_slow())
		SKIP("a handler of our own with %s", harness_slow());
	EXPECT_EQ(variant->signal, death_of(start_one, SIZE, said,
					    sizeof(said)));
	EXPECT_NE(NULL, strstr(said, "stack overflow in task \"digger\""));
	EXPECT_EQ(variant->signal, death_of(start_own, 0, said, sizeof(said)));
	EXPECT_NE(NULL, strstr(said, "stack overflow in task \"digger\""));
}

static void *sleeps(void *arg)
{
	/* One may hang in a queue somewhere: its stack, and guard, stays. */
	oa_sleep(arg ? OA_FOREVER : 3600 * OA_SEC);
	return arg;
}

static void *leaves_many(void *arg)
{
	for (int i = 0; i < 1000; i++)
		ASSERT_OK(oa_go(sleeps, i ? NULL : arg));
	/* Each has its stack. */
	ASSERT_OK(oa_yield());
	ASSERT_OK(oa_shutdown(NULL, OA_SHUTDOWN_NOW));
	return arg;
}

/* There are so many by mprotect() in a process. */
TEST_F(guard, are_given_back_by_a_shutdown_at_once, .timeout = 120)
{
	char said[4096];

	if (harness_slow())
		SKIP("a handler of our own with %s", harness_slow());
	for (int i = 0; i < 20; i++)
		oa_run(leaves_many, &i, .workers = 1);
	EXPECT_EQ(variant->signal, death_of(start_one, SIZE, said,
					    sizeof(said)));
}

static void *deep_enough(void *arg)
{
	for (int i = 0; i < 3; i++) {
		go_down(__builtin_frame_address(0), SIZE - GUARD - 8192);
		oa_yield();
	}
	return arg;
}

static void *use_all(void *arg)
{
	for (int i = 0; i < 100; i++)
		ASSERT_OK(oa_go(deep_enough, NULL));
	return arg;
}

TEST_F(guard, lets_a_task_use_all_of_its_stack)
{
	EXPECT_OK(oa_run(use_all, NULL, .workers = 2, .stack_size = SIZE));
}

static void *dirty_reserve(size_t size, size_t align, void *ctx)
{
	void *p = aligned_alloc(align, size);

	(void)ctx;
	return p ? memset(p, 0xaa, size) : NULL;
}

static void dirty_release(void *base, size_t size, void *ctx)
{
	(void)ctx;
	/* All of it is to be writable again. */
	memset(base, 0x55, size);
	free(base);
}

TEST_F(guard, takes_memory_that_is_not_new_and_gives_it_back)
{
	EXPECT_OK(oa_run(use_all, NULL, .workers = 2, .stack_size = SIZE,
			 .stacks = { dirty_reserve, dirty_release, NULL }));
}

#define CROWD 20000u

struct crowd {
	unsigned int n, here;
	unsigned int maps, guards;
};

static void *stand(void *arg)
{
	struct crowd *c = arg;

	c->here++;
	return oa_sleep_until(OA_FOREVER) == -ECANCELED ? NULL : arg;
}

static void count_maps(struct crowd *c)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];

	ASSERT_NE(NULL, f);
	c->maps = c->guards = 0;
	while (fgets(line, sizeof(line), f)) {
		c->maps++;
		c->guards += !!strstr(line, " ---p ");
	}
	fclose(f);
}

static void *gather(void *arg)
{
	static oa_task_t all[CROWD];
	struct crowd *c = arg;
	void *late;

	for (unsigned int i = 0; i < c->n; i++)
		all[i] = oa_spawn(stand, c);
	while (c->here < c->n)
		ASSERT_OK(oa_yield());
	count_maps(c);
	for (unsigned int i = 0; i < c->n; i++) {
		ASSERT_OK(oa_cancel(all[i]));
		ASSERT_OK(oa_join(all[i], &late));
		ASSERT_NULL(late);
	}
	return NULL;
}

/* One worker: the counts are not shared. */
static struct crowd crowd_of(unsigned int n)
{
	struct crowd c = { .n = n };

	ASSERT_OK(oa_run(gather, &c, .workers = 1, .stack_size = SIZE));
	return c;
}

TEST(leaves_the_process_most_of_its_mappings, .timeout = 120)
{
	struct crowd c;

	ASSERT_EQ(0, setenv("OA_DISABLE", "guard", 1));
	c = crowd_of(CROWD);
	EXPECT_GT(c.guards, 10000u);
	EXPECT_LT(c.maps, 40000u);
	/* What they took is free again. */
	c = crowd_of(CROWD / 2);
	EXPECT_GE(c.guards, CROWD / 2);
}

HARNESS_MAIN
