#include "base/log.h"
#include "data/statement.h"
#include "data/tx_private.h"

#include <stdlib.h>

/* Encodes and sends; a statement that could not even be encoded must not be
 * missing from a transaction that is committed. */
static enum err
sql_ask(struct tx *tx, const struct statement *st, const void *in,
    PGresult **answer)
{
	struct sql_params ps;
	enum err r;

	*answer = NULL;
	if ((r = tx_state(tx)) != ERR_OK)
		return r;
	if ((r = sql_encode(tx_arena(tx), st, in, &ps)) != ERR_OK)
		return tx_fail(tx, r);
	return tx_ask(tx, st, &ps, answer);
}

enum err
sql_later(struct tx *tx, const struct statement *st, const void *in)
{
	struct sql_params ps;
	enum err r;

	if ((r = tx_state(tx)) != ERR_OK)
		return r;
	if ((r = sql_encode(tx_arena(tx), st, in, &ps)) != ERR_OK)
		return tx_fail(tx, r);
	return tx_queue(tx, st, &ps);
}

enum err
sql_ahead(struct tx *tx, const struct statement *st, const void *in)
{
	struct sql_params ps;
	enum err r;

	if ((r = tx_state(tx)) != ERR_OK)
		return r;
	if ((r = sql_encode(tx_arena(tx), st, in, &ps)) != ERR_OK)
		return tx_fail(tx, r);
	return tx_ahead(tx, st, &ps);
}

enum err
sql_one(struct tx *tx, const struct statement *st, const void *in, void *row)
{
	PGresult *res;
	enum err r;

	if ((r = sql_ask(tx, st, in, &res)) != ERR_OK)
		return r;
	if (PQntuples(res) == 0)
		r = ERR_NOT_FOUND;
	else if (PQntuples(res) > 1) {
		log_error("db_rows_unexpected", LOG_CODE("statement", st->name),
		    LOG_NUM("rows", PQntuples(res)));
		r = tx_fail(tx, ERR_INTERNAL);
	} else
		r = sql_decode(tx, st, res, 0, row);
	PQclear(res);
	return r;
}

enum err
sql_many(struct tx *tx, const struct statement *st, const void *in, void **rows,
    size_t *n)
{
	PGresult *res;
	char *all;
	int i;
	enum err r;

	*rows = NULL;
	*n = 0;
	if ((r = sql_ask(tx, st, in, &res)) != ERR_OK)
		return r;
	all = arena_calloc(
	    tx_arena(tx), (size_t)PQntuples(res) + 1, st->row_size);
	for (i = 0; r == ERR_OK && i < PQntuples(res); i++)
		r = sql_decode(tx, st, res, i, all + (size_t)i * st->row_size);
	if (r == ERR_OK) {
		*rows = all;
		*n = (size_t)PQntuples(res);
	}
	PQclear(res);
	return r;
}

enum err
sql_exec(struct tx *tx, const struct statement *st, const void *in,
    int64_t *affected)
{
	PGresult *res;
	enum err r;

	if (affected != NULL)
		*affected = 0;
	if ((r = sql_ask(tx, st, in, &res)) != ERR_OK)
		return r;
	if (affected != NULL)
		*affected = strtoll(PQcmdTuples(res), NULL, 10);
	PQclear(res);
	return ERR_OK;
}
