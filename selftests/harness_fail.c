// SPDX-License-Identifier: MIT
/*
 * What an assertion does when it fails: on a task's stack, in a foreign thread,
 * in a forked process or in a signal handler.  So a message is put together on
 * the stack and leaves by one write(2), and the count of failures is in shared
 * memory.
 */
#include "harness_priv.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAILURES_SHOWN	20

/* Of the right to print an ASSERT_ failure of this process. */
static enum { CLAIM_FREE, CLAIM_TAKEN, CLAIM_PRINTED } claim;

struct text {
	size_t len;
	char s[1000];
};

static void text_char(struct text *t, char c)
{
	if (t->len < sizeof(t->s) - 1)
		t->s[t->len++] = c;
}

static void text_str(struct text *t, const char *s)
{
	while (*s)
		text_char(t, *s++);
}

static void text_number(struct text *t, uint64_t n, unsigned int base)
{
	char digits[24];
	int i = 0;

	do {
		digits[i++] = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	while (i)
		text_char(t, digits[--i]);
}

static void text_signed(struct text *t, int64_t n)
{
	if (n < 0)
		text_char(t, '-');
	text_number(t, n < 0 ? -(uint64_t)n : (uint64_t)n, 10);
}

static void text_byte(struct text *t, unsigned char c)
{
	text_char(t, "0123456789abcdef"[c >> 4]);
	text_char(t, "0123456789abcdef"[c & 15]);
}

static void text_quoted(struct text *t, const char *s)
{
	const char *end = s ? s + strnlen(s, 200) : NULL;

	if (!s) {
		text_str(t, "NULL");
		return;
	}
	text_char(t, '"');
	for (; s < end; s++) {
		if (*s == '\n') {
			text_str(t, "\\n");
		} else if (*s >= ' ' && *s != 0x7f) {
			text_char(t, *s);
		} else {
			text_str(t, "\\x");
			text_byte(t, (unsigned char)*s);
		}
	}
	text_str(t, *end ? "\"..." : "\"");
}

static void text_errno(struct text *t, long long result)
{
	const char *name = result < 0 && result >= -4095 ?
		strerrorname_np((int)-result) : NULL;

	if (name) {
		text_str(t, " -");
		text_str(t, name);
	}
}

static void text_value(struct text *t, struct harness_value v)
{
	char s[40];

	switch (v.kind) {
	case HARNESS_INT:
		text_signed(t, (int64_t)v.u);
		if ((int64_t)v.u < -1)
			text_errno(t, (int64_t)v.u);
		break;
	case HARNESS_UINT:
		text_number(t, v.u, 10);
		break;
	case HARNESS_PTR:
		text_str(t, "0x");
		text_number(t, v.u, 16);
		break;
	case HARNESS_FLOAT:
		snprintf(s, sizeof(s), "%.10g", v.d);
		text_str(t, s);
	}
}

/* `expr (value)`, or the value alone if the expression is just that. */
static void text_operand(struct text *t, const char *expr,
			 struct harness_value v)
{
	size_t from, len = strlen(expr);

	text_str(t, expr);
	from = t->len;
	text_str(t, " (");
	text_value(t, v);
	if (t->len - from - 2 == len && !memcmp(t->s + from + 2, expr, len))
		t->len = from;
	else
		text_char(t, ')');
}

static void text_start(struct text *t, const char *file, int line)
{
	t->len = 0;
	text_str(t, "# ");
	if (file) {
		text_str(t, file);
		text_char(t, ':');
		text_signed(t, line);
		text_char(t, ':');
	}
	text_str(t, harness_current.name);
	text_str(t, ": ");
}

static void text_write(struct text *t)
{
	int fd = harness_current.out;
	size_t done = 0;
	ssize_t n;

	t->s[t->len++] = '\n';
	while (done < t->len) {
		n = write(fd, t->s + done, t->len - done);
		if (n > 0)
			done += (size_t)n;
		else if (errno == EBADF && fd != STDERR_FILENO)
			fd = STDERR_FILENO;
		else if (errno != EINTR && errno != EAGAIN)
			break;
	}
}

void harness_stop(void)
{
	if (harness_current.debug)
		abort();
	harness_end_test(HARNESS_EXIT_FAIL);
}

/* The right to print; who comes second ends with the first's message out. */
static void claim_or_end(void)
{
	uint64_t until = harness_clock() + 10000000000ull;
	__typeof__(claim) none = CLAIM_FREE;

	if (__atomic_compare_exchange_n(&claim, &none, CLAIM_TAKEN, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return;
	while (__atomic_load_n(&claim, __ATOMIC_ACQUIRE) != CLAIM_PRINTED &&
	       harness_clock() < until)
		sched_yield();
	if (harness_in_teardown())
		return;		/* which may say that it fails, too */
	_exit(HARNESS_EXIT_FAIL);
}

/* Counts the failure; true if it is to be shown. */
static bool fail_start(struct text *t, const char *file, int line, bool stop)
{
	unsigned int n = __atomic_fetch_add(&harness_current.shared->failures,
					    1, __ATOMIC_RELAXED);

	if (stop) {
		claim_or_end();
	} else if (n > FAILURES_SHOWN ||
		   __atomic_load_n(&claim, __ATOMIC_RELAXED) != CLAIM_FREE) {
		return false;
	} else if (n == FAILURES_SHOWN) {
		text_start(t, NULL, 0);
		text_str(t, "further failures are not shown");
		text_write(t);
		return false;
	}
	text_start(t, file, line);
	return true;
}

static void fail_end(struct text *t, bool stop)
{
	text_write(t);
	if (stop)
		__atomic_store_n(&claim, CLAIM_PRINTED, __ATOMIC_RELEASE);
}

static void text_relation(struct text *t, const struct harness_site *at)
{
	text_char(t, ' ');
	text_str(t, at->op);
	text_char(t, ' ');
}

void harness_fail_values(const struct harness_site *at, bool stop,
			 struct harness_value a, struct harness_value b)
{
	int saved = errno;
	struct text t;

	if (fail_start(&t, at->file, at->line, stop)) {
		text_str(&t, "expected ");
		text_operand(&t, at->a, a);
		text_relation(&t, at);
		text_operand(&t, at->b, b);
		fail_end(&t, stop);
	}
	errno = saved;
}

void harness_fail_strings(const struct harness_site *at, bool stop,
			  const char *a, const char *b)
{
	struct text t;

	if (!fail_start(&t, at->file, at->line, stop))
		return;
	text_str(&t, "expected ");
	text_str(&t, at->a);
	text_relation(&t, at);
	text_str(&t, at->b);
	text_str(&t, ": ");
	text_quoted(&t, a);
	text_str(&t, ", ");
	text_quoted(&t, b);
	fail_end(&t, stop);
}

static void text_bytes(struct text *t, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n && i < 16; i++)
		text_byte(t, p[i]);
}

void harness_fail_bytes(const struct harness_site *at, bool stop,
			const void *a, const void *b, size_t n)
{
	const unsigned char *p = a, *q = b;
	struct text t;
	size_t i = 0;

	if (!fail_start(&t, at->file, at->line, stop))
		return;
	while (i < n && p[i] == q[i])
		i++;
	text_str(&t, "expected equal bytes ");
	text_str(&t, at->a);
	text_str(&t, ", ");
	text_str(&t, at->b);
	text_str(&t, ": at offset ");
	text_number(&t, i, 10);
	text_str(&t, " of ");
	text_number(&t, n, 10);
	text_str(&t, ": ");
	text_bytes(&t, p + i, n - i);
	text_str(&t, ", ");
	text_bytes(&t, q + i, n - i);
	fail_end(&t, stop);
}

void harness_fail_result(const struct harness_site *at, bool stop,
			 long long result)
{
	int saved = errno;
	struct text t;

	if (fail_start(&t, at->file, at->line, stop)) {
		text_str(&t, "expected ");
		text_str(&t, at->a);
		text_relation(&t, at);
		text_str(&t, at->b);
		text_str(&t, ", got ");
		text_signed(&t, result);
		text_errno(&t, result);
		fail_end(&t, stop);
	}
	errno = saved;
}

void harness_fail_plain(const struct harness_site *at, bool stop)
{
	int saved = errno;
	struct text t;

	if (fail_start(&t, at->file, at->line, stop)) {
		text_str(&t, "expected ");
		text_str(&t, at->a);
		text_relation(&t, at);
		text_str(&t, at->b);
		fail_end(&t, stop);
	}
	errno = saved;
}

bool harness_strings_equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static __attribute__((format(printf, 2, 0)))
void text_format(struct text *t, const char *fmt, va_list ap)
{
	size_t room = sizeof(t->s) - t->len - 1;
	int n = vsnprintf(t->s + t->len, room, fmt, ap);

	if (n > 0)
		t->len += (size_t)n < room ? (size_t)n : room - 1;
}

void harness_log(const char *file, int line, const char *fmt, ...)
{
	int saved = errno;
	struct text t;
	va_list ap;

	text_start(&t, file, line);
	va_start(ap, fmt);
	text_format(&t, fmt, ap);
	va_end(ap);
	text_write(&t);
	errno = saved;
}

void harness_fail(const char *file, int line, const char *fmt, ...)
{
	struct text t;
	va_list ap;

	fail_start(&t, file, line, true);
	va_start(ap, fmt);
	text_format(&t, fmt, ap);
	va_end(ap);
	fail_end(&t, true);
	harness_stop();
}

void harness_skip(const char *fmt, ...)
{
	struct harness_shared *s = harness_current.shared;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->reason, sizeof(s->reason), fmt, ap);
	va_end(ap);
	__atomic_store_n(&s->skipped, true, __ATOMIC_RELEASE);
	harness_end_test(HARNESS_EXIT_SKIP);
}

void harness_xfail(const char *fmt, ...)
{
	struct harness_shared *s = harness_current.shared;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->reason, sizeof(s->reason), fmt, ap);
	va_end(ap);
	__atomic_store_n(&s->xfail, true, __ATOMIC_RELEASE);
}
