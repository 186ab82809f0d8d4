// SPDX-License-Identifier: MIT
/* Telling the figures: for people, for scripts, for a file kept for years. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static enum format format;
static struct environment env;
static bool env_known;

void out_format(enum format f)
{
	format = f;
}

enum format out_format_now(void)
{
	return format;
}

static bool has_ours(const struct report *rep)
{
	return rep->res[0].impl == &rep->bench->impl[0];
}

static void environment(const struct report *rep)
{
	env_read(&env, rep->set, has_ours(rep));
	env_known = true;
	if (format != FORMAT_DEFAULT)
		return;
	printf("# liboa %s, %s, %s\n", env.version, env.kernel, env.compiler);
	printf("# CPU %s, %ld online, using %s, governor %s\n", env.cpu,
	       env.online, env.cpus, env.governor);
	if (env.features[0])
		printf("# features: %s\n", env.features);
}

void out_running(const struct report *rep)
{
	const struct bench *b = rep->bench;

	if (!env_known)
		environment(rep);
	if (format != FORMAT_DEFAULT)
		return;
	printf("# Running %s/%s", b->collection, b->name);
	for (unsigned int i = 0; b->opts && b->opts[i].name; i++)
		printf(" -%c %s", b->opts[i].letter, rep->opt[i]);
	printf(" -w %u: %s\n", rep->workers, b->summary);
	fflush(stdout);
}

/* Four digits are more than the machine repeats. */
static const char *figure(char *buf, size_t n, double v)
{
	int places = fabs(v) < 10 ? 2 : fabs(v) < 1000 ? 1 : 0;

	snprintf(buf, n, "%.*f", places, v);
	return buf;
}

static struct summary metric_summary(const struct result *res, unsigned int m)
{
	double *v = calloc(res->n + 1, sizeof(*v));
	struct summary s;

	if (!v)
		abort();
	for (unsigned int k = 0; k < res->n; k++)
		v[k] = res->value[k][m];
	s = summarize(v, res->n);
	free(v);
	return s;
}

/* The raw implementation that does best by this metric, or NULL. */
static const struct result *best_raw(const struct report *rep, unsigned int m)
{
	bool more = rep->bench->metrics[m].flags & M_MORE;
	const struct result *best = NULL;
	double of_best = 0;

	for (unsigned int i = 0; i < rep->nres; i++) {
		const struct result *res = &rep->res[i];
		struct summary s = metric_summary(res, m);

		if (res->impl == &rep->bench->impl[0] || !s.n)
			continue;
		if (!best || (more ? s.median > of_best : s.median < of_best)) {
			best = res;
			of_best = s.median;
		}
	}
	return best;
}

/* The ratio of each pair of samples that were taken one after the other. */
static struct summary ratios(const struct result *ours,
			     const struct result *raw, unsigned int m,
			     double *v)
{
	unsigned int n = ours->n < raw->n ? ours->n : raw->n;

	for (unsigned int k = 0; k < n; k++)
		v[k] = ours->value[k][m] / raw->value[k][m];
	return summarize(v, n);
}

static void print_rate(const struct metric *mt, double ns)
{
	double rate = 1e9 / ns;

	if (!(mt->flags & M_RATE))
		return;
	if (rate >= 1e6)
		printf("  %.2f M/s", rate / 1e6);
	else
		printf("  %.1f k/s", rate / 1e3);
}

static void print_line(const char *who, const char *what, const char *unit,
		       const struct summary *s)
{
	char a[32], b[32], c[32];

	printf("  %-14s %-16s %10s %-7s [%s … %s] ± %.1f %%", who, what,
	       figure(a, sizeof(a), s->median), unit,
	       figure(b, sizeof(b), s->min), figure(c, sizeof(c), s->max),
	       s->mean != 0 ? 100 * s->stddev / fabs(s->mean) : 0);
}

