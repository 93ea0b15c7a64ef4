#ifndef DATA_SQL_ERROR_H
#define DATA_SQL_ERROR_H

#include "base/err.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* What an error of the server means. Private to data/. */
struct sql_error {
	char sqlstate[6]; /* "" when the server did not say */
	enum err err;
	bool lost;     /* the connection is, or is about to be: no answer */
	bool mismatch; /* the text does not fit the schema */
};

/* Logs what is worth it: SQLSTATE, constraint and statement, never the
 * message, whose DETAIL carries values of rows. statement may be NULL. */
void sql_error_read(
    const PGresult *, const char *statement, struct sql_error *);

/* 40001 serialization_failure, 40P01 deadlock_detected */
bool sqlstate_retryable(const char *);
/* 57014 query_canceled: here always the statement's time being up */
bool sqlstate_timeout(const char *);

#endif
