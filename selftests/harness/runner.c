// SPDX-License-Identifier: MIT
/* The runner, over shell scripts that behave like test programs, or do not. */
#include "inner.h"

#include <sys/stat.h>

FIXTURE(runner) {
	char run[4096];
	char *argv[32];
	int argc;
	struct output o;
};

static void arg(FIXTURE_DATA(runner) *self, const char *s)
{
	char *copy = strdup(s);

	ASSERT_NOT_NULL(copy);
	ASSERT_LT(self->argc, 31);
	self->argv[self->argc++] = copy;
}

/* The runner is where the folders of test programs are. */
FIXTURE_SETUP(runner)
{
	ssize_t n = readlink("/proc/self/exe", self->run,
			     sizeof(self->run) - 8);
	char *slash;

	ASSERT_GT(n, 0);
	self->run[n] = '\0';
	for (int i = 0; i < 2; i++) {
		slash = strrchr(self->run, '/');
		ASSERT_NOT_NULL(slash);
		*slash = '\0';
	}
	strcat(self->run, "/run");
	if (access(self->run, X_OK))
		SKIP("no runner beside the tests");
	ASSERT_EQ(0, chdir(harness_tmpdir()));
	ASSERT_EQ(0, mkdir("a", 0700));
	arg(self, self->run);
	for (const char *const *s = (const char *const []){
		"-b", harness_tmpdir(), "-s", harness_tmpdir(), "-l", "log",
		NULL }; *s; s++)
		arg(self, *s);
}

FIXTURE_TEARDOWN(runner)
{
	while (self->argc)
		free(self->argv[--self->argc]);
}

static void write_file(const char *path, const char *head, const char *body)
{
	FILE *f = fopen(path, "we");

	ASSERT_NOT_NULL(f);
	fprintf(f, "%s%s", head, body);
	ASSERT_EQ(0, fclose(f));
	ASSERT_EQ(0, chmod(path, 0700));
}

static void program(FIXTURE_DATA(runner) *self, const char *name,
		    const char *body)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", harness_tmpdir(), name);
	write_file(path, "#!/bin/sh\n", body);
	arg(self, path);
}

static const char *run(FIXTURE_DATA(runner) *self)
{
	capture(self->argv, &self->o);
	snprintf(self->o.text + self->o.len,
		 sizeof(self->o.text) - self->o.len, "exit code %d\n",
		 self->o.code);
	return self->o.text;
}

TEST_F(runner, counts_tests)
{
	program(self, "a/one", "echo 1..2; echo ok 1 x; echo ok 2 y");
	program(self, "a/two", "echo 1..1; echo 'ok 1 z # SKIP no ring'");
	EXPECT_PRINTED(run(self), "# skipped: no ring\n"
		       "2 passed, 0 failed, 1 skipped\nexit code 0\n");
	EXPECT_PRINTED(self->o.text, "ok a/one (2 tests, ");
	EXPECT_PRINTED(self->o.text, "ok a/two (1 test, 1 skipped, ");
}

TEST_F(runner, shows_what_failed)
{
	program(self, "a/bad",
		"echo 1..3; echo '# fine'; echo ok 1 x; echo '# the reason'\n"
		"echo 'not ok 2 f.w1.y # SIGSEGV'; echo 'not ok 3 z # TODO 9'\n"
		"exit 1");
	EXPECT_PRINTED(run(self), "not ok a/bad (3 tests, 1 failed, 1 known ");
	EXPECT_PRINTED(self->o.text,
		       "    # the reason\n    not ok 2 f.w1.y # SIGSEGV\n");
	EXPECT_NOT_PRINTED(self->o.text, "fine");
	EXPECT_PRINTED(self->o.text, "# known to fail: a/bad: z\n"
		       "# failed: a/bad: f.w1.y\n"
		       "1 passed, 1 failed, 1 skipped\nexit code 1\n");
}

TEST_F(runner, believes_no_program)
{
	program(self, "a/crash", "echo 1..3; echo ok 1 x; kill -SEGV $$");
	program(self, "a/garbage", "head -c 300000 /dev/urandom");
	program(self, "a/short", "echo 1..2; echo ok 1 x");
	program(self, "a/silent", "exit 0");
	program(self, "a/code", "echo 1..1; echo ok 1 x; exit 97");
	program(self, "a/long", "echo 1..1; echo ok 1 x; echo ok 2 y");
	run(self);
	EXPECT_PRINTED(self->o.text, "# a/crash: killed by SIGSEGV\n");
	EXPECT_PRINTED(self->o.text, "not ok a/garbage (");
	EXPECT_PRINTED(self->o.text, "# a/short: exit code 0\n");
	EXPECT_PRINTED(self->o.text, "# a/silent: no plan, exit code 0\n");
	EXPECT_PRINTED(self->o.text, "# a/code: all passed, but exit code 97\n");
	EXPECT_PRINTED(self->o.text, "# a/long: 2 results, 1 planned\n");
	EXPECT_PRINTED(self->o.text, "5 passed, 7 failed, 0 skipped\n");
	EXPECT_EQ(1, self->o.code);
}

