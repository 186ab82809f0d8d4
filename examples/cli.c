/* SPDX-License-Identifier: MIT */
/* What the command lines of the examples have in common. */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include <oa.h>

static __attribute__((format(printf, 1, 0))) void
complain(const char *format, va_list ap)
{
	char *line;

	if (vasprintf(&line, format, ap) < 0)
		return;
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, line);
	free(line);
}

void cli_die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	complain(format, ap);
	va_end(ap);
	exit(2);
}

void cli_warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	complain(format, ap);
	va_end(ap);
}

static double number(const char *what, const char *s, double min, double max)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || *end || !(v >= min && v <= max))
		cli_die("%s: '%s' is not a number from %g to %.15g", what, s,
			min, max);
	return v;
}

unsigned int cli_number(const char *what, const char *s, unsigned int min,
			unsigned int max)
{
	double v = number(what, s, min, max);

	if (v != (unsigned int)v)
		cli_die("%s: '%s' is not a whole number", what, s);
	return (unsigned int)v;
}

oa_time_t cli_seconds(const char *what, const char *s)
{
	return (oa_time_t)(OA_SEC * number(what, s, 0.001, 1000000));
}

static void stop_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
}

int cli_signals(void)
{
	sigset_t set;
	int fd;

	stop_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0)
		cli_die("signalfd: %s", strerror(errno));
	return fd;
}

/* Whichever thread this is: one that takes a signal ends them all. */
int cli_signal_take(int fd)
{
	struct signalfd_siginfo si;
	sigset_t set;
	ssize_t n;

	do {
		n = oa_read(fd, &si, sizeof(si));
	} while (n == -EINTR);
	if (n < 0)
		return (int)n;
	stop_signals(&set);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	return (int)si.ssi_signo;
}
