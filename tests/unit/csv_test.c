#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "care/csv.h"

#include <string.h>

static void
is(struct arena *a, const char *text, const char *cell)
{
	struct csv c = csv_new(a);
	struct bytes all;

	csv_text(&c, text);
	csv_end(&c);
	all = csv_bytes(&c);
	assert_int_equal(all.n, strlen(cell) + 2);
	assert_memory_equal(all.p, cell, strlen(cell));
	assert_memory_equal(all.p + strlen(cell), "\r\n", 2);
}

/*= AU-07: whatever a spreadsheet would run is text in it */
static void
a_formula_is_text(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	is(a, NULL, "\"\"");
	is(a, "Ines", "\"Ines\"");
	is(a, "=1+1", "\"'=1+1\"");
	is(a, "+1", "\"'+1\"");
	is(a, "-1", "\"'-1\"");
	is(a, "@SUM(A1)", "\"'@SUM(A1)\"");
	is(a, "\t=1", "\"'\t=1\"");
	is(a, "\r=1", "\"'\r=1\"");
	is(a, "\n=1", "\"'\n=1\"");
	is(a, "\uff1d1", "\"'\uff1d1\"");
	is(a, "\uff0b1", "\"'\uff0b1\"");
	is(a, "\uff0d1", "\"'\uff0d1\"");
	is(a, "\uff201", "\"'\uff201\"");
	is(a, "a\",=1", "\"a\"\",=1\"");
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_formula_is_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
