#include "harness.h"

#include "base/crypto.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/secret.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka offers the runner of a group only with its array's size built in. */
extern int _cmocka_run_group_tests(const char *, const struct CMUnitTest *,
    const size_t, CMFixtureFunction, CMFixtureFunction);

static struct arena *arena;
static char lines[1 << 16];
static size_t lines_n;

struct group {
	const struct CMUnitTest *tests;
	size_t n;
	int failed;
};

static void
capture(enum log_level level, const char *line)
{
	size_t n = strlen(line);

	(void)level;
	if (getenv("VERBOSE") != NULL)
		fprintf(stderr, "%s\n", line);
	if (lines_n + n + 2 > sizeof(lines))
		lines_n = 0;
	memcpy(lines + lines_n, line, n);
	lines_n += n;
	lines[lines_n++] = '\n';
	lines[lines_n] = '\0';
}

bool
logged(const char *part)
{
	return strstr(lines, part) != NULL;
}

void
log_until(const char *part)
{
	int64_t until = instant_monotonic() + PATIENCE_MS;

	while (!logged(part) && instant_monotonic() < until)
		fiber_sleep(5);
	assert_true(logged(part));
}

struct arena *
test_arena(void)
{
	return arena;
}

struct tx *
test_tx_ms(int64_t ms)
{
	return tx_new(arena, instant_monotonic() + ms);
}

struct tx *
test_tx(void)
{
	return test_tx_ms(HARNESS_TX_MS);
}

void
pool_wait(unsigned ready)
{
	int64_t until = instant_monotonic() + PATIENCE_MS;

	while (db_stats().ready < ready && instant_monotonic() < until)
		fiber_sleep(5);
	if (db_stats().ready != ready) /* what it met, and how often */
		fprintf(stderr, "%s", lines);
	assert_int_equal(db_stats().ready, ready);
}

static void
start(const char *url, unsigned connections, unsigned queue_max,
    unsigned statement_timeout_ms)
{
	struct db_options o = {
		.conninfo = url,
		.connections = connections,
		.queue_max = queue_max,
		.statement_timeout_ms = statement_timeout_ms,
	};

	assert_int_equal(db_start(&o), ERR_OK);
	pool_wait(connections);
}

void
pool_start(unsigned connections, unsigned queue_max)
{
	start(getenv("SERVER_URL"), connections, queue_max, 20000);
}

void
pool_start_at(
    const char *url, unsigned connections, unsigned statement_timeout_ms)
{
	start(url, connections, 100, statement_timeout_ms);
}

static int64_t
run_sql(const char *url, const char *sql)
{
	PGconn *pg = PQconnectdb(url);
	PGresult *res = PQexec(pg, sql);
	int64_t v = -1;

	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) > 0)
		v = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
	else if (PQresultStatus(res) != PGRES_COMMAND_OK &&
	    PQresultStatus(res) != PGRES_TUPLES_OK)
		fprintf(stderr, "%s", PQerrorMessage(pg));
	PQclear(res);
	PQfinish(pg);
	return v;
}

int64_t
owner(const char *sql)
{
	return run_sql(getenv("OWNER_URL"), sql);
}

int64_t
super(const char *sql)
{
	return run_sql(getenv("SUPER_URL"), sql);
}

void
super_until(const char *sql, int64_t want)
{
	int64_t until = instant_monotonic() + PATIENCE_MS;

	while (super(sql) != want && instant_monotonic() < until)
		fiber_sleep(50);
	assert_int_equal(super(sql), want);
}

void
spawn(void (*fn)(void *), void *arg)
{
	assert_int_equal(fiber_start(fn, arg), ERR_OK);
}

static int
setup(void **state)
{
	(void)state;
	lines_n = 0;
	lines[0] = '\0';
	arena = arena_new();
	return owner(
		   "DELETE FROM entry; DELETE FROM sample; DELETE FROM person;"
		   "DELETE FROM record_key; DELETE FROM class_key; SELECT 0") <
	    0;
}

static int
teardown(void **state)
{
	(void)state;
	db_stop();
	arena_free(arena);
	return 0;
}

static void
group_run(void *arg)
{
	struct group *g = arg;

	g->failed = _cmocka_run_group_tests("db", g->tests, g->n, NULL, NULL);
}

int
harness_run_group(const struct CMUnitTest *tests, size_t n)
{
	struct CMUnitTest *all = calloc(n, sizeof(*all));
	struct group g = { all, n, 1 };
	size_t i;

	memcpy(all, tests, n * sizeof(*all));
	for (i = 0; i < n; i++) {
		all[i].setup_func = setup;
		all[i].teardown_func = teardown;
	}
	log_sink(capture);
	if (secret_init(1 << 16) != ERR_OK || crypto_init() != ERR_OK ||
	    loop_poll_run(group_run, &g) != ERR_OK)
		return 1;
	free(all);
	return g.failed == 0 ? 0 : 1;
}
