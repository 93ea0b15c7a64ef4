#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/conninfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
good(const char *s)
{
	const char *reason = "left over";

	if (conninfo_check(s, &reason) != ERR_OK)
		fail_msg("%s: %s", s, reason);
	assert_null(reason);
}

static void
bad(const char *s, const char *why)
{
	const char *reason = NULL;

	if (conninfo_check(s, &reason) != ERR_INVALID_FIELD)
		fail_msg("accepted: %s", s);
	assert_non_null(reason);
	assert_non_null(strstr(reason, why));
	assert_null(strstr(reason, "hunter2"));
}

static void
sockets_are_good(void **state)
{
	(void)state;
	good("");
	good("dbname=epione user=x");
	good("host=/run/postgresql password=hunter2");
	good("host=/a,/b dbname=x sslmode=disable");
	good("host=@abstract");
	good("postgresql://u:hunter2@/epione?host=/tmp/sock&port=5432");
	good("postgresql:///epione");
}

/*= EN-11 */
static void
the_network_needs_a_checked_certificate(void **state)
{
	static const char *const modes[] = { "", "?sslmode=disable",
		"?sslmode=allow", "?sslmode=prefer", "?sslmode=require",
		"?sslmode=verify-ca" };
	char url[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		snprintf(url, sizeof(url),
		    "postgresql://u:hunter2@db.example/x%s", modes[i]);
		bad(url, "verify-full");
	}
	good("postgresql://u:hunter2@db.example/x?sslmode=verify-full");
	bad("host=localhost", "verify-full");
	bad("host=127.0.0.1", "verify-full");
	bad("hostaddr=10.0.0.1", "verify-full");
	bad("host=/sock hostaddr=10.0.0.1", "verify-full");
	bad("host=/sock,db.example", "verify-full");
	bad("host=,db.example", "verify-full");
	good("host=/sock,db.example sslmode=verify-full");
}

static void
what_it_takes_to_reach_the_database(void **state)
{
	const unsigned both = CONNINFO_SOCKET | CONNINFO_NETWORK;

	(void)state;
	assert_int_equal(conninfo_reach(""), CONNINFO_SOCKET);
	assert_int_equal(
	    conninfo_reach("host=/sock,@abstract"), CONNINFO_SOCKET);
	assert_int_equal(conninfo_reach("host=db.example"), CONNINFO_NETWORK);
	assert_int_equal(conninfo_reach("hostaddr=10.0.0.1"), CONNINFO_NETWORK);
	assert_int_equal(conninfo_reach("host=db.example hostaddr=10.0.0.1"),
	    CONNINFO_NETWORK);
	assert_int_equal(conninfo_reach("host=/sock,db.example"), both);
	assert_int_equal(conninfo_reach("host=,db.example"), both);
	assert_int_equal(conninfo_reach("host=/sock hostaddr=10.0.0.1"), both);
	assert_int_equal(conninfo_reach("postgresql://["), 0);
}

static void
the_environment_counts_where_the_string_is_silent(void **state)
{
	(void)state;
	setenv("PGHOST", "db.example", 1);
	bad("dbname=x", "verify-full");
	good("dbname=x host=/sock");
	setenv("PGSSLMODE", "verify-full", 1);
	good("dbname=x");
	bad("dbname=x sslmode=require", "verify-full");
	unsetenv("PGHOST");
	unsetenv("PGSSLMODE");
	bad("service=epione", "service");
	setenv("PGSERVICE", "epione", 1);
	bad("dbname=x", "service");
	unsetenv("PGSERVICE");
}

static void
nonsense_is_refused(void **state)
{
	(void)state;
	bad("postgresql://[", "not understood");
	bad("host", "not understood");
	bad("nothing=such", "not understood");
	bad("host=/sock password=hunter2 '", "not understood");
}

/* libpq lets the later of two win. */
static void
a_password_of_its_own_file_is_given_beside(void **state)
{
	static const char *const none[] = { NULL, "" };
	struct conninfo_settings set;
	size_t i, k;
	int n;

	(void)state;
	conninfo_settings(&set, "password=old", "hunter2", "name");
	conninfo_add(&set, "options", "x");
	for (i = n = 0; set.keys[i] != NULL; i++)
		if (strcmp(set.keys[i], "password") == 0) {
			assert_string_equal(set.values[i], "hunter2");
			assert_true(i > 0);
			n++;
		}
	assert_int_equal(n, 1);
	assert_true(i < CONNINFO_SETTINGS_MAX);
	for (k = 0; k < 2; k++) {
		conninfo_settings(&set, "password=old", none[k], "name");
		for (i = 0; set.keys[i] != NULL; i++)
			assert_string_not_equal(set.keys[i], "password");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_password_of_its_own_file_is_given_beside),
		cmocka_unit_test(sockets_are_good),
		cmocka_unit_test(what_it_takes_to_reach_the_database),
		cmocka_unit_test(the_network_needs_a_checked_certificate),
		cmocka_unit_test(
		    the_environment_counts_where_the_string_is_silent),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
