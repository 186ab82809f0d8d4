// SPDX-License-Identifier: MIT
/* A task that runs out of its stack ends the process, and is named. */
#include "api_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct outcome {
	int status;
	char text[4096];
};

/* Runs @fn in a child and takes what it says on stderr. */
static void in_child(struct outcome *o, void (*fn)(void))
{
	struct rlimit none = { 0, 0 };
	int fds[2];
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	ASSERT_EQ(0, pipe(fds));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		setrlimit(RLIMIT_CORE, &none);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		fn();
		_exit(0);
	}
	close(fds[1]);
	while ((got = read(fds[0], o->text + n, sizeof(o->text) - 1 - n)) > 0)
		n += (size_t)got;
	o->text[n] = '\0';
	close(fds[0]);
	ASSERT_EQ(pid, waitpid(pid, &o->status, 0));
}

static void expect_named(const struct outcome *o, const char *name,
			 const char *size)
{
	char want[80];

	EXPECT_TRUE(WIFSIGNALED(o->status));
	EXPECT_EQ(SIGSEGV, WTERMSIG(o->status));
	snprintf(want, sizeof(want), "stack overflow in task \"%s\"", name);
	if (!strstr(o->text, want))
		FAIL("not named: %s", o->text);
	if (!strstr(o->text, size))
		FAIL("not of %s bytes: %s", size, o->text);
}

static void skip_if_instrumented(void)
{
	if (harness_slow() && strcmp(harness_slow(), "undefined"))
		SKIP("faults of its own under %s", harness_slow());
}

/* By a pointer, so that no compiler makes a loop of it. */
static void dig(volatile char *above);
static void (*volatile deeper)(volatile char *) = dig;

static void dig(volatile char *above)
{
	volatile char frame[1024];

	frame[0] = above[0];
	frame[1023] = 1;
	deeper(frame);
	above[1] = frame[2];
}

static void *digs(void *arg)
{
	volatile char first[2] = { 0 };

	oa_yield();
	deeper(first);
	return arg;
}

static void *spawns_digger(void *arg)
{
	oa_join(oa_spawn(digs, NULL, .name = "deep"), NULL);
	return arg;
}

static void on_one(void)
{
	oa_run(spawns_digger, NULL, .workers = 1);
}

static void on_two(void)
{
	oa_run(spawns_digger, NULL, .workers = 2);
}

static void *spawns_pinned(void *arg)
{
	oa_join(oa_spawn(digs, NULL, .name = "pinned", .worker = OA_WORKER(1)),
		NULL);
	return arg;
}

static void on_a_thread(void)
{
	oa_run(spawns_pinned, NULL, .workers = 2);
}

static void *spawns_own_size(void *arg)
{
	oa_join(oa_spawn(digs, NULL, .name = "small", .stack_size = 32 << 10),
		NULL);
	return arg;
}

static void of_own_size(void)
{
	oa_run(spawns_own_size, NULL, .workers = 1);
}

static void of_configured_size(void)
{
	oa_run(spawns_digger, NULL, .workers = 1, .stack_size = 512 << 10);
}

static void *digs_grown(void *arg)
{
	volatile char first[2] = { 0 };

	oa_yield();
	deeper(first);
	return arg;
}

static void *grows(void *arg)
{
	size_t left = oa_stack_left();

	return oa_call_grown(digs_grown, arg, left + 4096, 1 << 20);
}

static void *grows_twice(void *arg)
{
	size_t left = oa_stack_left();

	return oa_call_grown(grows, arg, left + 4096, 512 << 10);
}

static void *spawns_grown(void *arg)
{
	oa_join(oa_spawn(grows_twice, NULL, .name = "grown"), NULL);
	return arg;
}

static void on_a_grown_stack(void)
{
	oa_run(spawns_grown, NULL, .workers = 2);
}

/* The hundredth that runs at once: not the first slot of a reservation. */
static void *waits(void *arg)
{
	oa_sleep(OA_FOREVER);
	return arg;
}

