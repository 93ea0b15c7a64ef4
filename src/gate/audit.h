#ifndef GATE_AUDIT_H
#define GATE_AUDIT_H

#include "data/list.h"
#include "gate/op.h"

/*
 * One row per event (45 CFR 164.312(b); AU-01, AU-02). audit_write queues the
 * row in the operation's own transaction; audit_refusal writes it in one of
 * its own, committed before the refusal is answered.
 */
NODISCARD enum err audit_write(struct op *);
/* Sends the row of a success that is still to be found out, in the round trip
 * of session_enter: it is written if one of the standings is the answer. *row is
 * taken with audit_was_written. */
NODISCARD enum err audit_write_if(
    struct op *, struct text_list standings, struct tx_call **row);
NODISCARD enum err audit_was_written(
    struct op *, struct tx_call *row, bool *written);
/* In the operation's own transaction: a job that failed for good. */
NODISCARD enum err audit_failure(struct op *, enum err outcome);
/* Only the first of a minute is written of a stranger (gate/stranger.h). */
NODISCARD enum err audit_refusal(struct op *, enum err outcome);
/* So many refusals in one row. */
NODISCARD enum err audit_refusals(struct op *, enum err outcome, int64_t count);

#endif
