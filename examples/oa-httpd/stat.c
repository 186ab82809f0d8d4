/* SPDX-License-Identifier: MIT */
/* What was done, by the server and by the workers beneath it. */
#include "httpd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct column {
	const char *title;
	size_t offset;
};

#define COLUMN(title, field) { title, offsetof(struct oa_stats, field) }

static const struct column columns[] = {
	COLUMN("tasks", spawned),
	COLUMN("switches", switches),
	COLUMN("ring waits", waits_ring),
	COLUMN("futex waits", waits_futex),
	COLUMN("kicks", kicks),
	COLUMN("kicked", kicked),
	COLUMN("steals", steals),
	COLUMN("stolen", stolen),
	COLUMN("enters", enters),
	COLUMN("requests", requests),
	COLUMN("inlined", inlined),
};

#define COLUMNS		(sizeof(columns) / sizeof(columns[0]))

static int width(const struct column *c)
{
	size_t n = strlen(c->title);

	return n > 8 ? (int)n : 8;
}

static void print_row(const char *name, const struct oa_stats *st)
{
	printf("%-6s", name);
	for (size_t i = 0; i < COLUMNS; i++) {
		const char *field = (const char *)st + columns[i].offset;

		printf(" %*" PRIu64, width(&columns[i]),
		       *(const uint64_t *)(const void *)field);
	}
	putchar('\n');
}

static void print_workers(struct oa_runtime *rt)
{
	struct oa_stats st = OA_STATS_INIT;
	unsigned int workers;
	char name[16];

	if (oa_stats(rt, &st))
		return;
	workers = st.workers;
	printf("%-6s", "worker");
	for (size_t i = 0; i < COLUMNS; i++)
		printf(" %*s", width(&columns[i]), columns[i].title);
	putchar('\n');
	for (unsigned int i = 0; i < workers; i++) {
		struct oa_stats one = OA_STATS_INIT;

		one.worker = OA_WORKER((int)i);
		snprintf(name, sizeof(name), "%u", i);
		if (!oa_stats(rt, &one))
			print_row(name, &one);
	}
	print_row("all", &st);
}

void stat_print(const struct server *srv, struct oa_runtime *rt)
{
	const struct counters *t = &srv->total;

	printf("%" PRIu64 " connections, %" PRIu64 " refused; "
	       "%" PRIu64 " requests, %" PRIu64 " bytes sent\n",
	       srv->accepted, srv->refused, t->requests, t->bytes);
	printf("answers: %" PRIu64 " 2xx, %" PRIu64 " 3xx, %" PRIu64 " 4xx, "
	       "%" PRIu64 " 5xx\n", t->answers[2], t->answers[3],
	       t->answers[4], t->answers[5]);
	print_workers(rt);
}
