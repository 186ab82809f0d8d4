/* SPDX-License-Identifier: MIT */
/* Arguments as words, numbers, ranges and patterns. What is wrong is told. */
#include "cache.h"

#include <strings.h>

bool arg_is(const struct arg *a, const char *word)
{
	return a->len == strlen(word) && !strncasecmp(a->at, word, a->len);
}

/* Only as a server would write it: no blanks, no leading zeros. */
bool text_int(const char *s, size_t n, int64_t *v)
{
	bool minus = n && *s == '-';
	uint64_t u = 0;

	s += minus;
	n -= minus;
	if (!n || n > 19 || (*s == '0' && (n > 1 || minus)))
		return false;
	for (; n && *s >= '0' && *s <= '9'; n--, s++)
		u = u * 10 + (uint64_t)(*s - '0');
	*v = (int64_t)(minus ? -u : u);
	return !n && u <= (uint64_t)INT64_MAX + minus;
}

bool want_int(struct client *c, size_t i, int64_t *v)
{
	bool ok = text_int(c->argv[i].at, c->argv[i].len, v);

	if (!ok)
		reply_text(c, NO_INTEGER);
	return ok;
}

/* In *at it is ms since 1970. */
bool want_time(struct client *c, size_t i, int flags, int64_t *at)
{
	int64_t v;

	if (!want_int(c, i, &v))
		return false;
	if ((v > 0 || flags & PAST) && !__builtin_mul_overflow(v, flags & MS ? 1 : 1000, &v) &&
	    !__builtin_add_overflow(v, flags & AT ? 0 : c->now, at))
		return true;
	reply_error(c, "ERR invalid expire time in '%s' command", c->cmd->name);
	return false;
}

/* Arguments i and i + 1 are first and last of len, from the end if negative. */
bool want_range(struct client *c, size_t i, size_t len, size_t *from, size_t *n)
{
	int64_t first, last, l = (int64_t)len;

	if (!want_int(c, i, &first) || !want_int(c, i + 1, &last))
		return false;
	first = first >= 0 ? first : first + l < 0 ? 0 : first + l;
	last = last < 0 ? last + l : last < l ? last : l - 1;
	*n = first <= last ? (size_t)(last - first + 1) : 0;
	*from = *n ? (size_t)first : 0;
	return true;
}

/* Of * and ?. Goes back to the last star alone: none takes exponential time. */
bool text_like(const char *s, size_t n, const struct arg *glob)
{
	const char *g = glob->at, *end = g + glob->len, *stop = s + n, *star = NULL, *from = NULL;

	while (s < stop) {
		bool literal = g + 1 < end && *g == '\\';

		if (g < end && *g == '*') {
			star = ++g;
			from = s;
		} else if (g < end && (g[literal] == *s || *g == '?')) {
			g += 1 + literal;
			s++;
		} else if (star) {
			g = star;
			s = ++from;
		} else {
			return false;
		}
	}
	while (g < end && *g == '*')
		g++;
	return g == end;
}
