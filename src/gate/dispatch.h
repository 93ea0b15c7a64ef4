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
 * an operation on this subject, with this body (JSON; "" for none), under the
 * participant's own session, with its rights, audit row and effects. `other` is
 * the second id of the route's path, or NULL. ERR_OK, or why it was refused.
 */
NODISCARD enum err dispatch_for(const struct participant *, enum route_id,
    const struct uuid *subject, const struct uuid *other, const char *body);

/*
 * May this address have another answer of this surface? Asked before anything
 * else is looked at. ERR_TOO_MANY, and then the reply says so; nothing is
 * written down.
 */
NODISCARD enum err dispatch_rate(
    struct arena *, const struct request *, struct reply *);

/* A reply for errors that arise before or outside dispatch. */
void dispatch_refuse(
    struct arena *, const struct request *, enum err, struct reply *);

#endif
