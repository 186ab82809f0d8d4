// SPDX-License-Identifier: MIT
/* Setup and teardown, variants and their environment, leaks, what is tidied. */
#include "inner.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define harness_add_test inner_add_test

FIXTURE(inner) {
	int number;
};

FIXTURE_VARIANT(inner) {
	int given;
};

FIXTURE_VARIANT_ADD(inner, low) {
	.given = 1,
};

FIXTURE_VARIANT_ADD(inner, high, "OA_HARNESS_A=x", "OA_HARNESS_B=y=z") {
	.given = 1000,
};

FIXTURE_SETUP(inner)
{
	printf("setup %d\n", self->number);
	self->number = variant->given;
}

FIXTURE_TEARDOWN(inner)
{
	printf("teardown %d of %d\n", self->number, variant->given);
}

TEST_F(inner, order)
{
	const char *a = getenv("OA_HARNESS_A"), *b = getenv("OA_HARNESS_B");

	printf("body %d %s %s\n", self->number, a ? a : "-", b ? b : "-");
	self->number++;
}

TEST_F(inner, fails)
{
	ASSERT_EQ(self->number, 2);
}

static void *asserts(void *arg)
{
	ASSERT_EQ(arg, NULL);
	return arg;
}

TEST_F(inner, thread_fails)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, asserts, self));
	pthread_join(thread, NULL);
}

TEST_F(inner, skips)
{
	SKIP("not today");
}

FIXTURE(inner_broken) {
	int unused;
};

FIXTURE_SETUP(inner_broken)
{
	ASSERT_EQ(1, 2);
}

FIXTURE_TEARDOWN(inner_broken)
{
	puts("teardown");
}

TEST_F(inner_broken, body)
{
	puts("body");
}

FIXTURE(inner_stuck) {
	int unused;
};

FIXTURE_SETUP(inner_stuck)
{
}

FIXTURE_TEARDOWN(inner_stuck)
{
	for (;;)
		pause();
}

TEST_F(inner_stuck, body)
{
	ASSERT_EQ(1, 2);
}

FIXTURE(inner_matrix) {
	int unused;
};

VARIANTS_WORKERS(inner_matrix);

FIXTURE_SETUP(inner_matrix)
{
}

FIXTURE_TEARDOWN(inner_matrix)
{
}

TEST_F(inner_matrix, body)
{
	const char *park = getenv("OA_PARK");

	printf("%u %s\n", variant->workers, park ? park : "auto");
}

FIXTURE(inner_leak) {
	pthread_t thread;
	pthread_mutex_t lock;
};

FIXTURE_SETUP(inner_leak)
{
	pthread_mutex_init(&self->lock, NULL);
	pthread_mutex_lock(&self->lock);
}

FIXTURE_TEARDOWN(inner_leak)
{
}

static void *passes_by(void *lock)
{
	pthread_mutex_lock(lock);
	pthread_mutex_unlock(lock);
	return NULL;
}

TEST_F(inner_leak, none)
{
	int fd = dup(STDERR_FILENO);

	ASSERT_GE(fd, 0);
	close(fd);
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, passes_by,
				    &self->lock));
	pthread_mutex_unlock(&self->lock);
	pthread_join(self->thread, NULL);
}

TEST_F(inner_leak, descriptor)
{
	ASSERT_GE(dup(STDERR_FILENO), 0);
}

TEST_F(inner_leak, thread)
{
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, passes_by,
				    &self->lock));
}

static void fill_tmpdir(void)
{
	char path[300];

	printf("in %s\n", harness_tmpdir());
	snprintf(path, sizeof(path), "%s/below", harness_tmpdir());
	ASSERT_EQ(0, mkdir(path, 0700));
	snprintf(path, sizeof(path), "%s/below/file", harness_tmpdir());
	ASSERT_GE(open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600), 0);
}

TEST(inner_tmpdir)
{
	fill_tmpdir();
}

TEST(inner_tmpdir_crash)
{
	fill_tmpdir();
	abort();
}

#undef harness_add_test

TEST(each_variant_is_set_up_and_torn_down)
{
	EXPECT_STREQ(run_inner(".order"),
		     "TAP version 13\n"
		     "1..2\n"
		     "# setup 0\n"
		     "# body 1 - -\n"
		     "# teardown 2 of 1\n"
		     "ok 1 inner.low.order\n"
		     "# setup 0\n"
		     "# body 1000 x y=z\n"
		     "# teardown 1001 of 1000\n"
		     "ok 2 inner.high.order\n"
		     "# Totals: pass:2 fail:0 xfail:0 skip:0\n"
		     "exit code 0\n");
}

