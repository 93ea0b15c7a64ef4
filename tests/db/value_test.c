#include "harness.h"

#include <string.h>

static const struct uuid one = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
    14, 15, 16 } };
static const struct uuid two = { { 0xff, 2 } };
static const uint8_t raw[] = { 0, 1, 0xff, '\'', '\\' };

static struct sample_get_row
round_trip(const struct sample_insert_in *in)
{
	struct tx *tx = test_tx();
	struct sample_get_in get = { .id = in->id };
	struct sample_get_row row;
	int64_t n = 0;

	assert_int_equal(sql_sample_insert(tx, in, &n), ERR_OK);
	assert_int_equal(n, 1);
	assert_int_equal(sql_sample_get(tx, &get, &row), ERR_OK);
	assert_int_equal(tx_commit(tx), ERR_OK);
	tx_close(tx);
	return row;
}

static void
every_type_comes_back_as_it_went(void **state)
{
	const struct uuid ids[] = { one, { { 0 } }, two };
	const struct bytes raws[] = { { raw, sizeof(raw) }, { NULL, 0 },
		{ raw, 0 } };
	const int64_t wholes[] = { INT64_MAX, -1, 0 };
	const char *labels[] = { "a", NULL, "", "\xe2\x82\xac {,}\"\\" };
	struct sample_insert_in in = { .id = one,
		.label = "Zo\xc3\xab '\"\\ $1",
		.raw = { raw, sizeof(raw) },
		.whole = INT64_MIN + 1,
		.maybe = -5,
		.flag = true,
		.at = 1795440371,
		.day = "2024-02-29",
		.doc = "{\"a\": [1, null]}",
		.addr = "2001:db8::1",
		.ids = { ids, 3 },
		.raws = { raws, 3 },
		.wholes = { wholes, 3 },
		.labels = { labels, 4 } };
	struct sample_get_row row;

	(void)state;
	pool_start(1, 10);
	row = round_trip(&in);
	assert_true(uuid_equal(&row.id, &one));
	assert_string_equal(row.label, in.label);
	assert_int_equal(row.raw.n, sizeof(raw));
	assert_memory_equal(row.raw.p, raw, sizeof(raw));
	assert_int_equal(row.whole, INT64_MIN + 1);
	assert_int_equal(row.maybe, -5);
	assert_true(row.flag);
	assert_int_equal(row.at, 1795440371);
	assert_string_equal(row.day, "2024-02-29");
	assert_string_equal(row.doc, in.doc);
	assert_string_equal(row.addr, "2001:db8::1");
	assert_int_equal(row.ids.n, 3);
	assert_memory_equal(row.ids.v, ids, sizeof(ids));
	assert_int_equal(row.raws.n, 3);
	assert_memory_equal(row.raws.v[0].p, raw, sizeof(raw));
	assert_null(row.raws.v[1].p);
	assert_non_null(row.raws.v[2].p);
	assert_int_equal(row.raws.v[2].n, 0);
	assert_int_equal(row.wholes.n, 3);
	assert_memory_equal(row.wholes.v, wholes, sizeof(wholes));
	assert_int_equal(row.labels.n, 4);
	assert_null(row.labels.v[1]);
	assert_string_equal(row.labels.v[2], "");
	assert_string_equal(row.labels.v[3], labels[3]);
}

/* Both directions wrong in the same way would go unnoticed above. */
static void
the_database_reads_what_was_meant(void **state)
{
	const struct uuid ids[] = { one };
	const int64_t wholes[] = { -2, 70000000000 };
	const char *labels[] = { "x", NULL };
	struct sample_insert_in in = { .id = one,
		.label = "l",
		.raw = { raw, sizeof(raw) },
		.whole = 258,
		.maybe = INT64_MIN,
		.flag = true,
		.at = 946684799,
		.day = "1999-12-31",
		.doc = "[2]",
		.addr = "10.0.0.1",
		.ids = { ids, 1 },
		.wholes = { wholes, 2 },
		.labels = { labels, 2 } };
	struct sample_text_in get = { .id = one };
	struct sample_text_row row;
	struct tx *tx = test_tx();

	(void)state;
	pool_start(1, 10);
	(void)round_trip(&in);
	assert_int_equal(sql_sample_text(tx, &get, &row), ERR_OK);
	assert_string_equal(row.all_of_it,
	    "l|0001ff275c|258|t|1999-12-31 23:59:59|1999-12-31|[2]|10.0.0.1|"
	    "{01020304-0506-0708-090a-0b0c0d0e0f10}|{}|{-2,70000000000}|"
	    "{x,NULL}");
	assert_string_equal(row.day, "1999-12-31");
	assert_string_equal(row.doc, "[2]");
	tx_close(tx);
}

