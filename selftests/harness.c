// SPDX-License-Identifier: MIT
/* The harness's parent process: what there is to run, verdicts in TAP 13. */
#include "harness_priv.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct harness_current harness_current;

static struct {
	struct harness_test *tests, *last;
	const char *filter;
	bool list, debug;
	unsigned int planned, number;
	unsigned int pass, fail, skip, xfail;
} run;

void harness_add_test(struct harness_test *test)
{
	if (run.last)
		run.last->next = test;
	else
		run.tests = test;
	run.last = test;
}

void harness_add_variant(struct harness_fixture *f, struct harness_variant *v)
{
	if (f->last)
		f->last->next = v;
	else
		f->variants = v;
	f->last = v;
}

static int remove_entry(const char *path, const struct stat *st HARNESS_UNUSED,
			int type HARNESS_UNUSED, struct FTW *at HARNESS_UNUSED)
{
	return remove(path);
}

/* Why the test failed, as a word for its line; "" if the messages say it. */
static const char *failure(const struct harness_job *j, bool *failed)
{
	const struct harness_shared *s = harness_current.shared;
	int expected = harness_current.test->signal, status = j->status;
	static char word[40];
	const char *sig;

	*failed = true;
	if (j->timed_out)
		return " # TIMEOUT";
	if (WIFSIGNALED(status)) {
		*failed = WTERMSIG(status) != expected || s->failures;
		sig = sigabbrev_np(WTERMSIG(status));
		snprintf(word, sizeof(word), " # SIG%s", sig ? sig : "?");
		return *failed ? word : "";
	}
	if (WEXITSTATUS(status) == HARNESS_EXIT_SANITIZER)
		return " # SANITIZER";
	if (s->failures)
		return "";
	if (WEXITSTATUS(status)) {
		snprintf(word, sizeof(word), " # EXIT %d", WEXITSTATUS(status));
		return word;
	}
	if (!s->finished)
		return " # EXIT inside the test";
	if (expected) {
		snprintf(word, sizeof(word), " # no SIG%s",
			 sigabbrev_np(expected));
		return word;
	}
	*failed = false;
	return "";
}

static void report(const struct harness_job *j)
{
	const struct harness_shared *s = harness_current.shared;
	const char *name = harness_current.name, *why;
	unsigned int n = ++run.number;
	FILE *f = harness_tap;
	bool failed;

	if (s->skipped && !s->failures && !j->timed_out &&
	    WIFEXITED(j->status) &&
	    WEXITSTATUS(j->status) == HARNESS_EXIT_SKIP) {
		run.skip++;
		fprintf(f, "ok %u %s # SKIP %s\n", n, name, s->reason);
		return;
	}
	why = failure(j, &failed);
	if (s->xfail && failed) {
		run.xfail++;
		fprintf(f, "not ok %u %s # TODO %s\n", n, name, s->reason);
	} else if (s->xfail) {
		run.fail++;
		fprintf(f, "not ok %u %s # XPASS %s\n", n, name, s->reason);
	} else if (failed) {
		run.fail++;
		fprintf(f, "not ok %u %s%s\n", n, name, why);
	} else {
		run.pass++;
		fprintf(f, "ok %u %s\n", n, name);
	}
}

static void run_forked(void)
{
	struct harness_job j = { .fd = -1 };
	uint64_t took;

	if (!harness_job_start(&j)) {
		fprintf(harness_tap, "Bail out! %s\n", strerror(errno));
		exit(HARNESS_EXIT_FAIL);
	}
	harness_job_reap(&j);
	took = (harness_clock() - harness_current.start) / 10000000;
	if (took >= 50)
		fprintf(harness_tap, "# %s: %u.%02u s\n", harness_current.name,
		       (unsigned int)(took / 100), (unsigned int)(took % 100));
	report(&j);
}

/* For a debugger: in this process, with no time limit. */
static void run_here(void)
{
	struct harness_shared *s = harness_current.shared;

	harness_current.debug = true;
	harness_current.out = STDERR_FILENO;
	harness_current.timeout = 0;
	harness_child();
	fprintf(harness_tap, "# %s: %s\n", harness_current.name,
	       s->failures ? "failed" : "done");
	run.fail += !!s->failures;
	run.pass += !s->failures;
}

