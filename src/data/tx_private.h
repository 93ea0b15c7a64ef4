#ifndef DATA_TX_PRIVATE_H
#define DATA_TX_PRIVATE_H

#include "data/sql_row.h"
#include "data/tx.h"

#include <libpq-fe.h>

/*
 * What the rest of data/ may ask of a transaction.
 */

/* Puts a statement into the next round trip; copies nothing, so parameters live
 * in the transaction's arena. `wanted`: its answer will be taken. */
struct tx_call *tx_put(struct tx *, const struct statement *,
    const struct sql_params *, bool wanted);
/* The answer of a wanted one, once: for the caller to PQclear, and set on ERR_OK
 * alone. Waits for a round trip if it has not travelled yet. One that was
 * answered before another failed is answered. */
NODISCARD enum err tx_take(struct tx *, struct tx_call *, PGresult **answer);

/* Makes every further call answer r: something that had to happen in this
 * transaction did not. Returns the transaction's error. */
enum err tx_fail(struct tx *, enum err r);
/* The error that it answers already, or ERR_OK. */
enum err tx_state(const struct tx *);

/* Committed or closed: what it answered may still be read. */
bool tx_is_over(const struct tx *);
/* Another of the same clinic, for what is asked only then: the caller's to
 * commit and close. */
struct tx *tx_after(const struct tx *);

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
