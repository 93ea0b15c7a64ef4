#include "base/instant.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S 86400

int64_t
instant_now(void)
{
	return time(NULL);
}

int64_t
instant_monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Exactly n digits. */
static bool
number(const char **p, int n, int *out)
{
	*out = 0;
	while (n-- > 0) {
		if (**p < '0' || **p > '9')
			return false;
		*out = *out * 10 + (*(*p)++ - '0');
	}
	return true;
}

static bool
literal(const char **p, char c)
{
	return *(*p)++ == c;
}

static int
month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

static bool
date_read(const char **p, int *y, int *m, int *d)
{
	if (!number(p, 4, y) || !literal(p, '-') || !number(p, 2, m) ||
	    !literal(p, '-') || !number(p, 2, d))
		return false;
	return *m >= 1 && *m <= 12 && *d >= 1 && *d <= month_days(*y, *m);
}

/* Part of a second, which we do not keep: what clients' clocks say with it
 * (RFC 3339 5.6) is taken as the second it lies in. */
static bool
fraction_skip(const char **p)
{
	if (**p != '.')
		return true;
	for (++*p; **p >= '0' && **p <= '9'; ++*p)
		;
	return (*p)[-1] != '.';
}

/* A leap second is the last of a day in UTC (RFC 3339 5.7); ours have none, so
 * that it is the first of the next. */
static bool
clock_read(const char **p, int *seconds, bool *leap)
{
	int h, m, s;

	if (!number(p, 2, &h) || !literal(p, ':') || !number(p, 2, &m) ||
	    !literal(p, ':') || !number(p, 2, &s) || h > 23 || m > 59 ||
	    s > 60 || !fraction_skip(p))
		return false;
	*seconds = h * 3600 + m * 60 + s;
	*leap = s == 60;
	return true;
}

/* Z or +hh:mm, to the end of the text; seconds east of UTC. */
static bool
offset_read(const char **p, int *east)
{
	int h, m, sign;

	*east = 0;
	if (**p == 'Z')
		return (*p)[1] == '\0';
	if (**p != '+' && **p != '-')
		return false;
	sign = *(*p)++ == '-' ? -1 : 1;
	if (!number(p, 2, &h) || !literal(p, ':') || !number(p, 2, &m) ||
	    h > 23 || m > 59 || **p != '\0')
		return false;
	*east = sign * (h * 3600 + m * 60);
	return true;
}

/* Days from 0000-01-01 to the first of a month, in the Gregorian calendar
 * taken back before its beginning (RFC 3339 does the same). */
static int64_t
days_to(int year, int month)
{
	int64_t before = year - 1; /* year 0 is a leap year itself */
	int64_t days = (int64_t)year * 365;
	int m;

	if (year > 0)
		days += before / 4 - before / 100 + before / 400 + 1;
	for (m = 1; m < month; m++)
		days += month_days(year, m);
	return days;
}

/* Seconds from 0000-01-01 to 1970-01-01, 1900-01-01 and 10000-01-01. */
#define EPOCH_S (INT64_C(719528) * DAY_S)
#define FIRST_S (INT64_C(693961) * DAY_S)
#define LAST_S	(INT64_C(3652425) * DAY_S)

enum err
instant_parse(const char *text, int64_t *out)
{
	const char *p = text;
	int y, m, d, seconds, east;
	bool leap;
	int64_t s;

	if (!date_read(&p, &y, &m, &d) || !literal(&p, 'T') ||
	    !clock_read(&p, &seconds, &leap) || !offset_read(&p, &east))
		return ERR_INVALID_FIELD;
	s = (days_to(y, m) + d - 1) * DAY_S + seconds - east;
	if (y < 1900 || s < FIRST_S || s >= LAST_S || (leap && s % DAY_S != 0))
		return ERR_INVALID_FIELD;
	*out = s - EPOCH_S;
	return ERR_OK;
}

static char *
digits_write(char *at, int n, int64_t value)
{
	int i;

	for (i = n - 1; i >= 0; i--, value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + n;
}

/* The year and month that a day lies in; *days is left as the day of that
 * month, from 0. The estimate by the mean year errs by one at most. */
static void
month_find(int64_t *days, int *year, int *month)
{
	*year = (int)(*days * 400 / 146097);
	if (days_to(*year, 1) > *days)
		(*year)--;
	else if (days_to(*year + 1, 1) <= *days)
		(*year)++;
	*days -= days_to(*year, 1);
	for (*month = 1; *days >= month_days(*year, *month); (*month)++)
		*days -= month_days(*year, *month);
}

/* Not gmtime_r(3), which may read the time zone's file and takes a lock: the
 * log writes times from a signal handler too. */
void
instant_text(int64_t t, char out[INSTANT_TEXT_SIZE])
{
	int64_t days, seconds;
	int year, month;

	*out = '\0';
	if (t < -EPOCH_S || t >= LAST_S - EPOCH_S)
		return;
	days = (t + EPOCH_S) / DAY_S;
	seconds = (t + EPOCH_S) % DAY_S;
	month_find(&days, &year, &month);
	out = digits_write(out, 4, year);
	*out++ = '-';
	out = digits_write(out, 2, month);
	*out++ = '-';
	out = digits_write(out, 2, days + 1);
	*out++ = 'T';
	out = digits_write(out, 2, seconds / 3600);
	*out++ = ':';
	out = digits_write(out, 2, seconds / 60 % 60);
	*out++ = ':';
	out = digits_write(out, 2, seconds % 60);
	*out++ = 'Z';
	*out = '\0';
}

enum err
date_check(const char *text)
{
	const char *p = text;
	int y, m, d;

	return date_read(&p, &y, &m, &d) && y >= 1850 && *p == '\0'
	    ? ERR_OK
	    : ERR_INVALID_FIELD;
}

enum err
date_part_check(const char *text)
{
	static const char rest[] = "1850-01-01"; /* of what is not known */
	const size_t known = strlen(text);
	char whole[DATE_TEXT_SIZE];

	if (known != 4 && known != 7 && known != 10)
		return ERR_INVALID_FIELD;
	snprintf(whole, sizeof(whole), "%s%s", text, rest + known);
	return date_check(whole);
}
