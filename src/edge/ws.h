#ifndef EDGE_WS_H
#define EDGE_WS_H

#include "base/err.h"
#include "gate/op.h"

#include <kore/kore.h>
#include <kore/http.h>

/*
 * The sockets of this worker: from a request that the gate let through to the
 * room of its visit (care/signal.h), on whichever worker that lives. They are
 * swept once a second: dead ones are noticed within 15 s, those whose session
 * has ended within 5 s.
 */

/* Once per worker, when the loop is installed and the database started. */
NODISCARD enum err ws_start(void);

/*
 * Makes a WebSocket of a request that the gate let through, and announces its
 * participant (copied) to the room. Headers set before go along. A request
 * that is no good handshake after all (RFC 6455 4.2.1), or does not offer
 * epione.signal.v1, is answered with an error instead.
 */
void ws_accept(struct http_request *, const struct participant *);

/* Closes all sockets with 1001: this worker is about to stop. Clients connect
 * again, to whoever listens by then. Idempotent. */
void ws_stop(void);

/* Sockets that are open or still closing. */
unsigned ws_open(void);

/* Kore's callbacks, found by name. */
void edge_ws_message(struct connection *, u_int8_t op, void *, size_t);
void edge_ws_disconnect(struct connection *);

#endif
