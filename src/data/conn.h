#ifndef DATA_CONN_H
#define DATA_CONN_H

#include "base/err.h"
#include "base/fiber.h"
#include "base/loop.h"
#include "data/sql_row.h"
#include "data/tx.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * One connection, driven by the loop's callbacks. Private to data/: db.c keeps
 * the pool of them, tx.c sends.
 *
 *   DOWN -> OPENING -> PREPARING -> IDLE -> HELD <-> SENT
 *                                    ^--------'
 *                                    ^-- CLOSING <--'
 * and from anywhere back to DOWN.
 */
enum conn_state {
	CONN_DOWN,	/* until due_ms */
	CONN_OPENING,	/* until due_ms */
	CONN_PREPARING, /* until due_ms */
	CONN_IDLE,
	CONN_HELD,   /* a transaction has it; nothing is under way */
	CONN_SENT,   /* statements and their Sync were sent */
	CONN_CLOSING /* ROLLBACK was sent; until due_ms */
};

/* Statements sent together, from the first to the answer to their Sync. The
 * one who waits owns it, and the results in it. */
struct round_trip {
	struct fiber *waiter; /* woken when done */
	int sent;	      /* statements */
	int answered;
	int commit; /* index of the COMMIT; or -1 */
	int failed_at;
	PGresult ***want;  /* by statement: where its answer goes, or NULL */
	PGresult *failure; /* the first */
	bool committed;
	bool done;
	bool lost; /* the connection was, before the Sync was answered */
};

struct conn {
	unsigned number;
	enum conn_state state;
	PGconn *pg;
	struct loop_watch watch;
	int64_t due_ms; /* monotonic; INT64_MAX for never */
	int64_t backoff_ms;
	struct conn **holder; /* cleared when the connection is lost */
	enum db_share share;  /* whose it was last */
	struct round_trip *trip;
	int answers;	/* PREPARING: Syncs answered */
	bool described; /* PREPARING: the next result is a description */
	bool refused;	/* PREPARING: a statement is not as expected */
	bool gap;	/* the last result was a statement's end */
	bool told;	/* that it is down was logged */
	void (*changed)(struct conn *); /* the state or due_ms; for the pool */
};

/* Connects; on failure the connection is DOWN again, with the next due_ms. The
 * keywords and values are PQconnectStartParams's. */
void conn_open(
    struct conn *, const char *const *keys, const char *const *values);
/* Closes it, whatever is under way; `why` is a code for the log, NULL for an
 * orderly end. */
void conn_drop(struct conn *, const char *why);

enum conn_word { CONN_BEGIN, CONN_COMMIT, CONN_ROLLBACK };

/* Put a statement into the round trip that is being made; false if libpq
 * refuses: the connection must then be dropped. */
NODISCARD bool conn_say(struct conn *, struct round_trip *, enum conn_word);
NODISCARD bool conn_send(struct conn *, struct round_trip *, const char *name,
    const struct sql_params *, PGresult **answer);
/* Ends the round trip with its Sync and sends what is not sent yet: the waiter
 * is woken when it is answered or the connection is lost. */
NODISCARD bool conn_sync(struct conn *, struct round_trip *);

/* Gives a held connection back: to IDLE if no transaction is open on it, else
 * by way of ROLLBACK. The caller does not wait. */
void conn_release(struct conn *);

/* See db_strict. */
extern bool conn_strict;

#endif
