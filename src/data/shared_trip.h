#ifndef DATA_SHARED_TRIP_H
#define DATA_SHARED_TRIP_H

#include "data/tx.h"

/*
 * Whole transactions that arrive together travel together: one BEGIN, the
 * statements of each, one COMMIT and its flush. While as many trips are under
 * way as may be, who comes waits for the next; on an idle machine everybody
 * goes at once and alone. Private to data/.
 *
 * Each has its own answers. One that fails undoes the trip; then it alone has
 * the error, and each of the others goes once more by itself.
 */

/* A transaction of which nothing has been sent, to its end. *alone: it was
 * undone through no fault of its own, and is as if it had never been sent. */
NODISCARD enum err shared_trip(struct tx *, bool *alone);

#endif
