/* SPDX-License-Identifier: MIT */
/* Pieces of text, in headers and in paths. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* Some bytes of a buffer that somebody else owns; at == NULL: there are none. */
struct span {
	const char *at;
	size_t len;
};

static inline bool span_is(struct span s, const char *lower_case, size_t len)
{
	return s.len == len && !strncasecmp(s.at, lower_case, len);
}

/* Without the white space around it. */
static inline struct span span_trim(struct span s)
{
	while (s.len && (*s.at == ' ' || *s.at == '\t')) {
		s.at++;
		s.len--;
	}
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/*
 * Decimal digits at the front of s, taken off it. Returns how many there were;
 * a number too large for 64 bits becomes UINT64_MAX.
 */
static inline size_t span_number(struct span *s, uint64_t *value)
{
	size_t n = 0;
	uint64_t v = 0;

	for (; n < s->len && s->at[n] >= '0' && s->at[n] <= '9'; n++) {
		unsigned int digit = (unsigned int)(s->at[n] - '0');

		if (v > (UINT64_MAX - digit) / 10)
			v = UINT64_MAX;
		else
			v = v * 10 + digit;
	}
	s->at += n;
	s->len -= n;
	*value = v;
	return n;
}

#define U64_DIGITS	20

/* Writes the digits of v, returns how many. */
static inline size_t put_number(char *dst, uint64_t v)
{
	char rev[U64_DIGITS];
	size_t n = 0;

	do {
		rev[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	for (size_t i = 0; i < n; i++)
		dst[i] = rev[n - 1 - i];
	return n;
}

#endif
