// SPDX-License-Identifier: MIT
/* Order statistics of samples, and histograms of single latencies. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double middle(const double *v, unsigned int n)
{
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Samples that were not measured (NaN) do not count; n says how many did. */
struct summary summarize(const double *v, unsigned int n)
{
	struct summary s = { .n = 0 };
	double *w = malloc((n + 1) * sizeof(*w));
	double sum = 0, squares = 0;

	if (!w)
		abort();
	for (unsigned int i = 0; i < n; i++)
		if (!isnan(v[i]))
			w[s.n++] = v[i];
	if (s.n) {
		qsort(w, s.n, sizeof(*w), by_value);
		s.median = middle(w, s.n);
		s.min = w[0];
		s.max = w[s.n - 1];
		for (unsigned int i = 0; i < s.n; i++)
			sum += w[i];
		s.mean = sum / s.n;
		for (unsigned int i = 0; i < s.n; i++)
			squares += (w[i] - s.mean) * (w[i] - s.mean);
		s.stddev = s.n > 1 ? sqrt(squares / (s.n - 1)) : 0;
	}
	free(w);
	return s;
}

static unsigned int bucket_of(uint64_t v)
{
	unsigned int e;

	if (v < 64)
		return (unsigned int)v;
	e = 63u - (unsigned int)__builtin_clzll(v);
	return (e - 5) * 64 + (unsigned int)((v >> (e - 6)) & 63);
}

/* The smallest value that the bucket holds. */
static uint64_t value_of(unsigned int b)
{
	unsigned int e;

	if (b < 64)
		return b;
	e = b / 64 + 5;
	return (1ull << e) + ((uint64_t)(b % 64) << (e - 6));
}

void hist_add(struct hist *h, uint64_t v)
{
	unsigned int b = bucket_of(v);

	if (b >= HIST_BUCKETS)
		b = HIST_BUCKETS - 1;
	h->bucket[b]++;
	h->count++;
	if (v > h->max)
		h->max = v;
}

void hist_merge(struct hist *to, const struct hist *from)
{
	for (unsigned int i = 0; i < HIST_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
	to->count += from->count;
	if (from->max > to->max)
		to->max = from->max;
}

/* p between 0 and 1; 0 when nothing was counted. */
uint64_t hist_percentile(const struct hist *h, double p)
{
	uint64_t want = (uint64_t)(p * (double)h->count), seen = 0;

	if (want >= h->count)
		return h->max;
	for (unsigned int i = 0; i < HIST_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen > want)
			return value_of(i);
	}
	return h->max;
}
