#include "data/tx.h"

#include "base/fiber.h"
#include "base/instant.h"
#include "base/keyring.h"
#include "base/log.h"
#include "base/secret.h"
#include "data/pool.h"
#include "data/sql_error.h"
#include "data/tx_private.h"
#include "sql.h"

#include <string.h>
#include <sys/queue.h>

/* A statement that waits for the next round trip. */
struct call {
	const struct statement *statement;
	struct sql_params params;
	STAILQ_ENTRY(call) list;
};
STAILQ_HEAD(call_list, call);

struct tx {
	struct arena *arena;
	int64_t deadline_ms;
	int64_t search_ms; /* > 0: of the searches' share */
	struct conn *conn; /* the pool clears it when the connection is lost */
	struct call_list calls;
	const struct call *ahead; /* travels with what is asked next */
	const struct call *seen;  /* has travelled, and this is its answer */
	PGresult *seen_answer;
	struct tx_key *keys;
	enum err err;
	bool begun;
	bool over; /* committed or closed */
	bool retryable;
	bool has_clinic;
	struct uuid clinic;
};

struct tx *
tx_new(struct arena *a, int64_t deadline_ms)
{
	struct tx *tx = arena_alloc(a, sizeof(*tx));

	tx->arena = a;
	tx->deadline_ms = deadline_ms;
	STAILQ_INIT(&tx->calls);
	return tx;
}

enum err
tx_search(struct tx *tx, int64_t search_ms)
{
	const struct statement_time_set_in in = { search_ms };

	tx->search_ms = search_ms;
	return sql_statement_time_set(tx, &in);
}

