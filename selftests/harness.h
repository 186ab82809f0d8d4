/* SPDX-License-Identifier: MIT */
/*
 * Test harness in the manner of the kernel's kselftest_harness.h.
 *
 * Every test runs in a child process of its own, leader of its process group;
 * the parent stays single threaded, reads what the child prints, bounds its
 * time and writes TAP 13.
 *
 *	TEST(a_phrase) { EXPECT_EQ(4, 2 + 2); }
 *	HARNESS_MAIN
 *
 * EXPECT_ records a failure, goes on and is true if it held; ASSERT_ ends the
 * test.  They are legal on every stack: in tasks, in threads of any kind, in
 * processes forked by the test.  A failed ASSERT_ goes on with the teardown if
 * it is on the main thread's own stack; elsewhere it ends the process at once.
 *
 * Options of TEST() and TEST_F() are designated: .timeout (seconds, default 30,
 * multiplied as harness_scale() says), .signal (the test must die by it),
 * .leaves (things are left at its end: LEAVES_THINGS()).
 */
#ifndef OA_SELFTESTS_HARNESS_H
#define OA_SELFTESTS_HARNESS_H

#include "harness_check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HARNESS_TIMEOUT	30

struct harness_variant {
	const char *name;
	const void *data;
	const char *const *env;		/* "A=B" strings, ended by NULL */
	struct harness_variant *next;
};

struct harness_fixture {
	const char *name;
	void (*setup)(const void *variant);
	void (*teardown)(const void *variant);
	struct harness_variant *variants, *last;
	bool leaves;
};

struct harness_test {
	const char *name;
	void (*fn)(const void *variant);
	struct harness_fixture *fixture;
	int timeout;
	int signal;
	bool leaves;
	struct harness_test *next;
};

void harness_add_test(struct harness_test *test);
void harness_add_variant(struct harness_fixture *f, struct harness_variant *v);
int harness_run(int argc, char **argv);

#define HARNESS_MAIN \
	int main(int argc, char **argv) \
	{ \
		return harness_run(argc, argv); \
	}

#define HARNESS_UNUSED		__attribute__((unused))

/* Tests. */

#define TEST(_name, ...) \
	static void test_##_name(void); \
	static void test_##_name##_run(const void *v HARNESS_UNUSED) \
	{ \
		test_##_name(); \
	} \
	HARNESS_REGISTER(test_##_name, .name = #_name, \
			 .fn = test_##_name##_run, ##__VA_ARGS__) \
	static void test_##_name(void)

#define TEST_TIMEOUT(name, seconds)	TEST(name, .timeout = (seconds))
#define TEST_SIGNAL(name, signo)	TEST(name, .signal = (signo))

#define HARNESS_REGISTER(id, ...) \
	static void __attribute__((constructor)) id##_register(void) \
	{ \
		static struct harness_test t = { __VA_ARGS__ }; \
		harness_add_test(&t); \
	}

/*
 * Fixtures: FIXTURE(f) { fields }; then FIXTURE_SETUP(f) and
 * FIXTURE_TEARDOWN(f), both required, with bodies that see `self` (zeroed
 * static storage, alike from every stack) and `variant`.
 */

#define FIXTURE_DATA(f)		struct f##_fixture_data
#define FIXTURE_VARIANT(f)	struct f##_fixture_variant
#define HARNESS_ARGS(f) \
	FIXTURE_DATA(f) *self HARNESS_UNUSED, \
	const FIXTURE_VARIANT(f) *variant HARNESS_UNUSED

#define FIXTURE(f) \
	FIXTURE_DATA(f); \
	FIXTURE_VARIANT(f); \
	static void f##_fixture_setup_run(const void *variant); \
	static void f##_fixture_teardown_run(const void *variant); \
	static struct harness_fixture f##_fixture = { \
		.name = #f, \
		.setup = f##_fixture_setup_run, \
		.teardown = f##_fixture_teardown_run, \
	}; \
	FIXTURE_DATA(f)

