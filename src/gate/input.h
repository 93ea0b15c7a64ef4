#ifndef GATE_INPUT_H
#define GATE_INPUT_H

#include "gate/op.h"

/* Parses the query of a GET, or the body of anything else, into op->in; of a
 * list it takes limit and cursor out of it. Says nothing of a body's members. */
NODISCARD enum err input_read(struct op *);

/* Holds op->in to the route's shape, and brings it into its normal form. */
NODISCARD enum err input_check(struct op *);

/* Wipes and releases what was read and what was to be answered. */
void input_drop(struct op *);

#endif
