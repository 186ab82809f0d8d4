/* SPDX-License-Identifier: MIT */
/* Arguments as words, numbers and times. */
#include "cache.h"

#include <strings.h>

bool arg_is(const struct arg *a, const char *word)
{
	return a->len == strlen(word) && !strncasecmp(a->at, word, a->len);
}

/* Only as a server would write it: no blanks, no leading zeros. */
bool arg_int(const struct arg *a, int64_t *v)
{
	const char *s = a->at, *end = s + a->len;
	bool minus = s < end && *s == '-';
	uint64_t u = 0;

	s += minus;
	if (s == end || end - s > 19 || (*s == '0' && a->len > 1))
		return false;
	for (; s < end && *s >= '0' && *s <= '9'; s++)
		u = u * 10 + (uint64_t)(*s - '0');
	*v = (int64_t)(minus ? -u : u);
	return s == end && u <= (uint64_t)INT64_MAX + minus;
}

/* In *at it is ms since 1970. NULL, or what is wrong with argument i. */
const char *arg_time(struct client *c, size_t i, int flags, int64_t *at)
{
	int64_t v, unit = flags & MS ? 1 : 1000, from = flags & AT ? 0 : c->now;

	if (!arg_int(&c->argv[i], &v))
		return NO_INTEGER;
	return __builtin_mul_overflow(v, unit, &v) ||
	       __builtin_add_overflow(v, from, at) ? NO_TIME : NULL;
}
