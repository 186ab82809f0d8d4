/* SPDX-License-Identifier: MIT */
/* A debugger walks a suspended stack from its frame, and a running one. */
#include "selftests/arch/arch_test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* Found by name from the debugger's commands. */
struct test_ctx walk_home, walk_inline, walk_call, walk_running;

static int ready[2];

void __noinline leaf_inline(void);
void __noinline leaf_call(void);
void __noinline leaf_running(void);
void __noinline middle_near(size_t size, void (*leaf)(void));
void __noinline middle_far(size_t size, void (*leaf)(void));

void leaf_inline(void)
{
	test_switch(&walk_inline, &walk_home, NULL);
	barrier();
}

void leaf_call(void)
{
	test_switch_call(&walk_call, &walk_home, NULL);
	barrier();
}

void leaf_running(void)
{
	char c = 0;

	if (write(ready[1], &c, 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* A frame whose size only a frame pointer or base pointer tells. */
void middle_near(size_t size, void (*leaf)(void))
{
	volatile char *pad = __builtin_alloca(size);

	pad[0] = 1;
	leaf();
	pad[0] = 2;
}

/* A frame of known size, with registers saved in it. */
void middle_far(size_t size, void (*leaf)(void))
{
	volatile size_t copy = size;

	middle_near(size, leaf);
	middle_near(copy, leaf);
}

/* From the middle one of three stacks to the lowest, and on to the highest. */
static char stacks[3][65536] __attribute__((aligned(64)));

static void *on_the_highest(void *arg)
{
	middle_far(400, leaf_running);
	return arg;
}

static void *on_the_lowest(void *arg)
{
	arg = arch_call_on(stacks[2] + 65536, on_the_highest, arg);
	barrier();
	return arg;
}

static void *on_the_middle(void *arg)
{
	arg = arch_call_on(stacks[0] + 65536, on_the_lowest, arg);
	barrier();
	return arg;
}

static void calls_on(void)
{
	arch_call_on(stacks[1] + 65536, on_the_middle, NULL);
	barrier();
}

static void walks_inline(void *payload)
{
	(void)payload;
	san_arrive(&walk_inline.san, &walk_home.san);
	middle_far(100, leaf_inline);
	abort();
}

static void walks_call(void *payload)
{
	(void)payload;
	san_arrive(&walk_call.san, &walk_home.san);
	middle_far(200, leaf_call);
	abort();
}

static void walks_running(void *payload)
{
	(void)payload;
	san_arrive(&walk_running.san, &walk_home.san);
	middle_far(300, calls_on);
	abort();
}

/* Two suspended stacks, and one that waits for ever. */
static void victim(void)
{
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	test_ctx_init(&walk_inline, walks_inline);
	test_ctx_init(&walk_call, walks_call);
	test_ctx_init(&walk_running, walks_running);
	test_switch(&walk_home, &walk_call, NULL);
	test_switch(&walk_home, &walk_inline, NULL);
	test_switch(&walk_home, &walk_running, NULL);
	_exit(1);
}

#ifdef __x86_64__
#define SELECT(ctx) \
	"set $frame = (unsigned long *)" #ctx ".ctx.sp\n" \
	"set $rsp = (unsigned long)$frame + 152\n" \
	"set $rbp = $frame[1]\n" \
	"set $rbx = $frame[2]\n" \
	"set $pc = $frame[0]\n"
#else
#define SELECT(ctx) \
	"set $frame = (unsigned long *)" #ctx ".ctx.sp\n" \
	"set $sp = (unsigned long)$frame + 32\n" \
	"set $x29 = $frame[1]\n" \
	"set $x19 = $frame[2]\n" \
	"set $pc = $frame[0]\n"
#endif

static const char script[] =
	"set confirm off\n"
	"set pagination off\n"
	"set width 0\n"
	"bt\n"
	"echo ==call\\n\n"
	SELECT(walk_call)
	"bt\n"
	"echo ==inline\\n\n"
	SELECT(walk_inline)
	"bt\n"
	"echo ==end\\n\n"
	"kill\n"
	"quit\n";

static pid_t start_victim(void)
{
	pid_t pid;
	char c;

	ASSERT_EQ(pipe(ready), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		victim();
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	for (int i = 0; i < 2; i++)
		close(ready[i]);
	return pid;
}

static size_t run_gdb(pid_t pid, char *out, size_t size)
{
	char cmd[256], path[128];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/commands", harness_tmpdir());
	f = fopen(path, "w");
	ASSERT_NOT_NULL(f);
	fputs(script, f);
	ASSERT_EQ(fclose(f), 0);
	snprintf(cmd, sizeof(cmd), "gdb -batch -nx -p %d -x %s 2>&1 </dev/null",
		 pid, path);
	f = popen(cmd, "r");
	ASSERT_NOT_NULL(f);
	n = fread(out, 1, size - 1, f);
	out[n] = 0;
	pclose(f);
	return n;
}

/* In this order, each after the one before. */
static void expect_frames(const char *text, const char *const *names)
{
	for (; *names; names++) {
		const char *at = strstr(text, *names);

		if (!EXPECT_TRUE(at != NULL)) {
			TEST_LOG("no %s in: %s", *names, text);
			return;
		}
		text = at + strlen(*names);
	}
	/* the entry is the last frame */
	EXPECT_NULL(strstr(text, "\n#"));
	EXPECT_NULL(strstr(text, "corrupt"));
}

TEST_TIMEOUT(gdb_walks_suspended_and_running_stacks, 60)
{
	static const char *const running[] = {
		"leaf_running", "middle_near", "middle_far", "on_the_highest",
		"__morestack", "on_the_lowest", "__morestack", "on_the_middle",
		"__morestack", "calls_on", "middle_near", "walks_running",
		"arch_entry", NULL,
	};
	static const char *const by_call[] = {
		"arch_switch_call", "leaf_call", "middle_near", "middle_far",
		"walks_call", "arch_entry", NULL,
	};
	static const char *const by_inline[] = {
		"leaf_inline", "middle_near", "middle_far", "walks_inline",
		"arch_entry", NULL,
	};
	static char out[65536];
	char *call, *inl, *end;
	pid_t pid;

	/* an emulated process cannot be traced */
	if (ptrace(PTRACE_PEEKUSER, getpid(), NULL, NULL) < 0 &&
	    errno == ENOSYS)
		SKIP("ptrace");
	if (system("gdb --version >/dev/null 2>&1"))
		SKIP("gdb");
	pid = start_victim();
	run_gdb(pid, out, sizeof(out));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (strstr(out, "ptrace: Operation not permitted"))
		SKIP("ptrace");
	call = strstr(out, "==call\n");
	inl = strstr(out, "==inline\n");
	end = strstr(out, "==end\n");
	if (!call || !inl || !end)
		FAIL("gdb said: %s", out);
	*call = *inl = *end = 0;
	expect_frames(out, running);
	expect_frames(call + 1, by_call);
	expect_frames(inl + 1, by_inline);
}

HARNESS_MAIN
