#ifndef DATA_TRIP_H
#define DATA_TRIP_H

#include "data/conn.h"
#include "data/tx.h"

/*
 * Round trips: statements of a transaction to the database, and the answer to
 * all of them. Private to data/.
 */

/* BEGIN if it is the first, what was put, COMMIT if so wished; waits for the
 * answer to all of it. The transaction keeps its connection. */
NODISCARD enum err trip_alone(struct tx *, bool commit);

/* The parts of it, for who takes several transactions along. */

/* For `statements`, BEGIN and COMMIT; the caller's fiber waits. */
struct round_trip trip_new(struct arena *, size_t statements);
/* What was put, on a connection that is in a transaction. */
NODISCARD bool trip_put(struct conn *, struct round_trip *, const struct tx *);
/* Ends with its Sync if all was `sent`, and waits for the answer. At the
 * deadline, or if libpq refused, the connection is dropped. */
void trip_run(
    struct conn **, struct round_trip *, bool sent, int64_t deadline_ms);
/* What became of it, in the transaction whose statements begin at `first`; what
 * was put has travelled. */
NODISCARD enum err trip_outcome(
    struct tx *, const struct round_trip *, int first);

#endif