struct arena *
tx_arena(struct tx *tx)
{
	return tx->arena;
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

/* Round trips */

/* The connection is taken with the first statement; one that was lost on the
 * way is not replaced, since the transaction went with it. */
static enum err
tx_connect(struct tx *tx)
{
	if (instant_monotonic() >= tx->deadline_ms)
		return ERR_UNAVAILABLE;
	if (tx->conn != NULL)
		return ERR_OK;
	if (tx->begun)
		return ERR_UNAVAILABLE;
	return tx->search_ms > 0
	    ? pool_take(
		  DB_SHARE_SEARCHES, tx->deadline_ms - tx->search_ms, &tx->conn)
	    : pool_take(DB_SHARE_RECORDS, tx->deadline_ms, &tx->conn);
}

static bool
calls_send(struct tx *tx, struct round_trip *f)
{
	struct call *call;

	STAILQ_FOREACH(call, &tx->calls, list)
	if (!conn_send(tx->conn, f, call->statement->name, &call->params))
		return false;
	return true;
}

/* The statement that is asked, and behind it the one sent ahead. */
static bool
asked_send(struct tx *tx, const struct call *asked, struct round_trip *f)
{
	const struct call *ahead = tx->ahead;

	f->kept = f->sent;
	if (!conn_send(tx->conn, f, asked->statement->name, &asked->params))
		return false;
	if (ahead == NULL)
		return true;
	f->ahead = f->sent;
	return conn_send(tx->conn, f, ahead->statement->name, &ahead->params);
}

static bool
tx_send(
    struct tx *tx, const struct call *asked, bool commit, struct round_trip *f)
{
	if (!tx->begun) {
		pool_counts()->transactions++;
		if (!conn_say(tx->conn, f, CONN_BEGIN))
			return false;
		tx->begun = true;
	}
	if (!calls_send(tx, f))
		return false;
	if (asked != NULL && !asked_send(tx, asked, f))
		return false;
	if (commit && !conn_say(tx->conn, f, CONN_COMMIT))
		return false;
	return conn_sync(tx->conn, f);
}

/* A connection on which something may still be under way is not used again. */
static void
tx_wait(struct tx *tx, struct round_trip *f)
{
	while (!f->done)
		if (fiber_park_until(tx->deadline_ms) != ERR_OK && !f->done) {
			pool_counts()->timeouts++;
			f->waiter = NULL; /* that is us, and awake */
			conn_drop(tx->conn, "deadline");
		}
}

static const char *
failed_name(const struct tx *tx, const struct call *asked, bool began,
    const struct round_trip *f)
{
	const struct call *call;
	int i = began;

	if (f->failed_at == f->commit)
		return "COMMIT";
	if (asked != NULL && f->failed_at == f->kept)
		return asked->statement->name;
	if (tx->ahead != NULL && f->failed_at == f->ahead)
		return tx->ahead->statement->name;
	STAILQ_FOREACH(call, &tx->calls, list)
	if (i++ == f->failed_at)
		return call->statement->name;
	return "BEGIN";
}

/* Lost: unknown if the COMMIT was on its way and nobody said what became of
 * it, else nothing can have been changed. */
static enum err
lost_outcome(const struct round_trip *f)
{
	if (f->committed)
		return ERR_OK;
	pool_counts()->lost++;
	return f->commit >= 0 ? ERR_UNKNOWN_OUTCOME : ERR_UNAVAILABLE;
}

static enum err
trip_outcome(struct tx *tx, const struct round_trip *f, const char *failed)
{
	struct sql_error e = { .lost = true };

	if (f->failure != NULL)
		sql_error_read(f->failure, failed, &e);
	if (f->failure != NULL && !e.lost) {
		tx->retryable = sqlstate_retryable(e.sqlstate);
		pool_counts()->timeouts += sqlstate_timeout(e.sqlstate);
		return e.err;
	}
	if (f->lost || f->failure != NULL)
		return lost_outcome(f);
	return f->commit < 0 || f->committed ? ERR_OK : ERR_INTERNAL;
}

/* What was sent ahead is true up to here: the next round trip may change it. */
static void
seen_drop(struct tx *tx)
{
	PQclear(tx->seen_answer);
	tx->seen_answer = NULL;
}

static void
seen_keep(struct tx *tx, const struct round_trip *f)
{
	if (f->ahead < 0)
		return;
	tx->seen = tx->ahead;
	tx->seen_answer = f->foreseen;
	tx->ahead = NULL;
}

/*
 * One round trip: BEGIN if it is the first, what was queued, the statement that
 * is asked (or NULL) with the one sent ahead behind it, COMMIT if so wished;
 * waits for the answer to all of it.
 */
static enum err
tx_round_trip(
    struct tx *tx, const struct call *asked, bool commit, PGresult **answer)
{
	struct round_trip f = {
		.waiter = fiber_self(), .kept = -1, .ahead = -1, .commit = -1
	};
	bool began = !tx->begun;
	enum err r;

	if ((r = tx_state(tx)) != ERR_OK)
		return r;
	if ((r = tx_connect(tx)) != ERR_OK)
		return tx_fail(tx, r);
	seen_drop(tx);
	if (tx_send(tx, asked, commit, &f))
		tx_wait(tx, &f);
	else {
		f.lost = true;
		f.waiter = NULL;
		if (tx->conn != NULL)
			conn_drop(tx->conn, "send");
	}
	r = trip_outcome(tx, &f,
	    f.failure != NULL ? failed_name(tx, asked, began, &f) : NULL);
	STAILQ_INIT(&tx->calls);
	PQclear(f.failure);
	if (r != ERR_OK) {
		PQclear(f.answer);
		PQclear(f.foreseen);
		return tx_fail(tx, r);
	}
	seen_keep(tx, &f);
	if (answer != NULL)
		*answer = f.answer;
	return ERR_OK;
}

enum err
tx_queue(struct tx *tx, const struct statement *st, const struct sql_params *ps)
{
	struct call *call;

	if (tx_state(tx) != ERR_OK)
		return tx_state(tx);
	call = arena_alloc(tx->arena, sizeof(*call));
	call->statement = st;
	call->params = *ps;
	STAILQ_INSERT_TAIL(&tx->calls, call, list);
	return ERR_OK;
}

enum err
tx_ahead(struct tx *tx, const struct statement *st, const struct sql_params *ps)
{
	struct call *call = arena_alloc(tx->arena, sizeof(*call));

	call->statement = st;
	call->params = *ps;
	tx->ahead = call;
	return tx_state(tx);
}

static bool
param_equal(const struct sql_params *a, const struct sql_params *b, int i)
{
	if (a->value[i] == NULL || b->value[i] == NULL)
		return a->value[i] == b->value[i];
	return a->length[i] == b->length[i] &&
	    secret_equal(a->value[i], b->value[i], (size_t)a->length[i]);
}

/* Does the answer that came ahead answer this? Not if something was queued
 * since, which has to come first. */
static bool
seen_answers(const struct tx *tx, const struct call *asked)
{
	int i;

	if (tx->seen_answer == NULL || tx_state(tx) != ERR_OK ||
	    !STAILQ_EMPTY(&tx->calls) ||
	    tx->seen->statement != asked->statement)
		return false;
	for (i = 0; i < asked->params.n; i++)
		if (!param_equal(&tx->seen->params, &asked->params, i))
			return false;
	return true;
}

enum err
tx_ask(struct tx *tx, const struct statement *st, const struct sql_params *ps,
    PGresult **answer)
{
	const struct call asked = { .statement = st, .params = *ps };
	enum err r;

	*answer = NULL;
	if (seen_answers(tx, &asked)) {
		*answer = tx->seen_answer;
		tx->seen_answer = NULL;
		return ERR_OK;
	}
	r = tx_round_trip(tx, &asked, false, answer);
	if (r == ERR_OK && *answer == NULL) /* skipped, and nobody said why */
		r = tx_fail(tx, ERR_INTERNAL);
	return r;
}

/* Ends */

enum err
tx_commit(struct tx *tx)
{
	enum err r;

	if ((r = tx_state(tx)) != ERR_OK)
		return r;
	if (tx->begun || !STAILQ_EMPTY(&tx->calls))
		r = tx_round_trip(tx, NULL, true, NULL);
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
	struct tx_key *k;

	if (tx == NULL)
		return;
	if (tx->conn != NULL) {
		conn_release(tx->conn);
		tx->conn = NULL;
	}
	tx->over = true;
	seen_drop(tx);
	for (k = tx->keys; k != NULL; k = k->next)
		record_key_free(&k->key);
	tx->keys = NULL;
}
