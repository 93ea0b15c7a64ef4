#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "ending.h"

#include "base/instant.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static char line[4096];
static enum log_level level;
static int lines;

static void
keep(enum log_level l, const char *text)
{
	level = l;
	lines++;
	assert_true(strlen(text) < sizeof(line));
	memcpy(line, text, strlen(text) + 1);
}

static int
set_up(void **state)
{
	(void)state;
	lines = 0;
	log_sink(keep);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	log_sink(NULL);
	return 0;
}

/* Every line is one JSON object, and nothing beside it. */
static json_t *
parsed(void)
{
	json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(o);
	assert_true(json_is_object(o));
	assert_null(strpbrk(line, "\r\n\x1b"));
	return o;
}

static const char *
text_of(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void
a_line_holds_time_level_event_and_typed_fields(void **state)
{
	const struct uuid id = { { 0xab, 0xcd } };
	int64_t at, now = instant_now();
	json_t *o;

	(void)state;
	log_warn("db_lost", LOG_NUM("connection", 3),
	    LOG_CODE("state", "57P01"), LOG_ID("clinic", &id),
	    LOG_NUM("least", INT64_MIN), LOG_NUM("most", INT64_MAX));
	assert_int_equal(lines, 1);
	assert_int_equal(level, LOG_LEVEL_WARN);
	o = parsed();
	assert_int_equal(instant_parse(text_of(o, "at"), &at), ERR_OK);
	assert_true(at >= now && at <= now + 5);
	assert_string_equal(text_of(o, "level"), "warn");
	assert_string_equal(text_of(o, "event"), "db_lost");
	assert_int_equal(
	    json_integer_value(json_object_get(o, "connection")), 3);
	assert_string_equal(text_of(o, "state"), "57P01");
	assert_string_equal(
	    text_of(o, "clinic"), "abcd0000-0000-0000-0000-000000000000");
	assert_non_null(strstr(line, "\"least\":-9223372036854775808,"));
	assert_non_null(strstr(line, "\"most\":9223372036854775807}"));
	assert_int_equal(json_object_size(o), 8);
	json_decref(o);
}

static void
levels_have_names(void **state)
{
	(void)state;
	log_info("plain");
	assert_non_null(
	    strstr(line, "\"level\":\"info\",\"event\":\"plain\"}"));
	log_error("plain");
	assert_non_null(strstr(line, "\"level\":\"error\""));
	log_at(LOG_LEVEL_DEBUG, "plain");
	assert_non_null(strstr(line, "\"level\":\"debug\""));
}

/*= AU-05: CR, LF, quotes and escapes leave one well-formed record */
static void
no_value_breaks_out_of_its_line(void **state)
{
	char all[256], key[] = "k\"\n";
	json_t *o;
	int i;

	(void)state;
	log_info("in\"jected\n", LOG_CODE("code", "a\"b\\c\r\nd\x1b[31m e\xc3"),
	    LOG_CODE(key, "x"), LOG_CODE("empty", ""));
	o = parsed();
	assert_string_equal(text_of(o, "code"), "a?b?c??d??31m?e?");
	assert_string_equal(text_of(o, "event"), "in?jected?");
	assert_string_equal(text_of(o, "k??"), "x");
	assert_string_equal(text_of(o, "empty"), "");
	json_decref(o);
	for (i = 1; i < 256; i++) {
		all[0] = (char)i;
		all[1] = '\0';
		log_info("each", LOG_CODE("code", all));
		json_decref(parsed());
	}
}

static void
a_code_is_cut_at_64_characters(void **state)
{
	char code[200];
	json_t *o;

	(void)state;
	memset(code, 'x', sizeof(code) - 1);
	code[sizeof(code) - 1] = '\0';
	log_info("long", LOG_CODE("code", code));
	o = parsed();
	assert_int_equal(strlen(text_of(o, "code")), 64);
	json_decref(o);
}

static void
what_does_not_fit_is_left_out_whole(void **state)
{
	struct log_field f[60] = { { .key = NULL } };
	char code[65];
	json_t *o;
	int i;

	(void)state;
	memset(code, 'y', 64);
	code[64] = '\0';
	for (i = 1; i < 60; i++)
		f[i] = LOG_CODE(code + i, code);
	for (i = 1; i <= 60; i++) {
		log_write(LOG_LEVEL_ERROR, code, f, (size_t)i);
		assert_true(strlen(line) < 1024);
		o = parsed();
		assert_true(json_object_size(o) > 3 || i == 1);
		json_decref(o);
	}
}

static void
speak(void *unused)
{
	const struct log_field f = LOG_NUM("bytes", 65536);

	(void)unused;
	log_sink(keep); /* last words do not go there */
	log_last_words("gone", &f);
	log_sink(NULL);
	log_info("plain", LOG_NUM("n", -7));
}

static void
without_a_sink_lines_go_to_stderr(void **state)
{
	struct ending e;

	(void)state;
	ending_of(&e, speak, NULL);
	assert_true(WIFEXITED(e.status) && WEXITSTATUS(e.status) == 0);
	assert_non_null(strstr(e.said,
	    "\"level\":\"error\",\"event\":\"gone\",\"bytes\":65536}\n{"));
	assert_non_null(strstr(e.said, "\"event\":\"plain\",\"n\":-7}\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_line_holds_time_level_event_and_typed_fields, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    levels_have_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    no_value_breaks_out_of_its_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    a_code_is_cut_at_64_characters, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_does_not_fit_is_left_out_whole, set_up, tear_down),
		cmocka_unit_test(without_a_sink_lines_go_to_stderr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