static void print_percentiles(const struct hist *h)
{
	static const double p[] = { .5, .9, .99, .999 };
	static const char *const name[] = { "p50", "p90", "p99", "p99.9" };

	printf("  %-14s %-16s", "", "");
	for (unsigned int i = 0; i < ARRAY_LEN(p); i++)
		printf(" %s %llu", name[i],
		       (unsigned long long)hist_percentile(h, p[i]));
	printf(" max %llu ns, of %llu\n", (unsigned long long)h->max,
	       (unsigned long long)h->count);
}

static void default_result(const struct report *rep, const struct result *res)
{
	const struct metric *mt = rep->bench->metrics;

	if (res->skipped) {
		printf("  %-14s skipped: %s\n", res->impl->name, res->why);
		return;
	}
	for (unsigned int m = 0; mt[m].name; m++) {
		struct summary s = metric_summary(res, m);

		if (!s.n)
			continue;
		print_line(res->impl->name, mt[m].name, mt[m].unit, &s);
		print_rate(&mt[m], s.median);
		printf("\n");
		if ((mt[m].flags & M_HIST) && res->hist.count)
			print_percentiles(&res->hist);
	}
}

static void versus_name(char *buf, size_t n, const struct result *raw)
{
	snprintf(buf, n, "oa/%s", raw->impl->name);
}

static void versus(const struct report *rep)
{
	const struct metric *mt = rep->bench->metrics;
	const struct result *ours = &rep->res[0], *raw;
	char who[64];
	double *v;

	if (!has_ours(rep) || ours->skipped)
		return;
	v = calloc(ours->n + 1, sizeof(*v));
	if (!v)
		abort();
	for (unsigned int m = 0; mt[m].name; m++) {
		struct summary s;

		raw = mt[m].flags & M_INFO ? NULL : best_raw(rep, m);
		if (!raw)
			continue;
		s = ratios(ours, raw, m, v);
		if (!s.n)
			continue;
		versus_name(who, sizeof(who), raw);
		if (format == FORMAT_JSON) {
			out_json(rep, &env, who, &mt[m], "ratio", v, s.n, NULL);
			continue;
		}
		print_line(who, mt[m].name, "ratio", &s);
		printf("  %u pairs\n", s.n);
	}
	free(v);
}

static void simple(const struct report *rep)
{
	const struct result *raw = best_raw(rep, 0);
	char a[32], b[32], c[32];
	struct summary s, t;

	if (has_ours(rep)) {
		s = metric_summary(&rep->res[0], 0);
		printf("%s", s.n ? figure(a, sizeof(a), s.median) : "-");
		if (raw && s.n) {
			t = metric_summary(raw, 0);
			printf(" %s %s", figure(b, sizeof(b), t.median),
			       figure(c, sizeof(c), s.median / t.median));
		}
		printf("\n");
	} else if (raw) {
		s = metric_summary(raw, 0);
		printf("%s\n", figure(a, sizeof(a), s.median));
	}
}

static void json_result(const struct report *rep, const struct result *res)
{
	const struct metric *mt = rep->bench->metrics;
	double *v = calloc(res->n + 1, sizeof(*v));

	if (!v)
		abort();
	for (unsigned int m = 0; mt[m].name; m++) {
		unsigned int n = 0;

		for (unsigned int k = 0; k < res->n; k++)
			if (!isnan(res->value[k][m]))
				v[n++] = res->value[k][m];
		if (n)
			out_json(rep, &env, res->impl->name, &mt[m], mt[m].unit, v,
				    n, mt[m].flags & M_HIST ? &res->hist
							    : NULL);
	}
	free(v);
}

void out_report(const struct report *rep)
{
	if (format == FORMAT_SIMPLE) {
		simple(rep);
	} else {
		for (unsigned int i = 0; i < rep->nres; i++) {
			if (format == FORMAT_JSON)
				json_result(rep, &rep->res[i]);
			else
				default_result(rep, &rep->res[i]);
		}
		if (rep->versus)
			versus(rep);
	}
	fflush(stdout);
}
