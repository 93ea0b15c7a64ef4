#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/log.h"
#include "data/list.h"
#include "data/sql_value.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * Values as no honest server sends them: each is refused, and nothing outside
 * of it is read (the sanitizers look on). What honest ones look like is shown
 * by tests/db/value_test.c.
 */
#define COLUMN_TEXT	 25
#define COLUMN_JSONB	 3802
#define COLUMN_INT8	 20
#define COLUMN_UUIDS	 2951
#define COLUMN_TEXTS	 1009
#define COLUMN_UUID	 2950
#define COLUMN_DATE	 1082
#define COLUMN_BYTEALIST 1001

union value {
	int64_t whole;
	const char *text;
	struct uuid id;
	struct bytes raw;
	struct uuid_list ids;
	struct text_list texts;
	struct bytes_list raws;
	bool flag;
};

static struct arena *arena;

static void
quiet(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static enum err
decode(enum sql_type type, Oid oid, const void *p, size_t n, union value *out)
{
	struct sql_cell cell = { NULL, n, oid };
	uint8_t *exact = malloc(n == 0 ? 1 : n);
	enum err r;

	memcpy(exact, p, n);
	cell.p = exact;
	r = sql_value_decode(arena, type, &cell, out);
	free(exact);
	return r;
}

static void
lengths_must_fit(void **state)
{
	static const uint8_t bytes[32] = { 0 };
	union value v;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(bytes); n++) {
		assert_int_equal(decode(SQL_INT, COLUMN_INT8, bytes, n, &v),
		    n == 8 ? ERR_OK : ERR_INTERNAL);
		assert_int_equal(
		    decode(SQL_INT_OR_NULL, COLUMN_INT8, bytes, n, &v),
		    n == 8 ? ERR_OK : ERR_INTERNAL);
		assert_int_equal(decode(SQL_TIME, 1184, bytes, n, &v),
		    n == 8 ? ERR_OK : ERR_INTERNAL);
		assert_int_equal(decode(SQL_UUID, COLUMN_UUID, bytes, n, &v),
		    n == 16 ? ERR_OK : ERR_INTERNAL);
		assert_int_equal(decode(SQL_DATE, COLUMN_DATE, bytes, n, &v),
		    n == 4 ? ERR_OK : ERR_INTERNAL);
		assert_int_equal(decode(SQL_BOOL, 16, bytes, n, &v),
		    n == 1 ? ERR_OK : ERR_INTERNAL);
	}
}

static void
jsonb_has_its_version(void **state)
{
	union value v;

	(void)state;
	assert_int_equal(decode(SQL_JSON, COLUMN_JSONB, "\1[]", 3, &v), ERR_OK);
	assert_string_equal(v.text, "[]");
	assert_int_equal(
	    decode(SQL_JSON, COLUMN_JSONB, "\2[]", 3, &v), ERR_INTERNAL);
	assert_int_equal(
	    decode(SQL_JSON, COLUMN_JSONB, "", 0, &v), ERR_INTERNAL);
	assert_int_equal(decode(SQL_JSON, COLUMN_TEXT, "[]", 2, &v), ERR_OK);
	assert_string_equal(v.text, "[]");
}

/* {'ab', NULL} */
static const uint8_t texts[] = { 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 25, 0, 0, 0,
	2, 0, 0, 0, 1, 0, 0, 0, 2, 'a', 'b', 0xff, 0xff, 0xff, 0xff };

static void
arrays_must_be_whole(void **state)
{
	union value v;
	size_t n;

	(void)state;
	assert_int_equal(
	    decode(SQL_TEXTS, COLUMN_TEXTS, texts, sizeof(texts), &v), ERR_OK);
	assert_int_equal(v.texts.n, 2);
	assert_string_equal(v.texts.v[0], "ab");
	assert_null(v.texts.v[1]);
	for (n = 0; n < sizeof(texts); n++)
		assert_int_equal(decode(SQL_TEXTS, COLUMN_TEXTS, texts, n, &v),
		    ERR_INTERNAL);
	assert_int_equal(
	    decode(SQL_UUIDS, COLUMN_UUIDS, texts, sizeof(texts), &v),
	    ERR_INTERNAL); /* elements of another type */
}

static void
counts_that_lie_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} lies[] = {
		{ 3, 2 },     /* dimensions */
		{ 0, 0x80 },  /* dimensions */
		{ 15, 3 },    /* one element more than there is */
		{ 12, 0x7f }, /* two thousand million elements */
		{ 23, 200 },  /* an element longer than the array */
		{ 20, 0x80 }, /* an element of negative length, not -1 */
	};
	uint8_t bytes[sizeof(texts)];
	union value v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		memcpy(bytes, texts, sizeof(texts));
		bytes[lies[i].at] = lies[i].byte;
		assert_int_equal(
		    decode(SQL_TEXTS, COLUMN_TEXTS, bytes, sizeof(bytes), &v),
		    ERR_INTERNAL);
	}
}

static void
random_bytes_crash_nothing(void **state)
{
	static const enum sql_type types[] = { SQL_UUID, SQL_TEXT, SQL_BYTES,
		SQL_INT, SQL_BOOL, SQL_TIME, SQL_DATE, SQL_JSON, SQL_UUIDS,
		SQL_TEXTS, SQL_INTS, SQL_BYTES_LIST };
	static const Oid oids[] = { COLUMN_TEXT, COLUMN_JSONB, COLUMN_UUIDS,
		COLUMN_BYTEALIST };
	uint8_t bytes[64];
	union value v;
	size_t i, n;
	int round;

	(void)state;
	srandom(7);
	for (round = 0; round < 20000; round++) {
		n = (size_t)random() % sizeof(bytes);
		memcpy(bytes, texts, sizeof(texts));
		for (i = 0; i < n; i++)
			if (random() % 4 == 0)
				bytes[i] = (uint8_t)random();
		(void)!decode(types[(size_t)random() % 12],
		    oids[(size_t)random() % 4], bytes, n, &v);
	}
}

/* Columns are compared when a connection opens: what fits, and what does not. */
static void
columns_fit_their_types(void **state)
{
	(void)state;
	assert_true(sql_column_fits(SQL_INT, 0, COLUMN_INT8));
	assert_false(sql_column_fits(SQL_INT, 0, 23));	 /* int4 */
	assert_true(sql_column_fits(SQL_TEXT, 0, 1043)); /* varchar */
	assert_false(sql_column_fits(SQL_TEXT, 0, COLUMN_UUID));
	assert_true(sql_column_fits(SQL_KEY, 0, COLUMN_UUID));
	assert_true(sql_column_fits(SQL_KEY, 1, COLUMN_INT8));
	assert_true(sql_column_fits(SQL_KEY, 2, 17));
	assert_false(sql_column_fits(SQL_KEY, 2, COLUMN_TEXT));
	assert_false(sql_column_fits(SQL_KEY, 0, 0));
}

static int
setup(void **state)
{
	(void)state;
	log_sink(quiet);
	arena = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_must_fit),
		cmocka_unit_test(jsonb_has_its_version),
		cmocka_unit_test(arrays_must_be_whole),
		cmocka_unit_test(counts_that_lie_are_refused),
		cmocka_unit_test(random_bytes_crash_nothing),
		cmocka_unit_test(columns_fit_their_types),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
