/* SPDX-License-Identifier: MIT */
/* What the command lines of the examples have in common. */
#ifndef OA_EXAMPLES_CLI_H
#define OA_EXAMPLES_CLI_H

#include <oa/types.h>

/* One line on standard error, and exit code 2. */
void cli_die(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* A line on standard error. */
void cli_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

unsigned int cli_number(const char *what, const char *s, unsigned int min,
			unsigned int max);
oa_time_t cli_seconds(const char *what, const char *s);

/* A descriptor for SIGINT and SIGTERM; before there are threads. */
int cli_signals(void);

/*
 * Waits for one, takes it and says which. The next one ends the process at
 * once, as if it had never been blocked.
 */
int cli_signal_take(int fd);

#endif
