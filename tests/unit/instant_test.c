#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/instant.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct pair {
	const char *text;
	int64_t at;
};

/* The values are date(1)'s: date -u -d TEXT +%s */
static void
text_is_read_as_date_does(void **state)
{
	static const struct pair right[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1969-12-31T23:59:59Z", -1 },
		{ "2026-11-23T13:26:11Z", 1795440371 },
		{ "2026-11-23T13:26:11.000Z", 1795440371 },
		{ "2026-11-23T13:26:11.999999999Z", 1795440371 },
		{ "2026-11-23T13:26:11.5+02:00", 1795433171 },
		{ "2000-02-29T12:00:00Z", 951825600 },
		{ "2026-11-23T13:26:11+02:00", 1795433171 },
		{ "2026-11-23T13:26:11-05:30", 1795460171 },
		{ "2026-11-23T13:26:11-00:00", 1795440371 },
		{ "2027-01-01T00:30:00+01:00", 1798759800 },
		{ "1900-01-01T00:00:00Z", -2208988800 },
		{ "9999-12-31T23:59:59Z", 253402300799 },
		{ "2038-01-19T03:14:08Z", 2147483648 },
		{ "2016-12-31T23:59:60Z", 1483228800 },
		{ "2016-12-31T23:59:60.9Z", 1483228800 },
		{ "2017-01-01T05:29:60+05:30", 1483228800 },
	};
	int64_t at;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		assert_int_equal(instant_parse(right[i].text, &at), ERR_OK);
		assert_int_equal(at, right[i].at);
	}
}

static void
what_is_no_time_is_refused(void **state)
{
	static const char *const wrong[] = { "", "2026", "2026-11-23",
		"2026-11-23T13:26:11", "2026-11-23 13:26:11Z",
		"2026-11-23T13:26Z", "2026-11-23T13:26:11.Z",
		"2026-11-23T13:26:11.5", "2026-11-23T13:26:11,5Z",
		"2026-11-23T13:26.5Z", "2026-11-23T13:26:11.-5Z",
		"2026-11-23T13:26:11z", "2026-11-23t13:26:11Z",
		"2026-11-23T13:26:11Z ", " 2026-11-23T13:26:11Z",
		"2026-11-23T13:26:11ZZ", "2026-11-23T24:00:00Z",
		"2026-11-23T13:60:00Z", "2016-12-31T23:58:60Z",
		"2016-12-31T23:59:61Z", "2016-12-31T23:59:60+01:00",
		"9999-12-31T23:59:60Z", "2026-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
		"2026-04-31T00:00:00Z", "2026-00-10T00:00:00Z",
		"2026-13-10T00:00:00Z", "2026-01-00T00:00:00Z",
		"2026-1-1T00:00:00Z", "1899-12-31T23:59:59Z",
		"1900-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
		"10000-01-01T00:00:00Z", "+2026-11-23T13:26:11Z",
		"-026-11-23T13:26:11Z", "2026-11-23T13:26:11+24:00",
		"2026-11-23T13:26:11+02:60", "2026-11-23T13:26:11+0200",
		"2026-11-23T13:26:11+02", "2026-11-23T13:26:11+02:00Z",
		"2026-11-23T13:26:11UTC", "2026-11-23T+3:26:11Z",
		"2026-11-23T13:26:1\xd9\xa1Z" };
	int64_t at = 42;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(
		    instant_parse(wrong[i], &at), ERR_INVALID_FIELD);
		assert_int_equal(at, 42);
	}
}

/* libc's calendar is the oracle, over every day of ten thousand years. */
static void
text_is_written_as_libc_does(void **state)
{
	const int64_t first = -62167219200, last = 253402300799;
	char ours[INSTANT_TEXT_SIZE], theirs[64];
	struct tm tm;
	int64_t at, back;
	time_t t;

	(void)state;
	for (at = first; at <= last; at += 86399) {
		t = (time_t)at;
		assert_non_null(gmtime_r(&t, &tm));
		tm.tm_year += 1900;
		snprintf(theirs, sizeof(theirs),
		    "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year, tm.tm_mon + 1,
		    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
		instant_text(at, ours);
		if (strcmp(ours, theirs) != 0)
			fail_msg("%s is not %s", ours, theirs);
		if (tm.tm_year < 1900)
			continue;
		if (instant_parse(ours, &back) != ERR_OK || back != at)
			fail_msg("%s is not read back", ours);
	}
}

static void
what_cannot_be_written_is_empty(void **state)
{
	static const int64_t none[] = { INSTANT_NONE, INT64_MAX, 253402300800,
		-62167219201 };
	char out[INSTANT_TEXT_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		memset(out, 'x', sizeof(out));
		instant_text(none[i], out);
		assert_string_equal(out, "");
	}
	instant_text(253402300799, out);
	assert_string_equal(out, "9999-12-31T23:59:59Z");
	instant_text(-62167219200, out);
	assert_string_equal(out, "0000-01-01T00:00:00Z");
}

static void
dates_exist_or_are_refused(void **state)
{
	static const char *const right[] = { "1850-01-01", "2024-02-29",
		"2000-02-29", "9999-12-31", "1930-06-30" };
	static const char *const wrong[] = { "", "1849-12-31", "2023-02-29",
		"1900-02-29", "2026-06-31", "2026-13-01", "2026-00-01",
		"2026-01-00", "2026-01-32", "2026-1-01", "2026-01-1",
		"2026-01-01 ", "2026-01-01T00:00:00Z", "20260101", "01/02/2026",
		"12026-01-01" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		assert_int_equal(date_check(right[i]), ERR_OK);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(date_check(wrong[i]), ERR_INVALID_FIELD);
}

static void
dates_are_known_in_part(void **state)
{
	static const char *const right[] = { "1850", "1950-07", "2024-02-29" };
	static const char *const wrong[] = { "", "195", "1849", "1950-",
		"1950-7", "1950-13", "1950-00", "1950-07-", "1950-07-32",
		"1950-07-1", "1950-07-121", "19500712", "abcd" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		assert_int_equal(date_part_check(right[i]), ERR_OK);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(date_part_check(wrong[i]), ERR_INVALID_FIELD);
}

static void
clocks_go_forward(void **state)
{
	const struct timespec nap = { 0, 20000000 };
	int64_t began = instant_monotonic(), took;

	(void)state;
	assert_true(instant_now() - time(NULL) <= 1);
	nanosleep(&nap, NULL);
	took = instant_monotonic() - began;
	assert_true(took >= 19 && took < 5000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_read_as_date_does),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(text_is_written_as_libc_does),
		cmocka_unit_test(what_cannot_be_written_is_empty),
		cmocka_unit_test(dates_exist_or_are_refused),
		cmocka_unit_test(dates_are_known_in_part),
		cmocka_unit_test(clocks_go_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
