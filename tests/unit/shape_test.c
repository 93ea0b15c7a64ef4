#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/shape.h"

#include <stdio.h>
#include <string.h>

static const struct shape address[] = {
	{ .name = "city",
	    .kind = SH_TEXT,
	    .min = 1,
	    .max = 20,
	    .flags = SH_REQUIRED },
	{ 0 },
};
static const struct shape sample[] = {
	{ .name = "name",
	    .kind = SH_TEXT,
	    .min = 1,
	    .max = 5,
	    .flags = SH_REQUIRED },
	{ .name = "age",
	    .kind = SH_INT,
	    .min = 0,
	    .max = 150,
	    .flags = SH_NULLABLE },
	{ .name = "born", .kind = SH_DATE },
	{ .name = "at", .kind = SH_TIME },
	{ .name = "id", .kind = SH_UUID },
	{ .name = "mail", .kind = SH_EMAIL, .min = 3, .max = 254 },
	{ .name = "phone", .kind = SH_PHONE, .min = 3, .max = 40 },
	{ .name = "known", .kind = SH_DATE_PART },
	{ .name = "sex", .kind = SH_CHOICE, .choices = "female|male" },
	{ .name = "on", .kind = SH_BOOL },
	{ .name = "address", .kind = SH_OBJECT, .inner = address },
	{ .name = "tags", .kind = SH_LIST, .max = 2 },
	{ 0 },
};

static enum err
parse(const char *text, json_t **out)
{
	return shape_parse(
	    (struct bytes){ (const uint8_t *)text, strlen(text) }, out);
}

static enum err
check(const char *text, const char **culprit, char *first, size_t n)
{
	struct arena *a = arena_new();
	const char *blamed = NULL;
	json_t *v = NULL;
	enum err r = shape_parse_named(a,
	    (struct bytes){ (const uint8_t *)text, strlen(text) }, &v, &blamed);

	if (r == ERR_OK)
		r = shape_check(a, sample, v, false, &blamed);
	snprintf(first, n, "%s", blamed == NULL ? "" : blamed);
	*culprit = first;
	json_decref(v);
	arena_free(a);
	return r;
}

/*= IN-06: what is not exactly right is refused, and the field is named */
static void
each_wrong_input_has_its_error_and_its_field(void **state)
{
	static const struct {
		const char *text;
		enum err err;
		const char *field;
	} cases[] = {
		{ "{\"name\":\"Ann\"}", ERR_OK, "" },
		{ "{\"name\":\"Ann\",\"age\":null}", ERR_OK, "" },
		{ "{}", ERR_MISSING_FIELD, "name" },
		{ "{\"name\":\"Ann\",\"role\":1}", ERR_UNKNOWN_FIELD, "role" },
		{ "{\"name\":\"Annabel\"}", ERR_INVALID_FIELD, "name" },
		{ "{\"name\":\"A\\u0000b\"}", ERR_BAD_JSON, "name" },
		{ "{\"name\":\"A\\u001bb\"}", ERR_INVALID_FIELD, "name" },
		{ "{\"name\":\"Ann\",\"age\":151}", ERR_INVALID_FIELD, "age" },
		{ "{\"name\":\"Ann\",\"age\":1.5}", ERR_INVALID_FIELD, "age" },
		{ "{\"name\":\"Ann\",\"age\":NaN}", ERR_BAD_JSON, "age" },
		{ "{\"name\":\"Ann\",\"age\":99999999999999999999}",
		    ERR_BAD_JSON, "age" },
		{ "{\"name\":\"Ann\",\"born\":\"2025-02-29\"}",
		    ERR_INVALID_FIELD, "born" },
		{ "{\"name\":\"Ann\",\"born\":null}", ERR_INVALID_FIELD,
		    "born" },
		{ "{\"name\":\"Ann\",\"at\":\"2026-01-01T25:00:00Z\"}",
		    ERR_INVALID_FIELD, "at" },
		{ "{\"name\":\"Ann\",\"id\":\"X\"}", ERR_INVALID_FIELD, "id" },
		{ "{\"name\":\"Ann\",\"mail\":\"a@b@c\"}", ERR_INVALID_FIELD,
		    "mail" },
		{ "{\"name\":\"Ann\",\"sex\":\"mal\"}", ERR_INVALID_FIELD,
		    "sex" },
		{ "{\"name\":\"Ann\",\"on\":\"true\"}", ERR_INVALID_FIELD,
		    "on" },
		{ "{\"name\":\"Ann\",\"address\":{}}", ERR_MISSING_FIELD,
		    "address.city" },
		{ "{\"name\":\"Ann\",\"address\":{\"city\":\"X\",\"zip\":1}}",
		    ERR_UNKNOWN_FIELD, "address.zip" },
		{ "{\"name\":\"Ann\",\"tags\":[\"a\",\"b\",\"c\"]}",
		    ERR_INVALID_FIELD, "tags" },
		{ "{\"name\":\"Ann\",\"tags\":[1]}", ERR_INVALID_FIELD,
		    "tags" },
		{ "{\"name\":\"Ann\",\"name\":\"Bob\"}", ERR_DUPLICATE_FIELD,
		    "name" },
		{ "{\"on\":[{\"a\":1,\"a\":2}]}", ERR_DUPLICATE_FIELD, "on.a" },
		{ "{\"a\":{\"b\":1},\"address\":{\"x,\\\"}\":2,\"city\":x}}",
		    ERR_BAD_JSON, "address.city" },
		{ "{\"name\":\"Ann\",", ERR_BAD_JSON, "" },
		{ "{\"name\":\"Ann\",\"age\":", ERR_BAD_JSON, "age" },
		{ "{\"name\":\"Ann\",\"age", ERR_BAD_JSON, "" },
		{ "{\"name\":\"\xc3\x28\"}", ERR_BAD_ENCODING, "name" },
		{ "{\"na\xc3\x28\":1}", ERR_BAD_ENCODING, "" },
		{ "{\"name\":\"\\ud800\"}", ERR_BAD_JSON, "name" },
		{ "[1]", ERR_BAD_JSON, "" },
		{ "{\"name\":\"Ann\"} x", ERR_BAD_JSON, "" },
		{ "", ERR_BAD_JSON, "" },
		{ "[[[[[[[[[1]]]]]]]]]", ERR_TOO_DEEP, "" },
		{ "{\"on\":{\"a\":[[[[[[[1]]]]]]]}}", ERR_TOO_DEEP, "on.a" },
	};
	const char *culprit;
	char first[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum err r = check(
		    cases[i].text, &culprit, first, sizeof(first));

		if (r != cases[i].err || strcmp(culprit, cases[i].field) != 0)
			fail_msg("%s: %s at '%s'", cases[i].text, err_code(r),
			    culprit);
	}
}

