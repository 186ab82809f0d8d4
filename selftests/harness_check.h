/* SPDX-License-Identifier: MIT */
/* The assertions of harness.h, by which it is included. */
#ifndef OA_SELFTESTS_HARNESS_CHECK_H
#define OA_SELFTESTS_HARNESS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum harness_kind { HARNESS_INT, HARNESS_UINT, HARNESS_PTR, HARNESS_FLOAT };
enum harness_op {
	HARNESS_EQ, HARNESS_NE, HARNESS_LT, HARNESS_LE, HARNESS_GT, HARNESS_GE,
};

struct harness_value {
	enum harness_kind kind;
	union {
		uint64_t u;
		double d;
	};
};

/* Where an assertion stands and what it says; constant, so calls stay small. */
struct harness_site {
	const char *file;
	int line;
	const char *a, *op, *b;
};

#define HARNESS_KIND(x) _Generic((x), \
	float: HARNESS_FLOAT, double: HARNESS_FLOAT, \
	long double: HARNESS_FLOAT, _Bool: HARNESS_UINT, \
	unsigned char: HARNESS_UINT, unsigned short: HARNESS_UINT, \
	unsigned int: HARNESS_UINT, unsigned long: HARNESS_UINT, \
	unsigned long long: HARNESS_UINT, char: HARNESS_INT, \
	signed char: HARNESS_INT, short: HARNESS_INT, int: HARNESS_INT, \
	long: HARNESS_INT, long long: HARNESS_INT, default: HARNESS_PTR)

#define HARNESS_VALUE(x) \
	(HARNESS_KIND(x) == HARNESS_FLOAT ? \
	 harness_float(_Generic((x), float: (x), double: (x), \
				long double: (x), default: 0)) : \
	 harness_word(HARNESS_KIND(x), \
		      (uint64_t)_Generic((x), float: 0, double: 0, \
					 long double: 0, default: (x))))

static inline struct harness_value harness_float(double d)
{
	return (struct harness_value){ .kind = HARNESS_FLOAT, .d = d };
}

static inline struct harness_value harness_word(enum harness_kind kind,
						uint64_t u)
{
	return (struct harness_value){ .kind = kind, .u = u };
}

static inline bool harness_negative(struct harness_value v)
{
	return v.kind == HARNESS_INT && (int64_t)v.u < 0;
}

static inline double harness_as_float(struct harness_value v)
{
	if (v.kind == HARNESS_FLOAT)
		return v.d;
	return v.kind == HARNESS_INT ? (double)(int64_t)v.u : (double)v.u;
}

/* As in arithmetic, not as in C: -1 is less than 1U. */
static inline bool harness_holds(struct harness_value a, enum harness_op op,
				 struct harness_value b)
{
	bool lt, eq;

	if (a.kind == HARNESS_FLOAT || b.kind == HARNESS_FLOAT) {
		lt = harness_as_float(a) < harness_as_float(b);
		eq = harness_as_float(a) == harness_as_float(b);
		if (!lt && !eq && !(harness_as_float(a) > harness_as_float(b)))
			return op == HARNESS_NE;
	} else if (harness_negative(a) != harness_negative(b)) {
		lt = harness_negative(a);
		eq = false;
	} else {
		lt = a.u < b.u;
		eq = a.u == b.u;
	}
	switch (op) {
	case HARNESS_EQ: return eq;
	case HARNESS_NE: return !eq;
	case HARNESS_LT: return lt;
	case HARNESS_LE: return lt || eq;
	case HARNESS_GT: return !lt && !eq;
	default: return !lt;
	}
}

#define HARNESS_COLD __attribute__((cold, noinline))

/*
 * What a failing assertion calls, on any stack: no allocation, one write(2)
 * per message.  `stop` is the ASSERT_ kind, of which only the first in a
 * process prints.  harness_stop() then ends the test.
 */
HARNESS_COLD void harness_fail_values(const struct harness_site *at, bool stop,
				      struct harness_value a,
				      struct harness_value b);
HARNESS_COLD void harness_fail_strings(const struct harness_site *at, bool stop,
				       const char *a, const char *b);
HARNESS_COLD void harness_fail_bytes(const struct harness_site *at, bool stop,
				     const void *a, const void *b, size_t n);
HARNESS_COLD void harness_fail_result(const struct harness_site *at, bool stop,
				      long long result);
HARNESS_COLD void harness_fail_plain(const struct harness_site *at, bool stop);
HARNESS_COLD void harness_stop(void) __attribute__((noreturn));
bool harness_strings_equal(const char *a, const char *b);

/*
 * The checks.  The text of each operand is taken in the outermost macro, before
 * what it names is expanded.
 */

#define HARNESS_SITE(...) \
	static const struct harness_site _hs = { __FILE__, __LINE__, \
						 __VA_ARGS__ }

#define HARNESS_CMP(a, cmp, b, stop, ...) ({ \
	__auto_type _ha = ((void)0, (a)); \
	__auto_type _hb = ((void)0, (b)); \
	struct harness_value _hva = HARNESS_VALUE(_ha); \
	struct harness_value _hvb = HARNESS_VALUE(_hb); \
	bool _hok = harness_holds(_hva, HARNESS_##cmp, _hvb); \
	if (__builtin_expect(!_hok, 0)) { \
		HARNESS_SITE(__VA_ARGS__); \
		harness_fail_values(&_hs, stop, _hva, _hvb); \
		if (stop) \
			harness_stop(); \
	} \
	_hok; })

