#ifndef GATE_SHARE_H
#define GATE_SHARE_H

#include "gate/op.h"

/* Work that may look through very many rows (trait SEARCHES) has its own share
 * of the database. */
NODISCARD enum err share_take(struct op *);

/* The operation's outcome: a search that ran out of time while the database was
 * there was too broad. ERR_TOO_BROAD, or r. */
enum err share_outcome(const struct op *, enum err r);

#endif
