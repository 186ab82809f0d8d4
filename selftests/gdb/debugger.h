/* SPDX-License-Identifier: MIT */
/* Tests that let gdb look at a process or at its core file. */
#ifndef OA_SELFTESTS_GDB_DEBUGGER_H
#define OA_SELFTESTS_GDB_DEBUGGER_H

#include "selftests/harness.h"

#include <sys/types.h>

/* How a victim is linked. */
#define STATIC_VICTIM	"victim"
#define SHARED_VICTIM	"victim_shared"

struct victim {
	char path[512];
	pid_t pid;
	int in;				/* its standard input */
	unsigned long long sleeper;	/* a handle that it told */
};

/* Runs until all its tasks wait. @dir: where; @more tasks besides. */
void victim_start(struct victim *v, const char *name, const char *dir,
		  long more);
/* Asks it to end; its status as of waitpid(2). */
int victim_end(struct victim *v);

#define SAID_MAX	24

/* What gdb answers to each of the commands that it was given. */
struct said {
	const char *const *commands;	/* ended by NULL */
	char text[1 << 18];
	char *to[SAID_MAX];
};

/* Skips the test where there is no gdb that could do it. */
void debugger_needed(void);
/* With the script loaded; @core NULL: the process. */
void debug(struct said *s, const struct victim *v, const char *core,
	   const char *const *commands);

/* The answer to a command that was given. */
const char *said_to(const struct said *s, const char *command);
/* All of these, ended by NULL, each behind the one before. */
#define EXPECT_IN_ORDER(text, ...) \
	expect_in_order(__FILE__, __LINE__, text, \
			(const char *const[]){ __VA_ARGS__, NULL })
void expect_in_order(const char *file, int line, const char *text,
		     const char *const *words);
/* The line with @first in it has the others behind that. */
#define EXPECT_LINE(text, ...) \
	expect_line(__FILE__, __LINE__, text, \
		    (const char *const[]){ __VA_ARGS__, NULL })
void expect_line(const char *file, int line, const char *text,
		 const char *const *words);

#endif
