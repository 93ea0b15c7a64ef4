#ifndef GATE_UPGRADE_H
#define GATE_UPGRADE_H

#include "gate/op.h"

/* May this request become the socket that its route ends in? ERR_OK for a
 * route without one; ERR_UPGRADE_REQUIRED, ERR_BAD_REQUEST. */
NODISCARD enum err upgrade_check(const struct op *);

#endif