static void run_one(const struct harness_test *t,
		    const struct harness_variant *v, const char *name)
{
	struct harness_shared *s;

	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED) {
		fprintf(harness_tap, "Bail out! %s\n", strerror(errno));
		exit(HARNESS_EXIT_FAIL);
	}
	harness_current = (struct harness_current){
		.name = name,
		.test = t,
		.variant = v,
		.shared = s,
		.timeout = (t->timeout ? t->timeout : HARNESS_TIMEOUT) *
			   harness_scale(),
	};
	if (run.debug)
		run_here();
	else
		run_forked();
	if (s->tmpdir[0])
		nftw(s->tmpdir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	munmap(s, sizeof(*s));
	if (harness_stopped) {
		fputs("Bail out! stopped from outside\n", harness_tap);
		exit(HARNESS_EXIT_FAIL);
	}
}

static void count_one(const struct harness_test *t HARNESS_UNUSED,
		      const struct harness_variant *v HARNESS_UNUSED,
		      const char *name)
{
	run.planned++;
	if (run.list)
		fprintf(harness_tap, "%s\n", name);
}

typedef void visit_fn(const struct harness_test *t,
		      const struct harness_variant *v, const char *name);

static void visit(const struct harness_test *t, const struct harness_variant *v,
		  visit_fn *fn)
{
	const struct harness_fixture *f = t->fixture;
	char name[256];

	snprintf(name, sizeof(name), "%s%s%s%s%s", f ? f->name : "",
		 f ? "." : "", v ? v->name : "", v ? "." : "", t->name);
	if (!run.filter || strstr(name, run.filter))
		fn(t, v, name);
}

static void for_each_test(visit_fn *fn)
{
	const struct harness_variant *v;

	for (const struct harness_test *t = run.tests; t; t = t->next) {
		v = t->fixture ? t->fixture->variants : NULL;
		do {
			visit(t, v, fn);
			v = v ? v->next : NULL;
		} while (v);
	}
}

static void on_signal(int signo)
{
	if (signo != SIGCHLD)
		harness_stopped = 1;
}

/* Seen only by ppoll(): between looking and sleeping none can be missed. */
static void prepare_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, NULL);
	sigaction(SIGCHLD, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

static int usage(const char *program, int code)
{
	fprintf(code ? stderr : stdout,
		"usage: %s [-l] [-d] [-t text]\n"
		"  -l       list the tests\n"
		"  -t text  only the tests whose name contains the text\n"
		"  -d       in this process, for a debugger\n"
		"OA_TEST_TIMEOUT_SCALE stretches timeouts, OA_SEED fixes seeds.\n",
		program);
	return code;
}

static int totals(void)
{
	fprintf(harness_tap, "# Totals: pass:%u fail:%u xfail:%u skip:%u\n",
		run.pass, run.fail, run.xfail, run.skip);
	if (run.fail)
		return HARNESS_EXIT_FAIL;
	return run.pass || run.xfail ? HARNESS_EXIT_PASS : HARNESS_EXIT_SKIP;
}

int harness_run(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "ldt:h")) != -1) {
		switch (opt) {
		case 'l': run.list = true; break;
		case 'd': run.debug = true; break;
		case 't': run.filter = optarg; break;
		case 'h': return usage(argv[0], 0);
		default: return usage(argv[0], 2);
		}
	}
	if (optind < argc)
		return usage(argv[0], 2);
	harness_tap = fdopen(STDOUT_FILENO, "w");
	if (!harness_tap)
		return HARNESS_EXIT_FAIL;
	if (!run.list && !run.debug)
		fputs("TAP version 13\n", harness_tap);
	for_each_test(count_one);
	if (run.list)
		return HARNESS_EXIT_PASS;
	if (!run.planned) {
		fputs("1..0 # SKIP no test matches\n", harness_tap);
		return HARNESS_EXIT_SKIP;
	}
	if (!run.debug) {
		fprintf(harness_tap, "1..%u\n", run.planned);
		prepare_signals();
	}
	for_each_test(run_one);
	return totals();
}
