// SPDX-License-Identifier: MIT
/*
 * What a test program printed, read as TAP, in one line; the failing tests in
 * full below it.  Nothing is believed: a program that crashes, prints garbage
 * or leaves out tests has failed, whatever its results say.
 */
#include "run.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINES_SHOWN	100	/* of a failing test */
#define LINE_SHOWN	300	/* bytes */
#define REASONS		64

struct line {
	const char *s;
	size_t len;
};

enum result {
	RESULT_NONE, RESULT_PASS, RESULT_FAIL, RESULT_SKIP, RESULT_KNOWN,
};

/* What one log says. */
struct tally {
	unsigned int passed, failed, skipped, known;
	long planned;		/* -1: no plan */
	char note[120];		/* what is wrong with the program as a whole */
	char skip_all[120];
};

/* Texts kept for the summary; an equal one is only counted. */
struct reasons {
	unsigned int n, more;
	struct {
		char *text;
		unsigned int count;
	} list[REASONS];
};

static struct totals totals;
static struct reasons failures, skips, known;

static void note_reason(struct reasons *r, const char *text)
{
	unsigned int i;

	for (i = 0; i < r->n; i++)
		if (!strcmp(r->list[i].text, text))
			break;
	if (i == REASONS) {
		r->more++;
		return;
	}
	if (i == r->n) {
		r->list[i].text = strdup(text);
		if (!r->list[i].text)
			return;
		r->n++;
	}
	r->list[i].count++;
}

static bool next_line(const char **at, const char *end, struct line *l)
{
	const char *nl;

	if (*at >= end)
		return false;
	nl = memchr(*at, '\n', (size_t)(end - *at));
	l->s = *at;
	l->len = (size_t)((nl ? nl : end) - *at);
	*at = nl ? nl + 1 : end;
	return true;
}

static bool starts(const struct line *l, const char *prefix)
{
	size_t n = strlen(prefix);

	return l->len >= n && !memcmp(l->s, prefix, n);
}

/* What follows `mark` in the line, as a string that the next call reuses. */
static const char *after(const struct line *l, const char *mark)
{
	static char text[200];
	const char *found = memmem(l->s, l->len, mark, strlen(mark));
	size_t n;

	if (!found)
		return NULL;
	found += strlen(mark);
	n = (size_t)(l->s + l->len - found);
	if (n >= sizeof(text))
		n = sizeof(text) - 1;
	memcpy(text, found, n);
	text[n] = '\0';
	return text + strspn(text, " ");
}

static enum result result_of(const struct line *l)
{
	bool ok = starts(l, "ok ");

	if (!ok && !starts(l, "not ok "))
		return RESULT_NONE;
	if (after(l, " # SKIP"))
		return RESULT_SKIP;
	if (!ok && after(l, " # TODO"))
		return RESULT_KNOWN;
	return ok ? RESULT_PASS : RESULT_FAIL;
}

/* The name in `not ok 3 name # WHY`. */
static void name_of(const struct line *l, char *name, size_t size)
{
	const char *s = after(l, "ok ");
	size_t n;

	s += strspn(s, "0123456789");
	s += strspn(s, " -");
	n = strcspn(s, " #");
	snprintf(name, size, "%.*s", (int)n, s);
}

static void note_test(struct reasons *r, const struct program *p,
		      const struct line *l)
{
	char name[200], text[400];

	name_of(l, name, sizeof(name));
	snprintf(text, sizeof(text), "%s: %s", p->name, name);
	note_reason(r, text);
}

static void read_plan(struct tally *t, const struct line *l)
{
	const char *why = after(l, "# SKIP");

	t->planned = strtol(l->s + 3, NULL, 10);
	if (!t->planned && why)
		snprintf(t->skip_all, sizeof(t->skip_all), "%s", why);
}

static void count(struct tally *t, const struct program *p,
		  const struct line *l)
{
	switch (result_of(l)) {
	case RESULT_PASS:
		t->passed++;
		break;
	case RESULT_FAIL:
		t->failed++;
		note_test(&failures, p, l);
		break;
	case RESULT_SKIP:
		t->skipped++;
		note_reason(&skips, after(l, " # SKIP"));
		break;
	case RESULT_KNOWN:
		t->known++;
		note_test(&known, p, l);
		break;
	case RESULT_NONE:
		if (starts(l, "1.."))
			read_plan(t, l);
		else if (starts(l, "Bail out!"))
			snprintf(t->note, sizeof(t->note), "%.*s",
				 (int)(l->len < 100 ? l->len : 100), l->s);
	}
}