static void
numbers_and_parts_of_dates_are_judged(void **state)
{
	static const struct {
		const char *text;
		enum err err;
		const char *field;
	} cases[] = {
		{ "{\"name\":\"Ann\",\"phone\":\"555 0100 x12\"}", ERR_OK, "" },
		{ "{\"name\":\"Ann\",\"known\":\"1950-07\"}", ERR_OK, "" },
		{ "{\"name\":\"Ann\",\"phone\":\"abc\"}", ERR_INVALID_FIELD,
		    "phone" },
		{ "{\"name\":\"Ann\",\"phone\":\"12\"}", ERR_INVALID_FIELD,
		    "phone" },
		{ "{\"name\":\"Ann\",\"known\":\"1950-7\"}", ERR_INVALID_FIELD,
		    "known" },
		{ "{\"name\":\"Ann\",\"known\":\"\"}", ERR_INVALID_FIELD,
		    "known" },
	};
	const char *culprit;
	char first[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    check(cases[i].text, &culprit, first, sizeof(first)),
		    cases[i].err);
		assert_string_equal(culprit, cases[i].field);
	}
}

static void
times_become_integers_and_text_is_cleaned(void **state)
{
	struct arena *a = arena_new();
	const char *culprit = NULL;
	json_t *v;

	(void)state;
	assert_int_equal(
	    parse("{\"name\":\" A  b \",\"at\":\"1970-01-01T01:00:05+01:00\"}",
		&v),
	    ERR_OK);
	assert_int_equal(shape_check(a, sample, v, false, &culprit), ERR_OK);
	assert_string_equal(
	    json_string_value(json_object_get(v, "name")), "A b");
	assert_int_equal(json_integer_value(json_object_get(v, "at")), 5);
	json_decref(v);
	arena_free(a);
}

static void
a_query_is_decoded_and_held_to_the_shape(void **state)
{
	static const struct {
		const char *query;
		enum err err;
	} cases[] = {
		{ "name=a%20b&age=7&on=true", ERR_OK },
		{ NULL, ERR_OK },
		{ "name=a&name=b", ERR_DUPLICATE_FIELD },
		{ "token=x", ERR_UNKNOWN_FIELD },
		{ "name=%zz", ERR_BAD_QUERY },
		{ "name=%00", ERR_BAD_QUERY },
		{ "name=%ff", ERR_BAD_QUERY },
		{ "name=%4", ERR_BAD_QUERY },
	};
	struct arena *a = arena_new();
	const char *culprit;
	json_t *v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		culprit = NULL;
		assert_int_equal(
		    shape_query(a, cases[i].query, sample, &v, &culprit),
		    cases[i].err);
		json_decref(v);
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_wrong_input_has_its_error_and_its_field),
		cmocka_unit_test(numbers_and_parts_of_dates_are_judged),
		cmocka_unit_test(times_become_integers_and_text_is_cleaned),
		cmocka_unit_test(a_query_is_decoded_and_held_to_the_shape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