TEST(a_failed_assert_is_torn_down)
{
	const char *out = run_inner("low.fails");

	EXPECT_PRINTED(out, "expected self->number (1) == 2\n# teardown 1");
	EXPECT_PRINTED(out, "\nnot ok 1 inner.low.fails\n");
}

TEST(a_failed_assert_of_a_thread_is_not)
{
	const char *out = run_inner("low.thread_fails");

	EXPECT_NOT_PRINTED(out, "teardown");
	EXPECT_PRINTED(out, "\nnot ok 1 inner.low.thread_fails\n");
}

TEST(a_skip_is_torn_down)
{
	const char *out = run_inner("low.skips");

	EXPECT_PRINTED(out, "# teardown 1");
	EXPECT_PRINTED(out, "\nok 1 inner.low.skips # SKIP not today\n");
}

TEST(a_failed_setup_ends_the_test)
{
	const char *out = run_inner("inner_broken");

	EXPECT_NOT_PRINTED(out, "# body");
	EXPECT_NOT_PRINTED(out, "# teardown");
	EXPECT_PRINTED(out, "\nnot ok 1 inner_broken.body\n");
}

TEST(a_stuck_teardown_ends_soon)
{
	const char *out = run_inner("inner_stuck");

	EXPECT_PRINTED(out, "the teardown after a failure does not end\n");
	EXPECT_PRINTED(out, "\nnot ok 1 inner_stuck.body\n");
}

TEST(the_matrix_has_workers_and_parks)
{
	const char *out = run_inner("inner_matrix");

	EXPECT_PRINTED(out, "# 1 auto\nok 1 inner_matrix.w1.body\n"
		       "# 1 ring\nok 2 inner_matrix.w1_ring.body\n"
		       "# 2 auto\nok 3 inner_matrix.w2.body\n"
		       "# 2 ring\nok 4 inner_matrix.w2_ring.body\n"
		       "# 8 auto\nok 5 inner_matrix.w8.body\n"
		       "# 8 ring\nok 6 inner_matrix.w8_ring.body\n");
}

TEST(a_leak_is_a_failure)
{
	const char *out;

	EXPECT_PRINTED(run_inner("inner_leak.none"),
		       "\nok 1 inner_leak.none\n");
	out = run_inner("inner_leak.descriptor");
	EXPECT_PRINTED(out, "leak: descriptors ");
	EXPECT_PRINTED(out, "\nnot ok 1 inner_leak.descriptor\n");
	out = run_inner("inner_leak.thread");
	EXPECT_PRINTED(out, "leak: descriptors ");
	EXPECT_PRINTED(out, "\nnot ok 1 inner_leak.thread\n");
}

static void *ends(void *arg)
{
	return arg;
}

TEST(a_joined_thread_is_no_leak)
{
	struct harness_leaks leaks;
	pthread_t thread;

	for (int i = 0; i < 200; i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, ends, NULL));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		harness_leaks_begin(&leaks);
		EXPECT_NO_LEAKS(&leaks);
	}
}

static void expect_gone(const char *out)
{
	const char *path = strstr(out, "# in /");
	char name[300];
	struct stat st;

	ASSERT_NOT_NULL(path);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(path + 5, "\n"),
		 path + 5);
	EXPECT_EQ(-1, stat(name, &st));
	EXPECT_EQ(ENOENT, errno);
}

TEST(the_directory_of_a_test_goes_with_it)
{
	expect_gone(run_inner("inner_tmpdir"));
	expect_gone(run_inner("inner_tmpdir_crash"));
}

TEST(what_is_observed_is_so)
{
	unsigned int fds = harness_nr_fds();
	int fd = dup(STDERR_FILENO);
	size_t size = 32 << 20, before = harness_rss();
	volatile char *p;

	EXPECT_EQ(fds + 1, harness_nr_fds());
	close(fd);
	EXPECT_EQ(fds, harness_nr_fds());
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(p, MAP_FAILED);
	for (size_t i = 0; i < size; i += 4096)
		p[i] = 1;
	EXPECT_GE(harness_rss(), before + size / 2);
	setenv("OA_SEED", "0x12", 1);
	EXPECT_EQ(0x12, harness_seed());
}

HARNESS_MAIN