/* What its own results do not tell; each such thing is a failure more. */
static void judge(struct tally *t, const struct ending *end)
{
	long seen = t->passed + t->failed + t->skipped + t->known;
	size_t size = sizeof(t->note);
	int status = end->status;
	unsigned int missing = 0;

	if (t->planned > seen)
		missing = (unsigned int)(t->planned - seen);
	if (end->stopped && (missing || t->planned < 0))
		snprintf(t->note, size, "stopped before its end");
	else if (end->timed_out)
		snprintf(t->note, size, "out of time");
	else if (WIFSIGNALED(status))
		snprintf(t->note, size, "killed by SIG%s",
			 sigabbrev_np(WTERMSIG(status)) ?: "?");
	else if (t->planned < 0)
		snprintf(t->note, size, "no plan, exit code %d",
			 WEXITSTATUS(status));
	else if (t->planned < seen)
		snprintf(t->note, size, "%ld results, %ld planned", seen,
			 t->planned);
	else if (missing && !t->note[0])
		snprintf(t->note, size, "exit code %d", WEXITSTATUS(status));
	else if (!t->failed && WEXITSTATUS(status) != 0 &&
		 WEXITSTATUS(status) != 4)
		snprintf(t->note, size, "all passed, but exit code %d",
			 WEXITSTATUS(status));
	if (missing)
		t->failed += missing;
	else if (t->note[0])
		t->failed++;
}

static void print_nested(const struct line *l)
{
	int n = (int)(l->len < LINE_SHOWN ? l->len : LINE_SHOWN);

	fputs("    ", stdout);
	for (int i = 0; i < n; i++)
		putchar((l->s[i] >= ' ' && l->s[i] <= '~') || l->s[i] == '\t' ?
			l->s[i] : '?');
	putchar('\n');
}

/* A test's lines, its result last; of many the first and the last. */
static void print_block(const char *at, const char *end)
{
	unsigned int lines = 0, i = 0;
	const char *from = at;
	struct line l;

	while (next_line(&at, end, &l))
		lines++;
	for (at = from; next_line(&at, end, &l); i++) {
		if (i < LINES_SHOWN / 2 || lines - i <= LINES_SHOWN / 2)
			print_nested(&l);
		else if (i == LINES_SHOWN / 2)
			puts("    # ...");
	}
}

static void print_failures(const char *log, const char *end, bool tail)
{
	const char *at = log, *block = log;
	struct line l;

	while (next_line(&at, end, &l)) {
		enum result r = result_of(&l);

		if (r == RESULT_FAIL)
			print_block(block, at);
		if (r != RESULT_NONE || starts(&l, "1.."))
			block = at;
	}
	if (tail)
		print_block(block, end);
}

static void print_line(const struct program *p, const struct tally *t,
		       const struct ending *end)
{
	unsigned int n = t->passed + t->failed + t->skipped + t->known;

	printf("%sok %s (%u test%s", t->failed ? "not " : "", p->name, n,
	       n == 1 ? "" : "s");
	if (t->failed)
		printf(", %u failed", t->failed);
	if (t->skipped)
		printf(", %u skipped", t->skipped);
	if (t->known)
		printf(", %u known to fail", t->known);
	printf(", %.1f s)\n", end->seconds);
}

static void report_text(const struct program *p, const struct ending *end,
			const char *s, size_t len)
{
	struct tally t = { .planned = -1 };
	const char *at = s;
	char text[300];
	struct line l;

	while (next_line(&at, s + len, &l))
		count(&t, p, &l);
	if (!t.planned && t.skip_all[0] && WIFEXITED(end->status)) {
		if (strcmp(t.skip_all, "no test matches"))
			report_skipped_program(p, t.skip_all);
		return;
	}
	judge(&t, end);
	print_line(p, &t, end);
	if (t.failed)
		print_failures(s, s + len, t.note[0]);
	if (end->cut)
		puts("    # it printed more than the log takes");
	if (t.note[0]) {
		printf("    # %s: %s\n", p->name, t.note);
		snprintf(text, sizeof(text), "%s: %s", p->name, t.note);
		note_reason(&failures, text);
	}
	totals.passed += t.passed;
	totals.failed += t.failed;
	totals.skipped += t.skipped + t.known;
}

void report_program(const struct program *p, const struct ending *end,
		    const char *log)
{
	int fd = open(log, O_RDONLY | O_CLOEXEC);
	struct stat st = { 0 };
	void *s = NULL;

	if (fd >= 0 && !fstat(fd, &st) && st.st_size)
		s = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd,
			 0);
	if (fd >= 0)
		close(fd);
	if (s == MAP_FAILED)
		s = NULL;
	report_text(p, end, s ? s : "", s ? (size_t)st.st_size : 0);
	if (s)
		munmap(s, (size_t)st.st_size);
	fflush(stdout);
}

void report_skipped_program(const struct program *p, const char *why)
{
	printf("ok %s # SKIP %s\n", p->name, why);
	note_reason(&skips, why);
	totals.skipped++;
}

static void print_reasons(const struct reasons *r, const char *what)
{
	for (unsigned int i = 0; i < r->n; i++) {
		printf("# %s: %s", what, r->list[i].text);
		if (r->list[i].count > 1)
			printf(" (%u times)", r->list[i].count);
		putchar('\n');
	}
	if (r->more)
		printf("# %s: %u more\n", what, r->more);
}

void report_summary(const char *filter)
{
	print_reasons(&skips, "skipped");
	print_reasons(&known, "known to fail");
	print_reasons(&failures, "failed");
	if (filter && !totals.passed && !totals.failed && !totals.skipped)
		printf("# no test has \"%s\" in its name\n", filter);
	printf("%u passed, %u failed, %u skipped\n", totals.passed,
	       totals.failed, totals.skipped);
	fflush(stdout);
}

struct totals report_totals(void)
{
	return totals;
}
