#ifndef DATA_SQL_VALUE_H
#define DATA_SQL_VALUE_H

#include "base/arena.h"
#include "base/err.h"
#include "data/statement.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Values in PostgreSQL's binary format, one row of a table per type of sqlgen:
 * a codec, which asks nobody and waits for nothing. Private to data/.
 */

/* One parameter or column; p NULL is the SQL NULL. */
struct sql_cell {
	const uint8_t *p;
	size_t n;
	Oid oid; /* of a column */
};

/* The type a parameter is declared with. */
Oid sql_param_oid(enum sql_type);
/* May a column of this type be read as that? Answers for SQL_KEY's three
 * columns by their place, 0 to 2; place is 0 otherwise. */
bool sql_column_fits(enum sql_type, int place, Oid);

/* A member of a statement's structure to its cell and back, copied into the
 * arena. Not for SQL_SEALED, SQL_SEALED_BYTES and SQL_KEY, which are data/sql_row.h's.
 * ERR_INTERNAL for what no caller passes and no honest server sends. */
NODISCARD enum err sql_value_encode(
    struct arena *, enum sql_type, const void *in, struct sql_cell *);
NODISCARD enum err sql_value_decode(
    struct arena *, enum sql_type, const struct sql_cell *, void *out);
/* INT64_MIN for what is none. */
int64_t sql_cell_int(const struct sql_cell *);

#endif
