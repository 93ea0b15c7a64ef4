#ifndef GATE_DISPATCH_H
#define GATE_DISPATCH_H

#include "gate/op.h"
#include "gate/route.h"

/*
 * The only way in: from a request to a committed, audited reply. Runs on a
 * fiber and waits on it. Everything in the reply lives in the arena.
 */
void dispatch(struct arena *, const struct request *, struct reply *);

/*
 * The same for what a participant of a call asks for over the socket (admit):
 * an operation without a body on this subject, under the participant's own
 * session, with its rights, audit row and effects. ERR_OK, or why it was
 * refused.
 */
NODISCARD enum err dispatch_for(
    const struct participant *, enum route_id, const struct uuid *subject);

/*
 * May this address have another page, or file of one, or health check? They
 * are no operations, cost little and have a rate of their own, ten times that
 * of requests. ERR_TOO_MANY, and then the reply says so.
 */
NODISCARD enum err dispatch_page(
    struct arena *, const struct request *, struct reply *);

/* A reply for errors that arise before or outside dispatch. */
void dispatch_refuse(
    struct arena *, const struct request *, enum err, struct reply *);

#endif
