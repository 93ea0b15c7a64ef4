#include "data/sql_date.h"

#include <stdio.h>
#include <string.h>

#define EPOCH_S	    INT64_C(946684800) /* 2000-01-01 from 1970 */
#define YEAR_1_S    (-INT64_C(62135596800))
#define YEAR_9999_S INT64_C(253402300799)
#define MICROS	    INT64_C(1000000)
#define TO_2000	    730119 /* days from 0001-01-01 */

enum err
sql_time_micros(int64_t s, int64_t *micros)
{
	if (s == INT64_MAX || s == INT64_MIN + 1)
		*micros = s == INT64_MAX ? INT64_MAX : INT64_MIN;
	else if (s < YEAR_1_S || s > YEAR_9999_S)
		return ERR_INTERNAL;
	else
		*micros = (s - EPOCH_S) * MICROS;
	return ERR_OK;
}

int64_t
sql_time_seconds(int64_t micros)
{
	int64_t s = micros / MICROS;

	if (micros == INT64_MAX)
		return INT64_MAX;
	if (micros == INT64_MIN)
		return INT64_MIN + 1;
	return s - (micros % MICROS < 0) + EPOCH_S;
}

static int
leap(int y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int
month_days(int y, int m)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };

	return days[m - 1] + (m == 2 && leap(y));
}

/* Days from 0001-01-01 to the first of a year. */
static int
year_start(int y)
{
	y--;
	return y * 365 + y / 4 - y / 100 + y / 400;
}

static int
digits(const char *s, int n)
{
	int v = 0;

	while (n-- > 0) {
		if (*s < '0' || *s > '9')
			return -1;
		v = v * 10 + (*s++ - '0');
	}
	return v;
}

enum err
sql_date_days(const char *s, int32_t *days)
{
	int y, m, d, i;

	if (strlen(s) != DATE_TEXT_SIZE - 1 || s[4] != '-' || s[7] != '-')
		return ERR_INTERNAL;
	y = digits(s, 4);
	m = digits(s + 5, 2);
	d = digits(s + 8, 2);
	if (y < 1 || m < 1 || m > 12 || d < 1 || d > month_days(y, m))
		return ERR_INTERNAL;
	for (i = 1; i < m; i++)
		d += month_days(y, i);
	*days = year_start(y) + d - 1 - TO_2000;
	return ERR_OK;
}

enum err
sql_date_text(int32_t days, char out[DATE_TEXT_SIZE])
{
	int64_t d = (int64_t)days + TO_2000;
	int y, m = 1;

	if (d < 0 || d >= year_start(10000))
		return ERR_INTERNAL;
	y = (int)(d / 366) + 1; /* never too late */
	while (d >= year_start(y + 1))
		y++;
	d -= year_start(y);
	for (; d >= month_days(y, m); m++)
		d -= month_days(y, m);
	snprintf(out, DATE_TEXT_SIZE, "%04u-%02u-%02u", (unsigned)y % 10000,
	    (unsigned)m % 100, (unsigned)(d + 1) % 100);
	return ERR_OK;
}
