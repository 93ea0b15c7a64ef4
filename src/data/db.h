#ifndef DATA_DB_H
#define DATA_DB_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The pool of connections of this process: non-blocking connect, every
 * statement prepared and described when a connection opens, pipeline mode,
 * bounded queue, reconnect with back-off (50 ms to 2 s).
 */
struct db_options {
	const char *conninfo; /* libpq's; kept by reference, as the password */
	const char *password; /* NULL or "": as conninfo says */
	unsigned connections;
	unsigned queue_max;	       /* transactions that may wait */
	unsigned search_connections;   /* for searches; 0: all but one */
	unsigned statement_timeout_ms; /* sent as a session setting */
};

/* Needs an installed loop. Connects in the background; a database that is
 * down is waited for. ERR_INTERNAL for a connection string that
 * data/conninfo.h refuses. A host's name is looked up while everything waits:
 * give hostaddr beside it. */
NODISCARD enum err db_start(const struct db_options *);
void db_stop(void);
/* At least one connection is ready (readyz). */
bool db_ready(void);

/*
 * A statement whose text or columns differ from what this binary was built
 * for is fatal (log event db_statement_mismatch, exit status 1): an old
 * schema must not be served. Set false by tools that migrate.
 */
void db_strict(bool);

struct db_stats {
	unsigned connections, ready, busy, waiting;
	uint64_t transactions, round_trips, timeouts, lost, refused, reconnects;
	uint64_t shared; /* of the transactions: those of several requests */
};
struct db_stats db_stats(void);

#endif
