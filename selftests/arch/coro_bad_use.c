/* SPDX-License-Identifier: MIT */
/* Every wrong use of a coroutine has its error, and an overflow its signal. */
#include "selftests/harness.h"

#include <oa/coro.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

static void *nothing(void *arg)
{
	return arg;
}

static struct oa_coro *outer, *inner;

TEST(create_refuses_what_it_cannot_use)
{
	struct oa_coro_opts opts = OA_CORO_OPTS_INIT;
	struct oa_coro *co = NULL;

	EXPECT_ERR(oa_coro_create(NULL, nothing, NULL), -EINVAL);
	EXPECT_ERR(oa_coro_create(&co, NULL, NULL), -EINVAL);
	opts.size = 0;
	EXPECT_ERR(oa_coro_create_with(&co, nothing, NULL, &opts), -EINVAL);
	EXPECT_ERR(oa_coro_create(&co, nothing, NULL, .stack_size = 16383),
		   -EINVAL);
	EXPECT_ERR(oa_coro_create(&co, nothing, NULL, .stack_size = SIZE_MAX),
		   -ENOMEM);
	EXPECT_ERR(oa_coro_create(&co, nothing, NULL,
				  .stack_size = SIZE_MAX / 8), -ENOMEM);
	EXPECT_NULL(co);
}

TEST(options_of_another_version_are_read_as_far_as_known)
{
	struct {
		struct oa_coro_opts opts;
		char later[64];
	} longer = { .opts.size = sizeof(longer), .opts.name = "longer" };
	struct oa_coro_opts shorter = { .size = sizeof(shorter.size),
					.name = "not looked at" };
	struct oa_coro *co;

	ASSERT_OK(oa_coro_create_with(&co, nothing, NULL, &longer.opts));
	EXPECT_STREQ(oa_coro_name(co), "longer");
	EXPECT_OK(oa_coro_destroy(co));
	ASSERT_OK(oa_coro_create_with(&co, nothing, NULL, &shorter));
	EXPECT_STREQ(oa_coro_name(co), "");
	EXPECT_OK(oa_coro_destroy(co));
	ASSERT_OK(oa_coro_create_with(&co, nothing, NULL, NULL));
	EXPECT_OK(oa_coro_destroy(co));
}

TEST(no_coroutine_gives_einval)
{
	EXPECT_EQ(oa_err_code(oa_coro_resume(NULL, NULL)), -EINVAL);
	EXPECT_ERR(oa_coro_state(NULL), -EINVAL);
	EXPECT_ERR(oa_coro_destroy(NULL), -EINVAL);
	EXPECT_EQ(oa_err_code(oa_coro_name(NULL)), -EINVAL);
}

TEST(suspending_outside_gives_eperm)
{
	struct oa_coro *co;

	EXPECT_EQ(oa_err_code(oa_coro_suspend(NULL)), -EPERM);
	ASSERT_OK(oa_coro_create(&co, nothing, NULL));
	EXPECT_EQ(oa_err_code(oa_coro_suspend(NULL)), -EPERM);
	oa_coro_resume(co, NULL);
	EXPECT_EQ(oa_err_code(oa_coro_suspend(NULL)), -EPERM);
	EXPECT_OK(oa_coro_destroy(co));
}

TEST(resuming_one_that_is_done_gives_esrch)
{
	struct oa_coro *co;

	ASSERT_OK(oa_coro_create(&co, nothing, &co));
	EXPECT_EQ(oa_coro_resume(co, NULL), (void *)&co);
	EXPECT_EQ(oa_err_code(oa_coro_resume(co, NULL)), -ESRCH);
	EXPECT_EQ(oa_err_code(oa_coro_resume(co, NULL)), -ESRCH);
	EXPECT_EQ(oa_coro_state(co), OA_CORO_DONE);
	EXPECT_OK(oa_coro_destroy(co));
}

static void *meddles_with_itself(void *arg)
{
	(void)arg;
	EXPECT_EQ(oa_err_code(oa_coro_resume(outer, NULL)), -EBUSY);
	EXPECT_ERR(oa_coro_destroy(outer), -EBUSY);
	return oa_coro_suspend((void *)1);
}

TEST(one_that_runs_gives_ebusy)
{
	ASSERT_OK(oa_coro_create(&outer, meddles_with_itself, NULL));
	EXPECT_EQ(oa_coro_resume(outer, NULL), (void *)1);
	EXPECT_EQ(oa_coro_resume(outer, (void *)2), (void *)2);
	EXPECT_OK(oa_coro_destroy(outer));
}

static void *meddles_with_outer(void *arg)
{
	(void)arg;
	EXPECT_EQ(oa_coro_state(outer), OA_CORO_RUNNING);
	EXPECT_EQ(oa_err_code(oa_coro_resume(outer, NULL)), -EBUSY);
	EXPECT_ERR(oa_coro_destroy(outer), -EBUSY);
	oa_coro_suspend(NULL);
	return NULL;
}

