/* SPDX-License-Identifier: MIT */
/*
 * The Range header (RFC 9110, 14). A request for several ranges gets the whole
 * file, as the standard allows: nobody but viewers of old asks for them.
 */
#include "range.h"

#include <stdbool.h>

static bool take_dash(struct span *s)
{
	if (!s->len || *s->at != '-')
		return false;
	s->at++;
	s->len--;
	return true;
}

enum range_kind range_parse(struct span value, uint64_t size, struct range *r)
{
	static const char unit[] = "bytes=";
	struct span s = span_trim(value);
	uint64_t first, last;
	bool has_first, has_last;

	r->from = 0;
	r->len = size;
	if (s.len < sizeof(unit) - 1 ||
	    strncasecmp(s.at, unit, sizeof(unit) - 1))
		return RANGE_WHOLE;
	s.at += sizeof(unit) - 1;
	s.len -= sizeof(unit) - 1;
	s = span_trim(s);

	has_first = span_number(&s, &first);
	if (!take_dash(&s))
		return RANGE_WHOLE;
	has_last = span_number(&s, &last);
	if (s.len || (!has_first && !has_last))
		return RANGE_WHOLE;

	if (!has_first) {
		if (!last || !size)
			return RANGE_OUTSIDE;
		r->len = last < size ? last : size;
		r->from = size - r->len;
		return RANGE_PART;
	}
	if (has_last && last < first)
		return RANGE_WHOLE;
	if (first >= size)
		return RANGE_OUTSIDE;
	if (!has_last || last >= size)
		last = size - 1;
	r->from = first;
	r->len = last - first + 1;
	return RANGE_PART;
}
