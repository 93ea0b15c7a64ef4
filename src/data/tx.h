#ifndef DATA_TX_H
#define DATA_TX_H

#include "base/arena.h"
#include "base/err.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * One transaction on one connection. Statements are the generated sql_*()
 * calls (build/gen/sql.h). Those that need no answer ("later") travel with
 * the next that does; BEGIN travels with the first, COMMIT with the last
 * pending ones: what costs is round trips, not statements.
 *
 * Outcomes: ERR_OK; the error of a violated constraint (tables/errors.def);
 * ERR_BUSY (queue full: not sent); ERR_UNAVAILABLE (no connection before the
 * deadline: not sent); ERR_UNKNOWN_OUTCOME (sent, and then the connection or
 * the time was lost: never say "failed"); ERR_INTERNAL for any other SQL error, which is
 * logged by SQLSTATE and constraint name alone. After an error every further
 * call on the transaction answers the same.
 *
 * A transaction that only ever got read answers and is lost is ERR_UNAVAILABLE:
 * nothing can have been changed before the COMMIT was sent.
 */
struct tx;
/* A statement that was sent (sql_*_send), until its answer is taken. */
struct tx_call;

/* Reserves nothing yet: the connection is taken with the first statement. The
 * deadline (monotonic ms) holds for the transaction as a whole. The tx lives
 * in the arena; tx_close must be called in any case. */
struct tx *tx_new(struct arena *, int64_t deadline_ms);
NODISCARD enum err tx_commit(struct tx *);
/* Rolls back if not committed, gives the connection back, frees record keys
 * opened through it. Idempotent. */
void tx_close(struct tx *);
struct arena *tx_arena(struct tx *);

/* What a transaction looks through may be one record or very many: these
 * searches have a part of the connections only, and of the queue for them. */
enum db_share { DB_SHARE_RECORDS, DB_SHARE_SEARCHES, DB_SHARES };

/* Before the first statement: this one searches, and each of its statements
 * may take search_ms. It waits for its connection only for so long that they
 * can still have it before the deadline. */
NODISCARD enum err tx_search(struct tx *, int64_t search_ms);

/*
 * This one is a single round trip with its COMMIT, says itself whose it is
 * before all else (session_enter), and locks nothing that another may wait for:
 * it may be one transaction with others like it. Their answers and errors stay
 * each one's own; what fails takes no other with it.
 */
void tx_share_trip(struct tx *);

/* Was the last error 40001 or 40P01? The gate runs the operation once more. */
bool tx_retryable(const struct tx *);

/* The clinic whose keys sealed columns use: set once it is known. */
void tx_set_clinic(struct tx *, const struct uuid *clinic);
const struct uuid *tx_clinic(const struct tx *);

#endif
