#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate/expect.h"
#include "gate/route.h"

#include <string.h>

static const struct actor ann = {
	.account = { { 1 } }, .role = ROLE_CLINICIAN, .state = STATE_ACTIVE
};

static void
a_token_is_whose_it_was_until_it_is_forgotten(void **state)
{
	struct credential c = { .present = true, .hash = { 1, 2, 3 } };
	struct credential same_place = { .hash = { 1, 2, 4 } };
	struct actor who;

	(void)state;
	assert_false(expect_actor(&c, &who));
	expect_forget(&c);
	expect_note(&c, &ann);
	assert_true(expect_actor(&c, &who));
	assert_memory_equal(&who, &ann, sizeof(who));
	/* another's is never taken for it, nor does that one's end end it */
	assert_false(expect_actor(&same_place, &who));
	expect_forget(&same_place);
	assert_true(expect_actor(&c, &who));
	expect_note(&same_place, &ann);
	assert_false(expect_actor(&c, &who));
	expect_forget(&same_place);
	assert_false(expect_actor(&same_place, &who));
}

static struct text_list
standings(struct arena *a, enum role role, enum session_state s)
{
	struct op op = { .arena = a,
		.route = &routes[ROUTE_patient_read],
		.who = { .role = role, .state = s } };

	return expect_standings(&op);
}

/*= AZ-01: what goes ahead is what the rule lets through, and nothing else */
static void
standings_are_those_with_the_right(void **state)
{
	static const char *const care[] = { "clinician active 4",
		"clinician active 5", "clinician active 6",
		"clinician active 7" };
	struct arena *a = arena_new();
	struct text_list l;
	size_t i;

	(void)state;
	l = standings(a, ROLE_CLINICIAN, STATE_ACTIVE);
	assert_int_equal(l.n, 4);
	for (i = 0; i < l.n; i++)
		assert_string_equal(l.v[i], care[i]);
	l = standings(a, ROLE_PATIENT, STATE_ACTIVE);
	assert_int_equal(l.n, 4);
	assert_string_equal(l.v[0], "patient active 1");
	assert_int_equal(standings(a, ROLE_SCHEDULER, STATE_ACTIVE).n, 8);
	assert_int_equal(standings(a, ROLE_ADMIN, STATE_ACTIVE).n, 0);
	assert_int_equal(standings(a, ROLE_NONE, STATE_ACTIVE).n, 0);
	assert_int_equal(
	    standings(a, ROLE_CLINICIAN, STATE_TOTP_REQUIRED).n, 0);
	assert_int_equal(
	    standings(a, ROLE_CLINICIAN, STATE_PASSWORD_EXPIRED).n, 0);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_whose_it_was_until_it_is_forgotten),
		cmocka_unit_test(standings_are_those_with_the_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
