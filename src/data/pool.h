#ifndef DATA_POOL_H
#define DATA_POOL_H

#include "base/err.h"
#include "data/conn.h"
#include "data/db.h"
#include "data/tx.h"

#include <stdint.h>

/*
 * Who may have which connection. Private to data/.
 *
 * Takes one, in the order of asking within each share: *holder is set to it,
 * and cleared when it is lost. Waits on the fiber; ERR_BUSY when the queue of
 * the share is full, ERR_UNAVAILABLE at the deadline or when the pool stops. It
 * goes back by conn_release.
 */
NODISCARD enum err pool_take(
    enum db_share, int64_t deadline_ms, struct conn **holder);

/* How many may wait for what is not a search. */
unsigned pool_queue_max(void);

/* What those who send count. */
struct db_stats *pool_counts(void);

#endif
