// SPDX-License-Identifier: MIT
/*
 * The variables OA_*: read when a runtime starts, ignored in programs with
 * raised privileges. What is wrong in them changes nothing, and is told.
 */
#include "core/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/compiler.h"
#include "core/runtime.h"

typedef bool known_fn(const char *word, size_t len);

static bool is(const char *word, size_t len, const char *known)
{
	return strlen(known) == len && !memcmp(word, known, len);
}

static bool is_park(const char *word, size_t len)
{
	return is(word, len, "ring");
}

static bool is_io(const char *word, size_t len)
{
	return is(word, len, "inline") || is(word, len, "ring");
}

static bool is_debug(const char *word, size_t len)
{
	return is(word, len, "migrate") || is(word, len, "standby");
}

/* The whole variable is the word. */
static bool is_workers(const char *word, size_t len)
{
	(void)word;
	(void)len;
	return env_workers();
}

static bool is_feature(const char *word, size_t len)
{
	return poll_default->is_feature(word, len);
}

static const struct {
	const char *name;
	known_fn *known;
	const char *separator;
	const char *wanted;
} vars[] = {
	{ "OA_WORKERS", is_workers, "", "is no number from 1 to 256" },
	{ "OA_PARK", is_park, ",", "is not \"ring\"" },
	{ "OA_IO", is_io, ",", "is not \"inline\" or \"ring\"" },
	{ "OA_DEBUG", is_debug, ",", "is not \"migrate\" or \"standby\"" },
	{ "OA_DISABLE", is_feature, ",", "is no feature" },
};
_Static_assert(WORKERS_MAX == 256, "as the text says");

bool env_lists(const char *name, const char *word)
{
	const char *s = secure_getenv(name);
	size_t n;

	for (; s; s = s[n] ? s + n + 1 : NULL) {
		n = strcspn(s, ",");
		if (is(s, n, word))
			return true;
	}
	return false;
}

unsigned int env_workers(void)
{
	const char *s = secure_getenv("OA_WORKERS");
	char *end;
	long n = s ? strtol(s, &end, 10) : 0;

	return n > 0 && n <= WORKERS_MAX && !*end ? (unsigned int)n : 0;
}

void env_complain(poll_tell *tell, void *arg)
{
	char line[160];

	for (size_t i = 0; i < ARRAY_SIZE(vars); i++) {
		const char *s = secure_getenv(vars[i].name);
		size_t n;

		for (; s; s = s[n] ? s + n + 1 : NULL) {
			n = strcspn(s, vars[i].separator);
			if (!n || vars[i].known(s, n))
				continue;
			snprintf(line, sizeof(line),
				 "%s: ignored, \"%.*s\" %s", vars[i].name,
				 (int)min_of(n, (size_t)64), s, vars[i].wanted);
			tell(arg, line, true);
		}
	}
}
