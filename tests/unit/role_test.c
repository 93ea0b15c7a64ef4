#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate/role.h"

#include <string.h>

static void
names_are_read_back_and_strangers_are_nobody(void **state)
{
	enum role r;

	(void)state;
	for (r = ROLE_NONE + 1; r < ROLE_COUNT; r++) {
		assert_int_equal(role_parse(role_name(r)), r);
		assert_non_null(role_title(r));
		assert_non_null(role_purpose(r));
	}
	assert_int_equal(role_parse(role_name(ROLE_NONE)), ROLE_NONE);
	assert_int_equal(role_parse("Admin"), ROLE_NONE);
	assert_int_equal(role_parse(""), ROLE_NONE);
	assert_int_equal(role_parse(NULL), ROLE_NONE);
}

static void
choices_name_each_role_once_and_patients_are_no_workforce(void **state)
{
	(void)state;
	assert_string_equal(
	    ROLES, "patient|clinician|scheduler|admin|compliance");
	assert_string_equal(
	    ROLES_ALL, "patient|clinician|scheduler|admin|compliance|guest");
	assert_string_equal(
	    GUEST_ROLES, "patient|interpreter|family|clinician");
	assert_string_equal(WORKFORCE, "clinician|scheduler|admin|compliance");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read_back_and_strangers_are_nobody),
		cmocka_unit_test(
		    choices_name_each_role_once_and_patients_are_no_workforce),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
