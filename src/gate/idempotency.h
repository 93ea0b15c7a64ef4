#ifndef GATE_IDEMPOTENCY_H
#define GATE_IDEMPOTENCY_H

#include "gate/op.h"

/*
 * Idempotency-Key on calls that create: the same key with the same address and
 * body replays the first answer, with others it is ERR_KEY_REUSED. Kept for
 * 24 hours, the answer sealed, key and request as HMACs, in the transaction of
 * the work itself: a crash leaves both or neither. *replayed means that op->out is set and nothing is to run.
 */
NODISCARD enum err idempotency_take(struct op *, bool *replayed);
NODISCARD enum err idempotency_keep(struct op *);

#endif
