#include "base/log.h"
#include "data/record_key.h"
#include "data/sql_row.h"
#include "data/statement.h"
#include "data/tx_private.h"
#include "sql.h"

#include <stdlib.h>

/*= EN-03: counted in the transaction of what was sealed, and ahead of it */
static enum err
seals_count(struct tx *tx, const struct sql_params *ps)
{
	struct record_key_count_in in;

	if (ps->seals == 0)
		return ERR_OK;
	in = (struct record_key_count_in){ ps->key->clinic, ps->key->subject,
		ps->key->version, ps->seals };
	return sql_record_key_count(tx, &in);
}

/* A statement that could not even be encoded must not be missing from a
 * transaction that is committed. */
static enum err
statement_put(struct tx *tx, const struct statement *st, const void *in,
    bool wanted, struct tx_call **call)
{
	struct sql_params ps;
	enum err r;

	*call = NULL;
	if ((r = tx_state(tx)) != ERR_OK)
		return r;
	if ((r = sql_encode(tx_arena(tx), st, in, &ps)) != ERR_OK)
		return tx_fail(tx, r);
	if ((r = seals_count(tx, &ps)) != ERR_OK)
		return r;
	*call = tx_put(tx, st, &ps, wanted);
	return ERR_OK;
}

enum err
sql_later(struct tx *tx, const struct statement *st, const void *in)
{
	struct tx_call *call;

	return statement_put(tx, st, in, false, &call);
}

enum err
sql_send(struct tx *tx, const struct statement *st, const void *in,
    struct tx_call **call)
{
	return statement_put(tx, st, in, true, call);
}

/* A class key that this process has not met yet costs a round trip, once; so does
 * what is sealed under another version than its row. */
static enum err
row_decode(struct tx *tx, const struct statement *st, const PGresult *res,
    int i, void *row)
{
	struct row_keys keys = { .gone_n = 0 };
	enum err r;

	while ((r = sql_decode(tx, st, res, i, row, &keys)) == ERR_NOT_FOUND) {
		r = record_key_load(tx, &keys.missing);
		if (r == ERR_CRYPTO && keys.gone_n < ROW_KEYS_MAX)
			keys.gone[keys.gone_n++] = keys.missing;
		else if (r != ERR_OK)
			return r;
	}
	return r;
}

enum err
sql_take_one(
    struct tx *tx, const struct statement *st, struct tx_call *call, void *row)
{
	PGresult *res;
	enum err r;

	if ((r = tx_take(tx, call, &res)) != ERR_OK)
		return r;
	if (PQntuples(res) == 0)
		r = ERR_NOT_FOUND;
	else if (PQntuples(res) > 1) {
		log_error("db_rows_unexpected", LOG_CODE("statement", st->name),
		    LOG_NUM("rows", PQntuples(res)));
		r = tx_fail(tx, ERR_INTERNAL);
	} else
		r = row_decode(tx, st, res, 0, row);
	PQclear(res);
	return r;
}

enum err
sql_one(struct tx *tx, const struct statement *st, const void *in, void *row)
{
	struct tx_call *call;
	enum err r = sql_send(tx, st, in, &call);

	return r != ERR_OK ? r : sql_take_one(tx, st, call, row);
}

static enum err
many_take(struct tx *tx, const struct statement *st, struct tx_call *call,
    void **rows, size_t *n)
{
	PGresult *res;
	char *all;
	int i;
	enum err r;

	if ((r = tx_take(tx, call, &res)) != ERR_OK)
		return r;
	all = arena_calloc(
	    tx_arena(tx), (size_t)PQntuples(res) + 1, st->row_size);
	for (i = 0; r == ERR_OK && i < PQntuples(res); i++)
		r = row_decode(tx, st, res, i, all + (size_t)i * st->row_size);
	if (r == ERR_OK) {
		*rows = all;
		*n = (size_t)PQntuples(res);
	}
	PQclear(res);
	return r;
}

enum err
sql_many(struct tx *tx, const struct statement *st, const void *in, void **rows,
    size_t *n)
{
	struct tx_call *call;
	enum err r;

	*rows = NULL;
	*n = 0;
	return (r = sql_send(tx, st, in, &call)) != ERR_OK
	    ? r
	    : many_take(tx, st, call, rows, n);
}

/* Who leaves travels behind the question: whatever comes next is asked by the
 * server again. After an error nothing does, and the role ends with the
 * transaction. */
enum err
sql_report(struct tx *tx, const struct statement *st, const void *in,
    void **rows, size_t *n)
{
	struct tx_call *call;
	enum err r;

	*rows = NULL;
	*n = 0;
	if ((r = sql_reporter_enter(tx)) != ERR_OK ||
	    (r = sql_send(tx, st, in, &call)) != ERR_OK ||
	    (r = sql_reporter_leave(tx)) != ERR_OK)
		return r;
	return many_take(tx, st, call, rows, n);
}

enum err
sql_exec(struct tx *tx, const struct statement *st, const void *in,
    int64_t *affected)
{
	struct tx_call *call;
	PGresult *res;
	enum err r;

	if (affected != NULL)
		*affected = 0;
	if ((r = sql_send(tx, st, in, &call)) != ERR_OK ||
	    (r = tx_take(tx, call, &res)) != ERR_OK)
		return r;
	if (affected != NULL)
		*affected = strtoll(PQcmdTuples(res), NULL, 10);
	PQclear(res);
	return ERR_OK;
}
