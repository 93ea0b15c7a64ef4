#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "held_clock.h"

#include "gate/limit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static int64_t wait_s;

static enum err
take(const char *key, int64_t per_minute)
{
	wait_s = 0;
	return limit_take(key, strlen(key), per_minute, &wait_s);
}

/* How many of n requests pass now. */
static int
passing(const char *key, int64_t per_minute, int n)
{
	int passed = 0;

	while (n-- > 0)
		passed += take(key, per_minute) == ERR_OK;
	return passed;
}

static void
a_quarter_and_one_may_come_at_once(void **state)
{
	(void)state;
	held_ms = 1000000;
	assert_int_equal(passing("600", 600, 1000), 151);
	assert_int_equal(passing("60", 60, 1000), 16);
	assert_int_equal(passing("30", 30, 1000), 8);
	assert_int_equal(passing("1", 1, 1000), 1);
	assert_int_equal(passing("million", 1000000, 250001), 250001);
	assert_int_equal(take("million", 1000000), ERR_TOO_MANY);
}

static void
after_that_the_rate_holds(void **state)
{
	int64_t passed = 0;

	(void)state;
	held_ms = 2000000;
	assert_int_equal(passing("steady", 60, 100), 16);
	/* ten requests a second for ten minutes: one in ten passes */
	for (int i = 0; i < 6000; i++) {
		held_ms += 100;
		passed += take("steady", 60) == ERR_OK;
	}
	assert_in_range(passed, 599, 600);
}

static void
the_wait_is_enough_and_not_a_second_more(void **state)
{
	(void)state;
	held_ms = 3000000;
	assert_int_equal(passing("wait", 2, 100), 1);
	assert_int_equal(take("wait", 2), ERR_TOO_MANY);
	/* due again 30 s after the first, less the 15 s that may come early */
	assert_in_range(wait_s, 15, 16);
	held_ms += (wait_s - 2) * 1000;
	assert_int_equal(take("wait", 2), ERR_TOO_MANY);
	assert_in_range(wait_s, 1, 2);
	held_ms += wait_s * 1000;
	assert_int_equal(take("wait", 2), ERR_OK);
}

static void
a_refusal_costs_nothing(void **state)
{
	(void)state;
	held_ms = 4000000;
	assert_int_equal(passing("patient", 60, 5000), 16);
	held_ms += 1000;
	assert_int_equal(passing("patient", 60, 5000), 1);
}

static void
rest_fills_the_bucket_and_no_more(void **state)
{
	(void)state;
	held_ms = 5000000;
	assert_int_equal(passing("rested", 60, 100), 16);
	held_ms += 15000;
	assert_int_equal(passing("rested", 60, 100), 15);
	held_ms += 86400 * 1000;
	assert_int_equal(passing("rested", 60, 100), 16);
}

static void
keys_do_not_share(void **state)
{
	const char binary[2][4] = { { 0, 1, 0, 2 }, { 0, 1, 0, 3 } };
	int64_t wait;

	(void)state;
	held_ms = 6000000;
	assert_int_equal(passing("a", 4, 100), 2);
	assert_int_equal(passing("b", 4, 100), 2);
	assert_int_equal(passing("", 4, 100), 2);
	/* a key goes on behind a zero */
	assert_int_equal(limit_take(binary[0], 4, 1, &wait), ERR_OK);
	assert_int_equal(limit_take(binary[1], 4, 1, &wait), ERR_OK);
	assert_int_equal(limit_take(binary[0], 4, 1, &wait), ERR_TOO_MANY);
	/* the table is many times larger than what one attacker uses */
	assert_int_equal(take("victim", 1), ERR_OK);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(limit_take(&i, sizeof(i), 60, &wait), ERR_OK);
	assert_int_equal(take("victim", 1), ERR_TOO_MANY);
}

/* Requests of one key, spread over two processes, are one count. */
static void
workers_count_together(void **state)
{
	int status;
	pid_t child;

	(void)state;
	held_ms = 7000000;
	assert_int_equal(passing("shared", 60, 10), 10);
	if ((child = fork()) == 0)
		_exit(passing("shared", 60, 4));
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 4);
	assert_int_equal(passing("shared", 60, 10), 2);
}

static void
a_full_table_still_answers(void **state)
{
	int64_t wait;

	(void)state;
	held_ms = 8000000;
	for (int i = 1; i <= 200000; i++) {
		held_ms += i % 100 == 0;
		assert_int_equal(limit_take(&i, sizeof(i), 60, &wait), ERR_OK);
	}
	/* who comes often stays: older keys give way */
	assert_int_equal(passing("busy", 60, 100), 16);
	assert_int_equal(take("busy", 60), ERR_TOO_MANY);
}

static int
init(void **state)
{
	(void)state;
	/* tools that serve nobody count nothing */
	if (passing("before", 1, 10) != 10)
		return -1;
	return limit_init() == ERR_OK ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quarter_and_one_may_come_at_once),
		cmocka_unit_test(after_that_the_rate_holds),
		cmocka_unit_test(the_wait_is_enough_and_not_a_second_more),
		cmocka_unit_test(a_refusal_costs_nothing),
		cmocka_unit_test(rest_fills_the_bucket_and_no_more),
		cmocka_unit_test(keys_do_not_share),
		cmocka_unit_test(workers_count_together),
		cmocka_unit_test(a_full_table_still_answers),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
