#include "data/conn.h"

#include "base/instant.h"
#include "base/log.h"
#include "data/sql_error.h"
#include "data/sql_value.h"
#include "data/statement.h"

#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define OPEN_MS	       5000 /* of silence: all of it may take longer */
#define ROLLBACK_MS    2000
#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 2000
#define PARAMS_MAX     64

bool conn_strict = true;

/* Prepared like all others; upper case cannot be the name of a query. */
static const char *const words[] = { "BEGIN", "COMMIT", "ROLLBACK" };
#define WORDS (sizeof(words) / sizeof(words[0]))

/* States */

static void
conn_enter(struct conn *c, enum conn_state state, int64_t due_ms)
{
	c->state = state;
	c->due_ms = due_ms;
	c->changed(c);
}

/* Whatever comes while it opens shows that somebody is there: a database that
 * is far away or busy is not given up in the midst of an answer. */
static void
conn_heard(struct conn *c)
{
	if (c->state == CONN_OPENING || c->state == CONN_PREPARING)
		c->due_ms = instant_monotonic() + OPEN_MS;
}

static void
trip_done(struct conn *c)
{
	struct round_trip *f = c->trip;

	c->trip = NULL;
	f->done = true;
	if (f->waiter != NULL)
		fiber_wake(f->waiter);
}

static int64_t
backoff_next(struct conn *c)
{
	c->backoff_ms *= 2;
	if (c->backoff_ms < BACKOFF_MIN_MS)
		c->backoff_ms = BACKOFF_MIN_MS;
	if (c->backoff_ms > BACKOFF_MAX_MS)
		c->backoff_ms = BACKOFF_MAX_MS;
	return instant_monotonic() + c->backoff_ms;
}

/* One line per outage and connection, not one per attempt. */
static void
drop_log(struct conn *c, const char *why)
{
	bool was_up = c->state != CONN_OPENING && c->state != CONN_PREPARING;

	if (why != NULL && (was_up || !c->told)) {
		log_warn("db_disconnected", LOG_NUM("connection", c->number),
		    LOG_CODE("reason", why));
		c->told = true;
	}
}

void
conn_drop(struct conn *c, const char *why)
{
	if (c->state == CONN_DOWN)
		return;
	drop_log(c, why);
	loop_unwatch(&c->watch);
	PQfinish(c->pg);
	c->pg = NULL;
	c->gap = false;
	if (c->holder != NULL)
		*c->holder = NULL;
	c->holder = NULL;
	if (c->trip != NULL) {
		c->trip->lost = true;
		trip_done(c);
	}
	conn_enter(c, CONN_DOWN, backoff_next(c));
}

static void
conn_idle(struct conn *c)
{
	conn_enter(c, CONN_IDLE, INT64_MAX);
}

/* The socket */

static bool
conn_watch(struct conn *c, short events)
{
	int fd = PQsocket(c->pg);

	if (c->watch.fd == fd && c->watch.events == events)
		return true;
	c->watch.fd = fd;
	c->watch.events = events;
	return loop_watch(&c->watch) == ERR_OK;
}

static void
conn_unwatch(struct conn *c)
{
	loop_unwatch(&c->watch);
	c->watch.fd = -1;
	c->watch.events = 0;
}

static bool
conn_flush(struct conn *c)
{
	int left = PQflush(c->pg);

	return left >= 0 && conn_watch(c, left > 0 ? POLLIN | POLLOUT : POLLIN);
}

/* Preparing */

static const char *
prepared_name(size_t i)
{
	return i < WORDS ? words[i] : sql_statements[i - WORDS].name;
}

static bool
prepare_word(struct conn *c, const char *word)
{
	return PQsendPrepare(c->pg, word, word, 0, NULL) &&
	    PQsendDescribePrepared(c->pg, word) && PQpipelineSync(c->pg);
}

/* A Sync of its own: an error then says which statement, and of the others
 * whether they fit. */
static bool
prepare_statement(struct conn *c, const struct statement *st)
{
	Oid oids[PARAMS_MAX];
	size_t i;
	int n = 0;

	for (i = 0; i < st->n_in && n < PARAMS_MAX; i++)
		if (st->in[i].type != SQL_KEY)
			oids[n++] = sql_param_oid(st->in[i].type);
	return PQsendPrepare(c->pg, st->name, st->text, n, oids) &&
	    PQsendDescribePrepared(c->pg, st->name) && PQpipelineSync(c->pg);
}

static void
prepare_all(struct conn *c)
{
	size_t i;
	bool ok;

	c->answers = 0;
	c->refused = c->described = false;
	ok = PQsetnonblocking(c->pg, 1) == 0 && PQenterPipelineMode(c->pg) == 1;
	for (i = 0; ok && i < WORDS; i++)
		ok = prepare_word(c, words[i]);
	for (i = 0; ok && i < sql_statements_n; i++)
		ok = prepare_statement(c, &sql_statements[i]);
	if (ok)
		conn_enter(c, CONN_PREPARING, instant_monotonic() + OPEN_MS);
	if (!ok || !conn_flush(c))
		conn_drop(c, "prepare");
}

