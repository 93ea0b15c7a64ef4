#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/sql_date.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S	 86400
#define FIRST	 (-730119) /* 0001-01-01 */
#define LAST	 2921939   /* 9999-12-31 */
#define EPOCH_2K 10957	   /* 2000-01-01, in days from 1970 */

/* Every day that there is, against the C library's calendar. */
static void
each_day_is_the_c_librarys(void **state)
{
	char text[DATE_TEXT_SIZE], want[32];
	int32_t day, back;
	struct tm tm;
	time_t t;

	(void)state;
	for (day = FIRST; day <= LAST; day++) {
		t = ((time_t)day + EPOCH_2K) * DAY_S;
		assert_non_null(gmtime_r(&t, &tm));
		snprintf(want, sizeof(want), "%04d-%02d-%02d",
		    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
		assert_int_equal(sql_date_text(day, text), ERR_OK);
		assert_string_equal(text, want);
		assert_int_equal(sql_date_days(text, &back), ERR_OK);
		assert_int_equal(back, day);
	}
}

static void
days_out_of_range_are_refused(void **state)
{
	char text[DATE_TEXT_SIZE];

	(void)state;
	assert_int_equal(sql_date_text(FIRST - 1, text), ERR_INTERNAL);
	assert_int_equal(sql_date_text(LAST + 1, text), ERR_INTERNAL);
	assert_int_equal(sql_date_text(INT32_MAX, text), ERR_INTERNAL);
	assert_int_equal(sql_date_text(INT32_MIN, text), ERR_INTERNAL);
}

static void
texts_that_are_no_date_are_refused(void **state)
{
	static const char *const wrong[] = { "", "2023", "2023-02-29",
		"1900-02-29", "2023-00-10", "2023-13-10", "2023-01-00",
		"2023-04-31", "0000-01-01", "2023/01/01", "2023-01-1 ",
		" 2023-01-1", "+023-01-01", "2023-1-011", "2023-01-01 " };
	int32_t day;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(sql_date_days(wrong[i], &day), ERR_INTERNAL);
}

static void
times_keep_their_second(void **state)
{
	static const int64_t seconds[] = { 0, -1, 946684799, 946684800,
		1795440371, -62135596800, 253402300799 };
	int64_t micros;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		assert_int_equal(sql_time_micros(seconds[i], &micros), ERR_OK);
		assert_int_equal(sql_time_seconds(micros), seconds[i]);
		assert_int_equal(sql_time_seconds(micros + 999999), seconds[i]);
		assert_int_equal(sql_time_seconds(micros - 1), seconds[i] - 1);
	}
	assert_int_equal(sql_time_micros(946684800, &micros), ERR_OK);
	assert_int_equal(micros, 0);
}

static void
infinities_have_their_places(void **state)
{
	int64_t micros;

	(void)state;
	assert_int_equal(sql_time_micros(INT64_MAX, &micros), ERR_OK);
	assert_int_equal(micros, INT64_MAX);
	assert_int_equal(sql_time_micros(INT64_MIN + 1, &micros), ERR_OK);
	assert_int_equal(micros, INT64_MIN);
	assert_int_equal(sql_time_seconds(INT64_MAX), INT64_MAX);
	assert_int_equal(sql_time_seconds(INT64_MIN), INT64_MIN + 1);
	assert_int_equal(sql_time_micros(INT64_MAX - 1, &micros), ERR_INTERNAL);
	assert_int_equal(sql_time_micros(253402300800, &micros), ERR_INTERNAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_day_is_the_c_librarys),
		cmocka_unit_test(days_out_of_range_are_refused),
		cmocka_unit_test(texts_that_are_no_date_are_refused),
		cmocka_unit_test(times_keep_their_second),
		cmocka_unit_test(infinities_have_their_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
