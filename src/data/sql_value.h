#ifndef DATA_SQL_VALUE_H
#define DATA_SQL_VALUE_H

#include "base/arena.h"
#include "base/err.h"
#include "data/statement.h"

#include <libpq-fe.h>
#include <stdbool.h>

/*
 * Parameters and columns in PostgreSQL's binary format, one row per type of
 * sqlgen. Private to data/.
 */
struct sql_params {
	const char **value;
	int *length;
	int *format; /* binary, all of them */
	int n;
};

/* The type a parameter is declared with. */
Oid sql_param_oid(enum sql_type);
/* May a column of this type be read as that? Answers for SQL_KEY's three
 * columns by their place, 0 to 2; place is 0 otherwise. */
bool sql_column_fits(enum sql_type, int place, Oid);
/* Columns that an item takes in a result. */
int sql_item_columns(const struct sql_item *);

/* Parameters from the statement's structure, in the arena: copies. Seals what
 * is sealed. ERR_INVALID_FIELD for a plaintext over the field's limit,
 * ERR_CRYPTO, ERR_INTERNAL for what no caller should pass (a malformed date, a
 * sealed column without a key). */
NODISCARD enum err sql_encode(struct arena *, const struct statement *,
    const void *in, struct sql_params *);

/* One row of a result into the statement's structure. Opens keys, which may
 * wait on the transaction, and what is sealed under them. */
NODISCARD enum err sql_decode(struct tx *, const struct statement *,
    const PGresult *, int row, void *out);

#endif
