#include "base/instant.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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

static bool
clock_read(const char **p, int *seconds)
{
	int h, m, s;

	if (!number(p, 2, &h) || !literal(p, ':') || !number(p, 2, &m) ||
	    !literal(p, ':') || !number(p, 2, &s) || h > 23 || m > 59 || s > 59)
		return false;
	*seconds = h * 3600 + m * 60 + s;
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

enum err
instant_parse(const char *text, int64_t *out)
{
	const char *p = text;
	int y, m, d, seconds, east;
	struct tm tm = { 0 };

	if (!date_read(&p, &y, &m, &d) || y < 1900 || !literal(&p, 'T') ||
	    !clock_read(&p, &seconds) || !offset_read(&p, &east))
		return ERR_INVALID_FIELD;
	tm.tm_year = y - 1900;
	tm.tm_mon = m - 1;
	tm.tm_mday = d;
	*out = (int64_t)timegm(&tm) + seconds - east;
	return ERR_OK;
}

void
instant_text(int64_t t, char out[INSTANT_TEXT_SIZE])
{
	time_t when = (time_t)t;
	struct tm tm;

	if (gmtime_r(&when, &tm) == NULL ||
	    strftime(out, INSTANT_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) !=
		INSTANT_TEXT_SIZE - 1)
		snprintf(out, INSTANT_TEXT_SIZE, "1970-01-01T00:00:00Z");
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
