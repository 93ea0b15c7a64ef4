#include "data/tx.h"

#include "data/shared_trip.h"
#include "data/trip.h"
#include "data/tx_state.h"
#include "sql.h"

struct tx *
tx_new(struct arena *a, int64_t deadline_ms)
{
	struct tx *tx = arena_alloc(a, sizeof(*tx));

	tx->arena = a;
	tx->deadline_ms = deadline_ms;
	STAILQ_INIT(&tx->calls);
	SLIST_INIT(&tx->kept);
	return tx;
}

struct tx *
tx_after(const struct tx *tx)
{
	struct tx *next = tx_new(tx->arena, tx->deadline_ms);

	next->clinic = tx->clinic;
	next->has_clinic = tx->has_clinic;
	return next;
}

enum err
tx_search(struct tx *tx, int64_t search_ms)
{
	const struct statement_time_set_in in = { search_ms };

	tx->search_ms = search_ms;
	return sql_statement_time_set(tx, &in);
}

void
tx_share_trip(struct tx *tx)
{
	tx->shares = true;
}

struct arena *
tx_arena(struct tx *tx)
{
	return tx->arena;
}

bool
tx_is_over(const struct tx *tx)
{
	return tx->over;
}

bool
tx_retryable(const struct tx *tx)
{
	return tx->retryable;
}

void
tx_set_clinic(struct tx *tx, const struct uuid *clinic)
{
	tx->clinic = *clinic;
	tx->has_clinic = true;
}

const struct uuid *
tx_clinic(const struct tx *tx)
{
	return tx->has_clinic ? &tx->clinic : NULL;
}

struct tx_key *
tx_keys(const struct tx *tx)
{
	return tx->keys;
}

void
tx_key_add(struct tx *tx, struct tx_key *k)
{
	k->next = tx->keys;
	tx->keys = k;
}

enum err
tx_state(const struct tx *tx)
{
	return tx->err == ERR_OK && tx->over ? ERR_INTERNAL : tx->err;
}

enum err
tx_fail(struct tx *tx, enum err r)
{
	if (tx->err == ERR_OK)
		tx->err = r;
	return tx->err;
}

/* Statements */

void
tx_calls_travelled(struct tx *tx)
{
	struct tx_call *call;

	STAILQ_FOREACH(call, &tx->calls, list)
	call->travelled = true;
	STAILQ_INIT(&tx->calls);
	tx->calls_n = 0;
}

struct tx_call *
tx_put(struct tx *tx, const struct statement *st, const struct sql_params *ps,
    bool wanted)
{
	struct tx_call *call = arena_alloc(tx->arena, sizeof(*call));

	call->statement = st;
	call->params = *ps;
	call->wanted = wanted;
	STAILQ_INSERT_TAIL(&tx->calls, call, list);
	tx->calls_n++;
	if (wanted)
		SLIST_INSERT_HEAD(&tx->kept, call, kept);
	return call;
}

enum err
tx_take(struct tx *tx, struct tx_call *call, PGresult **answer)
{
	enum err r = tx->err;

	*answer = NULL;
	if (r == ERR_OK && !call->travelled)
		r = trip_alone(tx, false);
	if (call->answer == NULL && r != ERR_OK)
		return r;
	if (call->answer == NULL) /* skipped, and nobody said why; or taken */
		return tx_fail(tx, ERR_INTERNAL);
	*answer = call->answer;
	call->answer = NULL;
	return ERR_OK;
}

/* Ends */

enum err
tx_commit(struct tx *tx)
{
	bool alone = true;
	enum err r;

	if ((r = tx_state(tx)) != ERR_OK)
		return r;
	if (tx->shares && !tx->begun)
		r = shared_trip(tx, &alone);
	if (alone && (tx->begun || !STAILQ_EMPTY(&tx->calls)))
		r = trip_alone(tx, true);
	if (r != ERR_OK)
		return r;
	tx->over = true;
	if (tx->conn != NULL) {
		conn_release(tx->conn);
		tx->conn = NULL;
	}
	return ERR_OK;
}

void
tx_close(struct tx *tx)
{
	struct tx_call *call;
	struct tx_key *k;

	if (tx == NULL)
		return;
	if (tx->conn != NULL) {
		conn_release(tx->conn);
		tx->conn = NULL;
	}
	tx->over = true;
	SLIST_FOREACH(call, &tx->kept, kept)
	{
		PQclear(call->answer);
		call->answer = NULL;
	}
	for (k = tx->keys; k != NULL; k = k->next)
		record_key_free(&k->key);
	tx->keys = NULL;
}
