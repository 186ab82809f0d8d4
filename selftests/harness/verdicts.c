// SPDX-License-Identifier: MIT
/* Whatever goes wrong in a test, wherever, is reported as its failure. */
#include "inner.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#define harness_add_test inner_add_test

TEST(inner_passes)
{
	struct { unsigned int bits : 3; } s = { 5 };
	const char *null = NULL;
	_Atomic int atomic = 3;
	char array[] = "abc";
	size_t size = 3;

	EXPECT_EQ(3, size);
	EXPECT_EQ(atomic, 3);
	EXPECT_EQ(s.bits, 5);
	EXPECT_LT(-1, size);
	EXPECT_GT(size, -1);
	EXPECT_NE(-1, UINT64_MAX);
	EXPECT_LE(INT64_MIN, 0);
	EXPECT_LT(1.5, size);
	EXPECT_NE(__builtin_nan(""), __builtin_nan(""));
	EXPECT_NOT_NULL(array);
	EXPECT_NULL(null);
	EXPECT_STREQ(null, null);
	EXPECT_STRNE(array, null);
	EXPECT_MEMEQ(array, "abc", size);
	EXPECT_ERR(-EBADF, -EBADF);
	if (size)
		EXPECT_OK(0);
	else
		FAIL("an assertion is one statement");
}

TEST(inner_values)
{
	void *nothing = NULL;
	unsigned int count = 7;
	int result = -ETIMEDOUT;

	EXPECT_EQ(count, 8);
	EXPECT_OK(result);
	EXPECT_ERR(result, -ECANCELED);
	EXPECT_STREQ("one\n", "two");
	EXPECT_MEMEQ("one", "onf", 3);
	EXPECT_NE(nothing, NULL);
	EXPECT_TRUE(count > 8);
	EXPECT_LT(2.5, count - 6);
}

TEST(inner_many)
{
	for (int i = 0; i < 1000; i++)
		EXPECT_EQ(i, -1);
}

TEST(inner_assert_ends)
{
	ASSERT_EQ(1, 2);
	puts("went on");
}

TEST(inner_fail)
{
	FAIL("number %d", 5);
}

static void *asserts(void *arg)
{
	ASSERT_EQ(arg, NULL);
	return arg;
}

static void *expects(void *arg)
{
	EXPECT_EQ(arg, NULL);
	return arg;
}

static void run_thread(void *(*fn)(void *))
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, fn, (void *)8));
	pthread_join(thread, NULL);
	puts("went on");
}

TEST(inner_assert_thread)
{
	run_thread(asserts);
}

TEST(inner_expect_thread)
{
	run_thread(expects);
}

static pthread_barrier_t start;

static void *asserts_together(void *arg)
{
	pthread_barrier_wait(&start);
	return asserts(arg);
}

TEST(inner_first_wins)
{
	pthread_t thread;

	pthread_barrier_init(&start, NULL, 8);
	for (int i = 0; i < 7; i++)
		pthread_create(&thread, NULL, asserts_together, (void *)8);
	asserts_together((void *)8);
}

static ucontext_t here, there;

static void asserts_there(void)
{
	ASSERT_EQ(1, 2);
}

TEST(inner_other_stack)
{
	size_t size = 64 << 10;
	void *stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(stack, MAP_FAILED);
	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = size;
	there.uc_link = &here;
	makecontext(&there, asserts_there, 0);
	swapcontext(&here, &there);
	puts("went on");
}

