/* SPDX-License-Identifier: MIT */
/* Requests as oa-httpd reads them, cut at every place; and their conditions. */
#include "examples/oa-httpd/cond.c"
#include "examples/oa-httpd/date.c"
#include "examples/oa-httpd/request.c"

#include "harness.h"

static http_parser parser;
static struct request rq;

/* Feeds text in pieces of at most that many bytes; how many were taken. */
static size_t feed(const char *text, size_t piece)
{
	size_t n = strlen(text), done = 0, seen = 0;

	while (done < n && rq.part != PART_DONE && !rq.error) {
		if (done == seen)
			seen = seen + piece < n ? seen + piece : n;
		done += request_feed(&parser, text + done, seen - done);
	}
	return done;
}

static size_t parse(const char *text, size_t piece)
{
	request_init(&parser);
	request_begin(&parser, &rq);
	return feed(text, piece);
}

static bool is(struct span s, const char *want)
{
	return s.len == strlen(want) && !memcmp(s.at, want, s.len);
}

TEST(pieces_do_not_matter)
{
	static const char text[] =
		"\r\nGET /a?b HTTP/1.1\r\nHost: h\r\nX-Long: y\r\n"
		"range:  bytes=1-2\r\nIF-NONE-MATCH: \"a\", \"b\"\r\n"
		"Accept:\r\nExpect: 100-continue\r\n\r\n";

	for (size_t piece = 1; piece < sizeof(text); piece++) {
		ASSERT_EQ(sizeof(text) - 1, parse(text, piece));
		ASSERT_EQ(0, rq.error);
		ASSERT_EQ(PART_DONE, rq.part);
		ASSERT_TRUE(is(rq.target, "/a?b"));
		ASSERT_TRUE(is(request_field(&rq, FIELD_HOST), "h"));
		ASSERT_TRUE(is(request_field(&rq, FIELD_RANGE), "bytes=1-2"));
		ASSERT_TRUE(is(request_field(&rq, FIELD_IF_NONE_MATCH),
			       "\"a\", \"b\""));
		ASSERT_TRUE(is(request_field(&rq, FIELD_EXPECT),
			       "100-continue"));
		ASSERT_EQ(NULL, request_field(&rq, FIELD_IF_MATCH).at);
		ASSERT_TRUE(rq.keep_alive);
		ASSERT_FALSE(rq.has_body);
	}
}

TEST(one_request_is_taken_at_a_time)
{
	static const char two[] = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
				  "HEAD /b HTTP/1.0\r\n\r\n";
	size_t n = parse(two, sizeof(two));

	EXPECT_EQ(28, n);
	EXPECT_TRUE(is(rq.target, "/a"));
	EXPECT_FALSE(rq.head_only);
	request_begin(&parser, &rq);
	EXPECT_EQ(sizeof(two) - 1 - n, feed(two + n, 100));
	EXPECT_TRUE(is(rq.target, "/b"));
	EXPECT_TRUE(rq.head_only);
	EXPECT_FALSE(rq.keep_alive);
	EXPECT_EQ(NULL, request_field(&rq, FIELD_HOST).at);
}

TEST(a_body_is_a_part_of_its_own)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\n"
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
	size_t head = (size_t)(strstr(text, "\r\n\r\n") + 4 - text);

	request_init(&parser);
	request_begin(&parser, &rq);
	EXPECT_EQ(head, request_feed(&parser, text, sizeof(text) - 1));
	EXPECT_EQ(PART_BODY, rq.part);
	EXPECT_TRUE(rq.has_body);
	EXPECT_EQ(sizeof(text) - 1 - head, feed(text + head, 100));
	EXPECT_EQ(PART_DONE, rq.part);
	EXPECT_EQ(3, rq.body_seen);
}

TEST(what_trails_a_body_counts_for_nothing)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\n"
		"Transfer-Encoding: chunked\r\nIf-Match: *\r\n\r\n"
		"3\r\nabc\r\n0\r\n"
		"Range: bytes=0-1\r\nIf-Match: \"a\"\r\n\r\n";

	for (size_t piece = 1; piece < sizeof(text); piece++) {
		ASSERT_EQ(sizeof(text) - 1, parse(text, piece));
		ASSERT_EQ(0, rq.error);
		ASSERT_EQ(PART_DONE, rq.part);
		ASSERT_EQ(NULL, request_field(&rq, FIELD_RANGE).at);
		ASSERT_TRUE(is(request_field(&rq, FIELD_IF_MATCH), "*"));
	}
}

TEST(a_header_that_came_twice_counts_for_nothing)
{
	parse("GET / HTTP/1.1\r\nHost: h\r\nRange: a\r\nX: y\r\nRange: b\r\n\r\n",
	      1000);
	EXPECT_EQ(0, rq.error);
	EXPECT_EQ(PART_DONE, rq.part);
	EXPECT_EQ(NULL, request_field(&rq, FIELD_RANGE).at);
	EXPECT_TRUE(is(request_field(&rq, FIELD_HOST), "h"));
}

