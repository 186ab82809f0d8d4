// SPDX-License-Identifier: MIT
/*
 * Taking samples: one child process each, the implementations in turn, after a
 * round that finds out how much work fills a sample (and warms the machine).
 */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static void sample_clear(struct sample *s)
{
	memset(s, 0, sizeof(*s));
	for (unsigned int i = 0; i < METRIC_MAX; i++)
		s->value[i] = NAN;
}

static void child(struct run *r, const struct impl *impl, pid_t parent)
{
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	ret = impl->fn(r);
	_exit(ret == 0 || ret == BENCH_SKIP ? ret : 1);
}

/* The wait status, or -1 with the reason in the sample. */
static int wait_child(struct run *r, pid_t pid)
{
	struct pollfd p = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	int status = -1, n;

	if (p.fd >= 0) {
		do
			n = poll(&p, 1, (int)r->set->limit_s * 1000);
		while (n < 0 && errno == EINTR);
		if (n == 0) {
			bench_fail(r, "hangs: not done after %u s",
				   r->set->limit_s);
			kill(pid, SIGKILL);
		}
		close(p.fd);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* 0, BENCH_SKIP or -1; r->out->error says why. */
static int take(struct run *r, const struct impl *impl)
{
	pid_t me = getpid(), pid;
	int status;

	sample_clear(r->out);
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return bench_fail(r, "fork: %s", strerror(errno));
	if (pid == 0)
		child(r, impl, me);
	status = wait_child(r, pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
	    !r->out->error[0])
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == BENCH_SKIP)
		return BENCH_SKIP;
	if (WIFSIGNALED(status))
		bench_fail(r, "killed by signal %d (%s)", WTERMSIG(status),
			   strsignal(WTERMSIG(status)));
	return bench_fail(r, "failed");
}

/* How many iterations last a sample; the first guess grows at most 50-fold. */
static int calibrate(struct run *r, struct result *res)
{
	uint64_t want = r->set->sample_ns, took;
	double grow;
	int ret;

	r->iters = r->bench->min_iters ? r->bench->min_iters : 1000;
	for (;;) {
		ret = take(r, res->impl);
		if (ret)
			return ret;
		took = r->out->elapsed;
		if (took >= want || r->bench->fixed)
			break;
		grow = took ? 1.15 * (double)want / (double)took : 50;
		if (grow > 50)
			grow = 50;
		r->iters = (uint64_t)((double)r->iters * grow) + 1;
	}
	res->iters = r->iters;
	return 0;
}

static int keep(struct run *r, struct result *res)
{
	void *v = realloc(res->value, (res->n + 1) * sizeof(*res->value));

	if (!v)
		return bench_fail(r, "out of memory");
	res->value = v;
	memcpy(res->value[res->n++], r->out->value, sizeof(*res->value));
	hist_merge(&res->hist, &r->out->hist);
	return 0;
}

static int failed(struct run *r, const struct impl *impl)
{
	fflush(stdout);
	fprintf(stderr, "oa-bench: %s/%s (%s): %s\n", r->bench->collection,
		r->bench->name, impl->name, r->out->error);
	return -1;
}

static int warm_up(struct run *r, struct report *rep)
{
	for (unsigned int i = 0; i < rep->nres; i++) {
		struct result *res = &rep->res[i];
		int ret;

		if (r->bench->no_warmup)
			continue;
		ret = calibrate(r, res);
		if (ret == BENCH_SKIP) {
			res->skipped = true;
			memcpy(res->why, r->out->error, sizeof(res->why));
		} else if (ret) {
			return failed(r, res->impl);
		}
	}
	return 0;
}

/* A B A B ...: whatever drifts, drifts for all. */
static int rounds(struct run *r, struct report *rep, unsigned int repeats)
{
	for (unsigned int k = 0; k < repeats; k++) {
		for (unsigned int i = 0; i < rep->nres; i++) {
			struct result *res = &rep->res[i];
			int ret;

			if (res->skipped)
				continue;
			r->iters = res->iters;
			ret = take(r, res->impl);
			if (ret == BENCH_SKIP) {
				res->skipped = true;
				memcpy(res->why, r->out->error,
				       sizeof(res->why));
				continue;
			}
			if (ret || keep(r, res))
				return failed(r, res->impl);
		}
	}
	return 0;
}

/* For callgrind: here and now, exactly so many, no clock, no child. */
static int exact(struct run *r, struct report *rep)
{
	for (unsigned int i = 0; i < rep->nres; i++) {
		const struct impl *impl = rep->res[i].impl;
		int ret;

		sample_clear(r->out);
		r->iters = r->set->iterations;
		ret = impl->fn(r);
		if (ret && ret != BENCH_SKIP)
			return failed(r, impl);
		printf("%s/%s %s %s %llu\n", r->bench->collection,
		       r->bench->name, impl->name, ret ? "skipped" : "done",
		       (unsigned long long)r->iters);
	}
	return 0;
}

/* impls: "oa", "raw" (all of them), "both" or a name. */
static bool chosen(const struct bench *b, unsigned int i, const char *impls)
{
	if (!strcmp(impls, "both"))
		return true;
	if (!strcmp(impls, "raw"))
		return i > 0;
	return !strcmp(impls, b->impl[i].name);
}

static int choose(struct report *rep, const char *impls)
{
	const struct bench *b = rep->bench;

	for (unsigned int i = 0; i < IMPL_MAX && b->impl[i].fn; i++)
		if (chosen(b, i, impls))
			rep->res[rep->nres++].impl = &b->impl[i];
	return rep->nres ? 0 : -1;
}

static int measure(struct run *r, struct report *rep)
{
	const struct bench *b = rep->bench;
	unsigned int repeats = r->set->repeats;

	if (!repeats)
		repeats = b->repeats ? b->repeats : 7;
	if (b->setup && b->setup(r)) {
		fprintf(stderr, "oa-bench: %s/%s: %s\n", b->collection,
			b->name, r->out->error);
		return -1;
	}
	if (r->set->iterations)
		return exact(r, rep);
	out_running(rep);
	if (warm_up(r, rep) || rounds(r, rep, repeats))
		return -1;
	out_report(rep);
	return 0;
}

int run_bench(const struct bench *b, const struct settings *set,
	      const char *const *opt, const char *impls, bool versus)
{
	struct result *res = calloc(IMPL_MAX, sizeof(*res));
	struct report rep = { .bench = b, .set = set, .opt = opt, .res = res,
			      .versus = versus };
	struct run r = { .bench = b, .set = set };
	int ret = -1;

	memcpy(r.opt, opt, sizeof(r.opt));
	rep.workers = bench_workers(&r);
	r.out = mmap(NULL, sizeof(*r.out), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!res || r.out == MAP_FAILED) {
		fprintf(stderr, "oa-bench: out of memory\n");
		free(res);
		return -1;
	}
	sample_clear(r.out);
	if (choose(&rep, impls))
		ret = 0;	/* this bench has no such implementation */
	else
		ret = measure(&r, &rep);
	if (b->teardown)
		b->teardown();
	for (unsigned int i = 0; i < rep.nres; i++)
		free(res[i].value);
	free(res);
	munmap(r.out, sizeof(*r.out));
	return ret;
}