#define HARNESS_BOOL(e, want, stop, ...) ({ \
	bool _hok = ((e) ? true : false) == (want); \
	if (__builtin_expect(!_hok, 0)) { \
		HARNESS_SITE(__VA_ARGS__, "is", #want); \
		harness_fail_plain(&_hs, stop); \
		if (stop) \
			harness_stop(); \
	} \
	_hok; })

#define HARNESS_STR(a, equal, b, stop, ...) ({ \
	const char *_ha = (a), *_hb = (b); \
	bool _hok = harness_strings_equal(_ha, _hb) == equal; \
	if (__builtin_expect(!_hok, 0)) { \
		HARNESS_SITE(__VA_ARGS__); \
		harness_fail_strings(&_hs, stop, _ha, _hb); \
		if (stop) \
			harness_stop(); \
	} \
	_hok; })

#define HARNESS_MEM(a, b, n, stop, ...) ({ \
	const void *_ha = (a), *_hb = (b); \
	size_t _hn = (n); \
	bool _hok = !__builtin_memcmp(_ha, _hb, _hn); \
	if (__builtin_expect(!_hok, 0)) { \
		HARNESS_SITE(__VA_ARGS__); \
		harness_fail_bytes(&_hs, stop, _ha, _hb, _hn); \
		if (stop) \
			harness_stop(); \
	} \
	_hok; })

#define HARNESS_RESULT(e, want, stop, ...) ({ \
	long long _hr = (e), _hwant = (want); \
	bool _hok = _hr == _hwant; \
	if (__builtin_expect(!_hok, 0)) { \
		HARNESS_SITE(__VA_ARGS__); \
		harness_fail_result(&_hs, stop, _hr); \
		if (stop) \
			harness_stop(); \
	} \
	_hok; })

#define EXPECT_EQ(a, b) \
	HARNESS_CMP(a, EQ, b, false, #a, "==", #b)
#define EXPECT_NE(a, b) \
	HARNESS_CMP(a, NE, b, false, #a, "!=", #b)
#define EXPECT_LT(a, b) \
	HARNESS_CMP(a, LT, b, false, #a, "<", #b)
#define EXPECT_LE(a, b) \
	HARNESS_CMP(a, LE, b, false, #a, "<=", #b)
#define EXPECT_GT(a, b) \
	HARNESS_CMP(a, GT, b, false, #a, ">", #b)
#define EXPECT_GE(a, b) \
	HARNESS_CMP(a, GE, b, false, #a, ">=", #b)
#define EXPECT_TRUE(e) \
	HARNESS_BOOL(e, true, false, #e)
#define EXPECT_FALSE(e) \
	HARNESS_BOOL(e, false, false, #e)
#define EXPECT_NULL(p) \
	HARNESS_CMP(p, EQ, NULL, false, #p, "==", "NULL")
#define EXPECT_NOT_NULL(p) \
	HARNESS_CMP(p, NE, NULL, false, #p, "!=", "NULL")
#define EXPECT_STREQ(a, b) \
	HARNESS_STR(a, true, b, false, #a, "==", #b)
#define EXPECT_STRNE(a, b) \
	HARNESS_STR(a, false, b, false, #a, "!=", #b)
#define EXPECT_MEMEQ(a, b, n) \
	HARNESS_MEM(a, b, n, false, #a, "==", #b)
/* Of a call that returns 0 or a negative errno. */
#define EXPECT_OK(e) \
	HARNESS_RESULT(e, 0, false, #e, "is", "0")
#define EXPECT_ERR(e, err) \
	HARNESS_RESULT(e, err, false, #e, "is", #err)

#define ASSERT_EQ(a, b) \
	HARNESS_CMP(a, EQ, b, true, #a, "==", #b)
#define ASSERT_NE(a, b) \
	HARNESS_CMP(a, NE, b, true, #a, "!=", #b)
#define ASSERT_LT(a, b) \
	HARNESS_CMP(a, LT, b, true, #a, "<", #b)
#define ASSERT_LE(a, b) \
	HARNESS_CMP(a, LE, b, true, #a, "<=", #b)
#define ASSERT_GT(a, b) \
	HARNESS_CMP(a, GT, b, true, #a, ">", #b)
#define ASSERT_GE(a, b) \
	HARNESS_CMP(a, GE, b, true, #a, ">=", #b)
#define ASSERT_TRUE(e) \
	HARNESS_BOOL(e, true, true, #e)
#define ASSERT_FALSE(e) \
	HARNESS_BOOL(e, false, true, #e)
#define ASSERT_NULL(p) \
	HARNESS_CMP(p, EQ, NULL, true, #p, "==", "NULL")
#define ASSERT_NOT_NULL(p) \
	HARNESS_CMP(p, NE, NULL, true, #p, "!=", "NULL")
#define ASSERT_STREQ(a, b) \
	HARNESS_STR(a, true, b, true, #a, "==", #b)
#define ASSERT_STRNE(a, b) \
	HARNESS_STR(a, false, b, true, #a, "!=", #b)
#define ASSERT_MEMEQ(a, b, n) \
	HARNESS_MEM(a, b, n, true, #a, "==", #b)
#define ASSERT_OK(e) \
	HARNESS_RESULT(e, 0, true, #e, "is", "0")
#define ASSERT_ERR(e, err) \
	HARNESS_RESULT(e, err, true, #e, "is", #err)

#endif
