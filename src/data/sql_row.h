#ifndef DATA_SQL_ROW_H
#define DATA_SQL_ROW_H

#include "base/arena.h"
#include "base/err.h"
#include "base/keyring.h"
#include "data/record_key.h"
#include "data/statement.h"

#include <libpq-fe.h>

/*
 * A statement's structures and what travels for them: parameters and rows, with
 * what is sealed in them. Waits for nothing. Private to data/.
 */
struct sql_params {
	const char **value;
	int *length;
	int *format; /* binary, all of them */
	int n;
	/* EN-03: how many values were sealed, and under which key; NULL for none */
	const struct record_key *key;
	int64_t seals;
};

/* Columns that an item takes in a result. */
int sql_item_columns(const struct sql_item *);

/* Parameters from the statement's structure, in the arena: copies. Seals what
 * is sealed. ERR_INVALID_FIELD for a plaintext over the field's limit,
 * ERR_CRYPTO, ERR_INTERNAL for what no caller should pass (a malformed date, a
 * sealed column without a key). */
NODISCARD enum err sql_encode(struct arena *, const struct statement *,
    const void *in, struct sql_params *);

/* The key that a row lacks, and those that were looked for and do not open. */
#define ROW_KEYS_MAX 8
struct row_keys {
	struct key_missing missing, gone[ROW_KEYS_MAX];
	size_t gone_n;
};

/* One row of a result into the statement's structure. Opens keys, which are the
 * transaction's from then on, and what is sealed under them. ERR_NOT_FOUND, and
 * `missing` says which, when a key has not been read yet. */
NODISCARD enum err sql_decode(struct tx *, const struct statement *,
    const PGresult *, int row, void *out, struct row_keys *);

#endif
