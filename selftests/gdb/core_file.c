/* SPDX-License-Identifier: MIT */
/* The same on core files, of gdb's making and of the kernel's. */
#include "debugger.h"

#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct said said;
static struct victim victim;

/* Everything is there, stacks included. */
static void examine(const char *core)
{
	static const char *const commands[] = {
		"oa runtimes", "oa workers", "oa tasks", "oa bt sleeper",
		"oa bt reader", "oa bt spinner", "oa bt nested",
		"oa bt channel", "oa bt blocked", "oa bt busy",
		"oa bt grown", "oa coro generator",
		"oa apply sleeper frame apply all -s -q p mark", "bt 1", NULL
	};
	const char *text;

	debug(&said, &victim, core, commands);
	EXPECT_NULL(strstr(said.text, "Python Exception"));
	EXPECT_LINE(said_to(&said, "oa runtimes"), "1 ", "oa", "running", "14");
	EXPECT_LINE(said_to(&said, "oa workers"), "running", "\"spinner\"");
	text = said_to(&said, "oa tasks");
	EXPECT_LINE(text, "sleeper", "time", "in ", "sleeps", "start (");
	EXPECT_LINE(text, "reader", "read, fd ", "reads");
	EXPECT_LINE(text, "joiner", "join of ", "joins");
	EXPECT_LINE(text, "later", "its time", "never");
	EXPECT_LINE(text, "channel", "chan recv, 0x", "receives");
	EXPECT_LINE(text, "blocked", "chan recv, 0x", "receives");
	EXPECT_LINE(text, "starter", "sem, 0x", "never");
	EXPECT_LINE(text, "14 tasks: 1 delayed, 1 waiting, 2 running, 10 parked");
	EXPECT_IN_ORDER(said_to(&said, "oa bt sleeper"), "park_wait", "rests",
			"rests", "rests", "rests", "sleeps", "arch_entry");
	EXPECT_IN_ORDER(said_to(&said, "oa bt reader"), "op_run", "reads",
			"arch_entry");
	EXPECT_IN_ORDER(said_to(&said, "oa bt spinner"), "in thread",
			"spins_on", "arch_entry");
	EXPECT_IN_ORDER(said_to(&said, "oa bt channel"), "park_wait",
			"recv_wait", "receives", "arch_entry");
	EXPECT_IN_ORDER(said_to(&said, "oa bt blocked"), "parked",
			"in thread", "recv_wait", "receives", "pool_thread");
	EXPECT_IN_ORDER(said_to(&said, "oa bt busy"), "running",
			"in thread", "blocks", "pool_thread");
	EXPECT_IN_ORDER(said_to(&said, "oa bt nested"), "park_wait", "inner",
			"arch_entry", "\"inner\"", "outer", "arch_entry",
			"\"outer\"", "nests", "arch_entry");
	EXPECT_IN_ORDER(said_to(&said, "oa bt grown"), "park_wait", "grown",
			"__morestack", "task_entry", "arch_entry");
	EXPECT_IN_ORDER(said_to(&said, "oa coro generator"), "generates",
			"arch_entry");
	text = said_to(&said, "oa apply sleeper frame apply all -s -q p mark");
	EXPECT_IN_ORDER(text, "1000", "1001", "1002", "1003");
	EXPECT_IN_ORDER(said_to(&said, "bt 1"), "#0 ");
}

/* With a sanitizer's shadow they would have terabytes. */
static void cores_needed(void)
{
	debugger_needed();
	if (harness_slow())
		SKIP("core files of a program without %s", harness_slow());
}

static void by_gdb(const char *name)
{
	const char *commands[] = { NULL, "oa bt sleeper", NULL };
	char path[512], command[600];

	cores_needed();
	snprintf(path, sizeof(path), "%s/by-gdb", harness_tmpdir());
	snprintf(command, sizeof(command), "oa core %s", path);
	commands[0] = command;
	victim_start(&victim, name, ".", 0);
	debug(&said, &victim, NULL, commands);
	EXPECT_IN_ORDER(said_to(&said, command), "Saved corefile ", path);
	EXPECT_EQ(victim_end(&victim), 0);
	examine(path);
}

TEST_TIMEOUT(a_core_file_made_by_gdb_has_all_tasks, 60)
{
	by_gdb(STATIC_VICTIM);
}

TEST_TIMEOUT(with_the_shared_library_too, 60)
{
	by_gdb(SHARED_VICTIM);
}

/* What gdb leaves out by itself is said to be missing, not guessed. */
TEST_TIMEOUT(missing_stacks_are_told, 60)
{
	const char *commands[] = { NULL, NULL };
	static const char *const look[] = { "oa tasks", "oa bt reader", NULL };
	char path[512], command[600];

	cores_needed();
	snprintf(path, sizeof(path), "%s/plain", harness_tmpdir());
	snprintf(command, sizeof(command), "generate-core-file %s", path);
	commands[0] = command;
	victim_start(&victim, STATIC_VICTIM, ".", 0);
	debug(&said, &victim, NULL, commands);
	EXPECT_EQ(victim_end(&victim), 0);
	if (!strstr(said_to(&said, command), "Memory read failed"))
		SKIP("guard pages inside mappings: this core file is whole");
	debug(&said, &victim, path, look);
	EXPECT_LINE(said_to(&said, "oa tasks"), "reader", "request", "reads");
	EXPECT_IN_ORDER(said_to(&said, "oa bt reader"),
			"its stack is not in the core file");
}

/* Where a core file would be written: into its folder, or elsewhere. */
static bool cores_stay(void)
{
	FILE *f = fopen("/proc/sys/kernel/core_pattern", "re");
	char pattern[256] = "";

	if (f) {
		if (!fgets(pattern, sizeof(pattern), f))
			pattern[0] = '\0';
		fclose(f);
	}
	return !strncmp(pattern, "core", 4) && !strchr(pattern, '/');
}

TEST_TIMEOUT(a_core_file_made_by_the_kernel_has_all_tasks, 60)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	char pattern[512];
	int status;
	glob_t found;

	cores_needed();
	if (!cores_stay() || setrlimit(RLIMIT_CORE, &limit))
		SKIP("core files where the process is");
	victim_start(&victim, STATIC_VICTIM, harness_tmpdir(), 0);
	ASSERT_EQ(kill(victim.pid, SIGABRT), 0);
	ASSERT_EQ(waitpid(victim.pid, &status, 0), victim.pid);
	ASSERT_TRUE(WIFSIGNALED(status) && WCOREDUMP(status));
	close(victim.in);
	snprintf(pattern, sizeof(pattern), "%s/core*", harness_tmpdir());
	ASSERT_EQ(glob(pattern, 0, NULL, &found), 0);
	examine(found.gl_pathv[0]);
	globfree(&found);
}

HARNESS_MAIN
