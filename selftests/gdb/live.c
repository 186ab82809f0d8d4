/* SPDX-License-Identifier: MIT */
/* The commands on a process that runs; it does not notice. */
#include "debugger.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

FIXTURE(process) {
	struct victim victim;
	struct said said;
};

FIXTURE_VARIANT(process) {
	const char *name;
};

FIXTURE_VARIANT_ADD(process, static) { STATIC_VICTIM };
FIXTURE_VARIANT_ADD(process, shared) { SHARED_VICTIM };

FIXTURE_SETUP(process)
{
	debugger_needed();
}

/* It goes on as if nothing had happened. */
FIXTURE_TEARDOWN(process)
{
	int status = victim_end(&self->victim);

	EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void look(FIXTURE_DATA(process) *self, const char *name,
		 const char *const *commands)
{
	victim_start(&self->victim, name, ".", 0);
	debug(&self->said, &self->victim, NULL, commands);
	EXPECT_NULL(strstr(self->said.text, "Python Exception"));
}

TEST_F_TIMEOUT(process, tasks_are_listed_with_what_they_wait_for, 60)
{
	static const char *const commands[] = {
		"oa runtimes", "oa workers", "oa tasks",
		"oa tasks -m '*e*r' -s par", "oa tasks -n 2", "oa tasks -g",
		NULL
	};
	const char *text;
	char join[32];

	look(self, variant->name, commands);
	text = said_to(&self->said, "oa runtimes");
	EXPECT_LINE(text, "1 ", "oa", "running", "2", "14");
	text = said_to(&self->said, "oa workers");
	EXPECT_LINE(text, "1        0 ", "parked in its ring");
	EXPECT_LINE(text, "1        1 ", "running", "\"spinner\"");

	text = said_to(&self->said, "oa tasks");
	snprintf(join, sizeof(join), "%#llx", self->victim.sleeper);
	EXPECT_LINE(text, "sleeper ", "time", "in 9", "sleeps",
		    "start (victim.c:");
	EXPECT_LINE(text, "reader", "read, fd ", "reads", "start (victim.c:");
	EXPECT_LINE(text, "joiner", "join of ", join, "joins");
	EXPECT_LINE(text, "later", "its time", "in 9", "never");
	EXPECT_LINE(text, "two words", "time", "sleeps");
	EXPECT_LINE(text, "channel", "chan recv, 0x", "receives");
	EXPECT_LINE(text, "parked   - ", "blocked", "chan recv, 0x", "receives");
	EXPECT_LINE(text, "running  - ", "busy", "blocks");
	EXPECT_LINE(text, "waiting  - ", "starter", "sem, 0x", "never");
	EXPECT_LINE(text, "nested", "time", "nests");
	EXPECT_LINE(text, "control", "read, fd 0", "control", "first (");
	EXPECT_LINE(text, "running  1 ", "spinner", "spins_on", "settle (");
	EXPECT_LINE(text, "14 tasks: 1 delayed, 1 waiting, 2 running, 10 parked");

	text = said_to(&self->said, "oa tasks -m '*e*r' -s par");
	EXPECT_LINE(text, "joiner");
	EXPECT_LINE(text, "reader");
	EXPECT_LINE(text, "sleeper ");
	EXPECT_LINE(text, "3 tasks: 3 parked");
	text = said_to(&self->said, "oa tasks -n 2");
	EXPECT_IN_ORDER(text, "14 tasks", "12 not shown");
	text = said_to(&self->said, "oa tasks -g");
	EXPECT_LINE(text, " reads ", "start (victim.c:");
	EXPECT_LINE(text, "chan recv  ", "receives", "start (victim.c:");
	EXPECT_LINE(text, "14 tasks");
}

TEST_F_TIMEOUT(process, suspended_tasks_are_walked_to_their_beginning, 60)
{
	static const char *const commands[] = {
		"oa bt sleeper", "oa bt reader", "oa bt joiner",
		"oa bt large", "oa bt \"two words\"", "oa bt later",
		"oa bt channel", "oa bt blocked", "oa bt busy", "oa bt starter",
		"oa bt spinner", "oa bt nested", "oa bt grown",
		"oa coro generator",
		"oa bt all -g", "bt 1", NULL
	};
	const char *text;

	look(self, variant->name, commands);
	text = said_to(&self->said, "oa bt sleeper");
	EXPECT_IN_ORDER(text, "\"sleeper\", parked", "\n#1 ", "park_wait",
			"rests", "rests", "rests", "rests", "sleeps",
			"run_tasks", "task_entry", "arch_entry");
	EXPECT_NULL(strstr(text, "\n#0 "));
	EXPECT_NULL(strstr(text, "control"));
	text = said_to(&self->said, "oa bt reader");
	EXPECT_IN_ORDER(text, "\"reader\"", "op_run", "reads", "arch_entry");
	text = said_to(&self->said, "oa bt joiner");
	EXPECT_IN_ORDER(text, "\"joiner\"", "park_wait", "joins", "arch_entry");
	EXPECT_IN_ORDER(said_to(&self->said, "oa bt large"), "park_wait",
			"rests", "sleeps", "arch_entry");
	EXPECT_IN_ORDER(said_to(&self->said, "oa bt \"two words\""),
			"park_wait", "rests", "sleeps", "arch_entry");
	EXPECT_IN_ORDER(said_to(&self->said, "oa bt later"), "\"later\"",
			"it has not begun");
	EXPECT_IN_ORDER(said_to(&self->said, "oa bt channel"), "\"channel\"",
			"park_wait", "recv_wait", "receives", "arch_entry");
	EXPECT_IN_ORDER(said_to(&self->said, "oa bt blocked"), "\"blocked\"",
			"in thread", "recv_wait", "receives", "pool_thread");
	EXPECT_IN_ORDER(said_to(&self->said, "oa bt busy"), "running",
			"in thread", "blocks", "pool_thread");
	EXPECT_IN_ORDER(said_to(&self->said, "oa bt starter"), "\"starter\"",
			"it has not begun");
	EXPECT_IN_ORDER(said_to(&self->said, "oa bt spinner"), "running",
			"in thread", "#0 ", "spins_on", "arch_entry");

	text = said_to(&self->said, "oa bt nested");
	EXPECT_IN_ORDER(text, "park_wait", "rests", "rests", "inner",
			"arch_entry", "\"inner\"", "was resumed by",
			"coro", "outer", "arch_entry", "\"outer\"",
			"was resumed by", "coro", "nests", "task_entry",
			"arch_entry");
	text = said_to(&self->said, "oa bt grown");
	EXPECT_IN_ORDER(text, "park_wait", "rests", "rests", "grown",
			"__morestack", "__morestack", "task_entry",
			"arch_entry");
	text = said_to(&self->said, "oa coro generator");
	EXPECT_IN_ORDER(text, "\"generator\"", "suspended", "coro",
			"generates", "arch_entry");
	text = said_to(&self->said, "oa bt all -g");
	EXPECT_IN_ORDER(text, "3 tasks:", "rests", "sleeps", "arch_entry",
			"1 task:");
	/* the thread's own frames are back */
	EXPECT_IN_ORDER(said_to(&self->said, "bt 1"), "#0 ");
	EXPECT_NULL(strstr(said_to(&self->said, "bt 1"), "arch_switch"));
}

TEST_F_TIMEOUT(process, commands_see_the_frames_of_a_task, 60)
{
	static const char *const commands[] = {
		"oa apply sleeper frame apply all -s -q p mark",
		"oa apply nested -c 2 bt", "oa apply spinner p stop",
		"oa task sleeper", "p $oa_task(sleeper)->slot",
		"oa bt &sleeper 2", "oa task blocked", "oa task starter",
		"oa apply blocked frame function receives", NULL
	};
	const char *text;
	char handle[32];

	look(self, variant->name, commands);
	text = said_to(&self->said,
		       "oa apply sleeper frame apply all -s -q p mark");
	if (harness_slow())	/* compiled so that gdb does not find it */
		EXPECT_IN_ORDER(text, "$1", "$2", "$3", "$4");
	else
		EXPECT_IN_ORDER(text, "1000", "1001", "1002", "1003");
	text = said_to(&self->said, "oa apply nested -c 2 bt");
	EXPECT_IN_ORDER(text, "coro", "nests", "arch_entry");
	EXPECT_NULL(strstr(text, "outer ("));
	EXPECT_IN_ORDER(said_to(&self->said, "oa apply spinner p stop"),
			"= false");

	snprintf(handle, sizeof(handle), "%#llx", self->victim.sleeper);
	text = said_to(&self->said, "oa task sleeper");
	EXPECT_IN_ORDER(text, handle, "parked, worker", "time, in 9",
			"sleeps (", "victim.c:", "start (", "in use",
			"life        generation ", "alive, handle, being joined");
	snprintf(handle, sizeof(handle), "= %llu\n",
		 self->victim.sleeper & 0xffffff);
	text = said_to(&self->said, "p $oa_task(sleeper)->slot");
	EXPECT_IN_ORDER(text, handle);
	text = said_to(&self->said, "oa bt &sleeper 2");
	EXPECT_IN_ORDER(text, "\"sleeper\"", "#1 ", "#2 ");
	EXPECT_NULL(strstr(text, "#3 "));

	text = said_to(&self->said, "oa task blocked");
	EXPECT_IN_ORDER(text, "parked\n", "chan recv, 0x", "receives (",
			"runs in     thread ", "flags       thread, started");
	EXPECT_NULL(strstr(text, "in use"));
	text = said_to(&self->said, "oa task starter");
	EXPECT_IN_ORDER(text, "waiting\n", "sem, 0x", "never (", "conditions");
	text = said_to(&self->said, "oa apply blocked frame function receives");
	EXPECT_IN_ORDER(text, "receives (", "victim.c");
}

TEST_TIMEOUT(wrong_words_get_an_answer, 60)
{
	static const char *const commands[] = {
		"oa bt", "oa bt nobody", "oa bt main", "oa bt 0x7fff000001",
		"oa bt 0x7fff000000", "oa tasks nothing", "oa tasks -s odd",
		"oa tasks -x", "oa apply later bt", "oa apply sleeper",
		"oa apply sleeper -c 1 bt", "oa odd", "oa coro &stop", NULL
	};
	struct victim victim;
	static struct said said, *s = &said;

	debugger_needed();
	victim_start(&victim, STATIC_VICTIM, ".", 0);
	debug(s, &victim, NULL, commands);
	EXPECT_IN_ORDER(said_to(s, "oa bt"), "Which task?");
	EXPECT_IN_ORDER(said_to(s, "oa bt nobody"), "no task named \"nobody\"");
	EXPECT_IN_ORDER(said_to(s, "oa bt main"), "neither");
	EXPECT_IN_ORDER(said_to(s, "oa bt 0x7fff000001"), "has ended");
	EXPECT_IN_ORDER(said_to(s, "oa bt 0x7fff000000"), "has ended");
	EXPECT_IN_ORDER(said_to(s, "oa tasks nothing"), "no runtime nothing");
	EXPECT_IN_ORDER(said_to(s, "oa tasks -s odd"), "No such state", "parked");
	EXPECT_IN_ORDER(said_to(s, "oa tasks -x"), "-x", "usage: oa tasks");
	EXPECT_IN_ORDER(said_to(s, "oa apply later bt"), "it has no stack");
	EXPECT_IN_ORDER(said_to(s, "oa apply sleeper"), "Which command?");
	EXPECT_IN_ORDER(said_to(s, "oa apply sleeper -c 1 bt"),
			"It has 1 stack");
	EXPECT_IN_ORDER(said_to(s, "oa odd"), "see `help oa`");
	EXPECT_IN_ORDER(said_to(s, "oa coro &stop"), "no coroutine");
	EXPECT_EQ(victim_end(&victim), 0);
}

TEST_TIMEOUT(of_many_tasks_some_are_shown, 60)
{
	static const char *const commands[] = {
		"oa tasks", "oa tasks -g", "oa bt sleeper", NULL
	};
	long n = SCALED(20000, 2000), lines = 0;
	static struct said said;
	struct victim victim;
	char total[64];

	debugger_needed();
	victim_start(&victim, STATIC_VICTIM, ".", n);
	debug(&said, &victim, NULL, commands);
	snprintf(total, sizeof(total), "\n%ld tasks: ", n + 14);
	EXPECT_IN_ORDER(said_to(&said, "oa tasks"), total, "not shown");
	for (const char *s = said_to(&said, "oa tasks"); (s = strchr(s, '\n'));
	     s++)
		lines++;
	EXPECT_EQ(lines, 103);
	snprintf(total, sizeof(total), "\n%ld ", n);
	EXPECT_LINE(said_to(&said, "oa tasks -g"), total + 1, "parked",
		    "time", "sleeps", "start (");
	EXPECT_IN_ORDER(said_to(&said, "oa bt sleeper"), "sleeps",
			"arch_entry");
	EXPECT_EQ(victim_end(&victim), 0);
}

HARNESS_MAIN