/* The number of the first column that is not as expected; 0 if all are. */
static int
columns_wrong(const struct statement *st, const PGresult *res)
{
	size_t i;
	int place, column = 0;

	for (i = 0; i < st->n_out; i++)
		for (place = 0; place < sql_item_columns(&st->out[i]);
		     place++) {
			if (column >= PQnfields(res) ||
			    !sql_column_fits(
				st->out[i].type, place, PQftype(res, column)))
				return column + 1;
			column++;
		}
	return st->n_out > 0 && PQnfields(res) != column ? column + 1 : 0;
}

static int
params_wrong(const struct statement *st, const PGresult *res)
{
	size_t i;
	int n = 0;

	for (i = 0; i < st->n_in; i++) {
		if (st->in[i].type == SQL_KEY)
			continue;
		if (n >= PQnparams(res) ||
		    PQparamtype(res, n) != sql_param_oid(st->in[i].type))
			return n + 1;
		n++;
	}
	return PQnparams(res) != n ? n + 1 : 0;
}

static void
mismatch(struct conn *c, const char *name, int param, int column)
{
	c->refused = true;
	log_error("db_statement_mismatch", LOG_CODE("statement", name),
	    LOG_NUM("parameter", param), LOG_NUM("column", column));
}

static void
describe_check(struct conn *c, const PGresult *res)
{
	const struct statement *st;
	int param, column;

	if ((size_t)c->answers < WORDS)
		return;
	st = &sql_statements[(size_t)c->answers - WORDS];
	param = params_wrong(st, res);
	column = columns_wrong(st, res);
	if (param != 0 || column != 0)
		mismatch(c, st->name, param, column);
}

/* An old schema must not be served, by no connection of this process. */
static void
prepare_done(struct conn *c)
{
	if (c->refused && conn_strict)
		_exit(1);
	c->backoff_ms = 0;
	c->told = false;
	log_info("db_connected", LOG_NUM("connection", c->number),
	    LOG_NUM("server_version", PQserverVersion(c->pg)));
	conn_idle(c);
}

static void
prepare_failed(struct conn *c, const PGresult *res)
{
	const char *name = prepared_name((size_t)c->answers);
	struct sql_error e;

	sql_error_read(res, name, &e);
	if (e.mismatch)
		mismatch(c, name, 0, 0);
	else
		conn_drop(c, "prepare");
}

static void
prepare_result(struct conn *c, const PGresult *res)
{
	switch (PQresultStatus(res)) {
	case PGRES_COMMAND_OK: /* of Parse, then of Describe */
		if (c->described)
			describe_check(c, res);
		c->described = true;
		return;
	case PGRES_FATAL_ERROR:
		prepare_failed(c, res);
		return;
	case PGRES_PIPELINE_SYNC:
		c->described = false;
		if ((size_t)++c->answers == WORDS + sql_statements_n)
			prepare_done(c);
		return;
	default:
		return;
	}
}

/* Opening */

static void
notice_ignore(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res; /* may quote rows, and asks nothing of us */
}

/* libpq does not tell the SQLSTATE of a connection that was refused, and its
 * message may carry names. */
static const char *
open_reason(const struct conn *c)
{
	if (PQconnectionNeedsPassword(c->pg))
		return "password_needed";
	if (PQconnectionUsedPassword(c->pg))
		return "refused_after_password";
	return "no_connection";
}

static void
conn_poll(struct conn *c)
{
	bool ok = true;

	conn_unwatch(c); /* libpq may go on with another socket */
	switch (PQconnectPoll(c->pg)) {
	case PGRES_POLLING_READING:
		ok = conn_watch(c, POLLIN);
		break;
	case PGRES_POLLING_WRITING:
		ok = conn_watch(c, POLLOUT);
		break;
	case PGRES_POLLING_OK:
		prepare_all(c);
		return;
	default:
		ok = false;
	}
	if (!ok)
		conn_drop(c, open_reason(c));
}

/* Results */

/* Keeps the answer that is wanted, the first failure, and what the COMMIT
 * became; takes the result over. */
static void
trip_result(struct conn *c, PGresult *res)
{
	struct round_trip *f = c->trip;
	ExecStatusType status = PQresultStatus(res);
	bool good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;

	if (status == PGRES_PIPELINE_SYNC) {
		PQclear(res);
		c->state = CONN_HELD;
		trip_done(c);
		return;
	}
	if (good && f->answered == f->commit)
		f->committed = strcmp(PQcmdStatus(res), "COMMIT") == 0;
	if (good && f->answered < f->sent && f->want[f->answered] != NULL) {
		*f->want[f->answered] = res;
		res = NULL;
	} else if (!good && status != PGRES_PIPELINE_ABORTED &&
	    f->failure == NULL) {
		f->failure = res;
		f->failed_at = f->answered;
		res = NULL;
	}
	f->answered++;
	PQclear(res);
}

