// SPDX-License-Identifier: MIT
/*
 * The test's own process and its stages.  From a failed assertion only the main
 * thread on its own stack comes back for the teardown; from a task's stack or
 * another thread there is no way to it.
 */
#include "harness_priv.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEARDOWN_GRACE	2	/* seconds, once the test has failed */

static struct {
	pid_t pid;
	char *stack_base;
	size_t stack_size;
	sigjmp_buf env;
	bool in_stage;
	int bail_code;		/* set once: after it only the teardown runs */
	bool leaves_inside;
} child;

static bool on_main_stack(void)
{
	char *here = __builtin_frame_address(0);

	return getpid() == child.pid && syscall(SYS_gettid) == child.pid &&
	       here <= child.stack_base &&
	       (size_t)(child.stack_base - here) < child.stack_size;
}

void harness_end_test(int code)
{
	if (on_main_stack() && child.in_stage)
		siglongjmp(child.env, code);
	_exit(code);
}

void harness_leaves_inside(void)
{
	__atomic_store_n(&child.leaves_inside, true, __ATOMIC_RELAXED);
}

bool harness_in_teardown(void)
{
	return on_main_stack() && child.bail_code;
}

static void on_dump_signal(int signo HARNESS_UNUSED)
{
	int saved = errno;

	if (harness_dump)
		harness_dump(harness_current.out);
	__atomic_store_n(&harness_current.shared->dumped, true,
			 __ATOMIC_RELEASE);
	errno = saved;
}

static void on_teardown_alarm(int signo HARNESS_UNUSED)
{
	harness_log(NULL, 0, "the teardown after a failure does not end");
	_exit(HARNESS_EXIT_FAIL);
}

/* The dump comes on a stack of its own: the main thread may be in a task. */
static void install_handlers(void)
{
	static char stack[64 << 10];
	stack_t old, ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction sa = {
		.sa_handler = on_dump_signal,
		.sa_flags = SA_ONSTACK | SA_RESTART,
	};

	/* The address sanitizer has put one there and will unmap it. */
	if (!sigaltstack(NULL, &old) && (old.ss_flags & SS_DISABLE))
		sigaltstack(&ss, NULL);
	sigaction(SIGUSR1, &sa, NULL);
}

static void apply_env(const char *const *env)
{
	char name[64];
	const char *eq;

	for (; env && *env; env++) {
		eq = strchr(*env, '=');
		if (!eq || (size_t)(eq - *env) >= sizeof(name)) {
			fprintf(stderr, "bad variant variable: %s\n", *env);
			_exit(HARNESS_EXIT_FAIL);
		}
		memcpy(name, *env, (size_t)(eq - *env));
		name[eq - *env] = '\0';
		setenv(name, eq + 1, 1);
	}
}

static void note_stack(char *base)
{
	struct rlimit rl;

	child.stack_base = base;
	child.stack_size = 64 << 20;
	if (!getrlimit(RLIMIT_STACK, &rl) && rl.rlim_cur < child.stack_size)
		child.stack_size = rl.rlim_cur;
}

/* Returns 0, or the exit code with which the stage was left. */
static int run_stage(void (*fn)(const void *), const void *variant)
{
	int code;

	if (!fn)
		return 0;
	note_stack(__builtin_frame_address(0));
	code = sigsetjmp(child.env, 1);
	if (!code) {
		child.in_stage = true;
		fn(variant);
	} else if (!child.bail_code) {
		child.bail_code = code;
		signal(SIGALRM, on_teardown_alarm);
		alarm((unsigned int)(TEARDOWN_GRACE * harness_scale()) + 1);
	}
	child.in_stage = false;
	return code;
}

static void run_stages(const struct harness_test *t, const void *variant)
{
	const struct harness_fixture *f = t->fixture;
	bool leaves = t->leaves || (f && f->leaves);
	struct harness_leaks leaks;
	int code;

	harness_leaks_begin(&leaks);
	if (harness_inside_begin)
		harness_inside_begin();
	if (run_stage(f ? f->setup : NULL, variant))
		return;
	code = run_stage(t->fn, variant);
	if (run_stage(f ? f->teardown : NULL, variant) || code)
		return;
	if (leaves)
		return;
	harness_leaks_end(&leaks, NULL, 0);
	if (harness_inside_end && !child.leaves_inside)
		harness_inside_end();
}

void harness_child(void)
{
	const struct harness_test *t = harness_current.test;
	const struct harness_variant *v = harness_current.variant;
	struct harness_shared *s = harness_current.shared;

	child.pid = getpid();
	child.bail_code = 0;
	child.leaves_inside = false;
	install_handlers();
	apply_env(v ? v->env : NULL);
	if (t->signal)
		signal(t->signal, SIG_DFL);
	run_stages(t, v ? v->data : NULL);
	if (getpid() != child.pid) {
		harness_log(NULL, 0, "a forked process came out of the test");
		__atomic_fetch_add(&s->failures, 1, __ATOMIC_RELAXED);
		_exit(HARNESS_EXIT_FAIL);
	}
	__atomic_store_n(&s->finished, true, __ATOMIC_RELEASE);
	if (harness_current.debug)
		return;
	fflush(stdout);
	if (child.bail_code)
		_exit(child.bail_code);
	/* Not _exit(): leak and race reports come at the end. */
	exit(s->failures ? HARNESS_EXIT_FAIL : HARNESS_EXIT_PASS);
}
