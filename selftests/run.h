/* SPDX-License-Identifier: MIT */
/* Between the parts of the runner: what to run, jobs, reports. */
#ifndef OA_SELFTESTS_RUN_H
#define OA_SELFTESTS_RUN_H

#include <stdbool.h>
#include <stddef.h>

/* A test program, with what the `settings` file of its folder says of it. */
struct program {
	const char *path;
	const char *name;	/* path below the build's selftests folder */
	int timeout;		/* seconds, for the whole program */
	bool serial;		/* needs the machine for itself */
	bool early;		/* takes long: begun before the others */
	char skip_san[64];	/* sanitizers it is not for */
};

#define JOBS_MAX	64

struct options {
	const char *filter, *areas, *logs, *san, *wrapper;
	const char *built, *sources;
	int jobs, loops;
	double scale;		/* of timeouts */
};

extern struct options opt;

void die(const char *what) __attribute__((noreturn));
void prepare_signals(void);
/* Starts it when there is room, and returns; a serial one it waits for. */
void run_program(const struct program *p);
/* Waits until at most `most` programs are left running. */
void drain_to(int most);

/* How a program ended. */
struct ending {
	int status;		/* of waitpid() */
	double seconds;
	bool timed_out;
	bool stopped;		/* because the runner was */
	bool cut;		/* it printed more than the log takes */
};

struct totals {
	unsigned int passed, failed, skipped;
};

/* Reads the TAP in the log, prints the program's line, adds to the totals. */
void report_program(const struct program *p, const struct ending *end,
		    const char *log);
void report_skipped_program(const struct program *p, const char *why);
/* What failed, why tests were skipped, and the totals as the last line. */
void report_summary(const char *filter);
struct totals report_totals(void);

#endif
