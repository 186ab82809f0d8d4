/* SPDX-License-Identifier: MIT */
#include "cond.h"

#include "date.h"

/* Takes the next tag, with its quotes, off a list. */
static bool next_tag(struct span *list, struct span *tag, bool *weak)
{
	const char *end;

	while (list->len && strchr(", \t", *list->at)) {
		list->at++;
		list->len--;
	}
	*weak = list->len > 2 && list->at[0] == 'W' && list->at[1] == '/';
	if (*weak) {
		list->at += 2;
		list->len -= 2;
	}
	if (!list->len || *list->at != '"')
		return false;
	end = memchr(list->at + 1, '"', list->len - 1);
	if (!end)
		return false;
	*tag = (struct span){ list->at, (size_t)(end + 1 - list->at) };
	list->at += tag->len;
	list->len -= tag->len;
	return true;
}

static bool same_tag(struct span tag, const char *etag)
{
	return tag.len == strlen(etag) && !memcmp(tag.at, etag, tag.len);
}

/* Strong: a weak tag is equal to nothing. */
static bool tag_in(struct span list, const char *etag, bool strong)
{
	struct span tag;
	bool weak;

	list = span_trim(list);
	if (list.len == 1 && *list.at == '*')
		return true;
	while (next_tag(&list, &tag, &weak))
		if (!(weak && strong) && same_tag(tag, etag))
			return true;
	return false;
}

enum verdict cond_check(const struct request *rq, const char *etag,
			int64_t mtime)
{
	struct span match = request_field(rq, FIELD_IF_MATCH);
	struct span none = request_field(rq, FIELD_IF_NONE_MATCH);
	struct span since = request_field(rq, FIELD_IF_MODIFIED_SINCE);
	struct span unmod = request_field(rq, FIELD_IF_UNMODIFIED_SINCE);
	int64_t when;

	if (match.at) {
		if (!tag_in(match, etag, true))
			return COND_FAILED;
	} else if (unmod.at && date_parse(unmod, &when) && mtime > when) {
		return COND_FAILED;
	}

	if (none.at)
		return tag_in(none, etag, false) ? COND_NOT_MODIFIED
						 : COND_HOLDS;
	if (since.at && date_parse(since, &when) && mtime <= when)
		return COND_NOT_MODIFIED;
	return COND_HOLDS;
}

bool cond_range(const struct request *rq, const char *etag, int64_t mtime)
{
	struct span s = span_trim(request_field(rq, FIELD_IF_RANGE));
	int64_t when;

	if (rq->twice & 1u << FIELD_IF_RANGE)
		return false;
	if (!s.at)
		return true;
	if (s.len && (*s.at == '"' || *s.at == 'W'))
		return same_tag(s, etag);
	return date_parse(s, &when) && when == mtime;
}
