#ifndef DATA_STATEMENT_H
#define DATA_STATEMENT_H

#include "base/keyring.h"
#include "data/field.h"
#include "data/tx.h"

#include <stddef.h>
#include <stdint.h>

/*
 * What tools/sqlgen says about each query of sql/queries: its text, and where
 * its parameters and columns live in the structures of build/gen/sql.h. Only
 * generated code, and care/report_rows.c, which it describes reports to, calls what is
 * declared here.
 */
enum sql_type {
	SQL_UUID,	  /* struct uuid; nil is NULL */
	SQL_TEXT,	  /* const char * */
	SQL_BYTES,	  /* struct bytes */
	SQL_INT,	  /* int64_t */
	SQL_INT_OR_NULL,  /* int64_t; INT64_MIN is NULL */
	SQL_BOOL,	  /* bool */
	SQL_TIME,	  /* int64_t, seconds; INSTANT_NONE is NULL */
	SQL_DATE,	  /* const char *, YYYY-MM-DD */
	SQL_JSON,	  /* const char * */
	SQL_INET,	  /* const char * */
	SQL_UUIDS,	  /* struct uuid_list */
	SQL_BYTES_LIST,	  /* struct bytes_list */
	SQL_INTS,	  /* struct int_list */
	SQL_TEXTS,	  /* struct text_list */
	SQL_SEALED,	  /* const char *, plaintext */
	SQL_SEALED_BYTES, /* struct bytes, plaintext */
	SQL_KEY,	  /* const struct record_key *; three columns */
	SQL_TYPES
};

struct sql_item {
	const char *name;
	enum sql_type type;
	size_t at;	      /* offset in the structure */
	enum field field;     /* sealed: which column */
	size_t row;	      /* sealed: offset of the row's id */
	size_t key;	      /* sealed: offset of the record key */
	enum key_class class; /* record key: class it was wrapped under */
	bool spare;	      /* record key: what does not open is left out */
};

struct statement {
	const char *name;
	const char *text;
	const struct sql_item *in;
	size_t n_in;
	const struct sql_item *out;
	size_t n_out;
	size_t row_size;
};

extern const struct statement sql_statements[];
extern const size_t sql_statements_n;

/*
 * Run a statement. `in` is its structure of parameters (NULL if it has none);
 * it is read before the call returns and need not outlive it. What the row
 * points at lives in the transaction's arena, opened record keys until
 * tx_close.
 *
 * sql_one: ERR_NOT_FOUND for no row, ERR_INTERNAL for more than one.
 * sql_send, sql_take_one: the same in two halves. What is sent travels with the
 * next that waits, behind what was sent before; it is taken once, then or later,
 * and says how things stood when it travelled.
 * sql_report: as sql_many, by the role that reads for reports alone.
 * sql_later: sends nothing; what fails shows at the next call that waits.
 * Other errors: data/tx.h. ERR_CRYPTO when a sealed value does not open, unless its
 * key is one to be left out then: it is NULL, and logged.
 */
NODISCARD enum err sql_one(
    struct tx *, const struct statement *, const void *in, void *row);
NODISCARD enum err sql_many(struct tx *, const struct statement *,
    const void *in, void **rows, size_t *n);
NODISCARD enum err sql_report(struct tx *, const struct statement *,
    const void *in, void **rows, size_t *n);
NODISCARD enum err sql_exec(
    struct tx *, const struct statement *, const void *in, int64_t *affected);
NODISCARD enum err sql_later(
    struct tx *, const struct statement *, const void *in);
NODISCARD enum err sql_send(
    struct tx *, const struct statement *, const void *in, struct tx_call **);
NODISCARD enum err sql_take_one(
    struct tx *, const struct statement *, struct tx_call *, void *row);

#endif