TEST(bad_requests_have_a_status)
{
	static const struct {
		int status;
		const char *text;
	} cases[] = {
		{ 400, "\x16\x03\x01" },
		{ 400, "get / HTTP/1.1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
		       "Content-Length: 2\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\n"
		       "Transfer-Encoding: gzip\r\n\r\n" },
		{ 413, "GET / HTTP/1.1\r\nHost: a\r\n"
		       "Content-Length: 99999999\r\n\r\n" },
		{ 501, "BREW / HTTP/1.1\r\n\r\n" },
		{ 505, "GET / HTTP/2.0\r\n\r\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		parse(cases[i].text, 1000);
		if (!EXPECT_EQ(cases[i].status, rq.error))
			TEST_LOG("'%s'", cases[i].text);
	}
}

TEST(targets_have_a_size)
{
	static char text[TARGET_MAX + 100];

	strcpy(text, "GET /");
	memset(text + 5, 'a', TARGET_MAX);
	strcpy(text + 5 + TARGET_MAX, " HTTP/1.1\r\nHost: a\r\n\r\n");
	parse(text, 1000);
	EXPECT_EQ(414, rq.error);
	/* ... one byte less is not too much. */
	memmove(text + 5, text + 6, strlen(text + 6) + 1);
	parse(text, 1000);
	EXPECT_EQ(0, rq.error);
	EXPECT_EQ(PART_DONE, rq.part);
}

/* The date of all files here, and a day before and after it. */
#define THEN	784111777
#define BEFORE	"Sat, 05 Nov 1994 08:49:37 GMT"
#define AT	"Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER	"Mon, 07 Nov 1994 08:49:37 GMT"

static enum verdict check(const char *headers)
{
	static char text[1024];

	strcpy(text, "GET / HTTP/1.1\r\nHost: h\r\n");
	strcat(text, headers);
	strcat(text, "\r\n\r\n");
	parse(text, sizeof(text));
	return cond_check(&rq, "\"tag\"", THEN);
}

TEST(conditions)
{
	static const struct {
		enum verdict verdict;
		const char *headers;
	} cases[] = {
		{ COND_HOLDS, "X: y" },
		{ COND_NOT_MODIFIED, "If-None-Match: \"tag\"" },
		{ COND_NOT_MODIFIED, "If-None-Match: W/\"tag\"" },
		{ COND_NOT_MODIFIED, "If-None-Match: \"a\",\"b\" , \"tag\"" },
		{ COND_NOT_MODIFIED, "If-None-Match: *" },
		{ COND_HOLDS, "If-None-Match: \"ta\"" },
		{ COND_HOLDS, "If-None-Match: tag" },
		{ COND_HOLDS, "If-None-Match: \"tag" },
		{ COND_HOLDS, "If-None-Match:" },
		{ COND_HOLDS, "If-None-Match: \"a, \\\"tag\\\"\"" },
		{ COND_HOLDS, "If-None-Match: \"a\"\r\nIf-Modified-Since: " AFTER },
		{ COND_NOT_MODIFIED, "If-Modified-Since: " AT },
		{ COND_NOT_MODIFIED, "If-Modified-Since: " AFTER },
		{ COND_HOLDS, "If-Modified-Since: " BEFORE },
		{ COND_HOLDS, "If-Modified-Since: today" },
		{ COND_HOLDS, "If-Match: \"tag\"" },
		{ COND_HOLDS, "If-Match: *" },
		{ COND_FAILED, "If-Match: W/\"tag\"" },
		{ COND_FAILED, "If-Match: \"a\"" },
		{ COND_HOLDS, "If-Match: \"tag\"\r\nIf-Unmodified-Since: " BEFORE },
		{ COND_HOLDS, "If-Unmodified-Since: " AT },
		{ COND_FAILED, "If-Unmodified-Since: " BEFORE },
		{ COND_HOLDS, "If-Unmodified-Since: today" },
		{ COND_FAILED, "If-Match: \"a\"\r\nIf-None-Match: \"tag\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!EXPECT_EQ(cases[i].verdict, check(cases[i].headers)))
			TEST_LOG("'%s'", cases[i].headers);
}

TEST(if_range)
{
	static const struct {
		bool part;
		const char *headers;
	} cases[] = {
		{ true, "X: y" },
		{ true, "If-Range: \"tag\"" },
		{ true, "If-Range: " AT },
		{ false, "If-Range: W/\"tag\"" },
		{ false, "If-Range: \"a\"" },
		{ false, "If-Range: " BEFORE },
		{ false, "If-Range: " AFTER },
		{ false, "If-Range: today" },
		{ false, "If-Range:" },
		{ false, "If-Range: \"tag\"\r\nIf-Range: \"tag\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check(cases[i].headers);
		if (!EXPECT_EQ(cases[i].part, cond_range(&rq, "\"tag\"", THEN)))
			TEST_LOG("'%s'", cases[i].headers);
	}
}

HARNESS_MAIN
