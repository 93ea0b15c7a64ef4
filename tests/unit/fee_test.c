#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "care/fee.h"

static void
money_has_the_digits_of_its_currency(void **state)
{
	static const struct {
		int64_t minor;
		const char *currency, *text;
	} sums[] = { { 15000, "USD", "150.00 USD" }, { 5, "USD", "0.05 USD" },
		{ FEE_MOST, "EUR", "999999.99 EUR" },
		{ 5000, "JPY", "5000 JPY" }, { 10500, "KWD", "10.500 KWD" },
		{ 10, "KWD", "0.010 KWD" }, { 7, "XXX", "7 XXX" } };
	struct arena *a = arena_new();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		assert_string_equal(
		    money_text(a, sums[i].minor, sums[i].currency),
		    sums[i].text);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(money_has_the_digits_of_its_currency),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
