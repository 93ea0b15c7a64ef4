#ifndef DATA_TX_STATE_H
#define DATA_TX_STATE_H

#include "data/conn.h"
#include "data/tx_private.h"

#include <sys/queue.h>

/*
 * What a transaction is made of: for tx.c, which says what it may be asked, and
 * for those who take its statements to the database (trip.c, shared_trip.c).
 */

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
	bool shares; /* its only trip, with others */
	bool begun;
	bool over; /* committed or closed */
	bool retryable;
	bool has_clinic;
	struct uuid clinic;
};

/* All that was put has travelled. */
void tx_calls_travelled(struct tx *);

#endif
