// SPDX-License-Identifier: MIT
/*
 * One object a line for each metric of each implementation: what scripts and
 * later years read. A change of what a field means raises the schema number.
 */
#include <math.h>
#include <stdio.h>

#include "bench.h"

#define JSON_SCHEMA 1

static void json_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			printf("\\u%04x", (unsigned char)*s);
		else
			putchar(*s);
	}
	putchar('"');
}

static void json_field(const char *name, const char *value)
{
	printf(",");
	json_string(name);
	printf(":");
	json_string(value);
}

static void json_number(const char *name, double v)
{
	printf(",\"%s\":", name);
	if (isfinite(v))
		printf("%.10g", v);
	else
		printf("null");
}

static void json_env(const struct report *rep, const struct environment *env)
{
	printf(",\"env\":{\"online\":%ld,\"workers\":%u", env->online,
	       rep->workers);
	json_field("version", env->version);
	json_field("kernel", env->kernel);
	json_field("cpu", env->cpu);
	json_field("cpus", env->cpus);
	json_field("governor", env->governor);
	json_field("compiler", env->compiler);
	json_field("features", env->features);
	printf("}");
}

static void json_params(const struct report *rep)
{
	const struct bench_opt *o = rep->bench->opts;

	printf(",\"params\":{\"workers\":%u", rep->workers);
	for (unsigned int i = 0; o && o[i].name; i++)
		json_field(o[i].name, rep->opt[i]);
	printf("}");
}

static void json_percentiles(const struct hist *h)
{
	printf(",\"percentiles\":{");
	if (h && h->count)
		printf("\"50\":%llu,\"90\":%llu,\"99\":%llu,\"99.9\":%llu,"
		       "\"max\":%llu,\"count\":%llu",
		       (unsigned long long)hist_percentile(h, .5),
		       (unsigned long long)hist_percentile(h, .9),
		       (unsigned long long)hist_percentile(h, .99),
		       (unsigned long long)hist_percentile(h, .999),
		       (unsigned long long)h->max,
		       (unsigned long long)h->count);
	printf("}");
}

void out_json(const struct report *rep, const struct environment *env,
	      const char *impl, const struct metric *mt, const char *unit,
	      const double *v, unsigned int n, const struct hist *h)
{
	struct summary s = summarize(v, n);

	printf("{\"schema\":%d,\"name\":\"%s/%s\"", JSON_SCHEMA,
	       rep->bench->collection, rep->bench->name);
	json_field("impl", impl);
	json_field("metric", mt->name);
	json_field("unit", unit);
	json_params(rep);
	json_env(rep, env);
	printf(",\"samples\":[");
	for (unsigned int k = 0; k < n; k++)
		printf("%s%.10g", k ? "," : "", v[k]);
	printf("]");
	json_number("median", s.median);
	json_number("min", s.min);
	json_number("max", s.max);
	json_number("stddev", s.stddev);
	json_percentiles(h);
	printf("}\n");
}
