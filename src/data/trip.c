#include "data/trip.h"

#include "base/fiber.h"
#include "base/instant.h"
#include "data/pool.h"
#include "data/sql_error.h"
#include "data/statement.h"
#include "data/tx_state.h"

struct round_trip
trip_new(struct arena *a, size_t statements)
{
	struct round_trip f = {
		.waiter = fiber_self(),
		.commit = -1,
		/* BEGIN and COMMIT want no answer */
		.want = arena_calloc(a, statements + 2, sizeof(*f.want)),
	};

	return f;
}

bool
trip_put(struct conn *c, struct round_trip *f, const struct tx *tx)
{
	struct tx_call *call;

	STAILQ_FOREACH(call, &tx->calls, list)
	if (!conn_send(c, f, call->statement->name, &call->params,
		call->wanted ? &call->answer : NULL))
		return false;
	return true;
}

/* A connection on which something may still be under way is not used again. */
static void
answer_wait(struct conn **c, struct round_trip *f, int64_t deadline_ms)
{
	while (!f->done)
		if (fiber_park_until(deadline_ms) != ERR_OK && !f->done) {
			pool_counts()->timeouts++;
			f->waiter = NULL; /* this fiber, which is awake */
			conn_drop(*c, "deadline");
		}
}

void
trip_run(struct conn **c, struct round_trip *f, bool sent, int64_t deadline_ms)
{
	pool_counts()->round_trips++;
	if (sent && conn_sync(*c, f)) {
		answer_wait(c, f, deadline_ms);
		return;
	}
	f->lost = true;
	f->waiter = NULL;
	if (*c != NULL)
		conn_drop(*c, "send");
}

static const char *
failed_name(const struct tx *tx, const struct round_trip *f, int first)
{
	const struct tx_call *call;
	int i = first;

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
outcome(struct tx *tx, const struct round_trip *f, int first)
{
	struct sql_error e = { .lost = true };

	if (f->failure != NULL)
		sql_error_read(f->failure, failed_name(tx, f, first), &e);
	if (f->failure != NULL && !e.lost) {
		tx->retryable = sqlstate_retryable(e.sqlstate);
		pool_counts()->timeouts += sqlstate_timeout(e.sqlstate);
		return e.err;
	}
	if (f->lost || f->failure != NULL)
		return lost_outcome(f);
	return f->commit < 0 || f->committed ? ERR_OK : ERR_INTERNAL;
}

enum err
trip_outcome(struct tx *tx, const struct round_trip *f, int first)
{
	enum err r = outcome(tx, f, first);

	tx_calls_travelled(tx);
	return r != ERR_OK ? tx_fail(tx, r) : ERR_OK;
}

/* The connection is taken with the first statement; one that was lost on the
 * way is not replaced, since the transaction went with it. */
static enum err
connect(struct tx *tx)
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
all_put(struct tx *tx, struct round_trip *f, bool commit)
{
	if (!tx->begun) {
		pool_counts()->transactions++;
		if (!conn_say(tx->conn, f, CONN_BEGIN))
			return false;
		tx->begun = true;
	}
	return trip_put(tx->conn, f, tx) &&
	    (!commit || conn_say(tx->conn, f, CONN_COMMIT));
}

enum err
trip_alone(struct tx *tx, bool commit)
{
	struct round_trip f = trip_new(tx->arena, tx->calls_n);
	int first = tx->begun ? 0 : 1;
	enum err r;

	if ((r = tx_state(tx)) != ERR_OK)
		return r;
	if ((r = connect(tx)) != ERR_OK)
		return tx_fail(tx, r);
	trip_run(&tx->conn, &f, all_put(tx, &f, commit), tx->deadline_ms);
	r = trip_outcome(tx, &f, first);
	PQclear(f.failure);
	return r;
}
