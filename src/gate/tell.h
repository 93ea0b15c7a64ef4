#ifndef GATE_TELL_H
#define GATE_TELL_H

#include "base/uuid.h"
#include "gate/op.h"

#include <stdbool.h>

/*
 * What others must hear of an operation once it is durable: every process that
 * LISTENs (data/listen.h), on every host. It travels by NOTIFY in the
 * operation's own transaction, so that it is told if and only if the work was
 * committed, also when the process that did it dies at that moment. What one
 * transaction says twice is told once.
 *
 * A message is an id and a word, never more: no PHI, and far below the 8000
 * bytes that a payload may have.
 */
enum tell {
	TELL_VISIT,	/* the new status of a visit */
	TELL_RECORDING, /* of a visit: something changed about its recording */
	TELL_GUEST,	/* "admitted" or "removed" */
	TELL_COUNT
};

#define TELL_WORD_MAX 31

/* Waits for nothing: it goes along with what the operation asks next. */
NODISCARD enum err op_tell(
    struct op *, enum tell, const struct uuid *, const char *word);

/* The channel that it is heard on. */
const char *tell_channel(enum tell);

/* Takes a payload apart; false for what we never said. */
bool tell_read(
    const char *payload, struct uuid *id, char word[TELL_WORD_MAX + 1]);

#endif
