#ifndef GATE_IDEMPOTENCY_H
#define GATE_IDEMPOTENCY_H

#include "gate/op.h"

/*
 * Idempotency-Key on calls that create: the same key with the same address and
 * body replays the first answer, with others it is ERR_KEY_REUSED. Kept for
 * 24 hours, the answer sealed, key and request as HMACs, in the transaction of
 * the work itself: a crash leaves both or neither.
 *
 * Keys that come again are rare: the question for one is sent before the work
 * and travels with the work's first. *call is NULL where the call takes no key,
 * or none came.
 */
NODISCARD enum err idempotency_send(struct op *, struct tx_call **call);
/* After the work, whatever became of it: is the key new? If it is not, the work
 * must be undone, and idempotency_replay answers in place of it. */
NODISCARD enum err idempotency_fresh(
    struct op *, struct tx_call *call, bool *fresh);
/* Asks, and sets op->out to the first answer. *replayed is false where the key
 * is new, and then the work is to be done. */
NODISCARD enum err idempotency_replay(struct op *, bool *replayed);
NODISCARD enum err idempotency_keep(struct op *);

#endif
