#ifndef DB_HARNESS_H
#define DB_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/fiber.h"
#include "base/instant.h"
#include "base/uuid.h"
#include "data/db.h"
#include "data/tx.h"
#include "sql.h"

#include <stdbool.h>
#include <stdlib.h>

/*
 * Tests of the database layer: each file is a program whose tests all run on
 * one fiber of a poll(2) loop, against the cluster of tests/db/run.sh (its
 * connection strings are in SERVER_URL, OWNER_URL and SUPER_URL). Other fibers
 * must not assert: they leave what they saw in a structure.
 */
#define HARNESS_TX_MS 30000
/* How long what has to come is waited for: a crowded machine takes its time, and
 * what never comes is told from it all the same. Where tests have to fail
 * (EPIONE_PATIENCE, as in tests/lib/patience.mjs) it is shorter. */
#define PATIENCE_MS (getenv("EPIONE_PATIENCE") == NULL ? 240000 : 60000)

/* Runs the group on a fiber; returns the exit status. */
#define harness_run(tests)                                                     \
	harness_run_group(tests, sizeof(tests) / sizeof((tests)[0]))
int harness_run_group(const struct CMUnitTest *, size_t n);

/* An arena for the running test; wiped after it. */
struct arena *test_arena(void);
struct tx *test_tx(void); /* deadline in HARNESS_TX_MS */
struct tx *test_tx_ms(int64_t ms);

/* The pool under test, connected; stopped after each test. */
void pool_start(unsigned connections, unsigned queue_max);
void pool_start_at(
    const char *url, unsigned connections, unsigned statement_timeout_ms);
/* Waits until that many connections are ready. */
void pool_wait(unsigned ready);

/* Runs SQL as the superuser, blocking; the first value, or -1. */
int64_t super(const char *sql);
/* As the owner of the tables. */
int64_t owner(const char *sql);
/* Waits until the statement gives that number. */
void super_until(const char *sql, int64_t want);

/* Was a line with this text logged in this test? */
bool logged(const char *part);
void log_until(const char *part);

/* Starts fn(arg) on a fiber of its own. */
void spawn(void (*fn)(void *), void *arg);

#endif