static void *digs_among_many(void *arg)
{
	for (int i = 0; i < 100; i++)
		oa_go(waits, NULL);
	while (count_in_state(NULL, OA_TASK_PARKED) < 100)
		oa_yield();
	return spawns_digger(arg);
}

static void among_many(void)
{
	oa_run(digs_among_many, NULL, .workers = 2);
}

TEST(the_first_worker)
{
	struct outcome o;

	skip_if_instrumented();
	in_child(&o, on_one);
	expect_named(&o, "deep", "262144 bytes");
	in_child(&o, on_two);
	expect_named(&o, "deep", "262144 bytes");
}

TEST(a_thread_of_the_runtime)
{
	struct outcome o;

	skip_if_instrumented();
	in_child(&o, on_a_thread);
	expect_named(&o, "pinned", "262144 bytes");
}

TEST(a_stack_of_its_own_size)
{
	struct outcome o;

	skip_if_instrumented();
	in_child(&o, of_own_size);
	expect_named(&o, "small", " bytes");
	EXPECT_NULL(strstr(o.text, "262144"));
}

TEST(a_size_that_was_configured)
{
	struct outcome o;

	skip_if_instrumented();
	in_child(&o, of_configured_size);
	expect_named(&o, "deep", "524288 bytes");
}

TEST(a_stack_that_was_grown)
{
	struct outcome o;

	skip_if_instrumented();
	in_child(&o, on_a_grown_stack);
	/* with the guard, in pages */
	expect_named(&o, "grown", "1073152");
}

TEST(one_among_many)
{
	struct outcome o;

	skip_if_instrumented();
	in_child(&o, among_many);
	expect_named(&o, "deep", "262144 bytes");
}

/* Other faults are left to whom they belonged before. */

static void *bad_pointer(void *arg)
{
	*(volatile int *)arg = 1;
	return NULL;
}

static void bad(void)
{
	oa_run(bad_pointer, (void *)8, .workers = 1);
}

TEST(another_fault_is_no_overflow)
{
	struct outcome o;

	skip_if_instrumented();
	in_child(&o, bad);
	EXPECT_TRUE(WIFSIGNALED(o.status));
	EXPECT_EQ(SIGSEGV, WTERMSIG(o.status));
	EXPECT_NULL(strstr(o.text, "overflow"));
}

static void *sends_itself(void *arg)
{
	ASSERT_EQ(0, raise(SIGSEGV));
	return arg;
}

static void sent(void)
{
	oa_run(sends_itself, NULL, .workers = 1);
}

/* It does not come again by itself, as a fault does. */
TEST(one_that_was_sent_is_not_lost)
{
	struct outcome o;

	skip_if_instrumented();
	in_child(&o, sent);
	EXPECT_TRUE(WIFSIGNALED(o.status));
	EXPECT_EQ(SIGSEGV, WTERMSIG(o.status));
}

static void own_handler(int sig)
{
	static const char text[] = "the program's own handler\n";

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(4);
	_exit(3);
}

static void with_handler(void)
{
	static char alt[65536];
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) };
	struct sigaction sa = { .sa_handler = own_handler,
				.sa_flags = SA_ONSTACK };

	sigaltstack(&ss, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	bad();
}

static void with_handler_and_overflow(void)
{
	struct sigaction sa = { .sa_handler = own_handler };

	sigaction(SIGSEGV, &sa, NULL);
	on_a_thread();
}

TEST(the_programs_own_handler_is_called)
{
	struct outcome o;

	skip_if_instrumented();
	in_child(&o, with_handler);
	EXPECT_TRUE(WIFEXITED(o.status));
	EXPECT_EQ(3, WEXITSTATUS(o.status));
	EXPECT_NOT_NULL(strstr(o.text, "own handler"));
	EXPECT_NULL(strstr(o.text, "overflow"));
	/* Both, when the stack was over. */
	in_child(&o, with_handler_and_overflow);
	EXPECT_EQ(3, WEXITSTATUS(o.status));
	EXPECT_NOT_NULL(strstr(o.text, "stack overflow in task \"pinned\""));
	EXPECT_NOT_NULL(strstr(o.text, "own handler"));
}

HARNESS_MAIN