TEST_F(runner, bounds_the_time_of_a_program)
{
	write_file("a/settings", "late.timeout=5\n", "");
	program(self, "a/late",
		"echo 1..2; echo ok 1 x; (sleep 1000)& exec sleep 1000");
	EXPECT_PRINTED(run(self), "# a/late: out of time\n");
	EXPECT_PRINTED(self->o.text, "1 passed, 1 failed, 0 skipped\n");
}

TEST_F(runner, tells_how_far_it_came_when_stopped)
{
	program(self, "a/cut",
		"echo 1..3; echo ok 1 x; echo '# at y'\n"
		"kill -TERM $PPID; exec sleep 1000");
	EXPECT_PRINTED(run(self), "    # at y\n    # a/cut: stopped before ");
	EXPECT_PRINTED(self->o.text, "# interrupted\n");
	EXPECT_PRINTED(self->o.text,
		       "1 passed, 2 failed, 0 skipped\nexit code 130\n");
}

/* Each notes the other's presence; only those that may meet do. */
TEST_F(runner, keeps_serial_programs_alone)
{
	const char *body = "echo 1..1; mkdir here || echo not ok 1 alone\n"
			   "sleep 0.2; rmdir here; echo ok 1 alone";

	write_file("a/settings", "serial=1\n", "");
	arg(self, "-j4");
	program(self, "a/one", body);
	program(self, "a/two", body);
	program(self, "a/three", body);
	EXPECT_PRINTED(run(self), "3 passed, 0 failed, 0 skipped\n");
}

TEST_F(runner, begins_with_what_takes_long)
{
	write_file("a/settings", "long.early=1\n", "");
	arg(self, "-j1");
	program(self, "a/short", "echo 1..1; echo ok 1 x");
	program(self, "a/long", "echo 1..1; echo ok 1 x");
	EXPECT_PRINTED(run(self), "2 passed, 0 failed, 0 skipped\n");
	EXPECT_TRUE(strstr(self->o.text, "ok a/long") <
		    strstr(self->o.text, "ok a/short"));
}

TEST_F(runner, selects_areas_and_tests)
{
	const char *body = "echo 1..1; echo ok 1 \"$2\"";

	ASSERT_EQ(0, mkdir("b", 0700));
	arg(self, "-ab");
	arg(self, "-tsome");
	program(self, "a/one", body);
	program(self, "b/two", body);
	program(self, "b/none", "echo '1..0 # SKIP no test matches'; exit 4");
	EXPECT_PRINTED(run(self), "1 passed, 0 failed, 0 skipped\n");
	EXPECT_NOT_PRINTED(self->o.text, "a/one");
	EXPECT_NOT_PRINTED(self->o.text, "b/none");
}

TEST_F(runner, knows_programs_that_are_not_for_a_sanitizer)
{
	write_file("a/settings", "skip_san=thread address\n", "");
	arg(self, "-Saddress");
	program(self, "a/one", "echo 1..1; echo ok 1 x");
	EXPECT_PRINTED(run(self), "0 passed, 0 failed, 1 skipped\n");
}

TEST_F(runner, loops_until_a_failure)
{
	arg(self, "-n5");
	program(self, "a/third",
		"echo 1..1; echo >> count; [ $(wc -l < count) -lt 3 ] &&\n"
		"echo ok 1 x || echo not ok 1 x");
	EXPECT_PRINTED(run(self), "# loop 3 of 5\nnot ok a/third");
	EXPECT_NOT_PRINTED(self->o.text, "# loop 4");
	EXPECT_PRINTED(self->o.text, "2 passed, 1 failed, 0 skipped\n");
}

TEST_F(runner, fails_if_nothing_ran)
{
	program(self, "a/none", "echo '1..0 # SKIP no test matches'; exit 4");
	EXPECT_PRINTED(run(self), "0 passed, 0 failed, 0 skipped\nexit code 1\n");
}

HARNESS_MAIN
