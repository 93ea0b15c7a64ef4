#ifndef GATE_PRECONDITION_H
#define GATE_PRECONDITION_H

#include "gate/op.h"

/* Reads If-Match into op->if_match, for a route that patches: the version that
 * the client saw. ERR_PRECONDITION_REQUIRED, ERR_STALE. */
NODISCARD enum err precondition_read(struct op *);

#endif
