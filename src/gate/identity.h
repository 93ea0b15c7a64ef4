#ifndef GATE_IDENTITY_H
#define GATE_IDENTITY_H

#include "gate/passage.h"

/*
 * Who asks, in one round trip: fills op->who from the session, and p->whose with
 * how its actor stands to the subject; nothing for a public route. Counts the
 * request against the rates of its actor, once. Behind the question travel the
 * record of a route with the trait RECORD and, for a known actor, the audit row
 * of the read.
 *
 * ERR_NOT_SIGNED_IN, ERR_TOO_MANY; ERR_STALE with p->mistaken: once more.
 */
NODISCARD enum err identity_find(struct passage *);

#endif