static void
nothing_is_null_both_ways(void **state)
{
	struct sample_insert_in in = {
		.id = one, .maybe = INT64_MIN, .at = INSTANT_NONE
	};
	struct sample_get_row row;

	(void)state;
	pool_start(1, 10);
	row = round_trip(&in);
	assert_null(row.label);
	assert_null(row.raw.p);
	assert_int_equal(row.maybe, INT64_MIN);
	assert_int_equal(row.at, INSTANT_NONE);
	assert_null(row.day);
	assert_null(row.doc);
	assert_null(row.addr);
	assert_int_equal(row.ids.n, 0);
	assert_int_equal(row.labels.n, 0);
	assert_int_equal(
	    super("SELECT count(*) FROM sample WHERE label IS NULL "
		  "AND raw IS NULL AND maybe IS NULL AND at IS NULL "
		  "AND day IS NULL AND doc IS NULL AND addr IS NULL "
		  "AND whole = 0 AND NOT flag AND ids = '{}'"),
	    1);
}

static void
times_and_dates_at_the_edges(void **state)
{
	struct tx *tx = test_tx();
	struct times_row *t;
	struct dates_row *d;
	struct date_infinite_row di;
	size_t n;

	(void)state;
	pool_start(1, 10);
	assert_int_equal(sql_times(tx, &t, &n), ERR_OK);
	assert_int_equal(n, 5);
	assert_int_equal(t[0].at, INT64_MAX);
	assert_int_equal(t[1].at, INT64_MIN + 1);
	assert_int_equal(t[2].at, -1); /* towards the past */
	assert_int_equal(t[3].at, 946684800);
	assert_int_equal(t[4].at, INSTANT_NONE);
	assert_int_equal(sql_dates(tx, &d, &n), ERR_OK);
	assert_int_equal(n, 4);
	assert_string_equal(d[0].day, "0001-01-01");
	assert_string_equal(d[1].day, "1900-02-28");
	assert_string_equal(d[2].day, "2000-02-29");
	assert_string_equal(d[3].day, "9999-12-31");
	assert_int_equal(sql_date_infinite(tx, &di), ERR_INTERNAL);
	tx_close(tx);
}

static void
a_date_that_does_not_exist_is_not_sent(void **state)
{
	static const char *const wrong[] = { "2023-02-29", "2023-13-01",
		"2023-1-01", "2023-01-00", "", "2023-01-01x", "20230101--" };
	struct sample_insert_in in = { .id = one };
	struct tx *tx;
	size_t i;

	(void)state;
	pool_start(1, 10);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		tx = test_tx();
		in.day = wrong[i];
		assert_int_equal(
		    sql_sample_insert(tx, &in, NULL), ERR_INTERNAL);
		assert_int_equal(tx_commit(tx), ERR_INTERNAL);
		tx_close(tx);
	}
	assert_int_equal(db_stats().transactions, 0);
}

static void
null_where_none_may_be_is_refused(void **state)
{
	struct tx *tx = test_tx();
	struct null_int_row row;

	(void)state;
	pool_start(1, 10);
	assert_int_equal(sql_null_int(tx, &row), ERR_INTERNAL);
	assert_true(logged("db_value_refused"));
	tx_close(tx);
}

static void
rows_are_counted(void **state)
{
	struct tx *tx = test_tx();
	struct sample_get_in get = { .id = two };
	struct sample_get_row row;
	struct series_in in = { .n = 5000 };
	struct series_row *rows;
	struct two_rows_row two_of_them;
	size_t n;

	(void)state;
	pool_start(1, 10);
	assert_int_equal(sql_sample_get(tx, &get, &row), ERR_NOT_FOUND);
	assert_int_equal(
	    sql_series(tx, &in, &rows, &n), ERR_OK); /* not sticky */
	assert_int_equal(n, 5000);
	assert_int_equal(rows[4999].n, 5000);
	in.n = 0;
	assert_int_equal(sql_series(tx, &in, &rows, &n), ERR_OK);
	assert_int_equal(n, 0);
	assert_int_equal(sql_two_rows(tx, &two_of_them), ERR_INTERNAL);
	assert_int_equal(tx_commit(tx), ERR_INTERNAL); /* sticky */
	tx_close(tx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_comes_back_as_it_went),
		cmocka_unit_test(the_database_reads_what_was_meant),
		cmocka_unit_test(nothing_is_null_both_ways),
		cmocka_unit_test(times_and_dates_at_the_edges),
		cmocka_unit_test(a_date_that_does_not_exist_is_not_sent),
		cmocka_unit_test(null_where_none_may_be_is_refused),
		cmocka_unit_test(rows_are_counted),
	};

	return harness_run(tests);
}
