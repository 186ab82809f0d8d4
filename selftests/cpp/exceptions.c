// SPDX-License-Identifier: MIT
/*
 * Exceptions in tasks: what is caught and unwound for is each task's own, on
 * whatever thread it goes on. Built with each way of linking the C++ library.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bodies.h"
#include "selftests/task_test.h"

#define TASKS	24

FIXTURE(exceptions) {
	struct cxx_run run[TASKS];
};
FIXTURE_VARIANT(exceptions) { unsigned int workers; };
VARIANTS_WORKERS_ADD(exceptions);
FIXTURE_VARIANT_ADD(exceptions, w2_migrate, "OA_DEBUG=migrate") {
	.workers = 2 };
FIXTURE_VARIANT_ADD(exceptions, w8_migrate, "OA_DEBUG=migrate") {
	.workers = 8 };

typedef struct exceptions_fixture_data data;

FIXTURE_SETUP(exceptions)
{
	for (int i = 0; i < TASKS; i++)
		self->run[i] = (struct cxx_run){ .number = i + 1, .rounds = 50 };
}

FIXTURE_TEARDOWN(exceptions)
{
}

/* Many of them at once, by turns, some on the blocking pool. */
static void many(data *d, const oa_fn *fn, int fns)
{
	oa_task_t t[TASKS];
	void *result = NULL;

	for (int i = 0; i < TASKS; i++)
		t[i] = oa_spawn(fn[i % fns], &d->run[i], .block = i % 8 == 7);
	for (int i = 0; i < TASKS; i++) {
		ASSERT_OK(oa_join(t[i], &result));
		EXPECT_EQ((void *)&d->run[i], result);
		if (d->run[i].bad)
			FAIL("task %d: %d bad, first in bodies.cc:%d", i,
			     d->run[i].bad, d->run[i].line);
	}
}

#define MANY(name, ...) \
	TASK_TEST_F(exceptions, name, .workers = variant->workers, \
		    .max_blocking = TASKS) \
	{ \
		static const oa_fn fn[] = { __VA_ARGS__ }; \
		many(self, fn, sizeof(fn) / sizeof(fn[0])); \
	} \
	struct harness_variant

MANY(caught_over_suspensions, cxx_catches);
MANY(nested_handlers, cxx_nests);
MANY(thrown_again, cxx_rethrows);
MANY(destructors_suspend, cxx_unwinds);
MANY(handed_to_other_tasks, cxx_hands_over);
MANY(through_grown_stacks, cxx_grows);
MANY(coroutines, cxx_resumes);
MANY(through_blocks, cxx_leaves_blocks);
MANY(select_among_all_kinds, cxx_selects);
MANY(all_at_once, cxx_catches, cxx_sees_none, cxx_nests, cxx_unwinds,
     cxx_rethrows, cxx_resumes, cxx_sees_none, cxx_grows);

/* What is left by an end does not become another's. */
TASK_TEST_F(exceptions, ends_in_handlers, .workers = variant->workers,
	    .max_blocking = TASKS)
{
	static const oa_fn fn[] = {
		cxx_exits, cxx_sees_none, cxx_exits_unwinding, cxx_catches,
	};

	/* nobody destroys what was thrown, as the manual says */
	if (harness_slow() && strstr(harness_slow(), "address"))
		SKIP("leaks are looked for");
	for (int i = 0; i < 10; i++)
		many(self, fn, 4);
}

/* A runtime that is started in a handler. */

static void *runs_all(void *arg)
{
	static const oa_fn fn[] = { cxx_catches, cxx_sees_none };

	many(arg, fn, 2);
	return arg;
}

static int runs_on_two(void *arg)
{
	return oa_run(runs_all, arg, .workers = 2);
}

TEST_F(exceptions, a_runtime_in_a_handler)
{
	(void)variant;
	EXPECT_EQ(0, cxx_in_handler(runs_on_two, self));
}

/* One that leaves its task is the end, and the task is named. */

static void *spawns(void *fn)
{
	oa_join(oa_spawn((oa_fn)fn, fn, .name = "thrower"), NULL);
	return NULL;
}

static void *spawns_blocking(void *fn)
{
	oa_join(oa_spawn((oa_fn)fn, fn, .name = "thrower", .block = true),
		NULL);
	return NULL;
}

static void expect_named(oa_fn first, oa_fn fn, const char *what)
{
	struct rlimit none = { 0, 0 };
	char text[4096];
	size_t n = 0;
	ssize_t got;
	int fds[2], status;
	pid_t pid;

	ASSERT_EQ(0, pipe(fds));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		setrlimit(RLIMIT_CORE, &none);
		dup2(fds[1], STDERR_FILENO);
		oa_run(first, (void *)fn, .workers = 2);
		_exit(0);
	}
	close(fds[1]);
	while ((got = read(fds[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(fds[0]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_FALSE(WIFEXITED(status) && !WEXITSTATUS(status));
	if (!strstr(text, what) || !strstr(text, "task \"thrower\""))
		FAIL("not named: %s", text);
	/* the C++ library says what it was, after that */
	EXPECT_NOT_NULL(strstr(strstr(text, what), "thrown"));
}

TEST(leaving_a_body_names_the_task)
{
	static const char what[] = "an exception leaves task \"thrower\"";

	expect_named(spawns, cxx_throws, what);
	expect_named(spawns_blocking, cxx_throws, what);
	expect_named(spawns, cxx_throws_grown, what);
}

TEST(leaving_a_coroutine_names_both)
{
	expect_named(spawns, cxx_throws_in_coroutine,
		     "an exception leaves coroutine \"inner\"");
}

#define INIT(n, type, init) static const struct type init_##n = init;
#include "inits.h"
#undef INIT

TEST(initialisers_are_the_same_in_both_languages)
{
	static const struct cxx_init inits[] = {
#define INIT(n, type, init) { #init, &init_##n, sizeof(init_##n) },
#include "inits.h"
#undef INIT
	};
	size_t n = sizeof(inits) / sizeof(inits[0]);

	for (size_t i = 0; i < n; i++) {
		EXPECT_EQ(inits[i].size, cxx_inits[i].size);
		if (memcmp(inits[i].value, cxx_inits[i].value, inits[i].size))
			FAIL("%s differs", cxx_inits[i].name);
	}
	EXPECT_NULL(cxx_inits[n].name);
}

HARNESS_MAIN