TEST(inner_grandchild_assert)
{
	pid_t pid = fork();

	if (!pid) {
		ASSERT_EQ(1, 2);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	puts("went on");
}

TEST(inner_grandchild_returns)
{
	pid_t pid = fork();

	if (pid)
		waitpid(pid, NULL, 0);
}

TEST(inner_crash)
{
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

TEST(inner_exits)
{
	exit(0);
}

TEST(inner_sanitizer_code)
{
	_exit(97);
}

TEST(inner_address)
{
	char *volatile p = malloc(10);

	free(p);
	*(volatile char *)p = 1;
}

TEST(inner_undefined)
{
	volatile int n = INT_MAX;

	n += 1;
	EXPECT_NE(n, 0);
}

static volatile int raced;

static void *races(void *arg)
{
	raced++;
	return arg;
}

TEST(inner_thread)
{
	pthread_t a, b;

	pthread_create(&a, NULL, races, NULL);
	pthread_create(&b, NULL, races, NULL);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
}

TEST_TIMEOUT(inner_late, 3)
{
	puts("still here");
	for (;;)
		pause();
}

TEST_TIMEOUT(inner_never, 5)
{
	wait_until(harness_nr_threads() == 0);
}

TEST(inner_skips)
{
	EXPECT_EQ(1, 1);
	SKIP("no %s", "IORING_OP_NONE");
}

static void *skips(void *arg)
{
	if (arg)
		SKIP("asked in a thread");
	return arg;
}

TEST(inner_skip_thread)
{
	run_thread(skips);
}

TEST(inner_fails_then_skips)
{
	EXPECT_EQ(1, 2);
	SKIP("too late");
}

TEST(inner_known)
{
	XFAIL("issue 1");
	ASSERT_EQ(1, 2);
}

TEST(inner_mended)
{
	XFAIL("issue 1");
}

TEST_SIGNAL(inner_aborts, SIGABRT)
{
	abort();
}

TEST_SIGNAL(inner_does_not_abort, SIGABRT)
{
}

TEST(inner_noise)
{
	const char noise[] = "ok 1 forged\nnot ok\n\001\033[31mred\0\n1..7";

	fwrite(noise, 1, sizeof(noise), stdout);
}

TEST(inner_closes_all)
{
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	EXPECT_EQ(1, 2);
	syscall(SYS_close_range, 0, ~0U, 0);
	EXPECT_EQ(3, 4);
}

TEST(inner_leaves_a_process)
{
	if (!fork())
		for (;;)
			pause();
}

#undef harness_add_test

void harness_dump(int fd)
{
	dprintf(fd, "the state of things\n");
}

TEST(a_passing_test_is_ok)
{
	EXPECT_STREQ(run_inner("inner_passes"),
		     "TAP version 13\n"
		     "1..1\n"
		     "ok 1 inner_passes\n"
		     "# Totals: pass:1 fail:0 xfail:0 skip:0\n"
		     "exit code 0\n");
}

TEST(no_matching_test_is_a_skip)
{
	EXPECT_STREQ(run_inner("inner_none_such"),
		     "TAP version 13\n"
		     "1..0 # SKIP no test matches\n"
		     "exit code 4\n");
}

TEST(a_failure_shows_both_values)
{
	const char *out = run_inner("inner_values");

	EXPECT_PRINTED(out, "inner_values: expected count (7) == 8\n");
	EXPECT_PRINTED(out, "expected result is 0, got -110 -ETIMEDOUT\n");
	EXPECT_PRINTED(out, "expected result is -ECANCELED, got -110");
	EXPECT_PRINTED(out, "\"one\\n\", \"two\"\n");
	EXPECT_PRINTED(out, "at offset 2 of 3: 65, 66\n");
	EXPECT_PRINTED(out, "expected nothing (0x0) != NULL (0x0)\n");
	EXPECT_PRINTED(out, "expected count > 8 is true\n");
	EXPECT_PRINTED(out, "expected 2.5 < count - 6 (1)\n");
	EXPECT_PRINTED(out, "# " __FILE__ ":");
	EXPECT_PRINTED(out, "\nnot ok 1 inner_values\n");
	EXPECT_PRINTED(out, "exit code 1\n");
}

TEST(failures_without_end_are_cut)
{
	const char *out = run_inner("inner_many");

	EXPECT_EQ(20, occurrences(out, "expected i"));
	EXPECT_PRINTED(out, "further failures are not shown\n");
	EXPECT_PRINTED(out, "not ok 1 inner_many\n");
}

TEST(a_failed_assert_ends_the_test)
{
	const char *out = run_inner("inner_assert_ends");

	EXPECT_EQ(1, occurrences(out, "expected 1 == 2\n"));
	EXPECT_NOT_PRINTED(out, "went on");
	EXPECT_PRINTED(out, "not ok 1 inner_assert_ends\n");
	EXPECT_PRINTED(run_inner("inner_fail"), "inner_fail: number 5\n");
}

TEST(an_assert_in_a_thread_ends_the_test)
{
	const char *out = run_inner("inner_assert_thread");

	EXPECT_EQ(1, occurrences(out, "expected arg (0x8) == NULL"));
	EXPECT_NOT_PRINTED(out, "went on");
	EXPECT_PRINTED(out, "not ok 1 inner_assert_thread\n");
}

TEST(an_expect_in_a_thread_fails_the_test)
{
	const char *out = run_inner("inner_expect_thread");

	EXPECT_EQ(1, occurrences(out, "expected arg (0x8) == NULL"));
	EXPECT_PRINTED(out, "# went on\n");
	EXPECT_PRINTED(out, "not ok 1 inner_expect_thread\n");
}

TEST(of_asserts_at_once_the_first_is_printed)
{
	const char *out = run_inner("inner_first_wins");

	EXPECT_EQ(1, occurrences(out, "expected arg (0x8)"));
	EXPECT_PRINTED(out, "not ok 1 inner_first_wins\n");
}

TEST(an_assert_on_another_stack_ends_the_test)
{
	const char *out = run_inner("inner_other_stack");

	EXPECT_EQ(1, occurrences(out, "expected 1 == 2\n"));
	EXPECT_NOT_PRINTED(out, "went on");
	EXPECT_PRINTED(out, "not ok 1 inner_other_stack\n");
}

TEST(an_assert_in_a_forked_process_fails_the_test)
{
	const char *out = run_inner("inner_grandchild_assert");

	EXPECT_EQ(1, occurrences(out, "expected 1 == 2\n"));
	EXPECT_PRINTED(out, "# went on\n");
	EXPECT_PRINTED(out, "not ok 1 inner_grandchild_assert\n");
}

TEST(a_forked_process_that_returns_fails_the_test)
{
	const char *out = run_inner("inner_grandchild_returns");

	EXPECT_PRINTED(out, "a forked process came out of the test\n");
	EXPECT_EQ(1, occurrences(out, "ok 1 inner"));
}

TEST(ends_out_of_turn_are_failures)
{
	EXPECT_PRINTED(run_inner("inner_crash"),
		       "\nnot ok 1 inner_crash # SIGSEGV\n");
	EXPECT_PRINTED(run_inner("inner_exits"),
		       "\nnot ok 1 inner_exits # EXIT inside the test\n");
}

/* Without one, a test that ends with its exit code stands for it. */
TEST(a_report_of_the_sanitizer_is_a_failure)
{
	const char *which = harness_slow(), *test = "inner_sanitizer_code";
	char line[80];

	if (which && strstr(which, "address"))
		test = "inner_address";
	else if (which && strstr(which, "undefined"))
		test = "inner_undefined";
	else if (which && strstr(which, "thread"))
		test = "inner_thread";
	snprintf(line, sizeof(line), "\nnot ok 1 %s # SANITIZER\n", test);
	EXPECT_PRINTED(run_inner(test), line);
}

TEST(a_late_test_shows_its_state_and_is_killed)
{
	const char *out = run_inner("inner_late");

	EXPECT_PRINTED(out, "# still here\n");
	EXPECT_PRINTED(out, "# inner_late: not finished after ");
	EXPECT_PRINTED(out, "# thread ");
	EXPECT_EQ(1, occurrences(out, "# the state of things\n"));
	EXPECT_PRINTED(out, "\nnot ok 1 inner_late # TIMEOUT\n");
}

TEST(a_wait_that_never_ends_fails_before_the_timeout)
{
	const char *out = run_inner("inner_never");

	EXPECT_PRINTED(out, "never came true: harness_nr_threads() == 0\n");
	EXPECT_PRINTED(out, "# the state of things\n");
	EXPECT_PRINTED(out, "\nnot ok 1 inner_never\n");
}

TEST(a_skip_says_why)
{
	const char *out = run_inner("inner_skips");

	EXPECT_PRINTED(out, "\nok 1 inner_skips # SKIP no IORING_OP_NONE\n");
	EXPECT_PRINTED(out, "exit code 4\n");
	EXPECT_PRINTED(run_inner("inner_skip_thread"),
		       "\nok 1 inner_skip_thread # SKIP asked in a thread\n");
}

TEST(a_skip_does_not_undo_a_failure)
{
	const char *out = run_inner("inner_fails_then_skips");

	EXPECT_PRINTED(out, "\nnot ok 1 inner_fails_then_skips\n");
	EXPECT_PRINTED(out, "exit code 1\n");
}

TEST(a_known_failure_is_told_from_a_new_one)
{
	const char *out = run_inner("inner_known");

	EXPECT_PRINTED(out, "\nnot ok 1 inner_known # TODO issue 1\n");
	EXPECT_PRINTED(out, "exit code 0\n");
	EXPECT_PRINTED(run_inner("inner_mended"),
		       "\nnot ok 1 inner_mended # XPASS issue 1\n");
}

TEST(an_expected_signal_must_come)
{
	EXPECT_PRINTED(run_inner("inner_aborts"), "\nok 1 inner_aborts\n");
	EXPECT_PRINTED(run_inner("inner_does_not_abort"),
		       "\nnot ok 1 inner_does_not_abort # no SIGABRT\n");
}

TEST(what_a_test_prints_is_no_result)
{
	const char *out = run_inner("inner_noise");

	EXPECT_PRINTED(out, "\n# ok 1 forged\n# not ok\n# ??[31mred?\n");
	EXPECT_EQ(1, occurrences(out, "\nok "));
	EXPECT_EQ(1, occurrences(out, "\n1.."));
	EXPECT_PRINTED(out, "exit code 0\n");
}

TEST(failures_count_with_all_descriptors_closed)
{
	const char *out = run_inner("inner_closes_all");

	EXPECT_PRINTED(out, "expected 1 == 2\n");
	EXPECT_PRINTED(out, "\nnot ok 1 inner_closes_all\n");
}

/* The pipe's end comes when the last process that holds it is gone. */
TEST(processes_left_behind_are_killed)
{
	int fds[2];
	char c;

	ASSERT_EQ(0, pipe(fds));
	EXPECT_PRINTED(run_inner("inner_leaves_a_process"), "\nok 1 ");
	close(fds[1]);
	EXPECT_EQ(0, read(fds[0], &c, 1));
	close(fds[0]);
}

TEST(prove_reads_the_same)
{
	static struct output o;
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *argv[] = {
		(char *)"prove", (char *)"-e", (char *)"", self,
		(char *)"::", (char *)"-t", (char *)"inner_passes", NULL,
	};

	if (getenv("OA_RUN_UNDER"))
		SKIP("prove(1) starts programs by themselves");
	ASSERT_GT(n, 0);
	self[n] = '\0';
	capture(argv, &o);
	if (o.code == 127)
		SKIP("no prove(1)");
	EXPECT_EQ(0, o.code);
	EXPECT_PRINTED(o.text, "Result: PASS");
	argv[6] = (char *)"inner_f";
	capture(argv, &o);
	EXPECT_NE(0, o.code);
	EXPECT_PRINTED(o.text, "Result: FAIL");
	EXPECT_NOT_PRINTED(o.text, "Parse errors");
}

HARNESS_MAIN