/* A typed function and the one that the harness calls, which gives it self. */
#define HARNESS_STAGE(f, id) \
	static FIXTURE_DATA(f) f##_fixture_self; \
	static void id(HARNESS_ARGS(f)); \
	static void id##_run(const void *variant) \
	{ \
		id(&f##_fixture_self, variant); \
	}

#define FIXTURE_SETUP(f) \
	HARNESS_STAGE(f, f##_fixture_setup) \
	static void f##_fixture_setup(HARNESS_ARGS(f))

#define FIXTURE_TEARDOWN(f) \
	HARNESS_STAGE(f, f##_fixture_teardown) \
	static void f##_fixture_teardown(HARNESS_ARGS(f))

#define TEST_F(f, _name, ...) \
	HARNESS_STAGE(f, f##_##_name##_test) \
	HARNESS_REGISTER(f##_##_name##_test, .name = #_name, \
			 .fn = f##_##_name##_test_run, \
			 .fixture = &f##_fixture, ##__VA_ARGS__) \
	static void f##_##_name##_test(HARNESS_ARGS(f))

#define TEST_F_TIMEOUT(f, name, seconds) TEST_F(f, name, .timeout = (seconds))
#define TEST_F_SIGNAL(f, name, signo)	TEST_F(f, name, .signal = (signo))

/*
 * FIXTURE_VARIANT(f) { fields }; declares what varies, after it each
 * FIXTURE_VARIANT_ADD(f, name [, "VARIABLE=value" ...]) { .field = x }; runs
 * every test of the fixture once more, with these variables in its environment.
 */
#define FIXTURE_VARIANT_ADD(f, _name, ...) \
	static const FIXTURE_VARIANT(f) f##_##_name##_variant; \
	static void __attribute__((constructor)) \
	f##_##_name##_variant_register(void) \
	{ \
		static const char *const env[] = { "", ##__VA_ARGS__, NULL }; \
		static struct harness_variant v = { \
			.name = #_name, \
			.data = &f##_##_name##_variant, \
			.env = env + 1, \
		}; \
		harness_add_variant(&f##_fixture, &v); \
	} \
	static const FIXTURE_VARIANT(f) f##_##_name##_variant =

/* The matrix of workers and parks; .workers is the variant's only field. */
#define VARIANTS_WORKERS(f) \
	FIXTURE_VARIANT(f) { unsigned int workers; }; \
	VARIANTS_WORKERS_ADD(f)

/* The same for a FIXTURE_VARIANT of one's own that has .workers. */
#define VARIANTS_WORKERS_ADD(f, ...) \
	HARNESS_PARKS(f, 1, ##__VA_ARGS__) \
	HARNESS_PARKS(f, 2, ##__VA_ARGS__) \
	HARNESS_PARKS(f, 8, ##__VA_ARGS__) \
	struct harness_variant

#define HARNESS_PARKS(f, n, ...) \
	FIXTURE_VARIANT_ADD(f, w##n) { .workers = n, ##__VA_ARGS__ }; \
	FIXTURE_VARIANT_ADD(f, w##n##_ring, "OA_PARK=ring") { \
		.workers = n, ##__VA_ARGS__ };

/*
 * Each test must leave as many threads and descriptors, as much of the library's
 * memory and as many objects of its slabs after teardown as there were before
 * setup, but those of this fixture.
 */
#define LEAVES_THINGS(f) \
	static void __attribute__((constructor)) f##_leaves_things(void) \
	{ \
		f##_fixture.leaves = true; \
	} \
	struct harness_fixture

void harness_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((cold, noreturn, format(printf, 3, 4)));
void harness_log(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void harness_skip(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));
void harness_xfail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Ends the test as failed, with a formatted text. */
#define FAIL(...)		harness_fail(__FILE__, __LINE__, __VA_ARGS__)
/* One line `# file:line:test: text` of the test's diagnostics. */
#define TEST_LOG(...)		harness_log(__FILE__, __LINE__, __VA_ARGS__)

/* Ends the test here; the reason (a format) names the missing capability. */
#define SKIP(...)		harness_skip(__VA_ARGS__)
/* From here on the test is known to fail; that it passes is a failure. */
#define XFAIL(...)		harness_xfail(__VA_ARGS__)

/* Observing state. */

struct harness_wait {
	const char *file;
	int line;
	const char *cond;
	unsigned int rounds;
};

/* Gives way for a moment; fails and ends the test near the test's timeout. */
void harness_wait_step(struct harness_wait *w);

/* For threads.  A task must let others run: task_wait_until(). */
#define wait_until(cond)	HARNESS_WAIT_UNTIL(cond, #cond, (void)0)
#define HARNESS_WAIT_UNTIL(cond_, text, step) do { \
	struct harness_wait _hw = { __FILE__, __LINE__, text, 0 }; \
	while (!(cond_)) { \
		step; \
		harness_wait_step(&_hw); \
	} \
} while (0)

/* Of this process; none allocates but where it says so. */
unsigned int harness_nr_fds(void);
unsigned int harness_nr_threads(void);
/* Threads but for the caller that do not sleep. It allocates. */
unsigned int harness_nr_others_at_work(void);
size_t harness_rss(void);		/* bytes */

struct harness_leaks {
	unsigned int fds, threads;
};

/* For a test that leaves memory or objects of the library, nothing else. */
void harness_leaves_inside(void);

void harness_leaks_begin(struct harness_leaks *l);
/* Waits for threads that are ending, then a failure for what is left. */
void harness_leaks_end(const struct harness_leaks *l, const char *file,
		       int line);
#define EXPECT_NO_LEAKS(l)	harness_leaks_end(l, __FILE__, __LINE__)

/* A directory of this test's own; removed after it, whatever became of it. */
const char *harness_tmpdir(void);

/*
 * Root becomes a user of this test's own: what users are accounted for, others
 * that run as nobody take a part of. False: it may not, or there are no others.
 */
bool harness_drop_root(void);

/* OA_SEED, or a random number; logged when it is first asked for. */
uint64_t harness_seed(void);

/* By how much timeouts are stretched: OA_TEST_TIMEOUT_SCALE, x5 if slow. */
double harness_scale(void);
/* Runs under a sanitizer, valgrind or an emulator; its name, else NULL. */
const char *harness_slow(void);
/*
 * A count for large tests: `n`, or `less` when slow or where OA_TEST_SLOW names
 * a slow machine, which it then logs.
 */
#define SCALED(n, less)		harness_scaled(n, less, __FILE__, __LINE__)
long harness_scaled(long n, long less, const char *file, int line);

/*
 * Hook, defined by whoever has something to show (tasks): called in the child
 * from a signal handler on timeout, and when wait_until() gives up.
 */
void harness_dump(int fd) __attribute__((weak));

#endif
