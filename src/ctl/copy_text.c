#include "ctl/copy_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEX_PREFIX 3 /* \\x: its backslash is escaped */
#define DAY_S	   86400
#define SECOND_US  1000000

size_t
copy_fields(const char *line, size_t n, struct copy_field *fields, size_t max)
{
	const char *end = line + n, *tab;
	size_t i;

	for (i = 0; i < max && line <= end; i++) {
		tab = memchr(line, '\t', (size_t)(end - line));
		if (tab == NULL)
			tab = end;
		fields[i].p = line;
		fields[i].n = (size_t)(tab - line);
		if (fields[i].n == 2 && line[0] == '\\' && line[1] == 'N')
			fields[i].p = NULL;
		line = tab + 1;
	}
	return i;
}

static char
unescaped(char c)
{
	static const char from[] = "bfnrtv", to[] = "\b\f\n\r\t\v";
	const char *at = c == '\0' ? NULL : strchr(from, c);

	if (at != NULL)
		c = to[at - from];
	return c;
}

size_t
copy_plain(struct copy_field f, char *out)
{
	size_t i, n = 0;

	for (i = 0; f.p != NULL && i < f.n; i++)
		if (f.p[i] != '\\' || i + 1 == f.n)
			out[n++] = f.p[i];
		else
			out[n++] = unescaped(f.p[++i]);
	out[n] = '\0';
	return n;
}

bool
copy_is(struct copy_field f, const char *text)
{
	return f.p != NULL && f.n == strlen(text) &&
	    memcmp(f.p, text, f.n) == 0;
}

bool
copy_int(struct copy_field f, int64_t *value)
{
	char text[24], *end;

	if (f.p == NULL || f.n == 0 || f.n >= sizeof(text))
		return false;
	memcpy(text, f.p, f.n);
	text[f.n] = '\0';
	errno = 0;
	*value = strtoll(text, &end, 10);
	return *end == '\0' && errno == 0;
}

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
copy_uuid(struct copy_field f, struct uuid *id)
{
	size_t i, n = 0;
	int high, low;

	if (f.p == NULL || f.n != UUID_TEXT_SIZE - 1)
		return false;
	for (i = 0; i + 1 < f.n; i += 2) {
		if (f.p[i] == '-')
			i++;
		high = nibble(f.p[i]);
		low = nibble(f.p[i + 1]);
		if (high < 0 || low < 0 || n == sizeof(id->b))
			return false;
		id->b[n++] = (uint8_t)(high << 4 | low);
	}
	return n == sizeof(id->b);
}

int64_t
copy_bytes(struct copy_field f, uint8_t *out, size_t max)
{
	size_t i, n;
	int high, low;

	if (f.n < HEX_PREFIX ||
	    !copy_is((struct copy_field){ f.p, HEX_PREFIX }, "\\\\x") ||
	    (f.n - HEX_PREFIX) % 2 != 0 || (f.n - HEX_PREFIX) / 2 > max)
		return -1;
	n = (f.n - HEX_PREFIX) / 2;
	for (i = 0; i < n; i++) {
		high = nibble(f.p[HEX_PREFIX + 2 * i]);
		low = nibble(f.p[HEX_PREFIX + 2 * i + 1]);
		if (high < 0 || low < 0)
			return -1;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return (int64_t)n;
}

/* So many digits there; -1 if they are none. */
static int64_t
digits(const char *p, size_t n)
{
	int64_t value = 0;

	for (; n > 0; n--, p++) {
		if (*p < '0' || *p > '9')
			return -1;
		value = value * 10 + (*p - '0');
	}
	return value;
}

/* Days since 1970: years begin with March, so that a leap day is their last. */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	const int64_t y = month <= 2 ? year - 1 : year, era = y / 400,
		      of_era = y - era * 400,
		      of_year = (153 * (month > 2 ? month - 3 : month + 9) +
				    2) /
		5 +
	    day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	    of_year - 719468;
}

/* "+00", "+05:30", "-03:30:08": in seconds. */
static bool
offset_read(const char *p, size_t n, int64_t *s)
{
	static const int64_t units[] = { 3600, 60, 1 };
	size_t i;
	int64_t part;

	*s = 0;
	if (n % 3 != 0 || n == 0 || n > 9 || (*p != '+' && *p != '-'))
		return false;
	for (i = 0; i * 3 < n; i++) {
		part = digits(p + i * 3 + 1, 2);
		if (part < 0 || (i > 0 && p[i * 3] != ':'))
			return false;
		*s += part * units[i];
	}
	if (*p == '-')
		*s = -*s;
	return true;
}

/* ".000001", of a second: in microseconds; *p is behind it. */
static int64_t
fraction_read(const char **p, const char *end)
{
	int64_t us = 0, unit = SECOND_US;

	if (*p < end && **p == '.')
		for (++*p; *p < end && **p >= '0' && **p <= '9'; ++*p)
			us += (**p - '0') * (unit /= 10);
	return us;
}

bool
copy_time(struct copy_field f, int64_t *us)
{
	static const char form[] = "####-##-## ##:##:##";
	static const struct {
		size_t at, n;
	} parts[] = { { 0, 4 }, { 5, 2 }, { 8, 2 }, { 11, 2 }, { 14, 2 },
		{ 17, 2 } };
	const char *rest, *end;
	int64_t v[6], fraction, offset;
	size_t i;

	if (f.p == NULL || f.n < sizeof(form))
		return false;
	rest = f.p + sizeof(form) - 1;
	end = f.p + f.n;
	for (i = 0; i < sizeof(form) - 1; i++)
		if (form[i] != '#' && f.p[i] != form[i])
			return false;
	for (i = 0; i < 6; i++)
		if ((v[i] = digits(f.p + parts[i].at, parts[i].n)) < 0)
			return false;
	fraction = fraction_read(&rest, end);
	if (!offset_read(rest, (size_t)(end - rest), &offset))
		return false;
	*us = (days_of(v[0], v[1], v[2]) * DAY_S + v[3] * 3600 + v[4] * 60 +
		  v[5] - offset) *
		SECOND_US +
	    fraction;
	return true;
}
