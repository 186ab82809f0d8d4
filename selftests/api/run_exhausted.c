// SPDX-License-Identifier: MIT
/* Starting a runtime when descriptors, memory or threads run out. */
#include "api_test.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

static void *tell(void *flag)
{
	TELL(*(int *)flag, 1);
	return NULL;
}

FIXTURE(scarce) { int flag; };
VARIANTS_WORKERS(scarce);

FIXTURE_SETUP(scarce)
{
	/* Once, so that what is made for good is there. */
	ASSERT_OK(oa_run(tell, &self->flag, .workers = variant->workers));
	self->flag = 0;
}

FIXTURE_TEARDOWN(scarce)
{
}

/* Either way of starting; the two must agree. */
static int start_either(int *flag, unsigned int workers, bool here)
{
	struct oa_runtime *rt = NULL;
	int err;

	if (here)
		return oa_run(tell, flag, .workers = workers);
	err = oa_start(&rt, tell, flag, .workers = workers);
	if (err) {
		EXPECT_NULL(rt);
		return err;
	}
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
	return 0;
}

/* The line of oa_features() that tells of the last start names @limit. */
static void expect_named(const char *limit)
{
	char text[8192];
	const char *line;

	ASSERT_LT(oa_features(text, sizeof(text)), sizeof(text));
	line = strstr(text, "\nstart: no, ");
	if (!limit) {
		EXPECT_NULL(line);
		return;
	}
	ASSERT_NOT_NULL(line);
	EXPECT_NOT_NULL(strstr(line, limit));
}

/*
 * Room for one more descriptor each time, until it starts: never is anything
 * left behind, and the error names the limit.
 */
static void with_few_descriptors(int *flag, unsigned int workers, bool here)
{
	struct rlimit all, rl;
	struct harness_leaks leaks;
	int err = -EMFILE;
	rlim_t n;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &all));
	harness_leaks_begin(&leaks);
	for (n = 3; n < 300 && err; n++) {
		rl = all;
		rl.rlim_cur = n;
		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &rl));
		*flag = 0;
		err = start_either(flag, workers, here);
		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &all));
		EXPECT_NO_LEAKS(&leaks);
		ASSERT_EQ(err ? 0 : 1, SEEN(*flag));
		if (err)
			ASSERT_ERR(err, -EMFILE);
		expect_named(err ? "RLIMIT_NOFILE" : NULL);
	}
	EXPECT_GT(n, 4u);
	EXPECT_OK(err);
}

TEST_F(scarce, oa_run_with_few_descriptors)
{
	with_few_descriptors(&self->flag, variant->workers, true);
}

TEST_F(scarce, oa_start_with_few_descriptors)
{
	with_few_descriptors(&self->flag, variant->workers, false);
}

