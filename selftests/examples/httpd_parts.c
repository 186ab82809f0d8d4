/* SPDX-License-Identifier: MIT */
/* The parts of oa-httpd that work on text alone, taken in as they are. */
#include "examples/oa-httpd/date.c"
#include "examples/oa-httpd/mime.c"
#include "examples/oa-httpd/path.c"
#include "examples/oa-httpd/range.c"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "harness.h"

static struct span span_of(const char *s)
{
	return (struct span){ s, strlen(s) };
}

TEST(dates_are_written_as_libc_writes_them)
{
	char got[DATE_LEN + 1] = { 0 }, want[64];
	int64_t when = -62135596800;		/* the year 1 */

	for (; when < 253402300799; when += 86400 * 29 + 3607) {
		time_t t = when;
		struct tm tm;

		gmtime_r(&t, &tm);
		snprintf(want, sizeof(want), "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
			 &"SunMonTueWedThuFriSat"[3 * tm.tm_wday], tm.tm_mday,
			 &"JanFebMarAprMayJunJulAugSepOctNovDec"[3 * tm.tm_mon],
			 tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
		date_format(got, when);
		ASSERT_STREQ(want, got);
	}
}

TEST(a_date_read_is_the_one_written)
{
	char text[DATE_LEN];

	for (int64_t when = 0; when < 4102444800; when += 86400 * 13 + 4001) {
		int64_t got = -1;

		date_format(text, when);
		ASSERT_TRUE(date_parse((struct span){ text, DATE_LEN }, &got));
		ASSERT_EQ(when, got);
	}
}

TEST(three_forms_of_a_date_are_one)
{
	static const char *const forms[] = {
		"Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994",
		"  Sun, 06 Nov 1994 08:49:37 GMT ",
	};

	for (size_t i = 0; i < 4; i++) {
		int64_t got = 0;

		EXPECT_TRUE(date_parse(span_of(forms[i]), &got));
		EXPECT_EQ(784111777, got);
	}
}

TEST(what_is_no_date_is_refused)
{
	static const char *const bad[] = {
		"", "0", "yesterday", "Sun", "Sun,", "Sun, 06 Nov 1994",
		"Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 PST",
		"Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Noz 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT",
		"Tue, 29 Feb 2023 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1994 08:49:37 GMT, x", "Sun Nov 6 08:49:37 1994",
		"Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int64_t got;

		if (!EXPECT_FALSE(date_parse(span_of(bad[i]), &got)))
			TEST_LOG("'%s'", bad[i]);
	}
}

TEST(ranges)
{
	static const struct {
		const char *value;
		uint64_t size;
		enum range_kind kind;
		uint64_t from, len;
	} cases[] = {
		{ "bytes=0-0", 10, RANGE_PART, 0, 1 },
		{ "bytes=0-9", 10, RANGE_PART, 0, 10 },
		{ "bytes=9-9", 10, RANGE_PART, 9, 1 },
		{ "bytes=5-", 10, RANGE_PART, 5, 5 },
		{ "bytes=5-100", 10, RANGE_PART, 5, 5 },
		{ "Bytes=5-6", 10, RANGE_PART, 5, 2 },
		{ " bytes=5-6 ", 10, RANGE_PART, 5, 2 },
		{ "bytes=-3", 10, RANGE_PART, 7, 3 },
		{ "bytes=-30", 10, RANGE_PART, 0, 10 },
		{ "bytes=0-18446744073709551615", 10, RANGE_PART, 0, 10 },
		{ "bytes=0-99999999999999999999999", 10, RANGE_PART, 0, 10 },
		{ "bytes=10-", 10, RANGE_OUTSIDE, 0, 10 },
		{ "bytes=99999999999999999999999-", 10, RANGE_OUTSIDE, 0, 10 },
		{ "bytes=-0", 10, RANGE_OUTSIDE, 0, 10 },
		{ "bytes=0-", 0, RANGE_OUTSIDE, 0, 0 },
		{ "bytes=-5", 0, RANGE_OUTSIDE, 0, 0 },
		{ "bytes=5-4", 10, RANGE_WHOLE, 0, 10 },
		{ "bytes=1-2,4-5", 10, RANGE_WHOLE, 0, 10 },
		{ "bytes=", 10, RANGE_WHOLE, 0, 10 },
		{ "bytes=-", 10, RANGE_WHOLE, 0, 10 },
		{ "bytes", 10, RANGE_WHOLE, 0, 10 },
		{ "bytes=a-b", 10, RANGE_WHOLE, 0, 10 },
		{ "bytes=1", 10, RANGE_WHOLE, 0, 10 },
		{ "bytes=--1", 10, RANGE_WHOLE, 0, 10 },
		{ "items=1-2", 10, RANGE_WHOLE, 0, 10 },
		{ "", 10, RANGE_WHOLE, 0, 10 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct range r;
		bool ok = EXPECT_EQ(cases[i].kind,
				    range_parse(span_of(cases[i].value),
						cases[i].size, &r));

		ok &= EXPECT_EQ(cases[i].from, r.from);
		ok &= EXPECT_EQ(cases[i].len, r.len);
		if (!ok)
			TEST_LOG("'%s'", cases[i].value);
	}
}

TEST(paths_get_one_spelling)
{
	static const char *const cases[][2] = {
		{ "/", "" },
		{ "/a", "a" },
		{ "/a/", "a/" },
		{ "/a/b.c", "a/b.c" },
		{ "//a///b//", "a/b/" },
		{ "/./a/./b/.", "a/b/" },
		{ "/a/../b", "b" },
		{ "/a/b/../../c", "c" },
		{ "/a/..", "" },
		{ "/a/b/..", "a/" },
		{ "/a/b/../", "a/" },
		{ "/...", "..." },
		{ "/..a/.b", "..a/.b" },
		{ "/%61%2Fb", "a/b" },
		{ "/a%20b?c%zz", "a b" },
		{ "/a#b", "a" },
		{ "/a/%2e%2E/b", "b" },
		{ "/%c3%a4", "\xc3\xa4" },
		{ "/?", "" },
	};
	char got[PATH_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int n = path_decode(got, span_of(cases[i][0]));

		if (!EXPECT_EQ(strlen(cases[i][1]), n) ||
		    !EXPECT_STREQ(cases[i][1], got))
			TEST_LOG("'%s'", cases[i][0]);
	}
}

TEST(paths_that_are_none_are_refused)
{
	static const char *const bad[] = {
		"", "a", "*", "/..", "/../a", "/a/../..", "/a/../../b", "/%2e%2e",
		"/%00", "/a%", "/a%4", "/a%4g", "/a%g4", "/a%4?",
	};
	char got[PATH_SIZE], target[PATH_SIZE + 2];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!EXPECT_EQ(-EINVAL, path_decode(got, span_of(bad[i]))))
			TEST_LOG("'%s'", bad[i]);

	memset(target, 'a', sizeof(target));
	target[0] = '/';
	target[PATH_SIZE - 1] = 0;
	EXPECT_EQ(PATH_SIZE - 2, path_decode(got, span_of(target)));
	target[PATH_SIZE - 1] = 'a';
	target[PATH_SIZE] = 0;
	EXPECT_EQ(-ENAMETOOLONG, path_decode(got, span_of(target)));
}

/* Every byte that a name may have comes back from its link. */
TEST(links_lead_back_to_the_name)
{
	char name[256], target[1024] = "/", back[PATH_SIZE];
	size_t n = 0;

	for (int c = 1; c < 256; c++)
		if (c != '/')
			name[n++] = (char)c;
	name[n] = 0;
	target[1 + path_encode(target + 1, name)] = 0;
	ASSERT_EQ(n, path_decode(back, span_of(target)));
	EXPECT_STREQ(name, back);
	for (const char *p = target; *p; p++)
		EXPECT_TRUE(*p > ' ' && *p < 127 && !strchr("<>\"'&\\", *p));
}

TEST(html_is_escaped)
{
	char got[64] = { 0 };

	html_escape(got, "<a href='x'>&\"</a>");
	EXPECT_STREQ("&lt;a href=&#39;x&#39;&gt;&amp;&quot;&lt;/a&gt;", got);
}

TEST(types_by_the_ends_of_names)
{
	EXPECT_STREQ("text/html; charset=utf-8", mime_type("a/b.html"));
	EXPECT_STREQ("text/html; charset=utf-8", mime_type("a.HTML"));
	EXPECT_STREQ("application/gzip", mime_type("a.tar.gz"));
	EXPECT_STREQ("application/octet-stream", mime_type("a.html/b"));
	EXPECT_STREQ("application/octet-stream", mime_type("html"));
	EXPECT_STREQ("application/octet-stream", mime_type("a."));
	/* The table must be in order for the search to find all of it. */
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		char name[32];

		snprintf(name, sizeof(name), "x.%s", types[i].end);
		if (!EXPECT_STREQ(types[i].type, mime_type(name)))
			TEST_LOG("%s", name);
	}
}

HARNESS_MAIN