static void *resumes_inner(void *arg)
{
	(void)arg;
	return oa_coro_resume(inner, NULL);
}

TEST(one_that_resumed_another_gives_ebusy)
{
	ASSERT_OK(oa_coro_create(&outer, resumes_inner, NULL));
	ASSERT_OK(oa_coro_create(&inner, meddles_with_outer, NULL));
	EXPECT_NULL(oa_coro_resume(outer, NULL));
	EXPECT_EQ(oa_coro_state(outer), OA_CORO_DONE);
	EXPECT_EQ(oa_coro_state(inner), OA_CORO_SUSPENDED);
	EXPECT_OK(oa_coro_destroy(outer));
	EXPECT_OK(oa_coro_destroy(inner));
}

TEST(errno_is_not_touched)
{
	struct oa_coro *co;

	errno = EXDEV;
	EXPECT_ERR(oa_coro_create(&co, nothing, NULL,
				  .stack_size = SIZE_MAX / 8), -ENOMEM);
	EXPECT_EQ(errno, EXDEV);
	ASSERT_OK(oa_coro_create(&co, nothing, NULL));
	EXPECT_EQ(errno, EXDEV);
	oa_coro_resume(co, NULL);
	EXPECT_OK(oa_coro_destroy(co));
	EXPECT_EQ(errno, EXDEV);
}

TEST(memory_that_runs_out_gives_enomem)
{
	struct rlimit limit = { 1ul << 30, 1ul << 30 };
	struct oa_coro *co[64];
	size_t n = 0;
	int err;

	if (harness_slow())
		SKIP("a limit on address space with %s", harness_slow());
	ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
	ASSERT_EQ(getrlimit(RLIMIT_AS, &limit), 0);
	if (limit.rlim_cur != 1ul << 30)
		SKIP("RLIMIT_AS (an emulator ignores it)");
	for (;;) {
		err = oa_coro_create(&co[n], nothing, NULL,
				     .stack_size = 64 << 20);
		if (err)
			break;
		ASSERT_LT(++n, 64);
	}
	EXPECT_EQ(err, -ENOMEM);
	EXPECT_GT(n, 0);
	while (n)
		EXPECT_OK(oa_coro_destroy(co[--n]));
}

static void forbid_guards(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		SKIP("seccomp");
}

static unsigned long pages_mapped(void)
{
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[64] = "";

	ASSERT_GE(fd, 0);
	ASSERT_GT(read(fd, text, sizeof(text) - 1), 0);
	ASSERT_EQ(close(fd), 0);
	return strtoul(text, NULL, 10);
}

TEST(a_stack_that_cannot_be_guarded_gives_enomem)
{
	struct oa_coro *co = NULL;
	unsigned long pages;

	if (harness_slow())
		SKIP("calls that are forbidden with %s", harness_slow());
	forbid_guards();
	pages = pages_mapped();
	for (int i = 0; i < 3; i++)
		EXPECT_ERR(oa_coro_create(&co, nothing, NULL), -ENOMEM);
	EXPECT_NULL(co);
	EXPECT_EQ(pages, pages_mapped());
}

/* Not static: no compiler may prove that it never ends. */
uintptr_t overflows(uintptr_t depth);

uintptr_t __attribute__((noinline)) overflows(uintptr_t depth)
{
	volatile char pad[512];

	pad[0] = (char)depth;
	return depth > (uintptr_t)1 << 40 ? 0 : overflows(depth + 1) + pad[0];
}

static uintptr_t began;

static void *recurses(void *arg)
{
	began = (uintptr_t)__builtin_frame_address(0);
	return (void *)overflows((uintptr_t)arg);
}

/* Dies by the signal if it hit the page below the stack. */
static void on_segv(int sig, siginfo_t *info, void *uc)
{
	uintptr_t depth = began - (uintptr_t)info->si_addr;

	(void)uc;
	if (depth < (256 << 10) - 4096 || depth > (256 << 10) + 8192)
		abort();
	signal(sig, SIG_DFL);
}

TEST_SIGNAL(an_overflow_meets_the_guard_page, SIGSEGV)
{
	struct sigaction sa = { .sa_sigaction = on_segv,
				.sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t alt = { .ss_size = 65536 };
	struct oa_coro *co;

	if (harness_slow())
		SKIP("a handler of our own with %s", harness_slow());
	alt.ss_sp = malloc(alt.ss_size);
	ASSERT_NOT_NULL(alt.ss_sp);
	ASSERT_EQ(sigaltstack(&alt, NULL), 0);
	ASSERT_EQ(sigaction(SIGSEGV, &sa, NULL), 0);
	ASSERT_OK(oa_coro_create(&co, recurses, NULL));
	oa_coro_resume(co, NULL);
	FAIL("it came back");
}

HARNESS_MAIN