static size_t address_space(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	ASSERT_NOT_NULL(f);
	ASSERT_EQ(1, fscanf(f, "%lu", &pages));
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void with_little_memory(int *flag, unsigned int workers, bool here)
{
	struct harness_leaks leaks;
	struct rlimit all, rl;
	size_t more, step = 192 << 10;
	int err = -ENOMEM, failed = 0;

	if (harness_slow())
		SKIP("a bound on address space under %s", harness_slow());
	ASSERT_EQ(0, getrlimit(RLIMIT_AS, &all));
	harness_leaks_begin(&leaks);
	for (more = 0; more < (256u << 20) && err; more += step) {
		rl = all;
		rl.rlim_cur = address_space() + more;
		*flag = 0;
		ASSERT_EQ(0, setrlimit(RLIMIT_AS, &rl));
		err = start_either(flag, workers, here);
		ASSERT_EQ(0, setrlimit(RLIMIT_AS, &all));
		EXPECT_NO_LEAKS(&leaks);
		if (err) {
			failed++;
			ASSERT_TRUE(err == -ENOMEM || err == -EAGAIN);
			ASSERT_EQ(0, SEEN(*flag));
			expect_named("RLIMIT_AS");
		} else if (!SEEN(*flag)) {
			/* It came up, but had no stack for the task. */
			err = -ENOMEM;
		}
		step += step / 8;
	}
	EXPECT_GT(failed, 0);
	EXPECT_OK(err);
}

TEST_F(scarce, oa_run_with_little_memory)
{
	with_little_memory(&self->flag, variant->workers, true);
}

TEST_F(scarce, oa_start_with_little_memory)
{
	with_little_memory(&self->flag, variant->workers, false);
}

/* An allocator that gives out so many pieces and then no more. */

struct miser {
	int left;
	int out;
};

static void *miser_alloc(size_t size, size_t align, void *ctx)
{
	struct miser *m = ctx;

	if (__atomic_fetch_sub(&m->left, 1, __ATOMIC_RELAXED) <= 0)
		return NULL;
	__atomic_fetch_add(&m->out, 1, __ATOMIC_RELAXED);
	return aligned_alloc(align, (size + align - 1) & ~(align - 1));
}

static void miser_free(void *p, size_t size, void *ctx)
{
	struct miser *m = ctx;

	(void)size;
	__atomic_fetch_sub(&m->out, 1, __ATOMIC_RELAXED);
	free(p);
}

TEST_F(scarce, with_an_allocator_that_gives_out)
{
	struct harness_leaks leaks;
	int err = -ENOMEM, n;

	harness_leaks_begin(&leaks);
	for (n = 0; n < 300 && err; n++) {
		struct miser m = { .left = n };

		self->flag = 0;
		err = oa_run(tell, &self->flag, .workers = variant->workers,
			     .allocator = { miser_alloc, miser_free, &m });
		ASSERT_EQ(0, m.out);
		if (err) {
			ASSERT_ERR(err, -ENOMEM);
			ASSERT_EQ(0, SEEN(self->flag));
		}
	}
	EXPECT_NO_LEAKS(&leaks);
	/* At least the runtime, the table, a worker, its table, its ring. */
	EXPECT_GT(n, 4);
	EXPECT_OK(err);
}

static void *no_stacks(size_t size, size_t align, void *ctx)
{
	(void)size;
	(void)align;
	COUNT(*(unsigned int *)ctx);
	return NULL;
}

static void never_released(void *base, size_t size, void *ctx)
{
	(void)size;
	(void)ctx;
	FAIL("release of %p, which was never given", base);
}

struct no_memory { unsigned int asked, told, dropped; int err; };

static void on_event(const struct oa_runtime_event *ev, void *user)
{
	struct no_memory *n = user;

	if (ev->kind == OA_EVENT_NO_MEMORY)
		COUNT(n->told);
	if (ev->kind == OA_EVENT_DROP) {
		COUNT(n->dropped);
		TELL(n->err, (int)ev->value);
	}
}

TEST_F(scarce, a_task_without_a_stack_is_dropped)
{
	struct no_memory n = { 0 };
	struct oa_ended ended;

	ASSERT_ERR(oa_run(tell, &self->flag, .workers = variant->workers,
			  .stacks = { no_stacks, never_released, &n.asked },
			  .on_event = on_event, .user = &n, .ended = &ended),
		   -ENOMEM);
	EXPECT_EQ(0, self->flag);
	EXPECT_GE(n.asked, 1u);
	EXPECT_EQ(1u, n.told);
	EXPECT_EQ(1u, n.dropped);
	EXPECT_ERR(n.err, -ENOMEM);
	EXPECT_EQ(0u, ended.ran);
	EXPECT_EQ(1u, ended.dropped);
}

TEST(without_io_uring)
{
	char text[8192];
	int flag = 0;

	ASSERT_EQ(0, setenv("OA_DISABLE", "ring", 1));
	EXPECT_ERR(oa_run(tell, &flag), -ENOSYS);
	EXPECT_EQ(0, flag);
	ASSERT_LT(oa_features(text, sizeof(text)), sizeof(text));
	EXPECT_NOT_NULL(strstr(text, "ring: no"));
}

/* As in a container: the call gives that error from now on. */
static void forbid(unsigned int call, unsigned int err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { ARRAY_N(code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		SKIP("seccomp");
}

static void expect_forbidden(void)
{
	struct oa_runtime *rt = NULL;
	char text[8192];
	int flag = 0;

	EXPECT_ERR(oa_run(tell, &flag), -EPERM);
	EXPECT_ERR(oa_start(&rt, tell, &flag), -EPERM);
	EXPECT_EQ(0, flag);
	EXPECT_NULL(rt);
	oa_features(text, sizeof(text));
	EXPECT_NOT_NULL(strstr(text, "ring: no, io_uring is forbidden here"));
}

TEST(where_rings_are_forbidden)
{
	forbid(SYS_io_uring_setup, EPERM);
	expect_forbidden();
}

TEST(where_rings_may_be_made_and_not_used)
{
	forbid(SYS_io_uring_enter, EPERM);
	expect_forbidden();
}

/* All that is asked for on top of it has a stand-in. */
TEST(where_rings_may_not_be_changed)
{
	int flag = 0;

	forbid(SYS_io_uring_register, EPERM);
	EXPECT_OK(oa_run(tell, &flag, .workers = 2));
	EXPECT_EQ(1, flag);
}

TEST(without_descriptors_from_the_start)
{
	struct rlimit all, rl;
	char text[8192];
	int flag = 0;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &all));
	rl = all;
	rl.rlim_cur = 3;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &rl));
	EXPECT_ERR(oa_run(tell, &flag), -EMFILE);
	oa_features(text, sizeof(text));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &all));
	EXPECT_NOT_NULL(strstr(text, "RLIMIT_NOFILE"));
	/* Not for ever: once there are some, it starts. */
	EXPECT_OK(oa_run(tell, &flag));
	EXPECT_EQ(1, flag);
}

/* Returns what it was. */
static rlim_t lock_at_most(rlim_t bytes)
{
	struct rlimit rl;
	rlim_t was;

	ASSERT_EQ(0, getrlimit(RLIMIT_MEMLOCK, &rl));
	was = rl.rlim_cur;
	rl.rlim_cur = bytes;
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &rl));
	return was;
}

