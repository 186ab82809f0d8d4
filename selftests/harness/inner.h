/* SPDX-License-Identifier: MIT */
/*
 * The harness under test.  A test program here has two kinds of tests: its own,
 * and inner ones, which exist only in a run that the own tests start and whose
 * TAP they check.  Between `#define harness_add_test inner_add_test` and the
 * #undef of it TEST() makes inner ones.
 */
#ifndef OA_SELFTESTS_HARNESS_INNER_H
#define OA_SELFTESTS_HARNESS_INNER_H

#include "selftests/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define INNER	"HARNESS_INNER"

struct output {
	int code;		/* of exit, or minus the signal */
	size_t len;
	char text[1 << 16];
};

static inline void inner_add_test(struct harness_test *t)
{
	if (getenv(INNER))
		harness_add_test(t);
}

static inline void exec_captured(char *const argv[], int out)
{
	setenv(INNER, "1", 1);
	/* What is made to be late need not be so late. */
	if (harness_slow())
		setenv("OA_TEST_TIMEOUT_SCALE", "0.2", 1);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	close(out);
	execvp(argv[0], argv);
	_exit(127);
}

/* Runs the program, which sees inner tests if it is a harness, to its end. */
static inline void capture(char *const argv[], struct output *o)
{
	int fds[2], status = 0;
	ssize_t n;
	pid_t pid;

	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		exec_captured(argv, fds[1]);
	close(fds[1]);
	for (o->len = 0; o->len < sizeof(o->text) - 1; o->len += (size_t)n) {
		n = read(fds[0], o->text + o->len,
			 sizeof(o->text) - 1 - o->len);
		if (n <= 0)
			break;
	}
	o->text[o->len] = '\0';
	close(fds[0]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	o->code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* This program again, with the inner tests whose name contains `name`. */
static inline const char *run_inner(const char *name)
{
	static struct output o;
	const char *under = getenv("OA_RUN_UNDER");
	char self[4096], *argv[36], *words = strdup(under ? under : "");
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int n = 0;

	ASSERT_GT(len, 0);
	self[len] = '\0';
	for (char *w = strtok(words, " "); w && n < 32; w = strtok(NULL, " "))
		argv[n++] = w;
	argv[n++] = self;
	argv[n++] = (char *)"-t";
	argv[n++] = (char *)name;
	argv[n] = NULL;
	capture(argv, &o);
	free(words);
	/* Its last line, so that one string tells all. */
	snprintf(o.text + o.len, sizeof(o.text) - o.len, "exit code %d\n",
		 o.code);
	return o.text;
}

static inline unsigned int occurrences(const char *text, const char *what)
{
	unsigned int n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

#define EXPECT_PRINTED(text, what) \
	do { \
		if (!EXPECT_GT(occurrences(text, what), 0)) \
			TEST_LOG("no \"%s\" in:\n%s", what, text); \
	} while (0)

#define EXPECT_NOT_PRINTED(text, what) \
	do { \
		if (!EXPECT_EQ(occurrences(text, what), 0)) \
			TEST_LOG("\"%s\" in:\n%s", what, text); \
	} while (0)

#endif