static void
rollback_result(struct conn *c, const PGresult *res)
{
	if (PQresultStatus(res) != PGRES_PIPELINE_SYNC)
		return;
	if (PQtransactionStatus(c->pg) == PQTRANS_IDLE)
		conn_idle(c);
	else
		conn_drop(c, "rollback_refused");
}

static void
conn_result(struct conn *c, PGresult *res)
{
	if (c->state == CONN_SENT) {
		trip_result(c, res);
		return;
	}
	if (c->state == CONN_PREPARING)
		prepare_result(c, res);
	else
		rollback_result(c, res);
	PQclear(res);
}

static bool
conn_expects(const struct conn *c)
{
	return c->state == CONN_PREPARING || c->state == CONN_SENT ||
	    c->state == CONN_CLOSING;
}

/* Two ends in a row mean that libpq has nothing under way where we have. */
static void
conn_results(struct conn *c)
{
	PGresult *res;

	while (conn_expects(c) && !PQisBusy(c->pg)) {
		if ((res = PQgetResult(c->pg)) != NULL) {
			c->gap = false;
			conn_result(c, res);
		} else if (c->gap) {
			conn_drop(c, "out_of_step");
		} else
			c->gap = true;
	}
}

/* TLS may hold bytes back that no longer make the socket readable. */
static bool
conn_read(struct conn *c)
{
	SSL *ssl = PQsslStruct(c->pg, "OpenSSL");

	do {
		if (PQconsumeInput(c->pg) != 1)
			return false;
	} while (ssl != NULL && SSL_pending(ssl) > 0);
	return true;
}

/* What came before the end is read first: it may be the answer to COMMIT. */
static void
conn_event(void *arg, short revents)
{
	struct conn *c = arg;
	bool alive;

	(void)revents;
	if (c->state == CONN_DOWN)
		return;
	conn_heard(c);
	if (c->state == CONN_OPENING) {
		conn_poll(c);
		return;
	}
	alive = conn_read(c);
	conn_results(c);
	if (c->state == CONN_DOWN)
		return;
	(void)PQisBusy(c->pg); /* reads notices that came unasked */
	if (!alive || PQstatus(c->pg) == CONNECTION_BAD || !conn_flush(c))
		conn_drop(c, "lost");
}

void
conn_open(struct conn *c, const char *const *keys, const char *const *values)
{
	c->watch = (struct loop_watch){ .fn = conn_event, .arg = c, .fd = -1 };
	c->pg = PQconnectStartParams(keys, values, 1);
	conn_enter(c, CONN_OPENING, instant_monotonic() + OPEN_MS);
	if (c->pg == NULL || PQstatus(c->pg) == CONNECTION_BAD) {
		conn_drop(c, "no_connection");
		return;
	}
	PQsetNoticeReceiver(c->pg, notice_ignore, NULL);
	if (!conn_watch(c, POLLOUT))
		conn_drop(c, "watch");
}

/* Sending */

bool
conn_say(struct conn *c, struct round_trip *f, enum conn_word w)
{
	/* from here on it may be in the server's hands, answered or not */
	if (w == CONN_COMMIT)
		f->commit = f->sent;
	f->sent++;
	return PQsendQueryPrepared(c->pg, words[w], 0, NULL, NULL, NULL, 1) ==
	    1;
}

bool
conn_send(struct conn *c, struct round_trip *f, const char *name,
    const struct sql_params *ps, PGresult **answer)
{
	f->want[f->sent++] = answer;
	return PQsendQueryPrepared(c->pg, name, ps->n, ps->value, ps->length,
		   ps->format, 1) == 1;
}

bool
conn_sync(struct conn *c, struct round_trip *f)
{
	if (PQpipelineSync(c->pg) != 1)
		return false;
	c->trip = f;
	c->state = CONN_SENT;
	return conn_flush(c);
}

void
conn_release(struct conn *c)
{
	struct round_trip none = { .sent = 0 };

	c->holder = NULL;
	if (PQtransactionStatus(c->pg) == PQTRANS_IDLE) {
		conn_idle(c);
		return;
	}
	if (!conn_say(c, &none, CONN_ROLLBACK) || PQpipelineSync(c->pg) != 1 ||
	    !conn_flush(c)) {
		conn_drop(c, "rollback");
		return;
	}
	conn_enter(c, CONN_CLOSING, instant_monotonic() + ROLLBACK_MS);
}