/* Root may lock what it likes; become somebody who may not. */
static rlim_t lose_rights(rlim_t locked)
{
	if (geteuid())
		SKIP("needs root");
	if (!harness_drop_root())
		SKIP("setresuid");
	return lock_at_most(locked);
}

/* From Linux 6.14 on: before that rings are not charged for. */
static void start_unlocked(unsigned int workers)
{
	struct oa_runtime *rt = NULL;
	int flag = 0, err;

	err = oa_run(tell, &flag, .workers = workers);
	if (!err)
		SKIP("rings that count against RLIMIT_MEMLOCK");
	EXPECT_ERR(err, -ENOMEM);
	expect_named("RLIMIT_MEMLOCK");
	EXPECT_ERR(oa_start(&rt, tell, &flag, .workers = workers), -ENOMEM);
	expect_named("RLIMIT_MEMLOCK");
	EXPECT_NULL(rt);
	EXPECT_EQ(0, flag);
}

static void with_too_little_locked(rlim_t locked, unsigned int workers)
{
	struct harness_leaks leaks;
	int flag = 0;
	rlim_t all;

	harness_leaks_begin(&leaks);
	all = lose_rights(locked);
	start_unlocked(workers);
	EXPECT_NO_LEAKS(&leaks);
	lock_at_most(all);
	EXPECT_OK(oa_run(tell, &flag, .workers = workers));
	EXPECT_EQ(1, flag);
	expect_named(NULL);
}

/* Not even for the ring that is made to see what the kernel can do. */
TEST(without_locked_memory_from_the_start)
{
	with_too_little_locked(0, 1);
}

/* It can make some of the rings, not all. */
TEST(with_locked_memory_for_some_of_the_workers)
{
	with_too_little_locked(32 << 10, 8);
}

/* The kernel gives back late what closed rings were charged for. */
TEST(one_after_the_other_with_little_locked_memory)
{
	int flag = 0;

	lose_rights(128 << 10);
	for (int i = 0; i < 30; i++) {
		flag = 0;
		ASSERT_OK(oa_run(tell, &flag, .workers = 2));
		ASSERT_EQ(1, flag);
	}
	expect_named(NULL);
}

#define SLEEPERS	300

static int flood[2];

static void *reads_a_byte(void *arg)
{
	char c;

	if (oa_read(flood[0], &c, 1) == 1)
		COUNT(*(unsigned int *)arg);
	return NULL;
}

static void *floods(void *arg)
{
	oa_task_t t[SLEEPERS];
	char text[SLEEPERS] = "";

	for (int i = 0; i < SLEEPERS; i++)
		t[i] = oa_spawn(reads_a_byte, arg);
	for (int i = 0; i < SLEEPERS; i++)
		task_wait_until(task_state(NULL, t[i]) == OA_TASK_PARKED);
	/* Each second one is asked to end, all at once: a full queue. */
	for (int i = 0; i < SLEEPERS; i += 2)
		ASSERT_OK(oa_cancel(t[i]));
	ASSERT_EQ(SLEEPERS, oa_write(flood[1], text, SLEEPERS));
	for (int i = 0; i < SLEEPERS; i++)
		ASSERT_OK(oa_join(t[i], NULL));
	return NULL;
}

/* Rings are then as small as must be, and have to do all the same. */
TEST(eight_workers_with_little_locked_memory)
{
	unsigned int n = 0;
	char text[64];

	/* The ring that is made to see what the kernel can do goes first. */
	oa_features(text, sizeof(text));
	lose_rights(64 << 10);
	ASSERT_EQ(0, pipe(flood));
	ASSERT_OK(oa_run(floods, &n, .workers = 8));
	EXPECT_GE(n, SLEEPERS / 2u);
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, close(flood[i]));
}

TEST(without_threads)
{
	struct rlimit all, rl;
	struct oa_runtime *rt = NULL;
	struct harness_leaks leaks;
	int flag = 0, err;

	ASSERT_EQ(0, getrlimit(RLIMIT_NPROC, &all));
	rl = all;
	rl.rlim_cur = 1;
	if (geteuid() == 0) {
		/* Root is above that limit; become somebody who is not. */
		harness_leaks_begin(&leaks);
		if (!harness_drop_root())
			SKIP("setresuid");
	} else {
		harness_leaks_begin(&leaks);
	}
	ASSERT_EQ(0, setrlimit(RLIMIT_NPROC, &rl));
	err = oa_run(tell, &flag, .workers = 4);
	if (!err)
		SKIP("RLIMIT_NPROC is not obeyed here");
	EXPECT_ERR(err, -EAGAIN);
	expect_named("RLIMIT_NPROC");
	EXPECT_ERR(oa_start(&rt, tell, &flag, .workers = 1), -EAGAIN);
	EXPECT_EQ(0, flag);
	EXPECT_NULL(rt);
	EXPECT_NO_LEAKS(&leaks);
	/* The calling thread alone is enough for this one. */
	EXPECT_OK(oa_run(tell, &flag, .workers = 1));
	EXPECT_EQ(1, flag);
	/* The leak sanitizer looks from a thread of its own. */
	ASSERT_EQ(0, setrlimit(RLIMIT_NPROC, &all));
}

HARNESS_MAIN
