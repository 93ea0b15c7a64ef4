#ifndef GATE_PARTS_H
#define GATE_PARTS_H

#include "gate/passage.h"

/*
 * Answers that are made while they are sent (traits CSV, FHIR and KEPT, struct
 * table). Each may
 * take an hour, so that a worker makes only so many at a time.
 */
NODISCARD enum err parts_take(struct passage *); /* ERR_BUSY */
void parts_give(struct passage *);

/* Of an answer whose first part is on its way. Keeps the passage. */
struct parts *parts_new(struct passage *);

/*
 * The next part, asked for when the one before (first rp->body) has been sent;
 * it lives until the next is asked for. The session and its right are looked at
 * anew: an error, and there is no more to be had. No bytes: that was all.
 * A database that is busy or away is waited for, up to a minute. parts_end in any
 * case.
 */
NODISCARD enum err parts_next(struct parts *, struct bytes *);
void parts_end(struct parts *);

#endif
