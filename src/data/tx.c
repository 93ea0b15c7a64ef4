#include "data/tx.h"

#include "base/fiber.h"
#include "base/instant.h"
#include "base/keyring.h"
#include "base/log.h"
#include "data/pool.h"
#include "data/sql_error.h"
#include "data/tx_private.h"
#include "sql.h"

#include <string.h>
#include <sys/queue.h>

/* A statement of the transaction: waits for the next round trip, or has
 * travelled, and its answer is here until it is taken. */
struct tx_call {
	const struct statement *statement;
	struct sql_params params;
	PGresult *answer;
	bool wanted, travelled;
	STAILQ_ENTRY(tx_call) list;
	SLIST_ENTRY(tx_call) kept;
};
STAILQ_HEAD(call_list, tx_call);
SLIST_HEAD(kept_list, tx_call);

struct tx {
	struct arena *arena;
	int64_t deadline_ms;
	int64_t search_ms; /* > 0: of the searches' share */
	struct conn *conn; /* the pool clears it when the connection is lost */
	struct call_list calls; /* for the next round trip */
	size_t calls_n;
	struct kept_list kept; /* all whose answer is wanted */
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
	struct tx_call *call;

	STAILQ_FOREACH(call, &tx->calls, list)
	if (!conn_send(tx->conn, f, call->statement->name, &call->params,
		call->wanted ? &call->answer : NULL))
		return false;
	return true;
}

static bool
trip_send(struct tx *tx, bool commit, struct round_trip *f)
{
	if (!tx->begun) {
		pool_counts()->transactions++;
		if (!conn_say(tx->conn, f, CONN_BEGIN))
			return false;
		tx->begun = true;
	}
	if (!calls_send(tx, f))
		return false;
	if (commit && !conn_say(tx->conn, f, CONN_COMMIT))
		return false;
	pool_counts()->round_trips++;
	return conn_sync(tx->conn, f);
}

/* A connection on which something may still be under way is not used again. */
static void
tx_wait(struct tx *tx, struct round_trip *f)
{
	while (!f->done)
		if (fiber_park_until(tx->deadline_ms) != ERR_OK && !f->done) {
			pool_counts()->timeouts++;
			f->waiter = NULL; /* this fiber, which is awake */
			conn_drop(tx->conn, "deadline");
		}
}

static const char *
failed_name(const struct tx *tx, bool began, const struct round_trip *f)
{
	const struct tx_call *call;
	int i = began;

	if (f->failed_at == f->commit)
		return "COMMIT";
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

static void
calls_travelled(struct tx *tx)
{
	struct tx_call *call;

	STAILQ_FOREACH(call, &tx->calls, list)
	call->travelled = true;
	STAILQ_INIT(&tx->calls);
	tx->calls_n = 0;
}

/*
 * BEGIN if it is the first, what was put, COMMIT if so wished; waits for the
 * answer to all of it.
 */
static enum err
tx_round_trip(struct tx *tx, bool commit)
{
	struct round_trip f = {
		.waiter = fiber_self(),
		.commit = -1,
		/* BEGIN and COMMIT want no answer */
		.want = arena_calloc(
		    tx->arena, tx->calls_n + 2, sizeof(*f.want)),
	};
	bool began = !tx->begun;
	enum err r;

	if ((r = tx_state(tx)) != ERR_OK)
		return r;
	if ((r = tx_connect(tx)) != ERR_OK)
		return tx_fail(tx, r);
	if (trip_send(tx, commit, &f))
		tx_wait(tx, &f);
	else {
		f.lost = true;
		f.waiter = NULL;
		if (tx->conn != NULL)
			conn_drop(tx->conn, "send");
	}
	r = trip_outcome(
	    tx, &f, f.failure != NULL ? failed_name(tx, began, &f) : NULL);
	calls_travelled(tx);
	PQclear(f.failure);
	return r != ERR_OK ? tx_fail(tx, r) : ERR_OK;
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
		r = tx_round_trip(tx, false);
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
	enum err r;

	if ((r = tx_state(tx)) != ERR_OK)
		return r;
	if (tx->begun || !STAILQ_EMPTY(&tx->calls))
		r = tx_round_trip(tx, true);
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
