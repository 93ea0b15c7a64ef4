#ifndef GATE_SHARE_H
#define GATE_SHARE_H

#include "gate/op.h"

/* Work that may look through very many rows (trait SEARCHES) has its own share
 * of the database. */
NODISCARD enum err share_take(struct op *);

/* What the operation came to: to whom the database is there, a search that it
 * had no time for was too much. ERR_TOO_BROAD, or r. */
enum err share_outcome(const struct op *, enum err r);

#endif
