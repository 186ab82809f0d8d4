/* SPDX-License-Identifier: MIT */
/* How long answers took lately. */
#include "gather.h"

#include <stdlib.h>
#include <string.h>

#define KEPT	(sizeof(((struct latency *)0)->seen) / sizeof(oa_time_t))

static int compare(const void *a, const void *b)
{
	const oa_time_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void latency_add(struct latency *l, oa_time_t took)
{
	l->seen[l->n++ % KEPT] = took;
}

oa_time_t latency_percentile(const struct latency *l, unsigned int percent)
{
	size_t n = l->n < KEPT ? l->n : KEPT;
	oa_time_t sorted[KEPT];

	if (!n)
		return 0;
	memcpy(sorted, l->seen, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	return sorted[(n - 1) * percent / 100];
}
