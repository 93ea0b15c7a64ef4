#ifndef DATA_TX_PRIVATE_H
#define DATA_TX_PRIVATE_H

#include "data/sql_value.h"
#include "data/tx.h"

#include <libpq-fe.h>

/*
 * What the rest of data/ may ask of a transaction.
 */

/* Puts a statement into the next round trip; copies nothing, so parameters live
 * in the transaction's arena. */
NODISCARD enum err tx_queue(
    struct tx *, const struct statement *, const struct sql_params *);
/* Puts a statement behind the next one that is asked. If it is the one asked
 * after that, with nothing between, its answer is there without a round trip;
 * if not, it was asked in vain. */
NODISCARD enum err tx_ahead(
    struct tx *, const struct statement *, const struct sql_params *);
/* Sends what is queued and this statement, waits; *answer is for the caller to
 * PQclear, and is set on ERR_OK alone. */
NODISCARD enum err tx_ask(struct tx *, const struct statement *,
    const struct sql_params *, PGresult **answer);

/* Makes every further call answer r: something that had to happen in this
 * transaction did not. Returns the transaction's error. */
enum err tx_fail(struct tx *, enum err r);
/* The error that it answers already, or ERR_OK. */
enum err tx_state(const struct tx *);

/* Record keys that are open in this transaction. */
struct tx_key {
	struct record_key key;
	enum key_class class;
	struct tx_key *next;
};
/* The list; an added one is wiped by tx_close. */
struct tx_key *tx_keys(const struct tx *);
void tx_key_add(struct tx *, struct tx_key *);

#endif
