#include "harness.h"

#include "base/loop.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * An old schema must not be served. The server is this program again, with
 * "serve", "lenient" or "refuse": it starts the pool, and says by its exit status what
 * became of it.
 */
enum { SERVED = 40, NOT_SERVED = 41 };

static const char *self;
static bool lenient;
static bool refusing; /* not expected to come up: not waited for long */

static void
serve(void *arg)
{
	struct db_options o = { .conninfo = getenv("SERVER_URL"),
		.connections = 1,
		.queue_max = 1,
		.statement_timeout_ms = 1000 };
	int64_t until = instant_monotonic() + (refusing ? 3000 : PATIENCE_MS);

	(void)arg;
	db_strict(!lenient);
	if (db_start(&o) == ERR_OK)
		while (!db_ready() && instant_monotonic() < until)
			fiber_sleep(5);
	_exit(db_ready() ? SERVED : NOT_SERVED);
}

/* Exit status of a server; its log is in `log`. */
static int
server(const char *how, char log[4096])
{
	int status, out[2];
	ssize_t n;
	size_t have = 0;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	if ((pid = fork()) == 0) {
		dup2(out[1], STDERR_FILENO);
		close(out[0]);
		execl(self, self, how, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	while ((n = read(out[0], log + have, 4095 - have)) > 0)
		have += (size_t)n;
	log[have] = '\0';
	close(out[0]);
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
mismatch(const char *change, const char *back, const char *statement)
{
	char log[4096];

	owner(change);
	assert_int_equal(server("serve", log), 1);
	assert_non_null(strstr(log, "db_statement_mismatch"));
	assert_non_null(strstr(log, statement));
	assert_int_equal(server("lenient", log), SERVED);
	assert_non_null(strstr(log, "db_statement_mismatch"));
	owner(back);
	assert_int_equal(server("serve", log), SERVED);
	assert_null(strstr(log, "mismatch"));
}

static void
a_column_of_another_type_is_not_served(void **state)
{
	(void)state;
	mismatch("ALTER TABLE sample ALTER whole TYPE integer",
	    "ALTER TABLE sample ALTER whole TYPE bigint",
	    "\"statement\":\"sample_get\",\"parameter\":0,\"column\":4");
}

static void
a_column_that_is_gone_is_not_served(void **state)
{
	(void)state;
	mismatch("ALTER TABLE sample RENAME label TO name",
	    "ALTER TABLE sample RENAME name TO label",
	    "\"statement\":\"sample_get\"");
}

static void
a_key_of_another_type_is_not_served(void **state)
{
	(void)state;
	mismatch("ALTER TABLE record_key ALTER version TYPE integer",
	    "ALTER TABLE record_key ALTER version TYPE bigint",
	    "\"statement\":\"person_list\",\"parameter\":0,\"column\":5");
}

static void
a_table_that_is_gone_is_not_served(void **state)
{
	(void)state;
	mismatch("ALTER TABLE counter RENAME TO count",
	    "ALTER TABLE count RENAME TO counter",
	    "\"statement\":\"counter_add\"");
}

/* The statement itself is what a privilege is missing for, when it is run. */
static void
a_missing_privilege_is_no_mismatch(void **state)
{
	struct tx *tx = test_tx();
	struct counter_add_in in = { .id = 1 };
	char log[4096];

	(void)state;
	owner("REVOKE UPDATE ON counter FROM epione_server");
	assert_int_equal(server("serve", log), SERVED);
	pool_start(1, 1);
	assert_int_equal(sql_counter_add(tx, &in, NULL), ERR_INTERNAL);
	assert_true(logged("42501"));
	tx_close(tx);
	owner("GRANT UPDATE ON counter TO epione_server");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_column_of_another_type_is_not_served),
		cmocka_unit_test(a_column_that_is_gone_is_not_served),
		cmocka_unit_test(a_key_of_another_type_is_not_served),
		cmocka_unit_test(a_table_that_is_gone_is_not_served),
		cmocka_unit_test(a_missing_privilege_is_no_mismatch),
	};

	self = argv[0];
	if (argc > 1) {
		lenient = strcmp(argv[1], "lenient") == 0;
		refusing = strcmp(argv[1], "refuse") == 0;
		return loop_poll_run(serve, NULL) != ERR_OK;
	}
	return harness_run(tests);
}
