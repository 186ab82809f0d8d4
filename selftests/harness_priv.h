/* SPDX-License-Identifier: MIT */
/* Between the parts of the harness: the parent's, the child's, observing. */
#ifndef OA_SELFTESTS_HARNESS_PRIV_H
#define OA_SELFTESTS_HARNESS_PRIV_H

#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <sys/types.h>

enum {
	HARNESS_EXIT_PASS = 0,
	HARNESS_EXIT_FAIL = 1,
	HARNESS_EXIT_SKIP = 4,
	HARNESS_EXIT_SANITIZER = 97,
};

/*
 * One page shared by the parent, the test's process and all that it forks, so
 * that a failure counts wherever it was met.  Accessed with atomic builtins.
 */
struct harness_shared {
	unsigned int failures;
	bool skipped, xfail, finished, dumped;
	char reason[200];		/* of SKIP or XFAIL */
	char tmpdir[256];
};

/* The test that runs; set by the parent before it forks, then constant. */
struct harness_current {
	const char *name;		/* full: fixture.variant.test */
	const struct harness_test *test;
	const struct harness_variant *variant;
	struct harness_shared *shared;
	uint64_t start;			/* CLOCK_MONOTONIC, ns */
	double timeout;			/* seconds, scaled; 0: none */
	bool debug;			/* not forked */
	int out;			/* diagnostics go there */
};

extern struct harness_current harness_current;

/* A child whose test runs, as the parent sees it. */
struct harness_job {
	pid_t pid;
	int fd;			/* what it prints; -1 after its end */
	bool ended, timed_out;
	int status;
	size_t printed;
	unsigned int len;	/* of the line begun */
	char line[500];
};

/* Not stdout, which is the test's: it must find that one untouched. */
extern FILE *harness_tap;
/* Set by SIGINT and SIGTERM, which come only while a job is waited for. */
extern volatile sig_atomic_t harness_stopped;

/* Forks a child for the current test: false, with errno, if it cannot. */
bool harness_job_start(struct harness_job *j);
/* Passes its output on as comments; returns when it has ended, or was ended. */
void harness_job_reap(struct harness_job *j);

/* Runs the current test in this process, which it ends (not when debugging). */
void harness_child(void);

/* Leaves the test, by way of its teardown where that can be reached. */
void harness_end_test(int code) __attribute__((noreturn));
/* Is this the teardown of a test that has ended in a failed assertion? */
bool harness_in_teardown(void);

uint64_t harness_clock(void);

/*
 * Memory and slabs of the library, at the beginning of a test; at its end a
 * failure for what is left. Only where the program has them in sight.
 */
void harness_inside_begin(void) __attribute__((weak));
void harness_inside_end(void) __attribute__((weak));

#endif
