/* SPDX-License-Identifier: MIT */
/*
 * Dates as HTTP writes them. Own arithmetic: libc's looks at locale and time
 * zone, under locks, and would be asked once a second by every connection.
 */
#include "date.h"

#include <time.h>

#define DAY	86400

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct civil {
	int64_t year;
	int month, day;		/* from 1 */
	int hour, min, sec;
};

/*
 * Days since 1970 of a date and back, the year beginning in March so that the
 * leap day comes last, and in eras of 400 years, which all have 146097 days.
 */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t in_era = y - era * 400;
	int64_t in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;

	return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 +
	       in_year - 719468;
}

static void civil_of(int64_t when, struct civil *c)
{
	int64_t day = when / DAY - (when % DAY < 0);
	int64_t rest = when - day * DAY;
	int64_t z = day + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t in_era = z - era * 146097;
	int64_t y = (in_era - in_era / 1460 + in_era / 36524 -
		     in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * y + y / 4 - y / 100);
	int m = (int)((5 * in_year + 2) / 153);

	c->day = (int)(in_year - (153 * m + 2) / 5 + 1);
	c->month = m < 10 ? m + 3 : m - 9;
	c->year = y + era * 400 + (c->month <= 2);
	c->hour = (int)(rest / 3600);
	c->min = (int)(rest % 3600 / 60);
	c->sec = (int)(rest % 60);
}

static char *put_2(char *p, int v)
{
	*p++ = (char)('0' + v / 10);
	*p++ = (char)('0' + v % 10);
	return p;
}

static char *put_text(char *p, const char *s, size_t n)
{
	memcpy(p, s, n);
	return p + n;
}

void date_format(char *dst, int64_t when)
{
	int64_t day = when / DAY - (when % DAY < 0);
	int weekday = (int)((day % 7 + 11) % 7);
	struct civil c;
	char *p = dst;

	civil_of(when, &c);
	p = put_text(p, days + 3 * weekday, 3);
	p = put_text(p, ", ", 2);
	p = put_2(p, c.day);
	*p++ = ' ';
	p = put_text(p, months + 3 * (c.month - 1), 3);
	*p++ = ' ';
	p = put_2(p, (int)(c.year / 100 % 100));
	p = put_2(p, (int)(c.year % 100));
	*p++ = ' ';
	p = put_2(p, c.hour);
	*p++ = ':';
	p = put_2(p, c.min);
	*p++ = ':';
	p = put_2(p, c.sec);
	put_text(p, " GMT", 4);
}

static bool take(struct span *s, const char *text)
{
	size_t n = strlen(text);

	if (s->len < n || memcmp(s->at, text, n))
		return false;
	s->at += n;
	s->len -= n;
	return true;
}

/* Between min and max digits. */
static bool take_number(struct span *s, size_t min, size_t max, int64_t *v)
{
	uint64_t n;
	size_t digits = span_number(s, &n);

	*v = (int64_t)n;
	return digits >= min && digits <= max;
}

static bool take_2(struct span *s, int *v)
{
	int64_t n;

	if (!take_number(s, 2, 2, &n))
		return false;
	*v = (int)n;
	return true;
}

static bool take_month(struct span *s, int *month)
{
	for (int m = 0; s->len >= 3 && m < 12; m++) {
		if (!memcmp(s->at, months + 3 * m, 3)) {
			s->at += 3;
			s->len -= 3;
			*month = m + 1;
			return true;
		}
	}
	return false;
}

static bool take_time(struct span *s, struct civil *c)
{
	return take_2(s, &c->hour) && take(s, ":") && take_2(s, &c->min) &&
	       take(s, ":") && take_2(s, &c->sec);
}

/* A year of two digits is the one that is not over 50 years ahead. */
static int64_t century(int64_t year)
{
	struct civil now;

	civil_of(time(NULL), &now);
	year += now.year / 100 * 100;
	return year > now.year + 50 ? year - 100 : year;
}

/* "06 Nov 1994 08:49:37 GMT" and "06-Nov-94 08:49:37 GMT", after the comma. */
static bool take_day_first(struct span *s, struct civil *c)
{
	const char *sep;

	if (!take(s, ", ") || !take_2(s, &c->day))
		return false;
	sep = s->len && *s->at == '-' ? "-" : " ";
	if (!take(s, sep) || !take_month(s, &c->month) || !take(s, sep))
		return false;
	if (*sep == '-') {
		if (!take_number(s, 2, 2, &c->year))
			return false;
		c->year = century(c->year);
	} else if (!take_number(s, 4, 4, &c->year)) {
		return false;
	}
	return take(s, " ") && take_time(s, c) && take(s, " GMT");
}

/* "Nov  6 08:49:37 1994", after the day of the week. */
static bool take_asctime(struct span *s, struct civil *c)
{
	int64_t day;

	if (!take(s, " ") || !take_month(s, &c->month) || !take(s, " "))
		return false;
	if (take(s, " ") ? !take_number(s, 1, 1, &day)
			 : !take_number(s, 2, 2, &day))
		return false;
	c->day = (int)day;
	return take(s, " ") && take_time(s, c) && take(s, " ") &&
	       take_number(s, 4, 4, &c->year);
}

bool date_parse(struct span s, int64_t *when)
{
	struct civil c, back;

	s = span_trim(s);
	while (s.len && *s.at != ',' && *s.at != ' ') {
		s.at++;
		s.len--;
	}
	if (!s.len)
		return false;
	if (*s.at == ',' ? !take_day_first(&s, &c) : !take_asctime(&s, &c))
		return false;
	if (s.len || c.hour > 23 || c.min > 59 || c.sec > 60 || c.day < 1)
		return false;
	*when = days_of(c.year, c.month, c.day) * DAY + c.hour * 3600 +
		c.min * 60 + c.sec;
	/* The 31st of a month of 30 days comes back as another day. */
	civil_of(*when - c.sec, &back);
	return back.day == c.day && back.month == c.month;
}
